"""Points that were added to the data: with them, the data are a table in which each row names its split."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mlpcli.build.splits import Splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.dataset import Dataset
from mlpcli.data.rows import PARTS, RowFacts
from mlpcli.errors import UsageError

__all__ = ["Point", "on_table", "require_sound", "table_of", "write_table"]

_MOST = 500
_FARTHEST = 1e30
_KEPT = ("scaling", "terms", "bins", "target_transform")  # keys of the data that the transforms need


class Point(NamedTuple):
    """A point that was added: its place, (x, y) or with one feature (x,), and its class or its value."""

    place: tuple[float, ...]
    value: float


def require_sound(points: Sequence[Point], splits: Splits) -> None:
    """Raise UsageError if the points cannot be added to the data."""
    if len(points) > _MOST:
        raise UsageError(f"{_MOST} points have been added; no more are allowed")
    if points and splits.train.weights is not None:
        raise UsageError("the rows of these data have weights, so no point can be added to them")
    for place, value in points:
        if not all(math.isfinite(number) and abs(number) < _FARTHEST for number in (*place, value)):
            raise UsageError("a point needs two coordinates")
        classes = splits.classes
        if classes is not None and value not in range(len(classes)):
            raise UsageError(f"there is no class number {value:g}; there are {len(classes)}")


def table_of(splits: Splits, added: Sequence[Point]) -> Dataset:
    """Return the rows of the splits, and after them those that were added, which are for training."""
    parts = splits.parts
    X = np.concatenate([split.X[split.rows] for split in parts.values()])
    y = np.concatenate([split.y[split.rows] for split in parts.values()])
    part_of = np.repeat([PARTS.index(part) for part in parts], [len(split) for split in parts.values()])
    X = X if X.dtype.kind == "f" else X.astype(np.float32)
    places = np.array([point.place for point in added], X.dtype)
    values = np.array([point.value for point in added], y.dtype).reshape(-1, *y.shape[1:])
    about = RowFacts(parts=np.concatenate([part_of, np.zeros(len(added), part_of.dtype)]))
    return Dataset(
        np.concatenate([X, places]), np.concatenate([y, values]), splits.columns, splits.classes, about=about
    )


def on_table(experiment: Experiment, dataset: Dataset, path: str = "play.csv") -> Experiment:
    """Return the experiment that trains on the table of `write_table`."""
    plain = experiment.model_dump()
    target, split = _names(dataset)
    kept = {key: plain["data"][key] for key in _KEPT if key in plain["data"]}
    plain["data"] = {"name": "csv", "path": path, "target": target, "split": split, **kept}
    return validate_experiment(plain, Path())


def write_table(dataset: Dataset) -> bytes:
    """Return the table as CSV; reading it gives back exactly the same numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*dataset.columns, *_names(dataset)])
    parts = dataset.about.parts
    assert parts is not None
    for row, target, part in zip(dataset.X.tolist(), dataset.y.tolist(), parts, strict=True):
        name = repr(target[0]) if dataset.classes is None else dataset.classes[target]
        writer.writerow([*map(repr, row), name, PARTS[part]])
    return text.getvalue().encode()


def _names(dataset: Dataset) -> tuple[str, str]:
    """Return names for the columns of targets and of splits that no other column has."""
    taken: set[Any] = set(dataset.columns)
    found = []
    for name in ("value" if dataset.classes is None else "class", "split"):
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(name)
    return found[0], found[1]
