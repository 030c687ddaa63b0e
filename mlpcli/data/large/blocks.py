"""Cuts the rows of a file into blocks, and the blocks into splits and into windows to shuffle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK", "cut_by_time", "cut_in_blocks", "rows_of_a_block", "rows_of_none", "windows_of"]

BLOCK = 1 << 20  # bytes of the inputs that a block becomes, at most

Ranges = NDArray[np.intp]  # (ranges, 2): where each begins, and where the next row after it is


def rows_of_a_block(width: int, size: int = BLOCK) -> int:
    """Return how many rows a block has, if a row becomes ``width`` inputs of 4 bytes."""
    return max(1, size // (4 * width))


def cut_in_blocks(n: int, rows: int, counts: dict[str, int], rng: np.random.Generator) -> dict[str, Ranges]:
    """Return the ranges of rows of each part, whose numbers of rows are ``counts``.

    The n rows are blocks of ``rows`` rows one behind the other, the last one shorter. They are put into a
    random order, of which each part in turn takes the next rows; where it ends within a block, the next part
    goes on in that block.
    """
    order = rng.permutation(-(-n // rows))
    starts = order * rows
    return _take(np.stack([starts, np.minimum(starts + rows, n)], axis=1), counts)


def rows_of_none(n: int, parts: Iterable[Ranges], rows: int) -> Ranges:
    """Return the ranges of the n rows that are of no part, of at most so many ``rows``."""
    taken = np.concatenate([*parts, np.array([[n, n]], np.intp)])
    taken = taken[np.argsort(taken[:, 0], kind="stable")]
    starts = np.concatenate([[0], taken[:-1, 1]])
    free = [
        (first, min(first + rows, stop))
        for start, stop in zip(starts.tolist(), taken[:, 0].tolist(), strict=True)
        for first in range(start, stop, rows)
    ]
    return np.array(free, np.intp).reshape(-1, 2)


def cut_by_time(n: int, rows: int, counts: dict[str, int]) -> dict[str, Ranges]:
    """Return the ranges of the last rows for the first part, of those before them for the next, and so on."""
    parts, stop = {}, n
    for part, count in counts.items():
        starts = np.arange(stop - count, stop, rows)
        parts[part] = np.stack([starts, np.minimum(starts + rows, stop)], axis=1).astype(np.intp)
        stop -= count
    return parts


def _take(blocks: Ranges, counts: dict[str, int]) -> dict[str, Ranges]:
    """Return for each part in turn the next rows of the blocks, which may be cut."""
    ends = np.cumsum(blocks[:, 1] - blocks[:, 0])  # of each block, in rows of the order
    parts, first = {}, 0
    for part, count in counts.items():
        last = first + count
        some = slice(np.searchsorted(ends, first, "right"), np.searchsorted(ends, last, "left") + 1)
        chosen, before = blocks[some].copy(), (ends - (blocks[:, 1] - blocks[:, 0]))[some]
        if not count:
            chosen = chosen[:0]
        if len(chosen):
            chosen[0, 0] += first - before[0]
            begins = max(first, int(before[-1]))
            chosen[-1, 1] = chosen[-1, 0] + last - begins
        parts[part] = chosen
        first = last
    return parts


def windows_of(counts: Sequence[int], most: int) -> list[slice]:
    """Return which of the ranges in their order, with so many rows each, are read together.

    A window has as many ranges as fit into ``most`` rows, and at least one.
    """
    windows, first, held = [], 0, 0
    for i, count in enumerate(counts):
        if held and held + count > most:
            windows.append(slice(first, i))
            first, held = i, 0
        held += count
    if held:
        windows.append(slice(first, len(counts)))
    return windows
