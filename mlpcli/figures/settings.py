"""Draws the settings of many runs: on parallel axes, their scores against each key, and importances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, log10
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from mlpcli.errors import UsageError
from mlpcli.figures import UnfitError
from mlpcli.figures.style import INK, LINE_COLOURS, label, new_figure, percent_axis, styled
from mlpcli.sweep.compare import Comparison, is_better_higher, title_of
from mlpcli.sweep.importance import SEED, key_importances
from mlpcli.sweep.wording import score_cell, short_names, value_text
from mlpcli.text import count

__all__ = ["DRAW", "best_quarter", "draw_importances", "draw_keys", "draw_parallel"]

_MOST_KEYS = 9
_MOST_GROUPS = 500  # lines
_BEST = 0.25  # share of the settings that stand out
_DECADES = 100  # a key whose values differ by this factor has a logarithmic axis
_MOST_TICKS = 8
_NEAR = 0.08  # of an axis, too near to label two values
_GREY, _PALE = "#888888", "#b0b0b0"
_NAME = 16  # characters of a value beside an axis


@dataclass(frozen=True)
class _Scale:
    """Where the values of a key lie on an axis: numbers by size, all else side by side in their order.

    A few numbers that would lie too near each other to be read are side by side, too. If they go over
    decades, as those that are drawn from log(...), they are on a logarithmic axis with round numbers.
    """

    values: list[Any]  # the distinct ones, in order
    is_number: bool
    is_log: bool = False
    is_even: bool = False
    is_rounded: bool = False  # whether round numbers are marked instead of the values

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Scale:
        """Return the scale for these values."""
        distinct = list({value_text(value): value for value in values}.values())
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct):
            return cls(sorted(distinct, key=_in_order), False, is_even=True)
        distinct.sort()
        scale = cls(distinct, True, is_log=distinct[0] > 0 and distinct[-1] >= _DECADES * distinct[0])
        if len(distinct) > _MOST_TICKS:
            return replace(scale, is_rounded=True)
        places = [scale.place(value) for value in distinct]
        nearest = min((b - a for a, b in pairwise(places)), default=1.0)
        if nearest >= _NEAR * (places[-1] - places[0]):
            return scale
        return replace(scale, is_rounded=True) if scale.is_log else cls(distinct, True, is_even=True)

    @property
    def has_means(self) -> bool:
        """Whether the values are no numbers, or few numbers, so that the mean for each is drawn."""
        return not self.is_number or len(self.values) <= _MOST_TICKS

    def place(self, value: Any) -> float:
        """Return the place of a value."""
        if self.is_even:
            return float([value_text(one) for one in self.values].index(value_text(value)))
        return log10(value) if self.is_log else float(value)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places to mark, with their labels: all values if they are few, else round numbers."""
        shown = self.values
        if self.is_rounded:
            return [
                (self.place(value), f"{value:g}") for value in _round(shown[0], shown[-1], is_log=self.is_log)
            ]
        if len(shown) > _MOST_TICKS:
            shown = [shown[i] for i in np.linspace(0, len(shown) - 1, _MOST_TICKS).round().astype(int)]
        return [(self.place(value), label(value_text(value), _NAME)) for value in shown]


def _round(low: float, high: float, *, is_log: bool) -> list[float]:
    """Return round numbers from ``low`` to ``high``."""
    locator = LogLocator() if is_log else MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
    slack = 1e-9 * (high - low)
    return [float(y) for y in locator.tick_values(low, high) if low - slack <= y <= high + slack]


def _in_order(value: Any) -> tuple[Any, ...]:
    """Return a key that sorts layers by their number and units, and texts by the alphabet."""
    if isinstance(value, list) and all(isinstance(item, int) for item in value):
        return 0, len(value), value, ""
    return 1, 0, [], value_text(value)


