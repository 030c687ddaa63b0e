"""The notes' figures of the number of layers and their sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mlpcli.figures.boundary import draw_boundary
from mlpcli.figures.notes.parts import accuracy, both_scores, draw_planes
from mlpcli.figures.style import INK, LINE_COLOURS, log_axis, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_approximations", "draw_depth", "draw_sizes", "draw_spread"]


@styled
def draw_approximations(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the function that networks of several sizes have learned, and its error on the test points."""
    figure = draw_boundary(runs)
    for axes, run in zip(figure.axes, runs, strict=True):
        units = sum(run.checkpoint.network.widths[1:-1])
        test = run.splits.parts["test"]
        errors = run.values(run.logits("test")) - test.y[test.rows]
        axes.set_title(
            f"{units or 'no'} hidden units\nmean squared error {np.mean(errors**2):.1g}", fontsize=11
        )
    return figure


@styled
def draw_sizes(runs: Sequence[FinishedRun]) -> Figure:
    """Draw what networks of several sizes see on the plane of the same training points."""
    titles = [f"{run.checkpoint.network.widths[1]} hidden units\n{both_scores(run)}" for run in runs]
    return draw_planes(runs, titles)


@styled
def draw_spread(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the final training loss for each seed, over the size of the network."""
    figure = new_figure(7.2, 4.6)
    axes = figure.subplots(1, 1)
    sizes = sorted({run.checkpoint.network.widths[1] for run in runs})
    for place, size in enumerate(sizes):
        losses = [run.rows[-1].train_loss for run in runs if run.checkpoint.network.widths[1] == size]
        spread = np.linspace(-0.18, 0.18, len(losses))
        axes.plot(place + spread, losses, "o", color=LINE_COLOURS[0], markeredgecolor="white", markersize=7)
        axes.plot([place - 0.3, place + 0.3], [np.mean(losses)] * 2, color=INK, linewidth=1.2)
        axes.annotate(
            f"standard\ndeviation {np.std(losses):.2g}\n{np.std(losses) / np.mean(losses):.0%} of the mean",
            (place, max(losses)),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.set_xticks(range(len(sizes)), [f"{size} units" for size in sizes])
    axes.set_xlim(-0.5, len(sizes) - 0.5)
    ends = [run.rows[-1].train_loss for run in runs]
    axes.set_ylim(0.6 * min(ends), 2.2 * max(ends))
    log_axis(axes, "y")
    axes.grid(True, axis="y")
    axes.set_xlabel(
        f"hidden layer; a point for each of {len(runs) // len(sizes)} seeds, a line for their mean"
    )
    axes.set_ylabel("final training loss (nats per example)")
    return figure


@styled
def draw_depth(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the test accuracy for each seed, over the number of layers of weights."""
    figure = new_figure(7.2, 4.6)
    axes = figure.subplots(1, 1)
    depths = sorted({len(run.checkpoint.network.dense) for run in runs})
    names = []
    for place, depth in enumerate(depths):
        own = [run for run in runs if len(run.checkpoint.network.dense) == depth]
        scores = [accuracy(run, "test") for run in own]
        spread = np.linspace(-0.12, 0.12, len(scores))
        axes.plot(place + spread, scores, "o", color=LINE_COLOURS[0], markeredgecolor="white", markersize=9)
        mean = float(np.mean(scores))
        axes.plot([place - 0.22, place + 0.22], [mean] * 2, color=INK, linewidth=1.5)
        axes.annotate(f"{mean:.1%}", (place + 0.25, mean), va="center", annotation_clip=False)
        names.append(f"{depth} layers\n{depth - 1} × {own[0].checkpoint.network.widths[1]} units")
    axes.set_xticks(range(len(depths)), names)
    axes.set_xlim(-0.5, len(depths) - 0.4)
    percent_axis(axes.yaxis)
    axes.grid(True, axis="y")
    n = {run.checkpoint.network.parameters.values.size for run in runs}
    seeds = len(runs) // len(depths)
    axes.set_xlabel(
        f"layers of weights, with {min(n):,} to {max(n):,} parameters; {seeds} seeds, lines: means",
        fontsize=11,
    )
    axes.set_ylabel(f"accuracy on {len(runs[0].splits.parts['test']):,} test points", fontsize=11)
    axes.tick_params(labelsize=11)
    return figure
