"""Guesses what a column of text holds: numbers, booleans, dates or categories."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

from mlpcli.data.labels import is_missing, parse_number
from mlpcli.data.table.decimals import is_code

__all__ = ["BOOLEANS", "Guess", "guess", "is_date", "joined"]

Guess: TypeAlias = Literal["empty", "number", "boolean", "date", "category"]

BOOLEANS = {
    **dict.fromkeys(("true", "yes", "t", "y", "on"), 1.0),
    **dict.fromkeys(("false", "no", "f", "n", "off"), 0.0),
}  # in lower case

_DATE = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?( ?(Z|UTC|[+-]\d\d:?(\d\d)?))?)?",
    re.ASCII,
)


def is_date(text: str) -> bool:
    """Return whether a text is an ISO date, or a date with a time."""
    return len(text) <= 40 and _DATE.fullmatch(text) is not None


def guess(cells: Iterable[str]) -> Guess:
    """Return what cells hold: ``empty`` if all are missing, a category if nothing else fits.

    Numbers are a category, too, if one has a leading zero: they are codes, such as 02134.
    """
    texts = {cell.strip() for cell in set(cells)}
    texts = {text for text in texts if not is_missing(text)}
    if not texts:
        return "empty"
    if all(parse_number(text) is not None for text in texts):
        return "category" if any(map(is_code, texts)) else "number"
    if all(text.lower() in BOOLEANS for text in texts):
        return "boolean"
    return "date" if all(map(is_date, texts)) else "category"


def joined(first: Guess, then: Guess) -> Guess:
    """Return what a column holds of which one part was guessed to be ``first``, and another ``then``."""
    if first == "empty":
        return then
    return first if then in (first, "empty") else "category"
