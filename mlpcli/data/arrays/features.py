"""Arrays as features: rows of bytes or of floats, in which NaN is a missing cell."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Features
from mlpcli.data.sentences import FINITE
from mlpcli.data.table.precision import Spread
from mlpcli.errors import DataError

__all__ = [
    "Keep",
    "Values",
    "cell",
    "check_features",
    "check_width",
    "complete_rows",
    "flattened",
    "floats",
    "in_rows",
    "numbered",
    "rows_of_numbers",
]

_MOST_COLUMNS = 1 << 20  # 4 GB of weights for 1,000 units
_AXES = ("row", "column")
_BLOCK = 1 << 18  # numbers that are converted at a time
_LARGEST = float(np.finfo(np.float32).max)
Values: TypeAlias = "NDArray[np.float32] | NDArray[np.float64]"


def rows_of_numbers(where: str, rows: NDArray[Any], width: int, *, precise: bool = True) -> Features:
    """Return an array (n, width) as rows for a trained network; raises DataError, naming ``where``."""
    check_features(where, rows.shape, rows.dtype, width)
    return flattened(where, rows, Keep.EXACT if precise else Keep.SHORT)


def in_rows(rows: NDArray[Any], width: int) -> NDArray[Any]:
    """Return an array of one dimension as one row, or as a column where there is one column."""
    if rows.ndim != 1:
        return rows
    return rows.reshape(-1, 1) if width == 1 else rows.reshape(1, -1)


def check_features(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], width: int | None) -> None:
    """Raise DataError for what is no features, or not those of a network trained on ``width``."""
    if dtype.kind not in "biuf":
        table = "; pandas.DataFrame(X) makes a data frame, which can be read" if dtype.names else ""
        raise DataError(f"{where}: has dtype {dtype}; features are real numbers{table}")
    if len(shape) < 2:
        raise DataError(f"{where}: has shape {shape}; one row for each example is needed, (n, features)")
    if 0 in shape:
        raise DataError(f"{where}: has shape {shape}: no rows, or no features")
    columns = math.prod(shape[1:])
    check_width(where, columns, width)
    if columns > _MOST_COLUMNS:
        raise DataError(
            f"{where}: has {columns:,} features in each row; at most {_MOST_COLUMNS:,} are allowed"
        )


def check_width(where: str, columns: int, width: int | None) -> None:
    """Raise DataError if the columns are not as many as a network was trained on."""
    if width is not None and columns != width:
        raise DataError(
            f"{where}: has {columns:,} features in each row; the network was trained on {width:,}"
        )


class Keep(Enum):
    """When numbers are kept as float64."""

    SPREAD = "where float32 would lose digits beside the spread of a column"
    EXACT = "where float32 would change a number"
    SHORT = "never"


def flattened(where: str, array: NDArray[Any], keep: Keep) -> Features:
    """Return an array as contiguous rows of bytes or of floats; NaN is a missing cell."""
    flat = array.reshape(len(array), -1)
    return np.ascontiguousarray(flat) if flat.dtype == np.uint8 else floats(where, flat, keep)


def floats(where: str, array: NDArray[Any], keep: Keep) -> Values:
    """Return an array (n, columns) as float32 or float64; raises DataError for what float32 cannot hold."""
    spread, changed = Spread(array.shape[1]), False
    step = max(1, _BLOCK // array.shape[1])
    for start in range(0, len(array), step):
        block = array[start : start + step]
        wide = block.astype(np.float64)
        fits = np.abs(wide) <= _LARGEST
        if not fits.all():
            fits |= np.isnan(wide)
        if not fits.all():
            i, j = np.argwhere(~fits)[0]
            raise DataError(f"{where}: {cell((int(start + i), int(j)))} is {block[i, j]}. {FINITE}")
        if array.dtype.itemsize > 2 and array.dtype != np.float32:
            if keep is Keep.SPREAD:
                spread.add(wide)
            elif keep is Keep.EXACT and not changed:
                moved = wide.astype(np.float32) != wide
                changed = bool(moved.any()) and not np.isnan(wide[moved]).all()
    dtype = np.float64 if changed or spread.needs_float64.any() else np.float32
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array, dtype)


def complete_rows(X: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which rows of numbers (n, columns) have no NaN, None if none has."""
    if not np.isnan(np.min(X)):
        return None
    complete: NDArray[np.bool_] = np.logical_not(np.isnan(X).any(axis=1))
    return complete


def numbered(columns: int) -> tuple[str, ...]:
    """Return names for columns that have none: x1, x2, ..."""
    return tuple(f"x{i}" for i in range(1, columns + 1))


def cell(place: tuple[int, ...]) -> str:
    """Return in words where a number stands."""
    return ", ".join(f"{what} {i}" for what, i in zip(_AXES, place, strict=False)) + " (from 0)"
