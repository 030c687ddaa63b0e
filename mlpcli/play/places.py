"""The places where a frame evaluates the network: a grid over the plane, lines to be bent, the examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build import Splits
from mlpcli.data.transform import Transform
from mlpcli.nn.network import Network
from mlpcli.training.plane import extent, grid_lines, grid_of

__all__ = ["SIDE_OF_MAPS", "Places"]

SIDE_OF_MAPS = 20  # points along a side of a unit's small map
_FINEST, _COARSEST = 4, 2  # steps of the grid from one point of a small map to the next
_MOST_WORK = 1e9  # multiplications of a network over the grid
_LINES, _ALONG = 15, 31  # of the bent grid
_MAX_POINTS = 2000


class Places:
    """Places in the plane of two features, and what the network gets as its inputs there.

    ``side`` is the number of points along a side of the grid, of which every ``step``-th is one of a small
    map. ``rows`` are the examples that are drawn: all, or if there are too many, evenly spaced ones, and
    those ``added``. ``inputs`` (n, inputs) are those of the grid, row by row from the lowest, then of the
    ``lines`` (k, along, features), then of the examples, so that a single forward pass is enough.
    """

    def __init__(
        self, splits: Splits, transform: Transform, network: Network, added: Sequence[int] = ()
    ) -> None:
        weights = len(network.parameters.values)
        self.step = next(
            (step for step in range(_FINEST, _COARSEST, -1) if _side(step) ** 2 * weights < _MOST_WORK),
            _COARSEST,
        )
        self.side = _side(self.step)
        self.extent = extent(splits)
        self.lines = grid_lines(self.extent, _LINES, _ALONG)
        rows = np.concatenate([split.rows for split in splits.parts.values()])
        few = rows[:: -(-len(rows) // _MAX_POINTS)]
        self.rows = np.concatenate([few, np.setdiff1d(np.array(added, np.intp), few)])
        self.X, self.y = splits.train.X[self.rows], splits.train.y[self.rows]
        grid = grid_of(self.extent, self.side)[2]
        self._ends = np.cumsum([len(grid), self.lines.shape[0] * self.lines.shape[1], len(self.rows)])
        raw = np.concatenate([grid, self.lines.reshape(-1, 2), self.X])
        self.inputs = np.ascontiguousarray(transform.apply(raw), network.dtype)

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
        images: NDArray[Any] = values[self.grid].T.reshape(-1, self.side, self.side)
        return images

    def small_images(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the same as small images (units, SIDE_OF_MAPS, SIDE_OF_MAPS)."""
        square = values[self.grid].reshape(self.side, self.side, -1)
        images: NDArray[Any] = square[:: self.step, :: self.step].transpose(2, 0, 1)
        return images


def _side(step: int) -> int:
    return 1 + (SIDE_OF_MAPS - 1) * step
