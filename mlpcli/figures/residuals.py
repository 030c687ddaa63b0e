"""Draws the values of a regression: predicted against true ones, and what is left between them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlpcli.figures import UnfitError
from mlpcli.figures.style import LINE_COLOURS, label, new_figure, number_axis, styled
from mlpcli.nn.measures import measure_one
from mlpcli.nn.outcomes import Regressed
from mlpcli.streams import stream
from mlpcli.text import rounded
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_residuals"]

_MAX_TARGETS = 4
_MAX_POINTS = 3000
_FEW = 100  # up to this number, points are solid


@styled
def draw_residuals(run: FinishedRun) -> Figure:
    """Draw predicted against true values of the held-out split, and the residuals against the predicted ones.

    A residual is the true value minus the predicted one. Each of the first four targets has a row. Raises
    UnfitError for a classification.
    """
    if run.checkpoint.classes is not None:
        raise UnfitError(f"residuals needs a regression, but {run.experiment.data.title} has classes")
    part = run.held_out
    split = run.splits.parts[part]
    true = split.y[split.rows].astype(np.float64)
    values = run.values(run.logits(part)).astype(np.float64)
    names = run.checkpoint.target_names
    shown = min(len(names), _MAX_TARGETS)
    chosen = np.arange(len(true))
    if len(true) > _MAX_POINTS:
        chosen = stream(run.experiment.training.seed, "residuals").choice(
            len(true), _MAX_POINTS, replace=False
        )
    figure = new_figure(9.2, 3.9 * shown + 0.5)
    figure.suptitle(
        _title(run, part, Regressed.of(true, values, split.own_weights), len(chosen)), fontsize=11
    )
    panels = figure.subplots(shown, 2, squeeze=False)
    for i in range(shown):
        y, predicted = true[chosen, i], values[chosen, i]
        left, right = panels[i]
        name = label(names[i])
        _scatter(left, y, predicted)
        low, high = float(min(y.min(), predicted.min())), float(max(y.max(), predicted.max()))
        left.plot([low, high], [low, high], color="#888888", linewidth=0.8, linestyle=":")
        left.set_xlabel(f"true {name}")
        left.set_ylabel(f"predicted {name}")
        _scatter(right, predicted, y - predicted)
        right.axhline(0, color="#888888", linewidth=0.8, linestyle=":")
        right.set_xlabel(f"predicted {name}")
        right.set_ylabel("residual (true - predicted)")
        for axes in (left, right):
            number_axis(axes.xaxis)
            number_axis(axes.yaxis)
    return figure


def _title(run: FinishedRun, part: str, rows: Regressed, drawn: int) -> str:
    n = len(run.splits.parts[part])
    names = {"r2": "R2", "rmse": "RMSE"} if rows.y.shape[1] == 1 else {"r2": "R2"}  # units differ
    values = {title: measure_one(name, rows) for name, title in names.items()}
    scores = ", ".join(
        f"{title} {'-' if value is None else f'{value:.4g}' if abs(value) < 1000 else rounded(value)}"
        for title, value in values.items()
    )
    some = "" if drawn == n else f" ({drawn:,} are drawn)"
    return f"{label(run.name)}: {scores} on {n:,} {part} examples{some}"


def _scatter(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    solid = len(x) <= _FEW
    axes.scatter(
        x, y, s=16 if solid else 9, alpha=0.8 if solid else 0.35, color=LINE_COLOURS[0], linewidths=0
    )
    axes.grid(True)
    axes.set_axisbelow(True)
