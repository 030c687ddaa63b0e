"""Converts the table of a config, or a table by itself, into .npy files and a config that trains on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlpcli.build.readers import READERS, csv_settings
from mlpcli.config.loader import load_experiment, validate_experiment
from mlpcli.config.schema import Experiment, data_sections, to_plain
from mlpcli.config.tables import kind_of
from mlpcli.config.yaml12 import write_yaml
from mlpcli.data.convert import Converted, convert_table
from mlpcli.data.table.delimited import open_source
from mlpcli.data.table.dialect import Dialect
from mlpcli.errors import UsageError
from mlpcli.text import listed

__all__ = ["about_rows", "convert_data", "experiment_of"]

_OF_FILES = ("name", "X", "y", "weights", "table")


def experiment_of(what: Path, target: str | None) -> Experiment:
    """Return the experiment of a config, or of a table of which the column ``target`` is to be predicted.

    Raises UsageError where the target is not said, or said twice; ConfigError, DataError.
    """
    kind = kind_of(what)
    if kind is None:
        if target is not None:
            raise UsageError(f"{what} is a config, which names the target itself; leave it out here")
        experiment = load_experiment(what)
        if experiment.data.name != "csv":
            raise UsageError(
                f"{what}: its data are {experiment.data.name}; only tables in CSV or Parquet are converted"
            )
        return experiment
    if kind != "csv":
        raise UsageError(f"{what} holds arrays already; only tables in CSV or Parquet are converted")
    names = [name for name in open_source([what], Dialect(), as_written=True).names if name]
    if target is None:
        raise UsageError(
            f"{what}: which column is to be predicted? Its columns are {listed(names)}", topic="no target"
        )
    plain = {"data": {"name": "csv", "path": str(what), "target": target}, "recipe": "plain"}
    return validate_experiment(plain, Path.cwd())


def about_rows(experiment: Experiment) -> int | None:
    """Return about how many rows the table has; None if that is not known."""
    measure = READERS["csv"].measure
    assert measure is not None
    size = measure(experiment.data, experiment.classification)
    return size.examples or size.about


def convert_data(
    experiment: Experiment,
    folder: Path,
    told: Callable[[int], object] = lambda rows: None,  # noqa: ARG005
) -> Converted:
    """Write the table of an experiment into a new folder as .npy files, with a config data.yaml.

    The config has what that of the experiment says of data and loss. ``told`` is called with the number of
    rows so far. Raises DataError.
    """
    section: Any = experiment.data

    def finish(place: Path, converted: Converted) -> None:
        plain: dict[str, Any] = {"data": _section(section, converted)}
        if experiment.loss.task is not None:
            plain["loss"] = to_plain(experiment)["loss"]
        (place / "data.yaml").write_text(write_yaml(plain), encoding="utf-8")

    settings = {
        **csv_settings(section),
        "missing": section.missing,
        "classification": experiment.classification,
    }
    return convert_table(settings, folder, finish, told)


def _section(section: Any, converted: Converted) -> dict[str, Any]:
    """Return the section ``data`` of the arrays, with the keys of the table that they have, too."""
    shared = data_sections()["npy"].model_fields.keys() - {*_OF_FILES}
    said = section.model_dump(include=section.model_fields_set & shared)
    return {"name": "npy", **converted.files, **said, "target": section.target, **converted.numerals}
