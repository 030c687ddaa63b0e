"""The network: a list of layers over one flat parameter array."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.activations import Activation
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.layers import Dense, Dropout, Layer, Noise, Rngs
from mlpcli.nn.parameters import Parameters

__all__ = ["Network"]


class Network:
    """A multilayer perceptron.

    ``widths`` is (inputs, hidden ..., outputs); ``activations`` and ``inits`` have one entry per layer
    of weights. The output layer's activation is None: losses work from logits. ``inits`` are names from
    INITIALIZERS. ``dropouts`` has the probability for the inputs and then for each hidden layer's outputs,
    ``noise`` is the standard deviation of noise on the inputs; both act in training alone. Parameters are
    zero until `initialize` or a checkpoint fills ``parameters.values``.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activations: Sequence[Activation | None],
        inits: Sequence[str],
        dtype: Any = np.float32,
        *,
        dropouts: Sequence[float] = (),
        noise: float = 0,
    ) -> None:
        self.widths = tuple(widths)
        self.dtype = np.dtype(dtype)
        self.dense: list[Dense] = []
        self.layers: list[Layer] = [Noise(noise, widths[0], self.dtype)] if noise else []
        dropouts = dropouts or [0.0] * (len(widths) - 1)
        for number, (fan_in, fan_out) in enumerate(itertools.pairwise(widths), start=1):
            if dropouts[number - 1]:
                self.layers.append(Dropout(dropouts[number - 1], fan_in, self.dtype))
            activation = activations[number - 1]
            pieces = 1 if activation is None else activation.pieces
            std = INITIALIZERS[inits[number - 1]](fan_in, fan_out)
            dense = Dense(number, fan_in, fan_out * pieces, std, self.dtype)
            self.dense.append(dense)
            self.layers.append(dense)
            if activation is not None:
                self.layers.append(activation.layer(number, fan_out, self.dtype))
        self.parameters = Parameters([p for layer in self.layers for p in layer.parameters()], self.dtype)
        for each in self.layers:
            each.bind(self.parameters)
        self._n = -1

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the first weights, layer by layer from ``rng``."""
        for layer in self.layers:
            layer.initialize(rng)

    def forward(self, X: NDArray[Any], rngs: Rngs | None = None) -> NDArray[Any]:
        """Return the logits (n, outputs) of X (n, inputs), in a buffer that the next call reuses.

        ``rngs`` are the streams "dropout" and "noise" of a training step; without them nothing is random.
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
