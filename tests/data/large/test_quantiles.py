"""Quantiles of a sketch are no further off than it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data.large.quantiles import Sketch

RNG = np.random.default_rng(0)
SHARES = np.linspace(0.01, 0.99, 99)
COLUMNS = {
    "random": RNG.permutation(20_000),
    "sorted": np.arange(20_000),
    "backwards": np.arange(20_000)[::-1],
    "two halves": np.concatenate([np.arange(0, 20_000, 2), np.arange(1, 20_000, 2)]),
    "sawtooth": np.arange(20_000).reshape(200, 100).T.reshape(-1),
}


def sketched(X: NDArray[Any], kept: int) -> Sketch:
    sketch = Sketch(X.shape[1], kept)
    for start in range(0, len(X), 333):
        sketch.add(X[start : start + 333])
    return sketch


@pytest.mark.parametrize("kept", [16, 128, 1024])
def test_a_rank_is_off_by_at_most_the_error(kept: int) -> None:
    X = np.stack(list(COLUMNS.values()), axis=1).astype(np.float32)
    sketch = sketched(X, kept)
    for name, found in zip(COLUMNS, sketch.quantiles(SHARES), strict=True):
        ranks = found / len(X)  # each number is its own rank
        assert np.abs(ranks - SHARES).max() <= sketch.error, name
    assert kept < 1024 or sketch.error < 0.01


def test_few_rows_have_exact_quantiles() -> None:
    sketch = sketched(np.array([[3.0], [1], [2], [np.nan]]), 16)
    assert sketch.quantiles(np.array([0.3, 0.5, 1]))[0].tolist() == [1, 2, 3]


def test_what_it_keeps_does_not_grow_with_the_rows() -> None:
    sketch = Sketch(2, 64)
    for _ in range(100):
        sketch.add(RNG.normal(size=(1000, 2)).astype(np.float32))
    assert sum(map(len, sketch._levels)) < 64 * 12
    assert all(level.dtype == np.float32 for level in sketch._levels)


def test_missing_cells_have_no_rank_and_a_column_of_them_no_quantile() -> None:
    X = np.stack([np.where(np.arange(5000) % 2, np.arange(5000.0), np.nan), np.full(5000, np.nan)], axis=1)
    first, second = sketched(X, 128).quantiles(np.array([0.5]))
    assert first[0] == pytest.approx(2500, abs=300)
    assert len(second) == 0
