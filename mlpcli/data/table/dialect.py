"""How the text of a table is written: the delimiter, the encoding, and how its numbers look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from mlpcli.data.labels import is_missing
from mlpcli.data.table.dates import DateOrder

__all__ = [
    "OTHER_POINT",
    "Dialect",
    "guess_numerals",
    "look_like_amounts",
    "look_like_dates",
    "looks_foreign",
]

OTHER_POINT = " with another decimal point"  # behind a number that would be misread

# Numbers as 1234,5 and as 1,234.5 and as 1.234,5; those without a comma are among all of them.
_COMMA = re.compile(r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(,\d{3})+)(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_BOTH = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?", re.ASCII)
_AMOUNT = re.compile(r"[+-]?[$€£¥₹] ?[+-]?\d[\d.,]*|[+-]?\d[\d.,]* ?[%$€£¥₹]", re.ASCII)
_UNIT = re.compile(
    r"([+\-\u2212]?)(\(?)(?:\d+|\d{1,3}(?:[.,]\d{3})+)(?:[.,]\d+)?\s?([^\d\s()]{0,10})(\)?)", re.ASCII
)
_DATE = re.compile(r"(\d{1,2}([/.-])\d{1,2}\2\d{2,4}|\d{4}([/.])\d{1,2}\3\d{1,2})(\s.*)?", re.ASCII)
_POINT = re.compile(r"\s*[+-]?\d*\.\d*([eE][+-]?\d+)?\s*", re.ASCII)


class Dialect(NamedTuple):
    """How a table is written; None is found out.

    ``decimal`` is the decimal point of its numbers, and ``thousands`` what separates their groups of three
    digits. ``dates`` says whether the day (dmy) or the month (mdy) comes first in dates as 1/2/2012.
    """

    delimiter: str = ","
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    dates: DateOrder | None = None

    @property
    def example(self) -> str:
        """A number as it is written."""
        return f"1{self.thousands or ''}234{self.decimal or '.'}5"

    @property
    def rewrite(self) -> Callable[[str], str] | None:
        """A function that writes a number as Python reads it, and leaves what is none; None if all are so.

        A number with a point that means nothing here becomes none, so that it is not misread.
        """
        decimal, thousands = self.decimal or ".", self.thousands
        if decimal == "." and not thousands:
            return None
        group = rf"(?:{re.escape(thousands)}\d{{3}})" if thousands else "(?!)"
        number = re.compile(
            rf"\s*([+-]?)(\d{{1,3}}{group}+|\d*)(?:{re.escape(decimal)}(\d*))?([eE][+-]?\d+)?\s*", re.ASCII
        )

        def rewrite(cell: str) -> str:
            found = number.fullmatch(cell)
            if found is None or not (found[2] or found[3]):
                return f"{cell}{OTHER_POINT}" if _POINT.fullmatch(cell) else cell
            whole = found[2].replace(thousands, "") if thousands else found[2]
            part = f".{found[3]}" if found[3] else ""
            return f"{found[1]}{whole}{part}{found[4] or ''}"

        return rewrite


def guess_numerals(dialect: Dialect, columns: Iterable[Iterable[str]]) -> Dialect:
    """Return the dialect with the decimal point and the thousands that some columns of cells show.

    It stays as it is if they show nothing, or contradict each other.
    """
    shown: set[tuple[str, str | None]] = set()
    for cells in columns:
        texts = {text for cell in set(cells) if not is_missing(text := cell.strip())}
        fits = [bool(texts) and all(map(kind.fullmatch, texts)) for kind in (_COMMA, _THOUSANDS, _BOTH)]
        if not any("," in text for text in texts):
            shown |= {(".", None)} if fits[1] and any("." in text for text in texts) else set()
        elif fits == [True, False, True]:
            shown.add((",", None))
        elif fits == [False, True, False]:
            shown.add((".", ","))
        elif fits == [False, False, True]:
            shown.add((",", "."))
        elif fits[0] and not fits[1]:
            shown.add((",", None))
    if shown in ({(".", ",")}, {(".", ","), (".", None)}):
        return dialect._replace(decimal=".", thousands=",")
    if shown == {(",", None)}:
        return dialect._replace(decimal=",")
    if shown in ({(",", ".")}, {(",", "."), (",", None)}):
        return dialect._replace(decimal=",", thousands=".")
    return dialect


def looks_foreign(texts: Iterable[str]) -> bool:
    """Return whether all texts may be numbers, some of them with a comma."""
    texts = list(texts)
    if not any("," in text for text in texts):
        return False
    return all(any(kind.fullmatch(text) for kind in (_COMMA, _THOUSANDS, _BOTH)) for text in texts)


def look_like_amounts(texts: Iterable[str]) -> bool:
    """Return whether all texts are numbers that are written with more than digits.

    That is with a currency or a percent sign, as $1,200 and 12%; with one unit for all, as 12 kg; with
    brackets for negative ones, as (12); or with the minus of printed text.
    """
    texts = list(texts)
    if all(map(_AMOUNT.fullmatch, texts)):
        return True
    found = [_UNIT.fullmatch(text) for text in texts]
    parts = [match.groups() for match in found if match is not None]
    units = {unit for _, _, unit, _ in parts if unit}
    is_more = any(sign == "\u2212" or bracket or unit for sign, bracket, unit, _ in parts)
    return len(parts) == len(texts) and len(units) <= 1 and is_more


def look_like_dates(texts: Iterable[str]) -> bool:
    """Return whether all texts may be dates that are not ISO ones, as in 3/14/2024 and 14.03.2024."""
    return all(map(_DATE.fullmatch, texts))
