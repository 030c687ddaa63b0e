"""Means, variances and extremes of columns, from blocks of rows that are seen once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments"]

Columns = NDArray[np.float64]


class Moments:
    """What is known of each column of the rows so far, without their missing cells.

    ``totals`` (columns,) are the numbers of cells, or the sums of their weights, ``means`` their means, and
    ``squares`` the sums of squared distances from these; ``low`` and ``high`` are the extremes of the cells,
    infinite where there are none, and ``missing`` (columns,) counts cells that are missing.

    A block is measured by itself and then merged: with n, m the totals and d the difference of the means, the
    mean moves by d m / (n + m), and the sum of squares grows by that of the block and d**2 n m / (n + m)
    (Chan, Golub & LeVeque, 1983). So neither large means nor many rows cost digits, and the result depends on
    the blocks and their order alone.
    """

    def __init__(self, columns: int) -> None:
        self.totals: Columns = np.zeros(columns)
        self.means: Columns = np.zeros(columns)
        self.squares: Columns = np.zeros(columns)
        self.low: Columns = np.full(columns, np.inf)
        self.high: Columns = np.full(columns, -np.inf)
        self.missing: NDArray[np.int64] = np.zeros(columns, np.int64)

    @classmethod
    def of(cls, X: NDArray[Any], weights: NDArray[np.float64] | None = None) -> Moments:
        """Measure a block of rows X (m, columns); ``weights`` (m,) say how much each row counts."""
        found = cls(X.shape[1])
        if not len(X):
            return found
        there = None
        if X.dtype.kind == "f":
            low = X.min(axis=0)
            if np.isnan(low).any():
                there = ~np.isnan(X)
                found.missing = len(X) - np.count_nonzero(there, axis=0)
        if there is None:
            found.low, found.high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
        else:
            wide = X.astype(np.float64)
            found.low = wide.min(axis=0, where=there, initial=np.inf)
            found.high = wide.max(axis=0, where=there, initial=-np.inf)
        if there is None and weights is None:
            found.totals = np.full(X.shape[1], float(len(X)))
            found.means = X.mean(axis=0, dtype=np.float64)
            distances = X - found.means
            np.einsum("ij,ij->j", distances, distances, out=found.squares)
            return found
        shares = np.ones((len(X), 1)) if weights is None else weights[:, None]
        shares = np.broadcast_to(shares, X.shape) if there is None else shares * there
        cells = X.astype(np.float64) if there is None else np.where(there, X, 0.0)
        found.totals = shares.sum(axis=0)
        some = np.where(found.totals > 0, found.totals, 1)
        found.means = np.einsum("ij,ij->j", shares, cells) / some
        distances = cells - found.means
        found.squares = np.einsum("ij,ij,ij->j", shares, distances, distances)
        return found

    def merge(self, other: Moments) -> None:
        """Add what ``other`` knows of further rows."""
        both = self.totals + other.totals
        share = other.totals / np.where(both > 0, both, 1)
        moved = other.means - self.means
        self.squares += other.squares + moved**2 * self.totals * share
        self.means += moved * share
        self.totals = both
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)
        self.missing = self.missing + other.missing

    @property
    def deviations(self) -> Columns:
        """The standard deviation (columns,) of each column; 0 where no cell is there."""
        deviations: Columns = np.sqrt(self.squares / np.where(self.totals > 0, self.totals, 1))
        return deviations

    @property
    def extremes(self) -> tuple[Columns, Columns]:
        """The smallest and the largest number (columns,) of each column; 0 where no cell is there."""
        empty = self.low > self.high
        return np.where(empty, 0, self.low), np.where(empty, 0, self.high)
