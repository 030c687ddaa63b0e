"""Turns the raw columns of a data set into the network's inputs, by statistics of the training split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.kinds import Kinds
from mlpcli.data.scaling import Scaling
from mlpcli.data.terms import Terms
from mlpcli.data.whitening import WHITENED, Whitening, filter_shape
from mlpcli.terms import count_terms, name_terms

__all__ = ["MOST_BINS", "MOST_LEVELS", "RARE", "Slots", "Transform", "slots_of"]

_CACHED = 3 << 15  # numbers that are transformed at a time, 400 kB: they stay in the cache for all passes

_ENOUGH = 5000  # rows for a median that no training row is filled with
_OF_TERMS = "terms_"  # begins the names of the arrays of the terms
RARE = 3  # a category that has fewer rows in the training split is pooled with the other rare ones
MOST_BINS = 1000  # of a column of numbers
MOST_LEVELS = 100  # categories of a column with a feature of their own; the others are pooled

# The features of a category's column, numbered from 0: that of each level, then that of a text which is not
# among the levels, and that of a missing cell. -1 stands for none of them.
Slots = tuple[int, ...]


@dataclass(frozen=True)
class Transform:
    """A fitted transform of raw columns (n, columns) into features (n, n_features).

    The features are, in this order: every column of numbers or booleans, scaled; a 0/1 feature for each of
    the ``flagged`` ones, which says that the cell is missing; for each column of categories one 0/1 feature
    for every frequent one, and one for the rare ones together; the ``terms`` of the scaled columns of numbers
    and booleans; and for each column with ``edges`` one for every bin between them.

    ``scaling`` and ``fill`` hold a value for every column; those of categories are not used. ``fill`` stands
    in the place of a missing number, in the units of the column. ``slots`` has the columns of categories, by
    their places, and ``edges`` the columns of numbers that are cut into bins. With ``whitening`` the rows are
    images, whose scaled pixels are whitened, and each column is a feature.
    """

    scaling: Scaling
    fill: NDArray[np.float64]
    flagged: tuple[int, ...] = ()
    slots: Mapping[int, Slots] | None = None
    edges: Mapping[int, NDArray[np.float64]] | None = None
    terms: Terms | None = None
    whitening: Whitening | None = None

    @classmethod
    def fit(
        cls,
        kind: str,
        X: NDArray[Any],
        rows: NDArray[np.intp],
        columns: Sequence[str] = (),
        kinds: Kinds | None = None,
        bins: int = 0,
        weights: NDArray[np.float64] | None = None,
        terms: Sequence[str] = (),
        image: tuple[int, int, int] | None = None,
    ) -> Transform:
        """Measure ``rows`` of X (n, columns); ``kind`` is that of the scaling, see `Scaling.fit`.

        The kind whiten is for images, of which ``image`` is the shape, see `Whitening.fit`.

        ``weights`` (rows,), all above 0, are those of the rows. They count for the scaling; what follows is
        measured on the rows as they are, each once, since it is about where there are any.

        A missing number is filled with the median, and gets a feature that says so if any was missing. Where
        none was, `_ENOUGH` rows are enough to find the median for later rows. Categories with fewer than
        `RARE` rows, and all but the `MOST_LEVELS` most frequent ones, are pooled.

        Numbers with more than two values are also encoded piecewise linearly, in at most so many ``bins``
        between quantiles: the feature of a bin grows from -0.5 to 0.5 from its one end to the other
        (Gorishniy et al., 2022, "On Embeddings for Numerical Features in Tabular Deep Learning").

        ``terms`` are the names of those to add. Raises DataError if they are too many, or a pixel is missing
        in an image that is to be whitened.
        """
        if kind == "whiten":
            assert image is not None
            scaling, whitening = Whitening.fit(image, X, rows, weights)
            return cls(scaling, scaling.shift, (), {}, {}, whitening=whitening)
        fitted = cls._fit(kind, X, rows, columns, kinds, bins, weights)
        n = len(fitted.numbers)
        if not count_terms(n, terms):
            return fitted

        def scaled(some: NDArray[np.intp]) -> NDArray[np.float64]:
            return fitted.scaled(X[some])

        return replace(fitted, terms=Terms.fit(kind, terms, n, scaled, rows, weights))

    @classmethod
    def _fit(
        cls,
        kind: str,
        X: NDArray[Any],
        rows: NDArray[np.intp],
        columns: Sequence[str],
        kinds: Kinds | None,
        bins: int,
        weights: NDArray[np.float64] | None,
    ) -> Transform:
        """Return the transform without terms."""
        kinds = kinds or {}
        levels = {
            j: kinds[name].levels
            for j, name in enumerate(columns)
            if name in kinds and kinds[name].name == "category"
        }
        scaling = Scaling.fit(kind, X, rows, weights)
        if X.dtype == np.uint8 and not bins:  # images have no missing cells
            return cls(scaling, scaling.shift, (), {}, {})
        fill, flagged, slots, cut = np.zeros(X.shape[1]), [], {}, {}
        for j in range(X.shape[1]):
            column = X[rows, j]
            there = column[~np.isnan(column)]
            is_complete = len(there) == len(column)
            some = there[:: max(1, len(there) // _ENOUGH)] if is_complete else there
            fill[j] = np.median(some) if len(there) else 0
            if j in levels:
                slots[j] = _slots(column, len(levels[j]))
                continue
            if not is_complete:
                flagged.append(j)
            edges = _edges(there, bins)
            if len(edges) > 2:
                cut[j] = edges
        fill = scaling.shift if X.dtype == np.uint8 else fill
        return cls(scaling, fill, tuple(flagged), slots, cut)

    @classmethod
    def from_arrays(
        cls,
        arrays: dict[str, NDArray[Any]],
        flagged: Sequence[int],
        slots: Mapping[int, Slots],
        bins: Mapping[int, int],
        terms: Sequence[str] = (),
        image: tuple[int, int, int] | None = None,
    ) -> Transform:
        """Return the transform that `to_arrays` has described; older files have no ``fill``.

        ``bins`` says how many each column is cut into, and ``image`` is the shape of images that are
        whitened. Raises ValueError like `Scaling.from_arrays`.
        """
        scaling = Scaling.from_arrays(arrays)
        fill = arrays["fill"].astype(np.float64) if "fill" in arrays else scaling.shift
        ends = np.cumsum([n + 1 for n in bins.values()])[:-1]
        cut = np.split(arrays["edges"].astype(np.float64), ends) if bins else []
        with np.errstate(over="ignore"):
            widths = [np.diff(own) for own in cut]
        if not all(np.all((own > 0) & np.isfinite(own)) for own in widths):
            raise ValueError("edges holds edges that are not in order, or too far apart")
        of_terms = {
            name.removeprefix(_OF_TERMS): array
            for name, array in arrays.items()
            if name.startswith(_OF_TERMS)
        }
        try:
            added = Terms(tuple(terms), Scaling.from_arrays(of_terms)) if of_terms else None
        except ValueError as error:
            raise ValueError(f"{_OF_TERMS}{error}") from None
        whitening = None if image is None else Whitening(image, arrays["filters"].astype(np.float64))
        return cls(scaling, fill, tuple(flagged), slots, dict(zip(bins, cut, strict=True)), added, whitening)

    @staticmethod
    def shapes(
        columns: int,
        bins: Mapping[int, int],
        terms: int = 0,
        *,
        fill: bool,
        image: tuple[int, int, int] | None = None,
    ) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays of `to_arrays`, with so many ``terms``.

        It may be that there is no ``fill`` among them. ``image`` is the shape of images that are whitened.
        """
        shapes = Scaling.shapes(columns)
        if fill:
            shapes["fill"] = (columns,)
        if bins:
            shapes["edges"] = (sum(bins.values()) + len(bins),)
        if terms:
            shapes |= {_OF_TERMS + name: shape for name, shape in Scaling.shapes(terms).items()}
        if image is not None:
            shapes["filters"] = filter_shape(image)
        return shapes

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the arrays that a checkpoint keeps; they are not copies, but for ``edges``."""
        arrays = self.scaling.to_arrays()
        if self.fill is not self.scaling.shift:
            arrays["fill"] = self.fill
        if self.edges:
            arrays["edges"] = np.concatenate(list(self.edges.values()))
        if self.terms is not None:
            arrays |= {_OF_TERMS + name: array for name, array in self.terms.scaling.to_arrays().items()}
        if self.whitening is not None:
            arrays["filters"] = self.whitening.filters
        return arrays

    @property
    def bins(self) -> dict[int, int]:
        """How many bins the columns that are cut into bins have."""
        return {j: len(own) - 1 for j, own in (self.edges or {}).items()}

    @staticmethod
    def width(
        columns: int,
        flagged: Sequence[int],
        slots: Mapping[int, Slots],
        bins: Mapping[int, int],
        terms: Sequence[str] = (),
    ) -> int:
        """Return the number of features."""
        numbers = columns - len(slots)
        of_slots = sum(max(own) + 1 for own in slots.values())
        return numbers + len(flagged) + of_slots + count_terms(numbers, terms) + sum(bins.values())

    @property
    def n_columns(self) -> int:
        """The number of raw columns."""
        return len(self.fill)

    @cached_property
    def n_features(self) -> int:
        """The number of the network's inputs."""
        terms = () if self.terms is None else self.terms.names
        return self.width(self.n_columns, self.flagged, self.slots or {}, self.bins, terms)

    @cached_property
    def n_direct(self) -> int:
        """The number of features that are no bins: those that come first, and that linear models are for."""
        return self.n_features - sum(self.bins.values())

    @cached_property
    def needs_float64(self) -> bool:
        """Whether some columns are so far from 0 that float32 would not tell their rows apart."""
        shift, scale = self.scaling.shift[self.numbers], self.scaling.scale[self.numbers]
        return bool((np.abs(shift) / 8 > scale).any())

    @cached_property
    def is_plain(self) -> bool:
        """Whether each column is one feature, a number that is shifted and scaled."""
        has_others = self.flagged or self.slots or self.edges
        return not has_others and self.terms is None and self.whitening is None

    def features_of(self, column: int) -> int:
        """Return how many features a raw column becomes, without the terms, which may be of several."""
        if self.slots and column in self.slots:
            return max(self.slots[column]) + 1
        return 1 + (column in self.flagged) + self.bins.get(column, 0)

    def features(self, columns: Sequence[str], kinds: Kinds) -> tuple[str, ...]:
        """Return the names of the network's inputs, made from those of the raw columns."""
        slots = self.slots or {}
        names = [columns[j] for j in self.numbers]
        names += [f"{columns[j]} is missing" for j in self.flagged]
        for j, own in slots.items():
            values = [""] * (max(own) + 1)
            *of_levels, unseen, missing = own
            for level, slot in zip(kinds[columns[j]].levels, of_levels, strict=True):
                if slot >= 0 and slot != unseen:
                    values[slot] = f"{columns[j]} = {level}"
            if missing >= 0:
                values[missing] = f"{columns[j]} is missing"
            if unseen >= 0:
                values[unseen] = f"{columns[j]} = another"
            names += values
        if self.terms is not None:
            names += name_terms([columns[j] for j in self.numbers], self.terms.names)
        for j, edges in (self.edges or {}).items():
            names += [f"{columns[j]} from {low:g} to {high:g}" for low, high in pairwise(edges)]
        return tuple(names)

    def apply(self, raw: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the inputs (n, n_features) for ``raw`` (n, columns): in ``out``, or a new float64 array.

        Numbers are shifted and scaled in float64, since they may have more digits than float32 can hold.
        Bytes are images, of which there are many: they are scaled in the precision of ``out``, and then
        nothing is allocated. ``out`` may be ``raw`` itself if the transform `is_plain`.
        """
        if out is None:
            out = np.empty((len(raw), self.n_features))
        is_bytes = raw.dtype == np.uint8 and self.is_plain
        step = WHITENED if self.whitening else max(1, _CACHED // max(raw.shape[1], out.shape[1]))
        for start in range(0, len(raw), step):
            block, target = raw[start : start + step], out[start : start + step]
            if self.whitening is not None:
                with np.errstate(over="ignore", invalid="ignore"):
                    self.whitening.apply(self._pixels(block, out.dtype), target)
            elif is_bytes:
                np.copyto(target, block)
                target -= self.shift
                target *= self.factor
            else:
                with np.errstate(over="ignore", invalid="ignore"):  # it shows in the logits
                    self._apply(block, target)
        return out

    def apply_short(self, raw: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """Write the inputs for ``raw`` into ``out`` like `apply`, for float32 in a third of the time.

        Then rows are shifted and scaled in float32, and an input may be off by some millionths: for rows that
        are read anew in each epoch. Where rows would be told apart less well, or cells are missing, it is
        `apply`.
        """
        if not self.is_plain or self.needs_float64 or raw.dtype != np.float32 or out.dtype != np.float32:
            return self.apply(raw, out)
        step = max(1, _CACHED // raw.shape[1])
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(raw), step):
                target = out[start : start + step]
                np.subtract(raw[start : start + step], self.shift, out=target)
                target *= self.factor
                flat = target.reshape(-1)
                if not np.isfinite(np.dot(flat, flat)):
                    return self.apply(raw, out)
        return out

    def _apply(self, raw: NDArray[Any], out: NDArray[Any]) -> None:
        """Transform a block of rows."""
        scaled = self.scaled(raw)
        n = scaled.shape[1]
        if self.flagged:
            np.isnan(raw[:, self.flagged], out=out[:, n : n + len(self.flagged)], casting="unsafe")
        if self.slots:
            features = self._features_of(raw)
            out[:, n + len(self.flagged) : self._n_linear] = 0
            rows, which = np.nonzero(features >= 0)
            out[rows, features[rows, which]] = 1
        out[:, :n] = scaled
        if self.terms is not None:
            out[:, self._n_linear : self.n_direct] = self.terms.apply(scaled)
        start = self.n_direct
        for j, own in (self.edges or {}).items():
            values = raw[:, j].astype(np.float64)
            np.copyto(values, self.fill[j], where=np.isnan(values))
            parts = (values[:, None] - own[:-1]) / np.diff(own)
            np.subtract(np.clip(parts, 0, 1, out=parts), 0.5, out=out[:, start : start + len(own) - 1])
            start += len(own) - 1

    def _pixels(self, raw: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return images scaled; bytes are in the precision of ``dtype``, as in `apply`."""
        if raw.dtype != np.uint8 or dtype != np.float32:
            return self.scaled(raw).astype(dtype, copy=False)
        pixels: NDArray[Any] = np.subtract(raw, self.shift)
        pixels *= self.factor
        return pixels

    def scaled(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        """Return the columns of numbers and booleans (m, numbers), filled and scaled."""
        numbers = self.numbers
        of_numbers = raw if len(numbers) == raw.shape[1] else raw[:, numbers]
        scaled: NDArray[np.float64] = of_numbers - self.scaling.shift[numbers]
        scaled /= self.scaling.scale[numbers]
        missing = np.isnan(scaled)
        if missing.any():
            filled = (self.fill - self.scaling.shift)[numbers] / self.scaling.scale[numbers]
            np.copyto(scaled, filled, where=missing)
        return scaled

    def _features_of(self, raw: NDArray[Any]) -> NDArray[np.intp]:
        """Return, for each cell of the columns of categories, the number of the feature that it sets."""
        places, offsets, table = self._lookup
        codes = raw[:, places]
        unseen = offsets[1:] - 2
        index = np.where(codes >= 0, codes + offsets[:-1], unseen)
        index[np.isnan(codes)] = np.broadcast_to(unseen + 1, codes.shape)[np.isnan(codes)]
        return table[index.astype(np.intp)]

    @cached_property
    def _n_linear(self) -> int:
        """The number of features before the terms."""
        return self.n_direct - (0 if self.terms is None else len(self.terms.scaling.shift))

    @cached_property
    def numbers(self) -> NDArray[np.intp]:
        """The places of the columns of numbers and booleans."""
        return np.array([j for j in range(self.n_columns) if j not in (self.slots or {})], np.intp)

    @cached_property
    def _lookup(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """The columns of categories, where the slots of each begin in the table, and the table itself."""
        slots = self.slots or {}
        offsets = np.cumsum([0, *map(len, slots.values())])
        feature = len(self.numbers) + len(self.flagged)
        table = []
        for own in slots.values():
            table += [feature + slot if slot >= 0 else -1 for slot in own]
            feature += max(own) + 1
        return np.array(list(slots), np.intp), offsets, np.array(table, np.intp)

    @cached_property
    def shift(self) -> NDArray[np.float32]:
        """What is subtracted from the bytes (columns,) of images."""
        return self.scaling.shift.astype(np.float32)

    @cached_property
    def factor(self) -> NDArray[np.float32]:
        """What they are multiplied by then, (columns,)."""
        return np.reciprocal(self.scaling.scale).astype(np.float32)

    def undo_linear(self, w: NDArray[Any], b: float) -> tuple[NDArray[np.float64], float]:
        """Return the weights (columns,) and the bias that give w x + b, of the inputs x, from raw columns.

        The transform has to be a plain one.
        """
        weights = w.astype(np.float64) / self.scaling.scale
        return weights, float(b - weights @ self.scaling.shift)

    def unknown_cells(
        self, raw: NDArray[Any], columns: Sequence[str], rows: NDArray[np.intp]
    ) -> dict[str, tuple[int, int]]:
        """Return for columns with cells of a kind that the training split had not how many of ``rows`` do.

        These are, by column, the texts that are no known category, and the missing cells.
        """
        if raw.dtype == np.uint8:
            return {}
        found = {}
        for j, name in enumerate(columns):
            cells, slots = raw[rows, j], (self.slots or {}).get(j)
            unseen = 0 if slots is None else int(np.count_nonzero(cells == -1))
            expected = j in self.flagged if slots is None else slots[-1] not in (-1, slots[-2])
            missing = 0 if expected else int(np.count_nonzero(np.isnan(cells)))
            if unseen or missing:
                found[name] = (unseen, missing)
        return found


def _edges(values: NDArray[Any], bins: int) -> NDArray[np.float64]:
    """Return the quantiles of some values, each once, as the edges of at most so many bins."""
    if bins == 0 or len(values) == 0 or len(np.unique(values)) <= 2:
        return np.empty(0)
    return np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, bins + 1)))


def _slots(codes: NDArray[Any], levels: int) -> Slots:
    """Return the slots of a column of categories with ``codes`` in its training rows."""
    missing = np.isnan(codes)
    counts = np.bincount(codes[~missing & (codes >= 0)].astype(np.intp), minlength=levels)
    return slots_of(counts, is_missing=bool(missing.any()))


def slots_of(counts: NDArray[Any], *, is_missing: bool) -> Slots:
    """Return the slots of a column of categories with so many training rows (levels,) of each level.

    ``is_missing`` says whether a training row has no text.
    """
    levels = len(counts)
    by_size = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    kept = sorted(int(level) for level in by_size if counts[level] >= RARE)
    pooled = bool(counts.sum() > counts[kept].sum())
    unseen = len(kept) if pooled else -1
    own = dict(zip(kept, range(len(kept)), strict=True))
    n = len(kept) + pooled
    return (*(own.get(level, unseen) for level in range(levels)), unseen, n if is_missing else unseen)
