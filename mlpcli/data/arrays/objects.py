"""What a program hands in, as NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.arrays.features import cell
from mlpcli.data.labels import is_absent
from mlpcli.data.sentences import TARGET
from mlpcli.errors import DataError
from mlpcli.text import shortened

__all__ = [
    "as_array",
    "as_numbers",
]


def as_array(where: str, values: Any) -> NDArray[Any]:
    """Return what ``np.asarray`` makes of it; raises DataError if that is no array."""
    try:
        array: NDArray[Any] = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as problem:
        raise DataError(f"{where}: is not an array ({problem}); give rows of equal length") from None
    if array.shape == () and array.dtype.kind == "O":
        advice = "give an array"
        if hasattr(values, "toarray"):  # a sparse matrix
            advice += f", as {where}.toarray() is"
        elif where == "X":
            advice += ", or a data frame, as pandas.DataFrame(X) is"
        raise DataError(f"{where}: is of type {type(values).__name__}; {advice}")
    return array


def as_numbers(where: str, values: Any) -> NDArray[Any]:
    """Return an array of the dtype that it has, or of float64 where it holds numbers as Python objects."""
    array = as_array(where, values)
    if isinstance(values, np.ma.MaskedArray) and array.dtype.kind in "biuf":
        hidden = np.ma.getmaskarray(values)
        if hidden.any():
            array = array.astype(array.dtype if array.dtype.kind == "f" else np.float64)
            array[hidden] = np.nan
    if array.dtype.kind != "O":
        return array
    numbers = np.empty(array.shape, np.float64)
    for place, value in np.ndenumerate(array):
        if is_absent(value):
            numbers[place] = np.nan
            continue
        if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
            hint = f" {TARGET}" if where == "y" else ""
            if isinstance(value, dict):
                hint = " pandas.DataFrame(X) makes a data frame of rows that are dicts."
            raise DataError(f"{where}: {cell(place)} is {shortened(str(value))}, not a number.{hint}")
        try:
            numbers[place] = value
        except OverflowError:  # a whole number of hundreds of digits
            numbers[place] = np.inf
    return numbers
