"""An epoch has each training row once, in an order that follows from the seed, wherever it begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.data.batches import Split
from mlpcli.data.large.batches import LargeBatches
from mlpcli.data.large.fit import fit_large_targets, fit_large_transform
from mlpcli.data.large.source import LargeData, Part

Opened = Callable[..., LargeData]
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (150, 3)).astype(np.float32)
X[:, 0] = np.arange(150)
Y = RNG.integers(0, 2, 150)
ROW = 12  # bytes of a row of inputs


def batches(data: LargeData, *, window: int, members: int = 1) -> LargeBatches:
    sample = data.found.sample["train"]
    split = Split(sample.X, sample.y, np.arange(len(sample.y)), whole=Part(data, "train"))
    return LargeBatches(
        split, fit_large_transform("none", Part(data, "train")), members=members, window=window
    )


def epoch(of: LargeBatches, size: int, seed: int = 0, skip: int = 0) -> list[tuple[list[int], list[int]]]:
    return [
        (X[:, 0].astype(int).tolist(), y.astype(int).tolist())
        for X, y, *_ in of.shuffled(size, np.random.default_rng(seed), skip)
    ]


@pytest.mark.parametrize("window", [1, 20, 33, 1000])
@pytest.mark.parametrize("size", [1, 4, 10, 50, 999])
def test_each_row_comes_once_with_its_target(opened: Opened, window: int, size: int) -> None:
    of = batches(opened(X, Y), window=window * ROW)
    found = epoch(of, size)
    assert [len(rows) for rows, _ in found[:-1]] == [size] * (len(found) - 1)
    rows = [row for rows, _ in found for row in rows]
    assert len(rows) == of.drawn == 75
    assert sorted(rows) == sorted(
        int(row) for split in of.part.chunks() for row in split.X[split.rows, 0].tolist()
    )
    assert [label for _, labels in found for label in labels] == Y[rows].tolist()


def test_windows_of_other_epochs_may_be_larger(opened: Opened) -> None:
    y = np.where(np.arange(150) % 7 < np.arange(150) // 30, np.nan, Y)  # blocks of different sizes
    of = batches(opened(X, y), window=13 * ROW)
    rows = [sorted(row for some, _ in epoch(of, 10, seed) for row in some) for seed in range(30)]
    assert all(each == rows[0] for each in rows)
    assert len(rows[0]) == of.drawn < 75


@pytest.mark.parametrize("skip", [0, 1, 3, 7, 8])
@pytest.mark.parametrize("members", [1, 3])
def test_an_epoch_goes_on_where_it_was_left(opened: Opened, skip: int, members: int) -> None:
    of = batches(opened(X, Y), window=20 * ROW, members=members)
    assert epoch(of, 10, skip=skip) == epoch(of, 10)[skip:]


def test_another_seed_is_another_order_of_blocks_and_of_rows(opened: Opened) -> None:
    of = batches(opened(X, Y), window=20 * ROW)
    assert epoch(of, 10) == epoch(of, 10)
    assert epoch(of, 10) != epoch(of, 10, seed=1)
    first, second = (rows for rows, _ in epoch(of, 10)[:2])
    assert sorted(first) != list(range(min(first), min(first) + 10))
    assert first != sorted(first)
    assert second != sorted(second)


def test_members_have_orders_of_their_own_within_a_window(opened: Opened) -> None:
    of = batches(opened(X, Y), window=20 * ROW, members=2)
    found = epoch(of, 10)
    one, two = (
        [row for rows, _ in found for row in rows[half * len(rows) // 2 :][: len(rows) // 2]]
        for half in (0, 1)
    )
    assert one != two
    assert sorted(one) == sorted(two)
    assert len(one) == 75
    assert of.drawn == 150


def test_a_generator_that_is_dropped_stops_reading(opened: Opened) -> None:
    of = batches(opened(X, Y), window=20 * ROW)
    rows = of.shuffled(10, np.random.default_rng(0))
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert len(epoch(of, 10)) == 8


def test_values_are_learned_as_the_target_transform_makes_them(opened: Opened) -> None:
    y = RNG.normal(10, 5, 150)
    data = opened(X, y, np.arange(150) % 3 + 1.0)
    part, sample = Part(data, "train"), data.found.sample["train"]
    scaling = fit_large_targets("none", part)
    split = Split(sample.X, scaling.apply(sample.y), np.arange(len(sample.y)), whole=part)
    split = Split(split.X, split.y.astype(np.float32), split.rows, whole=part)
    of = LargeBatches(split, fit_large_transform("standardize", part), scaling, window=20 * ROW)
    learned = np.concatenate([y.copy() for _, y, _ in of.shuffled(10, np.random.default_rng(0))])
    weights = np.concatenate([w.copy() for _, _, w in of.shuffled(10, np.random.default_rng(0))])
    assert learned.shape == (75, 1)
    assert np.average(learned[:, 0], weights=weights) == pytest.approx(0, abs=1e-6)
    assert weights.mean() == pytest.approx(1)
    low, high = of.extremes
    assert (low[0], high[0]) == pytest.approx((learned.min(), learned.max()))
    assert sum(len(piece) for piece in of.pieces(40)) == 40
    assert of.examples(np.arange(3))[0].shape == (3, 3)


def test_a_process_gets_its_rows_of_each_batch(opened: Opened) -> None:
    of = batches(opened(X, Y), window=20 * ROW)
    parts = [
        [X[:, 0].astype(int).tolist() for X, _ in of.shuffled(10, np.random.default_rng(0), 2, rows_of)]
        for rows_of in (lambda n: slice(0, n // 3), lambda n: slice(n // 3, n))
    ]
    assert [one + two for one, two in zip(*parts, strict=True)] == [rows for rows, _ in epoch(of, 10, skip=2)]
