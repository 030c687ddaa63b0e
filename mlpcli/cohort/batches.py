"""The batches of many networks, side by side in one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.batches import Batch
from mlpcli.training.loop import Trainer

__all__ = ["SideBySide"]

Batches: TypeAlias = "tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]"

_ENOUGH = 1 << 13  # numbers of each network that are gathered at once


class SideBySide:
    """The batches of an epoch, each network's own, without the first ``skip``.

    X is (k, n, n_features), y (k, n, ...) and the weights of the examples (k, n), or None; the next batch
    reuses their memory. Where the last batch is larger for some networks, it is left for each alone: `rest`
    returns it.
    """

    def __init__(self, trainers: Sequence[Trainer], number: int, skip: int) -> None:
        first = trainers[0]
        members, features = first.network.members, first.train.transform.n_features
        self._size = first.batch_size * members
        # Several batches are gathered at once, but those of ensembles are not cut from one order.
        together = max(1, _ENOUGH // (self._size * features)) if members == 1 and not skip else 1
        self._most = together * self._size
        drawn = {trainer.train.drawn for trainer in trainers}
        whole = drawn.pop() if len(drawn) == 1 else (first.batches - 1) * self._size
        self._left = whole - skip * self._size  # rows of each network
        rows = first.batch_size * together
        self._gathered = [trainer.train.shuffled(rows, trainer.order(number), skip) for trainer in trainers]
        self._last: list[Batch] = []
        self._used = 0  # rows of the last ones
        self._arrays: list[NDArray[Any]] = []

    def __iter__(self) -> Iterator[Batches]:
        while self._left > 0:
            rows = min(self._most, self._left)
            self._gather(rows)
            X, y, *weights = self._arrays
            for start in range(0, rows, self._size):
                batch = slice(start, min(start + self._size, rows))
                yield X[:, batch], y[:, batch], weights[0][:, batch] if weights else None
            self._left -= rows

    def _gather(self, rows: int) -> None:
        """Put the next rows of all networks side by side."""
        self._last, self._used = [next(each) for each in self._gathered], rows
        if not self._arrays:
            k = len(self._last)
            self._arrays = [np.empty((k, self._most, *part.shape[1:]), part.dtype) for part in self._last[0]]
        for j, parts in enumerate(self._last):
            for array, part in zip(self._arrays, parts, strict=True):
                np.copyto(array[j, :rows], part[:rows])

    def rest(self, network: int) -> Iterator[Batch]:
        """Yield the last batch of a network, once all others have been used."""
        if self._last and len(self._last[network][0]) > self._used:
            X, y, *weights = (part[self._used :] for part in self._last[network])
            yield (X, y, *weights)  # type: ignore[misc]
        else:
            yield from self._gathered[network]
