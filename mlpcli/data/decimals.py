"""Converts cells to numbers, all cells of a block at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["parse_decimals"]

_LARGEST = float(np.finfo(np.float32).max)


def parse_decimals(cells: list[str]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the numbers (n,) that cells hold, and the places of cells with none in the range of float32.

    The numbers are those that ``float`` returns; those at the returned places mean nothing.
    """
    if "_" not in "".join(cells):  # only Python reads 1_000 as a number
        try:
            numbers = np.fromiter(map(float, cells), np.float64, len(cells))
            return numbers, _odd(numbers)
        except ValueError:
            pass
    numbers = np.fromiter(map(_number, cells), np.float64, len(cells))
    return numbers, _odd(numbers)


def _odd(numbers: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.flatnonzero(~(np.abs(numbers) <= _LARGEST))


def _number(cell: str) -> float:
    try:
        return np.nan if "_" in cell else float(cell)
    except ValueError:
        return np.nan
