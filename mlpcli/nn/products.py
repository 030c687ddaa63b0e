"""What multiplies matrices for a layer: the products of its forward pass and of its backward pass.

A layer with weights has one such object for each of its matrices, with two methods:

- ``forward(X, W, Y)`` writes X W into Y and keeps X and W for the backward pass, which may come before either
  of them changes.
- ``backward(dY, dW, dX)`` writes X.T dY into dW and dY W.T into dX, which is None if nobody needs it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MembersProducts", "Products"]

Array: TypeAlias = NDArray[Any]


class Products:
    """The products of matrices X (n, fan_in), W (fan_in, fan_out) and Y (n, fan_out), by NumPy's BLAS."""

    X: Array
    W: Array

    def forward(self, X: Array, W: Array, Y: Array) -> None:
        """Write X W into Y; keep X and W."""
        self.X, self.W = X, W
        np.dot(X, W, out=Y)

    def backward(self, dY: Array, dW: Array, dX: Array | None) -> None:
        """Write X.T dY into dW, and dY W.T into dX."""
        np.matmul(self.X.T, dY, out=dW)  # np.dot has less overhead, but fills dW with 0 first
        if dX is not None:
            np.dot(dY, self.W.T, out=dX)


class MembersProducts(Products):
    """The products of k members' own matrices: X (k, n, fan_in), W (k, fan_in, fan_out), Y (k, n, fan_out).

    X may be one for all, (1, n, fan_in).
    """

    def forward(self, X: Array, W: Array, Y: Array) -> None:
        """Write X W into Y; keep X and W."""
        self.X, self.W = X, W
        np.matmul(X, W, out=Y)

    def backward(self, dY: Array, dW: Array, dX: Array | None) -> None:
        """Write X.T dY into dW, and dY W.T into dX."""
        np.matmul(self.X.transpose(0, 2, 1), dY, out=dW)
        if dX is not None:
            # With one output, the product has nothing to add up; NumPy then takes three times as long for it.
            product = np.multiply if dY.shape[2] == 1 else np.matmul
            product(dY, self.W.transpose(0, 2, 1), out=dX)
