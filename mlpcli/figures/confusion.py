"""Draws the confusion matrix: which classes a network mistakes for which."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mlpcli.figures import UnfitError
from mlpcli.figures.style import INK, LINE_COLOURS, ON_COLOUR, label, new_figure, percent_axis, styled
from mlpcli.training.evaluation import full_report
from mlpcli.training.finished import FinishedRun
from mlpcli.training.memory import MOST_CONFUSED

__all__ = ["draw_confusion"]

_SHARES = LinearSegmentedColormap.from_list("shares", ["white", LINE_COLOURS[0]])
_STRONG = 0.7  # a share whose color needs light numbers
_MAX_NUMBERS = 20  # classes; with more, the cells have no numbers


@styled
def draw_confusion(run: FinishedRun) -> Figure:
    """Draw the confusion matrix of the held-out split: rows are true classes, columns predicted ones.

    Colors show shares of the true class. Raises UnfitError for a regression, or too many classes.
    """
    classes = run.checkpoint.classes
    if classes is None:
        raise UnfitError(f"confusion needs classes, but {run.experiment.data.title} is a regression")
    if len(classes) > MOST_CONFUSED:
        raise UnfitError(
            f"confusion is for at most {MOST_CONFUSED:,} classes, and there are {len(classes):,}"
        )
    part = run.held_out
    split = run.splits.parts[part]
    report = full_report(run.loss, run.logits(part), split.y[split.rows], classes)
    matrix = np.array(report["confusion"])
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    n = len(classes)
    side = min(max(3.2, 0.52 * n + 1.6), 9)
    figure = new_figure(side + 1.4, side + 0.6)
    figure.suptitle(
        f"{label(run.name)}: {report['accuracy']:.1%} of {report['n']:,} {part} examples correct", fontsize=11
    )
    axes = figure.subplots(1, 1)
    picture = axes.imshow(shares, cmap=_SHARES, vmin=0, vmax=1)
    if n <= _MAX_NUMBERS:
        for (row, column), count in np.ndenumerate(matrix):
            axes.text(
                column,
                row,
                f"{count:,}",
                ha="center",
                va="center",
                fontsize=9 if n <= 10 else 7,
                color=ON_COLOUR if shares[row, column] > _STRONG else INK if count else "#aaaaaa",
            )
    shown = range(0, n, max(1, n // 50))
    names = [label(classes[i], 14) for i in shown]
    long = max(map(len, names)) > 3 or n > _MAX_NUMBERS
    size = 9 if n <= _MAX_NUMBERS else 6
    axes.set_xticks(list(shown), names, rotation=90 if long else 0, fontsize=size)
    axes.set_yticks(list(shown), names, fontsize=size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = figure.colorbar(picture, ax=axes, shrink=0.8, label="share of the true class")
    percent_axis(bar.ax.yaxis)
    return figure
