"""The targets of data that are read in blocks: labels as class indices, or values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.kinds import Missing
from mlpcli.data.labels import MOST_CLASSES, Labels, labels_of, rank_classes, too_many_classes
from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.data.sentences import FILL, FINITE, LEAVE_OUT, TARGET
from mlpcli.data.task import are_few
from mlpcli.errors import DataError

__all__ = ["Targets"]

_STEP = 1 << 17  # numbers that are read at once
_LARGEST = float(np.finfo(np.float32).max)


class Targets:
    """The targets of n rows: ``classes`` holds the names of the classes, None for a regression.

    `read` returns for a range of rows class indices (m,) int64, -1 for a row without a label, or values
    (m, width) float64, NaN for one that is missing.
    """

    def __init__(
        self,
        y: NpyRows,
        n: int,
        classification: bool | None,
        missing: Missing,
        classes: tuple[str, ...] | None = None,
    ) -> None:
        """Find the classes in one pass through the file; raises DataError if it holds no targets.

        Where the ``classes`` are known, y holds their places among them.
        """
        self.file, self.missing = y, missing
        self.where = str(y.path)
        if classes is not None:
            self._check(n, True)
            self._values: NDArray[Any] | None = np.arange(len(classes))
            self._codes: NDArray[np.int64] = np.arange(len(classes))
            self.classes: tuple[str, ...] | None = classes
            self.width = 1
            return
        self._check(n, classification)
        self._values = None  # the different labels, sorted, and the class of each
        self._codes = np.empty(0, np.int64)
        self.classes = None
        values = self._different(classification)
        is_class = self._holds_classes(values, n) if classification is None else classification
        if is_class:
            self._check(n, True)
            if values is None:
                first = [str(value) for value in y.read(0, min(n, 3)).reshape(-1)]
                raise too_many_classes(self.where, first, MOST_CLASSES + 1)
            self._name_classes(values, n)
        self.width = 1 if is_class else y.width

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the targets of the rows from ``start`` to before ``stop``; raises DataError."""
        rows = self.file.read(start, stop)
        if self._values is not None:
            places = np.searchsorted(self._values, rows[:, 0])
            return self._codes[np.minimum(places, len(self._values) - 1)]
        values = rows.astype(np.float64)
        wrong = np.abs(values) > _LARGEST
        if wrong.any():
            i, j = np.argwhere(wrong)[0]
            raise DataError(f"{self._cell(start + i, j)} is {values[i, j]}. {FINITE}")
        if self.missing == "error" and np.isnan(values).any():
            i, j = np.argwhere(np.isnan(values))[0]
            raise DataError(f"{self._cell(start + i, j)} is nan. {FILL} {LEAVE_OUT}")
        return values

    @staticmethod
    def present(y: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which rows (m,) have a target, from what `read` has returned."""
        there: NDArray[np.bool_] = y >= 0 if y.ndim == 1 else np.logical_not(np.isnan(y).any(axis=1))
        return there

    def _cell(self, row: int, column: int) -> str:
        return f"{self.where}: row {row}, column {column} (from 0)"

    def _check(self, n: int, classification: bool | None) -> None:
        shape, dtype = self.file.shape, self.file.dtype
        if dtype.kind not in ("biuf" if classification is False else "biufU"):
            allowed = TARGET if classification is False else "Labels are numbers, booleans or strings (str)."
            raise DataError(f"{self.where}: has dtype {dtype}. {allowed}")
        if len(shape) not in (1, 2) or shape[0] != n or 0 in shape:
            raise DataError(
                f"{self.where}: has shape {shape}; y has one entry for each of the {n:,} rows of X"
            )
        if classification and self.file.width != 1:
            raise DataError(
                f"{self.where}: has shape {shape}; labels are one for each row, ({n:,},). "
                "Turn one-hot rows into labels with y.argmax(axis=1)."
            )

    def _pieces(self) -> Iterator[tuple[int, NDArray[Any]]]:
        step = max(1, _STEP // self.file.width)
        for start in range(0, len(self.file), step):
            yield start, self.file.read(start, min(start + step, len(self.file)))

    def _different(self, classification: bool | None) -> NDArray[Any] | None:
        """Return the different values, sorted; None if they are more than there may be classes.

        A regression that is asked for is not looked at, and neither are several numbers in a row.
        """
        if classification is False or self.file.width != 1:
            return None
        most = MOST_CLASSES if classification or self.file.dtype.kind not in "iuf" else 1 << 10
        known: NDArray[Any] = np.empty(0, self.file.dtype)
        for _, piece in self._pieces():
            known = np.unique(np.concatenate([known, np.unique(piece)]))
            if len(known) > most:
                return None
        return known

    def _holds_classes(self, values: NDArray[Any] | None, n: int) -> bool:
        """Return whether the target holds classes, by the rule of `mlpcli.data.task.holds_classes`."""
        if self.file.dtype.kind not in "iuf":
            return True
        if self.file.width != 1:
            return all(_are_one_hot(piece) for _, piece in self._pieces())  # which `_check` refuses
        if values is None:
            return False
        finite = values[np.isfinite(values)]
        return are_few(len(finite), n) and bool((finite == np.floor(finite)).all())

    def _name_classes(self, values: NDArray[Any], n: int) -> None:
        labels = labels_of(self.where, values, self.missing)
        absent = None if labels.present is None else ~labels.present
        gone = np.zeros(len(labels.names), bool)
        if absent is not None:
            gone[np.unique(labels.codes[absent])] = True
        if gone.all():
            raise DataError(f"{self.where}: no row has a target, so that there is nothing to learn")
        kept = np.flatnonzero(~gone)
        names = [labels.names[i] for i in kept]
        places = [f"{self.where}, label {labels.names[i]}" for i in kept]
        rank, self.classes = rank_classes(self.where, Labels(names, places, np.arange(len(names))), n)
        codes = np.full(len(labels.names), -1, np.int64)
        codes[kept] = rank
        self._values, self._codes = values, codes[labels.codes]


def _are_one_hot(rows: NDArray[Any]) -> bool:
    return bool(np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all())
