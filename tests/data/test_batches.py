"""Batches: each example once, inputs beside their targets, bytes that stay bytes, and one buffer."""

from __future__ import annotations

from dataclasses import replace

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


def test_mirror_images_are_mirrored_before_they_are_scaled() -> None:
    """Here images of 2 x 2 pixels, whose scaling differs from pixel to pixel."""
    part = split()
    transform = Transform(Scaling(np.array([10.0, 0, 0, 5]), np.array([2.0, 1, 1, 4])), np.zeros(4))
    batches = Batches(part, transform, mirrored=(1, 2, 2))
    seen = np.concatenate([X.copy() for X, _ in batches.in_order(3)])
    mirrored = part.X[part.rows][:, [1, 0, 3, 2]].astype(float)
    np.testing.assert_array_equal(seen, (mirrored - [10, 0, 0, 5]) / [2, 1, 1, 4])
    np.testing.assert_array_equal(part.X, np.arange(40).reshape(10, 4))


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


LEFT_OUT = [np.array([0, 3]), np.array([4]), np.array([1, 2])]


def of_members(left_out: list[np.ndarray] | None = None) -> Batches:
    part = split(np.float32)
    transform = Transform.fit("none", part.X, part.rows)
    return Batches(part, transform, members=3, left_out=left_out)


@pytest.mark.parametrize("left_out", [None, LEFT_OUT])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 100])
def test_each_member_gets_examples_of_its_own(left_out: list[np.ndarray] | None, batch_size: int) -> None:
    """All of them once, in an order of its own; or as many as the others, of those that it trains on."""
    batches = of_members(left_out)
    seen: list[list[int]] = [[], [], []]
    for X, y in batches.shuffled(batch_size, np.random.default_rng(1)):
        np.testing.assert_array_equal(X[:, 0], 4 * y)
        for member, rows in enumerate(y.reshape(3, -1)):
            assert len(rows) <= batch_size
            seen[member] += rows.tolist()
    drawn = 5 if left_out is None else 3
    assert batches.drawn == 3 * drawn
    for member, rows in enumerate(seen):
        own = batches.split.rows[batches.of_member(member)]
        assert len(set(rows)) == drawn
        assert set(rows) <= set(own.tolist())
    assert seen[0] != seen[1] != seen[2]


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_members_skip_batches_that_are_done(skip: int) -> None:
    whole, rest = (
        [y.tolist() for _, y in of_members().shuffled(2, np.random.default_rng(1), first)]
        for first in (0, skip)
    )
    assert rest == whole[skip:]


def test_examples_that_are_left_out_come_to_the_member_that_left_them_out() -> None:
    batches = of_members(LEFT_OUT)
    seen: list[set[int]] = [set(), set(), set()]
    for places, X in batches.of_left_out(1):
        np.testing.assert_array_equal(X[:, 0], 4 * batches.split.rows[places])
        for member, place in enumerate(places.tolist()):
            seen[member].add(place)
    assert seen == [set(rows.tolist()) for rows in LEFT_OUT]


@pytest.mark.parametrize("enough", [1, 8, 1000])
def test_weights_stay_beside_their_examples(enough: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.data.batches._ENOUGH", enough)
    part = replace(split(np.float32), weights=np.arange(10) / 8)
    batches = Batches(part, Transform.fit("none", part.X, part.rows))
    for order in (batches.in_order(2), batches.shuffled(2, np.random.default_rng(0))):
        for _, y, weights in order:
            assert weights.dtype == np.float32
            np.testing.assert_array_equal(weights, y / 8)


def test_the_weights_of_a_split_have_a_mean_of_1() -> None:
    assert split().own_weights is None
    part = replace(split(), weights=np.arange(10.0))
    np.testing.assert_allclose(part.own_weights, np.array([8, 1, 3, 5, 2]) / 3.8)
