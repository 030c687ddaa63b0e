"""Losses: known values, means over the batch, stability for logits of any size."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.losses import LOSSES, Loss


def make(name: str) -> Loss:
    """Return a loss with the defaults of the schema."""
    return build_loss(validate_experiment({"data": {"name": "npz", "path": "any.npz"}, "loss": name}, Path()))


SCORES = [[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]
VALUES, TARGETS = [[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [2.0, 1.0]]
# name: logits, y, loss worked by hand
KNOWN: dict[str, tuple[Any, Any, float]] = {
    # -log(e^1 / (e^3 + e^1 + e^2)), and log 3 for three equal scores
    "cross_entropy": (SCORES, [1, 0], (math.log(math.e**2 + 1 + math.e) + math.log(3)) / 2),
    # (3 - 1 + 1) + (2 - 1 + 1) = 5, and 2 margins of 1
    "hinge": (SCORES, [1, 0], (5 + 2) / 2),
    # log(1 + e^-2) if correct, log(1 + e^1) if wrong
    "binary_cross_entropy": ([[2.0], [1.0]], [1, 0], (math.log(1 + math.e**-2) + math.log(1 + math.e)) / 2),
    # 0 beyond the margin, 1 + 1 on the wrong side
    "binary_hinge": ([[2.0], [1.0]], [1, 0], (0 + 2) / 2),
    "mse": (VALUES, TARGETS, (0 + 4 + 1 + 9) / 4),
    "mae": (VALUES, TARGETS, (0 + 2 + 1 + 3) / 4),
    # d**2 / 2 up to 1, then d - 1 / 2
    "huber": (VALUES, TARGETS, (0 + 1.5 + 0.5 + 2.5) / 4),
}


@pytest.mark.parametrize("name", LOSSES)
def test_known_values(name: str) -> None:
    logits, y, expected = KNOWN[name]
    assert make(name).evaluate(np.array(logits), np.array(y), None) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_is_a_mean_over_the_batch(name: str) -> None:
    logits, y = np.array(KNOWN[name][0]), np.array(KNOWN[name][1])
    loss, once, twice = make(name), np.empty_like(logits), np.empty((2 * len(y), logits.shape[1]))
    value = loss.evaluate(logits, y, once)
    assert loss.evaluate(np.tile(logits, (2, 1)), np.concatenate([y, y]), twice) == pytest.approx(value)
    np.testing.assert_allclose(twice[: len(y)] + twice[len(y) :], once)


WEIGHTED = [*LOSSES, "weighted classes"]


def batch(name: str) -> tuple[Loss, NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    """Return a loss with logits, targets and weights of mean 1, of which one is 0."""
    rng = np.random.default_rng(0)
    classes: dict[str, Any] = {"label_smoothing": 0.1, "class_weights": [1.0, 2.0, 5.0]}
    loss = make(name) if name in LOSSES else LOSSES["cross_entropy"](**classes)
    logits = rng.standard_normal((8, 1 if loss.binary else 3))
    y = rng.standard_normal((8, 3)) if loss.outputs == "values" else rng.integers(0, 2, 8)
    return loss, logits, y, np.array([2, 1, 0, 1, 1, 1, 1, 1.0])


@pytest.mark.parametrize("name", WEIGHTED)
def test_an_example_of_weight_2_counts_like_two(name: str) -> None:
    loss, logits, y, weights = batch(name)
    rows = np.repeat(np.arange(8), weights.astype(int))
    weighted, repeated = np.empty_like(logits), np.empty_like(logits)
    value = loss.evaluate(logits, y, weighted, weights)
    assert value == pytest.approx(loss.evaluate(logits[rows], y[rows], repeated))
    summed = np.zeros_like(logits)
    np.add.at(summed, rows, repeated)
    np.testing.assert_allclose(weighted, summed, atol=1e-15)
    if loss.outputs != "values":
        assert loss.count_correct(logits, y, weights) == loss.count_correct(logits[rows], y[rows])


@pytest.mark.parametrize("name", WEIGHTED)
def test_the_gradient_of_weighted_examples(name: str) -> None:
    loss, logits, y, weights = batch(name)
    weights = np.random.default_rng(1).uniform(0, 3, 8)
    dlogits, step = np.empty_like(logits), 1e-6
    loss.evaluate(logits, y, dlogits, weights)
    for place in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[place] += step
        down[place] -= step
        slope = (loss.evaluate(up, y, None, weights) - loss.evaluate(down, y, None, weights)) / (2 * step)
        assert dlogits[place] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_of_1_change_nothing(name: str) -> None:
    loss, logits, y, _ = batch(name)
    plain, weighted = np.empty_like(logits), np.empty_like(logits)
    assert loss.evaluate(logits, y, weighted, np.ones(8)) == pytest.approx(loss.evaluate(logits, y, plain))
    np.testing.assert_allclose(weighted, plain)


@pytest.mark.parametrize("name", LOSSES)
def test_huge_logits_do_not_overflow(name: str) -> None:
    loss = make(name)
    width = 1 if loss.binary else 3
    logits = np.array([[1e4] * width, [-1e4] * width, [1e4, -1e4, 0][:width]], np.float32)
    y = np.zeros((3, width), np.float32) if loss.outputs == "values" else np.array([0, 1, 1])
    dlogits = np.empty_like(logits)
    assert math.isfinite(loss.evaluate(logits, y, dlogits))  # warnings are errors
    assert np.isfinite(dlogits).all()
    interpreted = loss.predict(logits)
    assert np.isfinite(interpreted).all()
    if loss.outputs == "probabilities":
        np.testing.assert_allclose(interpreted.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_evaluate_does_not_change_the_logits(name: str) -> None:
    logits, y = np.array(KNOWN[name][0]), np.array(KNOWN[name][1])
    before = logits.copy()
    loss = make(name)
    loss.evaluate(logits, y, np.empty_like(logits))
    loss.predict(logits)[...] = 0
    np.testing.assert_array_equal(logits, before)


def test_predictions() -> None:
    logits, one = np.log([[1.0, 2.0, 5.0]]), np.log([[3.0], [0.25]])
    np.testing.assert_allclose(make("cross_entropy").predict(logits), [[1 / 8, 2 / 8, 5 / 8]])
    np.testing.assert_allclose(make("binary_cross_entropy").predict(one), [[1 / 4, 3 / 4], [4 / 5, 1 / 5]])
    np.testing.assert_array_equal(make("hinge").predict(logits), logits)
    np.testing.assert_array_equal(make("binary_hinge").predict(one), np.hstack([-one, one]))
    np.testing.assert_array_equal(make("mse").predict(logits), logits)


@pytest.mark.parametrize("name", LOSSES)
def test_the_average_of_logits_stands_for_the_mean_prediction(name: str) -> None:
    loss = make(name)
    logits = 5 * np.random.default_rng(0).standard_normal((3, 20, 1 if loss.binary else 4))
    logits[0, 0] = 800  # of which the exponential overflows
    expected = np.mean([loss.predict(each) for each in logits], axis=0)
    np.testing.assert_allclose(loss.predict(loss.average(logits)), expected, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in LOSSES if make(name).outputs != "values"])
def test_the_class_is_the_column_with_the_highest_score(name: str) -> None:
    loss = make(name)
    logits = np.random.default_rng(0).standard_normal((50, 1 if loss.binary else 4))
    np.testing.assert_array_equal(loss.classify(logits), loss.predict(logits).argmax(axis=1))


def test_initial_losses_are_those_of_the_notes() -> None:
    """With equal scores, a classifier of C classes starts at log C, or at C - 1 margins (CS231n)."""
    logits, y = np.zeros((5, 10)), np.arange(5)
    assert make("cross_entropy").evaluate(logits, y, None) == pytest.approx(math.log(10))
    assert make("hinge").evaluate(logits, y, None) == 9
    assert LOSSES["hinge"](delta=0.5, squared=False).evaluate(logits, y, None) == 4.5


def test_a_squared_hinge_by_hand() -> None:
    loss = LOSSES["hinge"](delta=1.0, squared=True)
    # margins 3 - 1 + 1 and 2 - 1 + 1; then 1 and 1
    assert loss.evaluate(np.array(SCORES), np.array([1, 0]), None) == (9 + 4 + 1 + 1) / 2


def test_smoothed_labels_by_hand() -> None:
    """With e = 0.3 and three classes the target of class 1 is 0.1, 0.8, 0.1."""
    p = np.array([0.2, 0.5, 0.3])
    loss, dlogits = LOSSES["cross_entropy"](label_smoothing=0.3, class_weights=None), np.empty((1, 3))
    value = loss.evaluate(np.log([p]), np.array([1]), dlogits)
    assert value == pytest.approx(-(0.1 * math.log(0.2) + 0.8 * math.log(0.5) + 0.1 * math.log(0.3)))
    np.testing.assert_allclose(dlogits, [p - [0.1, 0.8, 0.1]])


def test_huber_is_mse_for_small_errors_and_mae_for_large_ones() -> None:
    small, large, zero = np.full((4, 1), 0.01), np.full((4, 1), 1e4), np.zeros((4, 1))
    huber = LOSSES["huber"](delta=1.0)
    assert huber.evaluate(small, zero, None) == pytest.approx(make("mse").evaluate(small, zero, None) / 2)
    assert huber.evaluate(large, zero, None) == pytest.approx(
        make("mae").evaluate(large, zero, None), rel=1e-3
    )


def test_weighted_classes_by_hand() -> None:
    """With weights 1, 2, 5 and labels 0 and 1: (1 l_0 + 2 l_1) / (1 + 2), as in PyTorch."""
    loss, dlogits = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=[1, 2, 5]), np.empty((2, 3))
    p = np.array([[0.5, 0.2, 0.3], [0.6, 0.1, 0.3]])
    value = loss.evaluate(np.log(p) + 7, np.array([0, 1]), dlogits)
    assert value == pytest.approx(-(1 * math.log(0.5) + 2 * math.log(0.1)) / 3)
    np.testing.assert_allclose(dlogits, [(p[0] - [1, 0, 0]) / 3, 2 * (p[1] - [0, 1, 0]) / 3])


def test_equal_weights_change_nothing() -> None:
    logits, y = np.random.default_rng(0).standard_normal((6, 3)), np.arange(6) % 3
    for e in (0.0, 0.2):
        plain, weighted = np.empty((6, 3)), np.empty((6, 3))
        value = LOSSES["cross_entropy"](label_smoothing=e, class_weights=None).evaluate(logits, y, plain)
        other = LOSSES["cross_entropy"](label_smoothing=e, class_weights=[2, 2, 2]).evaluate(
            logits, y, weighted
        )
        assert other == pytest.approx(value)
        np.testing.assert_allclose(weighted, plain)


def test_a_batch_whose_weights_are_all_zero_has_no_loss() -> None:
    loss, dlogits = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=[0, 1]), np.empty((2, 2))
    assert loss.evaluate(np.ones((2, 2)), np.array([0, 0]), dlogits) == 0
    assert not dlogits.any()


@pytest.mark.parametrize("name", ["cross_entropy", "hinge"])
def test_memory_grows_with_the_rows_and_not_with_the_square_of_the_classes(name: str) -> None:
    loss = build_loss(validate_experiment({"data": "spiral", "loss": name}, Path()))
    rows, classes = 8, 10_000
    logits, y = np.ones((rows, classes), np.float32), np.arange(rows)
    gradient = np.empty_like(logits)
    tracemalloc.start()
    loss.evaluate(logits, y, gradient)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * logits.nbytes  # a table of classes x classes would be 1,250 times as large
