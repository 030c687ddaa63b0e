"""How the text of a table is written: the delimiter, the encoding, and how its numbers look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mlpcli.data.labels import is_missing
from mlpcli.data.table.dates import DateOrder
from mlpcli.text import shortened

__all__ = [
    "BOTH_KEYS",
    "DELIMITERS",
    "OTHER_POINT",
    "Dialect",
    "Grouped",
    "guess_numerals",
    "how_to_write",
    "look_like_dates",
    "looks_foreign",
    "odd_one",
    "question_of",
]

OTHER_POINT = " with another decimal point"  # behind a number that would be misread; errors do not show it
DELIMITERS = (",", ";", "\t", "|")  # that are looked for in a header
BOTH_KEYS = "`data.decimal: ','` and `data.thousands: '.'`"

# Numbers as 1234,5 and as 1,234.5 and as 1.234,5; those without a comma are among all of them.
_COMMA = re.compile(r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(,\d{3})+)(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_BOTH = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?", re.ASCII)
_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)
_SMALL = re.compile(r"[+-]?\d{1,3}", re.ASCII)
_AMOUNT = re.compile(r"[+-]?[$€£¥₹] ?[+-]?\d[\d.,]*|[+-]?\d[\d.,]* ?[%$€£¥₹]", re.ASCII)
_UNIT = re.compile(
    r"([+\-\u2212]?)(\(?)(?:\d+|\d{1,3}(?:[.,]\d{3})+)(?:[.,]\d+)?\s?([^\d\s()]{0,10})(\)?)", re.ASCII
)
_BLANKS = " \u00a0\u202f"
_SPACED = re.compile(rf"[+-]?(\d{{1,3}}(?:[{_BLANKS}'\u2019]\d{{3}})*)([.,]\d+)?", re.ASCII)
_INDIAN = re.compile(r"[+-]?(\d{1,3}(,\d{2})*,\d{3}|\d{1,3})(\.\d+)?", re.ASCII)
_TIME = re.compile(r"\d{1,3}:[0-5]\d(:[0-5]\d([.,]\d+)?)?", re.ASCII)
_MULTIPLES = {"k", "K", "m", "M", "B", "bn", "Mio", "Mrd"}
_DATE = re.compile(r"(\d{1,2}([/.-])\d{1,2}\2\d{2,4}|\d{4}([/.])\d{1,2}\3\d{1,2})(\s.*)?", re.ASCII)
_FEWEST_GROUPED = 3  # different numbers as 2.100 that tell more than chance
_POINT = re.compile(r"\s*[+-]?\d*\.\d*([eE][+-]?\d+)?\s*", re.ASCII)


class Dialect(NamedTuple):
    """How a table is written; None is found out.

    ``decimal`` is the decimal point of its numbers, and ``thousands`` what separates their groups of three
    digits; a blank stands for narrow ones and for ones that break no line, too. ``dates`` says whether the
    day (dmy) or the month (mdy) comes first in dates as 1/2/2012.
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
        mark = f"[{_BLANKS}]" if thousands == " " else re.escape(thousands or "")
        group = rf"(?:{mark}\d{{3}})" if thousands else "(?!)"
        number = re.compile(
            rf"\s*([+-]?)(\d{{1,3}}{group}+|\d*)(?:{re.escape(decimal)}(\d*))?([eE][+-]?\d+)?\s*", re.ASCII
        )

        def rewrite(cell: str) -> str:
            found = number.fullmatch(cell)
            if found is None or not (found[2] or found[3]):
                return f"{cell}{OTHER_POINT}" if decimal == "," and _POINT.fullmatch(cell) else cell
            whole = re.sub(mark, "", found[2]) if thousands else found[2]
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


def looks_foreign(texts: Iterable[str], marks: str = ",") -> bool:
    """Return whether all texts may be numbers, some of them with one of the marks: a comma, or a point."""
    texts = list(texts)
    if not any(mark in text for text in texts for mark in marks):
        return False
    return all(any(kind.fullmatch(text) for kind in (_COMMA, _THOUSANDS, _BOTH)) for text in texts)


def question_of(texts: Iterable[str]) -> tuple[str, str]:
    """Return one of the texts that `looks_foreign` is true of, and what to ask or say about it."""
    texts = list(texts)
    commas = [text for text in texts if "," in text]
    points = [text for text in texts if "." in text and "," not in text]
    decimal = next((text for text in commas if not _THOUSANDS.fullmatch(text)), None)
    thousands = next((text for text in commas if not (_COMMA.fullmatch(text) or _BOTH.fullmatch(text))), None)
    if not commas and all(map(_GROUPS.fullmatch, points)):
        return points[0], f"If the point separates thousands, set both {BOTH_KEYS}."
    if not commas or (decimal and any(not _GROUPS.fullmatch(text) for text in points)):
        cell = next((text for text in points if not _GROUPS.fullmatch(text)), points[0])
        return cell, "Other numbers have a comma for a decimal point; write all of them with the same one."
    if decimal and thousands:
        return decimal, f"Its comma is no separator of thousands as in {thousands}; write all in one way."
    if decimal:
        return (
            decimal,
            "The comma is the decimal point: set `data.decimal: ','`. Where points separate thousands in\n"
            f"any column, set both {BOTH_KEYS}.",
        )
    if thousands:
        return thousands, "The comma separates thousands: set `data.thousands: ','`."
    return (
        commas[0],
        "Is the comma a decimal point or a separator of thousands? Set `data.decimal` or "
        "`data.thousands`\nto ','.",
    )


