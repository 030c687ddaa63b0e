"""Memory for batches, made once and used again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Buffer"]


class Buffer:
    """An array of (n, width) for changing n: as large as the largest n so far, cut to the one at hand."""

    def __init__(self, width: int, dtype: DTypeLike) -> None:
        self._whole: NDArray[Any] = np.empty((0, width), dtype)
        self._views: dict[int, NDArray[Any]] = {}

    def rows(self, n: int) -> NDArray[Any]:
        """Return the first n rows, contiguous; what they hold is left over from earlier use."""
        if n not in self._views:
            if n > len(self._whole):
                self._whole = np.empty((n, self._whole.shape[1]), self._whole.dtype)
                self._views.clear()
            self._views[n] = self._whole[:n]
        return self._views[n]
