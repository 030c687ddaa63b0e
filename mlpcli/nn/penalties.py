"""Penalties on the weights, which the CS231n notes prefer to a smaller network as a way to avoid overfitting.

Each entry of ``PENALTIES`` has a ``value(w, strength)`` and an ``add_gradient(w, strength, dw, scratch,
passes)``, where ``w`` is the flat slice of all weights, or a part of it; biases are not in it. L1 and L2
together are the elastic net. The penalties do not depend on the batch size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.passes import Passes

__all__ = ["PENALTIES", "Penalty"]


@dataclass(frozen=True)
class Penalty:
    """A term of the objective and its gradient."""

    value: Callable[[NDArray[Any], float], float]
    add_gradient: Callable[[NDArray[Any], float, NDArray[Any], NDArray[Any], Passes], None]


def _l2_value(w: NDArray[Any], strength: float) -> float:
    return 0.5 * strength * float(np.dot(w, w))


def _l2_add_gradient(
    w: NDArray[Any], strength: float, dw: NDArray[Any], scratch: NDArray[Any], passes: Passes
) -> None:
    passes.descend(dw, -strength, w, scratch)


def _l1_value(w: NDArray[Any], strength: float) -> float:
    return strength * float(np.sum(np.abs(w)))


def _l1_add_gradient(
    w: NDArray[Any],
    strength: float,
    dw: NDArray[Any],
    scratch: NDArray[Any],
    passes: Passes,  # noqa: ARG001
) -> None:
    np.sign(w, out=scratch)
    scratch *= strength
    dw += scratch


PENALTIES: dict[str, Penalty] = {
    # R = l1 sum(abs(w)), dR/dw = l1 sign(w)
    "l1": Penalty(_l1_value, _l1_add_gradient),
    # R = 0.5 l2 sum(w**2), dR/dw = l2 w
    "l2": Penalty(_l2_value, _l2_add_gradient),
}
