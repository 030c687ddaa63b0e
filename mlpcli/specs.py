"""Specifications of layers: the arrays and buffers that they need, and the counts; without NumPy.

`mlpcli.config.plan` makes a specification from a config. `mlpcli.nn` builds the layers from it, checkpoints
are checked against it, and ``count-params`` and the memory forecast add up its sizes.

Counts follow the CS231n notes, Neural Networks 1, "Sizing neural networks": the input does not count as a
layer, and a fully connected layer of fan_out neurons has fan_in x fan_out weights and fan_out biases.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Literal, TypeAlias

__all__ = ["COUNTS", "ArraySpec", "BufferSpec", "Count", "LayerSpec", "NetworkSpec", "WeightLayer", "Window"]

Count: TypeAlias = Literal["weights", "biases", "slopes", "norm_parameters", "projections", "linear_path"]

# The name of each kind of parameter in the output of count-params.
COUNTS: dict[Count, str] = {
    "weights": "weights",
    "biases": "biases",
    "slopes": "slopes",
    "norm_parameters": "gamma, beta",
    "projections": "projections",
    "linear_path": "linear path",
}


@dataclass(frozen=True)
class ArraySpec:
    """An array of a layer: for example, its ``role`` in the layer is W and its ``name`` in the network is W1.

    ``count`` is the kind of parameter that it is counted as. None marks state, which is kept from batch to
    batch but not learned by gradient descent. Penalties act on the ``penalized`` arrays, the matrices. State
    that is ``non_negative``, such as a variance, is checked for that when a checkpoint is read.
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
    """A buffer of ``width`` numbers for each row of a batch, called ``role`` in its layer.

    It holds numbers of the network's type, or booleans if it is a ``mask``. Buffers that the forward pass
    ``keeps`` for the backward pass, including outputs, count as activations; the others are scratch space.
    """

    role: str
    width: int
    keeps: bool = False
    mask: bool = False


@dataclass(frozen=True)
class Window:
    """A square window that is moved over an image: what the units at each place of it see.

    The image has ``side`` x ``side`` pixels of ``channels`` numbers. It is either made of ``planes``, one
    for each channel, (channels, rows, columns); or, like what a layer of windows puts out, (rows, columns,
    channels). The window has ``size`` x ``size`` pixels, and is moved by ``stride`` pixels.
    """

    channels: int
    side: int
    size: int
    stride: int
    planes: bool

    @property
    def across(self) -> int:
        """Return how many places there are side by side, and one below the other."""
        return (self.side - self.size) // self.stride + 1

    @property
    def places(self) -> int:
        """Return the number of places."""
        return self.across**2

    @property
    def fan_in(self) -> int:
        """Return how many numbers a unit sees."""
        return self.size**2 * self.channels


