"""Student's t: values of printed tables, examples worked by hand, and SciPy beside it."""

from __future__ import annotations

from math import atan, isinf, pi, sqrt
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mlpcli.sweep.student import holm, paired, quantile, two_sided, welch

# Percentage points of the t distribution, two-sided: Fisher and Yates, Statistical Tables, table III.
TABLE = {
    (1, 0.95): 12.706,
    (2, 0.95): 4.303,
    (3, 0.95): 3.182,
    (4, 0.95): 2.776,
    (9, 0.95): 2.262,
    (30, 0.95): 2.042,
    (120, 0.95): 1.980,
    (1, 0.9): 6.314,
    (5, 0.99): 4.032,
    (10, 0.999): 4.587,
}
VALUES = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=2, max_size=8)


@pytest.mark.parametrize(("degrees", "level"), TABLE)
def test_quantiles_are_those_of_the_printed_table(degrees: int, level: float) -> None:
    assert round(quantile(degrees, level), 3) == TABLE[degrees, level]


@pytest.mark.parametrize("t", [0, 0.01, 0.7, 1, 3, 12.7, 500])
def test_one_and_two_degrees_of_freedom_have_closed_forms(t: float) -> None:
    assert two_sided(t, 1) == pytest.approx(1 - 2 * atan(t) / pi, abs=1e-14)
    assert two_sided(t, 2) == pytest.approx(1 - t / sqrt(2 + t * t), abs=1e-14)


@pytest.mark.parametrize("degrees", [1, 1.37, 2, 5, 30, 1000])
def test_probabilities_are_those_of_scipy(degrees: float) -> None:
    for t in (0.0, 0.5, 1.0, 2.5, 40.0):
        assert two_sided(t, degrees) == pytest.approx(2 * stats.t.sf(t, degrees), abs=1e-12)
    assert quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-10)


def test_a_paired_interval_worked_by_hand() -> None:
    """Mean 2, s^2 = (1 + 0 + 1) / 2 = 1, error 1 / sqrt(3), t(2) = 4.303: half the width is 2.484."""
    found = paired([1.0, 2.0, 3.0])
    assert found.value == 2.0
    assert found.low == pytest.approx(2 - 2.484, abs=1e-3)
    assert found.high == pytest.approx(2 + 2.484, abs=1e-3)
    assert found.p == pytest.approx(1 - sqrt(12) / sqrt(2 + 12), abs=1e-12)  # t = 2 sqrt(3)


def test_welchs_interval_worked_by_hand() -> None:
    """Means 2 and 6, u = 1 / 3 and v = 8 / 2 = 4: 4 1/3 squared over 1/18 + 16, 1.1696 degrees of freedom."""
    found = welch([1.0, 2.0, 3.0], [4.0, 8.0])
    degrees = (13 / 3) ** 2 / (1 / 18 + 16)
    assert found.value == -4.0
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, degrees) * sqrt(13 / 3), rel=1e-9)


@settings(max_examples=25)
@given(VALUES, VALUES)
def test_differences_are_those_of_scipy(a: list[float], b: list[float]) -> None:
    if len(set(a)) > 1 and len(set(b)) > 1:
        ours, theirs = welch(a, b), stats.ttest_ind(a, b, equal_var=False)
        assert ours.p == pytest.approx(theirs.pvalue, abs=1e-9)
        interval = theirs.confidence_interval()
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)
    if len(set(a)) > 1:
        ours, one = paired(a), stats.ttest_1samp(a, 0)
        assert ours.p == pytest.approx(one.pvalue, abs=1e-9)
        interval = one.confidence_interval()
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-6)


@settings(max_examples=25)
@given(VALUES)
def test_the_order_of_values_does_not_matter(a: list[float]) -> None:
    assert paired(a) == paired(sorted(a))


def test_without_a_spread_the_interval_is_the_mean() -> None:
    found = paired([0.5, 0.5])
    assert (found.low, found.high, found.p) == (0.5, 0.5, 0.0)
    assert paired([0.0, 0.0]).p == 1.0
    same = welch([1.0, 1.0], [2.0, 2.0])
    assert (same.low, same.high, same.p) == (-1.0, -1.0, 0.0)


def test_holm_worked_by_hand() -> None:
    """Of four, 0.01 is compared with 0.0125, 0.015 with 0.0167, 0.03 with 0.025, where it ends."""
    assert holm([0.03, 0.01, 0.049, 0.015]) == [False, True, False, True]
    assert holm([0.03]) == [True]
    assert holm([0.03, 0.04]) == [False, False]
    assert holm([]) == []


def test_intervals_hold_as_often_as_they_say() -> None:
    """Of 500 samples of three, and of pairs of samples, 95 % of the intervals hold the true mean."""
    import random

    rng = random.Random(0)
    held = {"paired": 0, "welch": 0}
    for _ in range(500):
        a, b = ([rng.gauss(0, scale) for _ in range(n)] for scale, n in ((1, 3), (3, 4)))
        held["paired"] += abs(fmean(a)) <= (paired(a).high - paired(a).low) / 2
        found = welch(a, b)
        held["welch"] += found.low <= 0 <= found.high
    assert not isinf(found.high)
    for times in held.values():
        assert 0.93 <= times / 500 <= 0.97