class Grouped:
    """Whether a column of numbers may have points that separate thousands, as 2.100 does beside 950.

    That is so if all its cells are whole numbers of at most three digits, some of three, or groups of three
    digits after points. Ordinary decimals have more or fewer than three digits in some cells, or a zero
    before the point.
    """

    def __init__(self) -> None:
        self.may_be = True
        self._first: tuple[int, str] | None = None
        self._small: str | None = None  # a whole number of three digits
        self._seen: set[str] = set()

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Add the cells of some rows as they are written."""
        if not self.may_be:
            return
        for text in map(str.strip, dict.fromkeys(cells)):
            if _GROUPS.fullmatch(text):
                if len(self._seen) < _FEWEST_GROUPED:
                    self._seen.add(text)
            elif _SMALL.fullmatch(text):
                if self._small is None and abs(int(text)) >= 100:
                    self._small = text
            elif not is_missing(text):
                self.may_be = False
                return
        if self._first is None and self._seen:
            i = next(i for i, cell in enumerate(cells) if _GROUPS.fullmatch(cell.strip()))
            self._first = (lines[i], cells[i].strip())

    @property
    def has_groups(self) -> bool:
        """Whether a cell with groups was seen, and none that is an ordinary decimal."""
        return self.may_be and self._first is not None

    def question(self, name: str) -> tuple[int, str, str] | None:
        """Return the line of a cell with two readings, what it is, and what to set; None without one."""
        if not self.has_groups or self._first is None or self._small is None:
            return None
        if len(self._seen) < _FEWEST_GROUPED:
            return None
        line, text = self._first
        whole, plain = text.replace(".", ""), f"{float(text):.15g}" if text.count(".") == 1 else text
        return (
            line,
            f"column {shortened(name)} is {shortened(text)}, beside whole numbers as {self._small}: "
            f"is that {whole} or {plain}?",
            f"For {whole} set both {BOTH_KEYS};\nfor {plain} set `data.columns: {{{name}: number}}`.",
        )


def how_to_write(texts: Iterable[str]) -> str | None:
    """Return how to write texts plainly if all are numbers written with more than digits; None if not.

    That is with a currency or a percent sign, as $1,200 and 12%; with one unit for all, as 12 kg, or K and M;
    with brackets or a minus behind for negative ones, as (12) and 12-; with the minus of printed text; with
    groups of digits, as 2 642,86 or 5'524 or 27,71,271; or as times and durations, 10:30 and 00:39:56.
    """
    texts = list(texts)
    kinds = (_TIME, _SPACED, _INDIAN, _UNIT, _AMOUNT)
    if not texts or not any(kind.fullmatch(texts[0]) for kind in kinds):  # most texts end here
        return None
    if all(map(_TIME.fullmatch, texts)):
        return "Write times and durations as numbers, such as minutes: 10:30 as 630."
    spaced = [match for match in map(_SPACED.fullmatch, texts) if match is not None]
    marks = {mark for match in spaced for mark in re.findall(r"\D", match[1])}
    marks = {" " if mark in _BLANKS else mark for mark in marks}
    if len(spaced) == len(texts) and len(marks) == 1:
        lengths = {len(match[1]) for match in spaced}
        if len(lengths) > 1 or any(match[2] for match in spaced):  # phone numbers have one length
            decimal = "`data.decimal: ','` and " if any("," in text for text in texts) else ""
            return f'If these are numbers, set {decimal}`data.thousands: "{marks.pop()}"`.'
    if all(map(_INDIAN.fullmatch, texts)) and not all(map(_THOUSANDS.fullmatch, texts)):
        return "Write numbers without commas between groups of digits."
    found = [_UNIT.fullmatch(text) for text in texts]
    parts = [match.groups() for match in found if match is not None]
    units = {unit for _, _, unit, _ in parts if unit}
    is_more = any(sign == "\u2212" or bracket or unit for sign, bracket, unit, _ in parts)
    has_unit = len(parts) == len(texts) and (len(units) <= 1 or units <= _MULTIPLES) and is_more
    if has_unit or all(map(_AMOUNT.fullmatch, texts)):
        return "Write numbers without a currency, a percent sign or a unit, and with a plain minus."
    return None


def odd_one(texts: Iterable[str]) -> str:
    """Return the first text that is no number in any country, or the first one."""
    texts = list(texts)
    odd = (text for text in texts if not any(kind.fullmatch(text) for kind in (_COMMA, _THOUSANDS, _BOTH)))
    return next(odd, texts[0])


def look_like_dates(texts: Iterable[str]) -> bool:
    """Return whether all texts may be dates that are not ISO ones, as in 3/14/2024 and 14.03.2024."""
    return all(map(_DATE.fullmatch, texts))
