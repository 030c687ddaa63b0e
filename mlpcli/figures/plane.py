"""The examples of a 1-D or 2-D data set as points, and the part of the plane that they take up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlpcli.data.batches import Split
from mlpcli.figures.style import INK, MARKERS, class_colour, label
from mlpcli.streams import stream

__all__ = ["LEVELS", "class_handles", "pick", "scatter_classes", "scatter_values"]

LEVELS = "cividis"  # the colours of values: light is large, for all kinds of colour vision
_MOST_POINTS = 2000  # of a split: more are a blot
_FEW_RINGS = 20
_MOST_HANDLES = 12


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
        edgecolors="white" if filled else INK,
        linewidths=0.6,
        zorder=3,
    )


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
