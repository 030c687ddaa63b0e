"""What multiplies matrices for a layer: the products of its forward pass and of its backward pass.

A layer has one `Products` for each of its matrices, which its `Engine` makes. There are two engines. One is
NumPy, whose BLAS multiplies anything. The other, "fast", is oneDNN, for products that are large enough to
gain from it. An engine may round to bfloat16: the numbers that are multiplied are rounded first, and the
products are added up in float32.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.blas import ENGINE
from mlpcli.buffers import Scratch
from mlpcli.errors import UsageError
from mlpcli.onednn import DST, SRC, WEIGHTS, Layout, Numbers, OneDnn, Operation, Threads, find_onednn

__all__ = ["NUMPY", "Engine", "MembersProducts", "NumpyProducts", "Products", "choose_engine", "why_slow"]

Array: TypeAlias = NDArray[Any]

NUMPY = "NumPy"
# Multiplications of a product. Below, NumPy is as fast in float32.
_LARGE = 1 << 20
# Below, a second thread of oneDNN's costs more than it brings.
_THREADED = 1 << 21
_MOST_SHAPES = 4  # that a layer keeps operations for: batches of training and scoring, and the last of each


class Products:
    """The products of a matrix W (fan_in, fan_out) with batches X (n, fan_in) and gradients dY (n, fan_out).

    Where k members have a matrix each, all arrays have a first axis of length k; that of X may be 1. With a
    ``decay``, dW is added to what it was before, times decay: so it becomes the velocity of momentum in the
    same pass over the memory.
    """

    def forward(self, X: Array, W: Array, Y: Array, /) -> None:
        """Write X W into Y, and keep X and W for the backward pass, before which they do not change."""
        raise NotImplementedError

    def backward(self, dY: Array, dW: Array, dX: Array | None, /, decay: float = 0) -> None:
        """Write decay dW + X.T dY into dW, and dY W.T into dX, which is None if nobody needs it."""
        raise NotImplementedError


class NumpyProducts(Products):
    """The products of matrices, by NumPy's BLAS."""

    X: Array
    W: Array

    def __init__(self) -> None:
        self._before = Scratch(np.empty)

    def forward(self, X: Array, W: Array, Y: Array, /) -> None:
        """Write X W into Y; keep X and W."""
        self.X, self.W = X, W
        np.dot(X, W, Y)  # by place: a keyword takes 30 ns, which small networks notice

    def backward(self, dY: Array, dW: Array, dX: Array | None, /, decay: float = 0) -> None:
        """Write decay dW + X.T dY into dW, and dY W.T into dX."""
        if decay:
            before = np.multiply(dW, decay, out=self._before.like(dW))
        self._multiply(dY, dW, dX)
        if decay:
            dW += before

    def _multiply(self, dY: Array, dW: Array, dX: Array | None) -> None:
        np.matmul(self.X.T, dY, dW)  # np.dot has less overhead, but fills dW with 0 first
        if dX is not None:
            np.dot(dY, self.W.T, dX)


class MembersProducts(NumpyProducts):
    """The products of members' matrices, by NumPy."""

    def forward(self, X: Array, W: Array, Y: Array, /) -> None:
        """Write X W into Y; keep X and W."""
        self.X, self.W = X, W
        np.matmul(X, W, out=Y)

    def _multiply(self, dY: Array, dW: Array, dX: Array | None) -> None:
        np.matmul(self.X.transpose(0, 2, 1), dY, out=dW)
        if dX is not None:
            # With one output, the product has nothing to add up; NumPy then takes three times as long for it.
            product = np.multiply if dY.shape[2] == 1 else np.matmul
            product(dY, self.W.transpose(0, 2, 1), out=dX)


class RoundedProducts(Products):
    """Other products, of numbers that are rounded to bfloat16 by NumPy."""

    def __init__(self, products: Products) -> None:
        self._products = products
        self._X, self._W, self._dY = (Scratch(np.empty) for _ in range(3))

    def forward(self, X: Array, W: Array, Y: Array, /) -> None:
        """Write X W into Y; keep X and W."""
        self._products.forward(_rounded(X, self._X), _rounded(W, self._W), Y)

    def backward(self, dY: Array, dW: Array, dX: Array | None, /, decay: float = 0) -> None:
        """Write decay dW + X.T dY into dW, and dY W.T into dX."""
        self._products.backward(_rounded(dY, self._dY), dW, dX, decay)


