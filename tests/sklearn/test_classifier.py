"""The classifier: labels, probabilities, scores, weights of classes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")

from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import cross_val_score

from mlpcli import DataWarning
from mlpcli.sklearn import EstimatorError, MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 2], [-5, 7, 100], ["a", "b", "c"], ["10", "9", "NA"], [0.0, 1.0, 2.0], [1 << 60, 3, 4]],
    ids=str,
)
def test_labels_come_back_as_they_were(labels: list[Any]) -> None:
    y = np.array(labels)[Y]
    fitted = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    assert fitted.classes_.tolist() == sorted(labels)
    assert fitted.predict(X).dtype == y.dtype
    assert fitted.score(X, y) > 0.9
    assert (fitted.predict(X) == fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]).all()


@pytest.mark.exhaustive
def test_defaults_train_well() -> None:
    assert cross_val_score(MLPClassifier(random_state=0), X, Y, cv=3).mean() > 0.93


def test_booleans_are_labels_and_a_binary_loss_has_two_probabilities() -> None:
    for loss in ("cross_entropy", "binary_cross_entropy"):
        fitted = MLPClassifier(max_iter=5, loss=loss, random_state=0).fit(X, Y == 2)
        assert fitted.classes_.tolist() == [False, True]
        assert fitted.predict_proba(X).sum(axis=1) == pytest.approx(1)
        assert ((fitted.decision_function(X) > 0) == fitted.predict(X)).all()
        assert roc_auc_score(Y == 2, fitted.predict_proba(X)[:, 1]) > 0.98


@pytest.mark.parametrize("loss", ["hinge", "binary_hinge", {"name": "hinge", "squared": True}], ids=str)
def test_an_svm_has_scores_and_no_probabilities(loss: Any) -> None:
    before = MLPClassifier(max_iter=5, loss=loss, random_state=0)
    assert not hasattr(before, "predict_proba")
    fitted = before.fit(X, Y == 0)
    assert not hasattr(fitted, "predict_log_proba")
    assert ((fitted.decision_function(X) > 0) == fitted.predict(X)).all()
    by_config = MLPClassifier(config={"loss": loss})
    assert not hasattr(by_config, "predict_proba")


def test_a_class_may_weigh_more() -> None:
    rows, y = make_classification(400, weights=[0.95], flip_y=0.05, class_sep=0.7, random_state=0)
    recalls = []
    for weight in (None, "balanced", {1: 50}):
        fitted = MLPClassifier(16, max_iter=10, class_weight=weight, random_state=0).fit(rows, y)
        recalls.append(balanced_accuracy_score(y, fitted.predict(rows)))
    assert recalls[1] > recalls[0]
    assert (fitted.predict(rows) == 1).mean() > (y == 1).mean()


def test_rows_of_weight_0_do_not_count() -> None:
    wrong = np.concatenate([Y, 2 - Y])
    weights = np.repeat([1.0, 0.0], len(Y))
    fitted = MLPClassifier(max_iter=5, random_state=0).fit(np.concatenate([X, X]), wrong, weights)
    assert fitted.score(X, Y) > 0.9


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({}, np.zeros(150), "y holds one class, 0; a classifier needs at least 2 classes"),
        ({}, X[:, 0], "Unknown label type"),
        ({"class_weight": {7: 1}}, Y, r"class_weight names 7; the classes are \[0, 1, 2\]"),
        ({"loss": "mse"}, Y, "loss mse is not for classes, which MLPClassifier predicts; see MLPRegressor"),
        ({"loss": "binary_hinge"}, Y, "binary_hinge"),
    ],
)
def test_what_does_not_fit_is_said(parameters: dict[str, Any], y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**parameters).fit(X, y)


def test_partial_fits_need_the_classes_once() -> None:
    online = MLPClassifier(learning_rate_init=0.02, random_state=0)
    with pytest.raises(EstimatorError, match="classes must be passed on the first call"):
        online.partial_fit(X, Y)
    for _ in range(20):
        online.partial_fit(X[:70], Y[:70], classes=[0, 1, 2])  # no row of the last class yet
    for start in [*range(15)] * 4:
        online.partial_fit(X[start::15], Y[start::15])
    assert online.classes_.tolist() == [0, 1, 2]
    assert online.score(X, Y) > 0.8
    with pytest.raises(EstimatorError, match="y holds the label 3; the classes are 0, 1, 2"):
        online.partial_fit(X, Y + 1)
    with pytest.raises(EstimatorError, match="classes are not those of the call before"):
        online.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(EstimatorError, match="'balanced' needs all rows"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_a_partial_fit_goes_on_after_a_fit() -> None:
    fitted = MLPClassifier(max_iter=5, random_state=0).fit(X, Y)
    fitted.partial_fit(X[::2], Y[::2])
    assert fitted.n_iter_ == 6
    assert len(fitted.coefs_[0]) == 8  # still the eight networks of the fit
    assert fitted.score(X, Y) > 0.93


def test_the_parameters_are_those_of_the_regressor_and_the_weights_of_classes() -> None:
    assert set(MLPClassifier().get_params()) - set(MLPRegressor().get_params()) == {"class_weight"}
    defaults = MLPRegressor().get_params()
    assert {name: MLPClassifier().get_params()[name] for name in defaults} == defaults


@pytest.mark.filterwarnings("ignore:The number of unique classes")  # by scikit-learn itself
def test_a_class_for_nearly_each_row_is_warned_of_and_fitted_soon() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 5))
    start = time.process_time()
    with pytest.warns(
        DataWarning, match=r"300 different numbers in 300 rows, .* MLPRegressor predicts numbers"
    ):
        MLPClassifier(max_iter=1, random_state=0).fit(X, np.arange(300) + 1000)
    assert time.process_time() - start < 10
