"""The places where a frame evaluates the network: a grid over the plane, lines to be bent, the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.splits import Splits
from mlpcli.data.transform import Transform
from mlpcli.nn.network import Network
from mlpcli.training.plane import extent, grid_lines, grid_of

__all__ = ["SIDE_OF_MAPS", "Places"]

SIDE_OF_MAPS = 20  # points along a side of a unit's small map
_STEPS = 4, 3, 2  # steps of the grid from one point of a small map to the next, the finest first
_FINE = 8  # the same while nothing moves
_MOST_WORK = 1e9  # multiplications of a network over the grid
_LINES, _ALONG = 15, 31  # of the bent grid
_LINE = 201  # points of the bent line of one feature
_MAX_POINTS = 2000


class Places:
    """Places in the plane of two features, or along the axis of one, and the network's inputs there.

    ``side`` is the number of points along a side of the grid, of which every ``step``-th is one of a small
    map; a ``fine`` grid has more of them. Images of one feature do not change from row to row. ``extent`` is
    the range of each axis, and ``range`` that of the targets of a regression, which with one feature is the
    second axis; they follow from the ``base``, without the points that were ``added``, so that these can be
    dragged. ``rows`` are the examples that are drawn: all, or if there are too many, evenly spaced ones, and
    those that were added. ``inputs`` (n, inputs) are those of the grid, row by row from the lowest, then of
    the ``lines`` (k, along, features), then of the examples, so that a single forward pass is enough.
    ``shown`` are the same as one thinks of them: columns in their own units, and squares not below 0.
    """

    def __init__(
        self,
        splits: Splits,
        transform: Transform,
        network: Network,
        added: Sequence[int] = (),
        base: Splits | None = None,
        *,
        fine: bool = False,
    ) -> None:
        weights = len(network.parameters.values)
        steps = (_FINE, *_STEPS) if fine else _STEPS
        self.step = next((step for step in steps if _side(step) ** 2 * weights < _MOST_WORK), steps[-1])
        self.side = _side(self.step)
        base = splits if base is None else base
        self.extent = _with_points(extent(base), splits.train.X[list(added)])
        self.range = _range(base, splits.train.y[list(added)]) if splits.classes is None else None
        features = len(self.extent)
        if features == 2:
            grid, self.lines = grid_of(self.extent, self.side)[2], grid_lines(self.extent, _LINES, _ALONG)
        else:
            grid, line = (np.linspace(*self.extent[0], n)[:, None] for n in (self.side, _LINE))
            self.lines = line[None]
        if self.range is not None and features == 1:
            self.extent.append(self.range)
        rows = np.concatenate([split.rows for split in splits.parts.values()])
        few = rows[:: -(-len(rows) // _MAX_POINTS)]
        self.rows = np.concatenate([few, np.setdiff1d(np.array(added, np.intp), few)])
        self.X, self.y = splits.train.X[self.rows], splits.train.y[self.rows]
        self._ends = np.cumsum([len(grid), self.lines.shape[0] * self.lines.shape[1], len(self.rows)])
        raw = np.concatenate([grid, self.lines.reshape(-1, features), self.X])
        self.inputs = np.ascontiguousarray(transform.apply(raw), network.dtype)
        self.shown = _in_own_units(self.inputs, raw, transform)

    @property
    def grid(self) -> slice:
        """Where the grid is among the inputs."""
        return slice(0, self._ends[0])

    @property
    def bent(self) -> slice:
        """Where the lines are among the inputs."""
        return slice(self._ends[0], self._ends[1])

    @property
    def examples(self) -> slice:
        """Where the examples are among the inputs."""
        return slice(self._ends[1], self._ends[2])

    def images(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what units (n, units) gave over the grid as images (units, side, side)."""
        return self._every(values, 1)

    def small_images(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the same as small images (units, SIDE_OF_MAPS, SIDE_OF_MAPS)."""
        return self._every(values, self.step)

    def _every(self, values: NDArray[Any], step: int) -> NDArray[Any]:
        units, over_grid = values.shape[1], values[self.grid]
        if len(over_grid) == self.side:
            row = over_grid[::step].T[:, None]
            return np.broadcast_to(row, (units, row.shape[2], row.shape[2]))
        square = over_grid.reshape(self.side, self.side, units)[::step, ::step]
        images: NDArray[Any] = square.transpose(2, 0, 1)
        return images


def _in_own_units(inputs: NDArray[Any], raw: NDArray[Any], transform: Transform) -> NDArray[Any]:
    """Return the inputs (n, inputs) with columns and terms as they are before they are scaled."""
    shown: NDArray[Any] = inputs.copy()
    shown[:, : len(transform.numbers)] = raw[:, transform.numbers]
    if transform.terms is not None:
        scaling = transform.terms.scaling
        terms = slice(transform.n_direct - len(scaling.shift), transform.n_direct)
        shown[:, terms] = inputs[:, terms] * scaling.scale + scaling.shift
    return shown


def _with_points(ranges: list[tuple[float, float]], X: NDArray[Any]) -> list[tuple[float, float]]:
    """Return the ranges of the axes such that all points X (n, axes) lie within them."""
    return [
        (min([low, *column]), max([high, *column]))
        for (low, high), column in zip(ranges, X.T.astype(float).tolist(), strict=True)
    ]


def _range(base: Splits, y: NDArray[Any]) -> tuple[float, float]:
    """Return the range of the targets of all splits, with a margin, such that y (n, 1) lies within it."""
    targets = np.concatenate([split.y[split.rows] for split in base.parts.values()]).astype(np.float64)
    low, high = float(targets.min()), float(targets.max())
    margin = 0.08 * (high - low) if high > low else 1.0
    return _with_points([(low - margin, high + margin)], y)[0]


def _side(step: int) -> int:
    return 1 + (SIDE_OF_MAPS - 1) * step
