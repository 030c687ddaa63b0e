"""Builds the objects that a config names: data set, network, loss, optimizer and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.blas import thread_count
from mlpcli.config.plan import plan_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.arrays import measure_npz, read_npz
from mlpcli.data.augment import Augmenter
from mlpcli.data.batches import Split
from mlpcli.data.cifar10 import IMAGE, find_cifar10, read_cifar10
from mlpcli.data.dataset import Dataset, Labelled, TableSize
from mlpcli.data.kinds import Kinds
from mlpcli.data.large.fit import fit_large_targets, fit_large_transform
from mlpcli.data.large.source import LargeData, Part
from mlpcli.data.npy import LARGE, NpyFiles, is_large, measure_npy, open_large, read_npy_files
from mlpcli.data.rows import PARTS, ROLES, Roles
from mlpcli.data.splits import fold_rows, split_groups, split_rows, split_times
from mlpcli.data.table.delimited import measure_csv, read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.terms import require_few_terms
from mlpcli.data.toy import TOY_SETS, draw_toy
from mlpcli.data.transform import Transform
from mlpcli.errors import ConfigError, DataError
from mlpcli.nn.losses import LOSSES, Loss, average_logits
from mlpcli.nn.network import Network
from mlpcli.nn.penalties import PENALTIES, Penalty
from mlpcli.nn.products import Engine, choose_engine
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.rules import RULES, Rule
from mlpcli.optim.schedules import SCHEDULES, Schedule
from mlpcli.specs import NetworkSpec
from mlpcli.streams import stream
from mlpcli.text import count, memory

__all__ = [
    "READERS",
    "Reader",
    "Splits",
    "build_augmenter",
    "build_class_weights",
    "build_engine",
    "build_loss",
    "build_network",
    "build_optimizer",
    "build_penalties",
    "build_rule",
    "build_schedule",
    "count_classes",
    "csv_settings",
    "dialect_of",
    "divide",
    "fit_target_transform",
    "fit_transform",
    "leave_out",
    "load_data",
    "load_dataset",
    "load_splits",
    "network_widths",
    "row_roles",
    "with_validation",
]

Built = TypeVar("Built")


def _make(table: dict[str, Callable[..., Built]], section: Any, *shared: str, **more: Any) -> Built:
    """Call the table's entry for the section's name with the section's other keys except ``shared``."""
    return table[section.name](**section.model_dump(exclude={"name", *shared, *more}), **more)


def build_network(experiment: Experiment, widths: tuple[int, ...], dtype: DTypeLike = np.float32) -> Network:
    """Return the network of ``widths``; its parameters are zero."""
    loss = build_loss(experiment)
    average = partial(average_logits, loss.outputs, loss.binary)  # unlike the loss, it can be pickled
    spec = plan_experiment(experiment, widths)
    return Network(spec, dtype, average, build_engine(experiment, spec))


def build_engine(experiment: Experiment, spec: NetworkSpec) -> Engine:
    """Return what multiplies the matrices of a network; raises what `choose_engine` raises."""
    training = experiment.training
    largest = training.batch_size * max(array.size for array in spec.parameters if array.penalized)
    return choose_engine(training.precision, largest)


def build_loss(experiment: Experiment, class_counts: Sequence[float] | None = None) -> Loss:
    """Return the loss that training minimizes; ``class_counts`` are those of the training split.

    Raises ConfigError if the number of class weights is not the number of classes.
    """
    if class_counts is None or (weights := build_class_weights(experiment, class_counts)) is None:
        return _make(LOSSES, experiment.loss)
    return _make(LOSSES, experiment.loss, class_weights=weights)


def build_class_weights(experiment: Experiment, class_counts: Sequence[float]) -> list[float] | None:
    """Return the weight of each class, or None if the config asks for none; raises as `build_loss` does."""
    wanted = getattr(experiment.loss, "class_weights", None)
    if wanted is None:
        return None
    if wanted == "balanced":  # n / (C n_c): all classes have the same total weight, and the mean weight is 1
        n, k = sum(class_counts), len(class_counts)
        return [n / (k * count) if count else 0.0 for count in class_counts]
    if len(wanted) != len(class_counts):
        raise ConfigError(
            f"loss.class_weights has {len(wanted)} weights, but the data have {len(class_counts)} classes; "
            "give one weight for each class, in the order of their names"
        )
    return list(wanted)


def build_augmenter(experiment: Experiment) -> Augmenter | None:
    """Return the augmenter of the training images, or None if the config asks for no augmentation."""
    section = getattr(experiment.data, "augment", None)
    settings = {} if section is None else section.model_dump()
    return Augmenter(IMAGE, **settings) if any(settings.values()) else None


