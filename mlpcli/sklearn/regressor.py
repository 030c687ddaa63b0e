"""The regressor for scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from mlpcli.sklearn.base import EstimatorError, Perceptron, require_targets

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, Perceptron):  # type: ignore[misc]
    """A multilayer perceptron that predicts one value, or several; `MLPClassifier` tells of the parameters.

    ``loss`` is ``mse``, ``mae``, ``huber``, or a dict with settings. There is no ``class_weight``.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train on rows X (n, columns), an array or a data frame, with y (n,) or (n, targets); return self.

        Cells may be missing, and columns of a data frame may hold text. ``sample_weight`` (n,) says how much
        each row counts. Raises ValueError.
        """
        return self._fit_values(X, y, sample_weight, partial=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train one epoch on some rows; return self.

        Scaling and categories are those of the first rows, and the learning rate has no schedule.
        """
        return self._fit_values(X, y, sample_weight, partial=True)

    def _fit_values(self, X: Any, y: Any, sample_weight: Any, *, partial: bool) -> MLPRegressor:
        require_targets(self, y)
        values = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        if values.ndim == 2 and values.shape[1] == 1:
            values = column_or_1d(values, warn=True)
        if np.abs(values).max() > np.finfo(np.float32).max:
            raise EstimatorError("y holds a number past what 32 bits can hold; give it in another unit")
        X = self._rows(X, reset=self._start(partial) is None)
        check_consistent_length(X, values)
        self._fit(X, values, sample_weight, None, partial=partial)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the values, (n,) for one target, (n, targets) for several."""
        scores = self._scores(X)
        return self.model_.read_predictions(scores).astype(np.float64)
