"""The forward pass of one example: what goes into each layer of a network, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.layer import Layer
from mlpcli.nn.layers import Clip, Dense, Dropout, LinearPath, Maxout, MembersDense, Noise, Residual
from mlpcli.nn.local import Local
from mlpcli.nn.network import Network
from mlpcli.nn.windows import inputs_seen

__all__ = ["ForwardPass", "LayerPass", "Step", "forward_pass"]

Array = NDArray[Any]


class Step(NamedTuple):
    """What a layer made of one example: Y (fan_out,) of X (fan_in,)."""

    layer: Layer
    X: Array
    Y: Array


@dataclass(frozen=True)
class LayerPass:
    """One numbered layer of the network, of `units` units: z = x W + b, and what follows it.

    ``x`` (fan_in,) is what goes in, ``W`` (fan_in, sums) and ``b`` (sums,) are those of the layer, ``z``
    (sums,) the weighted sums and ``y`` (units,) what comes out. There are as many sums as units, in maxout
    several times as many. Where units see a window of an image, ``seen`` (places, inputs of a window) are the
    places of the inputs that they see; the weights of all others are 0. ``steps`` follow the sums, as a norm
    and the activation do; the output layer has none. ``off`` are the layers before the sums that only
    training needs: dropout and noise.
    """

    number: int
    x: Array
    W: Array
    b: Array
    z: Array
    steps: tuple[Step, ...]
    off: tuple[Layer, ...]
    seen: NDArray[np.int64] | None = None

    def seen_by(self, unit: int) -> NDArray[np.int64] | None:
        """Return the places of the inputs that a unit sees; None if it sees all."""
        return None if self.seen is None else self.seen[unit * len(self.seen) // len(self.y)]

    @property
    def y(self) -> Array:
        """What comes out of the layer (units,)."""
        return self.steps[-1].Y if self.steps else self.z

    @property
    def pieces(self) -> int:
        """How many weighted sums a unit has: 1, except in maxout."""
        return len(self.z) // len(self.y)

    @property
    def winners(self) -> Array:
        """The places among the sums of those that make the outputs: of each unit the largest piece."""
        maxout = next((step for step in self.steps if isinstance(step.layer, Maxout)), None)
        units = np.arange(len(self.y))
        if maxout is None:
            return units
        winners: Array = maxout.X.reshape(self.pieces, -1).argmax(axis=0) * len(units) + units
        return winners

    @property
    def contributions(self) -> NDArray[np.float64]:
        """What each unit gets from each input (fan_in, units): the input times the weight."""
        found: NDArray[np.float64] = self.x[:, None].astype(np.float64) * self.W[:, self.winners]
        return found


@dataclass(frozen=True)
class ForwardPass:
    """The forward pass of one example: the inputs ``x``, the ``layers`` in order, and the ``logits``.

    ``path`` is the linear path, whose X are the inputs, and ``clip`` what keeps the outputs in a range; they
    are None where the network has none. Of a network of several members it is that of one of them.
    """

    x: Array
    layers: tuple[LayerPass, ...]
    path: Step | None
    clip: Step | None
    logits: Array

    @property
    def hidden_add_nothing(self) -> bool:
        """Whether there are hidden layers, but all weights behind them are 0: the linear path is alone."""
        return len(self.layers) > 1 and not self.layers[-1].W.any()

    @property
    def is_finite(self) -> bool:
        """Whether no number on the way is too large for the type of the network."""
        each = [self.logits, *(layer.z for layer in self.layers)]
        each += [step.Y for layer in self.layers for step in layer.steps]
        return all(bool(np.isfinite(numbers).all()) for numbers in each)


def forward_pass(network: Network, x: Array, member: int = 0) -> ForwardPass:
    """Evaluate a network on the inputs x (inputs,) of one example, and keep what each layer makes of them.

    The numbers are those of the engine: each layer computes its own, and where the engine rounds what it
    multiplies, the inputs and the weights of the layers are rounded ones. ``member`` is the one to follow
    where the network has several.
    """
    X = np.ascontiguousarray(x[None], network.dtype)
    steps: list[Step] = []
    with np.errstate(over="ignore", invalid="ignore"):  # overflow shows in the logits
        network.predict(X)  # prepares the buffers
        logits = _record(network.layers, X, steps, member)
    of_layers: list[list[Step]] = [[] for _ in network.dense]
    path = clip = None
    for step in steps:
        if isinstance(step.layer, LinearPath):
            path = step
        elif isinstance(step.layer, Clip):
            clip = step
        else:
            of_layers[step.layer.spec.number - 1].append(step)
    layers = tuple(_of_layer(number, own, member) for number, own in enumerate(of_layers, 1))
    return ForwardPass(X[0], layers, path, clip, _row(logits, member))


def _record(layers: Sequence[Layer], X: Array, steps: list[Step], member: int) -> Array:
    """Run the layers one after the other; the inner layers of another one are recorded before it."""
    for layer in layers:
        before = X.copy()
        if isinstance(layer, (Residual, LinearPath)):
            _record(layer.inner, before.copy(), steps, member)
        X = layer.forward(before.copy()).copy()  # layers may work in place, and use their buffers again
        steps.append(Step(layer, _row(before, member), _row(X, member)))
    return X


def _row(rows: Array, member: int) -> Array:
    """Return the row of a member; before the initial weights there is one for all of them."""
    row: Array = rows[member if len(rows) > 1 else 0]
    return row


def _of_layer(number: int, steps: list[Step], member: int) -> LayerPass:
    off = tuple(step.layer for step in steps if isinstance(step.layer, (Dropout, Noise)))
    kept = [step for step in steps if step.layer not in off]
    layer, x, z = kept[0]
    assert isinstance(layer, (Dense, MembersDense, Local))
    if isinstance(layer, MembersDense):
        W, b = layer.W[member], layer.b[member]
    else:
        W, b = layer.W if isinstance(layer, Dense) else layer.full_weights(), layer.b
    x, W = layer.engine.multiplied(x), layer.engine.multiplied(W)
    seen = inputs_seen(layer.window) if isinstance(layer, Local) else None
    return LayerPass(number, x, W, b, z, tuple(kept[1:]), off, seen)
