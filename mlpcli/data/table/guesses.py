"""Guesses what a column of text holds: numbers, booleans, dates or categories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from mlpcli.data.labels import is_missing, parse_number
from mlpcli.data.table.dates import is_date
from mlpcli.data.table.decimals import is_code

__all__ = ["BOOLEANS", "Guess", "guess", "joined"]

Guess: TypeAlias = Literal["empty", "number", "boolean", "date", "category"]

BOOLEANS = {
    **dict.fromkeys(("true", "yes", "t", "y", "on"), 1.0),
    **dict.fromkeys(("false", "no", "f", "n", "off"), 0.0),
}  # in lower case


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
