"""Scaling and batches: statistics by hand, of the training rows alone, and bytes that stay bytes."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.batches import Batches, Split
from mlpcli.data.scaling import Scaling, fit_scaling

X = np.array([[1, 5, 10], [3, 5, 20], [100, 100, 100], [5, 5, 60]], np.float32)
ROWS = np.array([0, 1, 3])  # the third row is held out
STD = np.sqrt(8 / 3), 1.0, np.sqrt(1400 / 3)  # of 1, 3, 5; of 5, 5, 5, which is left alone; of 10, 20, 60

KNOWN = {
    "none": ([0, 0, 0], [1, 1, 1]),
    "center": ([3, 5, 30], [1, 1, 1]),
    "standardize": ([3, 5, 30], STD),
    "scale": ([3, 5, 35], [2, 1, 25]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("kind", KNOWN)
def test_known_values(kind: str, dtype: type) -> None:
    scaling = fit_scaling(kind, X.astype(dtype), ROWS)
    np.testing.assert_allclose(scaling.shift, KNOWN[kind][0], rtol=1e-6)
    np.testing.assert_allclose(scaling.scale, KNOWN[kind][1], rtol=1e-6)
    assert scaling.shift.dtype == scaling.scale.dtype == np.float32


def test_large_offsets_and_many_rows() -> None:
    rng = np.random.default_rng(0)
    many = (1e4 + rng.standard_normal((20_000, 2))).astype(np.float32)
    scaling = fit_scaling("standardize", many, np.arange(20_000))
    np.testing.assert_allclose(scaling.scale, many.astype(np.float64).std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scaling.shift, many.astype(np.float64).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("size", [1e-45, 1e-40, 1e-37, 1e37, 3e38])
def test_sizes_at_the_ends_of_float32(kind: str, size: float) -> None:
    """What cannot be divided by counts as constant; nothing overflows (warnings are errors)."""
    ends = np.array([[-size], [0], [size]], np.float32)
    part = Split(ends, np.zeros(3, int), np.arange(3))
    ((batch, _),) = Batches(part, fit_scaling(kind, ends, part.rows)).in_order(3)
    assert np.isfinite(batch).all()
    if kind == "scale" and size > 1e-38:
        np.testing.assert_allclose(batch, [[-1], [0], [1]], rtol=1e-5)


def split(dtype: type = np.uint8) -> Split:
    data = np.arange(40, dtype=dtype).reshape(10, 4)
    return Split(data, np.arange(10), np.array([8, 1, 3, 5, 2]))


@pytest.mark.parametrize("enough", [1, 8, 16, 1000])
def test_batches_are_scaled_rows_in_order(enough: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them are gathered at once: one, two, or all."""
    monkeypatch.setattr("mlpcli.data.batches._ENOUGH", enough)
    part = split()
    scaling = Scaling(np.full(4, 10, np.float32), np.full(4, 2, np.float32))
    seen = [(batch.copy(), y.copy()) for batch, y in Batches(part, scaling).in_order(2)]
    assert [len(y) for _, y in seen] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([y for _, y in seen]), part.rows)
    expected = (part.X[part.rows].astype(float) - 10) / 2
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in seen]), expected)
    assert all(batch.dtype == np.float32 for batch, _ in seen)
    assert part.X.dtype == np.uint8


def test_shuffled_batches_hold_each_example_once() -> None:
    part = split()
    batches = Batches(part, fit_scaling("none", part.X, part.rows))
    orders = [
        np.concatenate([y.copy() for _, y in batches.shuffled(2, np.random.default_rng(seed))])
        for seed in (1, 1, 2)
    ]
    assert sorted(orders[0]) == sorted(part.rows)
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    for batch, y in batches.shuffled(3, np.random.default_rng(1)):
        np.testing.assert_array_equal(batch[:, 0], 4 * y)  # inputs and targets stay together


def test_batches_share_a_buffer() -> None:
    part = split()
    batches = Batches(part, fit_scaling("none", part.X, part.rows))
    first, again = (next(iter(batches.in_order(2)))[0] for _ in range(2))
    assert np.shares_memory(first, again)


def test_wide_batches_are_gathered_one_by_one() -> None:
    """A batch of images has the memory of one batch, not that of many."""
    part = Split(np.zeros((10, 5000), np.uint8), np.arange(10), np.arange(10))
    batches = Batches(part, fit_scaling("none", part.X, part.rows))
    first, second, *_ = (batch for batch, _ in batches.in_order(2))
    assert np.shares_memory(first, second)
