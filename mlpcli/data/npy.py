"""Reads a data set from .npy files: a small one whole, a large one block by block, in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlpcli.data.arrays.examples import from_numbers
from mlpcli.data.dataset import Dataset, TableSize
from mlpcli.data.kinds import Missing
from mlpcli.data.large.blocks import BLOCK, cut_by_time, cut_in_blocks, rows_of_a_block, rows_of_none
from mlpcli.data.large.described import Described, read_described
from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.data.large.source import LargeData, most_sampled, survey
from mlpcli.data.large.targets import Targets
from mlpcli.data.splits import part_counts
from mlpcli.errors import DataError
from mlpcli.npz import npy_header, read_npy
from mlpcli.reading import within_memory
from mlpcli.text import memory

__all__ = ["LARGE", "NpyFiles", "is_large", "measure_npy", "open_large", "read_npy_files"]

LARGE = 1 << 27  # bytes of X above which it is read in blocks
_WHERE = "data."  # before X, y and weights in errors: keys of the config


@dataclass(frozen=True)
class NpyFiles:
    """The files of the arrays, and the one that says what they hold where they were made from a table."""

    X: Path
    y: Path
    weights: Path | None = None
    table: Path | None = None


def is_large(files: NpyFiles) -> bool:
    """Return whether X has more than `LARGE` bytes, so that it is read in blocks; raises DataError."""
    shape, dtype = npy_header(files.X, DataError)
    return math.prod(shape) * dtype.itemsize > LARGE


def measure_npy(files: NpyFiles, *, classification: bool | None) -> TableSize:
    """Return the size of a data set from the headers of its files; raises DataError."""
    (shape, dtype), (y_shape, y_dtype) = (npy_header(path, DataError) for path in (files.X, files.y))
    n, columns = shape[0] if shape else 0, math.prod(shape[1:])
    outputs = math.prod(y_shape[1:]) if classification is False else None
    itemsize = 1 if dtype == np.uint8 else 4
    if is_large(files):
        sampled = most_sampled(columns)
        size = 3 * sampled * (columns * max(itemsize, dtype.itemsize) + 8) + 16 * BLOCK
        return TableSize(size, n, columns, outputs, itemsize, spare=size // 2, sampled=sampled)
    converted = 0 if dtype in (np.uint8, np.float32) else dtype.itemsize
    numbers = math.prod(shape)
    size = numbers * (itemsize + converted) + math.prod(y_shape) * (y_dtype.itemsize + 8)
    return TableSize(size, n, columns, outputs, itemsize, spare=numbers * converted)


def read_npy_files(files: NpyFiles, *, classification: bool | None, missing: Missing) -> Dataset:
    """Read all arrays whole: X (n, ...), whose rows are flattened, y and weights; raises DataError.

    ``classification`` None means that y decides. Missing cells are treated as by `read_npz`.
    """
    if is_large(files):
        raise DataError(
            f"{files.X}: is read in blocks, since it has more than {memory(LARGE)}, and this needs all of it "
            "at once. What fits into memory can be given as an .npz, with data.name: npz."
        )
    described = None if files.table is None else read_described(files.table)
    with within_memory(str(files.X), DataError):
        X, y = read_npy(files.X, DataError), read_npy(files.y, DataError)
        if described is not None:
            _require_fitting(files, described, X.shape, classification)
            if described.classes is not None:
                y = np.array(described.classes)[np.clip(y.reshape(-1), 0, len(described.classes) - 1)]
        found = from_numbers(
            X,
            y,
            where=_WHERE,
            weights=None if files.weights is None else read_npy(files.weights, DataError),
            classification=classification,
            missing=missing,
        )
    if described is None:
        return found
    return replace(found, columns=described.columns, kinds=described.kinds)


def _require_fitting(
    files: NpyFiles, described: Described, shape: tuple[int, ...], classification: bool | None
) -> None:
    """Raise DataError if what the table was does not fit X, or the task."""
    width = math.prod(shape[1:])
    if len(described.columns) != width:
        raise DataError(
            f"{files.table}: describes {len(described.columns):,} columns, and {files.X} has {width:,}"
        )
    if described.classes is not None and classification is False:
        raise DataError(f"{files.table}: y holds classes, and a regression predicts numbers")


def open_large(
    files: NpyFiles,
    *,
    classification: bool | None,
    missing: Missing,
    sizes: dict[str, int | float | None],
    by_time: bool,
    width: int,
    quantiles: bool,
    rng: np.random.Generator,
    drawn: np.random.Generator,
) -> LargeData:
    """Open the files, divide their rows into splits block by block, and survey them in one pass.

    ``width`` is how many inputs a column becomes at most: it makes the blocks smaller. ``sizes`` are those of
    the splits, as `split_rows` takes them, of which each has the next blocks in an order drawn from ``rng``,
    or ``by_time`` the last rows. ``quantiles`` asks for a sketch. A sample of each split is ``drawn``. Raises
    DataError.
    """
    X = NpyRows(files.X)
    if X.dtype.kind not in "biuf" or len(X.shape) < 2 or 0 in X.shape:
        raise DataError(
            f"{files.X}: has shape {X.shape} and dtype {X.dtype}; features are real numbers, one row for "
            "each example, (n, features)"
        )
    n = len(X)
    described = None if files.table is None else read_described(files.table)
    if described is not None:
        _require_fitting(files, described, X.shape, classification)
    classes = None if described is None else described.classes
    targets = Targets(NpyRows(files.y), n, classification, missing, classes)
    weights = None if files.weights is None else _open_weights(files.weights, n)
    counts = part_counts(sizes, n)
    rows = rows_of_a_block(X.width * width)
    parts = cut_by_time(n, rows, counts) if by_time else cut_in_blocks(n, rows, counts, rng)
    unused = rows_of_none(n, parts.values(), rows)
    levels = {}
    if described is not None:
        each = [described.kinds.get(name) for name in described.columns]
        levels = {j: len(kind.levels) for j, kind in enumerate(each) if kind is not None and kind.levels}
    found = survey(X, targets, weights, parts, unused, missing, drawn, quantiles=quantiles, levels=levels)
    return LargeData(X, targets, weights, parts, missing, found, described)


def _open_weights(path: Path, n: int) -> NpyRows:
    weights = NpyRows(path)
    if weights.dtype.kind not in "biuf" or weights.shape not in ((n,), (n, 1)):
        raise DataError(
            f"{path}: has shape {weights.shape} and dtype {weights.dtype}; there is one weight, a number, "
            f"for each of {n:,} rows"
        )
    return weights
