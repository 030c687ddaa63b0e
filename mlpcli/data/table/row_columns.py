"""Reads the columns of a CSV file that say something of its rows, such as their weights."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.labels import LabelIndex, is_missing, missing_labels
from mlpcli.data.rows import Role, Roles, RowFacts, facts_of
from mlpcli.data.table.columns import missing_fault, number_fault
from mlpcli.data.table.dates import DateOrder, Dates
from mlpcli.data.table.decimals import parse_decimals
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.source import Rows, Source
from mlpcli.text import nfc, shortened

__all__ = ["RowColumns"]

_TIME = "Write times as numbers, or all of them as dates like 2024-05-31 or 2024-05-31 13:45:00."
_WEIGHT = "A weight is a finite number, 0 or more; a row of weight 2 counts like two rows."


class RowColumns:
    """The columns of a table that say something of its rows.

    ``parts`` are the splits of the files that the table comes from, where each file is one.
    """

    def __init__(
        self, source: Source, roles: Roles, parts: Sequence[str] = (), date_order: DateOrder | None = None
    ) -> None:
        self._source, self._roles, self._parts = source, roles, parts
        self._places: dict[Role, int] = {role: source.places[nfc(name)] for role, name in roles.items()}
        self.dates = Dates(date_order)
        self.reset()

    def reset(self) -> None:
        """Forget what was found."""
        self.dates.reset()
        self._weights, self._times = array("d"), array("d")
        self._are_dates: bool | None = None
        self._of_files: list[str] = []
        self._seen: dict[Role, tuple[LabelIndex, array[int]]] = {
            role: (LabelIndex(), array("q")) for role in ("group", "split") if role in self._places
        }

    def add(self, block: Rows, faults: Faults) -> None:
        """Add the rows of a block."""
        if "weight" in self._places:
            self._add_weights(block, block.column(self._places["weight"]), faults)
        if self._parts:
            self._of_files += [self._parts[self._source.file(line)] for line in block.lines]
        if "time" in self._places:
            self._add_times(block, block.column(self._places["time"]), faults)
        for role, (index, codes) in self._seen.items():
            found = index.codes(block.texts(self._places[role]))
            codes.frombytes(found.tobytes())
            for i in np.flatnonzero(np.isin(found, missing_labels(index.names))).tolist():
                name = self._roles[role]
                text = index.names[found[i]]
                faults.add(block.lines[i], missing_fault(name, text), f"Each row has a {role}.")

    def _add_weights(self, block: Rows, cells: list[str], faults: Faults) -> None:
        values, odd = parse_decimals(cells)
        name, is_odd = self._roles["weight"], set(odd.tolist())
        for i in sorted(is_odd | set(np.flatnonzero(values < 0).tolist())):
            text, line = cells[i].strip(), block.lines[i]
            if is_missing(text):
                faults.add(line, missing_fault(name, text), _WEIGHT)
            elif i in is_odd:
                number_fault(name, text, line, _WEIGHT, faults)
            else:
                faults.add(line, f"column {shortened(name)} is {shortened(text)}", _WEIGHT)
            values[i] = 0
        self._weights.frombytes(values.tobytes())

    def _add_times(self, block: Rows, cells: list[str], faults: Faults) -> None:
        numbers, odd = parse_decimals(cells)
        if self._are_dates is None:
            self._are_dates = len(odd) > 0 and odd[0] == 0
        if self._are_dates:
            numbers = self.dates.read(cells, block.lines)[0][-1].copy()
            odd = np.flatnonzero(np.isnan(numbers))
        for i in odd.tolist():
            name, text = self._roles["time"], cells[i].strip()
            what = missing_fault(name, text) if is_missing(text) else f"{missing_fault(name, text)}, no time"
            faults.add(block.lines[i], what, _TIME)
            numbers[i] = 0
        self._times.frombytes(numbers.tobytes())

    @property
    def time(self) -> str:
        """The name of the column of times, empty if there is none."""
        return self._roles.get("time", "")

    @property
    def corrected(self) -> bool:
        """Whether a first guess turned out wrong, so that the table must be read again."""
        return self.dates.corrected

    def take(self, rows: NDArray[np.bool_] | None, *, is_piece: bool = False) -> RowFacts:
        """Return what is known of the rows that are True, all for None; see `facts_of`. Raises DataError."""
        found: dict[Role, NDArray[Any]] = {}
        if "weight" in self._places:
            found["weight"] = np.frombuffer(self._weights, np.float64)
        if "time" in self._places:
            found["time"] = np.frombuffer(self._times, np.float64)
        for role, (index, codes) in self._seen.items():
            of_rows = np.frombuffer(codes, np.int64)
            found[role] = of_rows if role == "group" else np.array(index.names)[of_rows]
        if self._parts:
            found["split"] = np.array(self._of_files)
        some = {role: values if rows is None else values[rows] for role, values in found.items()}
        where, names = f"{self._source.where}: column ", self._roles
        named = {role: (where + shortened(names.get(role, role)), values) for role, values in some.items()}
        return facts_of(named, len(next(iter(some.values()), ())), is_piece=is_piece)
