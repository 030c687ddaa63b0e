"""Draws the initial weights at random, with a variance that keeps signals the same size from layer to layer.

Each entry of ``INITIALIZERS`` makes an `Initializer` from its settings: a function ``(rng, shape, fan_out) ->
W`` that draws W of ``shape`` (fan_in, columns). It draws in float64, so that networks of either precision
start with the same weights. ``fan_out`` is the number of units; a maxout unit has several columns. ``gain``
multiplies every weight.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["INITIALIZERS", "Initializer"]

Initializer: TypeAlias = Callable[[np.random.Generator, tuple[int, int], int], NDArray[np.float64]]


def _spread(distribution: str, gain: float, variance: Callable[[int, int], float]) -> Initializer:
    """Draw from a normal distribution, or from a uniform one over +-sqrt(3) standard deviations.

    Both have the same variance.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, int], fan_out: int) -> NDArray[np.float64]:
        std = gain * sqrt(variance(shape[0], fan_out))
        if distribution == "uniform":
            return rng.uniform(-sqrt(3) * std, sqrt(3) * std, shape)
        return rng.standard_normal(shape) * std

    return draw


def he(distribution: str, gain: float) -> Initializer:
    """Variance 2 / fan_in, for rectifiers, which pass on half of the signal (He et al., 2015)."""
    return _spread(distribution, gain, lambda fan_in, fan_out: 2 / fan_in)  # noqa: ARG005


def xavier(distribution: str, gain: float) -> Initializer:
    """Variance 2 / (fan_in + fan_out), a compromise for both directions (Glorot & Bengio, 2010)."""
    return _spread(distribution, gain, lambda fan_in, fan_out: 2 / (fan_in + fan_out))


def lecun(distribution: str, gain: float) -> Initializer:
    """Variance 1 / fan_in, for units without a nonlinearity (LeCun et al., 1998)."""
    return _spread(distribution, gain, lambda fan_in, fan_out: 1 / fan_in)  # noqa: ARG005


def orthogonal(gain: float) -> Initializer:
    """Orthonormal columns, or orthonormal rows if there are fewer of those (Saxe et al., 2014).

    W is the Q of the QR decomposition of a normal matrix, with signs that make the diagonal of R positive.
    Every such W is then equally likely (Mezzadri, 2007).
    """

    def draw(rng: np.random.Generator, shape: tuple[int, int], fan_out: int) -> NDArray[np.float64]:  # noqa: ARG001
        Q, R = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
        Q *= gain * np.where(np.diagonal(R) < 0, -1.0, 1.0)
        W: NDArray[np.float64] = Q if shape[0] >= shape[1] else Q.T
        return W

    return draw


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "he": he,
    "xavier": xavier,
    "lecun": lecun,
    "orthogonal": orthogonal,
}
