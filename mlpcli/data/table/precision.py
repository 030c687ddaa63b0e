"""Decides from the numbers of each column if 32 bits tell its rows apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread"]

_LOST = 1e-6  # of a standard deviation
_OF_DISTANCE = 1e-7  # of the distance from the middle, which float32 keeps of a column around 0


class Spread:
    """Range, standard deviation and missing cells of columns, and what float32 would change in them.

    Blocks (n, columns) of float64 are added one after the other; NaN is a missing cell.
    """

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.missing = np.zeros(width, np.int64)
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)
        self._middle = np.full(width, np.nan)  # of the first block
        self._sum = np.zeros(width)
        self._squares = np.zeros(width)
        self._moved = np.zeros(width)  # what rounding to float32 changes, at most
        self._last = np.full(width, np.nan)  # of the last block
        self._counts_up = np.ones(width, bool)
        self._increases = np.ones(width, bool)

    def add(self, block: NDArray[np.float64]) -> None:
        """Add rows."""
        if not len(block):
            return
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are refused later
            self._add(block)

    def _add(self, block: NDArray[np.float64]) -> None:
        self._follow(block)
        self.rows += len(block)
        missing = np.isnan(block)
        if missing.any():
            self.missing += missing.sum(axis=0)
            present = np.where(missing, 0.0, block).sum(axis=0) / np.maximum(1, (~missing).sum(axis=0))
            here = ~missing.all(axis=0)
            unknown = np.isnan(self._middle)
            self._middle[unknown & here] = present[unknown & here]
            block = np.where(missing, np.where(np.isnan(self._middle), 0.0, self._middle), block)
            low, high = block.min(axis=0), block.max(axis=0)
            self.low = np.where(here, np.minimum(self.low, low), self.low)
            self.high = np.where(here, np.maximum(self.high, high), self.high)
        else:
            unknown = np.isnan(self._middle)
            if unknown.any():
                self._middle[unknown] = block[:, unknown].mean(axis=0)
            np.minimum(self.low, block.min(axis=0), out=self.low)
            np.maximum(self.high, block.max(axis=0), out=self.high)
        moved = np.abs(block.astype(np.float32) - block)
        distance = block - np.where(np.isnan(self._middle), 0.0, self._middle)
        self._sum += distance.sum(axis=0)
        self._squares += np.einsum("ij,ij->j", distance, distance)
        np.abs(distance, out=distance)
        distance *= _OF_DISTANCE
        moved[moved <= distance] = 0
        np.maximum(self._moved, moved.max(axis=0), out=self._moved)

    def _follow(self, block: NDArray[np.float64]) -> None:
        """Notice which columns of whole numbers still increase, and by one."""
        going = np.flatnonzero(self._increases)
        if not len(going):
            return
        column = block[:, going]
        if self.rows:
            column = np.concatenate([self._last[None, going], column])
        steps = np.diff(column, axis=0)
        whole = (column[-1:] == np.floor(column[-1:])).all(axis=0)
        self._increases[going] = (steps > 0).all(axis=0) & (steps == np.floor(steps)).all(axis=0) & whole
        self._counts_up[going] &= (steps == 1).all(axis=0) & whole
        self._last = block[-1].copy()

    @property
    def counts_up(self) -> NDArray[np.bool_]:
        """Whether a column holds whole numbers, each one more than that of the row before."""
        return self._counts_up & self.increases

    @property
    def increases(self) -> NDArray[np.bool_]:
        """Whether a column holds whole numbers, each more than that of the row before."""
        return self._increases & (self.rows > 1)

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Whether a column holds one number in every row."""
        constant: NDArray[np.bool_] = (self.low == self.high) & (self.missing == 0)
        return constant

    @property
    def needs_float64(self) -> NDArray[np.bool_]:
        """Whether float32 would move a number of a column by more than 1e-6 of its standard deviation.

        Numbers far from the middle may move by 1e-7 of their distance from it: this much a float32 of a
        column around 0 is moved, too.
        """
        n = np.maximum(1, self.rows - self.missing)
        mean = self._sum / n
        deviation = np.sqrt(np.maximum(0.0, self._squares / n - mean * mean))
        needs: NDArray[np.bool_] = (self._moved > _LOST * deviation) & (self.low != self.high)
        return needs
