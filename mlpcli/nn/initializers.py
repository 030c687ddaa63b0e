"""First weights: normal, zero mean, a variance that keeps signals the same size from layer to layer."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

__all__ = ["INITIALIZERS"]


def he(fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Std sqrt(2 / fan_in), for rectifiers, which pass half of the signal (He et al., 2015)."""
    return sqrt(2 / fan_in)


def xavier(fan_in: int, fan_out: int) -> float:
    """Std sqrt(2 / (fan_in + fan_out)), a middle way for both directions (Glorot & Bengio, 2010)."""
    return sqrt(2 / (fan_in + fan_out))


def lecun(fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Std sqrt(1 / fan_in), for units without a nonlinearity (LeCun et al., 1998)."""
    return sqrt(1 / fan_in)


INITIALIZERS: dict[str, Callable[[int, int], float]] = {"he": he, "xavier": xavier, "lecun": lecun}
"""Standard deviation of W (fan_in, fan_out) by name."""
