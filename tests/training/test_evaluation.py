"""Scores, calculated by hand."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from mlpcli.config.plan import plan_widths
from mlpcli.data.batches import Batches, Split
from mlpcli.data.transform import Transform
from mlpcli.errors import ConfigError
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.network import Network
from mlpcli.training.evaluation import compute_logits, full_report, quick_scores, require_defined, score_text


def test_a_classification_by_hand() -> None:
    predicted = np.array([0, 0, 1, 1, 1, 2])
    y = np.array([0, 1, 1, 1, 2, 2])
    logits = np.eye(4)[predicted] * 3
    report = full_report(
        LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None), logits, y, ("a", "b", "c", "d")
    )
    assert report["n"] == 6
    assert report["accuracy"] == pytest.approx(4 / 6)
    assert report["confusion"] == [[1, 0, 0, 0], [1, 2, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    a, b, c, d = report["classes"]
    assert a == {"class": "a", "precision": 1 / 2, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert b == {"class": "b", "precision": 2 / 3, "recall": 2 / 3, "f1": pytest.approx(2 / 3), "support": 3}
    assert c == {"class": "c", "precision": 1.0, "recall": 1 / 2, "f1": pytest.approx(2 / 3), "support": 2}
    assert d == {"class": "d", "precision": None, "recall": None, "f1": None, "support": 0}


def test_a_binary_classification_by_hand() -> None:
    report = full_report(
        LOSSES["binary_hinge"](), np.array([[2.0], [-1.0], [0.5]]), np.array([1, 1, 0]), ("no", "yes")
    )
    assert report["confusion"] == [[0, 1], [1, 1]]
    assert report["loss"] == pytest.approx((0 + 2 + 1.5) / 3)


def test_a_regression_by_hand() -> None:
    logits, y = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [4.0], [4.0]])
    report = full_report(LOSSES["mse"](), logits, y, None)
    # errors 0, -2, 0; the mean of y is 3, the squared deviations from it 4, 1, 1
    assert report.pop("undefined") == {}
    errors = {"mse": 4 / 3, "rmse": (4 / 3) ** 0.5, "mae": 2 / 3, "mape": 1 / 6}
    assert report == pytest.approx({"n": 3, "loss": 4 / 3, **errors, "r2": 1 - 4 / 6})


def test_several_targets_are_reported_one_by_one() -> None:
    y = np.array([[1.0, 10], [4, 10], [4, 10]], np.float32)
    report = full_report(LOSSES["mse"](), y + np.array([1, 0]), y, None)
    assert [row["mse"] for row in report["targets"]] == [1, 0]
    assert [row["r2"] for row in report["targets"]] == [pytest.approx(1 - 3 / 6), None]
    assert (report["mse"], report["r2"]) == (0.5, pytest.approx(1 - 3 / 6))


def test_a_measure_without_a_value_says_why() -> None:
    report = full_report(LOSSES["binary_hinge"](), np.array([[2.0], [-1.0]]), np.array([1, 1]), ("no", "yes"))
    assert report["roc_auc"] is None
    assert report["undefined"]["roc_auc"] == "only one class occurs"
    assert report["threshold"] is None


def test_the_best_threshold_of_two_classes() -> None:
    z, y = np.log([[0.25], [0.5], [4.0]]), np.array([0, 1, 1])  # probabilities .2, .33 and .8
    report = full_report(LOSSES["binary_cross_entropy"](), z, y, ("no", "yes"))
    assert report["f1"] == pytest.approx(2 / 3)
    assert report["threshold"] == {"class": "yes", "value": 0.3, "f1": 1.0}


@pytest.mark.parametrize("value", [1.0, 0.1, 1e6 + 0.1])
def test_r2_of_values_that_do_not_vary(value: float) -> None:
    y = np.full((77, 1), value)
    assert full_report(LOSSES["mse"](), y + 1, y, None)["r2"] is None


def test_errors_whose_squares_overflow_float32() -> None:
    logits, y = np.array([[1e25], [0]], np.float32), np.array([[0], [1]], np.float32)
    report = full_report(LOSSES["mse"](), logits, y, None)  # warnings are errors
    assert report["loss"] == report["mse"] == pytest.approx(5e49)


@pytest.mark.parametrize(
    ("monitor", "loss", "y", "reason"),
    [
        ("roc_auc", "binary_cross_entropy", [1, 1], "only one class occurs"),
        ("f1", "binary_cross_entropy", [0, 0], "the second class does not occur"),
        ("r2", "mse", [[2.0], [2.0]], "the true values do not vary"),
        ("roc_auc", "binary_cross_entropy", [1, 0], None),
        ("f1", "binary_hinge", [1, 1], None),
        ("accuracy", "hinge", [2, 2], None),
        ("r2", "mse", [[2.0], [2.5]], None),
        ("loss", "mse", [[2.0], [2.0]], None),
    ],
)
def test_a_monitor_that_targets_cannot_have(monitor: str, loss: str, y: Any, reason: str | None) -> None:
    settings = {"delta": 1.0, "squared": False} if loss == "hinge" else {}
    targets = np.array(y)
    split = Split(np.zeros((2, 1)), targets, np.arange(2))
    if reason is None:
        require_defined(monitor, LOSSES[loss](**settings), split, "validation")
        return
    with pytest.raises(ConfigError, match=f"{monitor} is not defined for the validation split, as {reason}"):
        require_defined(monitor, LOSSES[loss](**settings), split, "validation")


def test_many_rows_are_evaluated_in_pieces() -> None:
    rng = np.random.default_rng(0)
    network = Network(plan_widths((3, 2)))
    network.initialize(rng)
    X, y = rng.standard_normal((1203, 3)).astype(np.float32), rng.integers(0, 2, 1203)
    rows = rng.permutation(1203)
    batches = Batches(Split(X, y, rows), Transform.fit("none", X, rows))
    logits = X[rows] @ network.dense[0].W
    np.testing.assert_allclose(compute_logits(network, batches), logits, atol=1e-5)
    scores = quick_scores(network, LOSSES["hinge"](delta=1.0, squared=False), batches)
    margins = np.maximum(0, 1 - (2 * y[rows] - 1) * (logits[:, 1] - logits[:, 0]))
    assert scores["loss"] == pytest.approx(margins.mean(), rel=1e-5)
    assert scores["accuracy"] == np.mean((logits[:, 1] > logits[:, 0]) == y[rows])


def test_a_thousand_classes_have_a_confusion_matrix_and_more_have_only_their_mistakes() -> None:
    for classes in (1000, 1001):
        y = np.array([3, 3, 3, 7, 9])
        logits = np.zeros((5, classes))
        logits[np.arange(5), [3, 5, 5, 0, 9]] = 9
        names = tuple(map(str, range(classes)))
        report = full_report(
            LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None), logits, y, names
        )
        assert report["accuracy"] == 0.4
        assert report["mistakes"] == [
            {"class": "3", "predicted": "5", "count": 2},
            {"class": "7", "predicted": "0", "count": 1},
        ]
        assert report["classes"][3]["recall"] == pytest.approx(1 / 3)
        assert (report["confusion"] is None) == (classes > 1000)
    full = np.array(
        full_report(
            LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None), logits[:, :10], y, names[:10]
        )["confusion"]
    )
    assert full[3, 5] == 2


def test_scores_of_many_classes_take_no_table_of_classes_by_classes() -> None:
    classes = 20_000  # whose table would take 3.2 GB
    y = np.array([3, 19_999])
    names = tuple(map(str, range(classes)))
    loss = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None)
    tracemalloc.start()
    full_report(loss, np.zeros((2, classes)), y, names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("accuracy", 0.5, "50.00%"),
        ("loss", 0.5, "0.5000"),
        ("r2", None, "-"),
        ("r2", -2.5e-5, "0.0000"),
        ("f1", None, "-"),
    ],
)
def test_scores_as_text(name: str, value: Any, expected: str) -> None:
    assert score_text(name, value) == expected
