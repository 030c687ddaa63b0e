"""Divides a data set into the splits that a run trains on and is scored by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.readers import load_data
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.data.dataset import Dataset, Labelled
from mlpcli.data.kinds import Kinds
from mlpcli.data.large.source import LargeData, Part
from mlpcli.data.rows import PARTS
from mlpcli.data.splits import fold_rows, split_groups, split_rows, split_times
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import ConfigError, DataError
from mlpcli.streams import stream
from mlpcli.text import count

__all__ = [
    "Splits",
    "check_width",
    "count_classes",
    "divide",
    "leave_out",
    "load_splits",
    "with_validation",
]


@dataclass(frozen=True)
class Splits:
    """A data set, divided into the splits that a run trains on and is scored by.

    ``targets`` is the number of classes, or of values in a regression. ``fingerprint`` is a checksum of the
    data, by which a resumed run recognizes them; it is None for toy sets, which are drawn from the seed.
    ``kept`` tells for each row of the source whether it is among the data; None if all are. Of data that are
    read in blocks each split is a sample, and its ``whole`` has all rows.
    """

    train: Split
    val: Split | None
    test: Split | None
    columns: tuple[str, ...]
    classes: tuple[str, ...] | None
    targets: int
    fingerprint: int | None
    kinds: Kinds = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    numerals: Mapping[str, str] = field(default_factory=dict)
    kept: NDArray[np.bool_] | None = None

    @property
    def parts(self) -> dict[str, Split]:
        """The splits that exist, by name."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: split for name, split in parts.items() if split is not None}

    @property
    def class_counts(self) -> list[int] | list[float] | None:
        """The number of training examples of each class, or the sum of their weights if they have any."""
        if self.train.whole is not None:
            return self.train.whole.data.class_counts
        return None if self.classes is None else count_classes(self.train, self.targets)


def count_classes(split: Split, classes: int) -> list[int] | list[float]:
    """Return the number of examples of each class, or the sum of their weights, scaled to a mean of 1."""
    counts: list[int] | list[float] = np.bincount(split.y[split.rows], split.own_weights, classes).tolist()
    return counts


def load_splits(experiment: Experiment) -> Splits:
    """Load the config's data set and divide it; raises what `load_data` and `divide` raise."""
    return divide(experiment, load_data(experiment))


def divide(experiment: Experiment, dataset: Dataset | LargeData) -> Splits:
    """Divide a data set as the config says; large data have been divided when they were opened.

    Raises DataError; ConfigError if the data contradict the config.
    """
    if isinstance(dataset, LargeData):
        return _sample_of(experiment, dataset)
    data, seed = experiment.data, experiment.split_seed
    targets = len(dataset.classes) if dataset.classes is not None else dataset.y.shape[1]
    _check_targets(experiment, targets)
    _check_images(experiment, dataset)
    stratify = dataset.classes is not None
    val_size = 0 if experiment.training.validation == "folds" else data.val_size
    sizes = {"test": data.test_size, "val": val_size, "train": data.train_size}
    test = None
    if dataset.test is not None:  # the source has its own test split; test_size says how much of it to use
        own = dataset.test
        size = sizes.pop("test")
        rows = np.arange(len(own))
        if size is not None:
            rows = split_rows(own.y, {"test": size}, stream(seed, "test"), stratify)["test"]
        test = Split(own.X, own.y, rows)
    rows_of = _rows_of(experiment, dataset, sizes, stratify)
    if not len(rows_of["train"]):
        if dataset.about.parts is not None:
            raise DataError("data.split: no row is of the training split; name some of them train")
        raise DataError(
            f"data.train_size {data.train_size:g} of {len(dataset):,} examples leaves none to train on; "
            "raise it, or set it to null to train on all remaining examples"
        )
    weights = _scale_weights(dataset.about.weights, rows_of)
    parts = {
        part: Split(dataset.X, dataset.y, rows, weights=weights, groups=dataset.about.groups)
        for part, rows in rows_of.items()
    }
    test = parts.get("test", test)
    arrays = [dataset.X, dataset.y]
    if dataset.test is not None:
        arrays += [dataset.test.X, dataset.test.y]
    arrays += dataset.about.arrays()
    return Splits(
        parts["train"],
        parts["val"] if len(parts["val"]) else None,
        test if test is not None and len(test) else None,
        dataset.columns,
        dataset.classes,
        targets,
        None if data.name in TOY_SETS else _checksum(arrays),
        dataset.kinds,
        dataset.dropped,
        dataset.notes,
        dataset.numerals,
        dataset.kept,
    )


