"""Draws learning curves: the loss and scores over the epochs, of one or several runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlpcli.figures.differences import find_differences, name_runs, order_runs
from mlpcli.figures.style import (
    INK,
    LINE_COLOURS,
    count_axis,
    label,
    line_colours,
    log_axis,
    new_figure,
    percent_axis,
    styled,
)
from mlpcli.nn.measures import MEASURES
from mlpcli.training.finished import FinishedRun

__all__ = ["LOSS_UNITS", "draw_curves"]

LOSS_UNITS = {
    "cross_entropy": "nats per example",
    "binary_cross_entropy": "nats per example",
    "hinge": "margin violations per example",
    "binary_hinge": "margin violation per example",
    "mse": "of scaled targets",
    "mae": "of scaled targets",
    "huber": "of scaled targets",
}
_SPAN = 30  # if the ratio of the largest to the smallest value is above this, the axis is logarithmic
_FEW = 12  # up to this number, each epoch is marked by a point


@styled
def draw_curves(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the loss and the accuracy, or R2 of a regression, over the epochs, in training and validation.

    A score that chooses the best epoch has a panel, too. The best epoch is marked. If there are several runs,
    each has its own color, the curves of training are dashed, and the legend lists the keys that differ. The
    norm of the weights has a panel if the runs are regularized in different ways.
    """
    runs = [runs[i] for i in order_runs(runs)]
    scores = _score_names(runs)
    several = len(runs) > 1
    has_norm = any(key.startswith("regularization.") for key in find_differences(runs)) and all(
        run.rows[-1].whole_norm is not None for run in runs
    )
    names = name_runs(runs) if several else []
    panels = 1 + len(scores) + has_norm
    figure = new_figure(4.6 * panels, 3.8 + 0.2 * min(len(names), 12))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    colours = line_colours(len(runs)) if several else [LINE_COLOURS[0]]
    for run, colour in zip(runs, colours, strict=True):
        _draw(axes[0], run, "loss", colour, several)
        for panel, (score, _) in zip(axes[1:], scores, strict=False):
            _draw(panel, run, score, colour, several)
        if has_norm:
            _draw_norm(axes[-1], run, colour)
    losses = {run.experiment.loss.name for run in runs}
    (loss,) = losses if len(losses) == 1 else ("",)
    axes[0].set_ylabel(f"{loss.replace('_', ' ')} loss\n({LOSS_UNITS[loss]})" if loss else "loss")
    values = [float(y) for line in axes[0].lines for y in np.asarray(line.get_ydata())]
    if min(values) > 0 and max(values) > _SPAN * min(values):
        log_axis(axes[0], "y")
    for panel, (score, title) in zip(axes[1:], scores, strict=False):
        panel.set_ylabel(title)
        if MEASURES[score].is_share:
            percent_axis(panel.yaxis)
    if has_norm:
        axes[-1].set_ylabel("norm of the weights, |W|")
        axes[-1].set_ylim(bottom=0)
    for panel in axes:
        panel.set_xlabel("epoch")
        count_axis(panel.xaxis)
        panel.grid(True)
    _add_legend(figure, runs, names, colours)
    return figure


def _score_names(runs: Sequence[FinishedRun]) -> list[tuple[str, str]]:
    """Return the scores that are drawn in addition to the loss, with their labels."""
    names = []
    if any(run.rows[0].train_accuracy is not None for run in runs):
        names.append(("accuracy", "accuracy\n(share of correct examples)"))
    if any(row.val_r2 is not None for run in runs for row in run.rows):
        names.append(("r2", "R2\n(share of the variance explained)"))
    shown = {"loss", *(name for name, _ in names)}
    others = dict.fromkeys(run.experiment.monitor for run in runs if run.experiment.monitor not in shown)
    return names + [(name, MEASURES[name].title) for name in others]


def _draw(axes: Axes, run: FinishedRun, score: str, colour: Any, several: bool) -> None:
    rows = run.rows
    points = "." if len(rows) <= _FEW else ""
    best = min(run.best_epoch, len(rows))
    parts = [part for part in ("train", "val") if getattr(rows[0], f"{part}_{score}", None) is not None]
    for part in parts:
        values = [getattr(row, f"{part}_{score}") for row in rows]
        pairs = [(row.epoch, value) for row, value in zip(rows, values, strict=True) if value is not None]
        dashed = part == "train" and several
        other = LINE_COLOURS[1] if part == "train" and not several else colour
        axes.plot(
            *zip(*pairs, strict=True),
            color=other,
            linestyle="--" if dashed else "-",
            linewidth=1 if part == "train" else 1.5,
            marker=points,
            label=f"{run.name} {part}",
        )
        if part == parts[-1] and best and values[best - 1] is not None:
            axes.plot([best], [values[best - 1]], "o", color=other, markeredgecolor="white", markersize=8)
    if not several:
        axes.axvline(best, color="#888888", linewidth=0.8, linestyle=":")


def _draw_norm(axes: Axes, run: FinishedRun, colour: Any) -> None:
    norms = [(row.epoch, row.whole_norm) for row in run.rows if row.whole_norm is not None]
    marker = "." if len(norms) <= _FEW else ""
    axes.plot(*zip(*norms, strict=True), color=colour, linewidth=1.5, marker=marker, label=run.name)


def _add_legend(figure: Figure, runs: Sequence[FinishedRun], names: list[str], colours: list[Any]) -> None:
    """Add a legend below the panels."""
    with_val = any(row.val_loss is not None for run in runs for row in run.rows[:1])
    if names:
        lines = [
            Line2D([], [], color=colour, label=name) for name, colour in zip(names, colours, strict=True)
        ]
        lines.append(Line2D([], [], color=INK, linestyle="--", linewidth=1, label="training"))
        if with_val:
            lines.append(Line2D([], [], color=INK, label="validation"))
        best = "best epoch"
    else:
        lines = [Line2D([], [], color=LINE_COLOURS[1], linewidth=1, label="training (mean over the epoch)")]
        if with_val:
            lines.append(Line2D([], [], color=LINE_COLOURS[0], label="validation"))
        best = f"best epoch, {runs[0].best_epoch:,}"
        figure.suptitle(f"{label(runs[0].name)}: learning curves", fontsize=11)
    lines.append(Line2D([], [], color=INK, marker="o", linestyle="none", label=best))
    longest = max(len(str(line.get_label())) for line in lines)
    columns = max(1, min(len(lines), 120 // (longest + 8)))
    figure.legend(handles=lines, loc="outside lower center", ncols=columns)
