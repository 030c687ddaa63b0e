"""Reads the target column of a table, as labels or as numbers, or several columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.kinds import Missing
from mlpcli.data.labels import (
    MOST_CLASSES,
    LabelIndex,
    Labels,
    class_after_all,
    is_missing,
    parse_number,
    refused_labels,
    rows_without_label,
    too_many_classes,
)
from mlpcli.data.sentences import FILL, LEAVE_OUT, NAME_IT, SHOWN, TARGET
from mlpcli.data.table.columns import missing_fault, number_fault
from mlpcli.data.table.dates import is_date
from mlpcli.data.table.decimals import has_code, is_code, parse_decimals
from mlpcli.data.table.dialect import OTHER_POINT, Grouped, how_to_write, looks_foreign, odd_one, question_of
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.precision import Spread
from mlpcli.data.table.source import Rows, Source
from mlpcli.data.task import are_a_quantity, are_few, are_numbers
from mlpcli.errors import DataError
from mlpcli.text import listed, shortened

__all__ = ["Target", "Targets"]


_FEW = 20  # values with a sign or a unit that may be classes


class Target:
    """The target column of a table.

    ``classification`` None means that the column itself tells, by the rule of `mlpcli.data.task`. A first
    guess that turns out wrong sets ``corrected``, and the file must be read again.

    Rows without a target cannot be learned from, and are left out, except where ``missing`` is error. A label
    such as ``NA`` may be the name of a class, though: it is a fault unless ``missing`` is drop.

    ``ask`` says that numbers which may have points between thousands are a fault.
    """

    def __init__(
        self,
        source: Source,
        name: str,
        classification: bool | None,
        missing: Missing,
        *,
        ask: bool = False,
    ) -> None:
        self._source, self.name, self.names = source, name, (name,)
        self._place = source.places[name]
        self._open = classification is None
        self._classes: bool | None = classification
        self._missing, self._ask = missing, ask
        self.reset()

    def reset(self) -> None:
        """Forget what was found, but not the guess."""
        self.corrected = self._told = False
        self._values = array("d")
        self._spread = Spread(1)
        self._codes = array("q")
        self._seen = LabelIndex()
        self._places: list[str] = []
        self._unlabelled: dict[int, list[int]] = {}  # the first lines with a label that means none
        self._grouped = Grouped()

    def add(self, block: Rows, faults: Faults) -> None:
        """Add the rows of a block."""
        if self._classes is None:
            self._classes = not are_a_quantity({cell.strip() for cell in set(block.column(self._place))})
        if self._classes:
            self._add_labels(block, block.texts(self._place))
        else:
            cells = block.column(self._place)
            if self._ask and not block.is_numeric(self._place):
                self._grouped.add(cells, block.lines)
                if self._grouped.has_groups:
                    self._grouped.add(block.texts(self._place), block.lines)
            self._add_numbers(block, cells, faults)

    def _add_labels(self, block: Rows, cells: list[str]) -> None:
        codes = self._seen.codes(cells)
        self._codes.frombytes(codes.tobytes())
        names = self._seen.names
        if len(names) > len(self._places):
            seen, first = np.unique(codes, return_index=True)
            new = seen >= len(self._places)
            for code, i in zip(seen[new].tolist(), first[new].tolist(), strict=True):
                self._places.append(self._source.place(block.lines[i]))
                if is_missing(names[code]):
                    self._unlabelled[code] = []
            if self._open and not self.corrected and are_a_quantity(set(names)):
                self.corrected, self._classes = True, False
        for code, lines in self._unlabelled.items():
            if len(lines) < SHOWN:
                here = np.flatnonzero(codes == code)[: SHOWN - len(lines)]
                lines += [block.lines[i] for i in here]
        if len(names) > MOST_CLASSES:
            self.require_no_dates()
            self.require_plain_numbers()
            raise too_many_classes(
                f"{self._source.where}: column {shortened(self.name)}", names[:3], len(names), NAME_IT
            )

    def _add_numbers(self, block: Rows, cells: list[str], faults: Faults) -> None:
        if self._open and not self.corrected and has_code(cells) and self._are_codes(cells):
            self.corrected = self._classes = True
            self._open = False
        values, odd = parse_decimals(cells)
        words = {cell for i in odd.tolist() if not is_missing(cell := cells[i].strip())}
        is_other = all(word.endswith(OTHER_POINT) for word in words)
        if (
            len(words) > 1 and not is_other and len(odd) == len(cells)
        ):  # the target is not what the loss is for
            if not self._told:
                self._told = True
                shown = listed([word.removesuffix(OTHER_POINT) for word in sorted(words)[:3]])
                faults.add(
                    block.lines[0],
                    f"column {shortened(self.name)} holds {shown}, and no numbers",
                    how_to_write(words) or TARGET,
                )
            odd = odd[:0]
        for i in odd.tolist():
            text = cells[i].strip()
            values[i] = np.nan
            if not is_missing(text):
                number_fault(self.name, text, block.lines[i], how_to_write([text]) or TARGET, faults)
            elif self._missing == "error":
                faults.add(block.lines[i], missing_fault(self.name, text), FILL, LEAVE_OUT)
            if len(faults) >= SHOWN:
                break
        self._values.frombytes(values.tobytes())
        self._spread.add(values[:, None])

    @staticmethod
    def _are_codes(cells: list[str]) -> bool:
        """Return whether a number with a leading zero, as 02134 has it, is among cells."""
        return any(is_code(cell.strip()) and parse_number(cell) is not None for cell in set(cells))

    def add_faults(self, faults: Faults, *hints: str) -> None:
        """Add a fault for the first rows without a label."""
        names = self._seen.names
        for code in refused_labels(names, self._missing):
            for line in self._unlabelled[code]:
                faults.add(line, missing_fault(self.name, names[code]), FILL, *hints)

    @property
    def _where(self) -> str:
        return f"{self._source.where}: column {shortened(self.name)}"

    def require_different(self) -> None:
        """Raise DataError about a number that is the same in every row: there is nothing to predict."""
        if not self._classes and self._spread.rows > 1 and self._spread.low[0] == self._spread.high[0]:
            raise DataError(
                f"{self._where} holds {self._spread.low[0]:.10g} in every row: there is nothing to predict. "
                "Choose another target in `data.target`."
            )

    def require_no_dates(self) -> None:
        """Raise DataError about dates that would be taken for classes, since nobody says that they are."""
        names = [name for name in self._seen.names if not is_missing(name)]
        if self._open and names and all(map(is_date, names)):
            raise DataError(
                f"{self._where} holds dates, as {shortened(names[0])}; a target is a class or a number.\n"
                "Choose another target in `data.target`, or write dates as numbers, as days until then.\n"
                f"To predict each date as a class, set `data.columns: {{{self.name}: category}}`."
            )

    def require_plain_numbers(self) -> None:
        """Raise DataError about many numbers that would be taken for classes, since they have a sign."""
        names = [name for name in self._seen.names if not is_missing(name)]
        if not self._open or len(names) <= _FEW:
            return
        text, advice = odd_one(names), how_to_write(names)
        if advice is None and looks_foreign(names):
            text, advice = question_of(names)
        if advice is not None:
            raise DataError(
                f"{self._where} holds {len(names):,} different values that look like numbers, as "
                f"{shortened(text)}; they are too many for classes.\n{advice}"
            )

    def finish(self, faults: Faults) -> None:
        """Add the faults of missing labels, and decide about whole numbers when all rows are known."""
        question = None if self._classes else self._grouped.question(self.name)
        if question is not None:
            faults.add(*question)
        names = self._seen.names
        if self._classes and self._open:
            here = [name for name in names if not is_missing(name)]
            if here and are_numbers(here) and not are_few(len(here), len(self._codes)):
                self.corrected, self._classes = True, False
                return
        refused = refused_labels(names, self._missing)
        if refused:
            n = int(np.isin(np.frombuffer(self._codes, np.int64), refused).sum())
            hints = class_after_all([names[code] for code in refused])
            self.add_faults(faults, f"{rows_without_label(n, len(self._codes))} {LEAVE_OUT}", *hints)

    @property
    def present(self) -> NDArray[np.bool_] | None:
        """Which rows have a target; None if all have."""
        if self._classes:
            return self._labels.present
        values = np.frombuffer(self._values, np.float64)
        return ~np.isnan(values) if self._spread.missing[0] else None

    def take(self, rows: NDArray[np.bool_] | None) -> Labels | NDArray[np.float32] | NDArray[np.float64]:
        """Return the labels, or the values (n, 1), of the rows that are True; all for None."""
        if not self._classes:
            values = np.frombuffer(self._values, np.float64)[:, None]
            values = values if rows is None else values[rows]
            return values if self._spread.needs_float64[0] else values.astype(np.float32)
        return self._labels if rows is None else self._labels.of(rows)

    @property
    def _labels(self) -> Labels:
        return Labels(self._seen.names, self._places, np.frombuffer(self._codes, np.int64))


class Targets:
    """Several columns of numbers, the targets of one regression; they are read like a single `Target`."""

    corrected = False

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self.names = tuple(target.name for target in targets)

    def reset(self) -> None:
        """Forget what was found."""
        for target in self._targets:
            target.reset()

    def add(self, block: Rows, faults: Faults) -> None:
        """Add the rows of a block."""
        for target in self._targets:
            target.add(block, faults)

    def require_different(self) -> None:
        """Raise DataError about a target that is the same in every row."""
        for target in self._targets:
            target.require_different()

    def require_no_dates(self) -> None:
        """Several targets are numbers."""

    def require_plain_numbers(self) -> None:
        """Several targets are numbers."""

    def add_faults(self, faults: Faults) -> None:
        """Numbers have added their faults already."""

    def finish(self, faults: Faults) -> None:
        """Add the faults of numbers that may be read in two ways."""
        for target in self._targets:
            target.finish(faults)

    @property
    def present(self) -> NDArray[np.bool_] | None:
        """Which rows have all targets; None if all have."""
        of_each = [target.present for target in self._targets]
        some = [present for present in of_each if present is not None]
        return np.logical_and.reduce(some) if some else None

    def take(self, rows: NDArray[np.bool_] | None) -> NDArray[np.float32] | NDArray[np.float64]:
        """Return the values (n, targets) of the rows that are True; all for None."""
        columns: list[Any] = [target.take(rows) for target in self._targets]
        return np.hstack(columns)