def _rounded(X: Array, scratch: Scratch[Array]) -> Array:
    """Return float32 numbers, rounded to the 8 bits of bfloat16, to nearest and to even."""
    rounded = scratch.like(X)
    bits = rounded.view(np.uint32)
    np.right_shift(X.view(np.uint32), 16, out=bits)
    bits &= 1
    bits += 0x7FFF
    bits += X.view(np.uint32)
    bits &= 0xFFFF0000
    return rounded


class OneDnnProducts(Products):
    """The products by oneDNN, if ``rounds`` is set or they are large; else those of ``others``."""

    def __init__(self, onednn: OneDnn, others: Products, *, rounds: bool) -> None:
        self._onednn, self._others, self._rounds = onednn, others, rounds
        self._made: dict[tuple[tuple[int, ...], ...], Products] = {}
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._current = others

    def forward(self, X: Array, W: Array, Y: Array, /) -> None:
        """Write X W into Y; keep X and W."""
        shapes = X.shape, W.shape, Y.shape
        if shapes != self._shapes:
            self._shapes, self._current = shapes, self._of(*shapes)
        self._current.forward(X, W, Y)

    def backward(self, dY: Array, dW: Array, dX: Array | None, /, decay: float = 0) -> None:
        """Write decay dW + X.T dY into dW, and dY W.T into dX."""
        self._current.backward(dY, dW, dX, decay)

    def _of(self, *shapes: tuple[int, ...]) -> Products:
        """Return what multiplies arrays of these shapes."""
        if shapes not in self._made:
            if len(self._made) == _MOST_SHAPES:
                self._made.clear()
            self._made[shapes] = self._new(*shapes)
        return self._made[shapes]

    def _new(self, X: tuple[int, ...], W: tuple[int, ...], Y: tuple[int, ...]) -> Products:
        size = prod(Y) * W[-2]
        if not size or (size < _LARGE and not self._rounds):
            return self._others
        try:
            return _OfShapes(self._onednn, X, W, Y, rounds=self._rounds, alone=size < _THREADED)
        except RuntimeError:  # it knows no such product
            return self._others


class _OfShapes(Products):
    """The products of arrays of fixed shapes, by oneDNN; by one thread if it computes ``alone``."""

    def __init__(
        self,
        onednn: OneDnn,
        X: tuple[int, ...],
        W: tuple[int, ...],
        Y: tuple[int, ...],
        *,
        rounds: bool,
        alone: bool,
    ) -> None:
        self._onednn, self._threads = onednn, Threads(onednn, alone=alone)
        kind: Numbers = "bfloat16" if rounds else "float32"
        of_X, of_W, of_Y = (Layout(shape, kind) for shape in (X, W, Y))
        with self._threads:
            self._Y = onednn.product(of_X, of_W, Layout(Y))
            self._dX = onednn.product(of_Y, of_W._replace(transposed=True), Layout((*Y[:-1], W[-2])))
            self._rounding = [onednn.rounding(shape) for shape in (X, W, Y)] if rounds else []
        self._dW: dict[float, Operation] = {}  # by decay
        self._places = of_X._replace(transposed=True), of_Y, Layout(W)
        operations = (self._Y, self._dX, *self._rounding)
        self._scratch = np.empty(max(operation.scratch_bytes for operation in operations), np.uint8)
        for operation in operations:
            operation.put_scratch(self._scratch)
        self._rounded = [np.empty(shape, np.uint16) for shape in (X, W, Y)] if rounds else []
        for operation, array in zip(self._rounding, self._rounded, strict=True):
            operation.put(DST, array)

    def forward(self, X: Array, W: Array, Y: Array, /) -> None:
        """Write X W into Y; keep X and W."""
        with self._threads:
            self._X, self._W = self._multiplied(0, X), self._multiplied(1, W)
            _carry_out(self._Y, self._X, self._W, Y)

    def backward(self, dY: Array, dW: Array, dX: Array | None, /, decay: float = 0) -> None:
        """Write decay dW + X.T dY into dW, and dY W.T into dX."""
        with self._threads:
            dY = self._multiplied(2, dY)
            _carry_out(self._dW.get(decay) or self._new_sum(decay), self._X, dY, dW)
            if dX is not None:
                _carry_out(self._dX, dY, self._W, dX)

    def _new_sum(self, decay: float) -> Operation:
        """Make decay dW + X.T dY, and keep it."""
        operation = self._dW[decay] = self._onednn.product(*self._places, decay=decay)
        if operation.scratch_bytes > len(self._scratch):
            self._scratch = np.empty(operation.scratch_bytes, np.uint8)
        operation.put_scratch(self._scratch)
        return operation

    def _multiplied(self, number: int, array: Array) -> Array:
        """Return an array as it is multiplied, in C order, and rounded if need be."""
        array = np.ascontiguousarray(array, np.float32)
        if not self._rounding:
            return array
        operation = self._rounding[number]
        operation.put(SRC, array)
        operation()
        return self._rounded[number]


