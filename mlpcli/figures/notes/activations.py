"""The notes' figures of units: activation functions, and ReLUs that die."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlpcli.config.plan import UNITS
from mlpcli.figures.style import LINE_COLOURS, log_axis, new_figure, percent_axis, styled
from mlpcli.nn.layers import LAYERS
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_activations", "draw_dead_relu"]


@styled
def draw_activations(claim: str) -> Figure:
    """Draw activation functions, those of the notes and newer ones, with their derivatives.

    Both are computed by the code that training uses: the derivative is the backward pass of a gradient of 1.
    """
    shown = {
        "sigmoid": {},
        "tanh": {},
        "relu": {},
        "leaky_relu": {"alpha": 0.1},
        "elu": {"alpha": 1.0},
        "softplus": {},
        "silu": {},
        "gelu": {},
    }
    figure = new_figure(9, 5, claim)
    z = np.linspace(-4, 4, 801)
    panels = figure.subplots(2, 4, sharex=True, sharey=True)
    for axes, (name, settings) in zip(panels.flat, shown.items(), strict=True):
        spec = UNITS[name].plan(1, 1, {"name": name, **settings})
        layer = LAYERS[spec.kind](spec, np.float64)
        layer.resize(len(z))
        y = layer.forward(z[:, None].copy())[:, 0].copy()
        slope = layer.backward(np.ones((len(z), 1)))
        assert slope is not None
        axes.plot(z, slope[:, 0], "--", color=LINE_COLOURS[1], label="derivative dy/dz")
        axes.plot(z, y, color=LINE_COLOURS[0], linewidth=2, label="activation y")
        extra = "".join(f", {key} {value:g}" for key, value in settings.items())
        axes.set_title(f"{name}{extra}", fontsize=10)
        axes.grid(True)
        axes.set_ylim(-1.3, 2.3)
        axes.set_xticks(range(-4, 5, 2))
    for axes in panels[1]:
        axes.set_xlabel("weighted sum z")
    for axes in panels[:, 0]:
        axes.set_ylabel("y and dy/dz")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def draw_dead_relu(runs: Sequence[FinishedRun], claim: str) -> Figure:
    """Draw the share of dead ReLUs and the training accuracy over the learning rate."""
    figure = new_figure(6.4, 4.4, claim)
    axes = figure.subplots(1, 1)
    rates = sorted({run.experiment.optimizer.learning_rate for run in runs})
    series: dict[str, tuple[str, str, Callable[[FinishedRun], Any]]] = {
        "dead units, of 100": ("o-", LINE_COLOURS[1], lambda run: run.rows[-1].dead[0]),
        "training accuracy": ("s--", LINE_COLOURS[0], lambda run: run.rows[-1].train_accuracy),
    }
    for name, (line, colour, get) in series.items():
        values = [
            [get(run) for run in runs if run.experiment.optimizer.learning_rate == rate] for rate in rates
        ]
        means = [float(np.mean(of_rate)) for of_rate in values]
        axes.plot(rates, means, line, color=colour, markeredgecolor="white", markersize=7, label=name)
        axes.fill_between(
            rates, [min(v) for v in values], [max(v) for v in values], color=colour, alpha=0.15, linewidth=0
        )
    log_axis(axes, "x")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.set_ylim(-0.03, 1.03)
    percent_axis(axes.yaxis)
    axes.grid(True)
    axes.set_xlabel("learning rate (adam)")
    axes.set_ylabel("share in the last epoch")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
