"""Scales columns of numbers by statistics of the training split, so that no unit is too large to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALINGS", "Matrix", "Scaling", "extremes"]

_MEASURED = 1 << 18  # numbers that become float64 at a time: 2 MB


class Matrix(Protocol):
    """What is measured: an array (n, columns), or one of which rows are computed when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[Any]: ...


Columns = NDArray[np.float64]
Statistics = tuple[Columns, Columns]
Weights = NDArray[np.float64] | None
# Takes X (n, columns), the rows to measure and their weights, and returns shift and scale, both (columns,).
Measure = Callable[[Matrix, NDArray[np.intp], Weights], Statistics]


def _pieces(X: Matrix, rows: NDArray[np.intp]) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_] | bool]]:
    """Yield the rows of X, some at a time, and which of their cells are there: True if all are."""
    step = max(1, _MEASURED // X.shape[1])
    for start in range(0, len(rows), step):
        piece = X[rows[start : start + step]]
        missing = np.isnan(piece) if piece.dtype.kind == "f" else np.zeros((), bool)
        yield piece, ~missing if missing.any() else True


def _none(X: Matrix, rows: NDArray[np.intp], weights: Weights) -> Statistics:  # noqa: ARG001
    return np.zeros(X.shape[1]), np.ones(X.shape[1])


def _center(X: Matrix, rows: NDArray[np.intp], weights: Weights) -> Statistics:
    return _mean(X, rows, weights, lambda piece: piece), np.ones(X.shape[1])


def _standardize(X: Matrix, rows: NDArray[np.intp], weights: Weights) -> Statistics:
    mean = _mean(X, rows, weights, lambda piece: piece)
    return mean, np.sqrt(_mean(X, rows, weights, lambda piece: (piece - mean) ** 2))


def _mean(
    X: Matrix, rows: NDArray[np.intp], weights: Weights, of: Callable[[NDArray[Any]], NDArray[Any]]
) -> Columns:
    """Return the mean (columns,) of what ``of`` makes of some rows; 0 where no cell is there."""
    total, count = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    start = 0
    for piece, there in _pieces(X, rows):
        values, shares = of(piece), np.broadcast_to(there, piece.shape)
        if weights is not None:
            own = weights[start : start + len(piece), None]
            values, shares = values * own, shares * own
        total += values.sum(axis=0, dtype=np.float64, where=there)
        count += np.sum(shares, axis=0)
        start += len(piece)
    return total / np.where(count > 0, count, 1)


def extremes(X: Matrix, rows: NDArray[np.intp]) -> Statistics:
    """Return the smallest and the largest number (columns,) in each column; 0 where there is none."""
    low, high = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
    for piece, there in _pieces(X, rows):
        if there is True:
            low, high = np.minimum(low, piece.min(axis=0)), np.maximum(high, piece.max(axis=0))
        else:
            low = np.minimum(low, piece.min(axis=0, where=there, initial=np.inf))
            high = np.maximum(high, piece.max(axis=0, where=there, initial=-np.inf))
    low[low > high] = high[low > high] = 0
    return low, high


def _range(X: Matrix, rows: NDArray[np.intp], weights: Weights) -> Statistics:  # noqa: ARG001
    low, high = extremes(X, rows)
    return low / 2 + high / 2, high / 2 - low / 2


SCALINGS: dict[str, Measure] = {
    "none": _none,
    "center": _center,
    "standardize": _standardize,
    "range": _range,
}


def _is_constant(shift: Columns, scale: Columns) -> NDArray[np.bool_]:
    """Return for each column whether its values are too close together to be told apart.

    That is so if their spread is lost in the digits of a float64, or if float32 cannot hold 1 / scale.
    """
    constant: NDArray[np.bool_] = scale <= np.maximum(1e-14 * np.abs(shift), np.finfo(np.float32).tiny)
    return constant


@dataclass(frozen=True)
class Scaling:
    """Maps a column of numbers x to (x - shift) / scale; ``shift`` and ``scale`` are (columns,) float64."""

    shift: Columns
    scale: Columns

    @classmethod
    def fit(cls, kind: str, X: Matrix, rows: NDArray[np.intp], weights: Weights = None) -> Scaling:
        """Measure ``rows`` of X (n, columns), without its missing cells, for the given kind of scaling.

        In means, ``weights`` (rows,), all above 0, say how much each counts: one of weight 2 like two rows.

        none: as they are; center: subtract the mean; standardize: then divide by the standard deviation;
        range: map minimum and maximum to -1 and 1 (CS231n notes, Neural Networks 2, "Data Preprocessing").
        Constant columns are not divided.
        """
        return cls.measured(*SCALINGS[kind](X, rows, weights))

    @classmethod
    def measured(cls, shift: Columns, scale: Columns) -> Scaling:
        """Return the scaling with this middle and spread of each column; constant columns are not divided."""
        scale[_is_constant(shift, scale)] = 1
        return cls(shift, scale)

    @staticmethod
    def shapes(columns: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays of `to_arrays`, for so many columns."""
        return {"shift": (columns,), "scale": (columns,)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Scaling:
        """Return the scaling that `to_arrays` has described, from finite arrays of the right `shapes`.

        Raises ValueError, whose text begins with the name of an array, where they cannot be applied.
        """
        if not np.all(arrays["scale"] >= np.finfo(np.float32).tiny):
            raise ValueError("scale holds numbers that are not above 0, or cannot be divided by")
        return cls(arrays["shift"].astype(np.float64), arrays["scale"].astype(np.float64))

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the arrays that a checkpoint keeps; they are not copies."""
        return {"shift": self.shift, "scale": self.scale}

    @property
    def exceeds_float32(self) -> bool:
        """Whether rounding a value to float32 may move it by more than a millionth of its column's scale."""
        with np.errstate(over="ignore", invalid="ignore"):
            spacing = np.spacing((np.abs(self.shift) + self.scale).astype(np.float32))
        return bool(np.any(~(spacing <= 2e-6 * self.scale)))

    def apply(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return X (n, columns) scaled."""
        scaled: NDArray[np.float64] = (X - self.shift) / self.scale
        return scaled

    def undo(self, scaled: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values in their own units that became ``scaled`` (n, columns)."""
        values: NDArray[np.float64] = scaled * self.scale + self.shift
        return values
