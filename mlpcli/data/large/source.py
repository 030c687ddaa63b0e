"""A table in .npy files that is read in blocks: its splits, what one pass finds out, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.batches import Split
from mlpcli.data.kinds import Kinds, Missing
from mlpcli.data.large.ahead import work_ahead
from mlpcli.data.large.blocks import Ranges
from mlpcli.data.large.described import Described
from mlpcli.data.large.moments import Moments
from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.data.large.quantiles import Sketch
from mlpcli.data.large.targets import Targets
from mlpcli.data.sentences import FILL, FINITE
from mlpcli.errors import DataError
from mlpcli.text import memory

__all__ = ["Chunk", "LargeData", "Part", "Survey", "most_sampled", "require_finite", "survey"]

_SAMPLED_ROWS, _SAMPLED_NUMBERS = 20_000, 1 << 22  # of each split, at most
_LARGEST = float(np.finfo(np.float32).max)


def most_sampled(columns: int) -> int:
    """Return how many rows with so many columns are kept of each split, at most."""
    return max(1, min(_SAMPLED_ROWS, _SAMPLED_NUMBERS // columns))


class Chunk(NamedTuple):
    """Some rows: X (m, columns) as they are stored, their targets, and their weights if they have any."""

    X: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[np.float64] | None

    def of(self, rows: NDArray[Any]) -> Chunk:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Chunk(self.X[rows], self.y[rows], weights)

    @property
    def counting(self) -> Chunk:
        """The rows that do not have the weight 0."""
        return self if self.weights is None else self.of(self.weights > 0)


@dataclass(frozen=True)
class LargeData:
    """The files of a table, and which ranges of rows each split has.

    ``parts`` are the ranges of rows (ranges, 2) of each split. ``found`` is what `survey` has found out.
    """

    X: NpyRows
    targets: Targets
    weights: NpyRows | None
    parts: Mapping[str, Ranges]
    missing: Missing
    found: Survey
    named: Described | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        if self.named is not None:
            return self.named.columns
        return tuple(f"x{i}" for i in range(1, self.X.width + 1))

    @property
    def kinds(self) -> Kinds:
        """What the columns hold that are not plain numbers."""
        return {} if self.named is None else self.named.kinds

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on how the data are read."""
        n = sum(len(chunk.y) for chunk in self.found.sample.values())
        notes = [
            f"{self.X.path.name} has {memory(self.X.nbytes)} and is read in blocks. Rows are divided and "
            f"shuffled in blocks; checks, pictures and baselines use {n:,} of them, drawn at random."
        ]
        if self.found.left_out:
            why = "a target or with missing cells" if self.missing == "drop" else "a target"
            notes.append(f"{self.found.left_out:,} of {len(self.X):,} rows without {why} are left out.")
        return tuple(notes)

    def part_of(self, row: int) -> str | None:
        """Return which split has a row, the first one being number 0; None if none has."""
        for part, ranges in self.parts.items():
            if ((ranges[:, 0] <= row) & (row < ranges[:, 1])).any():
                return part
        return None

    @property
    def class_counts(self) -> list[int] | list[float] | None:
        """The number of training rows of each class, or the sum of their weights, scaled to a mean of 1."""
        counts = self.found.class_counts
        if counts is None:
            return None
        if self.weights is None:
            return [round(count) for count in counts.tolist()]
        sums: list[float] = (counts * self.found.scale).tolist()
        return sums

    def read(self, start: int, stop: int) -> Chunk:
        """Return the rows from ``start`` to before ``stop`` that are not left out; raises DataError."""
        return _kept(_read(self.X, self.targets, self.weights, start, stop), self.missing)


