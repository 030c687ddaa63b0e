"""Measures the last step of an epoch: its gradients, the weights, and how far it moves them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.network import Network

__all__ = ["LastStep"]


class LastStep:
    """What a step does to the layers of weights of a network, or of each network in a cohort.

    Call `begin` before the backward pass, `keep` before the update, once the gradients are those of the loss
    with its penalties, and `reports` after it. Where the network sums gradients with a ``decay``, what the
    step has added to the sum is measured.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._parameters, self._decay = network.parameters, decay
        names = [layer.spec.parameters[0].name for layer in network.dense]
        self._spans = [self._parameters.span(name) for name in names]
        self._before = np.empty_like(self._parameters.values)
        self._gradients: list[list[float]] = []

    def begin(self) -> None:
        """Keep the sum of the gradients before the step, where there is one."""
        if self._decay:
            np.copyto(self._before, self._parameters.gradients)

    def keep(self) -> None:
        """Measure the gradients, and keep the values before the step."""
        gradients = self._parameters.gradients
        if self._decay:
            self._before *= -self._decay
            gradients = np.add(self._before, gradients, out=self._before)
        self._gradients = _norms(gradients, [slice(None), *self._spans])
        np.copyto(self._before, self._parameters.values)

    def reports(self) -> list[dict[str, Any]]:
        """Return what `Trainer` says of the last step, for each network."""
        values, before = self._parameters.values, self._before
        sizes, weights = _norms(before, self._spans), _norms(values, self._spans)
        before -= values
        changes = _norms(before, self._spans)
        return [
            {
                "gradient_norm": whole,
                "gradient_norms": of_layers,
                "update_ratio": [a / b if b else None for a, b in zip(moved, at_first, strict=True)],
                "weight_norm": now,
            }
            for (whole, *of_layers), at_first, moved, now in zip(
                self._gradients, sizes, changes, weights, strict=True
            )
        ]


def _norms(flat: NDArray[Any], spans: list[slice]) -> list[list[float]]:
    """Return, for each network, the Euclidean norms of these parts of its flat array."""
    squares = [np.vecdot(flat[..., span], flat[..., span]) for span in spans]
    norms: list[list[float]] = np.sqrt(squares).reshape(len(spans), -1).T.tolist()
    return norms
