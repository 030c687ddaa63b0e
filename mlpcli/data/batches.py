"""Splits ready to train on, and the batches that are gathered from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.buffers import Buffer
from mlpcli.data.image_scaling import ImageScaling
from mlpcli.data.transform import Transform
from mlpcli.errors import DataError
from mlpcli.onednn import OneDnn

if TYPE_CHECKING:
    from mlpcli.data.large.source import Part

__all__ = ["Batch", "Batches", "Split", "scaled_weights"]

Batch: TypeAlias = "tuple[NDArray[Any], NDArray[Any]] | tuple[NDArray[Any], NDArray[Any], NDArray[Any]]"

_ENOUGH = 1 << 13  # numbers that are gathered at once
_TRANSFORMED = 1 << 12  # rows that are transformed at once


@dataclass(frozen=True)
class Split:
    """The examples of ``rows`` in X (n, columns) and y; X is shared between splits, never copied.

    Where y are the targets of a regression as a network learns them, ``values`` are those in their own units.
    ``weights`` say how much the examples count; their mean over the training split is 1.
    ``groups`` number the groups whose examples stay together. Of a split that does not fit into memory they
    are a sample, and ``whole`` reads all of it.
    """

    X: NDArray[Any]
    y: NDArray[Any]
    rows: NDArray[np.intp]
    values: NDArray[Any] | None = None
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.int64] | None = None
    whole: Part | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        """The number of examples, also of a split of which only a sample is in memory."""
        return len(self) if self.whole is None else len(self.whole)

    @property
    def own_weights(self) -> NDArray[np.float64] | None:
        """The weights (n,) of its examples, with a mean of 1 over them; None if all count alike.

        Raises DataError if none counts.
        """
        if self.weights is None:
            return None
        return scaled_weights(self.weights[self.rows])


def scaled_weights(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights (n,) with a mean of 1; raises DataError if all are 0."""
    if not own.any():
        raise DataError(f"all {len(own):,} examples have the weight 0, so that none counts")
    scaled: NDArray[np.float64] = own / own.mean()
    return scaled


