"""Splits ready to train on, and the batches that are gathered from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.buffers import Buffer
from mlpcli.data.scaling import Scaling

__all__ = ["Batches", "Split"]


@dataclass(frozen=True)
class Split:
    """The examples of ``rows`` in X (n, features) and y; X is shared between splits, never copied."""

    X: NDArray[Any]
    y: NDArray[Any]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.rows)


class Batches:
    """Gathers scaled batches of a split into buffers that the next batch reuses."""

    def __init__(self, split: Split, scaling: Scaling, dtype: DTypeLike = np.float32) -> None:
        self.split = split
        self._shift = scaling.shift.astype(dtype)
        self._factor = (1 / scaling.scale).astype(dtype)
        self._raw = Buffer(split.X.shape[1], split.X.dtype)
        self._X = Buffer(split.X.shape[1], dtype)

    def __len__(self) -> int:
        return len(self.split)

    def in_order(self, batch_size: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield X (m, features) and y for the examples in order; m is batch_size, and less at the end."""
        return self._gather(self.split.rows, batch_size)

    def shuffled(
        self, batch_size: int, rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield the same in an order drawn from ``rng``."""
        return self._gather(self.split.rows[rng.permutation(len(self.split))], batch_size)

    def _gather(
        self, order: NDArray[np.intp], batch_size: int
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            raw, X = self._raw.rows(len(rows)), self._X.rows(len(rows))
            # mode="clip" lets take write straight into out; the rows are in range by construction.
            np.take(self.split.X, rows, axis=0, out=raw, mode="clip")
            np.subtract(raw, self._shift, out=X)
            X *= self._factor
            yield X, self.split.y[rows]
