"""What the estimators share: parameters, the reading of rows, and training by a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpcli.build.splits import divide
from mlpcli.config.schema import Experiment
from mlpcli.data.arrays.program import from_arrays, holds_text, is_frame, labelled_arrays
from mlpcli.data.dataset import Dataset
from mlpcli.data.table.frames import UnnamedColumns
from mlpcli.errors import ConfigError, MlpError, UsageError
from mlpcli.sklearn.parameters import experiment_of, in_parameters
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.going_on import go_on
from mlpcli.training.model import Model
from mlpcli.training.run import Run
from mlpcli.training.settled import settle
from mlpcli.training.start import train_or_keep

__all__ = ["EstimatorError", "Perceptron", "name_of", "require_targets"]


class EstimatorError(MlpError, ValueError):
    """Data or parameters that do not fit: an error of mlp that is a ValueError, as scikit-learn expects."""


@contextlib.contextmanager
def _as_value_errors() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:  # in the words of the parameters already
        raise EstimatorError(str(error)) from None
    except MlpError as error:
        raise EstimatorError(in_parameters(str(error))) from None


class Perceptron(BaseEstimator):  # type: ignore[misc]
    """What the two estimators share; `MLPClassifier` tells of the parameters."""

    model_: Model
    loss_curve_: list[float]
    n_iter_: int
    _columns: list[str] | None  # those of a data frame, and of texts; None for an array of numbers

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[Any] | None = None,
        activation: str | Mapping[str, Any] | None = None,
        *,
        solver: str | None = None,
        alpha: float | None = None,
        batch_size: int | str = "auto",
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        random_state: Any = None,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        loss: str | Mapping[str, Any] | None = None,
        schedule: str | Mapping[str, Any] | None = None,
        dropout: float | None = None,
        norm: str | None = None,
        residual: bool | None = None,
        members: int | None = None,
        recipe: str | None = None,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.loss = loss
        self.schedule = schedule
        self.dropout = dropout
        self.norm = norm
        self.residual = residual
        self.members = members
        self.recipe = recipe
        self.config = config

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = True
        tags.target_tags.required = True
        return tags

    @property
    def coefs_(self) -> list[NDArray[np.float32]]:
        """The weights of each layer, (fan_in, fan_out), or (members, fan_in, fan_out) of several networks."""
        return self._arrays("W")

    @property
    def intercepts_(self) -> list[NDArray[np.float32]]:
        """The biases of each layer, (fan_out,), or (members, fan_out) of several networks."""
        return self._arrays("b")

    @property
    def n_layers_(self) -> int:
        """The number of layers, those of the inputs and the outputs among them."""
        return len(self.coefs_) + 1

    def _arrays(self, letter: str) -> list[NDArray[np.float32]]:
        check_is_fitted(self, "model_")
        layers = self.model_.layers
        return [array for name, array in layers.items() if name[0] == letter and name[1:].isdigit()]

    def _fit(
        self, X: Any, y: NDArray[Any], sample_weight: Any, class_weights: Any, *, partial: bool = False
    ) -> None:
        """Train on rows X, read before, and their targets: values, or indices into ``classes_``."""
        is_classifier = isinstance(self, ClassifierMixin)
        start = self._start(partial)
        if len(y) < 2 and not partial:
            raise EstimatorError("X has 1 sample; fit needs at least 2, of which some are to validate on")
        if sample_weight is not None and not np.asarray(sample_weight).any():
            raise EstimatorError("sample_weight is zero in every row, so that none counts")
        with _as_value_errors():
            experiment = experiment_of(self.get_params(deep=False), class_weights, start, partial=partial)
            if experiment.training.tensorboard:
                raise UsageError(
                    "training.tensorboard: true writes event files into the directory of a run, and an "
                    "estimator keeps none; call mlpcli.train with X, y and out, or set the key to false"
                )
            if experiment.loss.task not in (None, "classification" if is_classifier else "regression"):
                what, other = ("classes", "MLPRegressor") if is_classifier else ("values", "MLPClassifier")
                name = experiment.loss.name
                raise UsageError(
                    f"loss {name} is not for {what}, which {type(self).__name__} predicts; see {other}"
                )
            splits = divide(experiment, self._dataset(X, y, sample_weight, experiment, start))
            experiment, _ = settle(experiment, splits)
            run = Run(experiment, splits, start=start)
            if start is not None:
                go_on(run.network, run.trainer, start, anew=True)
            if partial:
                rows = [epoch.metrics for epoch in run.trainer.epochs()]
                self.model_ = Model(run.here())  # with the state of the optimizer
            else:
                train_or_keep(run, _tell if self.verbose else None)  # as scikit-learn's network does
                rows, self.model_ = run.metrics, run.best
        before = [] if start is None else self.loss_curve_
        self.loss_curve_ = [*before, *(row["train_loss"] for row in rows)]
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(rows) + (self.n_iter_ if partial and start is not None else 0)
        measure = "val_accuracy" if is_classifier else "val_r2"
        scored = [row[measure] for row in rows if row.get(measure) is not None]
        self.validation_scores_ = scored or None
        self.best_validation_score_ = max(scored, default=None)

    def _start(self, partial: bool) -> Checkpoint | None:
        """Return what the fit goes on from: the network of the one before, or nothing."""
        goes_on = (partial or self.warm_start) and hasattr(self, "model_")
        return self.model_.checkpoint if goes_on else None

    def _dataset(
        self, X: Any, y: NDArray[Any], sample_weight: Any, experiment: Experiment, start: Checkpoint | None
    ) -> Dataset:
        """Return the rows with their targets; where the fit goes on, as the network before knows columns."""
        data: Any = experiment.data
        numbers = np.arange(len(y))  # in the place of the targets, which scikit-learn has checked
        if start is None:
            found = from_arrays(
                X,
                numbers,
                classification=False,
                sample_weight=sample_weight,
                read_as=data.columns,
                missing=data.missing,
            )
        else:
            known = labelled_arrays(
                X,
                numbers,
                columns=start.columns,
                classes=None,
                sample_weight=sample_weight,
                kinds=start.kinds,
            )
            found = Dataset(known.X, known.y, start.columns, None, kinds=start.kinds, about=known.about)
        y = y if found.kept is None else y[found.kept]
        if not isinstance(self, ClassifierMixin):
            return replace(found, y=y.reshape(len(y), -1))
        return replace(found, y=y, classes=tuple(map(name_of, self.classes_)))

    def _rows(self, X: Any, *, reset: bool) -> Any:
        """Return checked rows: an array, or a data frame, whose columns may hold text."""
        if reset and hasattr(self, "model_"):
            del self.model_  # a fit that fails leaves no network of other rows
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if reset:
                self._columns = [str(name) for name in X.columns]
            if self._columns is not None:
                return X
            return check_array(X, ensure_all_finite="allow-nan")
        array = np.asarray(X)
        is_text = holds_text(array)
        X = validate_data(
            self, X, reset=reset, dtype=None if is_text else "numeric", ensure_all_finite="allow-nan"
        )
        if reset:
            self._columns = [f"x{i}" for i in range(1, X.shape[1] + 1)] if is_text else None
        return X if self._columns is None else UnnamedColumns(X, self._columns)

    def _scores(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self, "model_")
        with _as_value_errors():
            return self.model_.scores(self._rows(X, reset=False))


def require_targets(estimator: BaseEstimator, y: Any) -> None:
    """Raise ValueError where y is None."""
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")


def name_of(label: Any) -> str:
    """Return a label as the name of its class: 1.0 is 1."""
    is_whole = isinstance(label, (float, np.floating)) and float(label).is_integer()
    return str(int(label)) if is_whole else str(label)


def _tell(run: Run) -> None:
    if run.metrics:
        row = run.metrics[-1]
        print(f"Iteration {row['epoch']}, loss = {row['train_loss']:.8f}")
    else:
        print(*run.notes, sep="\n", end="\n" * bool(run.notes))
