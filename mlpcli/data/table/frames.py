"""Data frames of a program as sources of tables, by what their columns hold.

No library of data frames is imported: a frame is what has ``columns``, and gives each of them by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.labels import is_absent
from mlpcli.data.table.decimals import has_code, parse_decimals
from mlpcli.data.table.faults import Faults
from mlpcli.errors import DataError
from mlpcli.text import nfc, shortened

__all__ = ["FrameSource", "UnnamedColumns", "numeric_columns"]

_ROWS = 4096  # of a block
_LARGEST = float(np.finfo(np.float32).max)


class UnnamedColumns:
    """The columns of an array (n, columns) with names, as a data frame has them."""

    def __init__(self, values: NDArray[Any], names: Sequence[str]) -> None:
        self.columns, self.values = list(names), values

    def __getitem__(self, name: str) -> NDArray[Any]:
        column: NDArray[Any] = self.values[:, self.columns.index(name)]
        return column

    def __len__(self) -> int:
        return len(self.values)


class FrameSource:
    """The rows of a data frame that is called ``where`` in errors; they are numbered from ``first``."""

    def __init__(self, X: Any, where: str = "X", first: int = 0) -> None:
        self.where, self.header = where, where
        self.names = [nfc(str(name)) for name in X.columns]
        self.places = {name: i for i, name in enumerate(self.names)}
        self.if_missing: str | None = None
        self.notes: list[str] = []
        self.numerals: dict[str, str] = {}
        self.rows = len(X) if hasattr(X, "__len__") else len(np.asarray(X))
        self.length: int | None = self.rows
        self._frame, self._columns, self.first = X, _columns(X), first
        self._arrays: dict[int, NDArray[Any]] = {}

    @property
    def is_unnamed(self) -> bool:
        """Whether the columns are those of an array."""
        return isinstance(self._frame, UnnamedColumns)

    @property
    def categorical(self) -> list[str]:
        """The names of the columns that the frame itself keeps as categories."""
        columns = zip(self.names, self._columns, strict=True)
        return [name for name, column in columns if _is_categorical(getattr(column, "dtype", None))]

    @property
    def dates(self) -> list[str]:
        """The names of the columns whose type is that of dates, or that hold nothing but objects of dates.

        An array without names has none, since new rows for a network would have to name the parts of a date.
        """
        if self.is_unnamed:
            return []
        return [name for place, name in enumerate(self.names) if _holds_dates(self.array(place))]

    def array(self, place: int) -> NDArray[Any]:
        """Return the values (n,) of a column."""
        if place not in self._arrays:
            array = np.asarray(self._columns[place])
            if array.shape != (self.rows,):
                raise DataError(
                    f"{self.where}: column {shortened(self.names[place])} has shape {array.shape}; "
                    "each column has one value for each row"
                )
            self._arrays[place] = array
        return self._arrays[place]

    def place(self, line: int) -> str:
        """Return the number of a row in words."""
        return f"{self.where}: row {line} (from 0)"

    def file(self, line: int) -> int:  # noqa: ARG002
        """Return 0, since a frame is one."""
        return 0

    def blocks(self, faults: Faults) -> Iterator[FrameRows]:  # noqa: ARG002
        """Yield all rows."""
        for start in range(0, self.rows, _ROWS):
            yield FrameRows(self, range(self.first + start, self.first + min(start + _ROWS, self.rows)))


class FrameRows:
    """Some rows of a data frame."""

    def __init__(self, source: FrameSource, lines: range) -> None:
        self.lines: Sequence[int] = lines
        self._source, self._rows = source, slice(lines.start - source.first, lines.stop - source.first)

    def _values(self, place: int) -> NDArray[Any]:
        return self._source.array(place)[self._rows]

    def column(self, place: int) -> list[str]:
        """Return the cells (n,) of a column as text, empty where they are missing."""
        values = self._values(place)
        if values.dtype.kind == "M":
            return ["" if np.isnat(value) else _time(value) for value in values]
        return [_text(value) for value in values.tolist()]

    def texts(self, place: int) -> list[str]:
        """Return the cells (n,) of a column as text."""
        return self.column(place)

    def cell(self, row: int, place: int) -> str:
        """Return one cell."""
        value = self._values(place)[row]
        return _text(value.item() if isinstance(value, np.generic) else value)

    def numbers(self, places: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the numbers (columns, n) in some columns, and where in them no number is, as flat places."""
        found = np.empty((len(places), len(self.lines)))
        odd = []
        for i, place in enumerate(places):
            values = self._values(place)
            if values.dtype.kind in "iuf":
                found[i] = values
                strange = np.flatnonzero(~(np.abs(found[i]) <= _LARGEST))
            else:
                cells = self.column(place)
                different = {cell: code for code, cell in enumerate(dict.fromkeys(cells))}
                codes = np.fromiter(map(different.__getitem__, cells), np.intp, len(cells))
                numbers, none = parse_decimals(list(different))
                found[i], strange = numbers[codes], np.flatnonzero(np.isin(codes, none))
            odd.append(strange + i * len(self.lines))
        return found, np.concatenate(odd) if odd else np.zeros(0, np.intp)

    def is_numeric(self, place: int) -> bool:
        """Return whether a column has a type of numbers."""
        return self._values(place).dtype.kind in "iuf"

    def have_codes(self, places: Sequence[int]) -> NDArray[np.bool_]:
        """Return which columns hold text in which a number has a leading zero."""
        return np.array(
            [
                self._values(p).dtype.kind in "OUT" and has_code([*dict.fromkeys(self.column(p))])
                for p in places
            ],
            bool,
        )


def numeric_columns(X: Any) -> set[str]:
    """Return the names of the columns of a frame that have a type of numbers; none if X is no frame."""
    if not hasattr(X, "columns"):
        return set()
    kinds = [getattr(getattr(column, "dtype", None), "kind", None) for column in _columns(X)]
    return {nfc(str(name)) for name, kind in zip(X.columns, kinds, strict=True) if kind in ("i", "u", "f")}


def _columns(X: Any) -> list[Any]:
    """Return the columns of a frame, also those of one name."""
    labels = list(X.columns)
    if hasattr(X, "__getitem__") and len(set(labels)) == len(labels):
        return [X[label] for label in labels]
    return list(np.asarray(X).T)


def _is_categorical(dtype: Any) -> bool:
    return getattr(dtype, "categories", None) is not None


def _holds_dates(array: NDArray[Any]) -> bool:
    if array.dtype.kind != "O":
        return array.dtype.kind == "M"
    first = next((value for value in array if not is_absent(value)), None)
    return isinstance(first, date) and all(isinstance(value, date) or is_absent(value) for value in array)


def _text(value: Any) -> str:
    """Return a value as a cell; what is missing (None, NaN, NaT, NA) is empty."""
    if isinstance(value, str):
        return value
    if is_absent(value):
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def _time(value: Any) -> str:
    text = str(np.datetime_as_string(value))
    return text if len(text) >= 10 else str(np.datetime_as_string(value, "D"))
