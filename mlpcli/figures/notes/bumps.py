"""The notes' figure of a sum of indicator bumps: a network whose weights are set by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlpcli.config.plan import plan_network
from mlpcli.config.schema import Model
from mlpcli.figures.style import LINE_COLOURS, new_figure, styled
from mlpcli.nn.network import Network

__all__ = ["bump_network", "draw_bumps"]

_COUNTS = (4, 8, 16, 32)
_END = 2 * np.pi
_STEEP = 30.0  # the weight of x, times the width of a bump


def bump_network(n: int) -> Network:
    """Return a network that approximates a sine from 0 to 2 pi as a sum of ``n`` bumps, without training.

    Bump i is c sigmoid(k (x - a)) - c sigmoid(k (x - b)), two hidden units; its height c is the value of the
    sine in the middle between a and b (CS231n notes, Neural Networks 1, "Representational power").
    """
    edges = np.linspace(0, _END, n + 1)
    k = _STEEP * n / _END
    model = Model.model_validate({"hidden": [2 * n], "activation": "sigmoid"})
    network = Network(plan_network(model, (1, 2 * n, 1)), np.float64)
    hidden, output = network.dense
    hidden.W[...] = k
    hidden.b[0::2], hidden.b[1::2] = -k * edges[:-1], -k * edges[1:]
    heights = np.sin((edges[:-1] + edges[1:]) / 2)
    output.W[0::2, 0], output.W[1::2, 0] = heights, -heights
    return network


def _single_bumps(network: Network, x: NDArray[Any]) -> list[NDArray[Any]]:
    """Return what each pair of hidden units adds to the output for inputs x (n, 1)."""
    W = network.dense[1].W
    heights, bumps = W.copy(), []
    for i in range(0, len(W), 2):
        W[...] = 0
        W[i : i + 2] = heights[i : i + 2]
        bumps.append(network.forward(x)[:, 0].copy())
    W[...] = heights
    return bumps


@styled
def draw_bumps() -> Figure:
    """Draw a sine and its approximations by more and more bumps, with the single bumps and the errors."""
    figure = new_figure(8.6, 6.4)
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    x = np.linspace(0, _END, 1601)[:, None]
    for axes, n in zip(panels.flat, _COUNTS, strict=True):
        network = bump_network(n)
        y = network.forward(x)[:, 0].copy()
        error = np.sqrt(np.mean((y - np.sin(x[:, 0])) ** 2))
        for bump in _single_bumps(network, x):
            high = np.abs(bump) > 1e-3  # elsewhere a fill would only make the file large
            axes.fill_between(x[high, 0], bump[high], color=LINE_COLOURS[4], alpha=0.18, linewidth=0)
            axes.plot(x[:, 0], bump, color=LINE_COLOURS[4], linewidth=0.8, label="a single bump")
        axes.plot(x[:, 0], np.sin(x[:, 0]), "--", color=LINE_COLOURS[1], linewidth=1.6, label="the sine")
        axes.plot(x[:, 0], y, color=LINE_COLOURS[0], linewidth=1.8, label="the network: the sum of all bumps")
        axes.set_title(f"{n} bumps: {2 * n} sigmoid units\nroot mean squared error {error:.3f}")
        axes.set_xticks([0, np.pi, _END], ["0", "π", "2π"])
        axes.grid(True)
    for axes in panels[-1]:
        axes.set_xlabel("x")
    handles = dict(zip(*panels[0, 0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    return figure
