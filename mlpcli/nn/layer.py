"""What all layers have in common.

All layers keep the following contract. A batch has ``n`` rows. A layer is made from its `LayerSpec`, which
lists its arrays and buffers. Each becomes an attribute named after its role, for example ``W``; its gradient
is ``dW``.

- ``bind(store)`` gets the layer's views of its parameters and their gradients, and ``use(engine)`` what
  multiplies its matrices.
- ``initialize(rng)`` gives parameters and state their first values.
- ``resize(n)`` prepares the buffers for batches of n rows; nothing else allocates memory.
- ``forward(X, rngs)`` takes X (n, fan_in) and returns Y (n, fan_out), in a buffer that the layer may share
  with the one before it. ``rngs`` are the random streams of a training step, by name; None means evaluation,
  in which nothing is random and nothing is kept.
- ``backward(dY)`` takes the gradient of the loss with respect to Y, fills the gradients of the layer's
  parameters and returns the gradient with respect to X. It may overwrite dY and everything that forward
  stored. The first Dense layer returns None, since the gradient with respect to the network's inputs is not
  needed. A backward pass follows the forward pass of a training step.
- If ``decay`` is not 0, backward adds the gradients of weights to what was there, times decay. Those of
  other parameters, which are few, it fills as ever; the network adds them.

In a network of k members the rows of the first one come first, and each has n / k. Where all have the same
inputs, the layers before the initial weights may get these once, as n / k rows.

A ``cohort`` of k networks of one shape takes its training steps side by side. All arrays then have one more
axis, the first, of length k; a vector of parameters is (k, 1, units), and ``rngs`` are those of each network.
Each network gets the bytes that it would have alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Buffer, Scratch
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.parameters import Parameters
from mlpcli.nn.products import Engine
from mlpcli.specs import ArraySpec, BufferSpec, LayerSpec

__all__ = ["AllRngs", "Array", "Cohort", "Layer", "Rngs", "RowSum", "draw_weights", "set_biases"]

Array: TypeAlias = NDArray[Any]
Rngs: TypeAlias = Mapping[str, np.random.Generator]
AllRngs: TypeAlias = "Rngs | Sequence[Rngs]"  # of a network alone, or of each in a cohort
Cohort: TypeAlias = "tuple[()] | tuple[int]"  # a network alone, or the number of networks


class RowSum:
    """The sum over the rows of a batch, as a product with a vector of ones: at the speed of BLAS.

    ``like(Y)`` prepares it for arrays as Y (n, units), of a ``cohort`` (k, n, units), and
    ``into(dY, db)`` writes the sum into db (units,), or (k, 1, units).
    """

    def __init__(self, cohort: Cohort) -> None:
        self._made = Scratch(lambda shape, dtype: np.ones(shape[-2] if not cohort else (1, shape[-2]), dtype))
        self._multiply = np.matmul if cohort else np.dot

    def like(self, Y: Array) -> None:
        """Prepare for arrays of the shape and dtype of Y."""
        self._ones = self._made.like(Y)

    def into(self, dY: Array, db: Array) -> None:
        """Write the sum of the rows of dY into db."""
        self._multiply(self._ones, dY, db)


class _Made(NamedTuple):
    """A buffer that has been made elsewhere."""

    array: Array

    def rows(self, n: int) -> Array:  # noqa: ARG002
        return self.array


class Layer:
    """The base of all layers; the contract is at the top of this file.

    ``Y`` is the output of the last batch. ``is_activation`` marks the layer that ends a hidden layer. Units
    saturate near the ``limits`` of their outputs, if they have any. Units that ``can_die`` are dead when they
    output 0 for every example. ``moves`` says that a training step moves the layer's state.
    """

    Y: Array
    decay: float = 0
    is_activation: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    limits: tuple[float, float] | None = None
    can_die: bool = False

    def __init__(self, spec: LayerSpec, dtype: Any, cohort: Cohort = ()) -> None:
        self.spec, self.cohort = spec, cohort
        self.state: dict[str, Array] = {}
        self.move({array.name: np.zeros((*cohort, *array.shape), dtype) for array in spec.state})
        self._buffers: dict[str, Buffer | _Made] = {
            buffer.role: Buffer(buffer.width, np.bool_ if buffer.mask else dtype, cohort)
            for buffer in spec.buffers
        }

    def move(self, state: Mapping[str, Array]) -> None:
        """Keep the state in these arrays, by name, from now on."""
        for array in self.spec.state:
            self.state[array.name] = state[array.name]
            setattr(self, array.role, self._shaped(state[array.name], array))

    def _shaped(self, values: Array, array: ArraySpec) -> Array:
        """Return the values of an array in the shape in which those of a batch meet them."""
        return values[:, None] if self.cohort and len(array.shape) == 1 else values

    def bind(self, store: Parameters) -> None:
        """Get the views of the parameters and their gradients."""
        for array in self.spec.parameters:
            setattr(self, array.role, self._shaped(store.view(array.name), array))
            setattr(self, f"d{array.role}", self._shaped(store.gradient(array.name), array))

    def use(self, engine: Engine) -> None:
        """Let ``engine`` multiply the layer's matrices."""
        self.engine = engine

    def initialize(self, rng: np.random.Generator) -> None:
        """Give parameters and state their first values."""

    def resize(self, n: int) -> None:
        """Prepare the buffers for n rows."""
        for role, buffer in self._buffers.items():
            setattr(self, role, buffer.rows(n))

    def _by_network(self, rngs: AllRngs, array: Array) -> Iterable[tuple[Rngs, Array]]:
        """Return the random streams of each network, with its part of an array."""
        if self.cohort:
            return zip(rngs, array, strict=True)  # type: ignore[arg-type]
        return ((rngs, array),)  # type: ignore[return-value]

    def with_buffers(self, make: Callable[[BufferSpec], Array]) -> Layer:
        """Return the layer for one row, with the same parameters and with buffers that ``make`` makes.

        The forward pass then computes with whatever these are and X is, as long as NumPy's functions take it.
        """
        layer = copy(self)
        layer._buffers = {spec.role: _Made(make(spec)) for spec in self.spec.buffers}
        layer.resize(1)
        return layer

    def forward(self, X: Array, rngs: AllRngs | None = None, /) -> Array:
        """Turn X into Y."""
        raise NotImplementedError

    def backward(self, dY: Array, /) -> Array | None:
        """Turn dY into dX."""
        raise NotImplementedError


def draw_weights(spec: LayerSpec, W: Array, rng: np.random.Generator, units: int) -> NDArray[np.float64]:
    """Draw initial weights in the shape of W (fan_in, columns) for a layer with ``units`` units."""
    settings = {
        key: value
        for key, value in spec.settings["init"].items()
        if key not in ("name", "bias", "bias_spread")
    }
    return INITIALIZERS[spec.settings["init"]["name"]](**settings)(rng, W.shape, units)


def set_biases(spec: LayerSpec, b: Array, rng: np.random.Generator) -> None:
    """Set all biases to one value, or draw them evenly from a range around it."""
    b[...], spread = spec.settings["init"]["bias"], spec.settings["init"]["bias_spread"]
    if spread:
        b += rng.uniform(-spread, spread, b.shape)
