"""Splits: disjoint, complete, seeded, and with each class in its share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.data.splits import fold_rows, split_groups, split_rows, split_times
from mlpcli.errors import DataError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    test=st.floats(0, 0.45),
    val=st.integers(0, 3) | st.floats(0, 0.45),
    stratify=st.booleans(),
)
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_parts_are_disjoint_complete_and_in_proportion(
    counts: list[int], test: float, val: float, stratify: bool
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    n = len(y)
    sizes = {"test": test, "val": val, "train": None}
    wanted = {
        part: round(size * n) if isinstance(size, float) else size
        for part, size in sizes.items()
        if size is not None
    }
    if sum(wanted.values()) >= n:
        with pytest.raises(DataError, match="the splits do not fit"):
            split_rows(y, sizes, rng(), stratify)
        return
    parts = split_rows(y, sizes, rng(), stratify)
    assert {part: len(parts[part]) for part in wanted} == wanted
    everything = np.concatenate(list(parts.values()))
    assert sorted(everything) == list(range(n))
    for rows in parts.values():
        assert (np.diff(rows) > 0).all()
    if stratify:
        for label, count in enumerate(counts):
            share = count * len(parts["test"]) / n
            assert abs(np.count_nonzero(y[parts["test"]] == label) - share) < 1


def test_the_seed_decides() -> None:
    y = np.arange(100) % 2
    sizes = {"test": 0.2, "train": None}
    first, again, other = (split_rows(y, sizes, rng(seed), True)["test"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_training_examples_can_be_counted_too() -> None:
    parts = split_rows(np.arange(100) % 2, {"test": 10, "val": 0.1, "train": 30}, rng(), True)
    assert [len(parts[part]) for part in ("test", "val", "train")] == [10, 10, 30]
    assert len(set(np.concatenate(list(parts.values())))) == 50


@pytest.mark.parametrize("n", [13, 150, 178, 1001])
@pytest.mark.parametrize(
    "sizes",
    [
        {"test": 0.2, "val": 0.2, "train": 0.6},
        {"test": 0.5, "train": 0.5},
        {"test": 10, "val": 0.0, "train": 0.2},
    ],
    ids=str,
)
def test_fractions_that_fit_are_not_refused_for_their_rounding(n: int, sizes: dict[str, int | float]) -> None:
    parts = split_rows(np.arange(n) % 3, dict(sizes), rng(), True)
    assert sum(map(len, parts.values())) <= n
    for part, size in sizes.items():
        assert abs(len(parts[part]) - (size * n if isinstance(size, float) else size)) <= 1


def test_a_part_may_be_all_there_is() -> None:
    parts = split_rows(np.arange(10) % 3, {"test": 10, "val": 0}, rng(), True)
    assert [len(parts[part]) for part in ("test", "val")] == [10, 0]


def test_every_part_has_its_share_of_every_class() -> None:
    """60, 30 and 9 examples: 20 % are 12, 6 and 1.8, to the nearest example, of each part."""
    y = np.repeat([0, 1, 2], [60, 30, 9])
    parts = split_rows(y, {"test": 0.2, "val": 0.2, "train": None}, rng(), True)
    counts = {part: np.bincount(y[rows], minlength=3).tolist() for part, rows in parts.items()}
    assert counts == {"test": [12, 6, 2], "val": [12, 6, 2], "train": [36, 18, 5]}


def test_sizes_that_do_not_fit_are_named() -> None:
    with pytest.raises(DataError) as caught:
        split_rows(np.zeros(10, int), {"test": 6, "val": 0.4, "train": None}, rng(), True)
    assert "10 examples, of which test 6, val 4 are asked for" in str(caught.value)


@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    folds=st.integers(2, 12),
    stratify=st.booleans(),
    seed=st.integers(0, 100),
)
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_folds_are_disjoint_complete_even_and_stratified(
    counts: list[int], folds: int, stratify: bool, seed: int
) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    if len(y) < folds:
        with pytest.raises(DataError, match=rf"{len(y)} examples cannot be cut into {folds} folds"):
            fold_rows(y, folds, rng(seed), stratify)
        return
    found = fold_rows(y, folds, rng(seed), stratify)
    assert len(found) == folds
    assert sorted(np.concatenate(found)) == list(range(len(y)))
    assert np.ptp([len(rows) for rows in found]) <= 1
    assert all((np.diff(rows) > 0).all() for rows in found)
    if stratify:
        for label in range(len(counts)):
            assert np.ptp([np.count_nonzero(y[rows] == label) for rows in found]) <= 1


def test_the_seed_decides_on_the_folds() -> None:
    y = np.arange(100) % 2
    first, again, other = (np.concatenate(fold_rows(y, 5, rng(seed), True)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


SIZES: dict[str, int | float | None] = {"test": 0.2, "val": 0.2, "train": None}


@given(
    seed=st.integers(0, 2**32 - 1),
    n_groups=st.integers(3, 40),
    largest=st.integers(1, 12),
    stratify=st.booleans(),
    train=st.sampled_from([None, 0.3]),
)
def test_no_group_is_in_two_parts(
    seed: int, n_groups: int, largest: int, stratify: bool, train: float | None
) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups + 1), rng.integers(1, largest + 1, n_groups + 1))
    groups = rng.permutation(groups)
    y = rng.integers(0, 3, len(groups))
    sizes = SIZES | {"train": train}
    rows = split_groups(groups, y, sizes, np.random.default_rng(0), stratify)
    together = np.concatenate(list(rows.values()))
    assert len(set(together.tolist())) == len(together)
    if train is None:
        assert len(together) == len(groups)
    for part, own in rows.items():
        assert len(own)
        assert np.array_equal(own, np.sort(own))
        assert not set(groups[own].tolist()) & set(groups[np.setdiff1d(together, own)].tolist()), part
        # Beside a whole group too many or too few, the size is what is asked for.
        if not stratify and part != "train":
            assert abs(len(own) - 0.2 * len(groups)) <= largest + 1


def test_groups_are_as_near_to_the_sizes_and_the_classes_as_they_can_be() -> None:
    """200 groups of 5 rows of one class each: sizes are met exactly, and classes to a group."""
    groups = np.repeat(np.arange(200), 5)
    y = np.repeat(np.arange(200) % 4 == 0, 5).astype(int)
    rows = split_groups(groups, y, SIZES, np.random.default_rng(0), True)
    assert {part: len(own) for part, own in rows.items()} == {"test": 200, "val": 200, "train": 600}
    for own in rows.values():
        assert abs(y[own].mean() - 0.25) <= 5 / 200
    assert not np.array_equal(
        rows["test"], split_groups(groups, y, SIZES, np.random.default_rng(1), True)["test"]
    )


def test_few_groups_leave_no_part_empty() -> None:
    groups = np.repeat([0, 1, 2], [90, 5, 5])
    rows = split_groups(groups, groups, SIZES, np.random.default_rng(0), False)
    assert sorted(len(own) for own in rows.values()) == [5, 5, 90]
    assert len(rows["train"]) == 90
    with pytest.raises(DataError, match=r"data\.group: 2 groups cannot be divided into test, val, train"):
        split_groups(groups[:95], groups[:95], SIZES, np.random.default_rng(0), False)


def test_folds_of_groups() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 200)
    folds = fold_rows(groups, 5, rng, False, groups)
    assert np.array_equal(np.sort(np.concatenate(folds)), np.arange(200))
    of_folds = [set(groups[rows].tolist()) for rows in folds]
    assert sum(map(len, of_folds)) == len(set().union(*of_folds))
    assert max(map(len, folds)) - min(map(len, folds)) <= 10


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(5, 60))
def test_parts_follow_each_other_in_time(seed: int, n: int) -> None:
    times = np.random.default_rng(seed).integers(0, 20, n)
    rows = split_times(times, SIZES)
    assert {part: len(own) for part, own in rows.items()} == {
        "test": round(0.2 * n),
        "val": round(0.2 * n),
        "train": n - 2 * round(0.2 * n),
    }
    assert times[rows["train"]].max() <= times[rows["val"]].min()
    assert times[rows["val"]].max() <= times[rows["test"]].min()


def test_the_latest_rows_before_the_others_are_trained_on() -> None:
    rows = split_times(np.arange(10)[::-1], {"test": 2, "val": 1, "train": 3})
    assert {part: own.tolist() for part, own in rows.items()} == {
        "test": [0, 1],
        "val": [2],
        "train": [3, 4, 5],
    }
