"""Draws learning curves: the loss and scores over the epochs, of one or several runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation
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
_IN_A_ROW = 3  # panels; more stand in two rows
_DISTANCES = (1, -1, 2, -2, 3, -3, 4, -4, 6, -6, 8, -8)  # of a label from its point
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

    Each kind of loss has a panel, since their values cannot be compared, and so has a score that chooses the
    best epoch. The best epoch is marked. If there are several runs, each has its own color, the curves of
    training are dashed, and the legend lists the keys that differ. Three or more that differ in nothing but
    their seeds or folds are one curve, their mean, with a band from the smallest value to the largest. The
    norm of the weights has a panel if the runs are regularized in different ways. The axis of epochs is never
    logarithmic, so that one sees whether a curve still goes on.
    """
    groups = _groups(runs)
    scores = _score_names(runs)
    has_norm = any(key.startswith("regularization.") for key in find_differences(runs)) and all(
        run.rows[-1].whole_norm is not None for run in runs
    )
    losses = list(dict.fromkeys(run.experiment.loss.name for run in runs))
    panels = len(losses) + len(scores) + has_norm
    rows = 1 if panels <= _IN_A_ROW else 2
    columns = ceil(panels / rows)
    figure = new_figure(4.7 * columns, 3.8 * rows + (0.2 * min(len(groups), 12) if len(groups) > 1 else 0))
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in axes[panels:]:
        panel.remove()
    for panel, loss in zip(axes, losses, strict=False):
        for group in groups:
            if group.runs[0].experiment.loss.name == loss:
                _draw_score(panel, group, "loss")
        panel.set_ylabel(f"{loss.replace('_', ' ')} loss\n({LOSS_UNITS[loss]})")
        curves = [line for line in panel.lines if not str(line.get_label()).startswith("_")]
        values = [float(y) for line in curves for y in np.asarray(line.get_ydata())]
        if min(values) > 0 and max(values) > _SPAN * min(values):
            log_axis(panel, "y")
    for panel, (score, title) in zip(axes[len(losses) :], scores, strict=False):
        for group in groups:
            _draw_score(panel, group, score)
        panel.set_ylabel(title)
        if MEASURES[score].is_share:
            percent_axis(panel.yaxis)
    if has_norm:
        for group in groups:
            _draw_line(axes[panels - 1], group, lambda row: row.whole_norm, "", group.colour)
        axes[panels - 1].set_ylabel("norm of the weights, |W|")
        axes[panels - 1].set_ylim(bottom=0)
    for panel in axes[:panels]:
        panel.set_xlabel("epoch")
        count_axis(panel.xaxis)
        panel.grid(True)
    _add_legend(figure, runs, groups)
    _place_labels(figure)
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


def _place_labels(figure: Figure) -> None:
    """Move each label beside a best epoch to the nearest place where no line runs through it."""
    labels = [(axes, text) for axes in figure.axes for text in axes.texts if isinstance(text, Annotation)]
    if not labels:
        return
    figure.draw_without_rendering()  # which lays out the panels
    for axes, text in labels:
        paths = [line.get_transform().transform_path(line.get_path()) for line in axes.lines]
        x, y = first = text.get_position()
        for factor, shift in product(_DISTANCES, (x, -x)):
            text.set_position((shift, factor * y))
            text.set_horizontalalignment("left" if shift > 0 else "right")
            box = text.get_window_extent().padded(2)
            is_inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0
            if is_inside and not any(path.intersects_bbox(box, filled=False) for path in paths):
                break
        else:
            text.set_position(first)
            text.set_horizontalalignment("left" if x > 0 else "right")


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
