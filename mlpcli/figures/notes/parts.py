"""What several figures of the notes share: scores, bands of several seeds, and planes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlpcli.figures.plane import class_handles, scatter_classes
from mlpcli.figures.regions import Scale, draw_regions
from mlpcli.figures.style import INK, new_figure
from mlpcli.training.finished import FinishedRun

__all__ = ["accuracy", "both_scores", "draw_band", "draw_planes"]

_SIDE = 3.0  # of a panel, in hundreds of pixels


def accuracy(run: FinishedRun, part: str) -> float:
    """Return the share of a split's examples that the network classifies correctly."""
    split = run.splits.parts[part]
    return float((run.loss.classify(run.logits(part)) == split.y[split.rows]).mean())


def both_scores(run: FinishedRun) -> str:
    """Return the accuracy of training and test as a line of a title."""
    return f"train {accuracy(run, 'train'):.0%}, test {accuracy(run, 'test'):.1%}"


def draw_band(axes: Axes, x: Sequence[float], y: NDArray[np.float64], **line: Any) -> None:
    """Draw a line through the means of y (seeds, n) at ``x`` (n,), and a band from smallest to largest.

    ``line`` is what `Axes.plot` takes.
    """
    (mean,) = axes.plot(x, y.mean(axis=0), **{"linewidth": 2, **line})
    axes.fill_between(x, y.min(axis=0), y.max(axis=0), color=mean.get_color(), alpha=0.18, linewidth=0)


def draw_planes(runs: Sequence[FinishedRun], titles: Sequence[str]) -> Figure:
    """Draw the regions that each run sees around its training points, with rings around mistakes.

    Held-out points do not count for the axes: there may be thousands of them.
    """
    ranges = _reach(runs[0])
    figure = new_figure(_SIDE * len(runs) + 0.8, _SIDE + 1.1)
    panels = figure.subplots(1, len(runs), sharex=True, sharey=True, squeeze=False)[0]
    for axes, run, title in zip(panels, runs, titles, strict=True):
        split = run.splits.train
        X, y = split.X[split.rows], split.y[split.rows]
        axes.set_box_aspect(1)
        draw_regions(axes, run, ranges)
        scatter_classes(axes, X, y, wrong=run.loss.classify(run.logits("train")) != y, size=26)
        axes.set_xlim(*ranges[0])
        axes.set_ylim(*ranges[1])
        axes.set_aspect("auto")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(title, fontsize=11)
    Scale.of(runs[0]).bar(figure, panels)
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markersize": 11}
    handles = [
        *class_handles(runs[0].checkpoint.classes or ()),
        Line2D([], [], linestyle="none", color=INK, label="training point on the wrong side", **ring),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=11)
    return figure


def _reach(run: FinishedRun) -> list[tuple[float, float]]:
    """Return the range of each axis: that of the training points, with a margin."""
    split = run.splits.train
    X = split.X[split.rows].astype(np.float64)
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.12 * (high - low)
    return [(float(a), float(b)) for a, b in zip(low - margin, high + margin, strict=True)]
