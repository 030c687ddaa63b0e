"""Features and targets as a data set, or as rows for a trained network.

Errors call the arrays of a program ``X`` and ``y``; those of a file have its name before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.arrays.features import Keep, Values, cell, check_features, complete_rows, flattened, numbered
from mlpcli.data.arrays.targets import (
    check_targets,
    classified,
    is_classification,
    labels_or_values,
    of_rows,
    present_rows,
)
from mlpcli.data.dataset import Dataset, Features, Labelled
from mlpcli.data.kinds import Missing
from mlpcli.data.labels import Labels, recognize
from mlpcli.data.rows import Role, RowFacts, facts_of
from mlpcli.data.sentences import FILL
from mlpcli.data.table.findings import rows_left_out
from mlpcli.errors import DataError

__all__ = [
    "dataset_of",
    "from_numbers",
    "labelled_rows",
]


def from_numbers(
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    where: str,
    weights: NDArray[Any] | None,
    classification: bool | None,
    missing: Missing,
) -> Dataset:
    """Return the data set of X (n, ...) and y as files hold them: numbers, and labels that may be texts.

    ``where`` is what errors write before the names of the arrays. The rest is as for `from_arrays`.
    """
    check_features(f"{where}X", X.shape, X.dtype, None)
    check_targets(f"{where}y", y.shape, y.dtype, len(X), classification)
    targets = labels_or_values(
        f"{where}y", y, is_classification(f"{where}y", y, len(X), classification), missing
    )
    roles: dict[Role, tuple[str, NDArray[Any]]] = (
        {} if weights is None else {"weight": (f"{where}weights", weights)}
    )
    features = flattened(f"{where}X", X, Keep.SPREAD)
    about = facts_of(roles, len(X))
    return dataset_of(where, features, targets, numbered(features.shape[1]), about, missing)


def dataset_of(
    where: str, X: Features, y: Labels | Values, columns: tuple[str, ...], about: RowFacts, missing: Missing
) -> Dataset:
    """Return the data set of the rows that have a target and, if so configured, no missing cells."""
    present = present_rows(f"{where}y", y)
    rows = _complete(f"{where}X", X, present, missing)
    codes, classes = classified(f"{where}y", of_rows(y, rows))
    if classes is None and len(codes) > 1:
        for j in np.flatnonzero((codes == codes[0]).all(axis=0)):
            which = f"column {j} (from 0) " if codes.shape[1] > 1 else ""
            raise DataError(
                f"{where}y: {which}holds {codes[0, j]:.10g} in every row; there is nothing to predict"
            )
    kept = X if rows is None else X[rows]
    notes = rows_left_out("y", len(X), present, len(kept))
    return Dataset(kept, codes, columns, classes, about=about.of(rows), notes=notes, kept=rows)


def _complete(
    where: str, X: Features, rows: NDArray[np.bool_] | None, missing: Missing
) -> NDArray[np.bool_] | None:
    """Return which of the ``rows`` to keep, None for all, by their missing cells; raises DataError."""
    if missing == "fill" or X.dtype.kind != "f":
        return rows
    complete = complete_rows(X)
    if complete is None:
        return rows
    if missing == "error":
        lacking = np.flatnonzero(~complete if rows is None else rows & ~complete)
        if not len(lacking):
            return rows
        i = int(lacking[0])
        raise DataError(f"{where}: {cell((i, int(np.argmax(np.isnan(X[i])))))} is nan. {FILL}")
    complete = complete if rows is None else rows & complete
    if not complete.any():
        raise DataError(f"{where}: every row has a missing cell; keep them with `data.missing: fill`")
    return complete


def labelled_rows(
    where: str, X: Features, y: Labels | Values, about: RowFacts, classes: Sequence[str] | None
) -> Labelled:
    """Return the rows that have a target, which is an index into ``classes`` or, without them, a value."""
    rows = present_rows(f"{where}y", y)
    y = of_rows(y, rows)
    codes = recognize(y, classes or ()) if isinstance(y, Labels) else y
    kept = X if rows is None else X[rows]
    return Labelled(kept, codes, about.of(rows), rows_left_out("y", len(X), rows, len(kept)))