def _sample_of(experiment: Experiment, data: LargeData) -> Splits:
    """Return splits that hold the sample of each split of large data, and know where the others are.

    Raises ConfigError if the data contradict the config.
    """
    classes, sample = data.targets.classes, data.found.sample
    targets = data.targets.width if classes is None else len(classes)
    _check_targets(experiment, targets)
    chunks = list(sample.values())
    X, y = (np.concatenate([chunk[i] for chunk in chunks]) for i in (0, 1))
    weights = None if data.weights is None else np.concatenate([chunk[2] for chunk in chunks])
    splits, first = {}, 0
    for part, chunk in sample.items():
        rows = np.arange(first, first + len(chunk.y))
        splits[part] = Split(X, y, rows, weights=weights, whole=Part(data, part))
        first += len(rows)
    return Splits(
        splits["train"],
        splits.get("val"),
        splits.get("test"),
        data.columns,
        classes,
        targets,
        data.found.checksum,
        data.kinds,
        notes=data.notes,
    )


def _rows_of(
    experiment: Experiment, dataset: Dataset, sizes: dict[str, int | float | None], stratify: bool
) -> dict[str, NDArray[np.intp]]:
    """Return the row numbers of each split: as the rows say, by time, by groups, or at random."""
    data: Any = experiment.data
    about, rng = dataset.about, stream(experiment.split_seed, "split")
    if about.parts is not None:
        rows_of = {part: np.flatnonzero(about.parts == i) for i, part in enumerate(PARTS)}
        if sizes["val"] == 0 and experiment.training.validation == "folds":
            rows_of["train"] = np.sort(np.concatenate([rows_of["train"], rows_of["val"]]))
            rows_of["val"] = rows_of["val"][:0]
        return rows_of
    if getattr(data, "split_by", "random") == "time":
        times = np.arange(len(dataset)) if about.times is None else about.times
        return split_times(times, sizes)
    if getattr(data, "fold", None) is not None:
        return _fold(experiment, dataset, sizes["val"] or 0, stratify)
    return _split(about.groups, dataset.y, sizes, rng, stratify)


def _split(
    groups: NDArray[np.int64] | None,
    y: NDArray[Any],
    sizes: dict[str, int | float | None],
    rng: np.random.Generator,
    stratify: bool,
) -> dict[str, NDArray[np.intp]]:
    if groups is None:
        return split_rows(y, sizes, rng, stratify)
    return split_groups(groups, y, sizes, rng, stratify)


def _fold(
    experiment: Experiment, dataset: Dataset, val_size: float, stratify: bool
) -> dict[str, NDArray[np.intp]]:
    """Return the row numbers of the splits if data.fold says which rows are the test split.

    Sizes of the others that are fractions are fractions of all rows.
    """
    data: Any = experiment.data
    y, groups = dataset.y, dataset.about.groups
    seed, fold, n = experiment.split_seed, data.fold, len(y)
    test = fold_rows(y, fold.of, stream(seed, "folds"), stratify, groups)[fold.number - 1]
    others = np.delete(np.arange(n), test)
    sizes: dict[str, int | float | None] = {
        part: round(size * n) if isinstance(size, float) else size
        for part, size in (("val", val_size), ("train", data.train_size))
    }
    left = None if groups is None else groups[others]
    parts = _split(left, y[others], sizes, stream(seed, "split"), stratify)
    return {"test": test, **{part: others[rows] for part, rows in parts.items()}}


