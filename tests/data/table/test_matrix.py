"""Rows that are appended come back, with the columns, rows and codes that are asked for."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from mlpcli.data.table.matrix import Matrix


def filled(rows: np.ndarray, dtype: type[np.float32] | type[np.float64]) -> Matrix:
    matrix = Matrix(rows.shape[1], dtype)
    for start in range(0, len(rows), 700):
        matrix.append(rows[start : start + 700])
    return matrix


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("places", [[0, 1, 2, 3], [2, 0], [3], [1, 3, 2, 0]])
@pytest.mark.parametrize("picked", [False, True])
@pytest.mark.parametrize("complete", [False, True])
def test_what_is_taken_is_what_numpy_would_take(
    dtype: type[np.float32] | type[np.float64],
    narrow: bool,
    places: list[int],
    picked: bool,
    complete: bool,
) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50_000, 4))
    rows[:, 1] = rng.integers(0, 3, 50_000)
    rows[rng.random(50_000) < 0.1, 3] = np.nan
    ranks = np.array([2.0, np.nan, 0.0])
    wanted = rng.random(50_000) < 0.5 if picked else None
    found, kept = filled(rows, dtype).take(places, {1: ranks}, wanted, complete=complete, narrow=narrow)
    expected = rows.copy()
    expected[:, 1] = ranks[rows[:, 1].astype(int)]
    expected = expected[:, places]
    which = np.ones(50_000, bool) if wanted is None else wanted
    which = which & ~np.isnan(expected).any(axis=1) if complete else which
    assert found.dtype == (np.float32 if narrow else dtype)
    np.testing.assert_array_equal(found, expected[which].astype(dtype).astype(found.dtype))
    np.testing.assert_array_equal(which if kept is None else kept, which)


def test_a_matrix_is_widened_without_a_loss() -> None:
    matrix = filled(np.array([[1.0, np.nan], [0.5, -2]]), np.float32)
    matrix.widen()
    matrix.append(np.array([[1e9 + 0.5, 1 / 3]]))
    found, _ = matrix.take([0, 1], {}, None)
    np.testing.assert_array_equal(found, [[1, np.nan], [0.5, -2], [1e9 + 0.5, 1 / 3]])


def test_columns_are_taken_out_in_place() -> None:
    rows = np.ones((100_000, 10))
    tracemalloc.start()
    matrix = filled(rows, np.float32)
    found, _ = matrix.take(list(range(9)), {}, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (100_000, 9)
    assert peak < 6e6  # the matrix has 4e6 bytes
