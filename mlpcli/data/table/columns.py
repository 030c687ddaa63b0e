"""Turns the cells of one column of a file into numbers, and collects what is found in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.kinds import BOOLEAN, Kind, category
from mlpcli.data.labels import LabelIndex, in_order, is_missing, missing_labels, parse_number
from mlpcli.data.sentences import FINITE, SHOWN
from mlpcli.data.table.dates import DATE_PARTS, DateOrder, Dates, is_date
from mlpcli.data.table.decimals import is_code
from mlpcli.data.table.dialect import (
    BOTH_KEYS,
    OTHER_POINT,
    Grouped,
    how_to_write,
    look_like_dates,
    looks_foreign,
    odd_one,
    question_of,
)
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.guesses import BOOLEANS, Guess, guess, joined
from mlpcli.data.table.source import Rows
from mlpcli.errors import DataError
from mlpcli.text import nfc, shortened

__all__ = ["Column", "Levels", "missing_fault", "number_fault"]

_PLAIN = (
    "Write numbers plainly, as in 1234.5, or say how they are written: `data.decimal` is the decimal point,\n"
    "and `data.thousands` separates groups of three digits."
)
_OTHER_POINT = (
    "The decimal point is a comma here, as `data.decimal` says. If points separate thousands, set both\n"
    f"{BOTH_KEYS}; or else write all numbers with a comma."
)
_MISSING_CELLS = (
    "Fill in missing values, remove their rows, or set `data.missing` to fill or drop, which does it for you."
)
_MOST_LEVELS = 1 << 16
_MOST_CHARACTERS = 1 << 22  # of all levels of a column
_FEW = 20  # levels that may be unique
_FEW_ROWS = 10  # fewer do not tell an id
_NEITHER = 2.0  # what is no boolean
_NONE = np.zeros(0, np.int64)
_STRAYS = 5  # texts among numbers that are no categories


class Levels(NamedTuple):
    """The texts of a column in order, the level of each code (NaN if missing), and the rows with a text."""

    names: tuple[str, ...]
    ranks: NDArray[np.float64]
    present: int


class Column:
    """A column of a file: its place, what it holds, and what was found in it so far.

    ``given`` says that the kind is known; otherwise it is a guess, which `convert` corrects where cells
    contradict it: it then sets ``corrected``, and the file must be read again. ``levels`` are those of a
    trained network. ``all_present`` makes missing cells a fault. ``as_trained`` says how numbers are given to
    a trained network.
    """

    __slots__ = (
        "_all_present",
        "_as_trained",
        "_characters",
        "_counts",
        "_if_text",
        "_known",
        "_lines",
        "_seen",
        "_truths",
        "corrected",
        "dates",
        "first",
        "full",
        "given",
        "grouped",
        "kind",
        "name",
        "place",
    )

    def __init__(
        self,
        name: str,
        place: int,
        kind: Guess = "empty",
        *,
        given: bool = False,
        levels: Sequence[str] | None = None,
        if_text: str = "",
        all_present: bool = False,
        date_order: DateOrder | None = None,
        as_trained: str | None = None,
    ) -> None:
        self.name, self.place, self.kind, self.given = name, place, kind, given
        self.dates = Dates(date_order)
        self._if_text, self._all_present, self._as_trained = if_text, all_present, as_trained
        self._known = None if levels is None else _Known(levels)
        self.reset()

    def reset(self) -> None:
        """Forget what was found, but not the kind."""
        self.corrected = False
        self.grouped: Grouped | None = None  # where the first cells may have points between thousands
        self.dates.reset()
        self.first: tuple[int, str] | None = None  # line and text of the first date
        self.full = False  # more texts than can be categories
        self._seen: LabelIndex | None = None
        self._lines: list[int] = []  # on which each text is first seen
        self._characters = 0
        self._counts = _NONE  # rows of each text
        self._truths: _Truths | None = None

    @property
    def _index(self) -> LabelIndex:
        if self._seen is None:
            self._seen = LabelIndex()
        return self._seen

    @property
    def is_number(self) -> bool:
        """Whether the cells are read as numbers."""
        return self.kind in ("number", "empty")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that the cells become: several for a date."""
        if self.kind == "date" and self.given:
            return tuple(f"{self.name} {part}" for part in DATE_PARTS)
        return (self.name,)

    def look(self, block: Rows) -> None:
        """Guess the kind from the first cells of a file."""
        if not self.given:
            self.kind = "number" if block.is_numeric(self.place) else guess(block.column(self.place))

    def look_for_groups(self, block: Rows, *, first: bool) -> None:
        """Notice numbers that may have points between thousands, which the first cells must show."""
        if self.given or self.kind != "number" or block.is_numeric(self.place):
            return
        if first:
            self.grouped = Grouped()
            self.grouped.add(block.column(self.place), block.lines)
        if self.grouped is not None:
            self.grouped.add(block.texts(self.place), block.lines)
            self.grouped = self.grouped if self.grouped.has_groups else None

    def correct(self, block: Rows) -> None:
        """Guess the kind anew, since cells of the block contradict it."""
        self.kind = joined(self.kind, guess(block.column(self.place)))
        self.corrected = True

    def odd(self, cell: str, line: int, faults: Faults) -> tuple[float, bool]:
        """Return the number of a cell that is none at first sight, and whether it contradicts the guess."""
        text = cell.strip()
        if is_missing(text):
            if self._all_present:
                faults.add(line, missing_fault(self.name, text), _MISSING_CELLS)
            return np.nan, False
        if self.given or parse_number(text) is not None:
            number_fault(self.name, text, line, self._if_text, faults, self._as_trained)
            return np.nan, False
        return np.nan, True

    def convert(self, block: Rows, faults: Faults) -> NDArray[np.float64]:
        """Return the numbers (width, n) of a column that holds no numbers."""
        if self.kind == "boolean":
            return self._boolean(block, block.column(self.place), faults)
        if self.kind == "date":
            return self._date(block, block.column(self.place), faults)
        texts = block.texts(self.place)
        if self._known is not None:
            return np.fromiter(map(self._known.__getitem__, texts), np.float64, len(texts))[None]
        return self._category(block, texts)[None]

    def _boolean(self, block: Rows, cells: list[str], faults: Faults) -> NDArray[np.float64]:
        if self._truths is None:
            self._truths = _Truths(self.given)
        values = np.fromiter(map(self._truths.__getitem__, cells), np.float64, len(cells))
        odd = np.flatnonzero(values == _NEITHER)
        if len(odd) and not self.given:
            self.correct(block)
        for i in odd[:SHOWN] if self.given else ():
            faults.add(
                block.lines[i],
                f"column {shortened(self.name)} is {_shown(cells[i])}, not a boolean",
                "A boolean is true or false, yes or no, t or f, y or n, on or off, 1 or 0.",
            )
        self._require_present(block, cells, values, faults)
        return values[None]

    def _date(self, block: Rows, cells: list[str], faults: Faults) -> NDArray[np.float64]:
        if not self.given:
            return self._ungiven_date(block, cells)
        values, odd = self.dates.read(cells, block.lines)
        self.corrected |= self.dates.corrected
        for i in odd[:SHOWN]:
            text = cells[i].strip()
            first = (
                f" with the {'month' if self.dates.order == 'mdy' else 'day'} first" if is_date(text) else ""
            )
            faults.add(
                block.lines[i],
                f"column {shortened(self.name)} is {_shown(text)}, not a date{first}",
                "Write dates as 2024-05-31, or with a time as 2024-05-31 13:45:00.",
            )
        self._require_present(block, cells, values[0], faults, set(odd))
        return values

    def _ungiven_date(self, block: Rows, cells: list[str]) -> NDArray[np.float64]:
        """Return zeros for dates, which will be refused, and NaN for missing cells."""
        kinds = {cell: guess([cell]) for cell in set(cells)}
        if not kinds.keys() <= {cell for cell, kind in kinds.items() if kind in ("date", "empty")}:
            self.correct(block)
        missing = np.array([kinds[cell] == "empty" for cell in cells])
        if self.first is None and not missing.all():
            i = int(np.argmin(missing))
            self.first = (block.lines[i], cells[i].strip())
        return np.where(missing, np.nan, 0.0)[None]

    def _require_present(
        self,
        block: Rows,
        cells: list[str],
        values: NDArray[np.float64],
        faults: Faults,
        but: set[int] | None = None,
    ) -> None:
        if self._all_present:
            missing = [i for i in np.flatnonzero(np.isnan(values)).tolist() if not but or i not in but]
            for i in missing[:SHOWN]:
                faults.add(block.lines[i], missing_fault(self.name, cells[i].strip()), _MISSING_CELLS)

    def _category(self, block: Rows, cells: list[str]) -> NDArray[np.float64]:
        if self.full:
            return np.full(len(cells), np.nan)
        index = self._index
        codes = index.codes(cells)
        names = index.names
        if len(names) > len(self._lines):
            self._characters += sum(map(len, names[len(self._lines) :]))
            seen, first = np.unique(codes, return_index=True)
            new = seen >= len(self._lines)
            self._lines += [block.lines[i] for i in first[new]]
            if len(names) > _MOST_LEVELS or self._characters > _MOST_CHARACTERS:
                self.full, self._seen, self._lines = True, None, []
        counts = np.bincount(codes, minlength=len(names))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        return codes.astype(np.float64)

    # What was found

    def kind_found(self, levels: Levels | None) -> Kind | None:
        """Return the kind for the data set, None for a number."""
        if levels is not None:
            return category(levels.names)
        return BOOLEAN if self.kind == "boolean" else None

    def levels(self) -> Levels:
        """Return the levels of a column of categories."""
        names = self._index.names
        missing = set(missing_labels(names))
        present = [i for i in range(len(names)) if i not in missing]
        order = [present[i] for i in in_order([names[i] for i in present])]
        ranks = np.full(len(names), np.nan)
        ranks[order] = np.arange(len(order))
        return Levels(tuple(names[i] for i in order), ranks, int(self._counts[present].sum()))

    def code(self, levels: Levels) -> str | None:
        """Return a level with a leading zero that makes numbers categories, None where none does."""
        if self.given or not all(parse_number(name) is not None for name in levels.names):
            return None
        return next(filter(is_code, levels.names), None)

    def strays(self) -> list[tuple[int, str]]:
        """Return line and text of the few texts in a column that otherwise holds many numbers."""
        names = self._index.names
        if any(map(is_code, names)):
            return []
        missing = set(missing_labels(names))
        texts = [
            (line, name)
            for i, (line, name) in enumerate(zip(self._lines, names, strict=False))
            if i not in missing and parse_number(name) is None
        ]
        numbers = len(names) - len(missing) - len(texts)
        return texts if numbers > _FEW and len(texts) <= _STRAYS else []

    def foreign(self) -> tuple[int, str, str] | None:
        """Return line and text of a level, and what to ask, if all are numbers with two readings."""
        names = self._index.names
        missing = set(missing_labels(names))
        present = {
            name: line
            for i, (name, line) in enumerate(zip(names, self._lines, strict=False))
            if i not in missing
        }
        marks = "," if any(map(is_code, present)) else ",."  # a decimal point is another one here
        if not looks_foreign(present, marks):
            return None
        text, question = question_of(present)
        return present[text], text, question

    def amounts(self) -> tuple[int, str, str] | None:
        """Return line and text of a level, and how to write it plainly, if all are numbers as 12%."""
        names = self._index.names
        missing = set(missing_labels(names))
        present = {names[i]: line for i, line in enumerate(self._lines) if i not in missing}
        advice = how_to_write(present)
        if advice is None:
            return None
        text = odd_one(present)
        return present[text], text, advice

    @property
    def has_few(self) -> bool:
        """Whether there are so few levels that each may differ from row to row."""
        return len(self._index.names) - len(missing_labels(self._index.names)) <= _FEW

    def add_missing_levels(self, faults: Faults) -> None:
        """Add a fault for the first cell of each text that means a missing one."""
        for i in missing_labels(self._index.names):
            faults.add(self._lines[i], missing_fault(self.name, self._index.names[i]), _MISSING_CELLS)

    def free_text(self, levels: Levels) -> str | None:
        """Return why the column is no category, if nearly every row has a text of its own."""
        n, present = len(levels.names), levels.present
        code = self.code(levels)
        if code is not None and n > max(_FEW, present / 2):
            return f"holds {n:,} different codes in {present:,} rows, as {shortened(code)} is one"
        if n > max(_FEW, present / 2) and look_like_dates(levels.names):
            return "holds dates; written with four digits for the year they can be learned from"
        if self.full:
            return "holds too many different texts for categories"
        if n == present >= _FEW_ROWS:
            return "holds a text that differs in every row"
        if n > max(_FEW, present / 2):
            return f"holds {n:,} different texts in {present:,} rows"
        return None

    def require_categories(self, where: str) -> None:
        """Raise DataError if there are too many texts for a column that is asked for."""
        if self.full:
            raise DataError(
                f"{where}: column {shortened(self.name)} holds too many different texts for categories "
                f"(at most {_MOST_LEVELS:,}, of {_MOST_CHARACTERS:,} characters in all); leave it out with\n"
                f"`data.columns: {{{self.name}: drop}}`"
            )


