"""Draws unit health over the epochs: dead and saturated units, gradients, updates, norms of the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlpcli.figures import UnfitError
from mlpcli.figures.differences import name_runs
from mlpcli.figures.style import count_axis, label, line_colours, log_axis, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun, Row

__all__ = ["draw_health"]

_FEW = 12  # up to this number, each epoch is marked by a point
_MAX_HANDLES = 12
_MAX_LAYERS = 4  # that have a row, of several runs
_USUAL = 1e-3  # update ratio (CS231n notes, Neural Networks 3)

Get = Callable[[Row], list[float | None]]


@dataclass(frozen=True)
class _Panel:
    """What a panel shows of each layer, whether it is a share, and whether small values matter."""

    title: str
    get: Get
    is_share: bool = False
    is_log: bool = False
    usual: float | None = None


_PANELS = (
    _Panel("dead units", lambda row: list(row.dead), is_share=True),
    _Panel("saturated outputs", lambda row: list(row.saturated), is_share=True),
    _Panel("norm of the gradient of W", lambda row: list(row.gradient_norms), is_log=True),
    _Panel(
        "update ratio, |change of W| / |W|", lambda row: list(row.update_ratio), is_log=True, usual=_USUAL
    ),
    _Panel("norm of W", lambda row: [] if row.weight_norm is None else list(row.weight_norm)),
)


@styled
def draw_health(runs: Sequence[FinishedRun]) -> Figure:
    """Draw the norms of the gradient and of the weights, and the update ratio, of each layer over the epochs.

    If a network has units that can die or saturate, the shares of dead units and of saturated outputs are
    drawn, too. A single run has a panel for each of these, with a line for each layer. Several runs have a
    row for each layer, with a line for each run; of many layers the first and the last ones. Raises
    UnfitError for runs of different numbers of layers.
    """
    panels = [
        panel
        for panel in _PANELS
        if any(value is not None for run in runs for value in panel.get(run.rows[0]))
    ]
    return _draw_run(runs[0], panels) if len(runs) == 1 else _draw_runs(runs, panels)


def _draw_run(run: FinishedRun, panels: list[_Panel]) -> Figure:
    n_layers = run.rows[0].layers
    colours = line_colours(n_layers)
    columns = 3 if len(panels) in (3, 5) else 2
    rows = -(-len(panels) // columns)
    size = (4.3 if columns == 2 else 3.6) * columns, 2.9 * rows + 0.9
    figure = new_figure(*size, f"{label(run.name)}: unit health")
    grid = figure.subplots(rows, columns).ravel()
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes, panel in zip(grid, panels, strict=False):
        for layer in range(n_layers):
            _draw(axes, run, panel, layer, colours[layer])
        _finish(axes, panel)
        axes.set_ylabel(panel.title)
        axes.set_xlabel("epoch")
        if panel.is_share:
            _write_largest(axes, run, panel)
    shown = [*range(n_layers)] if n_layers <= _MAX_HANDLES else [0, n_layers // 2, n_layers - 1]
    handles = [Line2D([], [], color=colours[i], label=_layer(i, n_layers)) for i in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
    return figure


def _draw_runs(runs: Sequence[FinishedRun], panels: list[_Panel]) -> Figure:
    counts = {run.rows[0].layers for run in runs}
    if len(counts) > 1:
        found = " and ".join(map(str, sorted(counts)))
        raise UnfitError(
            f"health compares layer with layer, but the runs have {found} layers; name those of one depth"
        )
    (n,) = counts
    layers = [*range(n)] if n <= _MAX_LAYERS else [0, 1, n - 2, n - 1]
    colours, names = line_colours(len(runs)), name_runs(runs)
    figure = new_figure(3.4 * len(panels), 2.3 * len(layers) + 0.9 + 0.2 * min(len(runs), 12))
    grid = figure.subplots(len(layers), len(panels), squeeze=False, sharex=True)
    for row, layer in enumerate(layers):
        for axes, panel in zip(grid[row], panels, strict=True):
            for run, colour in zip(runs, colours, strict=True):
                _draw(axes, run, panel, layer, colour)
            if not axes.lines:
                axes.set_axis_off()  # the output layer has no units that die
                continue
            _finish(axes, panel)
            if row == 0:
                axes.set_title(panel.title)
        grid[row, 0].annotate(
            _layer(layer, n),
            (-0.32, 0.5),
            xycoords="axes fraction",
            rotation=90,
            va="center",
            ha="center",
            fontsize=10,
        )
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    handles = [Line2D([], [], color=colour, label=name) for colour, name in zip(colours, names, strict=True)]
    longest = max(len(name) for name in names)
    columns = max(1, min(len(handles), 120 // (longest + 8)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    return figure


def _layer(i: int, n: int) -> str:
    return f"layer {i + 1}" + (" (output)" if i == n - 1 else "")


def _draw(axes: Axes, run: FinishedRun, panel: _Panel, layer: int, colour: Any) -> None:
    """Draw what a panel shows of a layer, if there is anything."""
    found = [(row.epoch, panel.get(row)[layer]) for row in run.rows if layer < len(panel.get(row))]
    values = np.array([value for _, value in found], dtype=np.float64)  # None becomes NaN
    if not np.isnan(values).all():
        marker = "." if len(found) <= _FEW else ""
        axes.plot([epoch for epoch, _ in found], values, color=colour, linewidth=1.3, marker=marker)


def _finish(axes: Axes, panel: _Panel) -> None:
    """Set the scales of a panel, and draw what is usual."""
    count_axis(axes.xaxis)
    axes.grid(True)
    is_log = panel.is_log and any(np.nanmax(line.get_ydata(), initial=0) > 0 for line in axes.lines)
    if panel.usual is not None:
        axes.axhline(panel.usual, color="#888888", linewidth=0.8, linestyle=":")
        place = ("axes fraction", "data")
        axes.annotate("usual", (1.01, panel.usual), xycoords=place, va="center", fontsize=8)
    if is_log:
        log_axis(axes, "y")
    elif panel.is_share:
        axes.set_ylim(-0.03, 1.03)
        percent_axis(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)


def _write_largest(axes: Axes, run: FinishedRun, panel: _Panel) -> None:
    """Write the largest share at the end beside it, with its layer and epoch."""
    last = run.rows[-1]
    shares = {i: share for i, share in enumerate(panel.get(last)) if share is not None}
    layer = max(shares, key=lambda i: shares[i])
    high = shares[layer] > 0.85
    axes.annotate(
        f"layer {layer + 1}: {shares[layer]:.0%} after epoch {last.epoch:,}",
        (last.epoch, shares[layer]),
        (0, -9 if high else 9),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=8,
    )
