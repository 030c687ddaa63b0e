"""The network: a list of layers over one flat parameter array."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.activations import Activation
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.layers import Dense, Layer
from mlpcli.nn.parameters import Parameters

__all__ = ["Network"]


class Network:
    """A multilayer perceptron.

    ``widths`` is (inputs, hidden ..., outputs); ``activations`` and ``inits`` have one entry per layer
    of weights. The output layer's activation is None: losses work from logits. ``inits`` are names from
    INITIALIZERS. Parameters are zero until `initialize` or a checkpoint fills ``parameters.values``.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activations: Sequence[Activation | None],
        inits: Sequence[str],
        dtype: Any = np.float32,
    ) -> None:
        self.widths = tuple(widths)
        self.dtype = np.dtype(dtype)
        self.dense: list[Dense] = []
        self.layers: list[Layer] = []
        for number, (fan_in, fan_out) in enumerate(itertools.pairwise(widths), start=1):
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

    def forward(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits (n, outputs) of X (n, inputs), in a buffer that the next call reuses."""
        if len(X) != self._n:
            self._n = len(X)
            for layer in self.layers:
                layer.resize(self._n)
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, dlogits: NDArray[Any]) -> None:
        """Fill ``parameters.gradients`` from the gradient of the loss by the logits of the last forward."""
        gradient: NDArray[Any] | None = dlogits
        for layer in reversed(self.layers):
            assert gradient is not None
            gradient = layer.backward(gradient)
