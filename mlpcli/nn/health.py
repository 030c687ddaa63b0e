"""Unit health: how many ReLUs are dead, how many sigmoid and tanh outputs saturated.

The failings of units that the CS231n notes warn of (Neural Networks 1, "Commonly used activation functions").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.layers import Layer

__all__ = ["UnitHealth"]

_NEAR = 0.01  # of the way from one limit to the other


class _DeadUnits:
    """Which ReLUs of a layer have put out 0 for every example since ``start``: dead, as the notes define it.

    Only those that have not been active yet are looked at, so healthy layers cost next to nothing.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer, self._units = layer, layer.spec.fan_out
        self._outputs: NDArray[Any] = np.empty(0)  # room for those of the silent units
        self.start()

    def start(self, silent: str | None = None) -> None:
        """Forget what was seen, or take over what `to_hex` has said."""
        bits = np.ones(self._units, np.uint8)
        if silent is not None:
            bits = np.unpackbits(np.frombuffer(bytes.fromhex(silent), np.uint8), count=self._units)
        self.silent = np.flatnonzero(bits)

    def to_hex(self) -> str:
        """Return which units are silent, a bit each."""
        bits = np.zeros(self._units, np.bool_)
        bits[self.silent] = True
        return np.packbits(bits).tobytes().hex()

    def observe(self) -> None:
        """Take note of the layer's outputs for a batch; between its forward and its backward."""
        if len(self.silent):
            Y, n, silent = self._layer.Y, len(self._layer.Y), len(self.silent)
            if self._outputs.size < n * silent:
                self._outputs = np.empty(n * silent, Y.dtype)
            outputs = self._outputs[: n * silent].reshape(n, silent)
            Y.take(self.silent, axis=1, out=outputs, mode="clip")
            if np.count_nonzero(outputs):  # quicker than any()
                self.silent = self.silent[~outputs.any(axis=0)]

    @property
    def share(self) -> float:
        """Of the layer's units, how many are dead."""
        return len(self.silent) / self._units


def _saturated_share(Y: NDArray[Any], limits: tuple[float, float]) -> float:
    """Return how many of the outputs Y (n, units) are within a hundredth of the range of one of its limits.

    There the gradient is almost zero: of a sigmoid below 0.01, where it is at most 0.25.
    """
    low, high = limits
    margin = _NEAR * (high - low)
    inside = np.count_nonzero((low + margin < Y) & (high - margin > Y))
    return 1 - float(inside) / Y.size


class UnitHealth:
    """Watches the activations of the hidden layers through an epoch of training."""

    def __init__(self, activations: Sequence[Layer]) -> None:
        self._activations = activations
        self._dead = [_DeadUnits(layer) if layer.can_die else None for layer in activations]

    def start(self, silent: list[str] | None = None) -> None:
        """Begin an epoch, or go on with one in which the units of ``silent`` have not been active yet."""
        for i, dead in enumerate(self._dead):
            if dead is not None:
                dead.start(None if silent is None else silent[i])

    @property
    def silent(self) -> list[str]:
        """Of each hidden layer the units that have not been active in this epoch, a bit each, in hex.

        Empty where they cannot die.
        """
        return ["" if dead is None else dead.to_hex() for dead in self._dead]

    def observe(self) -> None:
        """Look at a batch, between the network's forward and its backward."""
        for dead in self._dead:
            if dead is not None:
                dead.observe()

    def report(self) -> dict[str, list[float | None]]:
        """Return what the epoch has shown, with an entry for each hidden layer; before the last backward.

        ``dead``: share of the units that were not active on any example; ``saturated``: share of the last
        batch's outputs. None where the units cannot die, or have no limits.
        """
        return {
            "dead": [None if dead is None else dead.share for dead in self._dead],
            "saturated": [
                None if layer.limits is None else _saturated_share(layer.Y, layer.limits)
                for layer in self._activations
            ],
        }
