"""Draws the examples of a 1-D or 2-D data set as points, and makes figures that fit their ranges."""

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
    "RINGS",
    "class_handles",
    "is_square",
    "new_plane",
    "pick",
    "scatter_classes",
    "scatter_values",
    "split_handles",
    "value_name",
]

LEVELS = "viridis"  # the colors of values: lighter is larger, with any kind of color vision
_MAX_POINTS = 2000  # per split; more would cover each other
_FEW_RINGS = 20
RINGS = "mistakes"  # the name of the rings in a picture
_MAX_HANDLES = 12


def is_square(ranges: Sequence[tuple[float, float]]) -> bool:
    """Return whether both axes of a plane seem to have the same unit, and are drawn to the same scale."""
    lengths = [high - low for low, high in ranges]
    return len(lengths) == 2 and max(lengths) < 2 * min(lengths)


def new_plane(
    width: float, max_height: float, title: str, ranges: Sequence[tuple[float, float]], *, has_bar: bool
) -> Figure:
    """Return an empty picture for a plane over ``ranges``, as high as the plane and its legend need.

    ``width`` and ``max_height`` are in hundreds of pixels; ``has_bar`` says whether there is a color bar
    beside the plane.
    """
    if not is_square(ranges):
        return new_figure(width, max_height, title)
    (left, right), (bottom, top) = ranges
    across = width - (1.9 if has_bar else 0.9)
    return new_figure(width, min(max_height, across * (top - bottom) / (right - left) + 1.7), title)


def value_name(experiment: Experiment, values: int = 1) -> str:
    """Return the label of a regression's target; with several ``values`` it says that it is the first."""
    target = getattr(experiment.data, "target", "y")
    name = label(target if isinstance(target, str) else target[0])
    return f"{name} (the first of {values} values)" if values > 1 else name


def pick(split: Split) -> NDArray[np.intp]:
    """Return the positions in a split of the examples to show: all of them, or a random sample of many."""
    n = len(split)
    if n <= _MAX_POINTS:
        return np.arange(n)
    return np.sort(stream(0, "figure").choice(n, _MAX_POINTS, replace=False))


def scatter_classes(
    axes: Axes,
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    filled: bool = True,
    wrong: NDArray[np.bool_] | None = None,
    size: float = 22,
) -> None:
    """Draw points X (n, 2) of classes y (n,), each with the color and marker of its class.

    Points that are ``wrong`` (n,) get a ring.
    """
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
        width = 1.1 if wrong.sum() <= _FEW_RINGS else 0.5  # many thick rings would hide the points
        axes.scatter(
            X[wrong, 0],
            X[wrong, 1],
            s=4 * size,
            facecolors="none",
            edgecolors=INK,
            linewidths=width,
            zorder=4,
            gid=RINGS,
        )


def scatter_values(
    axes: Axes, X: NDArray[Any], values: NDArray[Any], norm: Any, *, filled: bool = True, size: float = 22
) -> None:
    """Draw points X (n, 2), colored by their values (n,): a right prediction behind looks alike."""
    axes.scatter(
        X[:, 0],
        X[:, 1],
        s=1.5 * size,  # so that one sees the color inside the edge
        c=values,
        cmap=LEVELS,
        norm=norm,
        marker="o" if filled else "D",
        edgecolors="white",  # a dark edge would be invisible in dark regions
        linewidths=0.5,
        zorder=3,
    )


def split_handles(colour: str, *, held_out: bool, by_value: bool = False) -> list[Line2D]:
    """Return the legend's entries for training and held-out examples.

    ``by_value`` is for examples that `scatter_values` has drawn.
    """
    sign: dict[str, Any] = {"linestyle": "none", "markersize": 6, "marker": "o", "color": colour}
    other: dict[str, Any] = {"markerfacecolor": "white"}
    if by_value:
        sign["color"] = "#888888"
        other = {"marker": "D", "markeredgecolor": "white"}
    handles = [Line2D([], [], label="training", **{**sign, "markeredgecolor": "white"})]
    if held_out:
        handles.append(Line2D([], [], label="held out (val, test)", **{**sign, **other}))
    if by_value:
        handles.append(Line2D([], [], linestyle="none", label="filled with the true value"))
    return handles


def class_handles(classes: Sequence[str]) -> list[Line2D]:
    """Return the legend's entries for classes; of many classes, only for the first ones."""
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
        for i, name in enumerate(classes[:_MAX_HANDLES])
    ]
    if len(classes) > _MAX_HANDLES:
        handles.append(Line2D([], [], linestyle="none", label=f"… {len(classes):,} classes in all"))
    return handles
