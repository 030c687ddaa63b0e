"""Draws a data set: points by class and split, or images by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlpcli.build.splits import Splits, load_splits
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Split
from mlpcli.figures import UnfitError
from mlpcli.figures.images import brightness, mosaic
from mlpcli.figures.plane import (
    class_handles,
    is_square,
    new_plane,
    pick,
    scatter_classes,
    scatter_values,
    split_handles,
    value_name,
)
from mlpcli.figures.style import INK, LINE_COLOURS, label, new_figure, styled
from mlpcli.training.memory import require_room_for_data
from mlpcli.training.plane import extent, without_axis

__all__ = ["draw_dataset"]

_PER_CLASS = 10  # images
_MAX_CLASSES = 20


@styled
def draw_dataset(experiment: Experiment) -> Figure:
    """Load the config's data set, split it as for training, and draw it.

    Examples with one or two features are drawn as points: filled in the training split, hollow if held out.
    Of images, the first ones of each class in the training split are drawn. Raises DataError; UnfitError for
    other data.
    """
    require_room_for_data(experiment)
    splits = load_splits(experiment)
    title = f"{label(experiment.data.title)}: " + ", ".join(
        f"{len(split):,} {part}" for part, split in splits.parts.items()
    )
    shape = experiment.data.image(len(splits.columns))
    if shape is not None and splits.classes is not None:
        return _draw_images(splits, splits.classes, shape, title)
    if len(splits.columns) > 2:
        raise UnfitError(
            f"a picture needs 1 or 2 features, or images, but {experiment.data.title} has "
            f"{len(splits.columns):,} features"
        )
    why_not = without_axis(splits.columns, splits.kinds)
    if why_not is not None:
        raise UnfitError(f"{experiment.data.title} cannot be drawn: {why_not}")
    return _draw_points(experiment, splits, title)


def _draw_images(splits: Splits, classes: tuple[str, ...], shape: tuple[int, int, int], title: str) -> Figure:
    split = splits.train
    y = split.y[split.rows]
    shown = classes[:_MAX_CLASSES]
    images = np.ones((len(shown) * _PER_CLASS, *shape))  # white if a class has fewer
    for index in range(len(shown)):
        found = split.rows[np.flatnonzero(y == index)[:_PER_CLASS]]
        first = index * _PER_CLASS
        images[first : first + len(found)] = brightness(split.X[found], shape).reshape(-1, *shape)
    sheet = mosaic(images, _PER_CLASS)
    figure = new_figure(6.4, 5.4 * sheet.shape[0] / sheet.shape[1] + 0.6, title)
    axes = figure.subplots(1, 1)
    axes.imshow(sheet, interpolation="nearest")
    step = shape[1] + 1
    axes.set_yticks([i * step + shape[1] / 2 for i in range(len(shown))], [label(name, 14) for name in shown])
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(classes) > len(shown):
        axes.set_xlabel(f"(the first {len(shown)} of {len(classes):,} classes)")
    return figure


def _points(split: Split) -> tuple[NDArray[Any], NDArray[Any]]:
    chosen = pick(split)
    return split.X[split.rows][chosen], split.y[split.rows][chosen]


def _draw_points(experiment: Experiment, splits: Splits, title: str) -> Figure:
    ranges = extent(splits)
    has_bar = splits.classes is None and len(ranges) == 2
    figure = new_plane(6.4, 5.6, title, ranges, has_bar=has_bar)
    axes = figure.subplots(1, 1)
    axes.set_xlabel(label(splits.columns[0]))
    axes.grid(True)
    axes.set_axisbelow(True)
    handles = class_handles(splits.classes or ())
    flat = len(splits.columns) == 1
    target = value_name(experiment)
    values = np.concatenate(
        [split.y[split.rows].reshape(len(split), -1)[:, 0] for split in splits.parts.values()]
    )
    norm = Normalize(values.min(), values.max())
    for part, split in reversed(splits.parts.items()):  # the training examples last: they may be few
        X, y = _points(split)
        filled = part == "train"
        if splits.classes is not None:
            scatter_classes(axes, np.column_stack([X[:, 0], y]) if flat else X, y, filled=filled)
        elif flat:
            axes.scatter(
                X[:, 0],
                y[:, 0],
                s=14,
                facecolors=LINE_COLOURS[0] if filled else "white",
                edgecolors="white" if filled else LINE_COLOURS[0],
                linewidths=0.4 if filled else 0.9,
                zorder=2,
            )
        else:
            scatter_values(axes, X, y[:, 0], norm, filled=filled)
    if not flat:
        axes.set_ylabel(label(splits.columns[1]))
        axes.locator_params(nbins=6)
        if is_square(ranges):
            axes.set_aspect("equal")
        if has_bar:
            figure.colorbar(axes.collections[0], ax=axes, label=target)
    elif splits.classes is not None:
        axes.set_yticks(range(len(splits.classes)), [label(name) for name in splits.classes])
        axes.set_ylabel("class")
    else:
        axes.set_ylabel(target)
    colour = LINE_COLOURS[0] if flat and splits.classes is None else INK
    handles += split_handles(colour, held_out=len(splits.parts) > 1, by_value=has_bar)
    longest = max(len(str(handle.get_label())) for handle in handles)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=max(1, min(len(handles), 70 // (longest + 8)))
    )
    return figure
