"""Update rules: how the optimizer turns a gradient into a step.

Each entry of ``RULES`` makes a `Rule` from its settings. Its ``update(part, learning_rate, step)`` changes
the parameters ``part.w`` in place; ``step`` counts from 1. The conventions are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RULES", "Rule", "Slice"]


@dataclass(frozen=True)
class Slice:
    """Slices, of equal length, of the parameters ``w``, the gradient ``dw`` and the rule's arrays ``slots``.

    The slots start at zero and are kept from step to step; ``dw`` and ``scratch`` may be overwritten.
    """

    w: NDArray[Any]
    dw: NDArray[Any]
    slots: tuple[NDArray[Any], ...]
    scratch: NDArray[Any]


Update = Callable[[Slice, float, int], None]


@dataclass(frozen=True)
class Rule:
    """An update function and the names of the arrays that it keeps from step to step."""

    slots: tuple[str, ...]
    update: Update


def sgd(momentum: float) -> Rule:
    """v <- momentum v + dw, w <- w - learning_rate v (Polyak, 1964); without momentum, v = dw."""

    def update(part: Slice, learning_rate: float, step: int) -> None:  # noqa: ARG001
        w, dw, scratch = part.w, part.dw, part.scratch
        if part.slots:
            velocity = part.slots[0]
            velocity *= momentum
            velocity += dw
            dw = velocity
        np.multiply(dw, learning_rate, out=scratch)
        w -= scratch

    return Rule(("velocity",) if momentum else (), update)


def nesterov(momentum: float) -> Rule:
    """v <- momentum v + dw, w <- w - learning_rate (dw + momentum v) (Sutskever et al., 2013)."""

    def update(part: Slice, learning_rate: float, step: int) -> None:  # noqa: ARG001
        w, dw, scratch = part.w, part.dw, part.scratch
        (velocity,) = part.slots
        velocity *= momentum
        velocity += dw
        np.multiply(velocity, momentum, out=scratch)
        scratch += dw
        scratch *= learning_rate
        w -= scratch

    return Rule(("velocity",), update)


def adam(beta1: float, beta2: float, eps: float) -> Rule:
    """Adam (Kingma & Ba, 2015).

    m <- beta1 m + dw, v <- beta2 v + dw**2, w <- w - learning_rate mhat / (sqrt(vhat) + eps) with mhat = m (1
    - beta1) / (1 - beta1**step) and vhat = v (1 - beta2) / (1 - beta2**step). The paper's m is this one times
    1 - beta1, and its v this one times 1 - beta2. Leaving the factors out saves two passes over the memory.
    """

    def update(part: Slice, learning_rate: float, step: int) -> None:
        w, dw, scratch = part.w, part.dw, part.scratch
        m, v = part.slots
        of_m, of_v = (1 - beta1) / (1 - beta1**step), sqrt((1 - beta2) / (1 - beta2**step))
        m *= beta1
        m += dw
        v *= beta2
        dw *= dw
        v += dw
        np.sqrt(v, out=scratch)
        scratch += eps / of_v
        np.divide(m, scratch, out=scratch)
        scratch *= learning_rate * of_m / of_v
        w -= scratch

    return Rule(("m", "v"), update)


def _scaled_step(part: Slice, squares: NDArray[Any], eps: float, learning_rate: float) -> None:
    """w <- w - learning_rate dw / (sqrt(squares) + eps)."""
    scratch = part.scratch
    np.sqrt(squares, out=scratch)
    scratch += eps
    np.divide(part.dw, scratch, out=scratch)
    scratch *= learning_rate
    w = part.w
    w -= scratch


def adagrad(eps: float) -> Rule:
    """G <- G + dw**2, w <- w - learning_rate dw / (sqrt(G) + eps) (Duchi et al., 2011)."""

    def update(part: Slice, learning_rate: float, step: int) -> None:  # noqa: ARG001
        dw, scratch = part.dw, part.scratch
        (squares,) = part.slots
        np.multiply(dw, dw, out=scratch)
        squares += scratch
        _scaled_step(part, squares, eps, learning_rate)

    return Rule(("squares",), update)


def rmsprop(beta2: float, eps: float) -> Rule:
    """v <- beta2 v + (1 - beta2) dw**2, w <- w - learning_rate dw / (sqrt(v) + eps) (Hinton, 2012)."""

    def update(part: Slice, learning_rate: float, step: int) -> None:  # noqa: ARG001
        dw, scratch = part.dw, part.scratch
        (v,) = part.slots
        v *= beta2
        np.multiply(dw, dw, out=scratch)
        scratch *= 1 - beta2
        v += scratch
        _scaled_step(part, v, eps, learning_rate)

    return Rule(("v",), update)


def lion(beta1: float, beta2: float) -> Rule:
    """Lion (Chen et al., 2023): every weight moves by the learning rate; only the direction is computed.

    w <- w - learning_rate sign(beta1 m + (1 - beta1) dw), then m <- beta2 m + (1 - beta2) dw.
    """

    def update(part: Slice, learning_rate: float, step: int) -> None:  # noqa: ARG001
        w, dw, scratch = part.w, part.dw, part.scratch
        (m,) = part.slots
        np.subtract(m, dw, out=scratch)
        scratch *= beta1
        scratch += dw
        np.sign(scratch, out=scratch)
        scratch *= learning_rate
        w -= scratch
        m *= beta2
        np.multiply(dw, 1 - beta2, out=scratch)
        m += scratch

    return Rule(("m",), update)


RULES: dict[str, Callable[..., Rule]] = {
    "sgd": sgd,
    "momentum": sgd,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adam,  # the optimizer adds the weight decay
    "lion": lion,
}
