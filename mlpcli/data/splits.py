"""Divides examples into training, validation and test: seeded, and class by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import DataError

__all__ = ["split_rows"]

Rows = NDArray[np.intp]


def split_rows(
    y: NDArray[Any],
    sizes: dict[str, int | float | None],
    rng: np.random.Generator,
    stratify: bool,
) -> dict[str, Rows]:
    """Return disjoint row numbers, sorted, for each part that ``sizes`` names.

    A size is a fraction of all examples, or a count; one may be None and takes what is left. With
    ``stratify`` y (n,) is class indices, and every part has each class in its share, to the nearest example.
    Raises DataError where the sizes do not fit.
    """
    n = len(y)
    counts = {part: round(size * n) if isinstance(size, float) else size for part, size in sizes.items()}
    asked = sum(count for count in counts.values() if count is not None)
    if asked > n or (asked == n and None in counts.values()):
        parts = ", ".join(f"{part} {count:,}" for part, count in counts.items() if count)
        raise DataError(
            f"the splits do not fit: {n:,} examples, of which {parts} are asked for; "
            "lower data.val_size, data.test_size or data.train_size"
        )
    counts = {part: n - asked if count is None else count for part, count in counts.items()}
    order = rng.permutation(n)
    groups = [order[y[order] == label] for label in np.unique(y)] if stratify else [order]
    left = [len(group) for group in groups]
    rows = {}
    for part, count in counts.items():
        assert count is not None
        takes = _share(count, left)
        chosen = [group[have - take : have] for group, have, take in zip(groups, left, takes, strict=True)]
        rows[part] = np.sort(np.concatenate(chosen))
        left = [have - take for have, take in zip(left, takes, strict=True)]
    return rows


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
