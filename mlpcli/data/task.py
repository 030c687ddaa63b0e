"""Decides whether a target holds classes or a quantity, and says why.

Text and booleans are classes. Whole numbers are if there are at most 20 different ones and each occurs in 5
rows on average. Other numbers are a quantity, for a regression.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.labels import is_absent, is_missing, parse_number
from mlpcli.text import count, shortened

__all__ = ["are_a_quantity", "are_few", "are_numbers", "holds_classes", "why_classes", "why_values"]

_MOST = 20  # different whole numbers that may be classes
_EACH = 5  # rows of each of them, on average
_CODE = re.compile(r"[+-]?0\d", re.ASCII)  # 02134 is a code, and 0.5 is none


def are_a_quantity(labels: Collection[str]) -> bool:
    """Return whether different labels are numbers that are too many for classes, or not whole.

    Labels that say that there is none do not count.
    """
    present = [label for label in labels if not is_missing(label)]
    if not present or not are_numbers(present):
        return False
    return len(present) > _MOST or not all((parse_number(label) or 0.0).is_integer() for label in present)


def are_few(different: int, rows: int) -> bool:
    """Return whether so many different whole numbers in a column of ``rows`` may be classes.

    A single one is no quantity either; as a class it is refused with an error that says so.
    """
    return different <= 1 or (different <= _MOST and rows >= _EACH * different)


def are_numbers(labels: Collection[str]) -> bool:
    """Return whether all labels are numbers, and none a code as 02134 is one."""
    return all(parse_number(label) is not None and not _CODE.match(label) for label in labels)


def holds_classes(y: NDArray[Any]) -> bool:
    """Return whether a target (n, ...) holds classes, by the rule above.

    Several numbers a row are a regression, unless one of them is 1 and the others 0. That is a class, which
    the readers refuse with an error that says how to give it as a label.
    """
    if y.dtype.kind == "O":
        cells = [np.nan if is_absent(value) else value for value in y.reshape(-1)]
        if all(map(_is_number, cells)):
            try:
                y = np.array(cells, np.float64).reshape(y.shape)
            except OverflowError:  # a whole number of hundreds of digits
                return False
    if y.dtype.kind not in "iuf":
        return True
    if y.size != len(y):
        rows = y.reshape(len(y), -1)
        return bool(np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all())
    values = y.reshape(-1)
    different = np.unique(values[np.isfinite(values)])
    few = are_few(len(different), len(values))
    return few and bool((different == np.floor(different)).all())


def why_classes(target: str, classes: Sequence[str], rows: int) -> str:
    """Return in words why a target with these ``classes`` was taken for classes."""
    if not are_numbers(classes):
        return f"{shortened(target)} holds text"
    each = count(round(rows / len(classes)), "row")
    return (
        f"{shortened(target)} holds only {len(classes):,} different whole numbers, each in {each} on average"
    )


def why_values(target: str, y: NDArray[Any]) -> str:
    """Return in words why a target y (n, outputs) was taken for a quantity."""
    name, n = shortened(target), len(np.unique(y))
    if y.shape[1] > 1:
        return f"{name} holds {y.shape[1]:,} numbers in each row"
    if n > _MOST:
        return f"{name} holds {n:,} different numbers"
    if np.any(y != np.floor(y)):
        return f"{name} holds numbers that are not whole"
    return f"{name} holds {n:,} different numbers in only {count(len(y), 'row')}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
