"""Assembles the cells of a table into a data set: what columns hold, which tell nothing, what is missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset, Features
from mlpcli.data.kinds import Kind, Missing, ReadAs, Wanted
from mlpcli.data.labels import Labels, classify, parse_number
from mlpcli.data.rows import DROPPED, ROLES, Roles, RowFacts
from mlpcli.data.sentences import NAME_IT, SHOWN
from mlpcli.data.table.columns import Column, Levels, number_fault
from mlpcli.data.table.dates import date_of
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.matrix import Matrix
from mlpcli.data.table.precision import Spread
from mlpcli.data.table.row_columns import RowColumns
from mlpcli.data.table.source import Rows, Source
from mlpcli.data.table.targets import Target, Targets
from mlpcli.errors import DataError, did_you_mean
from mlpcli.text import listed, nfc, repeated, shortened

__all__ = [
    "Assembled",
    "Cells",
    "Known",
    "assemble",
    "assemble_features",
    "assemble_known",
    "chosen_columns",
    "read_cells",
]

_TRAINED_ON_NUMBERS = (
    "The network was trained on numbers in this column; leave missing cells empty, or write NA."
)
_LEAVE_OUT = "Name the columns to predict from in `data.features`, and the others are ignored."
_FEW_ROWS = 10  # fewer do not tell row numbers from numbers
_ID = re.compile(  # names of columns that hold ids or row numbers, such as user_id, PassengerId, Unnamed: 0
    r"(^|[^a-zA-Z])(?i:ids?|index|idx|rows?|rownames|key|unnamed: 0)$|[a-z](Id|ID|Index)$"
)


Cells: TypeAlias = list[tuple[str, list[str]]]  # the names of columns, with the text of each cell (n,)


class Assembled(NamedTuple):
    """What the columns of a table turned out to hold; ``rows`` (n,) says which were kept, None for all."""

    X: Features
    rows: NDArray[np.bool_] | None
    columns: tuple[str, ...]
    kinds: dict[str, Kind]
    dropped: dict[str, str]


class Known(NamedTuple):
    """Rows for a trained network; ``y`` are labels for a classification, values (n, 1), or not asked for.

    ``notes`` say how many rows were left out, since they have no target.
    """

    X: Features
    y: Labels | NDArray[np.float32] | NDArray[np.float64] | None
    about: RowFacts
    notes: tuple[str, ...] = ()


def assemble(
    source: Source,
    *,
    target: str | Sequence[str],
    features: Sequence[str] | None,
    classification: bool | None,
    read_as: Mapping[str, ReadAs],
    missing: Missing,
    roles: Roles,
    parts: Sequence[str] = (),
) -> Dataset:
    """Read a table until no guess about a column turns out wrong; mostly once.

    ``features`` None means every column but the target that tells anything. ``classification`` None means
    that the target tells if it is a class; several targets are numbers. ``read_as`` says what single columns
    hold. Missing cells are kept as NaN (fill), their rows left out (drop), or refused (error). ``roles``
    names the columns that are no features, but say something of the rows. Raises DataError.
    """
    columns, left_out = chosen_columns(source, features, target, read_as, missing, roles)
    about = RowColumns(source, roles, parts)
    goal = _goal(source, target, _as_class(classification, read_as, _listed(target)), missing)
    reading = _read(source, columns, goal, about)
    named = {nfc(name) for name in (*(features or ()), *read_as)}
    found = _finished(source, columns, reading, goal.present, named, missing)
    X, rows, kept, kinds, dropped = found
    notes = (*source.notes, *_rows_left_out(reading.rows, goal, len(X)))
    y, facts, dropped = goal.take(rows), about.take(rows), {**left_out, **dropped}
    if not isinstance(y, Labels):
        return Dataset(X, y, kept, None, None, kinds, dropped, facts, notes, rows, source.numerals)
    codes, classes = classify(f"{source.where}: column {shortened(goal.name)}", y, NAME_IT)
    return Dataset(X, codes, kept, classes, None, kinds, dropped, facts, notes, rows, source.numerals)


def assemble_features(source: Source, read_as: Mapping[str, ReadAs], missing: Missing) -> Assembled:
    """Read all columns of a table as features; raises DataError."""
    kinds = {nfc(name): kind for name, kind in read_as.items()}
    _require(source, list(kinds))
    chosen = [name for name in source.names if kinds.get(name) != "drop"]
    _require_one_of_each(source, chosen, [], every=True)
    columns = [_column(name, source.places[name], kinds.get(name), missing) for name in chosen]
    reading = _read(source, columns, None, RowColumns(source, {}))
    return _finished(source, columns, reading, None, set(kinds), missing)


def _read(
    source: Source, columns: Sequence[Column], goal: Target | Targets | None, about: RowColumns
) -> _Reading:
    """Read a table until no guess turns out wrong."""
    precise = False
    while True:
        faults = Faults(source.place)
        reading = _Reading(columns, precise=precise)
        reading.read(source, goal, about, faults)
        if goal is not None:
            goal.finish(faults)
        faults.report()
        lossy = reading.matrix.dtype is np.float32 and bool(reading.spread.needs_float64.any())
        corrected = any(column.corrected for column in columns) or (goal is not None and goal.corrected)
        if not (lossy or corrected):
            return reading
        precise = precise or lossy
        for column in columns:
            column.reset()
        if goal is not None:
            goal.reset()
        about.reset()


def assemble_known(
    source: Source, wanted: Wanted, *, target: str | Sequence[str] | None, classification: bool, roles: Roles
) -> Known:
    """Read the columns that a network was trained on, and a target if it is named; raises DataError.

    X is float32, unless it is to be precise and float32 would change a number; then it is float64. Of the
    columns that ``roles`` names, those are read that the file has.
    """
    faults = Faults(source.place)
    columns = _known(source, wanted, target)
    goal = None if target is None else _goal(source, target, classification, wanted.missing)
    about = RowColumns(source, {role: name for role, name in roles.items() if nfc(name) in source.places})
    reading = _Reading(columns, known=True, lossless=wanted.precise)
    reading.read(source, goal, about, faults)
    if goal is not None:
        goal.finish(faults)
    faults.report()
    places = [reading.slots[nfc(name)] for name in wanted.columns]
    if goal is None:
        X, _ = reading.matrix.take(places, {}, None)
        return Known(X, None, about.take(None))
    X, rows = reading.matrix.take(places, {}, goal.present)
    if not len(X):
        raise DataError(
            f"{source.where}: no row has {shortened(goal.name)}, so that there is nothing to score"
        )
    return Known(X, goal.take(rows), about.take(rows), _rows_left_out(reading.rows, goal, len(X)))


def read_cells(source: Source, names: Sequence[str] | None) -> Cells:
    """Return the cells of some columns as they are written, row by row; None: of all. Raises DataError."""
    places = list(range(len(source.names)))
    if names is not None:
        asked = list(dict.fromkeys(map(nfc, names)))
        _require(source, asked)
        _require_one_of_each(source, asked, (), every=False)
        places = [source.places[name] for name in asked]
    faults = Faults(source.place)
    cells: Cells = [(source.names[place], []) for place in places]
    for block in source.blocks(faults):
        for place, (_, column) in zip(places, cells, strict=True):
            column += block.column(place)
    faults.report()
    return cells


class _Reading:
    """One passage through a file: the numbers of its columns, side by side, and what is known of them."""

    def __init__(
        self, columns: Sequence[Column], *, precise: bool = False, known: bool = False, lossless: bool = False
    ) -> None:
        self._columns, self._known, self._lossless = columns, known, lossless
        names = [name for column in columns for name in column.names]
        self.slots = {name: i for i, name in enumerate(names)}
        self.spread = Spread(len(names))
        self.rows = 0
        self.matrix = Matrix(len(names), np.float64 if precise else np.float32)

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
                contradicted[i] = column
        for column in contradicted.values():
            column.correct(block)
        return numbers


def _changes(rows: NDArray[np.float64]) -> bool:
    """Return whether float32 would change a number."""
    moved = rows.astype(np.float32) != rows
    return bool(moved.any()) and not np.isnan(rows[moved]).all()


# Which columns are read, and which are left out


def _listed(target: str | Sequence[str]) -> list[str]:
    return [nfc(name) for name in ([target] if isinstance(target, str) else target)]


def _goal(
    source: Source, target: str | Sequence[str], classification: bool | None, missing: Missing
) -> Target | Targets:
    """Return the target, or the targets, to be read."""
    names = _listed(target)
    if len(names) > 1:
        return Targets([Target(source, name, False, missing) for name in names])
    return Target(source, names[0], classification, missing)


def _as_class(
    classification: bool | None, read_as: Mapping[str, ReadAs], targets: Sequence[str]
) -> bool | None:
    """Return whether the target is a class, if the config says so in one way or the other."""
    kinds = {nfc(name): kind for name, kind in read_as.items()}
    for name in targets:
        if kinds.get(name) in ("drop", "date"):
            raise DataError(f"data.columns: {name!r} is the target, which cannot be read as {kinds[name]}")
        if len(targets) > 1 and kinds.get(name) not in (None, "number"):
            raise DataError(
                f"data.columns: {name!r} is one of several targets, which are numbers, not a {kinds[name]}; "
                "predict it alone"
            )
    said = kinds.get(targets[0])
    return (said != "number") if classification is None and said is not None else classification


def chosen_columns(
    source: Source,
    features: Sequence[str] | None,
    target: str | Sequence[str],
    read_as: Mapping[str, ReadAs],
    missing: Missing,
    roles: Roles,
) -> tuple[list[Column], dict[str, str]]:
    """Return the columns to learn from, and why others are left out before their cells are looked at.

    Columns that nobody asks for may have no name, or the same one. Raises DataError where a column is
    missing, or asked for twice.
    """
    names = source.names
    targets, kinds = _listed(target), {nfc(name): kind for name, kind in read_as.items()}
    asked = targets if features is None else [*map(nfc, features), *targets]
    aside = {nfc(name): role for role, name in roles.items()}
    _require(source, [*asked, *(name for name in (*kinds, *aside) if name not in asked)])
    twice = next((name for name in aside if name in asked), None)
    if twice is not None:
        key = "data.target" if twice in targets else "data.features"
        raise DataError(
            f"{key}: {twice!r} {ROLES[aside[twice]]}, as data.{aside[twice]} says, and cannot be both; "
            "take it out of one of them"
        )
    left_out: dict[str, str] = {}
    if features is None:
        left_out = {name: DROPPED for name in names if kinds.get(name) == "drop"}
        left_out |= {name: ROLES[role] for name, role in aside.items()}
        left_out |= {f"(column {i})": "has no name" for i, name in enumerate(names, 1) if not name}
        chosen = [name for name in names if name and name not in targets and name not in left_out]
    else:
        chosen = asked[: -len(targets)]
        refused = next((name for name in chosen if kinds.get(name) == "drop"), None)
        if refused is not None:
            raise DataError(f"data.columns: {refused!r} is named in data.features; drop it there, or keep it")
    if not chosen:
        if features is not None:
            raise DataError("data.features: name at least one column, or leave it out to use every column")
        raise DataError(
            f"{source.where}: has only the column {listed(targets)}, and nothing to learn it from"
        )
    _require_one_of_each(source, [*chosen, *aside], targets, every=features is None)
    return [_column(name, source.places[name], kinds.get(name), missing) for name in chosen], left_out


def _column(name: str, place: int, read_as: ReadAs | None, missing: Missing) -> Column:
    all_present = missing == "error"
    if read_as is None or read_as == "drop":
        return Column(name, place, all_present=all_present)
    hint = f"It is read as numbers, as `data.columns` says; {{{name}: category}} takes it as text."
    return Column(name, place, read_as, given=True, if_text=hint, all_present=all_present)


def _known(source: Source, wanted: Wanted, target: str | Sequence[str] | None) -> list[Column]:
    """Return the columns of the file from which those of a trained network are read."""
    kinds = {nfc(name): kind for name, kind in wanted.kinds.items()}
    places = source.places
    found: dict[str, Column] = {}
    asked = []
    for name in map(nfc, wanted.columns):
        date = date_of(name)
        base = date if date is not None and name not in places and date in places else name
        asked.append(base)
        if base in found or base not in places:
            continue
        place, kind = places[base], kinds.get(base)
        if base != name:
            found[base] = Column(base, place, "date", given=True)
        elif kind is None:
            found[base] = Column(base, place, "number", given=True, if_text=_TRAINED_ON_NUMBERS)
        else:
            levels = kind.levels if kind.name == "category" else None
            found[base] = Column(base, place, kind.name, given=True, levels=levels)
    asked = list(dict.fromkeys(asked))
    targets = [] if target is None else _listed(target)
    _require(source, [*asked, *targets])
    _require_one_of_each(source, asked, targets, every=False)
    return list(found.values())


def _require(source: Source, asked: Sequence[str]) -> None:
    names = source.names
    missing = [name for name in asked if name not in source.places]
    if missing and source.if_missing is not None:
        raise DataError(source.if_missing)
    if missing:
        there = listed([name for name in names if name])
        raise DataError(
            f"{source.where}: has no column {listed(missing)}; its columns are {there}"
            + did_you_mean(missing[0], (name for name in names if name not in asked))
            + _headless(names)
        )


def _require_one_of_each(
    source: Source, columns: Sequence[str], targets: Sequence[str], *, every: bool
) -> None:
    asked, counts = [*columns, *targets], Counter(source.names)
    several = next((name for name in asked if counts[name] > 1), None)
    if several is not None:
        advice = "; give each a name of its own" + (f".\n{_LEAVE_OUT}" if every else "")
        raise DataError(
            f"{source.header}: two columns are called {shortened(several)}{_headless(source.names) or advice}"
        )
    twice = repeated(asked)
    if twice is not None:
        what = "is the target" if twice in targets else "is named twice"
        raise DataError(f"data.features: {twice!r} {what}; name each column once")


def _headless(names: Sequence[str]) -> str:
    if any(parse_number(name) is not None for name in names):
        return "\nThe first line must name the columns; this one seems to hold data."
    return ""


# What the file turned out to hold


def _finished(
    source: Source,
    columns: Sequence[Column],
    reading: _Reading,
    present: NDArray[np.bool_] | None,
    named: set[str],
    missing: Missing,
) -> Assembled:
    """Return the columns that tell something, and the ``named`` ones, of the rows that are ``present``."""
    _refuse_unclear(source, columns)
    levels: dict[str, Levels] = {}
    for column in columns:
        if column.kind == "category":
            if column.name in named:
                column.require_categories(source.where)
            levels[column.name] = column.levels()
    dropped = _telling_nothing(source, columns, reading, levels, named)
    if missing == "error":
        faults = Faults(source.place)
        for column in columns:
            if column.name in levels and column.name not in dropped:
                column.add_missing_levels(faults)
        faults.report()
    slots = reading.slots
    kept = [name for name in slots if name not in dropped]
    X, rows = reading.matrix.take(
        [slots[name] for name in kept],
        {slots[name]: levels[name].ranks for name in kept if name in levels},
        present,
        complete=missing == "drop",
        narrow=not reading.spread.needs_float64[[slots[name] for name in kept]].any(),
    )
    if not len(X):
        raise DataError(f"{source.where}: every row has a missing cell; keep them with `data.missing: fill`")
    found = {column.name: column.kind_found(levels.get(column.name)) for column in columns}
    kinds = {name: kind for name, kind in found.items() if kind is not None and name in kept}
    return Assembled(X, rows, tuple(kept), kinds, dropped)


def _rows_left_out(n: int, target: Target | Targets, kept: int) -> tuple[str, ...]:
    """Return what to say of a table of n rows of which ``kept`` are left."""
    present = target.present
    with_target = n if present is None else int(np.count_nonzero(present))
    notes = []
    if with_target < n:
        have = "has" if n - with_target == 1 else "have"
        notes.append(
            f"{n - with_target:,} of {n:,} rows {have} no {shortened(target.name)}, and are left out."
        )
    if kept < with_target:
        notes.append(f"{with_target - kept:,} of {with_target:,} rows have a missing cell, and are left out.")
    return tuple(notes)


def _refuse_unclear(source: Source, columns: Sequence[Column]) -> None:
    """Raise DataError about columns of dates, of amounts, and of numbers with a few texts."""
    faults = Faults(source.place)
    dates = [column for column in columns if column.kind == "date" and not column.given and column.first]
    for column in dates:
        line, text = column.first or (0, "")
        hint = f"`data.columns: {_each(dates, 'date')}` takes dates apart into year, month, weekday, hour"
        faults.add(
            line,
            f"column {shortened(column.name)} is {shortened(text)}, a date",
            f"{hint} and seconds;\n`drop` instead of `date` leaves a column out.",
        )
    mixed = {column: column.strays() for column in columns if column.kind == "category" and not column.given}
    mixed = {column: strays for column, strays in mixed.items() if strays}
    for column, strays in mixed.items():
        for line, text in strays:
            number_fault(
                column.name,
                text,
                line,
                "If such a text means a missing value, leave the cell empty or write NA. For a category\n"
                f"set `data.columns: {_each(list(mixed), 'category')}`; `drop` leaves a column out.",
                faults,
            )
    amounts = {
        column: column.amounts() for column in columns if column.kind == "category" and not column.given
    }
    amounts = {column: cells for column, cells in amounts.items() if cells}
    for column, cells in amounts.items():
        for line, text in cells:
            faults.add(
                line,
                f"column {shortened(column.name)} is {shortened(text)}",
                "Write numbers without a currency or percent sign. As categories:\n"
                f"`data.columns: {_each(list(amounts), 'category')}`; `drop` leaves a column out.",
            )
    for column in columns:
        for line, text in column.foreign() if column.kind == "category" and not column.given else ():
            faults.add(
                line,
                f"column {shortened(column.name)} is {shortened(text)}",
                "Is the comma a decimal point or a separator of thousands? Set `data.decimal` or "
                "`data.thousands`\nto ','; as categories: `data.columns: "
                f"{_each([column], 'category')}`.",
            )
    faults.report()


def _each(columns: Sequence[Column], kind: str) -> str:
    """Return the value of ``data.columns`` that gives columns a kind."""
    names = [column.name if len(column.name) <= 50 else column.name[:47] + "..." for column in columns[:3]]
    more = ", ..." if len(columns) > 3 else ""
    return "{" + ", ".join(f"{name}: {kind}" for name in names) + more + "}"


def _telling_nothing(
    source: Source,
    columns: Sequence[Column],
    reading: _Reading,
    levels: Mapping[str, Levels],
    named: set[str],
) -> dict[str, str]:
    """Return the columns that are left out since they tell nothing, each with the reason.

    Where all of them tell nothing, only those are left out that cannot be kept.
    """
    reasons: dict[str, str] = {}
    useless: dict[str, str] = {}
    spread, slots = reading.spread, reading.slots
    numbering, constant = _row_numbers(reading), spread.constant
    for column in columns:
        if column.name in levels:
            found = levels[column.name]
            reason = column.free_text(found)
            if column.full:
                useless[column.name] = reason or ""
            if len(found.names) == 1 and found.present == spread.rows:
                reason = f"holds {shortened(found.names[0])} in every row"
            if reason is not None:
                reasons[column.name] = reason
            continue
        for name in column.names:
            slot = slots[name]
            if spread.missing[slot] == spread.rows:
                reasons[name] = useless[name] = "holds no value"
            elif constant[slot] and spread.rows > 1:
                reasons[name] = f"holds {spread.low[slot]:.10g} in every row"
            elif name in numbering:
                reasons[name] = "numbers the rows"
    for column in columns:
        if column.name in named and not (column.kind == "date" and column.given):
            reasons.pop(column.name, None)
            useless.pop(column.name, None)
    if len(reasons) < len(slots):
        return reasons
    if len(useless) < len(slots):
        return useless
    what = "; ".join(f"{shortened(name)} {reason}" for name, reason in list(useless.items())[:SHOWN])
    raise DataError(f"{source.where}: has nothing to learn from: {what}")


def _row_numbers(reading: _Reading) -> set[str]:
    """Return the columns of numbers that number the rows."""
    spread = reading.spread
    if spread.rows < _FEW_ROWS:
        return set()
    increases = spread.increases
    by_one = spread.counts_up & ((spread.low == 0) | (spread.low == 1))
    return {
        name for name, slot in reading.slots.items() if by_one[slot] or (increases[slot] and _ID.search(name))
    }