def build_penalties(experiment: Experiment) -> list[tuple[Penalty, float]]:
    """Return the penalties that are switched on, with their strengths."""
    strengths = experiment.regularization.model_dump() | {"l2": experiment.l2}
    return [(penalty, strengths[name]) for name, penalty in PENALTIES.items() if strengths[name]]


def build_rule(experiment: Experiment) -> Rule:
    """Return the update rule with its settings."""
    return _make(RULES, experiment.optimizer, "learning_rate", "schedule", "clip_norm")


def build_optimizer(experiment: Experiment, network: Network) -> Optimizer:
    """Return the optimizer over the parameters of ``network``.

    Where oneDNN multiplies, products add their result to what is there at no cost. So the network sums the
    gradients for momentum, unless those of each step, or of parts of it, are needed by themselves.
    """
    parameters = network.parameters
    is_whole = experiment.training.shards in (None, 1) and experiment.optimizer.clip_norm is None
    optimizer = Optimizer(
        build_rule(experiment),
        experiment.optimizer.learning_rate,
        parameters.values,
        parameters.gradients,
        penalties=[(penalty.add_gradient, strength) for penalty, strength in build_penalties(experiment)],
        weight_decay=experiment.weight_decay,
        n_penalized=parameters.n_penalized,
        threads=thread_count(),
        are_summed=is_whole and network.engine.onednn is not None,
        onednn=network.engine.onednn,
    )
    network.sum_gradients(optimizer.decay)
    return optimizer


def build_schedule(experiment: Experiment) -> tuple[Schedule, float]:
    """Return the schedule of the learning rate, and the epochs of its warm-up."""
    section = experiment.optimizer.schedule
    return _make(SCHEDULES, section, "warmup"), section.warmup


@dataclass(frozen=True)
class Reader:
    """How a data set is drawn or read.

    ``read`` takes the section ``data``, the seed, and whether classes are wanted, or None if the target is to
    decide. ``measure`` takes the section and the same, and returns the size of a file without reading all of
    it. It is None if the config alone determines the size. ``large`` takes an experiment and opens
    its data if they are too large to be read whole, else it returns None.
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
    """Draw or read the config's data set; raises DataError, or ConfigError if the config does not fit it.

    Data that are too large for that are opened, divided as the config says, and surveyed in one pass.
    """
    large = READERS[experiment.data.name].large
    opened = None if large is None else large(experiment)
    return load_dataset(experiment) if opened is None else opened


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
    _check_width(experiment, "outputs", experiment.model.outputs, 1 if loss.binary else targets)


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


def _check_width(experiment: Experiment, key: str, configured: int | None, needed: int) -> None:
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


def fit_transform(experiment: Experiment, splits: Splits) -> Transform:
    """Return the transform of raw columns into network inputs, fitted to the training split.

    Raises DataError if the terms that the config adds are too many, or a pixel is missing in an image that is
    to be whitened.
    """
    data: Any = experiment.data
    if splits.train.whole is not None:
        return fit_large_transform(data.scaling, splits.train.whole, data.bins, data.terms)
    rows, weights = _counting(splits.train)
    bins, terms = getattr(data, "bins", 0), getattr(data, "terms", ())
    image = data.image(len(splits.columns))
    return Transform.fit(
        data.scaling, splits.train.X, rows, splits.columns, splits.kinds, bins, weights, terms, image
    )


def _counting(split: Split) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
    """Return the rows of a split that do not have the weight 0, and their weights if they have any."""
    weights = split.own_weights
    return (split.rows, None) if weights is None else (split.rows[weights > 0], weights[weights > 0])


def fit_target_transform(experiment: Experiment, splits: Splits) -> TargetTransform | None:
    """Return the transform of the targets of a regression; None for a classification.

    It standardizes them, since targets in large units would be too large to learn. Raises DataError if they
    are not such as ``data.target_transform`` is for.
    """
    if splits.classes is not None:
        return None
    kind = getattr(experiment.data, "target_transform", "none")
    if splits.train.whole is not None:
        return fit_large_targets(kind, splits.train.whole)
    return TargetTransform.fit(kind, splits.train.y, *_counting(splits.train))


def network_widths(experiment: Experiment, transform: Transform, targets: int) -> tuple[int, ...]:
    """Return the widths of the network with the transform's features as inputs and ``targets`` as above.

    Raises ConfigError if the config gives a different number of inputs, or has windows that do not fit them.
    """
    _check_width(experiment, "inputs", experiment.model.inputs, transform.n_features)
    more = transform.n_features - transform.n_columns
    if more and experiment.model.has_windows:
        raise ConfigError(
            "model.hidden has a layer with a window, which needs pixels alone as inputs, and the data have "
            f"{more:,} more, for missing cells; leave window out, or set data.missing: drop"
        )
    widths = experiment.widths(transform.n_features, targets)
    assert widths is not None
    return widths
