"""Arrays as targets: labels or values, of which some may be missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.arrays.features import Keep, Values, cell, complete_rows, floats
from mlpcli.data.kinds import Missing
from mlpcli.data.labels import Labels, classify, labels_of
from mlpcli.data.sentences import FILL, LEAVE_OUT, TARGET
from mlpcli.data.task import holds_classes
from mlpcli.errors import DataError

__all__ = [
    "check_targets",
    "classified",
    "is_classification",
    "labels_or_values",
    "of_rows",
    "present_rows",
]


def check_targets(
    where: str, shape: tuple[int, ...], dtype: np.dtype[Any], n: int, classification: bool | None
) -> None:
    """Raise DataError for what is no targets of n rows: labels, or one value or several for each."""
    if dtype.kind not in ("biuf" if classification is False else "biufUOT"):
        allowed = TARGET if classification is False else "Labels are numbers, booleans or strings (str)."
        raise DataError(f"{where}: has dtype {dtype}. {allowed}")
    if classification and len(shape) != 1 and shape[1:] != (1,):
        raise DataError(
            f"{where}: has shape {shape}; labels are one for each row, ({n:,},). "
            "Turn one-hot rows into labels with y.argmax(axis=1)."
        )
    if len(shape) not in (1, 2) or shape[0] != n or 0 in shape:
        raise DataError(f"{where}: has shape {shape}; y has one entry for each of the {n:,} rows of X")


def is_classification(where: str, y: NDArray[Any], n: int, classification: bool | None) -> bool:
    """Return whether y holds classes, if that is not said; raises DataError if it fits neither."""
    if classification is not None:
        return classification
    is_class = holds_classes(y)
    check_targets(where, y.shape, y.dtype, n, is_class or None)
    return is_class


def labels_or_values(where: str, y: NDArray[Any], classification: bool, missing: Missing) -> Labels | Values:
    """Return targets of which some may be missing: the empty label, or NaN."""
    if classification:
        return labels_of(where, y.reshape(-1), missing)
    values = floats(where, y.reshape(len(y), -1), Keep.SPREAD)
    if missing == "error" and np.isnan(np.min(values)):
        i, j = np.argwhere(np.isnan(values))[0]
        raise DataError(f"{where}: {cell((int(i), int(j)))} is nan. {FILL} {LEAVE_OUT}")
    return values


def present_rows(where: str, y: Labels | Values) -> NDArray[np.bool_] | None:
    """Return which rows have a target, None if all have; raises DataError if none has."""
    present = y.present if isinstance(y, Labels) else complete_rows(y)
    if present is not None and not present.any():
        raise DataError(f"{where}: no row has a target, so that there is nothing to learn or to score")
    return present


def of_rows(y: Labels | Values, rows: NDArray[np.bool_] | None) -> Labels | Values:
    """Return the targets of these rows, of all where ``rows`` is None."""
    if rows is None:
        return y
    return y.of(rows) if isinstance(y, Labels) else y[rows]


def classified(where: str, y: Labels | Values) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return class indices and the names of the classes, or values and None."""
    return classify(where, y) if isinstance(y, Labels) else (y, None)
