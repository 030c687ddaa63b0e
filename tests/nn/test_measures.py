"""Measures: beside values worked by hand, and definitions written out in loops over all pairs of rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.nn.losses import LOSSES, Loss
from mlpcli.nn.measures import MEASURES, best_threshold, count_above, measure_all
from mlpcli.nn.outcomes import Classified, Regressed, UndefinedError, measure_calibration

SOFTMAX = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None)
Floats = NDArray[np.float64]


def of_probabilities(p: list[float], y: list[int], loss: Loss | None = None) -> Classified:
    """Return rows of two classes with these probabilities of the second one."""
    odds = np.array(p)
    return Classified.of(
        loss or LOSSES["binary_cross_entropy"](), np.log(odds / (1 - odds))[:, None], np.array(y)
    )


def drawn(classes: int, n: int = 60, seed: int = 0) -> Classified:
    """Return rows whose logits have few different values, so that many rank alike."""
    rng = np.random.default_rng(seed)
    logits, y = rng.integers(-3, 4, (n, classes)).astype(np.float32), rng.integers(0, classes, n)
    logits[np.arange(n), y] += 1
    return Classified.of(SOFTMAX, logits, y)


def brute_auc(scores: Floats, is_class: NDArray[np.bool_]) -> float:
    """Return the share of pairs of a row of the class and another in which the first ranks higher."""
    wins = [(a > b) + (a == b) / 2 for a in scores[is_class] for b in scores[~is_class]]
    return float(np.mean(wins))


def brute_average_precision(scores: Floats, is_class: NDArray[np.bool_]) -> float:
    """Return the mean over the rows of the class of the precision among the rows that rank no lower."""
    return float(np.mean([is_class[scores >= score].mean() for score in scores[is_class]]))


# Two classes, worked by hand. Ranked: .9 yes, .8 no, .7 yes, .6 yes, .3 no, .2 no.
P, Y = [0.9, 0.8, 0.7, 0.6, 0.3, 0.2], [1, 0, 1, 1, 0, 0]
BY_HAND = {
    "accuracy": 5 / 6,
    "balanced_accuracy": (1 + 2 / 3) / 2,
    "log_loss": -math.log(0.9 * 0.2 * 0.7 * 0.6 * 0.7 * 0.8) / 6,
    "roc_auc": 7 / 9,  # of nine pairs, the two of .8 with .7 and .6 are the wrong way round
    "pr_auc": (1 + 2 / 3 + 3 / 4) / 3,
    "f1": 2 * 3 / (3 + 4),
    # .8 is in one bin, once wrong and once right; so is .7, twice right; .9 and .6 are alone and right.
    "ece": (abs(1 - 1.6) + abs(2 - 1.4) + 0.1 + 0.4) / 6,
    "brier": (0.1**2 + 0.8**2 + 0.3**2 + 0.4**2 + 0.3**2 + 0.2**2) / 6,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_two_classes_by_hand(name: str) -> None:
    assert MEASURES[name].compute(of_probabilities(P, Y)) == pytest.approx(BY_HAND[name])


def test_three_classes_by_hand() -> None:
    predicted, y = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 2])
    values, undefined = measure_all(Classified.of(SOFTMAX, np.eye(4)[predicted] * 3, y))
    assert undefined == {}
    p = math.exp(3) / (math.exp(3) + 3)
    q = (1 - p) / 3
    assert values["accuracy"] == pytest.approx(4 / 6)
    assert values["balanced_accuracy"] == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert values["f1"] == pytest.approx(2 / 3)  # that of each of the three classes that occur
    assert values["log_loss"] == pytest.approx(-(4 * math.log(p) + 2 * math.log(q)) / 6)
    assert values["brier"] == pytest.approx(
        (4 * ((1 - p) ** 2 + 3 * q**2) + 2 * (p**2 + (1 - q) ** 2 + 2 * q**2)) / 6
    )
    assert values["ece"] == pytest.approx(p - 4 / 6)  # all are equally sure
    # Rows of the class that are predicted rank above others that are not, and like those that are.
    areas = [4 / 5 + 1 / 10, 2 / 3 * (2 / 3 + 1 / 6) + 1 / 3 * (2 / 3) / 2, 1 / 2 + 1 / 4]
    assert values["roc_auc"] == pytest.approx(np.mean(areas))


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_all_pairs_of_rows(classes: int, seed: int) -> None:
    rows = drawn(classes, seed=seed)
    of_interest = [1] if classes == 2 else range(classes)
    p = rows.probabilities.round(12)  # softmax of equal logits is equal but for its last digits
    roc = np.mean([brute_auc(p[:, k], rows.y == k) for k in of_interest])
    pr = np.mean([brute_average_precision(p[:, k], rows.y == k) for k in of_interest])
    assert MEASURES["roc_auc"].compute(rows) == pytest.approx(roc)
    assert MEASURES["pr_auc"].compute(rows) == pytest.approx(pr)


def test_rows_that_are_as_sure_as_numbers_can_be_still_rank() -> None:
    """As probabilities, all of these are 1."""
    z, y = np.array([[60.0], [50], [40]]), np.array([1, 1, 0])
    rows = Classified.of(LOSSES["binary_cross_entropy"](), z, y)
    assert MEASURES["roc_auc"].compute(rows) == 1
    assert MEASURES["log_loss"].compute(rows) == pytest.approx(40 / 3)
    three = Classified.of(SOFTMAX, np.hstack([np.zeros((3, 1)), z, np.zeros((3, 1))]), y)
    assert (three.probabilities[:, 1] == 1).all()
    assert MEASURES["roc_auc"].compute(three) == 1


def test_one_output_measures_like_two() -> None:
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((50, 1)), rng.integers(0, 2, 50)
    one = measure_all(Classified.of(LOSSES["binary_cross_entropy"](), z, y))
    two = measure_all(Classified.of(SOFTMAX, np.hstack([-z / 2, z / 2]), y))
    assert one[0] == pytest.approx(two[0])
    assert one[1] == two[1] == {}


def test_calibration_by_hand() -> None:
    """Four bins of confidence: (.5, .75] holds .6 right and .7 wrong, (.75, 1] holds .8, .9 and 1 right."""
    rows = of_probabilities([0.6, 0.7, 0.8, 0.1, 1 - 1e-12], [1, 0, 1, 0, 1])
    counts, confidence, accuracy = measure_calibration(rows, bins=4)
    assert counts.tolist() == [0, 0, 2, 3]
    np.testing.assert_allclose(confidence[2:], [0.65, 0.9])
    np.testing.assert_allclose(accuracy[2:], [0.5, 1])
    assert np.isnan(confidence[:2]).all()


def test_the_calibration_error_is_the_mean_distance_over_fifteen_bins() -> None:
    rows = drawn(3, n=500)
    confidence, right = rows.probabilities.max(axis=1), rows.predicted == rows.y
    error = 0.0
    for low, high in ((i / 15, (i + 1) / 15) for i in range(15)):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert MEASURES["ece"].compute(rows) == pytest.approx(error)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_threshold_is_that_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.integers(1, 20, 40) / 20, rng.integers(0, 2, 40)

    def f1(threshold: float) -> float:
        predicted = p >= threshold
        return float(2 * np.sum(predicted & (y == 1)) / (predicted.sum() + y.sum()))

    threshold, best = best_threshold(of_probabilities(p.tolist(), y.tolist()))
    assert best == pytest.approx(max(f1(value) for value in p))
    assert f1(threshold) == pytest.approx(best)


def test_the_best_threshold_has_few_digits() -> None:
    assert best_threshold(of_probabilities([0.411, 0.389, 0.2], [1, 0, 0])) == (0.4, 1.0)
    assert best_threshold(of_probabilities([0.4112, 0.4111], [1, 0]))[0] == pytest.approx(0.41115)


def test_count_above_takes_equal_scores_together() -> None:
    counts = count_above(np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, False]))
    assert [part.tolist() for part in counts] == [[0.9, 0.5, 0.1], [1, 2, 2], [0, 1, 2]]


# What has no value, and why.
ONE_CLASS = "only one class occurs"
SCORES = "the network gives scores, not probabilities"


def test_an_svm_has_no_probabilities_but_ranks() -> None:
    values, undefined = measure_all(of_probabilities(P, Y, LOSSES["binary_hinge"]()))
    assert undefined == {"log_loss": SCORES, "ece": SCORES, "brier": SCORES}
    assert {name for name, measure in MEASURES.items() if measure.needs_probabilities} == undefined.keys()
    assert values["roc_auc"] == pytest.approx(BY_HAND["roc_auc"])
    with pytest.raises(UndefinedError, match="scores"):
        best_threshold(of_probabilities(P, Y, LOSSES["binary_hinge"]()))


def test_rows_of_one_class() -> None:
    values, undefined = measure_all(of_probabilities([0.9, 0.4], [1, 1]))
    assert undefined == {"roc_auc": ONE_CLASS, "pr_auc": ONE_CLASS}
    assert (values["roc_auc"], values["balanced_accuracy"]) == (None, 0.5)
    _, undefined = measure_all(of_probabilities([0.9, 0.4], [0, 0]))
    assert undefined["f1"] == "the second class does not occur"
    with pytest.raises(UndefinedError, match="does not occur"):
        best_threshold(of_probabilities([0.9, 0.4], [0, 0]))


def test_a_class_that_does_not_occur_counts_in_no_mean() -> None:
    rows = drawn(3)
    values = measure_all(rows)[0]
    wider = np.hstack([rows.logits, np.full((len(rows.y), 1), -99.0)])
    assert measure_all(Classified(rows.y, rows.predicted, wider, True))[0] == pytest.approx(values)


def test_a_regression_by_hand() -> None:
    # errors 0, -2, 1; the mean of y is 3, the squared deviations from it 4, 1, 1
    rows = Regressed(np.array([[1.0], [4], [4]]), np.array([[1.0], [2], [5]]))
    values, undefined = measure_all(rows)
    assert undefined == {}
    assert values == pytest.approx(
        {
            "mse": 5 / 3,
            "rmse": math.sqrt(5 / 3),
            "mae": 1,
            "mape": (2 / 4 + 1 / 4) / 3,
            "r2": 1 - 5 / 6,
        }
    )


def test_several_targets_are_the_mean_of_each() -> None:
    rng = np.random.default_rng(0)
    y, values = rng.standard_normal((20, 3)) + 5, rng.standard_normal((20, 3)) + 5
    rows = Regressed(y, values)
    each = [measure_all(rows.target(i))[0] for i in range(3)]
    for name, value in measure_all(rows)[0].items():
        assert value == pytest.approx(np.mean([of_one[name] for of_one in each]))  # type: ignore[type-var]
    assert measure_all(rows)[0]["mse"] == pytest.approx(np.mean((y - values) ** 2))


def test_a_target_without_a_value_counts_in_no_mean() -> None:
    y = np.array([[1.0, 7], [2, 7], [0, 7]])
    values, undefined = measure_all(Regressed(y, y + 1))
    assert values["r2"] == pytest.approx(1 - 3 / 2)
    assert values["mape"] == pytest.approx(1 / 7)
    assert undefined == {}
    values, undefined = measure_all(Regressed(y, y + 1).target(1))
    assert (values["r2"], undefined) == (None, {"r2": "the true values do not vary"})
    assert measure_all(Regressed(y, y + 1).target(0))[1] == {"mape": "1 of 3 true values are 0"}


def test_what_64_bits_cannot_hold_is_no_number() -> None:
    values, undefined = measure_all(Regressed(np.array([[1e200], [2e200]]), np.array([[3e200], [3e200]])))
    assert values["mse"] is None
    assert undefined["mse"] == "it is past what 64 bits can hold"
    assert values["mae"] == pytest.approx(1.5e200)


@pytest.mark.parametrize("name", MEASURES)
def test_better_outputs_measure_better(name: str) -> None:
    measure = MEASURES[name]
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    if measure.task == "classification":
        signal = (2.0 * y - 1)[:, None]
        good, bad = (
            Classified.of(LOSSES["binary_cross_entropy"](), size * signal + rng.standard_normal((200, 1)), y)
            for size in (3.0, 0.1)
        )
        results = measure.compute(good), measure.compute(bad)
    else:
        values = rng.uniform(1, 2, (200, 1))
        noise = rng.standard_normal((200, 1))
        of_noise = [Regressed(values, values + size * noise) for size in (0.01, 0.5)]
        results = measure.compute(of_noise[0]), measure.compute(of_noise[1])
    assert (results[0] > results[1]) == measure.higher_is_better


@pytest.mark.parametrize("classes", [2, 4])
def test_a_row_of_weight_2_counts_like_two(classes: int) -> None:
    plain = drawn(classes, seed=1)
    times = np.random.default_rng(2).integers(0, 4, len(plain.y))
    rows = np.repeat(np.arange(len(times)), times)
    weighted = Classified.of(SOFTMAX, plain.logits, plain.y, times / 7)
    repeated = Classified.of(SOFTMAX, plain.logits[rows], plain.y[rows])
    values, undefined = measure_all(weighted)
    assert values == pytest.approx(measure_all(repeated)[0])
    assert not undefined
    np.testing.assert_allclose(7 * weighted.confusion, repeated.confusion)
    if classes == 2:
        assert best_threshold(weighted) == pytest.approx(best_threshold(repeated))
    for of_weighted, of_repeated in zip(
        measure_calibration(weighted), measure_calibration(repeated), strict=True
    ):
        factor = 7 if of_weighted.sum() != of_repeated.sum() and np.isfinite(of_weighted).all() else 1
        np.testing.assert_allclose(factor * of_weighted, of_repeated)


def test_a_row_of_weight_2_counts_like_two_in_a_regression() -> None:
    rng = np.random.default_rng(0)
    y, times = rng.standard_normal((30, 2)), rng.integers(0, 4, 30)
    y[times == 0] = 0  # which would leave a relative error without a value
    values, rows = y + rng.standard_normal((30, 2)), np.repeat(np.arange(30), times)
    weighted, repeated = Regressed.of(y, values, times * 1.5), Regressed.of(y[rows], values[rows])
    assert measure_all(weighted)[0] == pytest.approx(measure_all(repeated)[0])
    assert measure_all(weighted.target(1))[0] == pytest.approx(measure_all(repeated.target(1))[0])