class Batches:
    """Gathers batches of a split into buffers that the next batch reuses, as the network's inputs.

    With ``keep`` the inputs of a table, or of images that are whitened, are computed once, and kept. Those of
    other images are made from the bytes of each batch, which take a quarter of the memory; ``onednn`` scales
    them if it is given. Several
    ``members`` of a network get batches of their own. ``left_out`` are the examples, as places in the split,
    that each of them does not train on. A batch is X (m, n_features) and y, and where examples have weights
    also these, (m,) in the type of X. Of images of the shape ``mirrored`` (channels, height, width) the
    batches hold the mirror images, left to right; these are not kept.
    """

    def __init__(
        self,
        split: Split,
        transform: Transform,
        dtype: DTypeLike = np.float32,
        *,
        keep: bool = False,
        members: int = 1,
        left_out: Sequence[NDArray[np.intp]] | None = None,
        onednn: OneDnn | None = None,
        mirrored: tuple[int, int, int] | None = None,
    ) -> None:
        self.split, self.members, self.left_out = split, members, left_out
        self._mirrored = mirrored
        self.transform = transform
        self._X = Buffer(transform.n_features, dtype)
        columns, kept = split.X.shape[1], split.X.dtype
        self._scale: ImageScaling | None = None
        if onednn is not None and kept == np.uint8 and transform.is_plain and self._X.dtype == np.float32:
            self._scale = ImageScaling(onednn, transform.shift, transform.factor)
        alike = transform.is_plain and kept == self._X.dtype
        self._raw = self._X if alike else Buffer(columns, kept)  # one buffer where the two fit into it
        self._y = Buffer(split.y.size // max(len(split.y), 1), split.y.dtype)
        self._weights = None if split.weights is None else split.weights.astype(self._X.dtype)
        self._of_batch = Buffer(1, self._X.dtype)
        self._order = np.arange(len(split))
        self._inputs: NDArray[Any] | None = None  # of the rows of the split, in their order
        if keep and (kept != np.uint8 or transform.whitening is not None):
            self._inputs = np.empty((len(split), transform.n_features), self._X.dtype)
            for start in range(0, len(split), _TRANSFORMED):
                some = slice(start, start + _TRANSFORMED)
                transform.apply(split.X[split.rows[some]], self._inputs[some])

    def __len__(self) -> int:
        return len(self.split)

    @property
    def drawn(self) -> int:
        """The number of examples that `shuffled` yields in an epoch: as many for each member."""
        out = 0 if self.left_out is None else max(map(len, self.left_out))
        return self.members * (len(self.split) - out)

    @property
    def extremes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The smallest and the largest value (targets,) of each target of the split."""
        y = self.split.y[self.split.rows]
        return y.min(axis=0), y.max(axis=0)

    def of_member(self, member: int) -> NDArray[np.intp]:
        """Return the examples that a member trains on, as places in the split."""
        return self._order if self.left_out is None else np.setdiff1d(self._order, self.left_out[member])

    def in_order(self, batch_size: int, places: slice = slice(None)) -> Iterator[Batch]:
        """Yield batches of examples in order, all or some; m is batch_size, and less at the end."""
        return self._gather(self._order[places], self.split.rows[places], batch_size)

    def shuffled(
        self,
        batch_size: int,
        rng: np.random.Generator,
        skip: int = 0,
        rows_of: Callable[[int], slice] | None = None,
    ) -> Iterator[Batch]:
        """Yield the same in an order drawn from ``rng``, without the first ``skip`` batches.

        With ``rows_of`` they hold only those rows of each batch that it returns for the batch's size.
        Several members get batches of (members m) examples, those of the first member first. Each has an
        order of its own, of the examples that it trains on.
        """
        if self.members == 1:
            order = rng.permutation(len(self.split))[skip * batch_size :]
            if rows_of is not None:
                return self._parts(order, batch_size, rows_of)
            return self._gather(order, self.split.rows[order], batch_size)
        size = self.drawn // self.members
        orders = np.stack([rng.permutation(self.of_member(j))[:size] for j in range(self.members)])
        whole = size // batch_size * batch_size
        batches = orders[:, :whole].reshape(self.members, -1, batch_size).swapaxes(0, 1)[skip:].reshape(-1)
        last = orders[:, max(whole, skip * batch_size) :].reshape(-1)
        return chain(
            self._gather(batches, self.split.rows[batches], self.members * batch_size),
            self._gather(last, self.split.rows[last], max(1, len(last))),
        )

    def _parts(
        self, order: NDArray[np.intp], batch_size: int, rows_of: Callable[[int], slice]
    ) -> Iterator[Batch]:
        """Yield some rows of each batch; the last one may have none, and then is empty."""
        whole = len(order) // batch_size * batch_size
        batches = order[:whole].reshape(-1, batch_size)[:, rows_of(batch_size)]
        places = batches.reshape(-1)
        yield from self._gather(places, self.split.rows[places], max(1, batches.shape[1]))
        if whole < len(order):
            last = order[whole:][rows_of(len(order) - whole)]
            if len(last):
                yield from self._gather(last, self.split.rows[last], len(last))
            else:
                yield self._X.rows(0), self._y.rows(0)

    def examples(self, places: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X (m, n_features) and y of the examples in these places of the split."""
        return self._fetch(places, self.split.rows[places])

    def direct_inputs(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """Return X (m, n_direct) of the examples in these places of the split: the inputs that are no bins.

        Linear models are fitted to them.
        """
        X = np.empty((len(places), self.transform.n_direct), self._X.dtype)
        for start in range(0, len(places), _TRANSFORMED):
            some = slice(start, start + _TRANSFORMED)
            X[some] = self.examples(places[some])[0][:, : X.shape[1]]
        return X

    def of_left_out(self, batch_size: int) -> Iterator[tuple[NDArray[np.intp], NDArray[Any]]]:
        """Yield each member's left-out examples, as places in the split, and their X (members m, n_features).

        Where a member has fewer than another, some come twice.
        """
        assert self.left_out is not None
        most = max(map(len, self.left_out))
        places = np.stack([np.resize(some, most) for some in self.left_out])
        for start in range(0, most, batch_size):
            some = places[:, start : start + batch_size].reshape(-1)
            yield some, self.examples(some)[0]

    def _gather(self, order: NDArray[np.intp], rows: NDArray[np.intp], batch_size: int) -> Iterator[Batch]:
        # With few features several batches are gathered at once, so that a small network does not wait for
        # many small calls.
        together = max(1, _ENOUGH // (batch_size * self.transform.n_features)) * batch_size
        for start in range(0, len(order), together):
            some = slice(start, start + together)
            X, y = self._fetch(order[some], rows[some])
            if self._weights is None:
                for first in range(0, len(X), batch_size):
                    yield X[first : first + batch_size], y[first : first + batch_size]
                continue
            weights = self._of_batch.rows(len(X))[:, 0]
            self._weights.take(rows[some], out=weights, mode="clip")
            for first in range(0, len(X), batch_size):
                batch = slice(first, first + batch_size)
                yield X[batch], y[batch], weights[batch]

    def _fetch(self, examples: NDArray[np.intp], rows: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X and y of the examples in these places of the split, which are these rows of the data."""
        m = len(rows)
        X, y = self._X.rows(m), self._y.rows(m).reshape(m, *self.split.y.shape[1:])
        # With mode="clip" take writes straight into out; the rows are in range by construction.
        self.split.y.take(rows, axis=0, out=y, mode="clip")
        if self._inputs is not None:
            return self._inputs.take(examples, axis=0, out=X, mode="clip"), y
        raw = self._raw.rows(m)
        self.split.X.take(rows, axis=0, out=raw, mode="clip")
        if self._mirrored is not None:
            images = raw.reshape(m, *self._mirrored)
            images[...] = images[..., ::-1]
        if self._scale is None:
            return self.transform.apply(raw, X), y
        np.copyto(X, raw)
        self._scale(X)
        return X, y
