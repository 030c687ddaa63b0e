"""The gradient check accepts correct gradients, rejects wrong ones, and recognizes kinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.nn.gradient_check import TOLERANCE, check_gradients
from mlpcli.nn.parameters import Parameters
from mlpcli.specs import ArraySpec


def made(*values: float) -> Parameters:
    parameters = Parameters([ArraySpec("w", "w", (len(values),), "weights", penalized=True)], np.float64)
    parameters.values[...] = values
    return parameters


def test_a_correct_gradient_passes_and_a_wrong_one_does_not() -> None:
    """L = sum of w**3 + 2 w, dL/dw = 3 w**2 + 2."""
    parameters = made(1.0, -2.0, 0.5)
    w = parameters.values
    right = 3 * w**2 + 2
    for factor, passes in ((1.0, True), (1.0001, False), (-1.0, False)):
        (check,) = check_gradients(
            lambda: float(np.sum(w**3 + 2 * w)), parameters, factor * right, np.random.default_rng(0)
        )
        assert (check.error <= TOLERANCE) == passes
        assert (check.name, check.checked, check.kinks) == ("w", 3, 0)
    np.testing.assert_array_equal(w, [1.0, -2.0, 0.5])


@pytest.mark.parametrize(
    ("gradient", "kinks", "passes"), [(0.0, 1, True), (1.0, 1, True), (0.5, 0, True), (2.0, 0, False)]
)
def test_at_a_kink_any_slope_in_between_passes(gradient: float, kinks: int, passes: bool) -> None:
    """max(0, w) has the slopes 0 and 1 at 0."""
    parameters = made(0.0, 3.0)
    (check,) = check_gradients(
        lambda: float(np.sum(np.maximum(parameters.values, 0))),
        parameters,
        np.array([gradient, 1.0]),
        np.random.default_rng(0),
    )
    assert check.kinks == kinks
    assert (check.error <= TOLERANCE) == passes


def test_a_nearby_kink_does_not_hide_a_wrong_gradient() -> None:
    parameters = made(1e-8)

    def objective() -> float:
        return float(np.maximum(parameters.values[0], 0))

    for gradient, passes in ((1.0, True), (3.0, False)):
        (check,) = check_gradients(objective, parameters, np.array([gradient]), np.random.default_rng(0))
        assert (check.error <= TOLERANCE) == passes


def test_samples_of_large_arrays_include_their_largest_gradients() -> None:
    parameters = made(*np.zeros(1000))
    slopes = np.random.default_rng(0).standard_normal(1000)
    slopes[700] = 50.0
    objective: Callable[[], float] = lambda: float(slopes @ parameters.values)  # noqa: E731
    wrong = slopes.copy()
    wrong[700] = 60.0
    (check,) = check_gradients(objective, parameters, wrong, np.random.default_rng(0), max_entries=8)
    assert check.checked == 8
    assert check.error > TOLERANCE
