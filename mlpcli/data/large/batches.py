"""Batches of a split that is read in blocks: the next rows are read and scaled while the network learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import count, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.buffers import Buffer
from mlpcli.data.batches import Batch, Batches, Split
from mlpcli.data.large.ahead import work_ahead
from mlpcli.data.large.blocks import windows_of
from mlpcli.data.target_transform import TargetTransform
from mlpcli.data.transform import Transform

__all__ = ["LargeBatches"]


class _Window(NamedTuple):
    """Some rows as the network learns them: X (m, n_features), y, and their weights if they have any."""

    X: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] | None


class LargeBatches:
    """Batches of a split that holds a sample and, as its ``whole``, all rows; as `Batches` makes them.

    An epoch takes the blocks of the split in a random order. As many as fit into a ``window`` of so many
    bytes are read together, and their rows are shuffled; each of the network's ``members`` has an order of
    its own within a window. While one window is learned from, a thread reads and scales the next one, and
    puts its rows into the order in which they are learned. Of several processes each keeps its own rows.
    ``split`` is for all that looks at examples; its y are as the network learns them.
    """

    left_out = None  # no member leaves out a part of the rows

    def __init__(
        self,
        split: Split,
        transform: Transform,
        target_transform: TargetTransform | None = None,
        dtype: DTypeLike = np.float32,
        *,
        members: int = 1,
        window: int,
    ) -> None:
        assert split.whole is not None
        self.split, self.part, self.transform, self.members = split, split.whole, transform, members
        self._target_transform, self._dtype = target_transform, np.dtype(dtype)
        row = self._dtype.itemsize * transform.n_features
        self._most = max(1, window // row)  # rows of a window
        self._windows: list[_Window] = []  # two, made for the first epoch
        self._X = Buffer(transform.n_features, dtype)
        self._scaled = Buffer(transform.n_features, dtype)  # a block
        self._y = Buffer(split.y.size // max(len(split.y), 1), split.y.dtype)
        self._weights = Buffer(1, dtype)

    def __len__(self) -> int:
        return len(self.part)

    @property
    def drawn(self) -> int:
        """The number of examples that `shuffled` yields in an epoch: as many for each member."""
        return self.members * len(self.part)

    @property
    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The smallest and the largest value (targets,) of each target in training, as it is learned."""
        low, high = self.part.data.found.targets.extremes
        both = np.stack([low, high])
        low, high = both if self._target_transform is None else self._target_transform.apply(both)
        return low, high

    @cached_property
    def sample(self) -> Batches:
        """Batches of the sample."""
        return Batches(self.split, self.transform, self._dtype, members=self.members)

    def examples(self, places: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X (m, n_features) and y of the examples in these places of the sample."""
        return self.sample.examples(places)

    def pieces(self, most: int | None = None) -> Iterator[Batches]:
        """Yield all rows, or ``most`` of them, as `Batches` of some rows at a time, ready to be scored."""
        for split in self.part.chunks(most):
            yield Batches(self._learned(split), self.transform, self._dtype)

    def _learned(self, split: Split) -> Split:
        if self._target_transform is None:
            return split
        y = self._target_transform.apply(split.y).astype(self._dtype)
        return replace(split, y=y, values=split.y)

    def shuffled(
        self,
        batch_size: int,
        rng: np.random.Generator,
        skip: int = 0,
        rows_of: Callable[[int], slice] | None = None,
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch in an order drawn from ``rng``, without the first ``skip`` ones.

        With ``rows_of`` they hold only those rows of each batch that it returns for the batch's size. Several
        members get batches of (members m) examples, those of the first member first.
        """
        counts = self.part.counts
        blocks = rng.permutation(len(counts))
        windows = [blocks[some] for some in windows_of(counts[blocks].tolist(), self._most)]
        sizes = [int(counts[some].sum()) for some in windows]
        orders = ([rng.permutation(size) for _ in range(self.members)] for size in sizes)
        first, skipped = 0, min(skip * batch_size, len(self))
        start = skipped  # the row of the epoch with which the batches begin
        while first < len(sizes) and skipped >= sizes[first]:  # windows that were learned from before
            skipped -= sizes[first]
            next(orders)
            first += 1
        if not self._windows:
            room = max(min(self._most, len(self)), int(counts.max()))  # for the windows of any epoch
            self._windows = [self._empty(room) for _ in range(2)]
        if self.members == 1:
            own = rows_of or (lambda n: slice(0, n))
            begins = start - skipped + np.cumsum([0, *sizes[first:]])
            places = (
                _places_of_own(order, int(begin), start, len(self), batch_size, own)
                for (order,), begin in zip(orders, begins, strict=False)
            )
            filled = work_ahead(self._fill, zip(count(), windows[first:], places, strict=False))
            yield from self._cut(filled, start, batch_size, own)
            return
        every = zip(count(), windows[first:], repeat(None), strict=False)
        filled = work_ahead(self._fill, every)
        yield from self._gather(zip(filled, orders, strict=True), batch_size, skipped, len(self) - start)

    def _cut(
        self, windows: Iterator[_Window], start: int, batch_size: int, own: Callable[[int], slice]
    ) -> Iterator[Batch]:
        """Yield the batches from the row ``start`` of the epoch on, of windows with their rows in order."""
        window, at = None, 0
        for begin in range(start, len(self), batch_size):
            rows = own(min(batch_size, len(self) - begin))
            n = rows.stop - rows.start
            if window is not None and at + n <= len(window.y):  # or it is in several windows
                X, y, weights = (None if each is None else each[at : at + n] for each in window)
                at += n
            else:
                X, y = self._X.rows(n), self._y.rows(n)
                weights = self._weights.rows(n)[:, 0] if self.part.has_weights else None
                done = 0
                while done < n:
                    if window is None or at == len(window.y):
                        window, at = next(windows), 0
                    m = min(n - done, len(window.y) - at)
                    X[done : done + m] = window.X[at : at + m]
                    y[done : done + m] = window.y[at : at + m]
                    if weights is not None and window.weights is not None:
                        weights[done : done + m] = window.weights[at : at + m]
                    at, done = at + m, done + m
            assert X is not None
            assert y is not None
            y = y.reshape(n, *self.split.y.shape[1:])
            yield (X, y) if weights is None else (X, y, weights)

    def _gather(
        self,
        windows: Iterator[tuple[_Window, list[NDArray[np.intp]]]],
        batch_size: int,
        at: int,
        left: int,
    ) -> Iterator[Batch]:
        """Yield the batches of several members, each of which takes the rows of a window in its own order.

        The first window is begun at the row ``at``; ``left`` are the rows of an epoch from there on.
        """
        members = self.members
        window, orders = next(windows) if left else (None, [])
        while left:
            assert window is not None
            m = min(left, batch_size)
            left -= m
            X, y = self._X.rows(members * m), self._y.rows(members * m)
            weights = None if window.weights is None else self._weights.rows(members * m)[:, 0]
            done = 0
            while done < m:
                if at == len(window.y):
                    window, orders = next(windows)
                    at = 0
                n = min(m - done, len(window.y) - at)
                for member, order in enumerate(orders):
                    rows, start = order[at : at + n], member * m + done
                    some = slice(start, start + n)
                    # With mode="clip" take writes straight into out.
                    window.X.take(rows, axis=0, out=X[some], mode="clip")
                    window.y.take(rows, axis=0, out=y[some], mode="clip")
                    if weights is not None and window.weights is not None:
                        window.weights.take(rows, out=weights[some], mode="clip")
                done += n
                at += n
            y = y.reshape(members * m, *self.split.y.shape[1:])
            yield (X, y) if weights is None else (X, y, weights)

    def _empty(self, rows: int) -> _Window:
        """Return room for so many rows."""
        y = np.empty((rows, self._y.rows(1).shape[1]), self.split.y.dtype)
        weights = np.empty(rows, self._dtype) if self.part.has_weights else None
        return _Window(np.empty((rows, self.transform.n_features), self._dtype), y, weights)

    def _fill(self, task: tuple[int, NDArray[np.intp], NDArray[np.intp] | None]) -> _Window:
        """Read the blocks of a window into one of the two that there is room for, in turns.

        Each row gets the place that is asked for, and is left out where that is -1; None: all in a row.
        """
        number, blocks, places = task
        X, y, weights = self._windows[number % 2]
        done = kept = 0
        for block in blocks.tolist():
            rows = self._learned(self.part.block(block))
            n = len(rows)
            if places is None:
                some: Any = slice(done, done + n)
                self.transform.apply_short(rows.X, X[some])
            else:
                some = places[done : done + n]
                if len(some) and some.min() < 0:
                    here = np.flatnonzero(some >= 0)
                    rows, some = replace(rows, X=rows.X[here], y=rows.y[here], rows=here), some[here]
                    if rows.weights is not None:
                        rows = replace(rows, weights=rows.weights[here])
                X[some] = self.transform.apply_short(rows.X, self._scaled.rows(len(some)))
            y[some] = rows.y.reshape(-1, y.shape[1])
            if weights is not None:
                weights[some] = rows.weights
            done, kept = done + n, kept + len(rows.y)
        return _Window(X[:kept], y[:kept], None if weights is None else weights[:kept])


def _places_of_own(
    order: NDArray[np.intp], begin: int, start: int, n: int, batch_size: int, own: Callable[[int], slice]
) -> NDArray[np.intp]:
    """Return for each row of a window (m,) its place among those that this process learns from, or -1.

    They are learned from in this ``order`` (m,), as the rows of an epoch of ``n`` from ``begin`` on, of which
    those before ``start`` are left out. Of a batch those rows are the process's ``own``.
    """
    rows = np.arange(begin, begin + len(order))
    whole = own(batch_size)
    places = rows % batch_size
    is_own = (places >= whole.start) & (places < whole.stop)
    last = n - n % batch_size
    if rows[-1] >= last:
        rest = own(n % batch_size)
        of_last = rows - last
        is_own = np.where(of_last >= 0, (of_last >= rest.start) & (of_last < rest.stop), is_own)
    is_own &= rows >= start
    found = np.full(len(order), -1, np.intp)
    found[order[is_own]] = np.arange(np.count_nonzero(is_own))
    return found
