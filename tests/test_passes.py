"""The passes of update rules: each against the equation in its docstring, in float64, by each library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlpcli.onednn import find_onednn
from mlpcli.passes import NumpyPasses, OneDnnPasses, Passes

ONEDNN, REASON = find_onednn()
PASSES = [
    pytest.param(NumpyPasses, id="numpy"),
    pytest.param(
        lambda: ONEDNN and OneDnnPasses(ONEDNN),
        id="oneDNN",
        marks=pytest.mark.skipif(ONEDNN is None, reason=REASON),
    ),
]
# Each with its first array afterwards, computed from the numbers before.
CALLS: dict[
    str, tuple[Callable[[Any, Any, Any, Any, float], None], Callable[[Any, Any, Any, float], Any]]
] = {
    "shrink": (
        lambda made, a, b, _, number: made.shrink(a[0], number),
        lambda w, _, __, factor: factor * w,
    ),
    "add": (
        lambda made, a, b, _, number: made.add(a[0], number, b[0]),
        lambda a, x, _, decay: decay * a + x,
    ),
    "add squares": (
        lambda made, a, b, scratch, number: made.add_squares(a[0], number, b[0], 0.3, scratch),
        lambda a, x, _, decay: decay * a + 0.3 * x**2,
    ),
    "add whole squares": (
        lambda made, a, b, scratch, _: made.add_squares(a[0], 1, b[0], 1, scratch),
        lambda a, x, _, __: a + x**2,
    ),
    "descend": (
        lambda made, a, b, scratch, number: made.descend(a[0], number, b[0], scratch),
        lambda w, x, _, rate: w - rate * x,
    ),
    "descend sum": (
        lambda made, a, b, scratch, number: made.descend_sum(a[0], number, b[0], 0.7, b[1], scratch),
        lambda w, x, y, rate: w - rate * (x + 0.7 * y),
    ),
    "descend scaled": (
        lambda made, a, b, scratch, number: made.descend_scaled(a[0], number, b[0], b[1], 0.7, 0.01, scratch),
        lambda w, x, squares, rate: w - rate * x / (0.7 * np.sqrt(squares) + 0.01),
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("make", PASSES)
def test_a_pass_computes_its_equation(make: Callable[[], Passes], name: str) -> None:
    """In arrays of one length and then of another, with other numbers, in turn."""
    rng, made = np.random.default_rng(0), make()
    call, equation = CALLS[name]
    for n, number in [(1000, 0.5), (7, 0.9), (1000, 0.99), (7, 0.125)]:
        a, x = (rng.standard_normal((1, n)).astype(np.float32) for _ in range(2))
        b = np.concatenate([x, rng.random((1, n)).astype(np.float32)])
        before, b_before = a.astype(np.float64), b.copy()
        call(made, a, b, np.empty(n, np.float32), number)
        expected = equation(before[0], *b_before.astype(np.float64), number)
        np.testing.assert_allclose(a[0], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(b, b_before)
