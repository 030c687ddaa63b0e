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

_ARRAYS = ("X", "y", "weights", "table")
_CHECKPOINTS = ("last.npz", "best.npz")


def data_from(folder: Path | None, experiment: Experiment) -> str | None:
    """Return the path of the data from a run's folder, with forward slashes.

    For several files it is that of the folder that holds them all. Return None for a run that has no folder,
    and for data that are in no file that the config names.
    """
    place = _place(experiment)
    if folder is None or place is None:
        return None
    try:
        return PurePath(os.path.relpath(place, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return None


def is_missing(experiment: Experiment) -> bool:
    """Return whether the config names a file or a folder of data that is not there."""
    return not all(map(is_there, _files(experiment)))


def places_of_data(experiment: Experiment, folder: Path | None, from_run: str | None) -> list[Experiment]:
    """Return the experiment with each place where the data of a run may be; the likeliest comes first.

    They are at the path of the config or, if the run was moved together with them, at the same path from its
    ``folder`` as in the beginning, ``from_run``. Places with nothing in them are left out, unless there is
    nothing in any of them. Raises DataError if the data were handed in by a program.
    """
    require_source(experiment)
    other = _other_place(experiment, folder, from_run)
    there = None if other is None else _moved(experiment, other)
    if there is None or is_missing(there):
        return [experiment]
    return [there] if is_missing(experiment) else [experiment, there]


def what_was_tried(experiment: Experiment, folder: Path | None, from_run: str | None) -> str:
    """Return the second place of `places_of_data`, as a line to add to the error about the first one."""
    other = _other_place(experiment, folder, from_run)
    return "" if other is None else f"\n{other}: no such file; as seen from the run, the data were there"


def what_moved(experiment: Experiment, found: Experiment) -> str:
    """Return in a sentence where the data of an experiment were found."""
    there = "is not there" if is_missing(experiment) else "is no longer the same"
    return f"{_place(experiment)} {there}; the data are read from {_place(found)}."


def _other_place(experiment: Experiment, folder: Path | None, from_run: str | None) -> Path | None:
    if folder is None or from_run is None:
        return None
    other = Path(os.path.normpath(folder.resolve() / from_run))
    return None if other == _place(experiment) else other


def require_source(experiment: Experiment) -> None:
    """Raise DataError if the data were handed in by a program, so that they cannot be read again."""
    if experiment.data.name == "arrays":
        raise DataError(
            "the network was trained on arrays that a program handed in, and they are not kept",
            topic="data not kept",
        )


def redirected(experiment: Experiment, data: Path) -> Experiment:
    """Return the experiment with another file or folder to read.

    Several files may be given by the folder that holds them. Raises UsageError if it reads none, or if one
    file cannot take the place of those of the splits; DataError if the data were handed in by a program.
    """
    require_source(experiment)
    key = _key(experiment)
    if key is None:
        raise UsageError(
            f"{experiment.data.name} is drawn from the seed: it has no file that {data} could replace",
            topic="data drawn",
        )
    several = len(_files(experiment)) > 1
    if several and data.is_dir():
        return _moved(experiment, data.resolve())
    if several and (key == "X" or _parts(experiment)):
        what = "arrays" if key == "X" else "splits"
        raise UsageError(f"{data} is not the folder of the files of the {what}; name that")
    return _with_data(experiment, key, [str(data)])


def _parts(experiment: Experiment) -> list[str]:
    """Return the names of the splits that have files of their own."""
    split = getattr(experiment.data, "split", None)
    return list(split) if isinstance(split, dict) else []


def _with_data(experiment: Experiment, key: str, files: list[str]) -> Experiment:
    plain = to_plain(experiment)
    section = {"name": plain["data"]} if isinstance(plain["data"], str) else plain["data"]
    plain["data"] = {**section, key: files if len(files) > 1 else files[0]}
    if parts := _parts(experiment):
        plain["data"] |= {"path": files, "split": dict(zip(parts, files, strict=True))}
    if key == "X":
        plain["data"] |= dict(zip(_arrays(experiment), files, strict=True))
    return validate_experiment(plain, Path())


def _moved(experiment: Experiment, place: Path) -> Experiment:
    """Return the experiment with its data at ``place``; several files lie in that folder as before."""
    files, before = _files(experiment), _place(experiment)
    if len(files) < 2 or before is None:
        return redirected(experiment, place)
    key = _key(experiment)
    assert key is not None
    return _with_data(experiment, key, [str(place / os.path.relpath(file, before)) for file in files])


def _key(experiment: Experiment) -> str | None:
    """Return the key of the config that names the file or folder of the data."""
    return next((key for key in ("path", "root", "X") if key in type(experiment.data).model_fields), None)


def _arrays(experiment: Experiment) -> list[str]:
    """Return the keys that name the files of the arrays."""
    return [key for key in _ARRAYS if getattr(experiment.data, key, None) is not None]


def _files(experiment: Experiment) -> list[Path]:
    """Return the files or the folder that the config names."""
    key = _key(experiment)
    section: Any = experiment.data
    if key == "X":
        return [Path(getattr(section, name)) for name in _arrays(experiment)]
    named = None if key is None else getattr(section, key)
    return [] if named is None else [Path(name) for name in ([named] if isinstance(named, str) else named)]


def _place(experiment: Experiment) -> Path | None:
    """Return the file or folder that the config names; of several files, the folder that holds them all."""
    files = _files(experiment)
    if len(files) < 2:
        return files[0] if files else None
    try:
        return Path(os.path.commonpath([file.parent for file in files]))
    except ValueError:  # on several drives
        return None


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
