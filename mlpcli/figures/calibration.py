"""Draws the calibration of a classifier: how often it is right, by how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlpcli.figures import UnfitError
from mlpcli.figures.style import LINE_COLOURS, count_axis, label, new_figure, percent_axis, styled
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import CALIBRATION_BINS, Classified, measure_calibration
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_calibration"]

_SURE = 1.96  # standard errors to each side: a range of 95 %


@styled
def draw_calibration(run: FinishedRun) -> Figure:
    """Draw the reliability diagram of the held-out split, and how many examples each bin has.

    A point is a bin of confidence, the probability of the predicted class, and the share of its examples that
    are right, with a range of 95 % (Wilson, 1927). Guo et al., 2017, "On Calibration of Modern Neural
    Networks". Raises UnfitError for a regression or an SVM.
    """
    if run.checkpoint.classes is None:
        raise UnfitError(f"calibration needs classes, but {run.experiment.data.title} is a regression")
    if run.loss.outputs != "probabilities":
        raise UnfitError(f"calibration needs probabilities, and {run.experiment.loss.name} gives scores")
    part = run.held_out
    split = run.splits.parts[part]
    rows = Classified.of(run.loss, run.logits(part), split.y[split.rows], split.own_weights)
    counts, confidence, accuracy = measure_calibration(rows)
    filled = counts > 0
    figure = new_figure(5.6, 6.2)
    error = MEASURES["ece"].compute(rows)
    figure.suptitle(
        f"{label(run.name)}: calibration error {error:.1%} on {len(split):,} {part} examples", fontsize=11
    )
    axes, bars = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, linestyle=":")
    low, high = _range(accuracy[filled], counts[filled])
    axes.vlines(confidence[filled], low, high, color=LINE_COLOURS[0], linewidth=1, alpha=0.6)
    axes.plot(confidence[filled], accuracy[filled], "o", color=LINE_COLOURS[0], markersize=5)
    least = max(0.0, 1 / len(run.checkpoint.classes) - 0.05)
    axes.set_xlim(least, 1.02)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("accuracy\n(share of correct examples)")
    edges = np.arange(CALIBRATION_BINS) / CALIBRATION_BINS
    bars.bar(edges, counts, width=0.9 / CALIBRATION_BINS, align="edge", color=LINE_COLOURS[0], alpha=0.6)
    bars.set_xlabel("confidence (probability of the predicted class)")
    bars.set_ylabel("examples")
    count_axis(bars.yaxis)
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    axes.grid(True)
    handles = [
        Line2D([], [], color=LINE_COLOURS[0], marker="o", label="bin, with 95 % range"),
        Line2D([], [], color="#888888", linewidth=0.8, linestyle=":", label="perfect calibration"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _range(share: NDArray[Any], n: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the range of shares (bins,) that may be behind those of n examples: Wilson's score interval."""
    square = _SURE**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _SURE / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return middle - half, middle + half