def _swept(found: Comparison) -> list[str]:
    """Return the keys to draw, at most so many; raises UnfitError if there are none."""
    keys = [key for key in found.keys if all(key in group.values for group in found.groups)]
    if not keys:
        raise UnfitError("the runs differ in nothing but their seeds, so there are no settings to draw")
    return keys[:_MOST_KEYS]


def best_quarter(settings: int) -> int:
    """Return how many of so many settings are the best quarter of them."""
    return max(1, round(_BEST * settings))


@styled
def draw_parallel(found: Comparison) -> Figure:
    """Draw a line for each setting through its values, on an axis for each key, to its mean score.

    The best is at the top of the last axis. It is orange, and the rest of the best quarter blue. Raises
    UnfitError if the runs differ in nothing but seeds.
    """
    keys, groups = _swept(found), found.groups[:_MOST_GROUPS]
    figure = new_figure(1.6 + 1.7 * len(keys), 4.4, f"{count(len(found.groups), 'setting')} by their values")
    axes = figure.subplots(1, 1)
    columns = []
    for i, (key, name) in enumerate(zip(keys, short_names(keys), strict=True)):
        scale = _Scale.of([group.values[key] for group in groups])
        low, high = scale.place(scale.values[0]), scale.place(scale.values[-1])
        span = high - low or 1.0
        columns.append([(scale.place(group.values[key]) - low) / span for group in groups])
        _draw_axis(axes, i, label(name), [((y - low) / span, text) for y, text in scale.ticks()])
    means = np.array([group.mean for group in groups])
    low, high = float(means.min()), float(means.max())
    ends = (low, high) if is_better_higher(found.score) else (high, low)
    span = (ends[1] - ends[0]) or 1.0
    columns.append([(mean - ends[0]) / span for mean in means])
    marks = _round(low, high, is_log=False) if high > low else [low]
    in_percent = score_cell(found.score, 0.5).endswith("%")
    ticks = [((y - ends[0]) / span, f"{100 * y:.3g}%" if in_percent else f"{y:.3g}") for y in marks]
    _draw_axis(axes, len(keys), title_of(found.score).partition(" ")[2], ticks, right=True)
    best = best_quarter(len(groups))
    spread = np.linspace(0.02, -0.02, len(groups)) if len(groups) > 1 else np.zeros(1)
    for i in reversed(range(len(groups))):  # the best on top
        colour = LINE_COLOURS[1] if i == 0 else LINE_COLOURS[0] if i < best else _PALE
        ys = [column[i] + (spread[i] if j < len(keys) else 0) for j, column in enumerate(columns)]
        axes.plot(
            range(len(ys)), ys, color=colour, linewidth=2.4 if i == 0 else 1.1, alpha=1 if i == 0 else 0.8
        )
    axes.set_xlim(-0.5, len(keys) + 0.6)
    axes.set_ylim(-0.12, 1.14)
    axes.axis("off")
    handles = [Line2D([], [], color=LINE_COLOURS[1], linewidth=2.4)]
    names = ["the best"]
    if best > 1:
        handles.append(Line2D([], [], color=LINE_COLOURS[0]))
        names.append("the rest of the best quarter")
    if len(groups) > best:
        handles.append(Line2D([], [], color=_PALE))
        names.append("the others")
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def _draw_axis(
    axes: Axes, x: float, name: str, ticks: Sequence[tuple[float, str]], *, right: bool = False
) -> None:
    """Draw an upright axis with its name above it, and its values beside it."""
    axes.plot([x, x], [0, 1], color=_GREY, linewidth=1, zorder=1)
    axes.text(x, 1.07, name, ha="center", va="bottom", fontsize=11)
    behind = {"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
    side, shift = ("left", 0.05) if right else ("right", -0.05)
    for y, text in ticks:
        axes.plot([x - 0.02, x + 0.02], [y, y], color=_GREY, linewidth=1, zorder=1)
        axes.text(x + shift, y, text, ha=side, va="center", fontsize=9, color=INK, zorder=5, bbox=behind)


@styled
def draw_keys(found: Comparison) -> Figure:
    """Draw the score of each run against each key, with a line through the means of a few values.

    Raises UnfitError if the runs differ in nothing but seeds.
    """
    keys = _swept(found)
    columns = min(len(keys), 3)
    rows = ceil(len(keys) / columns)
    runs = sum(len(group.results) for group in found.groups)
    scales = [_Scale.of([group.values[key] for group in found.groups]) for key in keys]
    title = f"{title_of(found.score)} of {count(runs, 'run')}"
    if any(scale.has_means for scale in scales):
        title += ", and the mean for each value"
    figure = new_figure(3.6 * columns + 0.4, 3.0 * rows + 0.4, title)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    panels: list[Axes] = list(grid.flat)
    for axes in panels[len(keys) :]:
        axes.remove()
    measure = title_of(found.score).partition(" ")[2]
    for axes, key, name, scale in zip(panels, keys, short_names(keys), scales, strict=False):
        scores: dict[float, list[float]] = {}
        for group in found.groups:
            scores.setdefault(scale.place(group.values[key]), []).extend(group.scores.values())
        xs = [x for x, values in scores.items() for _ in values]
        ys = [y for values in scores.values() for y in values]
        axes.plot(xs, ys, "o", color=LINE_COLOURS[0], ms=5, mec="#ffffff", mew=0.6)
        means = sorted((x, fmean(values)) for x, values in scores.items())
        if scale.has_means:
            line = "_-" if scale.is_number else "_"
            axes.plot(*zip(*means, strict=True), line, color=LINE_COLOURS[1], ms=16, mew=2, linewidth=1.2)
        places, texts = zip(*scale.ticks(), strict=True)
        long = max(map(len, texts)) * len(texts) > 34
        axes.set_xticks(
            places, texts, fontsize=8, rotation=30 if long else 0, ha="right" if long else "center"
        )
        low, high = min(xs), max(xs)
        margin = 0.08 * (high - low) or 0.5
        axes.set_xlim(low - margin, high + margin)
        axes.set_xlabel(label(name))
        axes.set_ylabel(measure)
        axes.tick_params(labelleft=True)  # a page may show a panel without those beside it
        if score_cell(found.score, 0.5).endswith("%"):
            percent_axis(axes.yaxis)
        axes.grid(True, axis="y")
        axes.set_axisbelow(True)
    return figure


@styled
def draw_importances(importances: Mapping[str, float]) -> Figure:
    """Draw the importance of each key; the bar of the seed is gray, as it is what luck comes to."""
    keys = list(importances)[: 2 * _MOST_KEYS]
    names = [
        "the seed" if key == SEED else label(name, 40)
        for key, name in zip(keys, short_names(keys), strict=True)
    ]
    figure = new_figure(
        6.2, 0.34 * len(keys) + 1.3, "Which keys decided whether a run was among the best quarter"
    )
    axes = figure.subplots(1, 1)
    colours = [_GREY if key == SEED else LINE_COLOURS[0] for key in keys]
    axes.barh(range(len(keys)), [importances[key] for key in keys], color=colours, height=0.62)
    axes.set_yticks(range(len(keys)), names, fontsize=9)
    axes.set_ylim(len(keys) - 0.5, -0.5)  # the first on top
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of the importance (PED-ANOVA)")
    percent_axis(axes.xaxis)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    return figure


def _draw_measured_importances(found: Comparison) -> Figure:
    """Measure the importances of the keys, and draw them; raises UnfitError if they cannot be measured."""
    try:
        importances = key_importances(found.results, found.score)
    except UsageError as error:
        raise UnfitError(f"key_importance: {error}") from None
    return draw_importances(importances)


DRAW: dict[str, Callable[[Comparison], Figure]] = {
    "parallel": draw_parallel,
    "keys": draw_keys,
    "key_importance": _draw_measured_importances,
}
