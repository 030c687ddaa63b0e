"""Scales batches of images by oneDNN, in one pass, to the same bytes as NumPy in two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.onednn import AFTER, DST, SRC, SRC_1, OneDnn, Operation, Threads

__all__ = ["ImageScaling"]

_MOST_SHAPES = 4  # of batches that operations are kept for


class ImageScaling:
    """Sets a batch X (n, inputs) in float32 to (X - shift) factor, where both are (inputs,)."""

    def __init__(self, onednn: OneDnn, shift: NDArray[np.float32], factor: NDArray[np.float32]) -> None:
        self._onednn, self._threads = onednn, Threads(onednn)
        self._shift, self._factor = shift[None], factor[None]
        self._made: dict[int, Operation] = {}

    def __call__(self, X: NDArray[Any]) -> None:
        """Scale X in place."""
        operation = self._made.get(len(X)) or self._new(X)
        operation.put(SRC, X)
        operation.put(DST, X)
        with self._threads:
            operation()

    def _new(self, X: NDArray[Any]) -> Operation:
        if len(self._made) == _MOST_SHAPES:
            self._made.clear()
        row = self._shift.shape
        operation = self._made[len(X)] = self._onednn.combination("subtract", X.shape, b=row, times=row)
        operation.put(SRC_1, self._shift)
        operation.put(AFTER, self._factor)
        operation.put_scratch(np.empty(operation.scratch_bytes, np.uint8))
        return operation
