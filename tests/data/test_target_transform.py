"""Transforms of targets: values by hand, monotone curves that can be undone, and tails that stay sane."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlpcli.data.target_transform import BENDS, MOST_KNOTS, TargetTransform
from mlpcli.errors import DataError

KINDS = ["none", *BENDS]
SCORE = NormalDist().inv_cdf


def heavy(n: int = 500, seed: int = 0) -> NDArray[np.float64]:
    """Return targets (n, 2) with a long tail: all above 0, and with many zeros."""
    y = np.exp(2 * np.random.default_rng(seed).standard_normal((n, 2)))
    y[y[:, 1] < 1, 1] = 0
    return y


def fit(kind: str, y: NDArray[np.float64]) -> TargetTransform:
    return TargetTransform.fit(kind, y, np.arange(len(y)))


def test_without_a_bend_targets_are_standardized() -> None:
    y = np.array([[1.0], [3.0], [100.0], [5.0]])
    transform = TargetTransform.fit("none", y, np.array([0, 1, 3]))
    np.testing.assert_allclose(transform.apply(y)[[0, 1, 3], 0], [-(1.5**0.5), 0, 1.5**0.5], atol=1e-12)


@pytest.mark.parametrize(
    ("targets", "offset"), [([1, 10, 100], 0), ([0, 4, 96], 2), ([0, 0, 0.5], 0.25), ([0, 0, 0], 0.5)]
)
def test_logarithms_by_hand(targets: list[float], offset: float) -> None:
    y = np.array(targets)[:, None]
    transform = fit("log", y)
    logs = np.log(y + offset)
    spread = logs.std() or 1
    np.testing.assert_allclose(transform.apply(y), (logs - logs.mean()) / spread, atol=1e-12)
    np.testing.assert_allclose(transform.undo(transform.apply(y)), y, rtol=1e-12, atol=1e-12)


def test_logarithms_beyond_the_training_targets() -> None:
    transform = fit("log", np.array([[2.0], [50.0]]))
    low = transform.apply(np.array([[-3.0], [0.0], [0.9], [1.0], [1.1]]))[:, 0]
    assert low[0] == low[1] == low[2] == low[3] < low[4]  # half of the smallest one is the floor
    np.testing.assert_allclose(transform.undo(np.array([[1e30], [-1e30]])), [[500], [0]], atol=1e-12)


def test_targets_below_0_have_no_logarithm() -> None:
    y = np.array([[1.0, 3.0], [2.0, -4.0], [5.0, -0.5], [-9.0, 1.0]])
    message = "log is for targets of 0 or more, and 2 of the 3 training examples are below, down to -4; use"
    with pytest.raises(DataError, match=message):
        TargetTransform.fit("log", y, np.array([0, 1, 2]))


def test_normal_scores_by_hand() -> None:
    y = np.array([[7.0], [7.0], [1.0], [1000.0]])  # 1 at 1/8, the two 7 at 4/8, 1000 at 7/8
    scores = np.array([0, 0, SCORE(1 / 8), SCORE(7 / 8)])
    transform = fit("quantile", y)
    np.testing.assert_allclose(transform.apply(y)[:, 0], scores / scores.std(), atol=1e-12)
    between = transform.undo(np.array([[SCORE(7 / 8) / 2 / scores.std()]]))
    assert between[0, 0] == pytest.approx((7 + 1000) / 2)


def test_beyond_its_ends_a_curve_is_as_steep_as_over_the_outermost_unit() -> None:
    transform = fit("quantile", np.array([[7.0], [7.0], [1.0], [1000.0]]))
    unit = 1 / transform.scaling.scale[0]
    end = SCORE(7 / 8) * unit
    last_unit = 993 / SCORE(7 / 8)  # the scores from 0 to 1.15 are those of 7 to 1000
    beyond = transform.undo(np.array([[end + unit], [end + 2 * unit], [-end - 2 * unit]]))[:, 0]
    np.testing.assert_allclose(beyond, [1000 + last_unit, 1000 + 2 * last_unit, 1 - 2 * 6 / SCORE(7 / 8)])


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60))
def test_every_curve_rises_and_can_be_undone(kind: str, seed: int, n: int) -> None:
    y = heavy(n, seed)
    transform = fit(kind, y)
    np.testing.assert_allclose(transform.undo(transform.apply(y)), y, rtol=1e-9, atol=1e-9)
    wide = np.linspace(0, 2 * y.max(), 200)[:, None].repeat(2, axis=1)
    assert np.all(np.diff(transform.apply(wide), axis=0) >= 0)
    outputs = np.linspace(-9, 9, 200)[:, None].repeat(2, axis=1)
    assert np.all(np.diff(transform.undo(outputs), axis=0) >= 0)


@pytest.mark.parametrize("kind", KINDS)
@given(power=st.integers(-6, 6), offset=st.floats(-1e3, 1e3))
def test_the_unit_of_the_targets_does_not_matter(kind: str, power: int, offset: float) -> None:
    y = heavy(200)
    moved = y * 10.0**power + (0 if kind == "log" else offset * 10.0**power)
    np.testing.assert_allclose(fit(kind, moved).apply(moved), fit(kind, y).apply(y), atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_target(kind: str) -> None:
    transform = fit(kind, np.full((5, 1), 3.0))
    np.testing.assert_array_equal(transform.apply(np.full((2, 1), 3.0)), 0)
    np.testing.assert_allclose(transform.undo(np.zeros((1, 1))), 3)


@pytest.mark.parametrize("kind", BENDS)
def test_what_the_network_learns_has_no_long_tail(kind: str) -> None:
    y = heavy(5000)[:, :1]
    assert np.abs(fit("none", y).apply(y)).max() > 20
    assert np.abs(fit(kind, y).apply(y)).max() < 5


def test_many_values_have_a_curve_of_few_knots() -> None:
    y = heavy(50_000)[:, :1]
    transform = fit("quantile", y)
    knots = transform.to_arrays()["values"].shape[1]
    assert MOST_KNOTS / 2 < knots <= MOST_KNOTS
    exact = [SCORE((rank + 0.5) / len(y)) for rank in range(len(y))]
    scores = transform.scaling.undo(transform.apply(np.sort(y, axis=0)))[:, 0]
    np.testing.assert_allclose(scores, exact, atol=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_give_the_transform_again(kind: str) -> None:
    y = heavy()
    transform = fit(kind, y)
    arrays = transform.to_arrays()
    knots = arrays["values"].shape[1] if "values" in arrays else 1
    assert {name: array.shape for name, array in arrays.items()} == TargetTransform.shapes(kind, 2, knots)
    again = TargetTransform.from_arrays(kind, arrays)
    np.testing.assert_array_equal(again.apply(y), transform.apply(y))
    np.testing.assert_array_equal(again.undo(y), transform.undo(y))


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("log", {"least": [0.0]}, "least and most are not above 0"),
        ("log", {"most": [1e-9]}, "least and most are not above 0"),
        ("quantile", {"values": [[1.0, 7.0, 7.0]]}, "values and scores do not rise together"),
        ("quantile", {"values": [[7.0, 1.0, 9.0]]}, "values and scores do not rise together"),
        ("quantile", {"values": [[1.0, 1.0, 2.0]], "scores": [[0.0, 0.0, 1.0]]}, "values and scores do not"),
    ],
)
def test_arrays_that_are_no_curve_are_refused(
    kind: str, change: dict[str, list[float]], message: str
) -> None:
    arrays = fit(kind, np.array([[1.0], [7.0], [1000.0]])).to_arrays()
    arrays |= {name: np.array(values) for name, values in change.items()}
    with pytest.raises(ValueError, match=rf"^{message}"):
        TargetTransform.from_arrays(kind, arrays)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spread", "exceeds"), [(0.2, False), (1e-5, True)])
def test_targets_that_a_float32_cannot_tell_apart(kind: str, spread: float, exceeds: bool) -> None:
    y = 1000 + 1000 * spread * np.random.default_rng(0).standard_normal((100, 1))
    assert fit(kind, y).exceeds_float32 is exceeds
