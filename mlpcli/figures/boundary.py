"""Draws the predictions of a network over its features: regions of classes, or a fitted function."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mlpcli.figures import UnfitError
from mlpcli.figures.differences import arrange
from mlpcli.figures.plane import (
    LEVELS,
    class_handles,
    is_square,
    new_plane,
    pick,
    scatter_classes,
    scatter_values,
    split_handles,
    value_name,
)
from mlpcli.figures.regions import Scale, draw_regions
from mlpcli.figures.style import (
    INK,
    LINE_COLOURS,
    class_colour,
    label,
    line_colours,
    new_figure,
    percent_axis,
    styled,
)
from mlpcli.text import number
from mlpcli.training.finished import FinishedRun
from mlpcli.training.plane import extent, grid_of, without_axis

__all__ = ["draw_boundary", "redraw_boundary", "scores_in_words", "sort_out"]

T = TypeVar("T")

_POINTS = 300  # of the grid, along each axis
_WIDE = 3.0  # inches of a panel, if there are few side by side
_LETTERS = 11  # of a title, to an inch
_LINE = 0.16  # inches


@styled
def draw_boundary(runs: Sequence[FinishedRun], names: Sequence[str] = ()) -> Figure:
    """Draw the predictions of the network over one or two features, and the examples.

    Classes in the plane are drawn as regions, with rings around the network's mistakes. A regression is drawn
    as the fitted function of its one feature, or as contours over two. Several runs become a contact sheet,
    arranged by the keys that differ; ``names`` stand before the titles of its panels. Raises UnfitError if
    there are more than two features.
    """
    for run in runs:
        _require_plane(run)
    if len(runs) == 1:
        return _one(runs[0], 6.2, 6.2)[0]
    if len(set(map(_data_of, runs))) > 1:
        raise UnfitError(
            "boundary: the runs have different data; name runs with the same features and the same "
            "classes or target"
        )
    return _contact_sheet(runs, names)


def sort_out(runs: Sequence[FinishedRun]) -> tuple[list[FinishedRun], list[str]]:
    """Return as many runs as fit on one sheet together, and for each of the others why it does not.

    Raises UnfitError if none has a boundary that can be drawn.
    """
    alike: dict[Any, list[FinishedRun]] = {}
    reasons, last = [], None
    for run in runs:
        try:
            _require_plane(run)
        except UnfitError as error:
            reasons.append(f"{run.directory}: {error}")
            last = error
        else:
            alike.setdefault(_data_of(run), []).append(run)
    if last is not None and not alike:
        raise last
    chosen = max(alike.values(), key=len)
    for others in alike.values():
        if others is not chosen:
            reasons += [f"{run.directory}: has other data than {chosen[0].directory}" for run in others]
    return chosen, reasons


@styled
def redraw_boundary(
    epochs: Sequence[FinishedRun], render: Callable[[FinishedRun, Figure, Axes], T]
) -> list[T]:
    """Draw the boundary of a run as it was after several epochs, and return what ``render`` makes of each.

    ``render`` is called with the run as it was, the picture and its axes. All pictures have the axes of the
    last one, so that only the predictions change. Raises UnfitError if the data have more than two features.
    """
    _require_plane(epochs[-1])
    figure, axes = _one(epochs[-1], 6, 5)
    span = _Span.of(epochs[-1:])
    canvas: Any = figure.canvas
    canvas.draw()
    figure.set_layout_engine("none")  # the layout would take half of the time
    height = axes.get_ylim()
    made = []
    for then in epochs:
        figure.suptitle(_title(then), fontsize=11)
        for artist in (*axes.images, *axes.collections, *axes.lines):
            artist.remove()  # keep the axes, whose ticks take longest
        _draw(axes, then, span, held_out=True)
        axes.set_ylim(height)
        made.append(render(then, figure, axes))
    return made


def _data_of(run: FinishedRun) -> Any:
    """Return what runs on one sheet have in common."""
    return run.checkpoint.columns, run.checkpoint.classes, _target(run)


def _require_plane(run: FinishedRun) -> None:
    n = len(run.checkpoint.columns)
    if n > 2:
        raise UnfitError(f"boundary needs 1 or 2 features, but {run.experiment.data.title} has {n:,}")
    why_not = without_axis(run.checkpoint.columns, run.checkpoint.kinds)
    if why_not is not None:
        raise UnfitError(f"boundary cannot draw {run.experiment.data.title}: {why_not}")


def _one(run: FinishedRun, width: float, max_height: float) -> tuple[Figure, Axes]:
    """Draw one run, with a legend and its scores in the title; return the figure and its axes."""
    span = _Span.of([run])
    is_plane = len(span.ranges) == 2
    figure = new_plane(width, max_height, _title(run), span.ranges, has_bar=is_plane)
    axes = figure.subplots(1, 1)
    assert isinstance(axes, Axes)
    picture = _draw(axes, run, span, held_out=True)
    if is_plane:
        _draw_bar(figure, axes, run, picture)
    _draw_legend(figure, _handles(run))
    return figure, axes


def _draw_legend(figure: Figure, handles: list[Line2D]) -> None:
    """Draw the legend under the picture, in as many columns as fit."""
    longest = max(len(str(handle.get_label())) for handle in handles)
    fitting = int(14.5 * figure.get_figwidth()) // (longest + 8)
    figure.legend(handles=handles, loc="outside lower center", ncols=max(1, min(len(handles), fitting, 6)))


def _draw_bar(figure: Figure, axes: Any, run: FinishedRun, picture: Any) -> None:
    """Draw beside ``axes`` what the colours of a plane mean; ``picture`` are the levels of a regression."""
    if run.checkpoint.classes is None:
        figure.colorbar(picture, ax=axes, label=_target(run))
    else:
        Scale.of(run).bar(figure, axes)


def _title(run: FinishedRun) -> str:
    return f"{label(run.name)}, epoch {run.checkpoint.epoch:,}\n{scores_in_words(run, [*run.splits.parts])}"


def scores_in_words(run: FinishedRun, parts: Sequence[str]) -> str:
    """Return the accuracy of the network, or its mean squared error, on some splits, in words."""
    scores = []
    for part in parts:
        split = run.splits.parts[part]
        y, logits = split.y[split.rows], run.logits(part)
        if run.checkpoint.classes is None:
            errors = run.values(logits).astype(np.float64) - y
            scores.append(f"{part} {number(float(np.mean(errors**2)))}")
        else:
            scores.append(f"{part} {float(np.mean(run.loss.classify(logits) == y)):.1%}")
    name = "mean squared error" if run.checkpoint.classes is None else "accuracy"
    return f"{name}: {', '.join(scores)}"


def _handles(run: FinishedRun) -> list[Line2D]:
    parts = run.splits.parts
    classes = run.checkpoint.classes
    is_function = classes is None and len(run.checkpoint.columns) == 1
    handles = class_handles(classes or ())
    colours = _value_colours(run.checkpoint.targets) if is_function else []
    for i, (_, colour) in enumerate(colours, 1):
        which = "the network" if len(colours) == 1 else f"the network, value {i}"
        handles.append(Line2D([], [], color=colour, linewidth=2, label=which))
    handles += split_handles(
        LINE_COLOURS[0] if len(colours) == 1 else INK,
        held_out=len(parts) > 1,
        by_value=classes is None and not is_function,
    )
    if classes is not None and len(run.checkpoint.columns) == 2:
        ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markersize": 11}
        handles.append(Line2D([], [], linestyle="none", color=INK, label="mistake", **ring))
        handles += Scale.of(run).lines()
    return handles


@dataclass(frozen=True)
class _Span:
    """The ranges of the axes and of a regression's targets, over all data that are drawn together."""

    ranges: list[tuple[float, float]]
    targets: tuple[float, float]

    @classmethod
    def of(cls, runs: Sequence[FinishedRun]) -> _Span:
        reaches = zip(*(extent(run.splits) for run in runs), strict=True)
        y = np.concatenate(
            [
                split.y[split.rows].reshape(len(split), -1)[:, 0]
                for run in runs
                for split in run.splits.parts.values()
            ]
        )
        return cls(
            [(min(low for low, _ in reach), max(high for _, high in reach)) for reach in reaches],
            (float(y.min()), float(y.max())),
        )


