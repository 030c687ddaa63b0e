"""Memory for batches, allocated once and reused."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Buffer", "Scratch"]

Made = TypeVar("Made")


class Buffer:
    """An array (n, width) for changing n, with room for the largest n so far; or ``cohort`` (k, n, width)."""

    def __init__(self, width: int, dtype: DTypeLike, cohort: tuple[int, ...] = ()) -> None:
        self.dtype = np.dtype(dtype)
        self._cohort, self._networks = cohort, prod(cohort)
        self._whole: NDArray[Any] = np.empty((0, width), dtype)
        self._views: dict[int, NDArray[Any]] = {}

    def rows(self, n: int) -> NDArray[Any]:
        """Return n rows, or those of each in the cohort, contiguous, with whatever they held before."""
        if n not in self._views:
            rows = self._networks * n
            if rows > len(self._whole):
                self._whole = np.empty((rows, self._whole.shape[1]), self._whole.dtype)
                self._views.clear()
            self._views[n] = self._whole[:rows].reshape(*self._cohort, n, self._whole.shape[1])
        return self._views[n]


class Scratch(Generic[Made]):
    """Memory for intermediate results: what ``make(shape, dtype)`` returns, kept for each shape and dtype."""

    def __init__(self, make: Callable[[tuple[int, ...], np.dtype[Any]], Made]) -> None:
        self._make = make
        self._made: dict[tuple[tuple[int, ...], np.dtype[Any]], Made] = {}

    def like(self, array: NDArray[Any]) -> Made:
        """Return what was made for the shape and dtype of ``array``, with whatever it held before."""
        key = (array.shape, array.dtype)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(*key)
        return made
