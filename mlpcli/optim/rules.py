"""Update rules: how the optimizer turns a gradient into a step.

Each entry of ``RULES`` makes a `Rule` from its settings. Its ``update(part, learning_rate, step)`` changes
the parameters ``part.w`` in place; ``step`` counts from 1. The arrays of a part may be (k, length), those of
k networks; ``learning_rate`` may then be (k, 1), in float64. The conventions are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.passes import Passes, Rates, rounded

__all__ = ["RULES", "Rule", "Slice"]


@dataclass(frozen=True)
class Slice:
    """Slices, of equal length, of the parameters ``w``, the gradient ``dw`` and the rule's arrays ``slots``.

    The slots start at zero and are kept from step to step; ``dw`` and ``scratch`` may be overwritten.
    ``passes`` computes with such arrays.
    """

    w: NDArray[Any]
    dw: NDArray[Any]
    slots: tuple[NDArray[Any], ...]
    scratch: NDArray[Any]
    passes: Passes


Update = Callable[[Slice, Rates, int], None]


@dataclass(frozen=True)
class Rule:
    """An update function and the names of the arrays that it keeps from step to step.

    With a ``decay``, its one array sums gradients, s <- decay s + dw, and takes their place. Whoever computes
    the gradients may sum them as well: then the array is the gradient, and a slice has no slots. A rule
    ``by_passes`` leaves all arithmetic to the passes of its slices.
    """

    slots: tuple[str, ...]
    update: Update
    decay: float = 0
    by_passes: bool = False


def sgd(momentum: float) -> Rule:
    """v <- momentum v + dw, w <- w - learning_rate v (Polyak, 1964); without momentum, v = dw."""

    def update(part: Slice, learning_rate: Rates, step: int) -> None:  # noqa: ARG001
        dw = part.dw
        if part.slots:
            (velocity,) = part.slots
            part.passes.add(velocity, momentum, dw)
            dw = velocity
        part.passes.descend(part.w, learning_rate, dw, part.scratch)

    return Rule(("velocity",) if momentum else (), update, decay=momentum, by_passes=True)


def nesterov(momentum: float) -> Rule:
    """v <- momentum v + dw, w <- w - learning_rate (dw + momentum v) (Sutskever et al., 2013)."""

    def update(part: Slice, learning_rate: Rates, step: int) -> None:  # noqa: ARG001
        (velocity,) = part.slots
        part.passes.add(velocity, momentum, part.dw)
        part.passes.descend_sum(part.w, learning_rate, part.dw, momentum, velocity, part.scratch)

    return Rule(("velocity",), update, by_passes=True)


def adam(beta1: float, beta2: float, eps: float) -> Rule:
    """Adam (Kingma & Ba, 2015).

    m <- beta1 m + dw, v <- beta2 v + dw**2, w <- w - learning_rate mhat / (sqrt(vhat) + eps) with mhat = m (1
    - beta1) / (1 - beta1**step) and vhat = v (1 - beta2) / (1 - beta2**step). The paper's m is this one times
    1 - beta1, and its v this one times 1 - beta2. Leaving the factors out saves two passes over the memory.
    """

    def update(part: Slice, learning_rate: Rates, step: int) -> None:
        m, v = part.slots
        of_m, of_v = (1 - beta1) / (1 - beta1**step), sqrt((1 - beta2) / (1 - beta2**step))
        part.passes.add(m, beta1, part.dw)
        part.passes.add_squares(v, beta2, part.dw, 1, part.dw)
        part.passes.descend_scaled(part.w, learning_rate * of_m, m, v, of_v, eps, part.dw)

    return Rule(("m", "v"), update, by_passes=True)


def adagrad(eps: float) -> Rule:
    """G <- G + dw**2, w <- w - learning_rate dw / (sqrt(G) + eps) (Duchi et al., 2011)."""

    def update(part: Slice, learning_rate: Rates, step: int) -> None:  # noqa: ARG001
        (squares,) = part.slots
        part.passes.add_squares(squares, 1, part.dw, 1, part.scratch)
        part.passes.descend_scaled(part.w, learning_rate, part.dw, squares, 1, eps, part.scratch)

    return Rule(("squares",), update, by_passes=True)


def rmsprop(beta2: float, eps: float) -> Rule:
    """v <- beta2 v + (1 - beta2) dw**2, w <- w - learning_rate dw / (sqrt(v) + eps) (Hinton, 2012)."""

    def update(part: Slice, learning_rate: Rates, step: int) -> None:  # noqa: ARG001
        (v,) = part.slots
        part.passes.add_squares(v, beta2, part.dw, 1 - beta2, part.scratch)
        part.passes.descend_scaled(part.w, learning_rate, part.dw, v, 1, eps, part.scratch)

    return Rule(("v",), update, by_passes=True)


def lion(beta1: float, beta2: float) -> Rule:
    """Lion (Chen et al., 2023): every weight moves by the learning rate; only the direction is computed.

    w <- w - learning_rate sign(beta1 m + (1 - beta1) dw), then m <- beta2 m + (1 - beta2) dw.
    """

    def update(part: Slice, learning_rate: Rates, step: int) -> None:  # noqa: ARG001
        w, dw, scratch = part.w, part.dw, part.scratch
        (m,) = part.slots
        np.subtract(m, dw, out=scratch)
        scratch *= beta1
        scratch += dw
        np.sign(scratch, out=scratch)
        scratch *= rounded(learning_rate, w)
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