def _draw(axes: Axes, run: FinishedRun, span: _Span, *, held_out: bool, size: float = 22) -> Any:
    """Draw the predictions and the examples; return the artist for a color bar, or None without one."""
    classes = run.checkpoint.classes is not None
    ranges = span.ranges
    axes.set_xlabel(label(run.checkpoint.columns[0]))
    parts = [part for part in run.splits.parts if held_out or part == "train"]
    if len(ranges) == 1:
        draw = _draw_probabilities if classes else _draw_function
        draw(axes, run, ranges[0], parts)
        return None
    axes.set_ylabel(label(run.checkpoint.columns[1]))
    axes.set_xlim(*ranges[0])
    axes.set_ylim(*ranges[1])
    if is_square(ranges):
        axes.set_aspect("equal")
    axes.locator_params(nbins=6)
    if classes:
        draw_regions(axes, run, ranges)
        _draw_examples(axes, run, parts, size)
        return None
    return _draw_levels(axes, run, span, parts, size)


def _draw_examples(axes: Axes, run: FinishedRun, parts: list[str], size: float) -> None:
    for part in parts:
        split = run.splits.parts[part]
        chosen = pick(split)
        targets = split.y[split.rows][chosen]
        wrong = run.loss.classify(run.logits(part))[chosen] != targets
        scatter_classes(
            axes, split.X[split.rows][chosen], targets, filled=part == "train", wrong=wrong, size=size
        )


