"""Splits ready to train on, and the batches that are gathered from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.buffers import Buffer
from mlpcli.data.transform import Transform

__all__ = ["Batches", "Split"]

_ENOUGH = 1 << 13  # numbers that are gathered at once


@dataclass(frozen=True)
class Split:
    """The examples of ``rows`` in X (n, columns) and y; X is shared between splits, never copied."""

    X: NDArray[Any]
    y: NDArray[Any]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.rows)


class Batches:
    """Gathers batches of a split into buffers that the next batch reuses, as the network's inputs."""

    def __init__(self, split: Split, transform: Transform, dtype: DTypeLike = np.float32) -> None:
        self.split = split
        self._transform = transform
        self._X = Buffer(transform.n_features, dtype)
        columns, kept = split.X.shape[1], split.X.dtype
        alike = (columns, kept) == (transform.n_features, self._X.dtype)
        self._raw = self._X if alike else Buffer(columns, kept)  # one buffer where the two fit into it
        self._y = Buffer(split.y.size // max(len(split.y), 1), split.y.dtype)

    def __len__(self) -> int:
        return len(self.split)

    def in_order(self, batch_size: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield X (m, n_features) and y for the examples in order; m is batch_size, and less at the end."""
        return self._gather(self.split.rows, batch_size)

    def shuffled(
        self, batch_size: int, rng: np.random.Generator, skip: int = 0
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield the same in an order drawn from ``rng``, without the first ``skip`` batches."""
        order = rng.permutation(len(self.split))[skip * batch_size :]
        return self._gather(self.split.rows[order], batch_size)

    def _gather(
        self, order: NDArray[np.intp], batch_size: int
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        # With few features several batches are gathered at once, so that a small network does not wait for
        # many small calls.
        together = max(1, _ENOUGH // (batch_size * self._transform.n_features)) * batch_size
        for start in range(0, len(order), together):
            X, y = self._fetch(order[start : start + together])
            for first in range(0, len(X), batch_size):
                yield X[first : first + batch_size], y[first : first + batch_size]

    def _fetch(self, rows: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
        m = len(rows)
        raw, y = self._raw.rows(m), self._y.rows(m).reshape(m, *self.split.y.shape[1:])
        # With mode="clip" take writes straight into out; the rows are in range by construction.
        self.split.y.take(rows, axis=0, out=y, mode="clip")
        self.split.X.take(rows, axis=0, out=raw, mode="clip")
        return self._transform.apply(raw, self._X.rows(m)), y
