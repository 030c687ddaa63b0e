"""What the columns of a table hold where they are not plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["BOOLEAN", "NUMBERS", "Kind", "Kinds", "Missing", "ReadAs", "Wanted", "category", "cell_text"]

from mlpcli.data.table.dialect import Dialect
from mlpcli.text import rounded


class Kind(NamedTuple):
    """The kind of a column, whose cells are numbers in the matrix X (n, columns) of a data set.

    A boolean is 0 or 1. The cell of a category is the index of its text in ``levels``, and -1 for a text that
    is not among them. A missing cell is NaN in every kind of column.
    """

    name: Literal["boolean", "category"]
    levels: tuple[str, ...] = ()


Kinds: TypeAlias = Mapping[str, Kind]  # by the names of the columns; those that are not in it hold numbers

ReadAs: TypeAlias = Literal["drop", "number", "category", "boolean", "date"]  # what a config says of a column
Missing: TypeAlias = Literal["fill", "drop", "error"]  # what is done about missing cells

NUMBERS: Kinds = MappingProxyType({})  # the kinds of columns that all hold numbers
BOOLEAN = Kind("boolean")


class Wanted(NamedTuple):
    """What is read of a file: the columns that a network was trained on, and what they hold.

    ``precise`` says that float32 would not tell rows apart. The dialect is that of the config, and so is
    ``missing``, by which rows without a target are left out or refused.
    """

    columns: Sequence[str]
    kinds: Kinds = NUMBERS
    dialect: Dialect = Dialect()
    precise: bool = True
    missing: Missing = "fill"


def category(levels: tuple[str, ...]) -> Kind:
    """Return the kind of a column of categories."""
    return Kind("category", levels)


def cell_text(value: float, kind: Kind | None) -> str:
    """Return a cell of X as a reader of the table would write it: whole numbers whole, others shortened."""
    if math.isnan(value):
        return "missing"
    if kind is None:
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else rounded(value)
    if kind.name == "boolean":
        return "true" if value else "false"
    return kind.levels[int(value)] if value >= 0 else "unknown"
