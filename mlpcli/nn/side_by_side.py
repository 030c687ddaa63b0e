"""The products of a cohort of networks, each with the bytes that it would have alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.products import Engine, NumpyProducts, Products

__all__ = ["products_of"]


class _InOneCall(NumpyProducts):
    """The products of k networks by NumPy, which multiplies slice by slice, in a loop of its own."""

    def forward(self, X: NDArray[Any], W: NDArray[Any], Y: NDArray[Any], /) -> None:
        """Write X W into Y; keep X and W."""
        self.X, self.W = X, W
        np.matmul(X, W, Y)

    def _multiply(self, dY: NDArray[Any], dW: NDArray[Any], dX: NDArray[Any] | None) -> None:
        np.matmul(self.X.transpose(0, 2, 1), dY, dW)
        if dX is not None:
            np.matmul(dY, self.W.transpose(0, 2, 1), dX)


class _OneByOne(Products):
    """The products of k networks by what each would have alone."""

    def __init__(self, products: Sequence[Products]) -> None:
        self._products = products

    def forward(self, X: NDArray[Any], W: NDArray[Any], Y: NDArray[Any], /) -> None:
        """Write X W into Y; keep X and W."""
        for products, *arrays in zip(self._products, X, W, Y, strict=True):
            products.forward(*arrays)

    def backward(
        self, dY: NDArray[Any], dW: NDArray[Any], dX: NDArray[Any] | None, /, decay: float = 0
    ) -> None:
        """Write decay dW + X.T dY into dW, and dY W.T into dX."""
        of_each = [None] * len(dY) if dX is None else dX
        for products, own, own_dW, own_dX in zip(self._products, dY, dW, of_each, strict=True):
            products.backward(own, own_dW, own_dX, decay)


def products_of(engine: Engine, cohort: Sequence[int], *, members: bool = False) -> Products:
    """Return what multiplies for a layer of a network alone, or of a ``cohort`` of networks."""
    if not cohort:
        return engine.products(members=members)
    if engine == Engine() and not members:
        return _InOneCall()
    return _OneByOne([engine.products(members=members) for _ in range(cohort[0])])
