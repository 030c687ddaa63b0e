"""Describes a config's data set: splits, classes and their counts, ranges of features and targets."""

from __future__ import annotations

import math
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.fitted import fit_transform
from mlpcli.build.splits import Splits, load_splits
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.data.cifar10 import IMAGE, find_cifar10
from mlpcli.data.kinds import cell_text
from mlpcli.data.large.moments import Moments
from mlpcli.data.scaling import SCALINGS, extremes
from mlpcli.data.table.dates import date_of
from mlpcli.data.transform import Transform
from mlpcli.terms import name_terms
from mlpcli.training.memory import require_room_for_data
from mlpcli.training.settled import settle

__all__ = ["describe_data"]

_COMMONEST = 3  # categories that are listed
_MOST_COLUMNS = 1000  # of a table that is described column by column
_COLOURS = ("red", "green", "blue")


def describe_data(experiment: Experiment) -> dict[str, Any]:
    """Load the config's data set and return a description of it, as plain values for JSON.

    Ranges are ``min``, ``mean``, ``max`` and ``std``, in the data's own units. Those of the features, which
    are the columns of numbers, refer to the training split; images have one range for each colour. A table
    has ``columns``: what each holds in all splits, and the number of inputs of the network that it becomes.
    ``terms`` are the names of the inputs that ``data.terms`` adds. Class counts, or the ranges of a
    regression's targets, are given for each split. ``loss`` says which loss follows from the target, if the
    config names none. Of data that are read in blocks, ranges of targets are those of the sample. Raises
    DataError, ConfigError.
    """
    section: Any = experiment.data
    require_room_for_data(experiment)
    splits = load_splits(experiment)
    experiment, choice = settle(experiment, splits)
    parts = {
        name: split
        for name, split in (("train", splits.train), ("val", splits.val), ("test", splits.test))
        if split is not None
    }
    arrays = {id(split.X): split.X for split in parts.values()}
    examples, size = sum(map(len, arrays.values())), sum(X.nbytes for X in arrays.values())
    whole = None
    if splits.train.whole is not None:
        data = splits.train.whole.data
        whole, examples, size = data.found, len(data.X), data.X.nbytes
    transform = fit_transform(experiment, splits)
    numbers = [j for j, name in enumerate(splits.columns) if name not in splits.kinds]
    ranges = (_ranges(splits.train.X, splits.train.rows) if whole is None else _of_moments(whole.columns))[
        :, numbers
    ]
    report: dict[str, Any] = {
        "data": section.title,
        "source": _source(section),
        "seed": experiment.points_seed,
        "examples": examples,
        "splits": {name: split.size for name, split in parts.items()},
        "inputs": transform.n_features,
        "dtype": str(splits.train.X.dtype),
        "bytes": size,
        "features": _named("feature", [splits.columns[j] for j in numbers], ranges),
        "all_features": _named("feature", ["(all)"], _pooled(ranges, 1))[0] if numbers else None,
    }
    if transform.terms is not None:
        report["terms"] = name_terms([splits.columns[j] for j in transform.numbers], transform.terms.names)
    report["notes"] = list(splits.notes)
    if section.name == "cifar10":
        report["image"] = list(IMAGE)
        report["features"] = _named("feature", _COLOURS, _pooled(ranges, len(_COLOURS)))
    elif section.name == "csv" and len(splits.columns) <= _MOST_COLUMNS:
        dates = {name for name, kind in section.columns.items() if kind == "date"}
        report["columns"] = _columns(splits, transform, dates)
    if splits.classes is not None:
        counts = {
            name: (
                np.bincount(split.y[split.rows], minlength=splits.targets)
                if whole is None
                else whole.labels[name]
            ).tolist()
            for name, split in parts.items()
        }
        report["classes"] = [
            {"class": label, **{name: counts[name][i] for name in parts}}
            for i, label in enumerate(splits.classes)
        ]
    else:
        report["targets"] = _targets(section, splits.targets, parts)
    if choice is not None:
        report["loss"] = choice.removeprefix("loss: ")
    return report


def _source(section: Any) -> str | None:
    """Return the file or folder that the data are read from; None for a toy set."""
    if section.name == "cifar10":
        return str(find_cifar10(Path(section.root) if section.root else None))
    path: str | list[str] | None = getattr(section, "path", None)
    return ", ".join(path) if isinstance(path, list) else path


def _targets(section: Any, n: int, parts: dict[str, Split]) -> list[dict[str, Any]]:
    name = getattr(section, "target", "y")
    names = name if isinstance(name, list) else [name] if n == 1 else [f"y{i}" for i in range(1, n + 1)]
    by_part = {part: _named("target", names, _ranges(split.y, split.rows)) for part, split in parts.items()}
    return [{"split": part, **by_part[part][i]} for i in range(n) for part in parts]


def _ranges(values: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the minimum, mean, maximum and variance (4, columns) of some ``rows`` of values (n, columns).

    Missing cells are left out; a column without any number has zeros.
    """
    low, high = extremes(values, rows)
    mean, std = SCALINGS["standardize"](values, rows, None)
    return np.stack([low, mean, high, std**2])


def _of_moments(found: Moments) -> NDArray[np.float64]:
    """Return what `_ranges` does, from the moments of columns."""
    low, high = found.extremes
    return np.stack([low, found.means, high, found.deviations**2])


def _columns(splits: Splits, transform: Transform, dates: Set[str]) -> list[dict[str, Any]]:
    """Return for each column of a table what it holds, in all splits, and how many features it becomes.

    ``first`` and ``last`` are those of the columns of ``dates``, beside the seconds that they become.
    """
    described = []
    for j, name in enumerate(splits.columns):
        cells = np.concatenate([split.X[split.rows, j] for split in splits.parts.values()], dtype=np.float64)
        there = cells[~np.isnan(cells)]
        values, counts = np.unique(there, return_counts=True)
        kind = splits.kinds.get(name)
        row = {
            "column": name,
            "kind": "number" if kind is None else kind.name,
            "missing": len(cells) - len(there),
            "distinct": len(values),
            "features": transform.features_of(j),
        }
        if kind is None and len(values) and date_of(name) in dates and name.endswith(" seconds"):
            row["first"], row["last"] = (str(np.datetime64(int(value), "s")) for value in values[[0, -1]])
        if kind is None:
            row["min"], row["max"] = (float(values[0]), float(values[-1])) if len(values) else (None, None)
        else:
            order = np.argsort(-counts, kind="stable")[:_COMMONEST]
            row["commonest"] = [[cell_text(values[i], kind), int(counts[i])] for i in order]
        described.append(row)
    left_out = [{"column": name, "kind": "left out", "why": why} for name, why in splits.dropped.items()]
    return described + left_out


def _pooled(ranges: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Return the ranges (4, groups) of groups of adjacent columns."""
    low, mean, high, variance = ranges.reshape(4, groups, -1)
    return np.stack(
        [low.min(axis=1), mean.mean(axis=1), high.max(axis=1), variance.mean(axis=1) + mean.var(axis=1)]
    )


def _named(what: str, names: Any, ranges: NDArray[np.float64]) -> list[dict[str, Any]]:
    low, mean, high, variance = ranges.tolist()
    return [
        {what: name, "min": low[i], "mean": mean[i], "max": high[i], "std": math.sqrt(variance[i])}
        for i, name in enumerate(names)
    ]
