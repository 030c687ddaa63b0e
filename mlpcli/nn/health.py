"""Measures unit health: how many ReLUs are dead, and how many sigmoid and tanh outputs are saturated.

The CS231n notes warn of both (Neural Networks 1, "Commonly used activation functions").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.layer import Layer

__all__ = ["UnitHealth", "silent_in_all"]

_NEAR = 0.01  # of the range between the limits


class _DeadUnits:
    """The dead ReLUs of a layer: those that have output 0 for every example since ``start``.

    Those of each member of the network count. Only units that have not been active yet are checked, so
    healthy layers cost next to nothing.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer, self._shape = layer, (layer.spec.rows, layer.spec.fan_out)
        self._outputs: NDArray[Any] = np.empty(0)  # a buffer for those of the silent units
        self.start()

    def start(self, silent: str | None = None) -> None:
        """Start over, or restore a state that `to_hex` has returned."""
        members, units = self._shape
        bits = np.ones(members * units, np.uint8)
        if silent is not None:
            bits = np.unpackbits(np.frombuffer(bytes.fromhex(silent), np.uint8), count=members * units)
        self.silent = [np.flatnonzero(of_member) for of_member in bits.reshape(members, units)]

    def to_hex(self) -> str:
        """Return which units are silent, one bit per unit, in hex."""
        bits = np.zeros(self._shape, np.bool_)
        for of_member, silent in zip(bits, self.silent, strict=True):
            of_member[silent] = True
        return np.packbits(bits).tobytes().hex()

    def observe(self) -> None:
        """Look at the layer's outputs for a batch; call it between forward and backward."""
        Y, n = self._layer.Y, len(self._layer.Y) // len(self.silent)
        for member, silent in enumerate(self.silent):
            if len(silent):
                size = n * len(silent)
                if self._outputs.size < size:
                    self._outputs = np.empty(size, Y.dtype)
                outputs = self._outputs[:size].reshape(n, len(silent))
                Y[member * n : (member + 1) * n].take(silent, axis=1, out=outputs, mode="clip")
                if np.count_nonzero(outputs):  # faster than any()
                    self.silent[member] = silent[~outputs.any(axis=0)]

    @property
    def share(self) -> float:
        """The share of the layer's units that are dead."""
        members, units = self._shape
        return sum(map(len, self.silent)) / (members * units)


def _saturated_share(Y: NDArray[Any], limits: tuple[float, float]) -> float:
    """Return the share of the outputs Y (n, units) that lie within a hundredth of the range from a limit.

    The gradient is almost zero there: that of a sigmoid is below 0.01, and its maximum is 0.25.
    """
    low, high = limits
    margin = _NEAR * (high - low)
    inside = np.count_nonzero((low + margin < Y) & (high - margin > Y))
    return 1 - float(inside) / Y.size


class UnitHealth:
    """Watches the outputs of the hidden layers' activations during an epoch of training."""

    def __init__(self, activations: Sequence[Layer]) -> None:
        self._activations = activations
        self._dead = [_DeadUnits(layer) if layer.can_die else None for layer in activations]

    def start(self, silent: list[str] | None = None) -> None:
        """Begin an epoch, or resume one in which the ``silent`` units have not been active yet."""
        for i, dead in enumerate(self._dead):
            if dead is not None:
                dead.start(None if silent is None else silent[i])

    @property
    def is_watching(self) -> bool:
        """Whether there are units that can die and have not been active in this epoch."""
        return any(dead is not None and any(map(len, dead.silent)) for dead in self._dead)

    @property
    def silent(self) -> list[str]:
        """For each hidden layer, the units that have not been active in this epoch, one bit each, in hex.

        The text is empty if the layer's units cannot die.
        """
        return ["" if dead is None else dead.to_hex() for dead in self._dead]

    def look_at(self, outputs: Sequence[NDArray[Any]]) -> None:
        """Take these for the outputs of the layers, (n, units) each, where others compute them."""
        for layer, Y in zip(self._activations, outputs, strict=True):
            if layer.can_die or layer.limits is not None:
                layer.Y = Y

    def observe(self) -> None:
        """Look at a batch; call it between the network's forward and backward passes."""
        for dead in self._dead:
            if dead is not None:
                dead.observe()

    def report(self) -> dict[str, list[float | None]]:
        """Return the results of the epoch, one entry per hidden layer; call it before the last backward pass.

        ``dead`` is the share of units that no example of the epoch has activated, or None if the units cannot
        die. ``saturated`` is the share of the last batch's outputs, or None if the outputs have no limits.
        """
        return {"dead": self.dead, "saturated": self.saturated}

    @property
    def dead(self) -> list[float | None]:
        """The shares of dead units of `report`."""
        return [None if dead is None else dead.share for dead in self._dead]

    @property
    def saturated(self) -> list[float | None]:
        """The shares of saturated outputs of `report`, of the batch whose forward pass was the last."""
        return [
            None if layer.limits is None else _saturated_share(layer.Y, layer.limits)
            for layer in self._activations
        ]


def silent_in_all(parts: Sequence[list[str]]) -> list[str]:
    """Return the units that are silent in each part of an epoch, as `UnitHealth.silent` has those of one."""
    first, *others = parts
    for other in others:
        first = [a and f"{int(a, 16) & int(b, 16):0{len(a)}x}" for a, b in zip(first, other, strict=True)]
    return first
