"""The notes' figures of overfitting, and of what is done against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from mlpcli.colours import SPLIT_COLOURS
from mlpcli.figures.notes.parts import accuracy, both_scores, draw_band, draw_planes
from mlpcli.figures.style import INK, LINE_COLOURS, count_axis, line_colours, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_forgetting", "draw_large", "draw_others", "draw_strengths"]


@styled
def draw_strengths(runs: Sequence[FinishedRun]) -> Figure:
    """Draw what a network sees with several strengths of l2, with its scores and the norm of its weights."""
    titles = [f"l2 = {run.experiment.l2:g},  |W| = {_norms(run)[-1]:.2g}\n{both_scores(run)}" for run in runs]
    return draw_planes(runs, titles)


@styled
def draw_large(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the test accuracy over the size of the hidden layer, with and without l2."""
    figure = new_figure(7.6, 4.8)
    axes = figure.subplots(1, 1)
    sizes = sorted({run.checkpoint.network.widths[1] for run in runs})
    strengths = sorted({run.experiment.l2 for run in runs})
    places = range(len(sizes))
    for l2, colour, marker in zip(strengths, (LINE_COLOURS[1], LINE_COLOURS[0]), "so", strict=True):
        own = [run for run in runs if run.experiment.l2 == l2]
        scores = np.transpose(
            [
                [accuracy(run, "test") for run in own if run.checkpoint.network.widths[1] == size]
                for size in sizes
            ]
        )
        draw_band(axes, places, scores, color=colour, marker=marker, markersize=8, markeredgecolor="white")
        last = float(scores[:, -1].mean())
        axes.annotate(
            f"with l2 = {l2:g}\n{last:.1%}" if l2 else f"without regularization\n{last:.1%}",
            (places[-1], last),
            xytext=(12, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=12,
            fontweight="bold",
            annotation_clip=False,
        )
    seeds = len(runs) // (len(sizes) * len(strengths))
    axes.set_xticks(places, [f"{size}" for size in sizes])
    axes.yaxis.set_major_locator(MultipleLocator(0.05))
    percent_axis(axes.yaxis)
    axes.grid(True, axis="y")
    axes.set_xlabel(f"hidden units; lines: means of {seeds} seeds, bands: smallest to largest", fontsize=11)
    axes.set_ylabel(f"accuracy on {len(runs[0].splits.parts['test']):,} test points", fontsize=11)
    axes.tick_params(labelsize=11)
    return figure


@styled
def draw_forgetting(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the norm of the weights over the steps of sgd, for several strengths of l2.

    An epoch of these runs is one step. Dashed is what would be left if nothing were learned: each step
    multiplies the weights by 1 - learning_rate * l2.
    """
    figure = new_figure(7.6, 4.8)
    axes = figure.subplots(1, 1)
    for run, colour in zip(runs, line_colours(len(runs)), strict=True):
        norms, l2 = _norms(run), run.experiment.l2
        steps = np.arange(1, len(norms) + 1)
        axes.plot(steps, norms, color=colour, linewidth=2.5)
        shrunk = norms[0] * (1 - run.experiment.optimizer.learning_rate * l2) ** (steps - 1)
        axes.plot(steps, shrunk, "--", color=colour, linewidth=1.2)
        axes.annotate(
            f"l2 = {l2:g}: accuracy {100 * accuracy(run, 'train'):.3g}%",
            (steps[-1], norms[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=11,
            annotation_clip=False,
        )
    axes.plot([], [], "--", color=INK, linewidth=1.2, label="forgetting alone, without learning")
    axes.set_xlim(0, len(runs[0].rows))
    axes.set_ylim(bottom=0)
    count_axis(axes.xaxis)
    axes.grid(True, axis="y")
    axes.set_xlabel("step", fontsize=12)
    axes.set_ylabel("norm of the weights, |W|", fontsize=12)
    figure.legend(loc="outside lower center", fontsize=11)
    return figure


@styled
def draw_others(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the losses over the epochs: without regularization, with dropout, with input noise."""
    methods: dict[str, list[FinishedRun]] = {}
    for run in runs:
        model = run.experiment.model
        if model.dropout:
            name = f"dropout {model.dropout:g}"
        elif model.input_noise:
            name = f"noise of {model.input_noise:g} on the inputs"
        else:
            name = "no regularization"
        methods.setdefault(name, []).append(run)
    figure = new_figure(3.2 * len(methods), 4.4)
    panels = figure.subplots(1, len(methods), sharex=True, sharey=True)
    for axes, (name, own) in zip(panels, methods.items(), strict=True):
        epochs = [row.epoch for row in own[0].rows]
        held_out = np.array([[row.val_loss for row in run.rows] for run in own], np.float64)
        learned = np.array([[row.train_loss for row in run.rows] for run in own], np.float64)
        draw_band(axes, epochs, held_out, color=SPLIT_COLOURS["val"], label="validation loss")
        draw_band(axes, epochs, learned, color=SPLIT_COLOURS["train"], label="training loss")
        axes.set_title(f"{name}\nvalidation loss at the end {np.mean(held_out[:, -1]):.2f}", fontsize=11)
        axes.set_xlabel("epoch", fontsize=11)
        axes.grid(True, axis="y")
        count_axis(axes.xaxis)
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("loss (nats per example)", fontsize=11)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=11)
    return figure


def _norms(run: FinishedRun) -> list[float]:
    """Return the norm of all weights after each epoch."""
    return [row.whole_norm or 0.0 for row in run.rows]
