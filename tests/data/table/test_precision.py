"""What is known of columns is what NumPy finds in them, however they are cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.data.table.precision import Spread


def spread(rows: np.ndarray, step: int = 100) -> Spread:
    found = Spread(rows.shape[1])
    for start in range(0, len(rows), step):
        found.add(rows[start : start + step])
    return found


def test_ranges_and_missing_cells() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 5))
    rows[rng.random((1000, 5)) < 0.3] = np.nan
    rows[:150, 0] = np.nan
    rows[:, 3], rows[:, 4] = np.nan, 7
    found = spread(rows)
    assert found.missing.tolist() == np.isnan(rows).sum(axis=0).tolist()
    kept = [0, 1, 2, 4]
    np.testing.assert_array_equal(found.low[kept], np.nanmin(rows[:, kept], axis=0))
    np.testing.assert_array_equal(found.high[kept], np.nanmax(rows[:, kept], axis=0))
    assert found.constant.tolist() == [False, False, False, False, True]
    assert not found.needs_float64.any()


def test_columns_that_count() -> None:
    i = np.arange(1000.0)
    broken = i.copy()
    broken[700:] += 1
    late = np.where(i < 100, np.nan, i)
    rows = np.stack([i, i + 1, 3 * i, broken, i + 0.5, -i, late, np.where(i == 100, 99, i)], axis=1)
    found = spread(rows)
    assert found.counts_up.tolist() == [True, True, False, False, False, False, False, False]
    assert found.increases.tolist() == [True, True, True, True, False, False, False, False]


@given(
    st.integers(-12, 12),
    st.floats(0.1, 10),
    st.integers(-3, 12),
    st.integers(1, 400),
    st.booleans(),
)
@settings(max_examples=examples(100), deadline=None, derandomize=True)
def test_float32_is_enough_or_not(power: int, shift: float, offset: int, step: int, missing: bool) -> None:
    """The decision is that of the whole column, and the same for any unit."""
    x = np.random.default_rng(1).normal(size=400)
    column = (x + shift * 10.0**offset) * 10.0**power
    error = np.abs(column.astype(np.float32) - column).max() / column.std()
    if missing:
        column[::3] = np.nan
    needs = bool(spread(column[:, None], step).needs_float64[0])
    if error > 3e-6:
        assert needs
    if error < 5e-7:
        assert not needs


@pytest.mark.parametrize("missing", [False, True])
def test_outliers_alone_do_not_need_more_digits(missing: bool) -> None:
    column = np.random.default_rng(0).standard_cauchy((1000, 1))
    if missing:
        column[::2] = np.nan
    assert not spread(column).needs_float64[0]
    assert spread(column + 1e6).needs_float64[0]


def test_a_constant_column_needs_nothing() -> None:
    assert not spread(np.full((100, 1), 0.1)).needs_float64[0]
