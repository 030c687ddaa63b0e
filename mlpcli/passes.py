"""The passes over memory that update rules and penalties consist of, by NumPy or by oneDNN.

A pass of NumPy's does one operation, and a pass of oneDNN's several at once, in threads that need no Python.
Both have the same methods. All arrays have equal shapes, and ``scratch`` may be overwritten.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.onednn import DST, FACTOR, SRC, SRC_1, OneDnn, Threads

__all__ = ["NumpyPasses", "OneDnnPasses", "Passes", "Rates", "rounded"]

Array: TypeAlias = NDArray[Any]
Rates: TypeAlias = "float | NDArray[np.float64]"


def rounded(factors: Rates, w: Array) -> Any:
    """Return factors (k, 1) in the type of ``w``, to which NumPy rounds a single one by itself."""
    return factors.astype(w.dtype) if isinstance(factors, np.ndarray) else factors


class NumpyPasses:
    """The passes by NumPy, also of arrays (k, n) of k networks with rates (k, 1)."""

    def shrink(self, w: Array, factor: Rates) -> None:
        """Set w to factor w."""
        w *= rounded(factor, w)

    def add(self, sums: Array, decay: float, x: Array) -> None:
        """Set sums to decay sums + x."""
        sums *= decay
        sums += x

    def add_squares(self, sums: Array, decay: float, x: Array, share: float, scratch: Array) -> None:
        """Set sums to decay sums + share x**2."""
        np.multiply(x, x, out=scratch)
        if share != 1:
            scratch *= share
        if decay != 1:
            sums *= decay
        sums += scratch

    def descend(self, w: Array, rate: Rates, x: Array, scratch: Array) -> None:
        """Set w to w - rate x."""
        np.multiply(x, rounded(rate, w), out=scratch)
        w -= scratch

    def descend_sum(self, w: Array, rate: Rates, x: Array, share: float, y: Array, scratch: Array) -> None:
        """Set w to w - rate (x + share y)."""
        np.multiply(y, share, out=scratch)
        scratch += x
        scratch *= rounded(rate, w)
        w -= scratch

    def descend_scaled(
        self, w: Array, rate: Rates, x: Array, squares: Array, scale: float, eps: float, scratch: Array
    ) -> None:
        """Set w to w - rate x / (scale sqrt(squares) + eps)."""
        np.sqrt(squares, out=scratch)
        scratch += eps / scale
        np.divide(x, scratch, out=scratch)
        scratch *= rounded(rate / scale, w)
        w -= scratch


class OneDnnPasses:
    """The passes by oneDNN, of arrays of float32 with one axis."""

    def __init__(self, onednn: OneDnn) -> None:
        self._onednn = onednn
        self._made: dict[tuple[Any, ...], _Combination] = {}

    def shrink(self, w: Array, factor: Rates) -> None:
        """Set w to factor w."""
        self._made_for(w, "multiply", b=(1,))(w, None, w, factor)

    def add(self, sums: Array, decay: float, x: Array) -> None:
        """Set sums to decay sums + x."""
        self._made_for(sums, "add", factors=(SRC,))(sums, x, sums, decay)

    def add_squares(self, sums: Array, decay: float, x: Array, share: float, scratch: Array) -> None:  # noqa: ARG002
        """Set sums to decay sums + share x**2."""
        self._made_for(sums, "multiply", factors=(SRC,), after=(("sum", decay),))(x, x, sums, share)

    def descend(self, w: Array, rate: Rates, x: Array, scratch: Array) -> None:  # noqa: ARG002
        """Set w to w - rate x."""
        self._made_for(w, "add", factors=(SRC_1,))(w, x, w, -rate)

    def descend_sum(self, w: Array, rate: Rates, x: Array, share: float, y: Array, scratch: Array) -> None:
        """Set w to w - rate (x + share y)."""
        self._made_for(w, "add", factors=(SRC_1,))(x, y, scratch, share)
        self.descend(w, rate, scratch, scratch)

    def descend_scaled(
        self, w: Array, rate: Rates, x: Array, squares: Array, scale: float, eps: float, scratch: Array
    ) -> None:
        """Set w to w - rate x / (scale sqrt(squares) + eps)."""
        root = self._made_for(w, "multiply", b=(1,), after=(("sqrt", 0.0), ("add", eps)))
        root(squares, None, scratch, scale**2)
        self._made_for(w, "divide", factors=(SRC,), after=(("sum", 1.0),))(x, scratch, w, -rate)

    def _made_for(self, array: Array, kind: str, **settings: Any) -> _Combination:
        key = (array.shape, kind, *settings.items())
        if key not in self._made:
            self._made[key] = _Combination(self._onednn, kind, array.shape, **settings)
        return self._made[key]


class _Combination:
    """A combination of two arrays with one number: a factor of one of them, or the second one itself."""

    def __init__(self, onednn: OneDnn, kind: Any, shape: tuple[int, ...], **settings: Any) -> None:
        self._threads = Threads(onednn)
        with self._threads:
            self._operation = onednn.combination(kind, shape, **settings)
        self._operation.put_scratch(np.empty(self._operation.scratch_bytes, np.uint8))
        self._number = np.empty(1, np.float32)
        (factor,) = settings.get("factors") or (None,)
        self._operation.put(SRC_1 if factor is None else FACTOR | factor, self._number)

    def __call__(self, a: Array, b: Array | None, out: Array, number: Rates) -> None:
        """Write the combination of ``a`` and ``b``, or of ``a`` and the number, into ``out``."""
        self._number[0] = number
        self._operation.put(SRC, a)
        if b is not None:
            self._operation.put(SRC_1, b)
        self._operation.put(DST, out)
        with self._threads:
            self._operation()


Passes: TypeAlias = NumpyPasses | OneDnnPasses
