"""Reads the columns of a CSV file that say something of its rows, such as their weights."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.columns import missing_fault, number_fault
from mlpcli.data.decimals import parse_decimals
from mlpcli.data.faults import Faults
from mlpcli.data.labels import is_missing
from mlpcli.data.rows import Role, Roles, RowFacts, read_weights
from mlpcli.data.source import Rows, Source
from mlpcli.text import nfc, shortened

__all__ = ["RowColumns"]

_WEIGHT = "A weight is a finite number, 0 or more; a row of weight 2 counts like two rows."


class RowColumns:
    """The columns of a table that say something of its rows."""

    def __init__(self, source: Source, roles: Roles) -> None:
        self._source, self._roles = source, roles
        self._places: dict[Role, int] = {role: source.places[nfc(name)] for role, name in roles.items()}
        self.reset()

    def reset(self) -> None:
        """Forget what was found."""
        self._weights = array("d")

    def add(self, block: Rows, faults: Faults) -> None:
        """Add the rows of a block."""
        if "weight" in self._places:
            self._add_weights(block, block.column(self._places["weight"]), faults)

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

    def take(self, rows: NDArray[np.bool_] | None) -> RowFacts:
        """Return what is known of the rows that are True, all for None; raises DataError."""
        weights = None
        if "weight" in self._places:
            found = np.frombuffer(self._weights, np.float64)
            found = found if rows is None else found[rows]
            where = f"{self._source.where}: column {shortened(self._roles['weight'])}"
            weights = read_weights(where, found, len(found))
        return RowFacts(weights)
