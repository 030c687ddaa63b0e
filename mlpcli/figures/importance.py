"""Draws the permutation importance of the columns, with its spread."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mlpcli.figures import UnfitError
from mlpcli.figures.style import INK, LINE_COLOURS, label, new_figure, percent_axis, styled
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import UndefinedError
from mlpcli.text import number, percent
from mlpcli.training.finished import FinishedRun
from mlpcli.training.importance import choose_measure, measure_importance

__all__ = ["draw_importance"]

_MAX_COLUMNS = 20
_REPEATS = 10


@styled
def draw_importance(run: FinishedRun) -> Figure:
    """Draw what the score of the held-out split loses when a column is shuffled, for the 20 that matter most.

    A bar is the mean over ten permutations, its line their standard deviation. Raises UnfitError for images,
    whose columns are pixels, or if the score has no value for the split.
    """
    checkpoint, part = run.checkpoint, run.held_out
    if run.experiment.data.image(len(checkpoint.columns)) is not None:
        raise UnfitError(
            f"importance needs columns that mean something alone, but {run.experiment.data.title} has pixels"
        )
    try:
        found = measure_importance(checkpoint, run.splits.parts[part], part, _REPEATS)
    except UndefinedError as error:
        name = choose_measure(checkpoint)
        raise UnfitError(f"importance has nothing to show: {name} is not defined, as {error}") from None
    order = found.order[:_MAX_COLUMNS]
    measure = MEASURES[found.measure]
    shown = percent(found.score) if measure.is_share else number(found.score)
    more = f", {len(order)} of {len(found.columns):,} columns" if len(order) < len(found.columns) else ""
    title = f"{label(run.name)}: {measure.title} {shown} on {found.rows:,} {part} examples{more}"
    figure = new_figure(6.2, 0.32 * len(order) + 1.6, title)
    axes = figure.subplots(1, 1)
    places = np.arange(len(order))
    axes.barh(places, found.means[order], color=LINE_COLOURS[0], height=0.62)
    low, high = found.means[order] - found.spreads[order], found.means[order] + found.spreads[order]
    axes.hlines(places, low, high, color=INK, linewidth=1)
    axes.axvline(0, color="#888888", linewidth=0.8)
    axes.set_yticks(places, [label(found.columns[j]) for j in order], fontsize=9)
    axes.set_ylim(len(order) - 0.5, -0.5)  # the first on top
    axes.tick_params(axis="y", length=0)
    what = "lost" if measure.higher_is_better else "gained"
    axes.set_xlabel(
        f"{measure.title} {what} when the column is shuffled\n(mean and spread of {_REPEATS} times)"
    )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7))
    if measure.is_share:
        percent_axis(axes.xaxis)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    return figure
