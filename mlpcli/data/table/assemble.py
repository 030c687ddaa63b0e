"""Assembles the rows of a table into a data set, or into new rows for a trained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset, Features
from mlpcli.data.kinds import Missing, ReadAs, Wanted
from mlpcli.data.labels import Labels, classify, note_alike
from mlpcli.data.rows import Roles, RowFacts
from mlpcli.data.sentences import NAME_IT
from mlpcli.data.table.choice import (
    as_class,
    chosen_columns,
    column_of,
    data_as_names,
    known_columns,
    require,
    require_one_of_each,
    target_of,
)
from mlpcli.data.table.columns import Column
from mlpcli.data.table.dates import DateOrder
from mlpcli.data.table.findings import Assembled, finished, rows_left_out
from mlpcli.data.table.matrix import Matrix
from mlpcli.data.table.passes import MakeMatrix, read_rows
from mlpcli.data.table.row_columns import RowColumns
from mlpcli.data.table.source import Source
from mlpcli.errors import DataError
from mlpcli.text import nfc, shortened

__all__ = ["Known", "assemble", "assemble_features", "assemble_known"]


_FIRST: dict[DateOrder, str] = {"dmy": "day first, as 31/5/2024 is", "mdy": "month first, as 5/31/2024 is"}
_DATES = "Dates are read with the {}."


class Known(NamedTuple):
    """Rows for a trained network; ``y`` are labels for a classification, values (n, 1), or not asked for.

    ``notes`` say how many rows were left out, since they have no target, and ``read`` is the number of all.
    """

    X: Features
    y: Labels | NDArray[np.float32] | NDArray[np.float64] | None
    about: RowFacts
    notes: tuple[str, ...] = ()
    read: int = 0


def assemble(
    source: Source,
    *,
    target: str | Sequence[str],
    features: Sequence[str] | None,
    classification: bool | None,
    read_as: Mapping[str, ReadAs],
    missing: Missing,
    roles: Roles,
    parts: Sequence[str] = (),
    date_order: DateOrder | None = None,
    matrix: MakeMatrix = Matrix,
) -> Dataset:
    """Read a table until no guess about a column turns out wrong; mostly once.

    ``features`` None means every column but the target that tells anything. ``classification`` None means
    that the target tells if it is a class; several targets are numbers. ``read_as`` says what single columns
    hold. Missing cells are kept as NaN (fill), their rows left out (drop), or refused (error). ``roles``
    names the columns that are no features, but say something of the rows. ``matrix`` makes what the numbers
    are kept in. Raises DataError.
    """
    targets = [target] if isinstance(target, str) else target
    read_as = {**dict.fromkeys(_dates_of(source, [*targets, *roles.values()]), "date"), **read_as}
    columns, left_out = chosen_columns(source, features, target, read_as, missing, roles, date_order)
    about = RowColumns(source, roles, parts, date_order)
    numbers = [name for name, kind in read_as.items() if kind == "number"]
    goal = target_of(source, target, as_class(classification, read_as, target), missing, numbers)
    reading = read_rows(source, columns, goal, about, matrix=matrix)
    goal.require_no_dates()
    goal.require_plain_numbers()
    goal.require_different()
    order = _order_of(source, columns, about) if date_order is None else {}
    numerals = {**source.numerals, **order}
    named = {nfc(name) for name in (*(features or ()), *read_as)}
    found = finished(source, columns, reading, goal.present, named, missing)
    X, rows, kept, kinds, dropped, _ = found
    said = [_DATES.format(_FIRST[order]) for order in order.values()]
    fewer = rows_left_out(goal.names, reading.rows, goal.present, len(X))
    notes = (*source.notes, *data_as_names(source), *said, *found.notes, *fewer)
    for name, kind in kinds.items():
        notes = (*notes, *note_alike(name, kind.levels))
    y, facts, dropped = goal.take(rows), about.take(rows), {**left_out, **dropped}
    if not isinstance(y, Labels):
        return Dataset(X, y, kept, None, None, kinds, dropped, facts, notes, rows, numerals)
    codes, classes = classify(f"{source.where}: column {shortened(goal.names[0])}", y, NAME_IT)
    notes = (*notes, *note_alike(goal.names[0], classes))
    return Dataset(X, codes, kept, classes, None, kinds, dropped, facts, notes, rows, numerals)


def _dates_of(source: Source, others: Sequence[str]) -> list[str]:
    """Return the columns whose type is that of dates, but for ``others``, which are no features."""
    return [name for name in source.dates if name not in {nfc(other) for other in others}]


def _order_of(source: Source, columns: Sequence[Column], about: RowColumns) -> dict[str, DateOrder]:
    """Return the order of day and month that the dates of a table show; raises DataError if they show two."""
    named = [(column.name, column.dates) for column in columns] + [(about.time, about.dates)]
    shown = {dates.order: name for name, dates in named if dates.depends and dates.order is not None}
    if len(shown) > 1:
        raise DataError(
            f"{source.where}: the day is first in the dates of {shortened(shown['dmy'])}, and the month in "
            f"those of {shortened(shown['mdy'])}; write dates as 2024-05-31"
        )
    return {"dates": next(iter(shown))} if shown else {}


def assemble_features(
    source: Source,
    read_as: Mapping[str, ReadAs],
    missing: Missing,
    present: NDArray[np.bool_] | None = None,
    *,
    keep_all: bool = False,
) -> Assembled:
    """Read all columns of a table as features, of the rows that are ``present``: all for None.

    Columns that tell nothing are left out, unless all are to be kept. Raises DataError.
    """
    kinds = {nfc(name): kind for name, kind in read_as.items()}
    kinds = {**dict.fromkeys(source.dates, "date"), **kinds}
    require(source, list(kinds))
    chosen = [name for name in source.names if kinds.get(name) != "drop"]
    require_one_of_each(source, chosen, [], every=True)
    columns = [column_of(name, source.places[name], kinds.get(name), missing) for name in chosen]
    reading = read_rows(source, columns, None, RowColumns(source, {}))
    return finished(source, columns, reading, present, set(chosen if keep_all else kinds), missing)


def assemble_known(
    source: Source,
    wanted: Wanted,
    *,
    target: str | Sequence[str] | None,
    classification: bool,
    roles: Roles,
    is_piece: bool = False,
) -> Known:
    """Read the columns that a network was trained on, and a target if it is named; raises DataError.

    X is float32, unless it is to be precise and float32 would change a number; then it is float64. Of the
    columns that ``roles`` names, those are read that the file has. In a piece of a table no row may have a
    target, and all weights may be 0.
    """
    columns = known_columns(source, wanted, target)
    goal = None if target is None else target_of(source, target, classification, wanted.missing)
    there: Roles = {role: name for role, name in roles.items() if nfc(name) in source.places}
    about = RowColumns(source, there, date_order=wanted.dialect.dates)
    reading = read_rows(source, columns, goal, about, known=True, lossless=wanted.precise)
    places = [reading.slots[nfc(name)] for name in wanted.columns]
    if goal is None:
        X, _ = reading.matrix.take(places, {}, None)
        return Known(X, None, about.take(None), read=reading.rows)
    X, rows = reading.matrix.take(places, {}, goal.present)
    if not len(X) and not is_piece:
        targets = " and ".join(map(shortened, goal.names))
        raise DataError(f"{source.where}: no row has {targets}; there is nothing to score")
    notes = rows_left_out(goal.names, reading.rows, goal.present, len(X))
    return Known(X, goal.take(rows), about.take(rows, is_piece=is_piece), notes, reading.rows)
