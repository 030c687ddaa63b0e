"""The notes' figure of a single neuron as a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mlpcli.figures.boundary import draw_boundary
from mlpcli.figures.style import styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_neuron"]

_NAMES = {"binary_cross_entropy": "softmax classifier, logistic loss", "binary_hinge": "SVM, hinge loss"}


@styled
def draw_neuron(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the boundaries of neurons with different losses, on the same data, side by side."""
    figure = draw_boundary(runs)
    figure.set_size_inches(7.4, figure.get_figheight() + 0.4)
    for axes, run in zip(figure.axes, runs, strict=False):
        scores = axes.get_title().partition("\n")[2]
        axes.set_title(f"{_NAMES[run.experiment.loss.name]}\n{scores}", fontsize=10)
    return figure
