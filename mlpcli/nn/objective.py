"""Computes the objective of training: the loss of a batch plus the penalties on the weights.

That of several members is the sum of theirs, so that each is trained as if it were alone. Gradient checks
compare the backward pass with it. The trainer never needs it as one number, since the optimizer adds the
gradients of the penalties slice by slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.layer import Rngs
from mlpcli.nn.losses import Loss
from mlpcli.nn.network import Network
from mlpcli.nn.penalties import Penalty
from mlpcli.passes import NumpyPasses

__all__ = ["differentiate_objective", "evaluate_objective"]


def evaluate_objective(
    network: Network,
    loss: Loss,
    penalties: Sequence[tuple[Penalty, float]],
    X: NDArray[Any],
    y: NDArray[Any],
    rngs: Rngs,
) -> float:
    """Return the objective of a training step on the batch X (members n, inputs), y (members n, ...).

    ``penalties`` are pairs of a penalty and its strength. ``rngs`` are the streams that the layers draw from.
    Two values are comparable only if the streams were in the same state.
    """
    weights = network.parameters.values[: network.parameters.n_penalized]
    value = network.members * loss.evaluate(network.forward(X, rngs), y, None)
    return float(value) + sum(penalty.value(weights, strength) for penalty, strength in penalties)


def differentiate_objective(
    network: Network,
    loss: Loss,
    penalties: Sequence[tuple[Penalty, float]],
    X: NDArray[Any],
    y: NDArray[Any],
    rngs: Rngs,
) -> NDArray[Any]:
    """Return a copy of the gradient of the objective, by a backward pass.

    It is flat, like ``network.parameters.values``.
    """
    parameters = network.parameters
    logits = network.forward(X, rngs)
    dlogits = np.empty_like(logits)
    loss.evaluate(logits, y, dlogits)
    dlogits *= network.members
    network.backward(dlogits)
    weights = slice(0, parameters.n_penalized)
    scratch = np.empty(parameters.n_penalized, network.dtype)
    for penalty, strength in penalties:
        w, dw = parameters.values[weights], parameters.gradients[weights]
        penalty.add_gradient(w, strength, dw, scratch, NumpyPasses())
    gradient: NDArray[Any] = parameters.gradients.copy()
    return gradient
