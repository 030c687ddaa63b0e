"""What a data set says of its rows beside features and targets: weights, groups, splits and times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.table.dates import DATE_PARTS, date_of
from mlpcli.errors import DataError
from mlpcli.text import listed

__all__ = [
    "DROPPED",
    "NAMELESS",
    "PARTS",
    "ROLES",
    "Role",
    "Roles",
    "RowFacts",
    "facts_of",
    "how_to_keep",
    "read_weights",
]

Role: TypeAlias = Literal["weight", "group", "split", "time"]  # each is a key of the section `data`
Roles: TypeAlias = Mapping[Role, str]  # the names of the columns, or of the arrays of an npz file

ROLES: dict[Role, str] = {  # what such a column does
    "weight": "is the weight of the rows",
    "group": "names the group of each row",
    "split": "names the split of each row",
    "time": "is the time of the rows",
}
DROPPED = "dropped in `data.columns`"  # why a column that the config drops is left out
NAMELESS = "has no name"  # why a column that nobody can name is left out
PARTS = ("train", "val", "test")


def how_to_keep(dropped: Mapping[str, str], columns: Iterable[str]) -> str:
    """Return how to keep columns of a table that were left out, each with the reason; empty if none can be.

    ``columns`` are those that are learned from. A part of a date cannot be kept by itself.
    """
    names = {*dropped, *columns}
    said = {*ROLES.values(), DROPPED, NAMELESS}
    for name, why in dropped.items():
        date = date_of(name)
        is_part = date is not None and all(f"{date} {part}" in names for part in DATE_PARTS)
        if why not in said and not is_part:
            return "To keep a column, say in data.columns what it holds."
    return ""


@dataclass(frozen=True)
class RowFacts:
    """What is known of the n rows of a data set; None for what is not.

    ``weights`` (n,) say how much each row counts; they are finite, not below 0, and not all 0. ``groups``
    (n,) number the groups whose rows stay in one split, ``parts`` (n,) are places in `PARTS`, and ``times``
    (n,) say which row is later.
    """

    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None
    parts: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | None = None

    def of(self, rows: NDArray[np.bool_] | slice | None) -> RowFacts:
        """Return what is known of the rows that are True, or of a range of them; of all for None."""
        if rows is None:
            return self
        return RowFacts(*(None if array is None else array[rows] for array in vars(self).values()))

    def arrays(self) -> list[NDArray[Any]]:
        """Return the arrays that there are."""
        return [array for array in vars(self).values() if array is not None]


def facts_of(columns: Mapping[Role, tuple[str, NDArray[Any]]], n: int, *, is_piece: bool = False) -> RowFacts:
    """Return what columns of n rows, each with the name to give it in errors, say of the rows.

    Groups and splits may be texts or numbers; times are numbers or datetime64. All weights of a piece of a
    table may be 0. Raises DataError.
    """
    found: dict[Role, Any] = {}
    for role, (where, values) in columns.items():
        if role == "weight":
            found[role] = read_weights(where, values, n, is_piece=is_piece)
            continue
        if values.shape not in ((n,), (n, 1)):
            raise DataError(f"{where}: has shape {values.shape}; there is one {role} for each of {n:,} rows")
        found[role] = _READ[role](where, values.reshape(-1))
    return RowFacts(found.get("weight"), found.get("group"), found.get("split"), found.get("time"))


def _read_groups(where: str, values: NDArray[Any]) -> NDArray[np.int64]:
    if values.dtype.kind not in "biufU":
        raise DataError(f"{where}: has dtype {values.dtype}; groups are numbers or strings (str)")
    _require_all(where, values, "group")
    groups: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return groups


def _read_parts(where: str, values: NDArray[Any]) -> NDArray[np.int64]:
    names, codes = np.unique(values.astype(str), return_inverse=True)
    others = [str(name) for name in names if name not in PARTS]
    if others:
        raise DataError(f"{where}: holds {listed(others)}; the split of a row is train, val or test")
    places = np.array([PARTS.index(name) for name in names], np.int64)
    parts: NDArray[np.int64] = places[codes]
    return parts


def _read_times(where: str, values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype.kind not in "iufM":
        raise DataError(f"{where}: has dtype {values.dtype}; times are numbers or datetime64")
    if values.dtype.kind == "M":
        missing = np.isnat(values)
        values = values.astype("M8[us]").astype(np.int64)
        values = np.where(missing, np.nan, values)
    _require_all(where, values, "time")
    times: NDArray[np.float64] = values.astype(np.float64)
    return times


def _require_all(where: str, values: NDArray[Any], what: str) -> None:
    """Raise DataError if a number is missing."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(f"{where}[{first}] is {values[first]}; each row has a {what}")


_READ: dict[Role, Callable[[str, NDArray[Any]], NDArray[Any]]] = {
    "group": _read_groups,
    "split": _read_parts,
    "time": _read_times,
}


def read_weights(where: str, values: NDArray[Any], n: int, *, is_piece: bool = False) -> NDArray[np.float64]:
    """Return the weights (n,) of n rows; raises DataError, naming ``where``, if they are no weights.

    Some are above 0, unless the rows are a piece of more.
    """
    if values.dtype.kind not in "biuf":
        raise DataError(f"{where}: has dtype {values.dtype}; weights are numbers")
    if values.shape not in ((n,), (n, 1)):
        raise DataError(f"{where}: has shape {values.shape}; there is one weight for each of {n:,} rows")
    weights: NDArray[np.float64] = values.reshape(-1).astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise DataError(
            f"{where}[{wrong[0]}] is {weights[wrong[0]]:g}; weights are finite numbers, 0 or more"
        )
    if not is_piece and not weights.any():
        raise DataError(f"{where}: all weights are 0, so that no row counts")
    return weights