def _draw_levels(axes: Axes, run: FinishedRun, span: _Span, parts: list[str], size: float) -> Any:
    x, y, points = grid_of(span.ranges, _POINTS)
    fitted = run.values(run.predict_logits(points))[:, 0].reshape(_POINTS, _POINTS)
    locator = MaxNLocator(16, steps=[1, 2, 5, 10])
    levels = locator.tick_values(*span.targets)  # the same for all runs on these data
    norm = Normalize(levels[0], levels[-1])
    picture = axes.contourf(x, y, fitted, levels=levels, extend="both", cmap=LEVELS, norm=norm, zorder=0)
    for part in parts:
        split = run.splits.parts[part]
        chosen = pick(split)
        values = split.y[split.rows][chosen, 0]
        scatter_values(axes, split.X[split.rows][chosen], values, norm, filled=part == "train", size=size)
    return picture


def _draw_function(axes: Axes, run: FinishedRun, reach: tuple[float, float], parts: list[str]) -> None:
    x = np.linspace(*reach, 500)[:, None]
    fitted = run.values(run.predict_logits(x))
    colours = _value_colours(fitted.shape[1])
    for part in parts:
        split = run.splits.parts[part]
        chosen = pick(split)
        X, y = split.X[split.rows][chosen, 0], split.y[split.rows][chosen]
        filled = part == "train"
        for i, (colour, _) in enumerate(colours):
            axes.scatter(
                X,
                y[:, i],
                s=14,
                facecolors=colour if filled else "white",
                edgecolors="white" if filled else colour,
                linewidths=0.4 if filled else 0.9,
                zorder=2,
            )
    for i, (_, colour) in enumerate(colours):
        axes.plot(x[:, 0], fitted[:, i], color=colour, linewidth=2, zorder=3)
    axes.set_xlim(*reach)
    axes.set_ylabel(_target(run))


def _value_colours(values: int) -> list[tuple[Any, Any]]:
    """Return, for each value of a regression, the color of its examples and that of its predictions."""
    if values == 1:
        return [(LINE_COLOURS[0], LINE_COLOURS[1])]
    return [(colour, colour) for colour in line_colours(values)]


