"""Reads .npz files, and new rows also from .npy files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mlpcli.data.arrays.examples import dataset_of, labelled_rows
from mlpcli.data.arrays.features import (
    Keep,
    Values,
    check_features,
    flattened,
    in_rows,
    numbered,
    rows_of_numbers,
)
from mlpcli.data.arrays.targets import (
    check_targets,
    is_classification,
    labels_or_values,
    of_rows,
    present_rows,
)
from mlpcli.data.dataset import Dataset, Features, Labelled, TableSize
from mlpcli.data.kinds import Missing
from mlpcli.data.labels import Labels, recognize
from mlpcli.data.large.source import require_finite
from mlpcli.data.rows import Roles, RowFacts, facts_of
from mlpcli.errors import DataError
from mlpcli.npz import NpzFile, npy_header, read_npy
from mlpcli.reading import within_memory
from mlpcli.text import listed

__all__ = [
    "is_in_rows",
    "labelled_npz",
    "labelled_npz_in_pieces",
    "measure_npz",
    "npz_in_pieces",
    "read_npz",
    "rows_of_npy",
    "rows_of_npz",
    "size_of_rows",
]


def measure_npz(path: Path, *, classification: bool | None) -> TableSize:
    """Return the size of a data set from the headers of its X and y; raises DataError.

    ``classification`` None means that the target decides, once it is read.
    """
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        (X_shape, X_dtype), (y_shape, y_dtype) = archive.header("X"), archive.header("y")
    check_features(f"{path}: X", X_shape, X_dtype, None)
    n, itemsize = X_shape[0], 1 if X_dtype == np.uint8 else 4
    converted = 0 if X_dtype in (np.uint8, np.float32) else X_dtype.itemsize
    size = math.prod(X_shape) * (itemsize + converted) + math.prod(y_shape) * (y_dtype.itemsize + 8)
    outputs = math.prod(y_shape[1:]) if classification is False else None
    spare = math.prod(X_shape) * converted
    return TableSize(size, n, math.prod(X_shape[1:]), outputs, itemsize, spare=spare)


def size_of_rows(path: Path) -> TableSize:
    """Return the size of the array of an .npy file, or of X in an .npz archive; raises DataError."""
    if path.suffix.lower() == ".npy":
        shape, dtype = npy_header(path, DataError)
    else:
        with NpzFile(path, DataError) as archive:
            _require(path, archive, "X")
            shape, dtype = archive.header("X")
    numbers = math.prod(shape)
    columns = math.prod(shape[1:]) if len(shape) > 1 else numbers
    itemsize = 1 if dtype == np.uint8 else 4
    converted = 0 if dtype in (np.uint8, np.float32) else dtype.itemsize
    n = numbers // max(1, columns)
    return TableSize(numbers * (itemsize + converted), n, columns, None, itemsize, spare=numbers * converted)


def read_npz(
    path: Path,
    *,
    classification: bool | None,
    roles: Roles | None = None,
    missing: Missing = "fill",
) -> Dataset:
    """Read the arrays ``X`` (n, ...), whose rows are flattened, and ``y``: (n,), or (n, k) for a regression.

    ``classification`` None means that y decides, as `holds_classes` says. ``roles`` names the arrays that
    say something of the rows. NaN in X is a missing cell, which is kept (fill), left out with its row (drop),
    or refused (error). Rows without a target are left out, or refused (error). Raises DataError.
    """
    with within_memory(str(path), DataError):
        X, y = _read_npz(path, classification, None, missing)
        about = _facts_of_npz(path, roles or {}, len(X))
        return dataset_of(f"{path}: ", X, y, numbered(X.shape[1]), about, missing)


def _facts_of_npz(path: Path, roles: Roles, n: int) -> RowFacts:
    """Read the arrays that say something of the n rows; raises DataError."""
    with NpzFile(path, DataError) as archive:
        _require(path, archive, *roles.values())
        arrays = {role: (f"{path}: {name}", archive.read(name)) for role, name in roles.items()}
    return facts_of(arrays, n)


def labelled_npz(
    path: Path,
    width: int,
    classes: Sequence[str] | None,
    roles: Roles | None = None,
    *,
    precise: bool = True,
    missing: Missing = "fill",
) -> Labelled:
    """Read X (n, width), y as indices into known ``classes`` or, without them, values, and facts of the rows.

    Of the arrays that ``roles`` names, those are read that the file has. Rows without a target are left out,
    or refused if ``missing`` is error.
    """
    with within_memory(str(path), DataError):
        X, y = _read_npz(path, classes is not None, width, missing, precise)
        with NpzFile(path, DataError) as archive:
            here: Roles = {role: name for role, name in (roles or {}).items() if name in archive.names}
        return labelled_rows(f"{path}: ", X, y, _facts_of_npz(path, here, len(X)), classes)


def labelled_npz_in_pieces(
    path: Path,
    width: int,
    count: int,
    classes: Sequence[str] | None,
    roles: Roles | None = None,
    *,
    precise: bool = True,
    missing: Missing = "fill",
) -> Iterator[Labelled]:
    """Yield what `labelled_npz` returns of ``count`` rows at a time; y and facts of the rows are read whole.

    A piece may have no row left. Raises DataError.
    """
    where = f"{path}: "
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        (n, *_), _ = archive.header("X")
        is_class = classes is not None
        check_targets(f"{where}y", *archive.header("y"), n, is_class)
        targets = labels_or_values(f"{where}y", archive.read("y"), is_class, missing)
        here: Roles = {role: name for role, name in (roles or {}).items() if name in archive.names}
    about, present = _facts_of_npz(path, here, n), present_rows(f"{where}y", targets)
    found = of_rows(targets, present)
    codes = recognize(found, classes or ()) if isinstance(found, Labels) else found
    about, done = about.of(present), 0
    start = 0
    for X in npz_in_pieces(path, width, count, precise=precise):
        kept = X if present is None else X[present[start : start + len(X)]]
        rows = slice(done, done + len(kept))
        yield Labelled(kept, codes[rows], about.of(rows), (), len(X))
        start, done = start + len(X), rows.stop


def npz_in_pieces(path: Path, width: int, count: int, *, precise: bool = True) -> Iterator[Features]:
    """Yield what `rows_of_npz` returns of ``count`` rows at a time; raises DataError."""
    start = 0
    with NpzFile(path, DataError) as archive:
        check_features(f"{path}: X", *archive.header("X"), width)
        for rows in archive.rows("X", count):
            require_finite(f"{path}: X", rows, start, "fill")
            yield rows_of_numbers(f"{path}: X", rows, width, precise=precise)
            start += len(rows)


def is_in_rows(path: Path) -> bool:
    """Return whether the rows of the array ``X`` of an archive can be read piece by piece."""
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X")
        return archive.is_in_rows("X")


def rows_of_npz(path: Path, width: int, *, precise: bool = True) -> Features:
    """Read the array ``X`` (n, width) of an archive; raises DataError."""
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X")
        check_features(f"{path}: X", *archive.header("X"), width)
        return flattened(f"{path}: X", archive.read("X"), Keep.EXACT if precise else Keep.SHORT)


def rows_of_npy(path: Path, width: int, *, precise: bool = True) -> Features:
    """Read an array (n, width), or (width,) for one row; raises DataError."""
    return rows_of_numbers(str(path), in_rows(read_npy(path, DataError), width), width, precise=precise)


def _read_npz(
    path: Path, classification: bool | None, width: int | None, missing: Missing, precise: bool = True
) -> tuple[Features, Labels | Values]:
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        check_features(f"{path}: X", *archive.header("X"), width)
        n = archive.header("X")[0][0]
        # A dtype that no reader takes is refused before the array is read.
        check_targets(f"{path}: y", *archive.header("y"), n, classification)
        y = archive.read("y")  # before X, which is larger
        targets = labels_or_values(
            f"{path}: y", y, is_classification(f"{path}: y", y, n, classification), missing
        )
        keep = Keep.SPREAD if width is None else Keep.EXACT if precise else Keep.SHORT
        return flattened(f"{path}: X", archive.read("X"), keep), targets


def _require(path: Path, archive: NpzFile, *names: str) -> None:
    missing = [name for name in names if name not in archive.names]
    if missing:
        call = ", ".join(f"{name}={name}" for name in names)
        raise DataError(
            f"{path}: has no array {listed(missing)}; it holds {listed(archive.names) or 'nothing'}. "
            f"Save it with np.savez(path, {call})."
        )
