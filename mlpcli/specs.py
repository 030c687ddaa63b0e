"""Describes the layers of a network before there are any numbers in them: arrays, buffers, counts; no NumPy.

`mlpcli.config.plan` writes a specification from a config. `mlpcli.nn` builds the layers from it, checkpoints
are checked against it, and ``count-params`` and the forecast of memory add it up.

The counts are those of the CS231n notes, Neural Networks 1, "Sizing neural networks": the input is no
layer, and a fully-connected layer of fan_out neurons has fan_in x fan_out weights and fan_out biases.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Literal, TypeAlias

__all__ = ["COUNTS", "ArraySpec", "BufferSpec", "Count", "LayerSpec", "NetworkSpec", "WeightLayer"]

Count: TypeAlias = Literal["weights", "biases", "slopes", "norm_parameters", "projections"]

# What each kind of parameter is called where a network is counted.
COUNTS: dict[Count, str] = {
    "weights": "weights",
    "biases": "biases",
    "slopes": "slopes",
    "norm_parameters": "gamma, beta",
    "projections": "projections",
}


@dataclass(frozen=True)
class ArraySpec:
    """An array that a layer owns: W is its ``role`` in the layer, W1 its ``name`` in the network.

    ``count`` says which parameters it belongs to; None marks state, which is kept from batch to batch but not
    learned by gradient. Penalties act on the arrays that are ``penalized``, the matrices. State may be
    ``non_negative``, as a variance is.
    """

    role: str
    name: str
    shape: tuple[int, ...]
    count: Count | None = None
    penalized: bool = False
    non_negative: bool = False

    @property
    def size(self) -> int:
        """Return the number of entries."""
        return prod(self.shape)


@dataclass(frozen=True)
class BufferSpec:
    """A buffer of ``width`` numbers for each row of a batch, known to its layer as ``role``.

    It holds numbers of the network's type, or booleans if it is a ``mask``. Outputs, and what else the
    forward pass ``keeps`` for the backward pass, count as activations; the rest is scratch space.
    """

    role: str
    width: int
    keeps: bool = False
    mask: bool = False


@dataclass(frozen=True)
class LayerSpec:
    """One layer: its ``kind``, which names its class in `mlpcli.nn.layers`, and all that the class needs.

    ``number`` is that of the layer of weights that it belongs to, from 1. A row has ``fan_in`` numbers before
    the layer and ``fan_out`` after it. ``settings`` are those of the config. A residual layer has ``inner``
    layers.
    """

    kind: str
    number: int
    fan_in: int
    fan_out: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[ArraySpec, ...] = ()
    state: tuple[ArraySpec, ...] = ()
    buffers: tuple[BufferSpec, ...] = ()
    inner: tuple[LayerSpec, ...] = ()


@dataclass(frozen=True)
class WeightLayer:
    """What a numbered layer holds: the Dense layer and all that belongs to it.

    It has ``fan_out`` neurons, each of which takes ``pieces`` weighted sums (1, except in maxout) of
    ``fan_in`` numbers.
    """

    fan_in: int
    fan_out: int
    pieces: int
    counts: Mapping[Count, int]

    @property
    def parameters(self) -> int:
        """Return how many numbers the layer learns."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class NetworkSpec:
    """A whole network: its layers in order.

    ``widths`` is (inputs, hidden ..., outputs). FLOPs are multiplications and additions; those of activations
    and of the optimizer are not counted.
    """

    widths: tuple[int, ...]
    layers: tuple[LayerSpec, ...]

    def walk(self) -> Iterator[LayerSpec]:
        """Yield every layer, those inside residual layers included, in the order of the forward pass."""
        for layer in self.layers:
            yield from layer.inner
            yield layer

    @cached_property
    def parameters(self) -> tuple[ArraySpec, ...]:
        """Return the arrays that are learned."""
        return tuple(array for layer in self.walk() for array in layer.parameters)

    @property
    def state(self) -> tuple[ArraySpec, ...]:
        """Return the arrays that are kept without being learned by gradient."""
        return tuple(array for layer in self.walk() for array in layer.state)

    @property
    def neurons(self) -> int:
        """Return the number of neurons; the inputs are none."""
        return sum(self.widths[1:])

    def count(self, what: Count | None = None) -> int:
        """Return the number of weights, of biases, ..., or of all parameters."""
        return sum(array.size for array in self.parameters if what in (None, array.count))

    def weight_layers(self) -> list[WeightLayer]:
        """Return what each numbered layer holds, in order; the last is the output layer."""
        counts = [dict.fromkeys(COUNTS, 0) for _ in self.widths[1:]]
        for layer in self.walk():
            for array in layer.parameters:
                if array.count is not None:
                    counts[layer.number - 1][array.count] += array.size
        pairs = zip(itertools.pairwise(self.widths), counts, strict=True)
        return [
            WeightLayer(fan_in, fan_out, of_layer["biases"] // fan_out, of_layer)
            for (fan_in, fan_out), of_layer in pairs
        ]

    @property
    def activations(self) -> int:
        """Return how many numbers an example leaves behind for the backward pass, its inputs included."""
        return self.widths[0] + self._buffered(keeps=True, mask=False)

    @property
    def scratch(self) -> int:
        """Return how many more numbers an example takes in the layers' buffers."""
        return self._buffered(keeps=False, mask=False)

    @property
    def masks(self) -> int:
        """Return how many booleans an example takes in the layers' buffers."""
        return self._buffered(keeps=False, mask=True) + self._buffered(keeps=True, mask=True)

    def _buffered(self, *, keeps: bool, mask: bool) -> int:
        return sum(
            buffer.width
            for layer in self.walk()
            for buffer in layer.buffers
            if (buffer.keeps, buffer.mask) == (keeps, mask)
        )

    @property
    def forward_flops(self) -> int:
        """Return the FLOPs of one example's forward pass: two for each weight, one for each bias."""
        return 2 * self._matrices(first=1) + self.count("biases")

    @property
    def step_flops(self) -> int:
        """Return the FLOPs of one example in a training step.

        Forward, then dW = X.T dY (two for each weight), db (one for each bias) and dX = dY W.T (two for each
        weight), which the first layer does not need.
        """
        return 2 * self.forward_flops + 2 * self._matrices(first=2)

    def _matrices(self, first: int) -> int:
        return sum(
            array.size
            for layer in self.walk()
            for array in layer.parameters
            if array.penalized and layer.number >= first
        )
