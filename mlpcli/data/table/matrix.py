"""A matrix of numbers that grows row by row, in one piece of memory."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix"]

_CHUNK = 1 << 16  # numbers that are moved at a time


class Matrix:
    """Rows of ``width`` numbers, kept as float32 or float64."""

    def __init__(self, width: int, dtype: type[np.float32] | type[np.float64]) -> None:
        self.width, self.dtype = width, dtype
        self._numbers = array("f" if dtype is np.float32 else "d")

    def __len__(self) -> int:
        return len(self._numbers) // max(1, self.width)

    def append(self, rows: NDArray[np.float64]) -> None:
        """Append rows (n, width)."""
        self._numbers.frombytes(rows.astype(self.dtype, order="C").tobytes())

    def widen(self) -> None:
        """Keep all numbers as float64 from now on."""
        if self.dtype is np.float32:
            wide = Matrix(self.width, np.float64)
            wide._numbers = array("d", self._numbers)
            self.dtype, self._numbers = np.float64, wide._numbers

    def take(
        self,
        places: Sequence[int],
        ranks: Mapping[int, NDArray[np.float64]],
        rows: NDArray[np.bool_] | None,
        *,
        complete: bool = False,
        narrow: bool = False,
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the columns at ``places``, and which rows were kept; the matrix itself is used up.

        ``ranks`` holds for columns of codes what each code becomes. Of the ``rows`` that are True (all for
        None), ``complete`` keeps only those without a NaN. ``narrow`` returns float32.
        """
        dtype = np.dtype(np.float32 if narrow else self.dtype)
        whole = list(places) == list(range(self.width))
        if whole and not ranks and rows is None and not complete and dtype == self.dtype:
            return np.frombuffer(self._numbers, dtype).reshape(-1, self.width), None
        source = np.frombuffer(self._numbers, self.dtype).reshape(-1, self.width)
        target = np.frombuffer(self._numbers, dtype)
        n = len(source)
        kept = np.ones(n, bool) if rows is None else rows.copy()
        recoded = [(i, ranks[place]) for i, place in enumerate(places) if place in ranks]
        end = 0
        step = max(1, _CHUNK // self.width)
        for start in range(0, n, step):  # to the front, so that nothing is overwritten that is still needed
            part = source[start : start + step, places]
            for i, rank in recoded:
                part[:, i] = rank[part[:, i].astype(np.intp)]
            here = kept[start : start + step]
            if complete:
                here &= ~np.isnan(part).any(axis=1)
            part = part[here]
            target[end : end + part.size] = part.reshape(-1)
            end += part.size
        del source, target
        del self._numbers[-(-end * dtype.itemsize // self._numbers.itemsize) :]
        taken = np.frombuffer(self._numbers, dtype)[:end].reshape(-1, len(places))
        return taken, None if kept.all() else kept