def _carry_out(product: Operation, A: Array, B: Array, out: Array) -> None:
    product.put(SRC, A)
    product.put(WEIGHTS, B)
    product.put(DST, out)
    product()


@dataclass(frozen=True)
class Engine:
    """What multiplies for a network: oneDNN if there is one, else NumPy; if it ``rounds``, in bfloat16."""

    onednn: OneDnn | None = None
    rounds: bool = False

    @property
    def name(self) -> str:
        """The name of the library, with its version if that may decide the last digits."""
        return NUMPY if self.onednn is None else f"oneDNN {self.onednn.version}"

    def describe(self) -> str:
        """Return the engine and the precision, if they are not those that are always there; else nothing."""
        if self == Engine():
            return ""
        return f"matrix products by {self.name}{', in bfloat16' if self.rounds else ''}"

    def multiplied(self, array: Array) -> Array:
        """Return the numbers of an array as the products of this engine see them."""
        return _rounded(array, Scratch(np.empty)) if self.rounds else array

    def products(self, *, members: bool = False) -> Products:
        """Return what multiplies for a layer, or for a layer of several members."""
        products: Products = MembersProducts() if members else NumpyProducts()
        if self.rounds:
            products = RoundedProducts(products)
        if self.onednn is None:
            return products
        return OneDnnProducts(self.onednn, products, rounds=self.rounds)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the choice alone: elsewhere there may be another library, or none."""
        return _again, (self.rounds, self.onednn is not None)


def _again(rounds: bool, fast: bool) -> Engine:
    return Engine(_find(rounds)[0] if fast else None, rounds)


def _find(rounds: bool) -> tuple[OneDnn | None, str]:
    """Return oneDNN, or None and the reason why it is not there, or not for bfloat16 if that is wanted."""
    onednn, reason = find_onednn()
    if onednn is not None and rounds and not onednn.has_bfloat16:
        return None, "this processor has no instructions for bfloat16 (AVX512_BF16 or AMX)"
    return onednn, reason


def why_slow(precision: Numbers) -> str | None:
    """Return why products in this precision would be slower than in float32, unless an engine is named."""
    if precision == "float32" or os.environ.get(ENGINE):
        return None
    onednn, reason = _find(rounds=True)
    return reason if onednn is None else None


def choose_engine(precision: Numbers, largest: int) -> Engine:
    """Return the engine for a precision, and for products of ``largest`` multiplications at most.

    The variable `ENGINE` of the environment may name it; else it follows from the processor and from what is
    installed. Raises UsageError if what is named is not there.
    """
    wanted, rounds = os.environ.get(ENGINE) or None, precision == "bfloat16"
    if wanted not in (None, "numpy", "fast"):
        raise UsageError(f"{ENGINE} is {wanted!r} in the environment; set it to numpy or fast, or unset it")
    if wanted == "numpy" or (wanted is None and not rounds and largest < _LARGE):
        return Engine(None, rounds)
    onednn, reason = _find(rounds)
    if onednn is None and wanted == "fast":
        raise UsageError(f"the engine fast cannot be used: {reason}")
    if onednn is not None and wanted is None and not rounds and not onednn.has_avx512:
        onednn = None
    return Engine(onednn, rounds)