@dataclass(frozen=True)
class Part:
    """All rows of a split of large data, in the blocks that it has of the file."""

    data: LargeData
    name: str

    def __len__(self) -> int:
        return int(self.counts.sum())

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of rows (blocks,) of each block, without those that are left out."""
        return self.data.found.rows[self.name]

    @property
    def has_weights(self) -> bool:
        """Whether the rows have weights."""
        return self.data.weights is not None

    def block(self, number: int) -> Split:
        """Read a block, the first being number 0; raises DataError."""
        start, stop = self.data.parts[self.name][number].tolist()
        X, y, weights = self.data.read(start, stop)
        if len(y) != self.counts[number]:
            raise DataError(f"{self.data.X.path}: has changed since it was opened; start again")
        scaled = None if weights is None else weights * self.data.found.scale
        return Split(X, y, np.arange(len(y)), weights=scaled)

    def chunks(self, most: int | None = None) -> Iterator[Split]:
        """Yield all rows, or ``most`` of them, block by block; the next one is read meanwhile.

        The first ones are as random as the order of the blocks. Raises DataError.
        """
        left = len(self) if most is None else min(most, len(self))
        enough = int(np.searchsorted(np.cumsum(self.counts), left)) + 1
        for split in work_ahead(self.block, range(min(enough, len(self.counts)))):
            if len(split) > left:
                split = replace(split, rows=split.rows[:left])
            left -= len(split)
            if len(split):
                yield split

    def targets(self) -> Iterator[tuple[NDArray[Any], NDArray[np.float64] | None]]:
        """Yield targets (m, targets) and weights (m,) of rows that have both, block by block, without X."""
        targets, weights = self.data.targets, self.data.weights
        for start, stop in self.data.parts[self.name].tolist():
            y = targets.read(start, stop)
            keep, own = targets.present(y), None
            if weights is not None:
                own = weights.read(start, stop)[:, 0].astype(np.float64)
                keep &= own > 0
                own = own[keep]
            yield y[keep], own


def _read(X: NpyRows, targets: Targets, weights: NpyRows | None, start: int, stop: int) -> Chunk:
    own = None
    if weights is not None:
        own = weights.read(start, stop)[:, 0].astype(np.float64)
        wrong = np.flatnonzero(~(np.isfinite(own) & (own >= 0)))
        if len(wrong):
            i = wrong[0]
            raise DataError(
                f"{weights.path}: row {start + i} (from 0) is {own[i]:g}; weights are finite numbers, "
                "0 or more"
            )
    return Chunk(X.read(start, stop), targets.read(start, stop), own)


def _kept(chunk: Chunk, missing: Missing) -> Chunk:
    """Return the rows that have a target and, if so configured, no missing cell."""
    keep = Targets.present(chunk.y)
    if missing == "drop" and chunk.X.dtype.kind == "f":
        keep = keep & ~np.isnan(chunk.X).any(axis=1)
    return chunk if keep.all() else chunk.of(keep)


# The pass


@dataclass
class Survey:
    """What one pass through all rows finds out.

    ``rows`` are, for each split, the numbers of rows of its ranges that are not left out. ``checksum`` is
    that of all files. ``columns`` are the moments of the training rows, each counted by its weight, and
    ``targets`` those of their values, of which ``least`` are the smallest above 0. ``sketch`` has quantiles
    of the columns, where these were asked for. ``levels`` count the training rows of each level of the
    columns of categories, by their places. ``labels`` count the rows of each class in each split.
    ``class_counts`` are those of the training rows, or sums of weights, and ``scale`` makes the mean weight
    of a training row 1. ``left_out`` rows have no target or, if so configured, lack a cell. ``sample`` has
    some rows of each split, drawn at random.
    """

    rows: dict[str, NDArray[np.int64]]
    columns: Moments
    targets: Moments
    sketch: Sketch | None
    class_counts: NDArray[np.float64] | None
    levels: dict[int, NDArray[np.int64]]
    labels: dict[str, NDArray[np.int64]]
    least: NDArray[np.float64]
    checksum: int = 0
    scale: float = 1.0
    left_out: int = 0
    sample: dict[str, Chunk] = field(default_factory=dict)


class _Measured(NamedTuple):
    """What is found in a range of rows."""

    chunk: Chunk
    left_out: int
    checks: list[Any]
    columns: Moments | None
    targets: Moments | None


def survey(
    X: NpyRows,
    targets: Targets,
    weights: NpyRows | None,
    parts: Mapping[str, Ranges],
    unused: Ranges,
    missing: Missing,
    rng: np.random.Generator,
    *,
    quantiles: bool = False,
    levels: Mapping[int, int] | None = None,
) -> Survey:
    """Read all rows once, in the order of the file, and return what there is to know of them.

    ``quantiles`` asks for a sketch of the training rows. ``levels`` are the numbers of levels of the columns
    of categories, by their places. A sample of each split is drawn from ``rng``. Raises DataError for cells
    that cannot be learned from, and for a split of which no row is left.
    """
    spans = [
        (int(start), int(stop), part, place)
        for part, ranges in [*parts.items(), ("", unused)]
        for place, (start, stop) in enumerate(ranges)
    ]
    spans.sort()
    classes = targets.classes
    found = Survey(
        {part: np.zeros(len(ranges), np.int64) for part, ranges in parts.items()},
        Moments(X.width),
        Moments(targets.width),
        Sketch(X.width) if quantiles else None,
        None if classes is None else np.zeros(len(classes)),
        {j: np.zeros(n, np.int64) for j, n in (levels or {}).items()},
        {} if classes is None else {part: np.zeros(len(classes), np.int64) for part in parts},
        np.full(targets.width, np.inf),
    )
    most = most_sampled(X.width)
    sampler = {part: _Sampler(int((r[:, 1] - r[:, 0]).sum()), most, rng) for part, r in parts.items()}
    sums = dict.fromkeys(parts, 0.0)
    work = partial(_measure, X, targets, weights, missing)
    trained, checksums = 0, [0, 0, 0]  # of each file, so that they do not depend on the ranges
    for span, measured in zip(spans, work_ahead(work, spans, threads=2, ahead=3), strict=True):
        start, stop, part, place = span
        chunk = measured.chunk
        for i, array in enumerate(measured.checks):
            checksums[i] = crc32(array.data, checksums[i])
        found.left_out += measured.left_out
        if not part:
            continue
        found.rows[part][place] = len(chunk.y)
        sampler[part].offer(chunk, stop - start)
        if classes is not None:
            found.labels[part] += np.bincount(chunk.y, minlength=len(classes))
        if chunk.weights is not None:
            sums[part] += float(chunk.weights.sum())
        if part != "train":
            continue
        trained += len(chunk.y)
        assert measured.columns is not None
        assert measured.targets is not None
        found.columns.merge(measured.columns)
        found.targets.merge(measured.targets)
        counting = chunk.counting
        if classes is None and len(counting.y):
            least = np.where(counting.y > 0, counting.y, np.inf).min(axis=0)
            np.minimum(found.least, least, out=found.least)
        for j, counts in found.levels.items():
            codes = chunk.counting.X[:, j]
            counts += np.bincount(codes[codes >= 0].astype(np.intp), minlength=len(counts))
        if found.sketch is not None:
            found.sketch.add(counting.X)
        if found.class_counts is not None:
            found.class_counts += np.bincount(chunk.y, chunk.weights, len(found.class_counts))
    _require_rows(found, parts, sums, weights)
    found.checksum = crc32(np.array(checksums, "<u4").tobytes())
    found.scale = 1.0 if weights is None else trained / sums["train"]
    found.sample = {part: own.chunk(found.scale) for part, own in sampler.items() if own.rows}
    return found


def _measure(
    X: NpyRows,
    targets: Targets,
    weights: NpyRows | None,
    missing: Missing,
    span: tuple[int, int, str, int],
) -> _Measured:
    """Read a range of rows, check them, and measure those of the training split."""
    start, stop, part, _ = span
    whole = _read(X, targets, weights, start, stop)
    require_finite(str(X.path), whole.X, start, missing)
    checks = [array for array in whole if array is not None]
    chunk = _kept(whole, missing)
    left_out = len(whole.y) - len(chunk.y)
    if part != "train":
        return _Measured(chunk, left_out, checks, None, None)
    counting = chunk.counting
    y = counting.y.reshape(-1, targets.width)
    return _Measured(
        chunk, left_out, checks, Moments.of(counting.X, counting.weights), Moments.of(y, counting.weights)
    )


def require_finite(where: str, X: NDArray[Any], start: int, missing: Missing) -> None:
    """Raise DataError for a cell that float32 cannot hold or, if so configured, that is missing.

    The rows are those of ``where`` from the row ``start`` on.
    """
    if X.dtype.kind != "f" or not X.size:
        return
    low, high = float(X.min()), float(X.max())
    if low >= -_LARGEST and high <= _LARGEST:  # false where there is NaN
        return
    wrong = np.abs(X) > _LARGEST
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise DataError(f"{where}: row {start + i}, column {j} (from 0) is {X[i, j]}. {FINITE}")
    if missing == "error":
        i, j = np.argwhere(np.isnan(X))[0]
        raise DataError(f"{where}: row {start + i}, column {j} (from 0) is nan. {FILL}")


def _require_rows(
    found: Survey, parts: Mapping[str, Ranges], sums: Mapping[str, float], weights: NpyRows | None
) -> None:
    for part, ranges in parts.items():
        if not len(ranges):
            continue
        n = int(found.rows[part].sum())
        if not n:
            raise DataError(
                f"no row of the {part} split is left, as all have missing cells or no target; change the "
                "sizes of the splits, or `data.missing`"
            )
        if weights is not None and not sums[part]:
            raise DataError(
                f"all {n:,} examples of the {part} split have the weight 0, so that none counts; "
                "change the weights, or the sizes of the splits"
            )


class _Sampler:
    """Draws ``most`` of n rows that come range by range: of each as many as is its share, at random."""

    def __init__(self, n: int, most: int, rng: np.random.Generator) -> None:
        self._n, self._most, self._rng = n, min(n, most), rng
        self._seen = 0
        self.rows = 0
        self._held: list[Chunk] = []

    def offer(self, chunk: Chunk, rows: int) -> None:
        """Take some of a chunk, of which ``rows`` rows were read."""
        before, self._seen = self._seen, self._seen + rows
        take = self._most * self._seen // self._n - self._most * before // self._n
        take = min(take, len(chunk.y))
        if take:
            self.rows += take
            self._held.append(chunk.of(np.sort(self._rng.choice(len(chunk.y), take, replace=False))))

    def chunk(self, scale: float) -> Chunk:
        """Return the rows, their weights multiplied by ``scale``."""
        X, y, weights = zip(*self._held, strict=True)
        own = None if weights[0] is None else np.concatenate(weights) * scale
        return Chunk(np.concatenate(X), np.concatenate(y), own)
