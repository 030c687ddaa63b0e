"""Divides examples into training, validation and test splits or into folds, at random and class by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import DataError

__all__ = ["fold_rows", "split_rows"]

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
    n = len(y)
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
        parts = ", ".join(f"{part} {count:,}" for part, count in counts.items() if count)
        raise DataError(
            f"the splits do not fit: {n:,} examples, of which {parts} are asked for; "
            "lower data.val_size, data.test_size or data.train_size"
        )
    counts |= dict.fromkeys(rest, n - asked)
    groups = _in_random_order(y, rng, stratify)
    left = [len(group) for group in groups]
    rows = {}
    for part in sizes:
        takes = _share(counts[part], left)
        chosen = [group[have - take : have] for group, have, take in zip(groups, left, takes, strict=True)]
        rows[part] = np.sort(np.concatenate(chosen))
        left = [have - take for have, take in zip(left, takes, strict=True)]
    return rows


def fold_rows(y: NDArray[Any], folds: int, rng: np.random.Generator, stratify: bool) -> list[Rows]:
    """Return the row numbers, sorted, of each of the disjoint ``folds`` that all examples are cut into.

    The numbers of their examples differ by one at most. With ``stratify`` y (n,) holds class indices, and so
    do the numbers of their examples of each class. Raises DataError if there are too few examples.
    """
    if len(y) < folds:
        raise DataError(f"data.fold: {len(y):,} examples cannot be cut into {folds:,} folds; use fewer folds")
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
