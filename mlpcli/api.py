"""What a Python program calls: `train` and `cross_validate` train networks, `load` reads trained ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlpcli.build import Splits, divide, with_validation
from mlpcli.config.loader import make_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.arrays import from_arrays, labelled_arrays, weights_of_array
from mlpcli.data.dataset import Dataset
from mlpcli.errors import DataError, UsageError
from mlpcli.training.folds import CrossValidation, Validated, take_folds_directory, train_folds
from mlpcli.training.model import Model, load_model
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

__all__ = ["cross_validate", "load", "train"]


def train(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    validation: tuple[Any, ...] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Callable[[Run], object] | None = None,
    **overrides: Any,
) -> Run:
    """Train the network of a config and return the run; nothing is printed.

    ``config`` is the path of a config file, the name of one that comes with mlp, or a config as nested dicts.
    ``overrides`` change its keys: ``optimizer={"learning_rate": 0.1}`` or ``**{"training.epochs": 5}``.

    ``X`` (n, columns) and ``y``, (n,) labels or (n,) or (n, targets) values, take the place of the config's
    data, whose scaling, train_size and val_size stay. ``sample_weight`` (n,) are weights of the rows: one of
    weight 2 counts like two rows. ``validation`` is a pair of such arrays to score epochs on, or three with
    weights; then no row of X is held out for that. The arrays are not copied where they need not be: do not
    change them during the training. If the config names no loss, ``y`` decides whether it holds classes or
    values.

    ``out`` is the directory to keep the run in; without it, it is kept in memory. ``resume`` goes on with the
    run that ``out`` holds, or begins one there.

    ``progress`` is called with the run once before the first epoch and after each one. `Run.stop`, called
    from there or from another thread, ends the training after the batch at hand.

    Raises ConfigError, DataError, UsageError for what does not fit together, RunError where training diverges
    or the run cannot be written.
    """
    _require_both(X, y, sample_weight)
    if validation is not None and X is None:
        raise UsageError("validation is given without X and y; give all of them, or set data.val_size")
    if resume and out is None:
        raise UsageError("resume=True needs out, the directory of the run to go on with")
    experiment = make_experiment(config, overrides, arrays=X is not None)
    if validation is not None:
        experiment = _without_validation(experiment)
    splits = None if X is None else _split_arrays(experiment, X, y, sample_weight, validation)
    directory = None if out is None else take_directory("run", Path(out).absolute(), resume=resume)
    return train_run(experiment, directory, splits, progress=progress)


def cross_validate(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    X: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    folds: int = 5,
    repeats: int = 1,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Callable[[Run], object] | None = None,
    **overrides: Any,
) -> Validated:
    """Train a network for each fold of the data, and return what they predict for the rows of their folds.

    The rows are cut into ``folds``, at random and class by class. Each network is scored on one fold, and
    trained on the others, of which data.val_size rows choose its best epoch. In each of the ``repeats`` the
    folds are others, as the seed is.

    The other arguments are those of `train`. ``out`` is the directory for the runs, fold-1 and so on, and for
    what they have found together; ``resume`` goes on with the cross-validation there, of which what is
    finished is not trained again.

    Raises what `train` raises, and RunError if a run was stopped.
    """
    _require_both(X, y, sample_weight)
    if resume and out is None:
        raise UsageError("resume=True needs out, the directory of the cross-validation to go on with")
    experiment = make_experiment(config, overrides, arrays=X is not None)
    dataset = None if X is None else _dataset(experiment, X, y, sample_weight)
    directory = None if out is None else take_folds_directory("", Path(out).absolute(), resume=resume)
    try:
        validation = CrossValidation(experiment, folds, repeats, directory=directory, dataset=dataset)
        return train_folds(validation, progress=progress)
    finally:
        if directory is not None:
            directory.close(discard=True)


def _require_both(X: Any, y: Any, sample_weight: Any) -> None:
    if (X is None) != (y is None):
        given, missing = ("X", "y") if y is None else ("y", "X")
        raise UsageError(f"{given} is given without {missing}; give both, or neither for the config's data")
    if sample_weight is not None and X is None:
        raise UsageError("sample_weight is given without X and y; for a file name the column in data.weight")


def _dataset(experiment: Experiment, X: Any, y: Any, sample_weight: Any) -> Dataset:
    data: Any = experiment.data
    return from_arrays(
        X,
        y,
        classification=experiment.classification,
        sample_weight=sample_weight,
        read_as=data.columns,
        missing=data.missing,
    )


def _without_validation(experiment: Experiment) -> Experiment:
    """Return the experiment that holds out nothing to validate on."""
    data = experiment.data.model_copy(update={"val_size": 0})
    return experiment.model_copy(update={"data": data})


def _split_arrays(
    experiment: Experiment, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, ...] | None
) -> Splits:
    """Return the splits of arrays; the rows of ``validation`` are those to validate on."""
    dataset = _dataset(experiment, X, y, sample_weight)
    splits = divide(experiment, dataset)
    if validation is None:
        return splits
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise UsageError("validation is not a pair; give (X_val, y_val), or (X_val, y_val, sample_weight)")
    try:
        rows, targets = labelled_arrays(
            *validation[:2],
            columns=dataset.columns,
            classes=dataset.classes,
            kinds=dataset.kinds,
            precise=dataset.X.itemsize == 8,
        )
        weights = weights_of_array(validation[2] if len(validation) == 3 else None, len(rows))
    except DataError as error:
        raise DataError(f"validation: {error}") from None
    return with_validation(splits, rows, targets, weights)


def load(checkpoint: str | os.PathLike[str]) -> Model:
    """Return the model of a checkpoint file, or of the run or the cross-validation in a directory.

    That of a run is the network of its best epoch, that of a cross-validation the mean of its networks.

    Raises CheckpointError where there is none, or it is damaged.
    """
    return load_model(Path(checkpoint))
