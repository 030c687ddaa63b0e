"""Draws a network with its weights or, for one example, with what each unit makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlpcli.figures.images import brightness, mosaic
from mlpcli.figures.style import INK, label, new_figure, styled
from mlpcli.nn.local import Local
from mlpcli.specs import NetworkSpec
from mlpcli.text import count
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.explanation import Explanation
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_forward", "draw_network"]

_POSITIVE, _NEGATIVE = "#0072B2", "#D55E00"  # two colors that all kinds of color vision tell apart
_NOTHING, _MUTED = "#bbbbbb", "#666666"
_MOST_UNITS = 10  # of a layer that are drawn
_MOST_COLUMNS = 8  # layers that are drawn, the inputs included
_MOST_NUMBERED = 16  # edges between two layers that get their numbers
_UNTITLED = ("dense", "members_dense", "local", "dropout", "noise", "clip")  # kinds of layers
_GAP = 2.6  # from layer to layer; 1 is a hundred pixels across
_STEP = 0.62  # from unit to unit
_IMAGE = 1.5  # side of the image beside the inputs
_DIAMETER = 32.0  # of a unit, in points
_WIDEST = 5.0  # edge, in points

Array = NDArray[Any]


@dataclass(frozen=True)
class _Column:
    """A layer in the picture, with its ``n`` units, of which some are ``shown``.

    ``numbers`` (n,) stand in the units, ``names`` (n,) beside them, and ``edges`` (units before, n) lead to
    them.
    """

    title: str
    n: int
    shown: list[int]
    edges: Array | None = None
    numbers: Array | None = None
    names: Sequence[str] = ()

    @property
    def heights(self) -> list[float]:
        """How high the shown units stand; where there are more, a place below them says so."""
        places = len(self.shown) + self.has_more
        return [_STEP * ((places - 1) / 2 - place) for place in range(places)]

    @property
    def has_more(self) -> bool:
        return self.n > len(self.shown)


@styled
def draw_network(run: FinishedRun, gap: float = _GAP) -> Figure:
    """Draw the units of a run's network in layers, with the weights between them as edges.

    The color of an edge is the sign of its weight, and its width the size; the numbers in the units are their
    biases. ``gap`` is from layer to layer, in hundreds of pixels. Of a large layer those units are drawn that
    have the largest weights, in and out. Of several members it is the first one.
    """
    checkpoint, network = run.checkpoint, run.checkpoint.network
    edges, biases = [], []
    for layer, units in zip(network.dense, network.widths[1:], strict=True):
        W, b = (layer.W, layer.b) if network.members == 1 else (layer.W[0], layer.b[0])
        if isinstance(layer, Local):
            W = layer.full_weights()
        W, b = W.reshape(len(W), -1, units), b.reshape(-1, units)  # maxout has several pieces
        largest = np.abs(W).argmax(axis=1)[:, None]
        edges.append(np.take_along_axis(W, largest, axis=1)[:, 0])
        biases.append(b[0] if len(b) == 1 else None)
    into = [np.ones(network.widths[0]), *(np.linalg.norm(W, axis=0) for W in edges)]
    out = [*(np.linalg.norm(W, axis=1) for W in edges), np.ones(network.widths[-1])]
    shown = [_largest(a * b) for a, b in zip(into, out, strict=True)]
    columns = _columns(checkpoint, shown, edges, [None, *biases])
    member = f", the first of its {network.members:,} members" if network.members > 1 else ""
    notes = ["the number in a unit is its bias, and the one above it its place in the layer"]
    if any(b is None for b in biases):
        notes.append("of a maxout unit: the largest weight of its pieces")
    title = f"{label(run.name)}: the network and its weights after epoch {checkpoint.epoch:,}{member}"
    return _draw(columns, title, "weight", notes, gap=gap)


@styled
def draw_forward(found: Explanation) -> Figure:
    """Draw the forward pass of one example: what each unit puts out, and what the next ones get from it.

    An edge is input times weight: its color is the sign, and its width the size. The units are those that
    `mlp explain` writes out: of a large layer those that give most to the next one.
    """
    checkpoint, forward = found.checkpoint, found.forward
    edges = [layer.contributions for layer in forward.layers]
    shown = [found.units(number) for number in range(len(edges) + 1)]
    values = [forward.x, *(layer.y for layer in forward.layers[:-1]), forward.logits]
    names = found.output_names
    own = found.each[found.member]
    predicted = found.predicted
    write = _value if predicted is None else _short
    outputs = [f"{label(names[j], 20)}: {write(float(own[j]))}" for j in range(len(names))][
        -len(forward.logits) :
    ]
    if predicted is None:
        said = "predicted " + ", ".join(map(_value, found.outputs[:4].tolist()))
    else:
        said = f"predicted {label(predicted)} ({_short(float(found.outputs[names.index(predicted)]))})"
    if found.truth is not None:
        true = (_value(value) if isinstance(value, float) else label(value) for value in found.truth[:4])
        said += f", true {', '.join(true)}"
    member = f" (network {found.member + 1:,} of {len(found.each):,})" if len(found.each) > 1 else ""
    title = f"{label(found.source, 60)}{member}: {said}"
    columns = _columns(checkpoint, shown, edges, values, outputs)
    shape = checkpoint.experiment.data.image(len(checkpoint.columns))
    image = None if shape is None else mosaic(brightness(found.raw, shape).reshape(1, *shape), 1)
    notes = ["the number in a unit is its output, and the one above it its place in the layer"]
    if forward.hidden_add_nothing:
        notes.append(f"the hidden layers add nothing: all weights of layer {len(edges)} are 0")
    if found.path_weights is not None and forward.hidden_add_nothing:
        alone = forward.x[:, None] * found.path_weights
        columns = [
            columns[0],
            replace(columns[-1], title=f"linear path\n{count(len(names), 'output')}", edges=alone),
        ]
    elif forward.path is not None:
        notes.append("the outputs have the linear path from the inputs added, which is not drawn")
    return _draw(columns, title, "input x weight", notes, filled=True, image=image)


def _largest(importance: Array) -> list[int]:
    """Return the places of the units to draw: all of a small layer, else the most important ones."""
    n = len(importance)
    most = n if n <= _MOST_UNITS else _MOST_UNITS - 1
    return sorted(map(int, np.argsort(-importance, kind="stable")[:most]))


def _columns(
    checkpoint: Checkpoint,
    shown: Sequence[list[int]],
    edges: Sequence[Array],
    numbers: Sequence[Array | None],
    outputs: Sequence[str] = (),
) -> list[_Column]:
    """Return the inputs and the layers, with the units of each that are shown."""
    network = checkpoint.network
    inputs = checkpoint.transform.features(checkpoint.columns, checkpoint.kinds)
    outputs = outputs or (checkpoint.classes or checkpoint.target_names)[-network.widths[-1] :]
    last = len(network.widths) - 1
    columns = []
    for i, n in enumerate(network.widths):
        names = [label(name, 30) for name in (inputs if i == 0 else outputs if i == last else ())]
        title = count(n, "input") if i == 0 else _layer_title(network.spec, i)
        leading = None if i == 0 else edges[i - 1]
        columns.append(_Column(title, n, shown[i], leading, numbers[i], names))
    return columns


def _layer_title(spec: NetworkSpec, number: int) -> str:
    """Return what a layer is, in two lines: ``layer 1`` and ``8 relu, batch norm``."""
    n, last = spec.widths[number], len(spec.widths) - 1
    activation, others = "", []
    for layer in spec.walk():
        if layer.number != number or layer.kind in _UNTITLED:
            continue
        if "name" in layer.settings:
            activation = f" {layer.settings['name']}".replace("_", " ")
        else:
            others.append("plus its input" if layer.kind == "residual" else layer.kind.replace("_", " "))
    what = count(n, "output") if number == last else f"{n:,}{activation}"
    return f"layer {number}\n{', '.join([what, *others])}"


def _draw(
    columns: Sequence[_Column],
    title: str,
    edge: str,
    notes: Sequence[str],
    *,
    filled: bool = False,
    gap: float = _GAP,
    image: Array | None = None,
) -> Figure:
    """Draw the columns from left to right; ``edge`` says what the edges are.

    ``image`` (height, width, 3) is what the inputs are the pixels of.
    """
    half = len(columns) - _MOST_COLUMNS // 2
    chosen = [i for i in range(len(columns)) if len(columns) <= _MOST_COLUMNS or i < 4 or i >= half]
    high = max(len(columns[i].heights) for i in chosen) * _STEP
    left, right = (_room(columns[i]) for i in (0, -1))
    left += 0 if image is None else _IMAGE + 0.1
    width = left + gap * (len(chosen) - 1) + right
    figure = new_figure(max(width, 6.0), high + 2.1, title)
    axes = figure.subplots(1, 1)
    axes.set_axis_off()
    axes.set_xlim(-left, width - left)
    axes.set_ylim(-high / 2 - 0.45, high / 2 + 0.55)
    for place, i in enumerate(chosen):
        x = place * gap
        if place and chosen[place - 1] == i - 1:
            _edges(axes, columns[i - 1], columns[i], x, gap)
        elif place:
            axes.text(x - gap / 2, 0, f"... {i - chosen[place - 1] - 1:,} more layers ...", ha="center")
        _units(axes, columns[i], x, filled=filled)
        axes.text(x, high / 2 + 0.1, columns[i].title, ha="center", va="bottom", fontsize=9)
    for units, x, side in (
        (columns[0], -0.3, "right"),
        (columns[-1], (len(chosen) - 1) * gap + 0.3, "left"),
    ):
        for unit, y in zip(units.shown, units.heights, strict=False):
            axes.text(x, y, units.names[unit], ha=side, va="center", fontsize=9)
    if image is not None:
        inset = axes.inset_axes((-left, -_IMAGE / 2, _IMAGE, _IMAGE), transform=axes.transData)
        inset.imshow(image, interpolation="nearest")
        inset.set_axis_off()
    signs = ((_POSITIVE, "positive"), (_NEGATIVE, "negative"))
    handles = [Line2D([], [], color=colour, linewidth=3, label=f"{edge}: {sign}") for colour, sign in signs]
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9, title_fontsize=9)
    legend.set_title("\n".join(notes))
    return figure


def _room(column: _Column) -> float:
    """Return the room that the names beside a column take."""
    return 0.5 + 0.075 * max((len(column.names[unit]) for unit in column.shown), default=0)


def _units(axes: Axes, column: _Column, x: float, *, filled: bool) -> None:
    """Draw the units of a column as circles, with their numbers in them."""
    heights = column.heights
    faces = [(1.0, 1.0, 1.0)] * len(column.shown)
    if filled and column.numbers is not None:
        largest = float(np.abs(column.numbers).max()) or 1.0
        faces = [_tint(float(column.numbers[unit]) / largest) for unit in column.shown]
    places = heights[: len(column.shown)]
    axes.scatter([x] * len(places), places, s=_DIAMETER**2, c=faces, edgecolors=INK, linewidths=0.8, zorder=3)
    if column.numbers is not None:
        for unit, y in zip(column.shown, places, strict=True):
            text = _short(float(column.numbers[unit]))
            axes.text(x, y, text, ha="center", va="center_baseline", fontsize=7.5, zorder=4)
    for unit, y in zip(column.shown, places, strict=True) if not column.names or column.has_more else ():
        axes.text(x, y + 0.235, f"{unit + 1}", ha="center", va="bottom", fontsize=7, color=_MUTED, zorder=4)
    if column.has_more:
        axes.text(
            x, heights[-1], f"... {column.n - len(places):,} more", ha="center", va="center", fontsize=9
        )


def _edges(axes: Axes, before: _Column, column: _Column, x: float, gap: float) -> None:
    """Draw the edges between two columns, the wide ones on top, and the number of the widest below them."""
    assert column.edges is not None
    values = column.edges[np.ix_(before.shown, column.shown)].astype(np.float64).reshape(-1)
    starts, ends = before.heights[: len(before.shown)], column.heights[: len(column.shown)]
    lines = np.array([[(x - gap, a), (x, b)] for a in starts for b in ends])
    widest = float(np.abs(values).max()) or 1.0
    order = np.argsort(np.abs(values), kind="stable")
    widths = 0.2 + _WIDEST * np.abs(values) / widest
    colours = np.select([values < 0, values > 0], [_NEGATIVE, _POSITIVE], _NOTHING)
    edges = LineCollection(
        list(lines[order]), colors=list(colours[order]), linewidths=list(widths[order]), alpha=0.75, zorder=1
    )
    axes.add_collection(edges)
    bottom = axes.get_ylim()[0] + 0.1
    said = f"widest: {_short(widest)}" if values.any() else "all are 0"
    axes.text(x - gap / 2, bottom, said, ha="center", va="bottom", fontsize=8)
    crosses = gap < _GAP and min(len(starts), len(ends)) > 2  # numbers would lie on each other
    if len(values) > _MOST_NUMBERED or crosses:
        return
    for (start, end), value in zip(lines, values, strict=True):
        # At the same distance from a unit for any gap, and clear of its circle.
        beside = max(0.18 * _GAP, 0.3 + 0.035 * len(_short(float(value)))) / gap
        at = beside if len(starts) >= len(ends) else 1 - beside  # where fewer edges meet
        middle = start + at * (end - start)
        angle = float(np.degrees(np.arctan2(end[1] - start[1], end[0] - start[0])))
        axes.text(
            middle[0],
            middle[1],
            _short(float(value)),
            rotation=angle,
            ha="center",
            va="center",
            fontsize=7.5,
            zorder=2,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
        )


def _tint(share: float) -> tuple[float, float, float]:
    """Return a light color for a number from -1 to 1: the larger, the stronger."""
    r, g, b = (1 - 0.55 * abs(share) * (1 - c) for c in to_rgb(_NEGATIVE if share < 0 else _POSITIVE))
    return r, g, b


def _value(value: float) -> str:
    """Return a value in the units of its target: 14,744 and 0.01257."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _short(value: float) -> str:
    """Return a number that fits into a unit."""
    size = abs(value)
    if 1000 <= size < 1e5:
        return f"{value:.0f}"
    if size < 0.001 or size >= 1000:
        return f"{value:.0e}" if value else "0"
    return f"{value:.3f}" if size < 0.01 else f"{value:.2f}" if size < 100 else f"{value:.0f}"
