"""Judges the columns of a table once all rows are read: what is unclear, what tells nothing, what is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Features
from mlpcli.data.kinds import Kind, Missing
from mlpcli.data.sentences import SHOWN
from mlpcli.data.table.columns import Column, Levels, number_fault
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.passes import Reading
from mlpcli.data.table.source import Source
from mlpcli.errors import DataError, UnclearError
from mlpcli.text import listed, shortened

__all__ = ["Assembled", "finished", "rows_left_out", "rows_without_target"]

_FEW_ROWS = 10  # fewer do not tell row numbers from numbers
_ID = re.compile(  # names of columns that hold ids or row numbers, such as user_id, PassengerId, Unnamed: 0
    r"(^|[^a-zA-Z])(?i:ids?|index|idx|rows?|rownames|key|unnamed: 0)$|[a-z](Id|ID|Index)$"
)
_NUMBER = re.compile(  # names of columns that number the rows if they go up by one, such as Kunden-Nr.
    r"((^|[^a-zA-Z])(?i:nr|no|number)|(?i:nummer)|[a-z](Nr|No|Number))\.?$"
)


class Assembled(NamedTuple):
    """What the columns of a table turned out to hold; ``rows`` (n,) says which were kept, None for all.

    ``notes`` tell which guesses a user may want to change.
    """

    X: Features
    rows: NDArray[np.bool_] | None
    columns: tuple[str, ...]
    kinds: dict[str, Kind]
    dropped: dict[str, str]
    notes: tuple[str, ...] = ()


def finished(
    source: Source,
    columns: Sequence[Column],
    reading: Reading,
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
    codes = {column: column.code(levels[column.name]) for column in columns if column.name in levels}
    codes = {column: code for column, code in codes.items() if code and column.name in kept}
    return Assembled(
        X, rows, tuple(kept), kinds, dropped, (*_about_codes(codes), *_about_amounts(columns, kept))
    )


def _about_codes(codes: Mapping[Column, str | None]) -> tuple[str, ...]:
    """Return the note on columns that are categories since they have a code, such as 02134."""
    if not codes:
        return ()
    columns = list(codes)
    are = "are categories" if len(columns) > 1 else "is a category"
    names = listed([column.name for column in columns])
    return (
        f"{names} {are}, since {shortened(codes[columns[0]] or '')} with its leading zero is a code; "
        f"`data.columns: {_each(columns, 'number')}` reads numbers.",
    )


def _about_amounts(columns: Sequence[Column], kept: Sequence[str]) -> list[str]:
    """Return notes on columns of a few numbers that are categories since they are not written plainly."""
    amounts = {
        column.name: column.amounts()
        for column in columns
        if column.name in kept and column.kind == "category" and not column.given
    }
    return [
        f"{shortened(name)} is a category, without an order, since {shortened(amount[1])} is no plain "
        f"number. {amount[2]} `data.columns: {{{name}: category}}` keeps categories."
        for name, amount in amounts.items()
        if amount is not None
    ]


def rows_left_out(
    targets: str | Sequence[str], n: int, present: NDArray[np.bool_] | None, kept: int
) -> tuple[str, ...]:
    """Return what to say of n rows, of which ``kept`` are left, and those ``present`` have a target."""
    with_target = n if present is None else int(np.count_nonzero(present))
    notes = [*rows_without_target(targets, n, with_target)]
    if kept < with_target:
        notes.append(f"{with_target - kept:,} of {with_target:,} rows have a missing cell, and are left out.")
    return tuple(notes)


def rows_without_target(targets: str | Sequence[str], n: int, with_target: int) -> tuple[str, ...]:
    """Return what to say of n rows of which so many have a target."""
    if with_target == n:
        return ()
    have = "has" if n - with_target == 1 else "have"
    either = " or no ".join(map(shortened, [targets] if isinstance(targets, str) else targets))
    return (f"{n - with_target:,} of {n:,} rows {have} no {either}, and are left out.",)


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
    for column in columns:
        amount = column.amounts() if column.kind == "category" and not column.given else None
        if amount is not None and not column.has_few:
            line, text, advice = amount
            faults.add(
                line,
                f"column {shortened(column.name)} is {shortened(text)}",
                f"{advice}\n`data.columns: {_each([column], 'drop')}` leaves the column out; `category` "
                "takes each text as one of its own.",
            )
    for column in columns:
        foreign = column.foreign() if column.kind == "category" and not column.given else None
        if foreign is not None:
            line, text, question = foreign
            faults.add(
                line,
                f"column {shortened(column.name)} is {shortened(text)}",
                f"{question}\nAs categories: `data.columns: {_each([column], 'category')}`.",
            )
        grouped = column.grouped.question(column.name) if column.grouped is not None else None
        if grouped is not None and column.kind == "number":
            line, what, question = grouped
            faults.add(line, what, question)
    try:
        faults.report()
    except DataError as error:
        raise UnclearError(str(error), [column.name for column in dates]) from None


def _each(columns: Sequence[Column], kind: str) -> str:
    """Return the value of ``data.columns`` that gives columns a kind."""
    names = [column.name if len(column.name) <= 50 else column.name[:47] + "..." for column in columns[:3]]
    more = ", ..." if len(columns) > 3 else ""
    return "{" + ", ".join(f"{name}: {kind}" for name in names) + more + "}"


def _telling_nothing(
    source: Source,
    columns: Sequence[Column],
    reading: Reading,
    levels: Mapping[str, Levels],
    named: set[str],
) -> dict[str, str]:
    """Return the columns that are left out since they tell nothing, each with the reason.

    Where all of them tell nothing, row numbers are kept. Raises DataError if nothing can be learned from any
    of them.
    """
    reasons: dict[str, str] = {}
    useless: dict[str, str] = {}  # of the reasons, those of columns that nothing can be learned from
    texts: list[Column] = []  # that are left out since they differ, unless the config says what they hold
    spread, slots = reading.spread, reading.slots
    numbering, constant = _row_numbers(reading), spread.constant
    for column in columns:
        if column.name in levels:
            found = levels[column.name]
            reason = column.free_text(found)
            if reason is not None and (column.full or column.name not in named):
                useless[column.name] = reason
                texts.append(column)
            if len(found.names) == 1 and found.present == spread.rows:
                reason = useless[column.name] = f"holds {shortened(found.names[0])} in every row"
            if reason is not None:
                reasons[column.name] = reason
            continue
        for name in column.names:
            slot = slots[name]
            if spread.missing[slot] == spread.rows:
                reasons[name] = useless[name] = "holds no value"
            elif constant[slot] and spread.rows > 1:
                reasons[name] = useless[name] = f"holds {spread.low[slot]:.10g} in every row"
            elif name in numbering:
                reasons[name] = "numbers the rows"
    if len(useless) == len(slots):
        what = "; ".join(f"{shortened(name)} {reason}" for name, reason in list(useless.items())[:SHOWN])
        more = "; ..." if len(useless) > SHOWN else ""
        keep = f"\nTo keep a column: `data.columns: {_each(texts[:1], 'category')}`." if texts else ""
        raise DataError(f"{source.where}: has nothing to learn from: {what}{more}{keep}")
    for column in columns:
        if column.name in named and not (column.kind == "date" and column.given):
            reasons.pop(column.name, None)
            useless.pop(column.name, None)
    return reasons if len(reasons) < len(slots) else useless


def _row_numbers(reading: Reading) -> set[str]:
    """Return the columns of numbers that number the rows."""
    spread = reading.spread
    if spread.rows < _FEW_ROWS:
        return set()
    increases = spread.increases
    by_one = spread.counts_up & ((spread.low == 0) | (spread.low == 1))
    return {
        name
        for name, slot in reading.slots.items()
        if by_one[slot]
        or (increases[slot] and _ID.search(name))
        or (spread.counts_up[slot] and _NUMBER.search(name))
    }
