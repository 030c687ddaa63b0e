"""The notes' figure of activation functions and their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlpcli.config.plan import UNITS
from mlpcli.figures.style import INK, LINE_COLOURS, new_figure, styled
from mlpcli.nn.layers import LAYERS
from mlpcli.nn.parameters import Parameters

__all__ = ["draw_activations"]

Array = NDArray[Any]

_Z = np.linspace(-4, 4, 801)
_DOTS = _Z[25::50]
_LEAK = 0.01  # the slope of the notes' leaky ReLU

# The panels: title, formula, name of the activation, its settings, and weights of maxout's pieces of z.
_PANELS: list[tuple[str, str, str, dict[str, Any], tuple[float, ...]]] = [
    ("sigmoid", "1 / (1 + exp(−z))", "sigmoid", {}, ()),
    ("tanh", "2 sigmoid(2z) − 1", "tanh", {}, ()),
    ("ReLU", "max(0, z)", "relu", {}, ()),
    ("leaky ReLU", "max(0.01 z, z)", "leaky_relu", {"alpha": _LEAK}, ()),
    ("PReLU", "max(0, z) + a min(0, z), learned a", "prelu", {"alpha": 0.25}, ()),
    ("maxout is ReLU", "largest of 0 z and 1 z", "maxout", {"pieces": 2}, (0.0, 1.0)),
    ("maxout is leaky ReLU", "largest of 0.01 z and 1 z", "maxout", {"pieces": 2}, (_LEAK, 1.0)),
    ("ELU", "z, or exp(z) − 1 below 0", "elu", {"alpha": 1.0}, ()),
    ("softplus", "log(1 + exp(z))", "softplus", {}, ()),
    ("SiLU", "z sigmoid(z)", "silu", {}, ()),
    ("GELU", "z times normal distribution", "gelu", {}, ()),
    ("Mish", "z tanh(softplus(z))", "mish", {}, ()),
]


def _curve(name: str, settings: dict[str, Any], weights: tuple[float, ...], z: Array) -> tuple[Array, Array]:
    """Return an activation of sums z (n,) and its derivative, by the layer that training uses.

    The derivative is the backward pass of a gradient of 1. The pieces of maxout are ``weights`` times z.
    """
    spec = UNITS[name].plan(1, 1, {"name": name, **settings})
    layer = LAYERS[spec.kind](spec, np.float64)
    layer.bind(Parameters(spec.parameters, np.dtype(np.float64)))
    layer.initialize(np.random.default_rng(0))
    layer.resize(len(z))
    W = np.array([weights or (1.0,)])
    y = layer.forward(z[:, None] @ W)[:, 0].copy()
    dX = layer.backward(np.ones((len(z), 1)))
    assert dX is not None
    return y, (dX @ W.T)[:, 0]


@styled
def draw_activations() -> Figure:
    """Draw the activation functions of the notes and newer ones, each with its derivative."""
    figure = new_figure(9.6, 7.4)
    panels = figure.subplots(3, 4, sharex=True, sharey=True)
    for axes, (title, formula, name, settings, weights) in zip(panels.flat, _PANELS, strict=True):
        y, slope = _curve(name, settings, weights, _Z)
        axes.plot(_Z, y, color=LINE_COLOURS[0], linewidth=2.2, label="activation y")
        axes.plot(_Z, slope, "--", color=LINE_COLOURS[1], linewidth=1.5, label="derivative dy/dz")
        axes.set_title(f"{title}\n{formula}", fontsize=9.5)
        axes.grid(True)
        axes.set_ylim(-1.3, 2.3)
        axes.set_xticks(range(-4, 5, 2))
    sigmoid, _ = _curve("sigmoid", {}, (), 2 * _DOTS)
    _dot(panels[0, 1], 2 * sigmoid - 1, "o", "2 sigmoid(2z) − 1, by sigmoid")
    for a in (-0.1, 0.1, 0.5):
        other, _ = _curve("prelu", {"alpha": a}, (), _Z)
        panels[1, 0].plot(
            *(_Z, other), color=LINE_COLOURS[5], linewidth=1.2, zorder=1, label="PReLU with other slopes a"
        )
    _dot(panels[1, 1], _curve("relu", {}, (), _DOTS)[0], "s", "ReLU and leaky ReLU")
    _dot(panels[1, 2], _curve("leaky_relu", {"alpha": _LEAK}, (), _DOTS)[0], "s", "ReLU and leaky ReLU")
    for axes, weights in ((panels[1, 1], _PANELS[5][4]), (panels[1, 2], _PANELS[6][4])):
        for weight in weights:
            axes.plot(
                _Z,
                weight * _Z,
                ":",
                color=LINE_COLOURS[2],
                linewidth=1.6,
                zorder=1,
                label="the two pieces of maxout",
            )
    for axes in (panels[0, 3], panels[1, 2]):
        axes.annotate(
            f"y = {_LEAK * _Z[0]:.2f}\nslope {_LEAK}".replace("-", "−"),
            (_Z[0], _LEAK * _Z[0]),
            xytext=(-3.9, -1.15),
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": INK},
        )
    for axes in panels[-1]:
        axes.set_xlabel("weighted sum z")
    for axes in panels[:, 0]:
        axes.set_ylabel("y and dy/dz")
    handles = {
        label: line
        for axes in panels.flat
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    return figure


def _dot(axes: Axes, values: Array, marker: str, label: str) -> None:
    """Draw values at `_DOTS` as small markers on the line that they should be on."""
    axes.plot(
        *(_DOTS, values, marker),
        markersize=4.5,
        markerfacecolor="white",
        markeredgecolor=INK,
        zorder=4,
        label=label,
    )
