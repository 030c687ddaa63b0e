"""Batches: each example once, inputs beside their targets, bytes that stay bytes, and one buffer."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.batches import Batches, Split
from mlpcli.data.scaling import Scaling
from mlpcli.data.transform import Transform


def split(dtype: type = np.uint8) -> Split:
    data = np.arange(40, dtype=dtype).reshape(10, 4)
    return Split(data, np.arange(10), np.array([8, 1, 3, 5, 2]))


@pytest.mark.parametrize("enough", [1, 8, 16, 1000])
def test_batches_are_transformed_rows_in_order(enough: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them are gathered at once: one, two, or all."""
    monkeypatch.setattr("mlpcli.data.batches._ENOUGH", enough)
    part = split()
    transform = Transform(Scaling(np.full(4, 10.0), np.full(4, 2.0)), np.zeros(4))
    seen = [(batch.copy(), y.copy()) for batch, y in Batches(part, transform).in_order(2)]
    assert [len(y) for _, y in seen] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([y for _, y in seen]), part.rows)
    expected = (part.X[part.rows].astype(float) - 10) / 2
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in seen]), expected)
    assert all(batch.dtype == np.float32 for batch, _ in seen)
    assert part.X.dtype == np.uint8


def test_shuffled_batches_hold_each_example_once() -> None:
    part = split()
    batches = Batches(part, Transform.fit("none", part.X, part.rows))
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
    batches = Batches(part, Transform.fit("none", part.X, part.rows))
    first, again = (next(iter(batches.in_order(2)))[0] for _ in range(2))
    assert np.shares_memory(first, again)


def test_wide_batches_are_gathered_one_by_one() -> None:
    """A batch of images has the memory of one batch, not that of many."""
    part = Split(np.zeros((10, 5000), np.uint8), np.arange(10), np.arange(10))
    batches = Batches(part, Transform.fit("none", part.X, part.rows))
    first, second, *_ = (batch for batch, _ in batches.in_order(2))
    assert np.shares_memory(first, second)


@pytest.mark.parametrize("kept", [np.float32, np.uint8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_data_set_stays_as_it_is(kept: type, dtype: type) -> None:
    part = split(kept)
    before = part.X.copy()
    ((X, _),) = Batches(part, Transform.fit("standardize", part.X, part.rows), dtype).in_order(5)
    assert X.dtype == dtype
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(part.X, before)


def test_inputs_that_are_kept_are_the_same() -> None:
    part = split(np.float32)
    transform = Transform.fit("standardize", part.X, part.rows)
    kept, fresh = (Batches(part, transform, keep=keep) for keep in (True, False))
    for batches in (lambda b: b.in_order(2), lambda b: b.shuffled(2, np.random.default_rng(0), 1)):
        for (X, y), (same_X, same_y) in zip(batches(kept), batches(fresh), strict=True):
            np.testing.assert_array_equal(X, same_X)
            np.testing.assert_array_equal(y, same_y)