def _scale_weights(
    weights: NDArray[np.float64] | None, rows_of: Mapping[str, NDArray[np.intp]]
) -> NDArray[np.float64] | None:
    """Return weights (n,) with a mean of 1 over the training split; raises DataError if none counts there."""
    if weights is None:
        return None
    for part, rows in rows_of.items():
        if len(rows) and not weights[rows].any():
            raise DataError(
                f"all {len(rows):,} examples of the {part} split have the weight 0, so that none counts; "
                "change the weights, or the sizes of the splits"
            )
    scaled: NDArray[np.float64] = weights / weights[rows_of["train"]].mean()
    return scaled


def with_validation(splits: Splits, rows: Labelled) -> Splits:
    """Return the splits with all these rows as the validation split."""
    arrays = [rows.X, rows.y, *rows.about.arrays()]
    fingerprint = None if splits.fingerprint is None else _checksum(arrays, splits.fingerprint)
    val = Split(rows.X, rows.y, np.arange(len(rows.X)), weights=rows.about.weights)
    notes = (*splits.notes, *(f"Validation: {note}" for note in rows.notes))
    return replace(splits, val=val, fingerprint=fingerprint, notes=notes)


def _checksum(arrays: Sequence[NDArray[Any]], checksum: int = 0) -> int:
    for array in arrays:
        checksum = crc32(np.ascontiguousarray(array).data, checksum)
    return checksum


def _check_targets(experiment: Experiment, targets: int) -> None:
    name, loss = experiment.data.name, experiment.loss
    if loss.binary and targets != 2:
        raise ConfigError(
            f"{loss.name} is for two classes, but the {name} data have {targets}; set loss: cross_entropy"
        )
    check_width(experiment, "outputs", experiment.model.outputs, 1 if loss.binary else targets)


def _check_images(experiment: Experiment, dataset: Dataset) -> None:
    """Raise ConfigError if the rows are to be whitened and are no images."""
    columns = len(dataset.columns)
    if experiment.data.scaling != "whiten":
        return
    if dataset.kinds or experiment.data.image(columns) is None:
        raise ConfigError(
            "data.scaling: whiten is for images: those of cifar10, and rows of an npz file or of arrays "
            "whose columns are the pixels of a square gray image of 4 x 4 or more; the data have "
            f"{count(columns, 'column')}{', not all of numbers' if dataset.kinds else ''}; "
            "set it to standardize"
        )


def check_width(experiment: Experiment, key: str, configured: int | None, needed: int) -> None:
    """Raise ConfigError if the config gives another width of the network than the data need."""
    if configured not in (None, needed):
        raise ConfigError(
            f"model.{key} is {configured}, but the {experiment.data.name} data need {needed}; "
            "correct or delete it"
        )


def leave_out(experiment: Experiment, train: Split) -> list[NDArray[np.intp]] | None:
    """Return the examples, as places in the training split, that each member of the network leaves out.

    None where all members train on all examples. If there are fewer examples than members, several members
    leave out the same. A group is left out as a whole. Raises DataError if there is a single example.
    """
    if experiment.training.validation != "folds":
        return None
    y, members = train.y[train.rows], experiment.model.members
    groups = None if train.groups is None else train.groups[train.rows]
    most = len(y) if groups is None else int(np.count_nonzero(np.bincount(groups)))
    if most < 2:
        what = "examples" if groups is None else "groups"
        raise DataError(
            f"training.validation: folds needs 2 training {what}, and there is 1; set it to split"
        )
    rng = stream(experiment.split_seed, "members")
    stratify = experiment.loss.task == "classification"
    parts = fold_rows(y, min(members, most), rng, stratify, groups)
    return [parts[member % len(parts)] for member in range(members)]
