"""Draws learning curves: the loss and scores over the epochs, of one or several runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from mlpcli.colours import SPLIT_COLOURS
from mlpcli.figures.differences import find_differences, find_repeats, name_runs
from mlpcli.figures.style import (
    INK,
    count_axis,
    label,
    line_colours,
    log_axis,
    new_figure,
    percent_axis,
    styled,
)
from mlpcli.nn.measures import MEASURES
from mlpcli.training.finished import FinishedRun, Row

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
_SPAN = 10  # if the ratio of the largest to the smallest value is above this, the axis is logarithmic
_FEW = 12  # up to this number, each epoch is marked by a point

Get = Callable[[Row], float | None]


@dataclass(frozen=True)
class _Group:
    """Runs that are drawn as one curve, with their name in the legend and their color, if it has one."""

    name: str
    runs: list[FinishedRun]
    colour: Any

    @property
    def is_band(self) -> bool:
        return len(self.runs) > 1


@styled
def draw_curves(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the loss and the accuracy, or R2 of a regression, over the epochs, in training and validation.

    A score that chooses the best epoch has a panel, too. The best epoch is marked. If there are several runs,
    each has its own color, the curves of training are dashed, and the legend lists the keys that differ.
    Three or more that differ in nothing but their seeds or folds are one curve, their mean, with a band from
    the smallest value to the largest. The norm of the weights has a panel if the runs are regularized in
    different ways. The axis of epochs is never logarithmic, so that one sees whether a curve still goes on.
    """
    groups = _groups(runs)
    scores = _score_names(runs)
    has_norm = any(key.startswith("regularization.") for key in find_differences(runs)) and all(
        run.rows[-1].whole_norm is not None for run in runs
    )
    panels = 1 + len(scores) + has_norm
    figure = new_figure(4.7 * panels, 3.8 + (0.2 * min(len(groups), 12) if len(groups) > 1 else 0))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for group in groups:
        for panel, score in zip(axes, ["loss", *(name for name, _ in scores)], strict=False):
            _draw_score(panel, group, score)
        if has_norm:
            _draw_line(axes[-1], group, lambda row: row.whole_norm, "", group.colour)
    losses = {run.experiment.loss.name for run in runs}
    (loss,) = losses if len(losses) == 1 else ("",)
    axes[0].set_ylabel(f"{loss.replace('_', ' ')} loss\n({LOSS_UNITS[loss]})" if loss else "loss")
    curves = [line for line in axes[0].lines if not str(line.get_label()).startswith("_")]
    values = [float(y) for line in curves for y in np.asarray(line.get_ydata())]
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
    _add_legend(figure, runs, groups)
    return figure


def _groups(runs: Sequence[FinishedRun]) -> list[_Group]:
    """Return what is drawn as one curve each; a single one has no color, since its splits have theirs."""
    if len(runs) == 1:
        return [_Group(runs[0].name, list(runs), None)]
    repeats = find_repeats(runs)
    if len(repeats) == 1:
        return [_Group(repeats[0].name, list(runs), None)]
    if repeats:
        parts = [(group.name, [runs[i] for i in group.positions]) for group in repeats]
    else:
        parts = [(name, [run]) for name, run in zip(name_runs(runs), runs, strict=True)]
    colours = line_colours(len(parts))
    return [_Group(name, own, colour) for (name, own), colour in zip(parts, colours, strict=True)]


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


def _draw_score(axes: Axes, group: _Group, score: str) -> None:
    """Draw a score of both splits, and mark the best epoch of a run that is alone in its group."""
    first = group.runs[0].rows[0]
    parts = [part for part in ("train", "val") if getattr(first, f"{part}_{score}", None) is not None]
    for part in parts:
        name = f"{part}_{score}"
        colour = group.colour or SPLIT_COLOURS[part]
        _draw_line(axes, group, lambda row, name=name: getattr(row, name), part, colour)  # type: ignore[misc]
        if part == parts[-1] and not group.is_band:
            _mark_best(axes, group, name, colour)


def _draw_line(axes: Axes, group: _Group, get: Get, part: str, colour: Any) -> None:
    """Draw the values of a run, or of several their mean and a band, up to the end of the shortest."""
    epochs = min(len(run.rows) for run in group.runs)
    values: NDArray[np.float64] = np.array(
        [[get(row) for row in run.rows[:epochs]] for run in group.runs], float
    )
    known = ~np.isnan(values).any(axis=0)
    x, values = 1 + np.flatnonzero(known), values[:, known]
    axes.plot(
        x,
        values.mean(axis=0),
        color=colour,
        linestyle="--" if part == "train" and group.colour else "-",
        linewidth=1 if part == "train" else 1.5,
        marker="." if epochs <= _FEW else "",
        label=f"{group.name} {part}".rstrip(),
    )
    if group.is_band and not (part == "train" and group.colour):  # several bands are enough to look at
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(x, low, high, color=colour, alpha=0.1 if part == "train" else 0.2, linewidth=0)


def _mark_best(axes: Axes, group: _Group, name: str, colour: Any) -> None:
    """Mark the best epoch on a curve; a run that is alone gets the value and the epoch beside it."""
    (run,) = group.runs
    best = min(run.best_epoch, len(run.rows))
    value = getattr(run.rows[best - 1], name) if best else None
    if value is not None:
        axes.plot([best], [value], "o", color=colour, markeredgecolor="white", markersize=8)
    if group.colour is not None:
        return
    axes.margins(y=0.12)  # room for the words
    axes.axvline(best, color="#888888", linewidth=0.8, linestyle=":")
    if value is not None:
        measure = MEASURES.get(name.partition("_")[2])
        shown = f"{value:.1%}" if measure is not None and measure.is_share else f"{value:.3g}"
        right = best > len(run.rows) / 2
        axes.annotate(
            f"{shown} after epoch {best:,}",
            (best, value),
            (-8 if right else 8, 10 if measure is not None and measure.higher_is_better else -10),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
            fontsize=8,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )


def _add_legend(figure: Figure, runs: Sequence[FinishedRun], groups: list[_Group]) -> None:
    """Add a legend below the panels, and a title to those of one group."""
    with_val = any(row.val_loss is not None for run in runs for row in run.rows[:1])
    is_band = any(group.is_band for group in groups)
    lines: list[Any] = []
    if len(groups) > 1:
        lines = [Line2D([], [], color=group.colour, label=group.name) for group in groups]
        lines.append(Line2D([], [], color=INK, linestyle="--", linewidth=1, label="training"))
        if with_val:
            lines.append(Line2D([], [], color=INK, label="validation"))
    else:
        mean = "training (mean over the epoch)"
        lines.append(Line2D([], [], color=SPLIT_COLOURS["train"], linewidth=1, label=mean))
        if with_val:
            lines.append(Line2D([], [], color=SPLIT_COLOURS["val"], label="validation"))
        name = groups[0].name if is_band else label(runs[0].name)
        figure.suptitle(f"{name}: learning curves", fontsize=11)
    if is_band:
        lines.append(Patch(color=INK, alpha=0.2, linewidth=0, label="smallest to largest, around the mean"))
    else:
        best = "best epoch" if len(groups) > 1 else f"best epoch, {runs[0].best_epoch:,}"
        lines.append(Line2D([], [], color=INK, marker="o", linestyle="none", label=best))
    longest = max(len(str(line.get_label())) for line in lines)
    columns = max(1, min(len(lines), 150 // (longest + 8)))
    figure.legend(handles=lines, loc="outside lower center", ncols=columns)