def _draw_probabilities(axes: Axes, run: FinishedRun, reach: tuple[float, float], parts: list[str]) -> None:
    x = np.linspace(*reach, 500)[:, None]
    scores = run.loss.predict(run.predict_logits(x))
    for i in range(scores.shape[1]):
        axes.plot(x[:, 0], scores[:, i], color=class_colour(i), linewidth=2)
    low, high = float(scores.min()), float(scores.max())
    row = 0.05 * (high - low or 1)
    for part in parts:
        split = run.splits.parts[part]
        chosen = pick(split)
        y = split.y[split.rows][chosen]
        under = np.column_stack([split.X[split.rows][chosen, 0], low - row * (1 + y)])
        scatter_classes(axes, under, y, filled=part == "train", size=14)
    axes.set_xlim(*reach)
    if run.loss.outputs == "probabilities":
        axes.set_ylabel("probability")
        percent_axis(axes.yaxis)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    else:
        axes.set_ylabel("score")


def _target(run: FinishedRun) -> str:
    return value_name(run.experiment, run.checkpoint.targets if len(run.checkpoint.columns) == 2 else 1)


def _contact_sheet(runs: Sequence[FinishedRun], names: Sequence[str]) -> Figure:
    """Draw a panel for each run, all with the same axes and the same levels."""
    sheet = arrange(runs)
    side = _WIDE if sheet.columns <= 3 else 2.4
    span = _Span.of(runs)
    sides = [high - low for low, high in span.ranges]
    height = 0.35 + (side - 0.1) * (sides[1] / sides[0] if is_square(span.ranges) else 1)
    is_plane = len(span.ranges) == 2
    named = [": ".join(filter(None, pair)) for pair in zip_longest(names, sheet.titles)]
    titles, row_names, column_names = (
        [textwrap.fill(title, round(_LETTERS * length)) for title in some]
        for some, length in ((named, side), (sheet.row_names, height), (sheet.column_names, side))
    )
    breaks_scores = side < _WIDE or runs[0].checkpoint.classes is None
    height += _LINE * (breaks_scores + max(title.count("\n") for title in (*titles, *column_names)))
    is_shared = runs[0].checkpoint.classes is None or len(set(map(Scale.of, runs))) == 1
    bars = 0.0 if is_shared or not is_plane else 0.7 * sheet.rows
    figure = new_figure(
        max(side * sheet.columns + 0.6, 6), height * sheet.rows + (1 if is_shared else 1.2) + bars
    )
    panels = figure.subplots(sheet.rows, sheet.columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat:
        panel.set_visible(False)
    pictures = []
    for run, place, title in zip(runs, sheet.places, titles, strict=True):
        panel = panels[place]
        panel.set_visible(True)
        pictures.append(_draw(panel, run, span, held_out=False, size=14))
        scores = scores_in_words(run, list(dict.fromkeys(["train", run.held_out])))
        if breaks_scores:
            scores = scores.replace(": ", "\n")
        panel.set_title("\n".join(filter(None, [title, scores])), fontsize=9)
        panel.label_outer()
    for row, name in enumerate(row_names):
        panels[row, 0].set_ylabel(f"{name}\n{panels[row, 0].get_ylabel()}")
    for column, name in enumerate(column_names):
        title = panels[0, column].get_title()
        panels[0, column].set_title(f"{name}\n{title}", fontsize=9)
    if is_plane and is_shared:
        _draw_bar(figure, panels, runs[0], pictures[0])
    elif is_plane:
        for run, place in zip(runs, sheet.places, strict=True):
            Scale.of(run).bar(figure, panels[place], "bottom")
    handles = {str(handle.get_label()): handle for run in runs for handle in _handles(run)}
    absent = (
        ("held out", "training") if runs[0].checkpoint.classes else ("held out",)
    )  # only training is drawn
    _draw_legend(figure, [handle for name, handle in handles.items() if not name.startswith(absent)])
    return figure
