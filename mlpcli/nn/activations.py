"""Activation functions: in-place pairs, forward and backward.

Each entry of ``ACTIVATIONS`` makes an `Activation` from its settings. ``forward(Z)`` turns the weighted
sums (n, units) into outputs Y in place. ``backward(dY, Y)`` turns the gradient of the loss by Y into the
gradient by Z, in place; all of these have a derivative that can be told from the output alone, so Z
need not be kept. The failings named here are those of the CS231n notes, Neural Networks 1, "Commonly
used activation functions".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "Activation"]


@dataclass(frozen=True)
class Activation:
    """A function applied to every weighted sum, its derivative, and the initialisation that suits it."""

    forward: Callable[[NDArray[Any]], None]
    backward: Callable[[NDArray[Any], NDArray[Any]], None]
    init: str


def sigmoid() -> Activation:
    """y = 1 / (1 + exp(-z)), dy/dz = y (1 - y). Saturates at both ends; outputs are not zero-centred."""

    def forward(Z: NDArray[Any]) -> None:
        # 0.5 * (1 + tanh(z / 2)) is the same function and cannot overflow.
        Z *= 0.5
        np.tanh(Z, out=Z)
        Z += 1.0
        Z *= 0.5

    def backward(dY: NDArray[Any], Y: NDArray[Any]) -> None:
        dY *= Y
        Y -= 1.0  # the outputs are not needed again
        dY *= Y
        np.negative(dY, out=dY)

    return Activation(forward, backward, init="xavier")


def tanh() -> Activation:
    """y = tanh(z), dy/dz = 1 - y**2. Saturates at both ends; outputs are zero-centred."""

    def forward(Z: NDArray[Any]) -> None:
        np.tanh(Z, out=Z)

    def backward(dY: NDArray[Any], Y: NDArray[Any]) -> None:
        np.multiply(Y, Y, out=Y)
        np.subtract(1.0, Y, out=Y)
        dY *= Y

    return Activation(forward, backward, init="xavier")


def relu() -> Activation:
    """y = max(0, z), dy/dz = 1 where z > 0 (Nair & Hinton, 2010). Does not saturate; units can die."""

    def forward(Z: NDArray[Any]) -> None:
        np.maximum(Z, 0.0, out=Z)

    def backward(dY: NDArray[Any], Y: NDArray[Any]) -> None:
        np.sign(Y, out=Y)
        dY *= Y

    return Activation(forward, backward, init="he")


def leaky_relu(alpha: float) -> Activation:
    """y = max(z, alpha z), dy/dz = 1 or alpha (Maas et al., 2013). Units cannot die while alpha > 0."""

    def forward(Z: NDArray[Any]) -> None:
        np.multiply(Z, alpha, out=Z, where=Z < 0)

    def backward(dY: NDArray[Any], Y: NDArray[Any]) -> None:
        np.multiply(dY, alpha, out=dY, where=Y <= 0)

    return Activation(forward, backward, init="he")


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
}
