"""Reads dates and times, and takes them apart into numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.labels import is_missing
from mlpcli.data.table.faults import Faults
from mlpcli.text import shortened

__all__ = [
    "CLOCK",
    "DATES_AS",
    "DATE_PARTS",
    "DateOrder",
    "Dates",
    "columns_of_table",
    "date_of",
    "is_date",
    "settle_orders",
]

DateOrder: TypeAlias = Literal["dmy", "mdy"]  # day, month, year; or the month first

DATE_PARTS = ("year", "month", "weekday", "hour", "seconds")

_ORDERS: tuple[DateOrder, ...] = ("dmy", "mdy")  # the first one is tried until a cell decides
_LONGEST = 60  # characters of a date
_NOTHING = (np.nan,) * len(DATE_PARTS)
_EPOCH = datetime(1970, 1, 1)

_NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAME = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? )?"
_DAY = r"(?P<day>\d\d?)(?:st|nd|rd|th)?"
CLOCK = (
    r"(?:(?:T|,? )(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?"
    r"(?: ?(?:Z|UTC|GMT|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?))?)?"
)
DATES_AS = (  # a clock may follow each
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)",  # 2024-05-31, the ISO date
    r"(?P<a>\d\d?)(?P<mark>[-/.])(?P<b>\d\d?)(?P=mark)(?P<year>\d{4})",  # 31.5.2024, 31/5/2024, 5/31/2024
    rf"{_WEEKDAY}{_DAY}[ ./-]?{_NAME}[ ,./-]{{0,2}}(?P<year>\d{{4}})",  # 31 May 2024
    rf"{_WEEKDAY}{_NAME}[ -]?{_DAY}(?:, ?|[ -])(?P<year>\d{{4}})",  # May 31, 2024
)
_FORMS = [re.compile(form + CLOCK, re.ASCII | re.IGNORECASE) for form in DATES_AS]


class _Written(NamedTuple):
    """A date as it is written: what each part of it says, None for what it has not."""

    parts: dict[str, str | None]

    @property
    def is_open(self) -> bool:
        """Whether day and month are told apart by their order alone; with points the day is first."""
        return self.parts.get("a") is not None and self.parts["mark"] != "."

    def numbers(self, order: DateOrder) -> tuple[float, ...] | None:
        """Return the parts of the date; None if there is no such day or time."""
        parts = self.parts
        if parts.get("a") is not None:
            day, month = parts["a"], parts["b"]
            if self.is_open and order == "mdy":
                day, month = month, day
        else:
            day, month = parts["day"], parts.get("month")
        name = parts.get("name")
        hour = int(parts["hour"] or 0)
        if parts["half"] is not None:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if parts["half"] in "pP" else 0)
        try:
            when = datetime(
                int(parts["year"] or 0),
                _NAMES.index(name[:3].lower()) + 1 if name else int(month or 0),
                int(day or 0),
                hour,
                int(parts["minute"] or 0),
                int(parts["second"] or 0),
            )
        except ValueError:  # the 30th of February
            return None
        offset = timedelta(hours=int(parts["hours"] or 0), minutes=int(parts["minutes"] or 0))
        seconds = (when - _EPOCH - (-offset if parts["sign"] == "-" else offset)).total_seconds()
        seconds += float(f"0.{parts['fraction']}") if parts["fraction"] else 0.0
        return when.year, when.month, when.weekday(), when.hour, seconds

    def orders(self) -> list[DateOrder]:
        """Return the orders of day and month in which this is a date."""
        return [order for order in _ORDERS if self.numbers(order) is not None]


def _written(text: str) -> _Written | None:
    if len(text) > _LONGEST or not text[-1:].isascii():
        return None
    found = next((found for form in _FORMS if (found := form.fullmatch(text))), None)
    return None if found is None else _Written(found.groupdict())


def is_date(text: str) -> bool:
    """Return whether a text is a date with four digits for the year, and maybe a time.

    It is an ISO date such as 2024-05-31, or as in 2024/5/31, 31.5.2024, 5/31/2024, 31 May 2024, May 31, 2024.
    """
    written = _written(text)
    return written is not None and bool(written.orders())


def date_of(column: str) -> str | None:
    """Return the column of dates that a column like ``when year`` is a part of, or None."""
    name, _, part = column.rpartition(" ")
    return name if part in DATE_PARTS else None


def columns_of_table(columns: Sequence[str]) -> list[str]:
    """Return the columns of a table that became these ones: a date in the place of its parts.

    Parts are told by their names, and by the seconds, which hardly any other column has beside a year.
    """
    parts = Counter(map(date_of, columns))
    dates = {date for date, n in parts.items() if n > 1 and f"{date} seconds" in columns}
    named = [(name, date_of(name)) for name in columns]
    return list(dict.fromkeys(date if date is not None and date in dates else name for name, date in named))


class Dates:
    """Reads the dates of one column, and finds out whether their day or their month comes first.

    ``order`` is None as long as nothing decides. A first guess that turns out wrong sets ``corrected``, and
    the column must be read again. ``undecided`` is the line and the text of a date that has two meanings, and
    ``depends`` says that there are dates of which the order decides.
    """

    def __init__(self, order: DateOrder | None = None) -> None:
        self.order = order
        self.depends = False
        self.reset()

    def reset(self) -> None:
        """Forget what was found, but not the order."""
        self.corrected = False
        self.undecided: tuple[int, str] | None = None

    def read(self, cells: Sequence[str], lines: Sequence[int]) -> tuple[NDArray[np.float64], list[int]]:
        """Return the parts (5, n) of dates, and the places of cells that are none.

        The parts are year, month (1 to 12), weekday (0 for Monday), hour, and seconds since 1970, in UTC
        where the cell names its offset. Missing cells are NaN.
        """
        texts = {cell: cell.strip() for cell in dict.fromkeys(cells)}
        written = {cell: _written(text) for cell, text in texts.items()}
        self._find_order(written, cells, lines)
        order = self.order or _ORDERS[0]
        parts = {
            cell: _NOTHING if is_missing(texts[cell]) else date.numbers(order) if date is not None else None
            for cell, date in written.items()
        }
        found = [parts[cell] for cell in cells]
        numbers = np.array([part or _NOTHING for part in found], np.float64).reshape(-1, len(DATE_PARTS))
        return numbers.T, [i for i, part in enumerate(found) if part is None]

    def _find_order(
        self, written: dict[str, _Written | None], cells: Sequence[str], lines: Sequence[int]
    ) -> None:
        unsure = None
        for cell, date in written.items():
            if date is None or not date.is_open or date.numbers("dmy") == date.numbers("mdy"):
                continue
            self.depends = True
            orders = date.orders()
            if self.order is None and len(orders) == 1:
                self.decide(orders[0])
            unsure = unsure or cell
        if self.order is None and self.undecided is None and unsure is not None:
            self.undecided = (lines[cells.index(unsure)], unsure.strip())

    def decide(self, order: DateOrder) -> None:
        """Take an order that is found out now."""
        self.order = order
        self.corrected = self.undecided is not None and order != _ORDERS[0]
        self.undecided = None


def settle_orders(named: Sequence[tuple[str, Dates]], faults: Faults, *, known: bool = False) -> None:
    """Decide about columns of dates that do not show their order, as the others of the table do.

    Columns that do not show it, and have no others to follow, become faults. ``known`` says that the rows are
    for a trained network, which was trained on dates of no such order.
    """
    hint = (
        "Set `data.dates` to dmy if the day comes first, or to mdy if the month does;\n"
        "or write dates as 2024-05-31."
    )
    if known:
        hint = "No date that the network was trained on depends on it; write dates as 2024-05-31."
    shown = {dates.order for _, dates in named if dates.depends and dates.order is not None}
    for name, dates in named:
        if dates.undecided is None:
            continue
        if len(shown) == 1:
            dates.decide(next(iter(shown)))
            continue
        line, text = dates.undecided
        faults.add(
            line,
            f"column {shortened(name)} is {shortened(text)}, of which no date tells the day from the month",
            hint,
        )
