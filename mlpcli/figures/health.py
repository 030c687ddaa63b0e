"""Draws unit health over the epochs, a line for each layer: dead and saturated units, gradients, updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlpcli.figures.style import count_axis, label, line_colours, log_axis, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun, Row

__all__ = ["draw_health"]

_FEW = 12  # up to this number, each epoch is marked by a point
_MAX_HANDLES = 12
_USUAL = 1e-3  # update ratio (CS231n notes, Neural Networks 3)


@styled
def draw_health(run: FinishedRun) -> Figure:
    """Draw the norms of the gradient and of the weights, and the update ratio, of each layer over the epochs.

    If the network has units that can die or saturate, the shares of dead units and of saturated outputs are
    drawn, too.
    """
    panels: list[tuple[str, Callable[[Row], list[float | None]], bool]] = [
        (title, get, False)
        for title, get in (("dead units", _dead), ("saturated outputs", _saturated))
        if any(value is not None for value in get(run.rows[0]))
    ]
    panels += [
        ("norm of the gradient of W", _norms, True),
        ("update ratio, |change of W| / |W|", _ratios, True),
    ]
    if run.rows[0].weight_norm is not None:
        panels.append(("norm of W", _weights, False))
    n_layers = len(run.rows[0].update_ratio)
    colours = line_colours(n_layers)
    columns = 3 if len(panels) in (3, 5) else 2
    rows = -(-len(panels) // columns)
    figure = new_figure(
        (4.3 if columns == 2 else 3.6) * columns, 2.9 * rows + 0.9, f"{label(run.name)}: unit health"
    )
    grid = figure.subplots(rows, columns).ravel()
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes, (title, get, log) in zip(grid, panels, strict=False):
        _draw(axes, run.rows, get, colours)
        axes.set_ylabel(title)
        axes.set_xlabel("epoch")
        count_axis(axes.xaxis)
        axes.grid(True)
        log = log and any(np.nanmax(line.get_ydata(), initial=0) > 0 for line in axes.lines)
        if get is _ratios:
            axes.axhline(_USUAL, color="#888888", linewidth=0.8, linestyle=":")
            place = ("axes fraction", "data")
            axes.annotate("usual", (1.01, _USUAL), xycoords=place, va="center", fontsize=8)
        if log:
            log_axis(axes, "y")
        elif get is _weights:
            axes.set_ylim(bottom=0)
        elif get in (_dead, _saturated):
            axes.set_ylim(-0.03, 1.03)
            percent_axis(axes.yaxis)
    shown = [*range(n_layers)] if n_layers <= _MAX_HANDLES else [0, n_layers // 2, n_layers - 1]
    handles = [Line2D([], [], color=colours[i], label=_layer(i, n_layers)) for i in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
    return figure


def _dead(row: Row) -> list[float | None]:
    return list(row.dead)


def _saturated(row: Row) -> list[float | None]:
    return list(row.saturated)


def _norms(row: Row) -> list[float | None]:
    return list(row.gradient_norms)


def _ratios(row: Row) -> list[float | None]:
    return row.update_ratio


def _weights(row: Row) -> list[float | None]:
    return [None] * row.layers if row.weight_norm is None else list(row.weight_norm)


def _layer(i: int, n: int) -> str:
    return f"layer {i + 1}" + (" (output)" if i == n - 1 else "")


def _draw(axes: Axes, rows: list[Row], get: Callable[[Row], list[float | None]], colours: list[Any]) -> None:
    epochs = [row.epoch for row in rows]
    values = np.array([get(row) for row in rows], dtype=np.float64)  # None becomes NaN
    for i in range(values.shape[1]):
        if not np.isnan(values[:, i]).all():
            axes.plot(
                epochs, values[:, i], color=colours[i], linewidth=1.3, marker="." if len(rows) <= _FEW else ""
            )
