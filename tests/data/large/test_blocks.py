"""Every row is in one split or in none, splits have the sizes that are asked for, and windows are filled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.data.large.blocks import cut_by_time, cut_in_blocks, rows_of_a_block, rows_of_none, windows_of

PARTS = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(0, 40))


def numbers(ranges: object) -> list[int]:
    return [row for start, stop in np.asarray(ranges).tolist() for row in range(start, stop)]


@given(PARTS, st.integers(1, 12), st.booleans())
def test_each_row_is_in_one_part_and_each_part_has_its_size(
    sizes: tuple[int, ...], rows: int, by_time: bool
) -> None:
    counts, n = dict(zip(("test", "val", "train"), sizes, strict=False)), sum(sizes)
    cut = cut_by_time(n, rows, counts) if by_time else None
    parts = cut or cut_in_blocks(n, rows, counts, np.random.default_rng(0))
    unused = rows_of_none(n, parts.values(), rows)
    assert {part: len(numbers(ranges)) for part, ranges in parts.items()} == counts
    assert sorted(numbers(np.concatenate([*parts.values(), unused]))) == list(range(n))
    for ranges in (*parts.values(), unused):
        assert all(0 < stop - start <= rows for start, stop in ranges.tolist())


def test_in_time_the_test_split_is_last() -> None:
    parts = cut_by_time(10, 4, {"test": 3, "val": 2, "train": 5})
    assert {part: sorted(numbers(ranges)) for part, ranges in parts.items()} == {
        "test": [7, 8, 9],
        "val": [5, 6],
        "train": [0, 1, 2, 3, 4],
    }


@pytest.mark.parametrize(("width", "rows"), [(1, 1000), (10, 100), (999, 1), (5000, 1)])
def test_a_block_has_so_many_bytes_and_at_least_a_row(width: int, rows: int) -> None:
    assert rows_of_a_block(width, 4000) == rows


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(1, 40))
def test_windows_hold_as_much_as_fits(counts: list[int], most: int) -> None:
    windows = windows_of(counts, most)
    held = [sum(counts[some]) for some in windows]
    assert sum(held) == sum(counts)
    assert all(
        size <= most or len(counts[some]) == 1 or size == max(counts[some])
        for size, some in zip(held, windows, strict=True)
    )
    assert all(a + counts[later.start] > most for a, later in zip(held, windows[1:], strict=False))
