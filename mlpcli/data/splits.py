"""Divides examples into splits or folds: at random and class by class, by groups, or in order of time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import DataError
from mlpcli.text import count

__all__ = ["fold_rows", "part_counts", "split_groups", "split_rows", "split_times"]

Rows = NDArray[np.intp]


def split_rows(
    y: NDArray[Any],
    sizes: dict[str, int | float | None],
    rng: np.random.Generator,
    stratify: bool,
) -> dict[str, Rows]:
    """Return disjoint row numbers, sorted, for each part that ``sizes`` names.

    A size is a fraction of all examples, which is rounded, or a number of examples; one size may be None, for
    all that are left. With ``stratify`` y (n,) holds class indices, and each part in turn takes examples of
    every class in proportion to those that are left. Raises DataError where the sizes do not fit.
    """
    counts = part_counts(sizes, len(y))
    groups = _in_random_order(y, rng, stratify)
    left = [len(group) for group in groups]
    rows = {}
    for part in sizes:
        takes = _share(counts[part], left)
        chosen = [group[have - take : have] for group, have, take in zip(groups, left, takes, strict=True)]
        rows[part] = np.sort(np.concatenate(chosen))
        left = [have - take for have, take in zip(left, takes, strict=True)]
    return rows


def split_times(times: NDArray[Any], sizes: dict[str, int | float | None]) -> dict[str, Rows]:
    """Return the row numbers, sorted, of parts that follow each other in time; sizes as in `split_rows`.

    The first part of ``sizes`` has the latest rows of ``times`` (n,), the next one those before. Rows of the
    same time stay in their order. Raises DataError where the sizes do not fit.
    """
    counts, order = part_counts(sizes, len(times)), np.argsort(times, kind="stable")
    rows, end = {}, len(order)
    for part in sizes:
        rows[part] = np.sort(order[end - counts[part] : end])
        end -= counts[part]
    return rows


def split_groups(
    groups: NDArray[np.int64],
    y: NDArray[Any],
    sizes: dict[str, int | float | None],
    rng: np.random.Generator,
    stratify: bool,
) -> dict[str, Rows]:
    """Return row numbers, sorted, for each part, so that no group (n,) is in two; sizes as in `split_rows`.

    The sizes, and with ``stratify`` those of each class, are as near to what is asked for as one gets by
    giving group after group, the largest first, to the part that lacks most of its rows. Raises DataError if
    there are too few groups, or the sizes do not fit.
    """
    counts = part_counts(sizes, len(y))
    unused = len(y) - sum(counts.values())
    wanted = {part: size for part, size in counts.items() if size} | ({"": unused} if unused else {})
    labels = y if stratify else np.zeros(len(y), np.int64)
    classes = int(labels.max()) + 1
    n_groups = int(groups.max()) + 1
    sizes_of = np.bincount(groups * classes + labels, minlength=n_groups * classes).reshape(-1, classes)
    n_groups = int(np.count_nonzero(sizes_of.sum(axis=1)))
    if n_groups < len(wanted):
        parts = ", ".join(name or "unused rows" for name in wanted)
        raise DataError(
            f"data.group: {count(n_groups, 'group')} cannot be divided into {parts}; "
            "set the size of one of them to 0"
        )
    of_classes = np.maximum(sizes_of.sum(axis=0), 1)
    lacks = np.outer(list(wanted.values()), sizes_of.sum(axis=0) / len(y))
    order = rng.permutation(len(sizes_of))
    order = order[np.argsort(-sizes_of[order].sum(axis=1), kind="stable")][:n_groups]
    place = np.full(len(sizes_of), -1)
    empty = np.ones(len(wanted), bool)
    for given, group in enumerate(order):
        gains = lacks @ (sizes_of[group] / of_classes)
        if n_groups - given <= empty.sum():  # one group for each part without any
            gains[~empty] = -np.inf
        part = int(np.argmax(gains))
        place[group], empty[part] = part, False
        lacks[part] -= sizes_of[group]
    of_rows, names = place[groups], list(wanted)
    return {
        part: np.flatnonzero(of_rows == names.index(part)) if part in wanted else np.zeros(0, np.intp)
        for part in sizes
    }


def part_counts(sizes: dict[str, int | float | None], n: int) -> dict[str, int]:
    """Return the number of examples of each part; raises DataError where the sizes do not fit n examples."""
    exact = {
        part: size * n if isinstance(size, float) else size
        for part, size in sizes.items()
        if size is not None
    }
    counts = {part: round(size) for part, size in exact.items()}
    asked = sum(counts.values())
    if asked > n and sum(exact.values()) <= n + 1e-6:  # they fit; only their rounding does not
        last = [part for part, size in sizes.items() if isinstance(size, float)][-1]
        counts[last] -= asked - n
        asked = n
    rest = [part for part in sizes if part not in exact]
    if asked > n or (asked == n and rest):
        parts = ", ".join(f"{part} {size:,}" for part, size in counts.items() if size)
        raise DataError(
            f"the splits do not fit: {n:,} examples, of which {parts} are asked for; "
            "lower data.val_size, data.test_size or data.train_size"
        )
    return counts | dict.fromkeys(rest, n - asked)


def fold_rows(
    y: NDArray[Any],
    folds: int,
    rng: np.random.Generator,
    stratify: bool,
    groups: NDArray[np.int64] | None = None,
) -> list[Rows]:
    """Return the row numbers, sorted, of each of the disjoint ``folds`` that all examples are cut into.

    The numbers of their examples differ by one at most. With ``stratify`` y (n,) holds class indices, and so
    do the numbers of their examples of each class. No group (n,) is in two folds, whose sizes are then as
    near to each other as in `split_groups`. Raises DataError if there are too few examples or groups.
    """
    if len(y) < folds:
        raise DataError(f"data.fold: {len(y):,} examples cannot be cut into {folds:,} folds; use fewer folds")
    if groups is not None:
        sizes: dict[str, int | float | None] = {
            f"fold {i + 1}": len(y) // folds + (i < len(y) % folds) for i in range(folds)
        }
        return list(split_groups(groups, y, sizes, rng, stratify).values())
    order = np.concatenate(_in_random_order(y, rng, stratify))
    return [np.sort(order[first::folds]) for first in range(folds)]  # dealt out like cards


def _in_random_order(y: NDArray[Any], rng: np.random.Generator, stratify: bool) -> list[Rows]:
    """Return all row numbers in a random order, with ``stratify`` those of each class apart."""
    order = rng.permutation(len(y))
    if not stratify:
        return [order]
    # np.unique would import numpy.ma, 8 ms of a short run
    return [order[y[order] == label] for label in np.flatnonzero(np.bincount(y))]


def _share(count: int, left: list[int]) -> list[int]:
    """Share ``count`` out over groups in proportion to what they have left (largest remainders first)."""
    total = sum(left)
    if total == 0:
        return [0] * len(left)
    takes = [count * have // total for have in left]
    remainders = sorted(range(len(left)), key=lambda i: -(count * left[i] % total))
    for i in remainders[: count - sum(takes)]:
        takes[i] += 1
    return takes
