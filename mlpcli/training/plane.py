"""The plane of two features: its extent, grids over it, and where hidden layers map them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.splits import Splits
from mlpcli.data.kinds import Kinds
from mlpcli.nn.network import Network
from mlpcli.text import shortened

__all__ = [
    "extent",
    "grid_lines",
    "grid_of",
    "hidden_outputs",
    "main_axes",
    "pass_through",
    "project",
    "without_axis",
]


def extent(splits: Splits) -> list[tuple[float, float]]:
    """Return the range of each feature's axis, with a margin, in the units of the data."""
    X = np.concatenate([split.X[split.rows] for split in splits.parts.values()]).astype(np.float64)
    low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    return [(float(a), float(b)) for a, b in zip(low - margin, high + margin, strict=True)]


def without_axis(columns: Sequence[str], kinds: Kinds) -> str | None:
    """Return in words why the columns cannot be the axes of a plane; None if all of them hold numbers."""
    other = next((name for name in columns if name in kinds), None)
    if other is None:
        return None
    held = "categories" if kinds[other].name == "category" else "booleans"
    return f"column {shortened(other)} holds {held}, and an axis needs numbers"


def grid_of(ranges: Sequence[tuple[float, float]], n: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the two axes (n,) of a grid over ``ranges``, and its points (n * n, 2), row by row."""
    x, y = (np.linspace(*reach, n) for reach in ranges)
    return x, y, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def hidden_outputs(network: Network, X: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the outputs (n, units) of each hidden layer for scaled inputs X (n, inputs), in new arrays.

    Where the network has several members, they are those of the first one.
    """
    return [outputs.copy() for outputs in pass_through(network, X)[0]]


def pass_through(network: Network, X: NDArray[Any]) -> tuple[list[NDArray[Any]], NDArray[Any]]:
    """Return the same and the logits (n, outputs) of all members; the next pass overwrites them."""
    logits = network.predict(np.ascontiguousarray(X, network.dtype))
    return [layer.output.Y[: len(X)] for layer in network.hidden], logits


def grid_lines(
    ranges: Sequence[tuple[float, float]], lines: int = 21, along: int = 60
) -> NDArray[np.float64]:
    """Return the lines of a grid over ``ranges`` as points (2 * lines, along, 2).

    The lines along x come first.
    """
    (left, right), (bottom, top) = ranges
    along_x, along_y = np.linspace(left, right, along), np.linspace(bottom, top, along)
    flat = [np.column_stack([along_x, np.full(along, y)]) for y in np.linspace(bottom, top, lines)]
    upright = [np.column_stack([np.full(along, x), along_y]) for x in np.linspace(left, right, lines)]
    return np.stack([*flat, *upright])


def project(
    examples: NDArray[Any], others: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return outputs (n, units) along the two directions to draw, and the names of these directions.

    With more than two units, the directions are the principal components of the examples' outputs. The name
    of each gives its share of the variance.
    """
    examples, others = examples.astype(np.float64), others.astype(np.float64)
    units = examples.shape[1]
    if units == 1:
        zeros = [np.zeros((len(part), 1)) for part in (examples, others)]
        return np.hstack([examples, zeros[0]]), np.hstack([others, zeros[1]]), ["output of the unit", ""]
    if units == 2:
        return examples, others, ["output of unit 1", "output of unit 2"]
    mean, directions, names = main_axes(examples)
    return (examples - mean) @ directions.T, (others - mean) @ directions.T, names


def main_axes(examples: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return the mean (units,) of outputs (n, units), their principal directions (2, units), and names."""
    mean = examples.mean(axis=0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(examples - mean, full_matrices=False)
    directions = np.pad(directions[:2], ((0, max(0, 2 - len(directions))), (0, 0)))
    # A direction and its opposite are equally good; take the one whose largest entry is positive.
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(np.take_along_axis(directions, largest[:, None], axis=1) < 0, -1.0, 1.0)
    directions = directions * signs
    squares = np.pad(sizes**2, (0, 2))
    total = squares.sum()
    names = [
        f"principal component {i}" + (f" ({square / total:.0%} of the variance)" if total else "")
        for i, square in enumerate(squares[:2], 1)
    ]
    return mean, directions, names
