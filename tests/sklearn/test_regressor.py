"""The regressor: one value or several, in their own units."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")

from sklearn.datasets import load_diabetes
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import cross_val_score

from mlpcli.sklearn import EstimatorError, MLPRegressor

X, Y = load_diabetes(return_X_y=True)


@pytest.mark.exhaustive
def test_defaults_train_well() -> None:
    assert cross_val_score(MLPRegressor(max_iter=20, random_state=0), X, Y, cv=3).mean() > 0.4


def test_several_targets_are_predicted_together() -> None:
    both = np.column_stack([Y, 1000 - 3 * Y])
    fitted = MLPRegressor(max_iter=5, random_state=0).fit(X, both)
    assert fitted.predict(X).shape == both.shape
    assert fitted.score(X, both) > 0.4
    with pytest.warns(DataConversionWarning):
        assert MLPRegressor(max_iter=2).fit(X, Y[:, None]).predict(X).shape == Y.shape


@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "huber", {"name": "huber", "delta": 0.5}], ids=str
)
def test_losses(loss: object) -> None:
    assert MLPRegressor(max_iter=3, loss=loss, random_state=0).fit(X, Y).score(X, Y) > 0.4


def test_whole_numbers_are_values_and_a_constant_is_predicted() -> None:
    whole = np.arange(442) % 3
    assert MLPRegressor(max_iter=2, random_state=0).fit(X, whole).predict(X).dtype == np.float64
    assert MLPRegressor(max_iter=2, random_state=0).fit(X, np.full(442, 5)).predict(X) == pytest.approx(5)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(EstimatorError, match="loss hinge is not for values, which MLPRegressor predicts"):
        MLPRegressor(loss="hinge").fit(X, Y)
    with pytest.raises(EstimatorError, match="past what 32 bits can hold"):
        MLPRegressor().fit(X, Y * 1e300)
    with pytest.raises(ValueError, match="could not convert string to float"):
        MLPRegressor().fit(X, np.repeat(["a", "b"], 221))
