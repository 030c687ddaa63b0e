"""How hidden layers bend the plane: its grid, and the examples, as each of the first layers puts them out."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mlpcli.figures import UnfitError
from mlpcli.figures.plane import class_handles, extent, pick, scatter_classes, scatter_values
from mlpcli.figures.style import label, new_figure, styled
from mlpcli.nn.network import Network
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_hidden", "hidden_outputs"]

_MOST_LAYERS = 3
_LINES, _ALONG = 21, 60  # lines of the grid each way, points along each


@styled
def draw_hidden(run: FinishedRun) -> Figure:
    """Draw a grid over the plane and the training examples, and where the first hidden layers put them.

    Behind them the output layer, where the classes have to be apart. A layer of two units is drawn as it is,
    one of more by the two principal components of its outputs for the training examples. Raises UnfitError
    where there are not two features, or no hidden layer.
    """
    network, features = run.checkpoint.network, run.checkpoint.features
    if len(features) != 2 or not network.hidden:
        if len(features) == 2:
            raise UnfitError(f"hidden needs a hidden layer, and the network of {run.name} has none")
        raise UnfitError(f"hidden needs 2 features, and {run.experiment.data.title} has {len(features):,}")
    split = run.splits.train
    chosen = pick(split)
    X, y = split.X[split.rows][chosen], split.y[split.rows][chosen]
    lines = _grid_lines(extent(run.splits))
    scale = run.checkpoint.scaling.apply
    of_examples, of_lines = (
        [*hidden_outputs(network, scale(points))[:_MOST_LAYERS], run.answer(points)]
        for points in (X, lines.reshape(-1, 2))
    )
    names_of = [f"layer {i}: {_count(n)}" for i, n in enumerate(network.widths[1:-1], 1)][:_MOST_LAYERS]
    if network.widths[-1] > 1:
        names_of.append(f"output: {_count(network.widths[-1])}")
    n = 1 + len(names_of)
    columns = n if n <= 3 else 2
    rows = -(-n // columns)
    figure = new_figure(
        4.3 * columns, 4.1 * rows + 0.8, f"{label(run.name)}: how the network bends the plane"
    )
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in panels[n:]:
        axes.set_axis_off()
    for i, (axes, title) in enumerate(zip(panels, ["the plane", *names_of], strict=False)):
        if i == 0:
            points, bent, names = X, lines, [label(name) for name in features]
        else:
            points, bent, names = _project(of_examples[i - 1], of_lines[i - 1])
        bent = bent.reshape(lines.shape)
        half = len(bent) // 2
        for part, colour in ((bent[:half], "#9ecae1"), (bent[half:], "#bbbbbb")):
            axes.add_collection(LineCollection(list(part), colors=colour, linewidths=0.8, zorder=1))
        if run.checkpoint.classes is not None:
            scatter_classes(axes, points, y, size=18)
        else:
            norm = Normalize(y[:, 0].min(), y[:, 0].max())
            scatter_values(axes, points, y[:, 0], norm, size=18)
        axes.autoscale_view()
        axes.locator_params(nbins=4)
        axes.set_title(title)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
    handles = class_handles(run.checkpoint.classes or ())
    handles += [
        Line2D([], [], color="#9ecae1", label=f"same {label(features[1])}"),
        Line2D([], [], color="#bbbbbb", label=f"same {label(features[0])}"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
    return figure


def hidden_outputs(network: Network, X: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the outputs (n, units) of each hidden layer for scaled inputs X (n, inputs), in new arrays."""
    X = np.ascontiguousarray(X, network.dtype)
    network.forward(X)  # makes room for so many rows
    last = {id(layer) for _, layer in network.hidden}
    outputs = []
    for layer in network.layers:
        X = layer.forward(X)
        if id(layer) in last:
            outputs.append(X.copy())
    return outputs


def _count(units: int) -> str:
    return f"{units:,} unit{'' if units == 1 else 's'}"


def _grid_lines(ranges: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Return the lines of a grid over ``ranges`` as points (2 * lines, points, 2): first those along x."""
    (left, right), (bottom, top) = ranges
    along_x, along_y = np.linspace(left, right, _ALONG), np.linspace(bottom, top, _ALONG)
    flat = [np.column_stack([along_x, np.full(_ALONG, y)]) for y in np.linspace(bottom, top, _LINES)]
    upright = [np.column_stack([np.full(_ALONG, x), along_y]) for x in np.linspace(left, right, _LINES)]
    return np.stack([*flat, *upright])


def _project(
    examples: NDArray[Any], others: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return outputs (n, units) in the two directions to draw, and what those are called.

    Of more than two units: the principal components of the examples' outputs, each with the share of their
    variance that lies along it.
    """
    examples, others = examples.astype(np.float64), others.astype(np.float64)
    units = examples.shape[1]
    if units == 1:
        zeros = [np.zeros((len(part), 1)) for part in (examples, others)]
        return np.hstack([examples, zeros[0]]), np.hstack([others, zeros[1]]), ["output of the unit", ""]
    if units == 2:
        return examples, others, ["output of unit 1", "output of unit 2"]
    mean = examples.mean(axis=0)
    _, sizes, directions = np.linalg.svd(examples - mean, full_matrices=False)
    directions = np.pad(directions[:2], ((0, max(0, 2 - len(directions))), (0, 0)))
    # A direction and its opposite are as good: the one along which the largest entry is positive.
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(np.take_along_axis(directions, largest[:, None], axis=1) < 0, -1.0, 1.0)
    directions = directions * signs
    squares = np.pad(sizes**2, (0, 2))
    shares = squares[:2] / (squares.sum() or 1)
    names = [f"principal component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)]
    return (examples - mean) @ directions.T, (others - mean) @ directions.T, names
