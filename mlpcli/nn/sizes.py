"""Counts what a network holds and costs, from its layer sizes alone; needs no NumPy.

The counts are those of the CS231n notes, Neural Networks 1, "Sizing neural networks": the input is no
layer, and a fully-connected layer of fan_out neurons has fan_in x fan_out weights and fan_out biases.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LayerSize", "NetworkSize"]


@dataclass(frozen=True)
class LayerSize:
    """A fully-connected layer of ``fan_out`` neurons on ``fan_in`` inputs.

    A neuron takes ``pieces`` weighted sums (1, but for maxout) and learns ``slopes`` numbers more (prelu: 1).
    Each weighted sum learns ``norms`` numbers more (2, gamma and beta, where the batch is normalised).
    """

    fan_in: int
    fan_out: int
    pieces: int = 1
    slopes: int = 0
    norms: int = 0

    @property
    def weights(self) -> int:
        """Entries of W (fan_in, fan_out pieces)."""
        return self.fan_in * self.fan_out * self.pieces

    @property
    def biases(self) -> int:
        """Entries of b (fan_out pieces,)."""
        return self.fan_out * self.pieces

    @property
    def learned_slopes(self) -> int:
        """Entries of a (fan_out,), the slopes of a prelu."""
        return self.fan_out * self.slopes

    @property
    def norm_parameters(self) -> int:
        """Entries of gamma and beta (fan_out pieces,), the parameters of batch normalisation."""
        return self.fan_out * self.pieces * self.norms

    @property
    def parameters(self) -> int:
        """Everything in the layer that is learned."""
        return self.weights + self.biases + self.learned_slopes + self.norm_parameters


@dataclass(frozen=True)
class NetworkSize:
    """Layers in order, the output layer last."""

    layers: tuple[LayerSize, ...]

    @classmethod
    def of(cls, widths: Sequence[int], kinds: Sequence[tuple[int, int, int]] | None = None) -> NetworkSize:
        """Size the network with ``widths`` (inputs, hidden layers ..., outputs), as in 3, 4, 4, 1.

        ``kinds`` gives pieces, slopes and norms of each layer where they are not 1, 0 and 0.
        """
        pairs = list(itertools.pairwise(widths))
        kinds = kinds or [(1, 0, 0)] * len(pairs)
        return cls(tuple(LayerSize(*pair, *kind) for pair, kind in zip(pairs, kinds, strict=True)))

    @property
    def neurons(self) -> int:
        """Neurons of all layers; the inputs are none."""
        return sum(layer.fan_out for layer in self.layers)

    @property
    def weights(self) -> int:
        """Weights of all layers."""
        return sum(layer.weights for layer in self.layers)

    @property
    def biases(self) -> int:
        """Biases of all layers."""
        return sum(layer.biases for layer in self.layers)

    @property
    def slopes(self) -> int:
        """Learned slopes of all layers."""
        return sum(layer.learned_slopes for layer in self.layers)

    @property
    def norm_parameters(self) -> int:
        """Parameters of batch normalisation in all layers."""
        return sum(layer.norm_parameters for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Everything that is learned."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def activations(self) -> int:
        """Numbers an example leaves behind for the backward pass.

        Its inputs, all outputs, the sums that maxout chooses from and those that are normalised.
        """
        sums = [layer.fan_out * layer.pieces for layer in self.layers if layer.pieces > 1]
        sums += [layer.biases for layer in self.layers if layer.norms]
        return self.layers[0].fan_in + sum(sums) + self.neurons

    @property
    def forward_flops(self) -> int:
        """Multiplications and additions of one example's forward pass: two a weight, one a bias."""
        return 2 * self.weights + self.biases

    @property
    def step_flops(self) -> int:
        """The same for one example of a training step.

        Forward, then dW = X.T dY (two a weight), db (one a bias) and dX = dY W.T (two a weight), which
        the first layer does not need. Activations and the optimizer's arithmetic are not counted.
        """
        return 2 * self.forward_flops + 2 * sum(layer.weights for layer in self.layers[1:])
