"""Moments that are merged block by block are those of all rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mlpcli.data.large.moments import Moments

CELLS = st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.floats(1e8, 1.0001e8))


def in_blocks(X: NDArray[Any], size: int, weights: NDArray[np.float64] | None = None) -> Moments:
    found = Moments(X.shape[1])
    for start in range(0, len(X), size):
        some = slice(start, start + size)
        found.merge(Moments.of(X[some], None if weights is None else weights[some]))
    return found


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=CELLS),
    st.integers(1, 9),
    st.booleans(),
    st.data(),
)
def test_blocks_give_mean_and_variance_of_two_passes(
    X: NDArray[Any], size: int, weighted: bool, data: st.DataObject
) -> None:
    weights = None
    if weighted:
        weights = data.draw(arrays(np.float64, len(X), elements=st.floats(0.25, 4)))
    found = in_blocks(X, size, weights)
    for j, column in enumerate(X.T):
        there = ~np.isnan(column)
        assert found.missing[j] == np.count_nonzero(~there)
        if not there.any():
            assert (found.totals[j], found.means[j], found.deviations[j]) == (0, 0, 0)
            continue
        own = None if weights is None else weights[there]
        mean = np.average(column[there], weights=own)
        variance = np.average((column[there] - mean) ** 2, weights=own)
        largest = np.abs(column[there]).max()
        assert found.means[j] == pytest.approx(mean, rel=1e-12, abs=1e-12 * largest)
        assert found.deviations[j] == pytest.approx(np.sqrt(variance), rel=1e-6, abs=1e-9 * largest)
        assert (found.low[j], found.high[j]) == (column[there].min(), column[there].max())


def test_a_large_mean_costs_no_digits_of_the_variance() -> None:
    X = (np.random.default_rng(0).normal(size=(20_000, 1)) + 1e9).astype(np.float64)
    found = in_blocks(X, 100)
    assert found.deviations[0] == pytest.approx(np.std(X - 1e9), rel=1e-7)


@pytest.mark.parametrize("dtype", ["u1", "?", "i4", "f2", "f4"])
def test_any_numbers_are_measured_in_64_bits(dtype: str) -> None:
    X = np.random.default_rng(0).integers(0, 200, (50, 3)).astype(dtype)
    found = in_blocks(X, 7)
    np.testing.assert_allclose(found.means, X.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found.deviations, X.std(axis=0, dtype=np.float64), rtol=1e-12)


def test_a_column_without_a_cell_has_extremes_of_0() -> None:
    low, high = Moments.of(np.full((3, 1), np.nan)).extremes
    assert (low.tolist(), high.tolist()) == ([0], [0])
