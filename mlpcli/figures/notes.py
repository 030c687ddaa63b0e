"""Trains and draws the figures for the CS231n notes, Neural Networks 1."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlpcli.config.loader import load_experiment
from mlpcli.config.plan import UNITS
from mlpcli.errors import UsageError
from mlpcli.figures.boundary import draw_boundary
from mlpcli.figures.curves import draw_curves
from mlpcli.figures.style import INK, LINE_COLOURS, log_axis, new_figure, percent_axis, styled
from mlpcli.nn.layers import LAYERS
from mlpcli.training.finished import FinishedRun
from mlpcli.training.start import train_run

__all__ = ["FIGURES", "draw_activations", "draw_notes"]

Say = Callable[[str], object]
_SEEDS = range(10)


def _train(config: Path, variants: Sequence[Sequence[str]], say: Say) -> list[FinishedRun]:
    """Train a config once for each list of ``--set`` options; return the runs at their last epochs."""
    if not config.is_file():
        raise UsageError(
            f"{config}: no such file; draw the figures of the notes in the project's folder, which contains "
            "configs/notes"
        )
    runs = []
    for number, overrides in enumerate(variants, start=1):
        options = " ".join(f"--set {shlex.quote(option)}" for option in overrides)
        say(f"{number} of {len(variants)}: mlp train {shlex.quote(str(config))} {options}")
        runs.append(FinishedRun.of(train_run(load_experiment(config, overrides))))
    return runs


def draw_notes(name: str, folder: Path, say: Say) -> Figure:
    """Train the runs of a figure, from the configs in ``folder``, and draw it; ``say`` gets a line per run.

    Data and seed are the same in all panels. Raises UsageError if the config does not exist.
    """
    if name == "activations":
        return draw_activations()
    variants, draw = FIGURES[name]
    return draw(_train(folder / f"{name}.yaml", variants, say))


@styled
def draw_activations() -> Figure:
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
    figure = new_figure(9, 5, "Activation functions and their derivatives")
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
def _draw_spread(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the final training loss for each seed, over the size of the network."""
    figure = new_figure(6.4, 4.4, "Final losses: a matter of luck in small networks, similar in large ones")
    axes = figure.subplots(1, 1)
    sizes = sorted({run.checkpoint.network.widths[1] for run in runs})
    for place, size in enumerate(sizes):
        losses = [run.rows[-1].train_loss for run in runs if run.checkpoint.network.widths[1] == size]
        spread = np.linspace(-0.18, 0.18, len(losses))
        axes.plot(place + spread, losses, "o", color=LINE_COLOURS[0], markeredgecolor="white", markersize=7)
        axes.plot([place - 0.3, place + 0.3], [np.mean(losses)] * 2, color=INK, linewidth=1.2)
        axes.annotate(
            f"standard deviation\n{np.std(losses):.2g}",
            (place, max(losses)),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.set_xticks(range(len(sizes)), [f"{size} units" for size in sizes])
    axes.set_xlim(-0.5, len(sizes) - 0.5)
    axes.set_ylim(0, 1.25 * max(run.rows[-1].train_loss for run in runs))
    axes.set_xlabel(f"hidden layer; a point for each of {len(_SEEDS)} seeds, a line for their mean")
    axes.set_ylabel("final training loss (nats per example)")
    return figure


@styled
def _draw_dead(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the share of dead ReLUs and the training accuracy over the learning rate."""
    figure = new_figure(6.4, 4.4, "Dead ReLUs: the effect of a learning rate that is too high")
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


def _hidden(*sizes: str) -> list[list[str]]:
    return [[f"model.hidden=[{size}]"] for size in sizes]


# For each figure, the --set options of its runs and the function that draws them. The config has its name.
FIGURES: dict[str, tuple[list[list[str]], Callable[[Sequence[FinishedRun]], Figure]]] = {
    "layer_sizes": (_hidden("3", "6", "20"), draw_boundary),
    "l2_strength": ([[f"regularization.l2={l2}"] for l2 in ("0.001", "0.01", "0.1")], draw_boundary),
    "relu_against_tanh": ([[f"model.activation={name}"] for name in ("relu", "tanh")], draw_curves),
    "spread_of_loss": (
        [[*hidden, f"training.seed={seed}"] for hidden in _hidden("3", "10", "30", "100") for seed in _SEEDS],
        _draw_spread,
    ),
    "dead_relu": (
        [
            [f"optimizer.learning_rate={rate}", f"training.seed={seed}"]
            for rate in ("1e-3", "3e-3", "1e-2", "3e-2", "0.1", "0.3")
            for seed in range(3)
        ],
        _draw_dead,
    ),
    "universal_approximator": (_hidden("", "2", "5", "20"), draw_boundary),
}
