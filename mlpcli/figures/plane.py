"""The examples of a 1-D or 2-D data set as points, and the part of the plane that they take up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.figures.style import INK, MARKERS, class_colour, label, new_figure
from mlpcli.streams import stream

__all__ = [
    "LEVELS",
    "class_handles",
    "is_square",
    "new_plane",
    "pick",
    "scatter_classes",
    "scatter_values",
    "split_handles",
    "value_name",
]

LEVELS = "cividis"  # the colours of values: light is large, for all kinds of colour vision
_MOST_POINTS = 2000  # of a split: more are a blot
_FEW_RINGS = 20
_MOST_HANDLES = 12


def is_square(ranges: Sequence[tuple[float, float]]) -> bool:
    """Return whether both axes of a plane seem to have one unit, and so are drawn to one scale."""
    lengths = [high - low for low, high in ranges]
    return len(lengths) == 2 and max(lengths) < 2 * min(lengths)


def new_plane(
    width: float, most: float, title: str, ranges: Sequence[tuple[float, float]], *, has_bar: bool
) -> Figure:
    """Return an empty picture for a plane over ``ranges``: no higher than that and its legend need.

    ``width`` and ``most``, the largest height, are in hundreds of pixels; ``has_bar`` says whether a colour
    bar stands beside it.
    """
    if not is_square(ranges):
        return new_figure(width, most, title)
    (left, right), (bottom, top) = ranges
    across = width - (1.9 if has_bar else 0.9)
    return new_figure(width, min(most, across * (top - bottom) / (right - left) + 1.7), title)


def value_name(experiment: Experiment, values: int = 1) -> str:
    """Return what the target of a regression is called, and that it is the first of several ``values``."""
    name = label(getattr(experiment.data, "target", "y"))
    return f"{name} (the first of {values} values)" if values > 1 else name


def pick(split: Split) -> NDArray[np.intp]:
    """Return which examples of a split are shown, as positions in it: all, or a sample of many."""
    n = len(split)
    if n <= _MOST_POINTS:
        return np.arange(n)
    return np.sort(stream(0, "figure").choice(n, _MOST_POINTS, replace=False))


def scatter_classes(
    axes: Axes,
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    filled: bool = True,
    wrong: NDArray[np.bool_] | None = None,
    size: float = 22,
) -> None:
    """Draw points X (n, 2) of classes y (n,): each class its colour and marker; those of ``wrong`` ringed."""
    for index in np.unique(y):
        own = X[y == index]
        colour = class_colour(int(index))
        axes.scatter(
            own[:, 0],
            own[:, 1],
            s=size,
            marker=MARKERS[index % len(MARKERS)],
            facecolors=colour if filled else "white",
            edgecolors="white" if filled else colour,
            linewidths=0.5 if filled else 1.2,
            zorder=3,
        )
    if wrong is not None and wrong.any():
        width = 1.1 if wrong.sum() <= _FEW_RINGS else 0.5  # many would hide what they ring
        axes.scatter(
            X[wrong, 0],
            X[wrong, 1],
            s=4 * size,
            facecolors="none",
            edgecolors=INK,
            linewidths=width,
            zorder=4,
        )


def scatter_values(
    axes: Axes, X: NDArray[Any], values: NDArray[Any], norm: Any, *, filled: bool = True, size: float = 22
) -> None:
    """Draw points X (n, 2) in the colours of their values (n,)."""
    axes.scatter(
        X[:, 0],
        X[:, 1],
        s=size,
        c=values,
        cmap=LEVELS,
        norm=norm,
        marker="o" if filled else "D",
        edgecolors="white",  # a dark edge would be lost where the plane is dark
        linewidths=0.6,
        zorder=3,
    )


def split_handles(colour: str, *, held_out: bool, by_value: bool = False) -> list[Line2D]:
    """Return the legend's entries for training and held-out examples; ``by_value``: of `scatter_values`."""
    sign: dict[str, Any] = {"linestyle": "none", "markersize": 6, "marker": "o", "color": colour}
    other: dict[str, Any] = {"markerfacecolor": "white"}
    if by_value:
        sign["color"] = "#888888"
        other = {"marker": "D", "markeredgecolor": "white"}
    handles = [Line2D([], [], label="training", **{**sign, "markeredgecolor": "white"})]
    if held_out:
        handles.append(Line2D([], [], label="held out (val, test)", **{**sign, **other}))
    return handles


def class_handles(classes: Sequence[str]) -> list[Line2D]:
    """Return the legend's entries for classes, and of many only the first."""
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=MARKERS[i % len(MARKERS)],
            color=class_colour(i),
            markeredgecolor="white",
            markersize=7,
            label=label(f"class {name}" if name.isdecimal() else name),
        )
        for i, name in enumerate(classes[:_MOST_HANDLES])
    ]
    if len(classes) > _MOST_HANDLES:
        handles.append(Line2D([], [], linestyle="none", label=f"… {len(classes):,} classes in all"))
    return handles
