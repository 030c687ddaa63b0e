"""What the columns of a table hold where they are not plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["BOOLEAN", "Kind", "Kinds", "category", "cell_text"]


class Kind(NamedTuple):
    """The kind of a column, whose cells are numbers in the matrix X (n, columns) of a data set.

    A boolean is 0 or 1. The cell of a category is the index of its text in ``levels``, and -1 for a text that
    is not among them. A missing cell is NaN in every kind of column.
    """

    name: Literal["boolean", "category"]
    levels: tuple[str, ...] = ()


Kinds: TypeAlias = Mapping[str, Kind]  # by the names of the columns; those that are not in it hold numbers

BOOLEAN = Kind("boolean")


def category(levels: tuple[str, ...]) -> Kind:
    """Return the kind of a column of categories."""
    return Kind("category", levels)


def cell_text(value: float, kind: Kind | None) -> str:
    """Return a cell of X as a reader of the table would write it, numbers with three digits."""
    if math.isnan(value):
        return "missing"
    if kind is None:
        return f"{value:.3g}"
    if kind.name == "boolean":
        return "yes" if value else "no"
    return kind.levels[int(value)] if value >= 0 else "unknown"