class _Truths(dict[str, float]):
    """0 or 1 for each spelling of a boolean, NaN for a missing one, and 2 for anything else."""

    def __init__(self, numbers: bool) -> None:
        self._numbers = numbers

    def __missing__(self, cell: str) -> float:
        text = cell.strip().lower()
        value = BOOLEANS.get(text)
        if value is None and is_missing(text):
            value = np.nan
        if value is None and self._numbers and parse_number(text) in (0, 1):
            value = parse_number(text)
        if value is None:
            return _NEITHER
        self[cell] = value
        return value


class _Known(dict[str, float]):
    """The index of each level for all its spellings, NaN for a missing cell, and -1 for an unknown text."""

    def __init__(self, levels: Sequence[str]) -> None:
        super().__init__((nfc(level), float(i)) for i, level in enumerate(levels))
        self._levels = dict(self)

    def __missing__(self, cell: str) -> float:
        name = nfc(cell.strip())
        code = self._levels.get(name, np.nan if is_missing(name) else -1.0)
        if len(self) < _MOST_LEVELS:
            self[cell] = code
        return code


def _shown(cell: str) -> str:
    """Return a cell as it is written, for an error."""
    return shortened(cell.strip().removesuffix(OTHER_POINT))


def missing_fault(name: str, text: str) -> str:
    """Return what is wrong with a missing cell."""
    return f"column {shortened(name)} is {repr(text) if text else 'empty'}"


def number_fault(
    name: str, text: str, line: int, if_text: str, faults: Faults, as_trained: str | None = None
) -> None:
    """Add the fault of a cell that is no number, or none that can be kept.

    ``as_trained`` says how numbers are written; None if the config may still say it.
    """
    column = f"column {shortened(name)}"
    if text.endswith(OTHER_POINT):
        hint = _OTHER_POINT if as_trained is None else as_trained
        faults.add(line, f"{column} is {_shown(text)}", hint)
    elif parse_number(text) is not None:
        faults.add(line, f"{column} is {shortened(text)}", FINITE)
    elif re.fullmatch(r"[+-]?[\d.,_' ]+", text):
        faults.add(line, f"{column} is {shortened(text)}", _PLAIN if as_trained is None else as_trained)
    else:
        faults.add(line, f"{column} is {shortened(text)}, not a number", *([if_text] if if_text else []))