@dataclass(frozen=True)
class LayerSpec:
    """One layer: its ``kind``, which names its class in `mlpcli.nn.layers`, and all that the class needs.

    ``number`` is the number, from 1, of the layer of weights that it belongs to. A row has ``fan_in`` numbers
    before the layer and ``fan_out`` after it. ``settings`` come from the config. A residual layer and a
    linear path have ``inner`` layers. Each example of a batch has ``rows`` rows in the buffers: one for each
    member of the network. A ``window`` says what the units of a locally connected layer see.
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
    rows: int = 1
    window: Window | None = None

    def walk(self) -> Iterator[LayerSpec]:
        """Yield the inner layers in the order of the forward pass, then the layer itself."""
        for layer in self.inner:
            yield from layer.walk()
        yield self


@dataclass(frozen=True)
class WeightLayer:
    """A numbered layer as it is counted: the layer of weights and everything that belongs to it.

    It has ``fan_out`` neurons, in each member of the network. Each neuron computes ``pieces`` weighted sums
    of the ``fan_in`` numbers that it sees, 1 except in maxout; where there are several members, those of all
    count. They are all numbers of the layer before, or those in a ``window``.
    """

    fan_in: int
    fan_out: int
    pieces: int
    counts: Mapping[Count, int]
    window: Window | None = None

    @property
    def parameters(self) -> int:
        """Return the number of parameters of the layer."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class NetworkSpec:
    """A whole network: its layers in order.

    ``widths`` is (inputs, hidden ..., outputs). There may be several ``members``, networks of the same
    widths. FLOPs are multiplications and additions; the activations and the optimizer are not counted.
    """

    widths: tuple[int, ...]
    layers: tuple[LayerSpec, ...]
    members: int = 1

    def walk(self) -> Iterator[LayerSpec]:
        """Yield every layer in the order of the forward pass, including those inside others."""
        for layer in self.layers:
            yield from layer.walk()

    @cached_property
    def parameters(self) -> tuple[ArraySpec, ...]:
        """Return the arrays that are learned."""
        return tuple(array for layer in self.walk() for array in layer.parameters)

    @property
    def state(self) -> tuple[ArraySpec, ...]:
        """Return the arrays that are kept from batch to batch but not learned by gradient descent."""
        return tuple(array for layer in self.walk() for array in layer.state)

    @property
    def neurons(self) -> int:
        """Return the number of neurons, without the inputs."""
        return self.members * sum(self.widths[1:])

    def count(self, what: Count | None = None) -> int:
        """Return the number of weights, or biases, and so on; or of all parameters."""
        return sum(array.size for array in self.parameters if what in (None, array.count))

    def weight_layers(self) -> list[WeightLayer]:
        """Return the numbered layers in order; the last one is the output layer."""
        counts = [dict.fromkeys(COUNTS, 0) for _ in self.widths[1:]]
        for layer in self.walk():
            for array in layer.parameters:
                if array.count is not None:
                    counts[layer.number - 1][array.count] += array.size
        windows = {layer.number: layer.window for layer in self.walk() if layer.window is not None}
        found = []
        for number, (fan_in, fan_out) in enumerate(itertools.pairwise(self.widths), 1):
            of_layer, window = counts[number - 1], windows.get(number)
            seen = fan_in if window is None else window.fan_in
            found.append(
                WeightLayer(seen, fan_out, of_layer["weights"] // (seen * fan_out), of_layer, window)
            )
        return found

    @property
    def activations(self) -> int:
        """Return how many numbers are kept per example for the backward pass, including its inputs."""
        return self.members * self.widths[0] + self._buffered(keeps=True, mask=False)

    @property
    def scratch(self) -> int:
        """Return how many more numbers the layers' buffers hold per example."""
        return self._buffered(keeps=False, mask=False)

    @property
    def masks(self) -> int:
        """Return how many booleans the layers' buffers hold per example."""
        return self._buffered(keeps=False, mask=True) + self._buffered(keeps=True, mask=True)

    def _buffered(self, *, keeps: bool, mask: bool) -> int:
        return sum(
            layer.rows * buffer.width
            for layer in self.walk()
            for buffer in layer.buffers
            if (buffer.keeps, buffer.mask) == (keeps, mask)
        )

    @property
    def forward_flops(self) -> int:
        """Return the FLOPs of a forward pass per example: two for each weight, one for each bias."""
        return 2 * self._products(backward=False) + self.count("biases")

    @property
    def step_flops(self) -> int:
        """Return the FLOPs of a training step per example.

        They are those of the forward pass, of dW = X.T dY (two for each weight), of db (one for each bias)
        and of dX = dY W.T (two for each weight), which layers on the inputs do not need.
        """
        return 2 * self.forward_flops + 2 * self._products(backward=True)

    def _products(self, *, backward: bool) -> int:
        """Return the weights that an example meets; with ``backward``, those of layers that compute dX."""
        return sum(
            array.size
            for layer in self.walk()
            for array in layer.parameters
            if array.penalized and (not backward or any(buffer.role == "dX" for buffer in layer.buffers))
        )
