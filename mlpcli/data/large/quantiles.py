"""Quantiles of columns from rows that are seen once, with a bound on their error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Sketch"]

KEPT = 1 << 10  # numbers of a column that a buffer keeps


class Sketch:
    """Keeps a few numbers of each column that stand for all of them.

    Level 0 has the numbers as they came. Where a level is full, its ``kept`` numbers are sorted, and every
    other one goes on to the next level, where it counts twice as much: in turns the first and the second of
    each pair, so that the errors of two such steps cancel in part (Manku, Rajagopalan & Lindsay, 1998).
    Nothing is drawn at random: the same rows in the same order give the same quantiles.

    Missing cells are +inf among the numbers, behind all others.
    """

    def __init__(self, columns: int, kept: int = KEPT) -> None:
        if kept % 2:
            raise ValueError(f"kept is {kept}, which is not even")
        self.kept, self.columns, self.rows = kept, columns, 0
        self._levels: list[NDArray[Any]] = [np.empty((0, columns), np.float32)]
        self._steps = [0]  # how often each level was full

    @property
    def error(self) -> float:
        """By how much the rank of a quantile may be off, at most, as a share of the rows.

        A step at level h moves no rank by more than its weight 2**h, and of two steps one moves it up and the
        other down. A number of the highest level stands for as many rows as its weight.
        """
        moved = sum(-(-steps // 2) << level for level, steps in enumerate(self._steps))
        return (moved + (1 << (len(self._levels) - 1))) / max(1, self.rows)

    def add(self, X: NDArray[Any]) -> None:
        """Add rows X (m, columns); NaN is a missing cell."""
        wide = np.where(np.isnan(X), np.inf, X) if X.dtype.kind == "f" else X
        self.rows += len(X)
        for start in range(0, len(wide), self.kept):
            self._put(0, wide[start : start + self.kept])

    def _put(self, level: int, rows: NDArray[Any]) -> None:
        """Add at most ``kept`` rows to a level."""
        if level == len(self._levels):
            self._levels.append(rows[:0])
            self._steps.append(0)
        held = np.concatenate([self._levels[level], rows])
        if len(held) < self.kept:
            self._levels[level] = held
            return
        full, self._levels[level] = np.sort(held[: self.kept], axis=0), held[self.kept :]
        first = self._steps[level] % 2
        self._steps[level] += 1
        self._put(level + 1, full[first::2])

    def quantiles(self, shares: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return for each column the cells (shares,) up to which these shares of its cells lie.

        They are cells that occur, none is between two of them. It is empty for a column without any cell.
        """
        numbers = np.concatenate(self._levels, dtype=np.float64)
        weights = np.concatenate(
            [np.full(len(held), 1 << level, np.float64) for level, held in enumerate(self._levels)]
        )
        found = []
        for column in numbers.T:
            order = np.argsort(column, kind="stable")
            order = order[np.isfinite(column[order])]
            if not len(order):
                found.append(np.empty(0))
                continue
            counts = np.cumsum(weights[order])
            places = np.searchsorted(counts, shares * counts[-1])
            found.append(column[order][np.minimum(places, len(order) - 1)])
        return found
