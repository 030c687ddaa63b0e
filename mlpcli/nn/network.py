"""The network: a list of layers over one flat parameter array."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.layer import AllRngs, Cohort, Layer
from mlpcli.nn.layers import LAYERS, Clip, Dense, LinearPath, MembersDense, Residual
from mlpcli.nn.local import Local
from mlpcli.nn.parameters import Parameters
from mlpcli.nn.products import Engine
from mlpcli.specs import NetworkSpec

__all__ = ["HiddenLayer", "Network"]


class HiddenLayer(NamedTuple):
    """A hidden layer of the network, which consists of several `Layer` objects.

    ``activation`` computes the activations of the units; ``output`` computes the output of the hidden layer.
    They differ in a residual layer, which adds its input to the activations.
    """

    activation: Layer
    output: Layer


class Network:
    """A multilayer perceptron, built as ``spec`` describes it.

    ``dense`` are the layers of weights, of which the last is the output layer, and ``hidden`` the hidden
    layers, both in order. ``stack`` are all layers from the inputs to the outputs, and ``path`` the linear
    path around them, if there is one; ``all_layers`` has also those inside others; ``clip`` keeps the outputs
    within a range. ``moving`` are the arrays of ``state`` that a training step moves. Where there are several
    members, ``average`` makes one prediction of theirs, as `Loss.average` does. ``engine`` multiplies the
    matrices of a network in float32; those of another one are multiplied by NumPy. Parameters are zero until
    `initialize` or a checkpoint fills ``parameters.values`` and ``state``. A network can be
    copied and pickled, without its gradients, if ``average`` can.

    A ``cohort`` of k networks is trained as one: all of its arrays have a first axis of length k.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        dtype: Any = np.float32,
        average: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        engine: Engine | None = None,
        cohort: Cohort = (),
    ) -> None:
        self.spec, self.widths, self.members = spec, spec.widths, spec.members
        self.dtype = np.dtype(dtype)
        self._average = average
        self.engine = Engine() if engine is None or self.dtype != np.float32 else engine
        self.layers = [LAYERS[layer.kind](layer, self.dtype, cohort) for layer in spec.layers]
        self.all_layers = list(_walk(self.layers))
        self.dense = [layer for layer in self.all_layers if isinstance(layer, (Dense, MembersDense, Local))]
        self.hidden = _hidden(self.layers)
        self.path = next((layer for layer in self.layers if isinstance(layer, LinearPath)), None)
        self.clip = next((layer for layer in self.layers if isinstance(layer, Clip)), None)
        self.stack = self.layers if self.path is None else self.path.inner
        self.parameters = Parameters(spec.parameters, self.dtype, cohort)
        self.state = {name: array for layer in self.all_layers for name, array in layer.state.items()}
        for each in self.all_layers:
            each.bind(self.parameters)
            each.use(self.engine)
        self._n = -1
        self._decay = 0.0
        self._take_views()

    def _take_views(self) -> None:
        self.moving = [array for layer in self.all_layers if layer.moves for array in layer.state.values()]
        self._few = self.parameters.gradients[..., self.parameters.n_penalized :]
        self._few_before = np.zeros_like(self._few)

    def sum_gradients(self, decay: float) -> None:
        """Let each backward pass add the gradients to what is there, times ``decay``: g <- decay g + dw."""
        self._decay = decay
        for layer in self.all_layers:
            layer.decay = decay

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy the numbers alone: layers hold views of them, and buffers that are made anew."""
        values, state = self.parameters.values, self.state
        return _restored, (self.spec, self.dtype, self._average, self.engine, values, state)

    def move(self, values: NDArray[Any], gradients: NDArray[Any], state: Mapping[str, NDArray[Any]]) -> None:
        """Keep all numbers in these arrays from now on, parameters and ``state``, as they are."""
        self.parameters.move(values, gradients)
        for layer in self.all_layers:
            for name, array in layer.state.items():
                np.copyto(state[name], array)
            layer.move(state)
            layer.bind(self.parameters)
            self.state |= layer.state
        self._take_views()

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the initial weights, layer by layer from ``rng``."""
        for layer in self.all_layers:
            layer.initialize(rng)

    def forward(self, X: NDArray[Any], rngs: AllRngs | None = None) -> NDArray[Any]:
        """Return the logits (members n, outputs) of X (members n, inputs), in a buffer that is used again.

        The rows of the first member come first. ``rngs`` are the streams "dropout", "noise" and "noise_pool"
        of a training step. Without them, the network is evaluated: nothing is random, ``state`` does not
        change, and the logits of a row do not depend on other rows.
        """
        return self._run(X, X.shape[-2] // self.members, rngs)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits (n, outputs) of X (n, inputs) in evaluation, of all members together.

        Those of a single member are in a buffer that the next call reuses.
        """
        logits = self._run(X, len(X), None)
        if self._average is None or self.members == 1:
            return logits
        return self._average(logits.reshape(self.members, *X.shape[:1], -1))

    def _run(self, X: NDArray[Any], n: int, rngs: AllRngs | None) -> NDArray[Any]:
        if n != self._n:
            self._n = n
            for layer in self.all_layers:
                layer.resize(n * self.members)
        for layer in self.layers:
            X = layer.forward(X, rngs)
        return X

    def backward(self, dlogits: NDArray[Any]) -> None:
        """Fill ``parameters.gradients``, or add to them, as `sum_gradients` says.

        ``dlogits`` is the gradient of the loss with respect to the logits of the last forward pass.
        """
        if self._decay:
            np.multiply(self._few, self._decay, out=self._few_before)
        gradient = dlogits
        for layer in reversed(self.layers):
            dX = layer.backward(gradient)
            if dX is None:  # no layer before the initial weights has parameters
                break
            gradient = dX
        if self._decay:
            self._few += self._few_before


def _restored(
    spec: NetworkSpec,
    dtype: Any,
    average: Callable[[NDArray[Any]], NDArray[Any]] | None,
    engine: Engine,
    values: NDArray[Any],
    state: dict[str, NDArray[Any]],
) -> Network:
    network = Network(spec, dtype, average, engine)
    network.parameters.values[...] = values
    for name, array in state.items():
        network.state[name][...] = array
    return network


def _walk(layers: list[Layer]) -> Iterator[Layer]:
    """Yield every layer, the inner layers of another one before it, as `NetworkSpec.walk` does."""
    for layer in layers:
        if isinstance(layer, (Residual, LinearPath)):
            yield from _walk(layer.inner)
        yield layer


def _hidden(layers: list[Layer]) -> list[HiddenLayer]:
    """Return the hidden layers; each ends with an activation, or with the residual layer around it."""
    hidden = []
    for layer in layers:
        if isinstance(layer, LinearPath):
            hidden += _hidden(layer.inner)
        elif isinstance(layer, Residual):
            hidden.append(HiddenLayer(layer.inner[-1], layer))
        elif layer.is_activation:
            hidden.append(HiddenLayer(layer, layer))
    return hidden
