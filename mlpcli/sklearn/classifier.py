"""The classifier for scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from mlpcli.errors import DataWarning, warn_caller
from mlpcli.sklearn.base import EstimatorError, Perceptron, name_of, require_targets

__all__ = ["MLPClassifier"]

_MANY = 20  # classes


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """A multilayer perceptron that tells classes apart, with the parameters of scikit-learn's and more.

    Every parameter whose default is None is left to ``config``, and where that does not say it either, to the
    recipe: without any word on the network, the optimizer and the penalties, ``table``, several small
    networks beside a linear model, which is best for most tables; otherwise ``plain``, a single network with
    the defaults of docs/config.md.

    - hidden_layer_sizes: units of the hidden layers, as (64, 32) or 64; () is a linear classifier. An entry
      may be a dict with what differs in that layer: ``{"units": 32, "activation": "tanh"}``.
    - activation: a name, or a dict with settings: ``{"name": "leaky_relu", "alpha": 0.1}``.
    - solver: ``adam``, ``adamw``, ``sgd`` (with ``momentum``) or another of the optimizers.
    - alpha: adds 0.5 alpha sum(W**2) to the mean loss. scikit-learn divides this by the size of the batch.
      None is 0 with ``adamw``, which shrinks the weights itself, and 1e-4 with other solvers.
    - batch_size: examples in each step; ``auto`` leaves it to config and recipe.
    - learning_rate_init: step size; None is what suits the solver.
    - max_iter: epochs.
    - random_state: an int for the same network each time.
    - verbose: print the loss of each epoch, and which columns are left out.
    - warm_start: begin with the weights of the fit before.
    - momentum: of ``sgd``, ``momentum`` and ``nesterov``. With ``nesterovs_momentum``, ``sgd`` looks ahead.
    - early_stopping: stop after ``n_iter_no_change`` epochs without a better validation score, and keep the
      best epoch. ``validation_fraction`` of the rows are held out for that, or in the recipe ``table``
      none: there each of the networks leaves out others, with or without early stopping.
    - loss: ``cross_entropy``, ``hinge``, ``binary_cross_entropy``, ``binary_hinge``, or a dict with settings.
    - schedule: of the learning rate: ``cosine``, ``step``, ``plateau`` or another, or a dict with settings.
    - dropout, norm, residual, members, recipe: as in docs/config.md.
    - class_weight: ``balanced``, or the weight of each label in a dict, 1 where it is not named.
    - config: any keys of docs/config.md, as nested dicts, or the path of a file. Parameters take precedence.

    After fit there are ``classes_``, ``n_features_in_``, ``feature_names_in_``, ``loss_``, ``loss_curve_``,
    ``n_iter_``, ``validation_scores_``, ``best_validation_score_``, ``coefs_``, ``intercepts_`` and
    ``model_``, the `mlpcli.Model`.
    """

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
        class_weight: str | Mapping[Any, float] | None = None,
        recipe: str | None = None,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            random_state=random_state,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            loss=loss,
            schedule=schedule,
            dropout=dropout,
            norm=norm,
            residual=residual,
            members=members,
            recipe=recipe,
            config=config,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train on rows X (n, columns), an array or a data frame, with labels y (n,); return self.

        Cells may be missing, and columns of a data frame may hold text. ``sample_weight`` (n,) says how much
        each row counts. Raises ValueError.
        """
        y = self._labels(y)
        goes_on = self._start(partial=False) is not None
        X = self._rows(X, reset=not goes_on)
        check_consistent_length(X, y)
        classes, codes = np.unique(y, return_inverse=True)
        if goes_on:
            codes = self._codes(y, classes)
        elif len(classes) < 2:
            raise EstimatorError(
                f"y holds one class, {name_of(classes[0])}; a classifier needs at least 2 classes"
            )
        else:
            if len(classes) > max(_MANY, len(y) / 2) and y.dtype.kind in "iuf":
                warn_caller(
                    f"y holds {len(classes):,} different numbers in {len(y):,} rows, and each is a class "
                    "here; MLPRegressor predicts numbers",
                    DataWarning,
                )
            self.classes_ = classes
        self._fit(X, codes, sample_weight, self._class_weights())
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train one epoch on some rows; the first call names all ``classes``, or fit does; return self.

        Scaling and categories are those of the first rows, and the learning rate has no schedule.
        """
        if isinstance(self.class_weight, str):
            raise EstimatorError(
                f"class_weight {self.class_weight!r} needs all rows, and partial_fit has some of them; "
                "give the weights as a dict"
            )
        y = self._labels(y)
        is_first = not hasattr(self, "model_")
        X = self._rows(X, reset=is_first)
        check_consistent_length(X, y)
        if is_first:
            if classes is None:
                raise EstimatorError("classes must be passed on the first call to partial_fit")
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise EstimatorError(f"classes are not those of the call before, {list(self.classes_)}")
        self._fit(X, self._codes(y, np.unique(y)), sample_weight, self._class_weights(), partial=True)
        return self

    def _labels(self, y: Any) -> NDArray[Any]:
        require_targets(self, y)
        labels: NDArray[Any] = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        return labels

    def _codes(self, y: NDArray[Any], found: NDArray[Any]) -> NDArray[np.int64]:
        """Return the indices of labels in ``classes_``; ``found`` are the different ones among them."""
        unknown = np.setdiff1d(found, self.classes_)
        if len(unknown):
            known = ", ".join(name_of(label) for label in self.classes_)
            raise EstimatorError(f"y holds the label {name_of(unknown[0])}; the classes are {known}")
        return np.searchsorted(self.classes_, y)

    def _class_weights(self) -> Any:
        if not isinstance(self.class_weight, Mapping):
            return self.class_weight
        labels = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in labels]
        if unknown:
            raise EstimatorError(f"class_weight names {unknown[0]!r}; the classes are {labels}")
        return [float(self.class_weight.get(label, 1)) for label in labels]

    def _gives_probabilities(self) -> bool:
        if hasattr(self, "model_"):
            return bool(self.model_.loss.outputs == "probabilities")
        loss = self.loss or (self.config.get("loss") if isinstance(self.config, Mapping) else None)
        return "hinge" not in str(loss.get("name") if isinstance(loss, Mapping) else loss)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label (n,) of each row."""
        scores = self._scores(X)
        return self.classes_[self.model_.loss.classify(scores)]

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the score (n, classes) of each class, or of two classes (n,), above 0 for the second."""
        scores = self._scores(X)
        if len(self.classes_) > 2:
            return scores
        return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability (n, classes) of each class; there is none after a hinge loss."""
        scores = self._scores(X)
        return self.model_.read_outputs(scores)

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithm (n, classes) of the probability of each class."""
        with np.errstate(divide="ignore"):
            logarithms: NDArray[Any] = np.log(self.predict_proba(X))
        return logarithms
