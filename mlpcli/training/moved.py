"""Finds the data of a run again after its folder, or the whole project, has been moved."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import Any

from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.errors import DataError, UsageError
from mlpcli.reading import is_there
from mlpcli.training.checkpoints import read_place

__all__ = [
    "data_from",
    "found_from_config",
    "is_missing",
    "places_of_data",
    "redirected",
    "require_source",
    "what_moved",
    "what_was_tried",
]

_CHECKPOINTS = ("last.npz", "best.npz")


def data_from(folder: Path | None, experiment: Experiment) -> str | None:
    """Return the path of the data from a run's folder, with forward slashes.

    Return None for a run that has no folder, and for data that are in no file that the config names.
    """
    file = _named(experiment)
    if folder is None or file is None:
        return None
    try:
        return PurePath(os.path.relpath(file, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return None


def is_missing(experiment: Experiment) -> bool:
    """Return whether the config names a file or a folder of data that is not there."""
    file = _named(experiment)
    return file is not None and not is_there(file)


def places_of_data(experiment: Experiment, folder: Path | None, from_run: str | None) -> list[Experiment]:
    """Return the experiment with each place where the data of a run may be; the likeliest comes first.

    They are at the path of the config or, if the run was moved together with them, at the same path from its
    ``folder`` as in the beginning, ``from_run``. Places with nothing in them are left out, unless there is
    nothing in any of them. Raises DataError if the data were handed in by a program.
    """
    require_source(experiment)
    other = _other_place(experiment, folder, from_run)
    if other is None or not is_there(other):
        return [experiment]
    there = redirected(experiment, other)
    return [there] if is_missing(experiment) else [experiment, there]


def what_was_tried(experiment: Experiment, folder: Path | None, from_run: str | None) -> str:
    """Return the second place of `places_of_data`, as a line to add to the error about the first one."""
    other = _other_place(experiment, folder, from_run)
    return "" if other is None else f"\n{other}: no such file; as seen from the run, the data were there"


def what_moved(experiment: Experiment, found: Experiment) -> str:
    """Return in a sentence where the data of an experiment were found."""
    there = "is not there" if is_missing(experiment) else "is no longer the same"
    return f"{_named(experiment)} {there}; the data are read from {_named(found)}."


def _other_place(experiment: Experiment, folder: Path | None, from_run: str | None) -> Path | None:
    if folder is None or from_run is None:
        return None
    other = Path(os.path.normpath(folder.resolve() / from_run))
    return None if other == _named(experiment) else other


def require_source(experiment: Experiment) -> None:
    """Raise DataError if the data were handed in by a program, so that they cannot be read again."""
    if experiment.data.name == "arrays":
        raise DataError(
            "the network was trained on arrays that a program handed in, and they are not kept",
            topic="data not kept",
        )


def redirected(experiment: Experiment, data: Path) -> Experiment:
    """Return the experiment with another file or folder to read.

    Raises UsageError if it reads none, and DataError if the data were handed in by a program.
    """
    require_source(experiment)
    key = _key(experiment)
    if key is None:
        raise UsageError(
            f"{experiment.data.name} is drawn from the seed: it has no file that {data} could replace",
            topic="data drawn",
        )
    plain = to_plain(experiment)
    section = plain["data"]
    plain["data"] = {**({"name": section} if isinstance(section, str) else section), key: str(data)}
    return validate_experiment(plain, Path())


def _key(experiment: Experiment) -> str | None:
    """Return the key of the config that names the file or folder of the data."""
    return next((key for key in ("path", "root") if key in type(experiment.data).model_fields), None)


def _named(experiment: Experiment) -> Path | None:
    key = _key(experiment)
    section: Any = experiment.data
    value = None if key is None else getattr(section, key)
    return Path(value) if isinstance(value, str) else None  # several files are not looked for


def found_from_config(config: Path, experiment: Experiment) -> Experiment:
    """Return the experiment of a run's config.yaml with its data where they are now.

    Where they were as seen from the run stands in the checkpoints beside the config. It is returned unchanged
    if its data are not missing, or are not found there either.
    """
    if not is_missing(experiment):
        return experiment
    checkpoint = next((file for file in map(config.with_name, _CHECKPOINTS) if file.exists()), None)
    if checkpoint is None:
        return experiment
    return places_of_data(experiment, config.parent, read_place(checkpoint))[0]
