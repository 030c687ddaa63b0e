"""The notes' figure of inputs that are not zero-centered: the path of two weights, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlpcli.figures.style import INK, LINE_COLOURS, label, new_figure, styled
from mlpcli.training.finished import FinishedRun
from mlpcli.training.run import Run

__all__ = ["draw_zigzag"]

Array = NDArray[Any]

_NAMES = {"none": "all inputs positive", "center": "centered inputs"}  # by data.scaling
_GRID = 60  # points along each axis


@styled
def draw_zigzag(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the path of the two weights of a neuron over the loss, and below it each step by itself."""
    again = [_train_again(run) for run in runs]
    paths = [path for _, path in again]
    figure = new_figure(7.6, 8.9)
    panels = figure.subplots(2, len(runs), squeeze=False)
    both = np.concatenate(paths)
    middle, reach = (both.max(axis=0) + both.min(axis=0)) / 2, 0.65 * np.ptp(both, axis=0).max()
    longest = max(np.abs(np.diff(path, axis=0)).max() for path in paths)
    for (trained, path), run, over, under in zip(again, runs, *panels, strict=True):
        steps = np.diff(path, axis=0)
        same = int(np.sum(np.prod(steps, axis=1) > 0))
        axis = [np.linspace(at - reach, at + reach, _GRID) for at in middle]
        over.contour(
            *axis,
            np.log(_losses(trained, *axis)),
            levels=14,
            colors="#c4c4c4",
            linewidths=0.8,
            linestyles="-",
        )
        over.plot(*path.T, "-", color=LINE_COLOURS[0], linewidth=0.9, label="a step on each example")
        over.plot(*path[0], "o", color=INK, markersize=7, label="initial weights")
        over.plot(*path[-1], "D", color=LINE_COLOURS[1], markersize=8, label="weights after the last step")
        over.set_xlim(axis[0][0], axis[0][-1])
        over.set_ylim(axis[1][0], axis[1][-1])
        over.set_title(
            f"{_NAMES[run.experiment.data.scaling]}\nloss after {len(steps)} steps: {_loss(trained):.2f}"
        )
        largest = np.abs(steps).max()
        _shade(under, 1.15 * largest)
        under.plot(
            *steps.T, "o", color=LINE_COLOURS[0], markersize=4, markeredgecolor="white", markeredgewidth=0.4
        )
        title = f"{same} of {len(steps)} steps move\nboth weights in the same direction"
        enlarged = longest / largest
        under.set_title(f"{title}\n(axes enlarged {enlarged:.0f} times)" if enlarged > 1.5 else title)
        first, second = map(label, run.checkpoint.columns)
        over.set_xlabel(f"weight of {first}")
        under.set_xlabel(f"change of the weight of {first}")
        over.set_ylabel(f"weight of {second}")
        under.set_ylabel(f"change of the weight of {second}")
        for axes in (over, under):
            axes.set_aspect("equal")
            axes.locator_params(nbins=6)
    over.plot([], [], color="#c4c4c4", linewidth=0.8, label="equal loss")
    figure.legend(*over.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _shade(axes: Axes, largest: float) -> None:
    """Shade the quadrants of steps that move both weights in the same direction."""
    for sign, name in ((-1, "both down"), (1, "both up")):
        axes.fill_between([0, sign * largest], 0, sign * largest, color="#eeeeee", linewidth=0)
        axes.text(*(0.5 * sign * largest, 0.9 * sign * largest, name), ha="center", va="center")
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.axvline(0, color="#888888", linewidth=0.8)
    axes.set_xlim(-largest, largest)
    axes.set_ylim(-largest, largest)


def _train_again(finished: FinishedRun) -> tuple[Run, Array]:
    """Train a neuron of two inputs once more; return the run and its weights (steps + 1, 2) step by step."""
    run = Run(finished.experiment, finished.splits)
    W = run.network.dense[0].W
    path = [W[:, 0].copy()]

    def keep(_: object) -> None:
        path.append(W[:, 0].copy())

    run.trainer.save_every = 1
    for epoch in run.trainer.epochs(keep):  # keep is called after each step but the last
        keep(epoch)
    return run, np.array(path, np.float64)


def _loss(run: Run) -> float:
    """Return the mean loss of all training examples."""
    train = run.trainer.train
    X, y = train.examples(np.arange(len(train)))
    return float(run.loss.evaluate(run.network.forward(X), y, None))


def _losses(run: Run, first: Array, second: Array) -> Array:
    """Return the loss (second, first) for each pair of weights, at the bias that the network has."""
    W = run.network.dense[0].W
    before = W.copy()
    losses = np.empty((len(second), len(first)))
    for i, w2 in enumerate(second):
        for j, w1 in enumerate(first):
            W[:, 0] = w1, w2
            losses[i, j] = _loss(run)
    W[...] = before
    return losses
