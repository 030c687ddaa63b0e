"""What every source of a table offers: the names of its columns, and their cells in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.table.faults import Faults

__all__ = ["Excerpt", "Rows", "Source"]


class Rows(Protocol):
    """Some rows of a table, with the number of the line on which each begins."""

    @property
    def lines(self) -> Sequence[int]:
        """The lines."""

    def column(self, place: int) -> list[str]:
        """Return the cells (n,) of a column, numbers as Python writes them."""

    def texts(self, place: int) -> list[str]:
        """Return the cells (n,) of a column as they are written."""

    def cell(self, row: int, place: int) -> str:
        """Return one cell."""

    def numbers(self, places: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the numbers (columns, n) in some columns, and where in them no number is, as flat places."""

    def is_numeric(self, place: int) -> bool:
        """Return whether a column is known to hold nothing but numbers, without a look at its cells."""

    def have_codes(self, places: Sequence[int]) -> NDArray[np.bool_]:
        """Return which columns of numbers have a cell with a leading zero: 02134, but not 0.5."""


class Source(Protocol):
    """A table that can be read as often as it is needed.

    ``where`` names it in errors, and ``header`` the place of its names. Some of the ``names`` may be empty or
    the same; ``places`` has the place of each. ``if_missing`` is the error if there is no column of a name,
    where the reason is known. ``notes`` say what was found out about the table. ``numerals`` are the
    ``decimal`` point and the ``thousands`` of its text, as far as they were found out. ``length`` is the
    number of rows, where it is known before they are read.
    """

    where: str
    header: str
    names: list[str]
    places: dict[str, int]
    if_missing: str | None
    notes: list[str]
    numerals: dict[str, str]
    length: int | None

    @property
    def dates(self) -> Sequence[str]:
        """The names of the columns whose type is that of dates or times."""

    def place(self, line: int) -> str:
        """Return the number of a line in words."""

    def file(self, line: int) -> int:
        """Return which of several files has a line; the first one is 0."""

    def blocks(self, faults: Faults) -> Iterator[Rows]:
        """Yield all rows."""


class Excerpt:
    """What a source that yields some blocks of another one has in common with it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.where, self.header = source.where, source.header
        self.names, self.places = source.names, source.places
        self.if_missing, self.notes, self.numerals = source.if_missing, source.notes, source.numerals
        self.length = source.length

    @property
    def dates(self) -> Sequence[str]:
        """The names of the columns of dates."""
        return self._source.dates

    def place(self, line: int) -> str:
        """Return the number of a line in words."""
        return self._source.place(line)

    def file(self, line: int) -> int:
        """Return which of several files has a line."""
        return self._source.file(line)
