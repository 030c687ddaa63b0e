"""Numbers and sums of products as text, to be followed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.text import count

__all__ = ["MOST_TERMS", "Show", "named_terms", "pack", "products", "rounded"]

MOST_TERMS = 8  # of a sum that is written out whole; of a longer one the largest few
_LARGEST = 5

Array = NDArray[Any]


@dataclass(frozen=True)
class Show:
    """Shows numbers with so many ``digits`` after the point."""

    digits: int

    def __call__(self, value: Any) -> str:
        """Return a number as `rounded` does."""
        return rounded(value, self.digits)

    def fixed(self, value: Any) -> str:
        """Return a number with these digits also where fewer would do, as the columns of a table need it."""
        return _with_digits(float(value), self.digits)

    def factor(self, value: Any) -> str:
        """Return a number as it stands behind an operator: a negative one in parentheses."""
        text = self(value)
        return f"({text})" if text.startswith("-") else text

    def signed(self, value: Any) -> str:
        """Return a number that is added, with its sign before it."""
        text = self(value)
        return f"- {text[1:]}" if text.startswith("-") else f"+ {text}"


def rounded(value: Any, digits: int) -> str:
    """Return a number with so many digits after the point, or fewer that read back to the same number.

    A small number has more, so that some of them are not 0, and the smallest and largest have an exponent.
    """
    if value == 0:
        return "0"
    text = _with_digits(float(value), digits)
    own = value.dtype.type if isinstance(value, np.floating) else float
    if own(text) != value:
        return text
    write = np.format_float_scientific if "e" in text else np.format_float_positional
    return write(own(value), trim="-")


def _with_digits(value: float, digits: int) -> str:
    """Return a number with so many digits after the point, a small one with more; 1.5e-9 with an exponent."""
    size = abs(value)
    if size != 0 and not 1e-7 <= size < 1e6:
        return f"{value:.{digits}e}"
    return f"{value:.{max(digits, digits - 2 - floor(log10(size))) if size else digits}f}"


def named_terms(products: Array, *, whole: bool) -> Array:
    """Return the places of the products that a sum is written with: all of a short one, the largest few."""
    n = len(products)
    first = np.arange(n) if whole or n <= MOST_TERMS else np.flatnonzero(products)
    if len(first) > MOST_TERMS and not whole:
        first = np.sort(np.argsort(-np.abs(products), kind="stable")[:_LARGEST])
    return first


def products(
    x: Array, w: Array, b: Any, total: Any, show: Show, *, whole: bool, seen: Array | None = None
) -> list[str]:
    """Return the terms x * w of a sum, the bias and the total; what is left out of a long sum is one term.

    If only some of the inputs are ``seen``, by their places, the sum has no terms of others.
    """
    places = np.arange(len(x)) if seen is None else seen
    products, n = x.astype(np.float64) * w, len(places)
    first = places[named_terms(products[places], whole=whole)]
    terms: list[str] = []
    for i in map(int, first):
        number = "" if len(first) == len(x) else f" [{i + 1}]"
        left = show.factor(x[i]) if terms else show(x[i])
        terms.append(f"{'+ ' if terms else ''}{left} * {show.factor(w[i])}{number}")
    if len(first) < n:
        others = np.delete(products, first).sum()
        terms.append(f"{show.signed(others) if terms else show(others)} [{count(n - len(first), 'other')}]")
    if b is not None:
        terms.append(show.signed(b))
    return [*terms, f"= {show(total)}"]


def pack(label: str, tokens: Sequence[str], width: int) -> list[str]:
    """Return tokens on as few lines as they need, below each other behind the label."""
    lines, line = [], label + tokens[0]
    for token in tokens[1:]:
        if len(line) + 1 + len(token) > width:
            lines.append(line)
            line = " " * len(label) + token
        else:
            line += f" {token}"
    return [*lines, line]
