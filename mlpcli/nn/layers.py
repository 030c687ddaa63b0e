"""Layers: the parts that a network is a list of.

The contract of all of them, stated once. A batch is ``n`` rows.

- ``parameters()`` names the arrays that the layer learns; ``bind(store)`` hands it its views of them.
- ``resize(n)`` makes the layer's buffers ready for batches of n rows; nothing else allocates.
- ``forward(X)`` takes X (n, fan_in) and returns Y (n, fan_out), in a buffer that the layer may share
  with the one before it.
- ``backward(dY)`` takes the gradient of the loss by Y, fills the layer's parameter gradients and
  returns the gradient by X; it may use dY and what forward left behind as scratch space. With
  ``needs_dX = False``, as in the first layer, it returns None.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Buffer
from mlpcli.nn.activations import Activation
from mlpcli.nn.parameters import Parameter, Parameters

__all__ = ["Dense", "Elementwise", "Layer"]


class Layer(Protocol):
    """What the network asks of a layer; see the top of this file."""

    def parameters(self) -> list[Parameter]:
        """Name what it learns."""

    def bind(self, store: Parameters) -> None:
        """Take its views."""

    def resize(self, n: int) -> None:
        """Make its buffers ready."""

    def forward(self, X: NDArray[Any]) -> NDArray[Any]:
        """Turn X into Y."""

    def backward(self, dY: NDArray[Any]) -> NDArray[Any] | None:
        """Turn dY into dX."""


class Dense:
    """Fully-connected: Y = X W + b, with W (fan_in, fan_out) and b (fan_out,).

    Backward: dW = X.T dY, db = sum of dY over the rows, dX = dY W.T (CS231n notes, Backpropagation 1,
    "Gradients for vectorized operations").
    """

    def __init__(self, number: int, fan_in: int, fan_out: int, std: float, dtype: Any) -> None:
        self.fan_in, self.fan_out, self.std = fan_in, fan_out, std
        self.W_name, self.b_name = f"W{number}", f"b{number}"
        self.needs_dX = number > 1
        self._Y = Buffer(fan_out, dtype)
        self._dX = Buffer(fan_in, dtype)

    def parameters(self) -> list[Parameter]:
        """Name W and b."""
        return [
            Parameter(self.W_name, (self.fan_in, self.fan_out), penalized=True),
            Parameter(self.b_name, (self.fan_out,), penalized=False),
        ]

    def bind(self, store: Parameters) -> None:
        """Take the views of W, b and their gradients."""
        self.W, self.b = store.view(self.W_name), store.view(self.b_name)
        self.dW, self.db = store.gradient(self.W_name), store.gradient(self.b_name)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw W from a normal of ``std``, drawn in float64 so that both precisions start alike; b is 0."""
        self.W[...] = rng.standard_normal(self.W.shape) * self.std
        self.b[...] = 0

    def resize(self, n: int) -> None:
        """Make room for n rows."""
        self.Y = self._Y.rows(n)
        if self.needs_dX:
            self.dX = self._dX.rows(n)

    def forward(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return X W + b; keeps X, which backward needs."""
        self.X = X
        np.matmul(X, self.W, out=self.Y)
        self.Y += self.b
        return self.Y

    def backward(self, dY: NDArray[Any]) -> NDArray[Any] | None:
        """Fill dW and db, return dX."""
        np.matmul(self.X.T, dY, out=self.dW)
        np.sum(dY, axis=0, out=self.db)
        if not self.needs_dX:
            return None
        np.matmul(dY, self.W.T, out=self.dX)
        return self.dX


class Elementwise:
    """An activation function, applied in place to the buffer of the layer before it."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation

    def parameters(self) -> list[Parameter]:
        """Nothing to learn."""
        return []

    def bind(self, store: Parameters) -> None:
        """Nothing to take."""

    def resize(self, n: int) -> None:
        """Nothing to hold."""

    def forward(self, X: NDArray[Any]) -> NDArray[Any]:
        """Turn X into f(X) in place; keeps it, which backward needs."""
        self.activation.forward(X)
        self.Y = X
        return X

    def backward(self, dY: NDArray[Any]) -> NDArray[Any]:
        """Turn dY into dY * f'(X) in place."""
        self.activation.backward(dY, self.Y)
        return dY
