"""What is seen of images through windows: views of it, and copies in the order of the weights."""

from __future__ import annotations

from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from mlpcli.onednn import DST, SRC, Layout, OneDnn, Operation, Threads
from mlpcli.specs import Window

__all__ = ["WindowCopies", "inputs_seen", "view_windows"]

Array: TypeAlias = NDArray[Any]

_LARGE = 1 << 17  # numbers that are copied; fewer are copied by NumPy as fast
_MOST_SHAPES = 4  # of batches that operations are kept for


def view_windows(X: Array, window: Window) -> Array:
    """Return a view of X (n, inputs) with what is seen of it at each place.

    It is (across, across, n, channels, size, size) if the image is made of planes, else (across, across, n,
    size, size, channels); of a cohort, X and the view have one more axis, the first.
    """
    X = np.ascontiguousarray(X)
    side, channels = window.side, window.channels
    row, column, channel = (side, 1, side**2) if window.planes else (side * channels, channels, 1)
    pixels = ((window.size, row), (window.size, column))
    numbers = ((channels, channel), *pixels) if window.planes else (*pixels, (channels, channel))
    *cohort, n, inputs = X.shape
    axes = (
        *((k, n * inputs) for k in cohort),
        (window.across, window.stride * row),
        (window.across, window.stride * column),
        (n, inputs),
        *numbers,
    )
    return as_strided(X, [length for length, _ in axes], [X.itemsize * step for _, step in axes])


def inputs_seen(window: Window) -> NDArray[np.int64]:
    """Return which inputs are seen at each place (places, fan_in), in the order of the rows of W."""
    inputs = np.arange(window.channels * window.side**2, dtype=np.int64)
    seen: NDArray[np.int64] = view_windows(inputs[None], window).reshape(window.places, window.fan_in)
    return seen


class WindowCopies:
    """Copies what is seen of X (n, inputs) to S, of the shape of `view_windows` and of C order.

    Of planes, a window has short runs of numbers, which oneDNN copies in half the time that NumPy takes, or
    less. Since it wants no number twice, it first copies the windows of places so far from each other that
    they do not overlap, then those beside.
    """

    def __init__(self, window: Window, onednn: OneDnn | None) -> None:
        self._window, self._onednn = window, onednn if window.planes else None
        self._apart = -(-window.size // window.stride)  # places
        self._made: dict[int, list[tuple[tuple[slice, slice], Operation]]] = {}
        self._threads = None if self._onednn is None else Threads(self._onednn)

    def __call__(self, X: Array, S: Array) -> None:
        """Copy what is seen of X to S."""
        seen = view_windows(X, self._window)
        if self._threads is None or S.size < _LARGE or S.dtype != np.float32:
            np.copyto(S, seen)
            return
        with self._threads:
            for source, target in zip(seen, S, strict=True) if seen.ndim > 6 else ((seen, S),):
                self._copy(source, target)

    def _copy(self, seen: Array, S: Array) -> None:
        n = S.shape[2]
        if n not in self._made:
            if len(self._made) == _MOST_SHAPES:
                self._made.clear()
            self._made[n] = self._new(seen, S)
        if not self._made[n]:
            np.copyto(S, seen)
        for places, operation in self._made[n]:
            operation.put(SRC, seen[places])
            operation.put(DST, S[places])
            operation()

    def _new(self, seen: Array, S: Array) -> list[tuple[tuple[slice, slice], Operation]]:
        """Return the copies of each part of the places; none if oneDNN knows no such copies."""
        assert self._onednn is not None
        made = []
        for y, x in product(range(min(self._apart, self._window.across)), repeat=2):
            places = slice(y, None, self._apart), slice(x, None, self._apart)
            layouts = (_layout(array[places]) for array in (seen, S))
            try:
                operation = self._onednn.copy(*layouts)
            except RuntimeError:
                return []
            operation.put_scratch(np.empty(operation.scratch_bytes, np.uint8))
            made.append((places, operation))
        return made


def _layout(array: Array) -> Layout:
    return Layout(array.shape, strides=tuple(step // array.itemsize for step in array.strides))
