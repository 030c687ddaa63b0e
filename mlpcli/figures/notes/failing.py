"""The notes' figures of units that fail: ReLUs that die, and sigmoids that saturate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlpcli.figures.style import LINE_COLOURS, log_axis, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_dead_relu", "draw_saturation"]

_FLOOR = 1e-8  # smaller gradients are drawn here, by an arrow


@styled
def draw_dead_relu(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the share of dead ReLUs and the training accuracy over the learning rate."""
    figure = new_figure(6.4, 4.4)
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
    axes.set_ylabel("share during the last epoch")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def draw_saturation(runs: Sequence[FinishedRun]) -> Figure:
    """Draw, layer by layer, the norm of the gradient and the share of saturated outputs in the last epoch.

    A line is a run; its colour and its marker are those of the gain of its initial weights.
    """
    figure = new_figure(8.6, 4.6)
    left, right = figure.subplots(1, 2)
    gains = sorted({_gain(run) for run in runs})
    looks = [(LINE_COLOURS[0], "o"), (LINE_COLOURS[2], "s"), (LINE_COLOURS[1], "D")]
    for gain, (colour, marker) in zip(gains, looks, strict=False):
        own = [run.rows[-1] for run in runs if _gain(run) == gain]
        accuracy = np.mean([row.train_accuracy for row in own])
        for i, row in enumerate(own):
            layers = np.arange(1, len(row.gradient_norms) + 1)
            norms = np.array(row.gradient_norms)
            small = norms < _FLOOR
            look: dict[str, Any] = {"color": colour, "markeredgecolor": "white", "linewidth": 1.4}
            left.plot(layers, np.maximum(norms, _FLOOR), marker=marker, markersize=7, **look)
            left.plot(layers[small], [_FLOOR] * small.sum(), "v", markersize=9, zorder=3, **look)
            name = f"gain {gain:g}: training accuracy {accuracy:.0%}" if i == 0 else None
            saturated = np.array(row.saturated, np.float64)
            right.plot(layers[:-1], saturated, marker=marker, markersize=7, label=name, **look)
    log_axis(left, "y")
    left.set_ylim(bottom=_FLOOR / 3)
    left.set_yticks([10.0**i for i in range(-8, 1, 2)], ["less", "1e-6", "1e-4", "0.01", "1"])
    last = len(runs[0].rows[-1].gradient_norms)
    left.set_xticks(range(1, last + 1), [*map(str, range(1, last)), "output"])
    left.set_title("norm of the gradient of W")
    right.set_title("saturated outputs")
    right.set_ylim(-0.03, 1.03)
    percent_axis(right.yaxis)
    for axes in (left, right):
        axes.set_xlabel("layer")
        axes.grid(True)
    figure.legend(loc="outside lower center", ncols=len(gains))
    return figure


def _gain(run: FinishedRun) -> float:
    return run.experiment.model.init.gain
