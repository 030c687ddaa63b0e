"""The network: a list of layers over one flat parameter array."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.activations import Activation
from mlpcli.nn.initializers import Initializer
from mlpcli.nn.layers import BatchNorm, Dense, Dropout, Layer, Noise, Rngs
from mlpcli.nn.parameters import Parameters

__all__ = ["Network"]


class Network:
    """A multilayer perceptron.

    ``widths`` is (inputs, hidden ..., outputs); ``activations``, ``inits`` and ``biases`` (the first weights
    and biases) have one entry per layer of weights. The output layer's activation is None: losses work from
    logits. ``batch_norms`` says of each hidden layer whether its weighted sums are normalised before the
    activation. ``dropouts`` has the probability for the inputs and then for each hidden layer's outputs,
    ``noise`` is the standard deviation of noise on the inputs; both act in training alone. Parameters are
    zero until `initialize` or a checkpoint fills ``parameters.values`` and ``state``.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activations: Sequence[Activation | None],
        inits: Sequence[Initializer],
        dtype: Any = np.float32,
        *,
        biases: Sequence[float] = (),
        batch_norms: Sequence[bool] = (),
        dropouts: Sequence[float] = (),
        noise: float = 0,
    ) -> None:
        self.widths = tuple(widths)
        self.dtype = np.dtype(dtype)
        self.dense: list[Dense] = []
        self.hidden: list[tuple[Activation, Layer]] = []  # activations with the layers that they made
        self.layers: list[Layer] = [Noise(noise, widths[0], self.dtype)] if noise else []
        n_layers = len(widths) - 1
        dropouts, biases = dropouts or [0.0] * n_layers, biases or [0.0] * n_layers
        batch_norms = [*(batch_norms or [False] * (n_layers - 1)), False]
        for number, (fan_in, fan_out) in enumerate(itertools.pairwise(widths), start=1):
            if dropouts[number - 1]:
                self.layers.append(Dropout(dropouts[number - 1], fan_in, self.dtype))
            activation = activations[number - 1]
            pieces = 1 if activation is None else activation.pieces
            dense = Dense(number, fan_in, fan_out, pieces, inits[number - 1], biases[number - 1], self.dtype)
            self.dense.append(dense)
            self.layers.append(dense)
            if batch_norms[number - 1]:
                self.layers.append(BatchNorm(number, dense.fan_out, self.dtype))
            if activation is not None:
                self.layers.append(activation.layer(number, fan_out, self.dtype))
                self.hidden.append((activation, self.layers[-1]))
        self.parameters = Parameters([p for layer in self.layers for p in layer.parameters()], self.dtype)
        for each in self.layers:
            each.bind(self.parameters)
        self.state = {name: array for layer in self.layers for name, array in layer.state().items()}
        self._n = -1

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the first weights, layer by layer from ``rng``."""
        for layer in self.layers:
            layer.initialize(rng)

    def forward(self, X: NDArray[Any], rngs: Rngs | None = None) -> NDArray[Any]:
        """Return the logits (n, outputs) of X (n, inputs), in a buffer that the next call reuses.

        ``rngs`` are the streams "dropout", "noise" and "noise_pool" of a training step. Without them it is an
        evaluation: nothing is random, ``state`` does not change, and no row's logits depend on other rows.
        """
        if len(X) != self._n:
            self._n = len(X)
            for layer in self.layers:
                layer.resize(self._n)
        for layer in self.layers:
            X = layer.forward(X, rngs)
        return X

    def backward(self, dlogits: NDArray[Any]) -> None:
        """Fill ``parameters.gradients`` from the gradient of the loss by the logits of the last forward."""
        gradient = dlogits
        for layer in reversed(self.layers):
            dX = layer.backward(gradient)
            if dX is None:  # what comes before the first weights has nothing to learn
                break
            gradient = dX
