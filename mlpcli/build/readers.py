"""Draws, reads or opens the data set that a config names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpcli.config.schema import Experiment
from mlpcli.data.arrays.files import measure_npz, read_npz
from mlpcli.data.cifar10 import find_cifar10, read_cifar10
from mlpcli.data.dataset import Dataset, TableSize
from mlpcli.data.large.source import LargeData
from mlpcli.data.npy import LARGE, NpyFiles, is_large, measure_npy, open_large, read_npy_files
from mlpcli.data.rows import ROLES, Roles
from mlpcli.data.table.delimited import measure_csv, read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.terms import require_few_terms
from mlpcli.data.toy import TOY_SETS, draw_toy
from mlpcli.errors import ConfigError, DataError
from mlpcli.streams import stream
from mlpcli.text import memory

__all__ = [
    "READERS",
    "Reader",
    "csv_settings",
    "dialect_of",
    "load_data",
    "load_dataset",
    "row_roles",
]


@dataclass(frozen=True)
class Reader:
    """How a data set is drawn or read.

    ``read`` takes the section ``data``, the seed, and whether classes are wanted, or None if the target is to
    decide. ``measure`` takes the section and the same, and returns the size of a file without reading all of
    it. It is None if the config alone determines the size. ``large`` takes an experiment and opens its
    data if they are too large to be read whole, else it returns None.
    """

    read: Callable[[Any, int, bool | None], Dataset]
    measure: Callable[[Any, bool | None], TableSize] | None = None
    large: Callable[[Experiment], LargeData | None] | None = None


def _read_csv(data: Any, seed: int, classification: bool | None) -> Dataset:  # noqa: ARG001
    parts = tuple(data.split) if isinstance(data.split, dict) else ()
    settings = csv_settings(data)
    return read_csv(**settings, missing=data.missing, classification=classification, parts=parts)


def _measure_csv(data: Any, classification: bool | None) -> TableSize:
    settings = csv_settings(data)
    return measure_csv(
        **settings, classification=classification, missing=data.missing, bins=data.bins, terms=data.terms
    )


def csv_settings(data: Any) -> dict[str, Any]:
    """Return what `read_csv` takes of the section ``data``."""
    paths = [data.path] if isinstance(data.path, str) else data.path
    return {
        "path": [Path(path) for path in paths],
        "target": data.target,
        "features": data.features,
        "read_as": data.columns,
        "dialect": dialect_of(data),
        "roles": row_roles(data),
    }


def dialect_of(data: Any) -> Dialect:
    """Return how the text of a table is written, as the section ``data`` says."""
    keys = ("delimiter", "encoding", "decimal", "thousands", "dates")
    return Dialect(**{key: getattr(data, key) for key in keys if hasattr(data, key)})


def row_roles(data: Any) -> Roles:
    """Return which columns of the section ``data`` say something of the rows."""
    names = {role: getattr(data, role, None) for role in ROLES}
    return {role: name for role, name in names.items() if isinstance(name, str)}


def _read_npz(data: Any, seed: int, classification: bool | None) -> Dataset:  # noqa: ARG001
    roles = row_roles(data)
    return read_npz(Path(data.path), classification=classification, roles=roles, missing=data.missing)


def _measure_npz(data: Any, classification: bool | None) -> TableSize:
    return _with_terms(data, measure_npz(Path(data.path), classification=classification))


def _with_terms(data: Any, size: TableSize) -> TableSize:
    """Return the size with the inputs that the terms of the config are."""
    if not data.terms:
        return size
    terms = require_few_terms(size.inputs, data.terms)
    return size._replace(features=size.inputs * (1 + data.bins) + terms, direct=size.inputs + terms)


def _npy_files(data: Any) -> NpyFiles:
    weights, table = (None if path is None else Path(path) for path in (data.weights, data.table))
    return NpyFiles(Path(data.X), Path(data.y), weights, table)


def _read_npy(data: Any, seed: int, classification: bool | None) -> Dataset:  # noqa: ARG001
    return read_npy_files(_npy_files(data), classification=classification, missing=data.missing)


def _measure_npy(data: Any, classification: bool | None) -> TableSize:
    return _with_terms(data, measure_npy(_npy_files(data), classification=classification))


def _large_npy(experiment: Experiment) -> LargeData | None:
    data: Any = experiment.data
    files, seed = _npy_files(data), experiment.split_seed
    if not is_large(files):
        return None
    in_blocks = f"{data.X} is read in blocks, since it has more than {memory(LARGE)}"
    if data.fold is not None:
        raise ConfigError(f"data.fold: {in_blocks}, and folds are of data that are read whole; delete it")
    if experiment.training.validation == "folds":
        raise ConfigError(
            f"training.validation: {in_blocks}, and folds are of data that are read whole; set it to split"
        )
    return open_large(
        files,
        classification=experiment.classification,
        missing=data.missing,
        sizes={"test": data.test_size, "val": data.val_size, "train": data.train_size},
        by_time=data.split_by == "time",
        width=1 + data.bins,
        quantiles=data.bins > 0,
        rng=stream(seed, "split"),
        drawn=stream(seed, "sample"),
    )


def _read_cifar10(data: Any, seed: int, classification: bool | None) -> Dataset:  # noqa: ARG001
    return read_cifar10(find_cifar10(Path(data.root) if data.root else None))


def _draw(data: Any, seed: int, classification: bool | None) -> Dataset:  # noqa: ARG001
    shared = {"train_size", "val_size", "test_size", "fold", "terms", "scaling"}
    settings = data.model_dump(exclude={"name", "points_seed", "split_seed"} | shared)
    return draw_toy(data.name, stream(seed, "data"), **settings)


def _handed_in(data: Any, seed: int, classification: bool | None) -> Dataset:  # noqa: ARG001
    raise DataError("data.name: arrays are handed in by a program; for a file use csv or npz")


READERS = {
    **dict.fromkeys(TOY_SETS, Reader(_draw)),
    "cifar10": Reader(_read_cifar10),
    "csv": Reader(_read_csv, _measure_csv),
    "npz": Reader(_read_npz, _measure_npz),
    "npy": Reader(_read_npy, _measure_npy, _large_npy),
    "arrays": Reader(_handed_in),
}


def load_dataset(experiment: Experiment) -> Dataset:
    """Draw or read the config's data set; raises DataError."""
    data = experiment.data
    return READERS[data.name].read(data, experiment.points_seed, experiment.classification)


def load_data(experiment: Experiment) -> Dataset | LargeData:
    """Draw, read or open the config's data set; raises DataError, or ConfigError if the two do not fit.

    Data that are too large to be read whole are opened, divided as the config says, and surveyed in one pass.
    """
    large = READERS[experiment.data.name].large
    opened = None if large is None else large(experiment)
    return load_dataset(experiment) if opened is None else opened
