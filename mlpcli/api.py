"""What a Python program calls: `train` trains a network, `load` reads one that has been trained."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlpcli.build import Splits, divide, with_validation
from mlpcli.config.loader import make_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.arrays import from_arrays, labelled_arrays
from mlpcli.errors import DataError, UsageError
from mlpcli.training.model import Model, load_model
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

__all__ = ["load", "train"]


def train(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    X: Any = None,
    y: Any = None,
    validation: tuple[Any, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Callable[[Run], object] | None = None,
    **overrides: Any,
) -> Run:
    """Train the network of a config and return the run; nothing is printed.

    ``config`` is the path of a config file, the name of one that comes with mlp, or a config as nested dicts.
    ``overrides`` change its keys: ``optimizer={"learning_rate": 0.1}`` or ``**{"training.epochs": 5}``.

    ``X`` (n, columns) and ``y``, (n,) labels or (n,) or (n, targets) values, take the place of the config's
    data, whose scaling, train_size and val_size stay. ``validation`` is a pair of such arrays to score epochs
    on; then no row of X is held out for that. The arrays are not copied where they need not be: do not change
    them during the training.

    ``out`` is the directory to keep the run in; without it, it is kept in memory. ``resume`` goes on with the
    run that ``out`` holds, or begins one there.

    ``progress`` is called with the run once before the first epoch and after each one. `Run.stop`, called
    from there or from another thread, ends the training after the batch at hand.

    Raises ConfigError, DataError, UsageError for what does not fit together, RunError where training diverges
    or the run cannot be written.
    """
    if (X is None) != (y is None):
        given, missing = ("X", "y") if y is None else ("y", "X")
        raise UsageError(f"{given} is given without {missing}; give both, or neither for the config's data")
    if validation is not None and X is None:
        raise UsageError("validation is given without X and y; give all of them, or set data.val_size")
    if resume and out is None:
        raise UsageError("resume=True needs out, the directory of the run to go on with")
    experiment = make_experiment(config, overrides, arrays=X is not None)
    if validation is not None:
        experiment = _without_validation(experiment)
    splits = None if X is None else _split_arrays(experiment, X, y, validation)
    directory = None if out is None else take_directory("run", Path(out).absolute(), resume=resume)
    return train_run(experiment, directory, splits, progress=progress)


def _without_validation(experiment: Experiment) -> Experiment:
    """Return the experiment that holds out nothing to validate on."""
    data = experiment.data.model_copy(update={"val_size": 0})
    return experiment.model_copy(update={"data": data})


def _split_arrays(experiment: Experiment, X: Any, y: Any, validation: tuple[Any, Any] | None) -> Splits:
    """Return the splits of arrays; the rows of ``validation`` are those to validate on."""
    task = experiment.loss.task
    dataset = from_arrays(X, y, classification=None if task is None else task == "classification")
    splits = divide(experiment, dataset)
    if validation is None:
        return splits
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise UsageError("validation is not a pair; give (X_val, y_val)")
    try:
        rows, targets = labelled_arrays(*validation, columns=dataset.columns, classes=dataset.classes)
    except DataError as error:
        raise DataError(f"validation: {error}") from None
    return with_validation(splits, rows, targets)


def load(checkpoint: str | os.PathLike[str]) -> Model:
    """Return the model of a checkpoint file, or of the best epoch of the run in a directory.

    Raises CheckpointError where there is none, or it is damaged.
    """
    return load_model(Path(checkpoint))
