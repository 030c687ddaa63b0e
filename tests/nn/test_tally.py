"""Tallies: what is added up of pieces is what all rows together have."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mlpcli.nn.losses import LOSSES
from mlpcli.nn.measures import MEASURES, best_threshold, measure_all
from mlpcli.nn.outcomes import Classified, Regressed
from mlpcli.nn.tally import ClassTally, ValueTally

SOFTMAX = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None)
N = 200
CUTS = [0, 1, 1, 40, 137, N]
RNG = np.random.default_rng(0)
WEIGHTS = {"equal": None, "weighted": RNG.integers(0, 3, N).astype(float)}


def classified(classes: int, weights: Any, some: slice = slice(None)) -> Classified:
    """Return rows that are often right, of two classes or more."""
    rng = np.random.default_rng(classes)
    logits, y = rng.normal(size=(N, classes)), rng.integers(0, classes, N)
    logits[np.arange(N), y] += 1
    return Classified.of(SOFTMAX, logits[some], y[some], None if weights is None else weights[some])


def tallied(classes: int, weights: Any, most: int = N) -> ClassTally:
    tally = ClassTally(most, np.random.default_rng(1))
    for start, stop in pairwise(CUTS):
        tally.add(classified(classes, weights, slice(start, stop)))
    return tally


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("classes", [2, 5])
def test_classes_have_the_measures_of_all_rows(classes: int, weights: str) -> None:
    whole, tally = classified(classes, WEIGHTS[weights]), tallied(classes, WEIGHTS[weights])
    (values, undefined), (expected, reasons) = measure_all(tally), measure_all(whole)
    assert values == pytest.approx(expected)
    assert undefined == reasons
    for name in ("confusion", "supports", "predictions", "correct"):
        np.testing.assert_allclose(getattr(tally, name), getattr(whole, name))
        assert getattr(tally, name).dtype == getattr(whole, name).dtype
    np.testing.assert_allclose(sorted(tally.mistakes(9)), sorted(whole.mistakes(9)))
    if classes == 2:
        assert best_threshold(tally) == pytest.approx(best_threshold(whole))


def test_counts_are_scaled_by_a_factor_of_the_weights() -> None:
    tally, whole = tallied(3, WEIGHTS["weighted"]), classified(3, WEIGHTS["weighted"])
    tally.scale = 0.5
    np.testing.assert_allclose(tally.confusion, whole.confusion / 2)
    assert tally.mistakes(2) == [(i, j, n / 2) for i, j, n in whole.mistakes(2)]


def test_a_ranking_takes_some_of_the_rows_and_counts_take_all() -> None:
    """Which rows, the generator decides, not the pieces nor what was predicted."""
    tally, whole = tallied(2, None, most=50), classified(2, None)
    assert len(tally.ranked.y) == 50
    assert len(tally.ranked.y) == 50  # asked again
    assert tally.rows == N
    values, expected = measure_all(tally)[0], measure_all(whole)[0]
    for name in MEASURES.keys() & values.keys():
        if name in ("roc_auc", "pr_auc"):
            assert values[name] == pytest.approx(expected[name], abs=0.15)
            assert values[name] == MEASURES[name].compute(tally.ranked)
        else:
            assert values[name] == pytest.approx(expected[name])
    at_once = ClassTally(50, np.random.default_rng(1))
    at_once.add(whole)
    assert at_once.ranked.y.tolist() == tally.ranked.y.tolist()
    assert at_once.ranked.logits.tolist() == tally.ranked.logits.tolist()


def test_each_row_is_as_likely_to_be_ranked() -> None:
    counts = np.zeros(100)
    for seed in range(300):
        tally = ClassTally(20, np.random.default_rng(seed))
        for start in range(0, 100, 10):
            y = np.arange(start, start + 10)
            tally.add(Classified(y % 2, y % 2, np.stack([y, -y], axis=1) * 1.0, True))
        counts[np.rint(tally.ranked.logits[:, 0]).astype(int)] += 1
    assert counts.sum() == 300 * 20
    assert np.abs(counts - 60).max() < 35  # five standard deviations of 60


def test_scores_of_an_svm_have_no_probabilities() -> None:
    z, y = RNG.normal(size=(N, 1)), RNG.integers(0, 2, N)
    loss = LOSSES["binary_hinge"]()
    tally = ClassTally(N, np.random.default_rng(0))
    for some in (slice(0, 90), slice(90, N)):
        tally.add(Classified.of(loss, z[some], y[some]))
    values, undefined = measure_all(Classified.of(loss, z, y))
    assert measure_all(tally) == (pytest.approx(values), undefined)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_values_have_the_measures_of_all_rows(offset: float, weights: str) -> None:
    """Also where the spread is small beside the values, and where some are 0."""
    own = WEIGHTS[weights]
    y = RNG.normal(size=(N, 2)) + offset
    y[7, 0] = 0 if not offset else y[7, 0]
    values = y + RNG.normal(size=(N, 2))
    whole, tally = Regressed.of(y, values, own), ValueTally()
    for start, stop in pairwise(CUTS):
        some = slice(start, stop)
        tally.add(Regressed.of(y[some], values[some], None if own is None else own[some]))
    assert tally.targets == 2
    for one, all_rows in [(tally, whole), *((tally.target(i), whole.target(i)) for i in range(2))]:
        found, reasons = measure_all(one)
        expected, undefined = measure_all(all_rows)
        assert found == pytest.approx(expected)
        assert reasons == undefined
