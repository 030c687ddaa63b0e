"""What a Python program calls: `train` and `cross_validate` train networks, `load` reads trained ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlpcli.build.splits import Splits, divide, with_validation
from mlpcli.cohort.folds import CrossValidation, train_folds
from mlpcli.config.loader import make_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.arrays.program import from_arrays, is_frame, labelled_arrays
from mlpcli.data.dataset import Dataset
from mlpcli.errors import DataError, UsageError
from mlpcli.training.directory import FoldsDirectory
from mlpcli.training.model import Model, load_model
from mlpcli.training.run import Listener, Run
from mlpcli.training.start import take_directory, take_folder, train_run
from mlpcli.training.validated import Validated

__all__ = ["cross_validate", "load", "train"]


def train(
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    validation: tuple[Any, ...] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Callable[[Run], object] | bool | None = None,
    listeners: Sequence[Listener] = (),
    **overrides: Any,
) -> Run:
    """Train the network of a config and return the run; nothing is printed, unless ``progress`` is True.

    ``config`` is the path of a config file, the name of one that comes with mlp, or a config as nested dicts;
    with X and y it may be left out. ``overrides`` change its keys: ``optimizer={"learning_rate": 0.1}`` or
    ``**{"training.epochs": 5}``.

    ``X`` (n, columns) and ``y``, (n,) labels or (n,) or (n, targets) values, take the place of the config's
    data, whose scaling, train_size and val_size stay. If X is a data frame, y may be the name of one of its
    columns; and if the config says nothing of model, optimizer and regularization, the network is that of a
    CSV file, ``recipe="table"``. Rows without a target are left out, as `Run.notes` says. The arrays are not
    copied where they need not be: do not change them during the training. If the config names no loss, ``y``
    decides whether it holds classes or values.

    ``sample_weight`` (n,) are weights of the rows: one of weight 2 counts like two rows. ``groups`` (n,) are
    numbers or texts: rows of one group are not divided between training and validation. ``validation`` is a
    pair of such arrays to score epochs on, or three with weights; then no row of X is held out for that.

    ``out`` is the directory to keep the run in; without it, it is kept in memory. ``resume`` goes on with the
    run that ``out`` holds, or begins one there.

    ``progress=True`` shows a bar, in a notebook or a terminal. A function is called with the run once before
    the first epoch and after each one. `Run.stop`, called from there or from another thread, ends the
    training after the batch at hand.

    Ctrl-C ends a run in memory with a RunWarning, and the run is returned as it is then. Before the end of
    its first epoch, and for a run in a directory, which can be resumed, it raises KeyboardInterrupt.

    Each of the ``listeners`` is called with the run and each `Epoch`, before the run keeps that epoch. What a
    listener raises ends the training and comes through as it is. Of a run that was killed and is resumed, the
    epochs since it was saved last are trained again, and a listener is told of them again.

    Raises ConfigError, DataError, UsageError for what does not fit together, RunError where training diverges
    or the run cannot be written.
    """
    if validation is not None and X is None:
        raise UsageError("validation is given without X and y; give all of them, or set data.val_size")
    if resume and out is None:
        raise UsageError("resume=True needs out, the directory of the run to go on with")
    experiment = _experiment(config, overrides, X, y, sample_weight, groups)
    if validation is not None:
        experiment = _without_validation(experiment)
    _require_fitting(experiment, out, listeners)
    splits = None
    if X is not None:
        splits = _split_arrays(experiment, X, y, sample_weight, groups, validation)
    directory = None if out is None else take_directory("run", Path(out).absolute(), resume=resume)
    return train_run(experiment, directory, splits, progress=progress, listeners=listeners)


def cross_validate(
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    groups: Any = None,
    folds: int = 5,
    repeats: int = 1,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Callable[[Run], object] | bool | None = None,
    listeners: Sequence[Listener] = (),
    **overrides: Any,
) -> Validated:
    """Train a network for each fold of the data, and return what they predict for the rows of their folds.

    The rows are cut into ``folds``, at random and class by class. Each network is scored on one fold, and
    trained on the others, of which data.val_size rows choose its best epoch. In each of the ``repeats`` the
    folds are others, as the seed is.

    The other arguments are those of `train`; all rows of one of the ``groups`` are in one fold. ``out`` is
    the directory for the runs, fold-1 and so on, and for what they have found together; ``resume`` goes on
    with the cross-validation there, of which what is finished is not trained again. The networks train side
    by side: ``progress`` and the ``listeners`` are called with each of their runs in turn.

    Raises what `train` raises, and RunError if a run was stopped, which stops all.
    """
    if resume and out is None:
        raise UsageError("resume=True needs out, the directory of the cross-validation to go on with")
    experiment = _experiment(config, overrides, X, y, sample_weight, groups)
    _require_fitting(experiment, out, listeners)
    dataset = None if X is None else _dataset(experiment, X, y, sample_weight, groups)
    directory = None if out is None else take_folder(FoldsDirectory, "", Path(out).absolute(), resume=resume)
    try:
        validation = CrossValidation(
            experiment, folds, repeats, directory=directory, dataset=dataset, listeners=listeners
        )
        return train_folds(validation, progress=progress)
    finally:
        if directory is not None:
            directory.close(discard=True)


def _experiment(
    config: str | os.PathLike[str] | Mapping[str, Any] | None,
    overrides: Mapping[str, Any],
    X: Any,
    y: Any,
    sample_weight: Any,
    groups: Any,
) -> Experiment:
    """Return the experiment of arguments that fit together; raises ConfigError and UsageError."""
    if (X is None) != (y is None):
        given, missing = ("X", "y") if y is None else ("y", "X")
        raise UsageError(f"{given} is given without {missing}; give both, or neither for the config's data")
    for name, array, key in (("sample_weight", sample_weight, "weight"), ("groups", groups, "group")):
        if array is not None and X is None:
            raise UsageError(f"{name} is given without X and y; for a file name the column in data.{key}")
    if isinstance(y, str) and not is_frame(X):
        raise UsageError(f"y is {y!r}, the name of a column, and X is no data frame; give the targets as y")
    if config is None and X is None:
        raise UsageError("there is nothing to learn from; give a config, or X and y")
    experiment = make_experiment(
        {} if config is None else config, overrides, arrays=X is not None, is_frame=is_frame(X)
    )
    if groups is not None and getattr(experiment.data, "split_by", "random") == "time":
        raise UsageError("groups and data.split_by: time do not go together; leave out one of the two")
    return experiment


def _require_fitting(
    experiment: Experiment, out: str | os.PathLike[str] | None, listeners: Sequence[Listener]
) -> None:
    """Raise UsageError for listeners that are not functions, and for event files without a place."""
    if not isinstance(listeners, Sequence) or not all(map(callable, listeners)):
        raise UsageError("listeners is not a list of functions; each is called with the run and an epoch")
    if experiment.training.tensorboard and out is None:
        raise UsageError(
            "training.tensorboard: true writes event files into the directory of the run, and this run has "
            "none; name one with out, or set the key to false"
        )


def _dataset(experiment: Experiment, X: Any, y: Any, sample_weight: Any, groups: Any) -> Dataset:
    data: Any = experiment.data
    return from_arrays(
        X,
        y,
        classification=experiment.classification,
        sample_weight=sample_weight,
        groups=groups,
        read_as=data.columns,
        missing=data.missing,
    )


def _without_validation(experiment: Experiment) -> Experiment:
    """Return the experiment that holds out nothing to validate on."""
    data = experiment.data.model_copy(update={"val_size": 0})
    training = experiment.training.model_copy(update={"validation": "split"})
    return experiment.model_copy(update={"data": data, "training": training})


def _split_arrays(
    experiment: Experiment,
    X: Any,
    y: Any,
    sample_weight: Any,
    groups: Any,
    validation: tuple[Any, ...] | None,
) -> Splits:
    """Return the splits of arrays; the rows of ``validation`` are those to validate on."""
    dataset = _dataset(experiment, X, y, sample_weight, groups)
    splits = divide(experiment, dataset)
    if validation is None:
        return splits
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise UsageError("validation is not a pair; give (X_val, y_val), or (X_val, y_val, sample_weight)")
    data: Any = experiment.data
    try:
        rows = labelled_arrays(
            *validation[:2],
            columns=dataset.columns,
            classes=dataset.classes,
            sample_weight=validation[2] if len(validation) == 3 else None,
            kinds=dataset.kinds,
            precise=dataset.X.itemsize == 8,
            missing=data.missing,
        )
    except DataError as error:
        raise DataError(f"validation: {error}") from None
    return with_validation(splits, rows)


def load(checkpoint: str | os.PathLike[str]) -> Model:
    """Return the model of a checkpoint file, or of the run or the cross-validation in a directory.

    That of a run is the network of its best epoch, that of a cross-validation the mean of its networks.

    Raises CheckpointError where there is none, or it is damaged.
    """
    return load_model(Path(checkpoint))
