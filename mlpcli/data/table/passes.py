"""Passes through a table: the numbers of its columns side by side, or its cells as they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.large.file_matrix import FileMatrix
from mlpcli.data.sentences import SHOWN
from mlpcli.data.table.choice import require, require_one_of_each
from mlpcli.data.table.columns import Column
from mlpcli.data.table.dates import settle_orders
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.matrix import Matrix
from mlpcli.data.table.precision import Spread
from mlpcli.data.table.row_columns import RowColumns
from mlpcli.data.table.source import Rows, Source
from mlpcli.data.table.targets import Target, Targets
from mlpcli.errors import DataError
from mlpcli.text import nfc

__all__ = ["Cells", "MakeMatrix", "Reading", "read_cells", "read_rows"]

MakeMatrix: TypeAlias = Callable[[int, "type[np.float32] | type[np.float64]"], "Matrix | FileMatrix"]
Cells: TypeAlias = list[tuple[str, list[str]]]  # the names of columns, with the text of each cell (n,)


class Reading:
    """One passage through a file: the numbers of its columns, side by side, and what is known of them."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        precise: bool = False,
        known: bool = False,
        lossless: bool = False,
        matrix: MakeMatrix = Matrix,
    ) -> None:
        self._columns, self._known, self._lossless = columns, known, lossless
        names = [name for column in columns for name in column.names]
        self.slots = {name: i for i, name in enumerate(names)}
        self.spread = Spread(len(names))
        self.rows = 0
        self.matrix = matrix(len(names), np.float64 if precise else np.float32)

    def read(
        self, source: Source, target: Target | Targets | None, about: RowColumns, faults: Faults
    ) -> None:
        """Read the rows of a file; raises DataError if there are none, or once five faults are found."""
        for block in source.blocks(faults):
            self._add(block, faults)
            if target is not None:
                target.add(block, faults)
            about.add(block, faults)
            if len(faults) >= SHOWN:
                if target is not None:
                    target.add_faults(faults)
                faults.report()
        if not len(self.matrix):
            faults.report()
            raise DataError(f"{source.where}: has a header, but no rows")

    def _add(self, block: Rows, faults: Faults) -> None:
        first = not len(self.matrix)
        if first:
            for column in self._columns:
                if column.kind == "empty":
                    column.look(block)
        for column in self._columns:
            column.look_for_groups(block, first=first)
        rows = self._numbers(block, faults)
        if self._known:
            if self._lossless and self.matrix.dtype is np.float32 and _changes(rows):
                self.matrix.widen()
        else:
            self.spread.add(rows)
            if first and self.spread.needs_float64.any():
                self.matrix.widen()
        self.matrix.append(rows)
        self.rows += len(rows)

    def _numbers(self, block: Rows, faults: Faults) -> NDArray[np.float64]:
        """Return the rows of a block as numbers (n, slots)."""
        n = len(block.lines)
        values = np.empty((len(self.slots), n))
        plain = [column for column in self._columns if column.is_number]
        if plain:
            numbers = self._plain_numbers(block, plain, faults)
            values[[self.slots[column.name] for column in plain]] = numbers
        for column in self._columns:
            if not column.is_number:
                slot = self.slots[column.names[0]]
                values[slot : slot + len(column.names)] = column.convert(block, faults)
        rows: NDArray[np.float64] = values.T
        return rows

    def _plain_numbers(self, block: Rows, plain: list[Column], faults: Faults) -> NDArray[np.float64]:
        """Return the cells (columns, n) of columns of numbers."""
        numbers, odd = block.numbers([column.place for column in plain])
        n = len(block.lines)
        contradicted: dict[int, Column] = {}
        for i, row in zip((odd // n).tolist(), (odd % n).tolist(), strict=True):
            column = plain[i]
            cell = block.cell(row, column.place)
            numbers[i, row], contradicts = column.odd(cell, block.lines[row], faults)
            if contradicts:
                contradicted[column.place] = column
        guessed = [column for column in plain if not column.given]
        codes = block.have_codes([column.place for column in guessed]) if guessed else ()
        for column in compress(guessed, codes):
            contradicted[column.place] = column
        for column in contradicted.values():
            column.correct(block)
        return numbers


def _changes(rows: NDArray[np.float64]) -> bool:
    """Return whether float32 would change a number."""
    moved = rows.astype(np.float32) != rows
    return bool(moved.any()) and not np.isnan(rows[moved]).all()


def read_rows(
    source: Source,
    columns: Sequence[Column],
    goal: Target | Targets | None,
    about: RowColumns,
    *,
    known: bool = False,
    lossless: bool = False,
    matrix: MakeMatrix = Matrix,
) -> Reading:
    """Read a table until no guess turns out wrong.

    ``known`` says that the columns are those of a trained network, and ``lossless`` that their numbers are
    kept as float64 where float32 would change one. ``matrix`` makes what the numbers are kept in.
    """
    precise = False
    dates = [*((column.name, column.dates) for column in columns), (about.time, about.dates)]
    while True:
        faults = Faults(source.place)
        reading = Reading(columns, precise=precise, known=known, lossless=lossless, matrix=matrix)
        reading.read(source, goal, about, faults)
        if goal is not None:
            goal.finish(faults)
        settle_orders(dates, faults, known=known)
        faults.report()
        lossy = not known and reading.matrix.dtype is np.float32 and bool(reading.spread.needs_float64.any())
        corrected = any(column.corrected or column.dates.corrected for column in columns)
        corrected = corrected or about.corrected or (goal is not None and goal.corrected)
        if not (lossy or corrected):
            return reading
        precise = precise or lossy
        for column in columns:
            column.reset()
        if goal is not None:
            goal.reset()
        about.reset()


def read_cells(source: Source, names: Sequence[str] | None) -> Cells:
    """Return the cells of some columns as they are written, row by row; None: of all. Raises DataError."""
    places = list(range(len(source.names)))
    if names is not None:
        asked = list(dict.fromkeys(map(nfc, names)))
        require(source, asked)
        require_one_of_each(source, asked, (), every=False)
        places = [source.places[name] for name in asked]
    faults = Faults(source.place)
    cells: Cells = [(source.names[place], []) for place in places]
    for block in source.blocks(faults):
        for place, (_, column) in zip(places, cells, strict=True):
            column += block.column(place)
    faults.report()
    return cells
