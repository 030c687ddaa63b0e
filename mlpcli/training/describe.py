"""Describes a config's data set: splits, classes and their counts, ranges of features and targets."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build import load_splits
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.data.cifar10 import IMAGE, find_cifar10

__all__ = ["describe_data"]

_ROWS = 1024  # at a time, so that only a piece of the data is in memory as float64
_COLOURS = ("red", "green", "blue")


def describe_data(experiment: Experiment) -> dict[str, Any]:
    """Load the config's data set and return a description of it, as plain values for JSON.

    Ranges are ``min``, ``mean``, ``max`` and ``std``, in the data's own units. Those of the features refer to
    the training split; images have one range for each colour. Class counts, or the ranges of a regression's
    targets, are given for each split. Raises DataError, ConfigError.
    """
    section: Any = experiment.data
    splits = load_splits(experiment)
    parts = {
        name: split
        for name, split in (("train", splits.train), ("val", splits.val), ("test", splits.test))
        if split is not None
    }
    arrays = {id(split.X): split.X for split in parts.values()}
    ranges = _ranges(splits.train.X, splits.train.rows)
    report: dict[str, Any] = {
        "data": section.title,
        "source": _source(section),
        "seed": experiment.training.seed,
        "examples": sum(len(X) for X in arrays.values()),
        "splits": {name: len(split) for name, split in parts.items()},
        "inputs": len(splits.columns),
        "dtype": str(splits.train.X.dtype),
        "bytes": sum(X.nbytes for X in arrays.values()),
        "features": _named("feature", splits.columns, ranges),
        "all_features": _named("feature", ["(all)"], _pooled(ranges, 1))[0],
    }
    if section.name == "cifar10":
        report["image"] = list(IMAGE)
        report["features"] = _named("feature", _COLOURS, _pooled(ranges, len(_COLOURS)))
    if splits.classes is not None:
        counts = {
            name: np.bincount(split.y[split.rows], minlength=splits.targets).tolist()
            for name, split in parts.items()
        }
        report["classes"] = [
            {"class": label, **{name: counts[name][i] for name in parts}}
            for i, label in enumerate(splits.classes)
        ]
    else:
        report["targets"] = _targets(section, splits.targets, parts)
    return report


def _source(section: Any) -> str | None:
    """Return the file or folder that the data are read from; None for a toy set."""
    if section.name == "cifar10":
        return str(find_cifar10(Path(section.root) if section.root else None))
    return getattr(section, "path", None)


def _targets(section: Any, n: int, parts: dict[str, Split]) -> list[dict[str, Any]]:
    name = getattr(section, "target", "y")
    names = [name] if n == 1 else [f"{name}{i}" for i in range(1, n + 1)]
    by_part = {part: _named("target", names, _ranges(split.y, split.rows)) for part, split in parts.items()}
    return [{"split": part, **by_part[part][i]} for i in range(n) for part in parts]


def _ranges(values: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the minimum, mean, maximum and variance (4, columns) of some ``rows`` of values (n, columns)."""
    pieces = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
    low = np.min([values[piece].min(axis=0) for piece in pieces], axis=0).astype(np.float64)
    high = np.max([values[piece].max(axis=0) for piece in pieces], axis=0).astype(np.float64)
    mean, variance = np.zeros_like(low), np.zeros_like(low)
    for piece in pieces:
        mean += values[piece].sum(axis=0, dtype=np.float64) / len(rows)
    for piece in pieces:
        variance += np.square(values[piece] - mean).sum(axis=0) / len(rows)
    return np.stack([low, mean, high, variance])


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
