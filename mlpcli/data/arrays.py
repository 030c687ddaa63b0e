"""Reads arrays of features and targets from .npz and .npy files or a Python program, and checks them.

Arrays of a program are called ``X`` and ``y`` in errors; those of a file have its name before them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset, Features, TableSize
from mlpcli.data.kinds import NUMBERS, Kinds, Missing, ReadAs, Wanted
from mlpcli.data.labels import Labels, classify, labels_of, recognize
from mlpcli.data.rows import Roles, RowFacts, facts_of, read_weights
from mlpcli.data.sentences import FILL, FINITE, TARGET
from mlpcli.data.table.assemble import assemble_features, assemble_known
from mlpcli.data.table.dates import date_of
from mlpcli.data.table.frames import FrameSource, is_mixed
from mlpcli.data.table.precision import Spread
from mlpcli.data.task import holds_classes
from mlpcli.errors import DataError, did_you_mean
from mlpcli.npz import NpzFile, read_npy
from mlpcli.reading import within_memory
from mlpcli.text import listed, nfc, repeated, shortened

__all__ = [
    "from_arrays",
    "labelled_arrays",
    "labelled_npz",
    "measure_npz",
    "read_npz",
    "rows_of_array",
    "rows_of_npy",
    "rows_of_npz",
    "weights_of_array",
]

_MOST_COLUMNS = 1 << 20  # 4 GB of weights for 1,000 units
_TEXT = "Give a data frame: its columns may hold text."
_AXES = ("row", "column")
_BLOCK = 1 << 18  # numbers that are converted at a time
_LARGEST = float(np.finfo(np.float32).max)

Values: TypeAlias = "NDArray[np.float32] | NDArray[np.float64]"


# Files


def measure_npz(path: Path, *, classification: bool | None) -> TableSize:
    """Return the size of a data set from the headers of its X and y; raises DataError.

    ``classification`` None means that the target decides, once it is read.
    """
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        (X_shape, X_dtype), (y_shape, y_dtype) = archive.header("X"), archive.header("y")
    _check_features(f"{path}: X", X_shape, X_dtype, None)
    n, itemsize = X_shape[0], 1 if X_dtype == np.uint8 else 4
    converted = 0 if X_dtype in (np.uint8, np.float32) else X_dtype.itemsize
    size = math.prod(X_shape) * (itemsize + converted) + math.prod(y_shape) * (y_dtype.itemsize + 8)
    outputs = math.prod(y_shape[1:]) if classification is False else None
    spare = math.prod(X_shape) * converted
    return TableSize(size, n, math.prod(X_shape[1:]), outputs, itemsize, spare=spare)


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
    or refused (error). Raises DataError.
    """
    with within_memory(str(path), DataError):
        X, y = _read_npz(path, classification, None)
        about = _facts_of_npz(path, roles or {}, len(X))
        dataset = replace(_dataset(f"{path}: y", X, y, _numbered(X)), about=about)
        return _heeding(f"{path}: X", dataset, missing)


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
) -> tuple[Features, NDArray[Any], RowFacts]:
    """Read X (n, width), y as indices into known ``classes`` or, without them, values, and facts of the rows.

    Of the arrays that ``roles`` names, those are read that the file has.
    """
    with within_memory(str(path), DataError):
        X, y = _read_npz(path, classes is not None, width, precise)
        with NpzFile(path, DataError) as archive:
            here: Roles = {role: name for role, name in (roles or {}).items() if name in archive.names}
        about = _facts_of_npz(path, here, len(X))
        return X, recognize(y, classes or ()) if isinstance(y, Labels) else y, about


def rows_of_npz(path: Path, width: int, *, precise: bool = True) -> Features:
    """Read the array ``X`` (n, width) of an archive; raises DataError."""
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X")
        _check_features(f"{path}: X", *archive.header("X"), width)
        return _flattened(f"{path}: X", archive.read("X"), _Keep.EXACT if precise else _Keep.SHORT)


def rows_of_npy(path: Path, width: int, *, precise: bool = True) -> Features:
    """Read an array (n, width), or (width,) for one row; raises DataError."""
    rows = _in_rows(read_npy(path, DataError), width)
    _check_features(str(path), rows.shape, rows.dtype, width)
    return _flattened(str(path), rows, _Keep.EXACT if precise else _Keep.SHORT)


def _read_npz(
    path: Path, classification: bool | None, width: int | None, precise: bool = True
) -> tuple[Features, Labels | Values]:
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        _check_features(f"{path}: X", *archive.header("X"), width)
        n = archive.header("X")[0][0]
        # A dtype that no reader takes is refused before the array is read.
        _check_targets(f"{path}: y", *archive.header("y"), n, classification)
        y = archive.read("y")  # before X, which is larger
        targets = _targets(f"{path}: y", y, _decided(f"{path}: y", y, n, classification))
        keep = _Keep.SPREAD if width is None else _Keep.EXACT if precise else _Keep.SHORT
        return _flattened(f"{path}: X", archive.read("X"), keep), targets


def _require(path: Path, archive: NpzFile, *names: str) -> None:
    missing = [name for name in names if name not in archive.names]
    if missing:
        call = ", ".join(f"{name}={name}" for name in names)
        raise DataError(
            f"{path}: has no array {listed(missing)}; it holds {listed(archive.names) or 'nothing'}. "
            f"Save it with np.savez(path, {call})."
        )


# Arrays of a program


def from_arrays(
    X: Any,
    y: Any,
    *,
    classification: bool | None,
    sample_weight: Any = None,
    read_as: Mapping[str, ReadAs] | None = None,
    missing: Missing = "fill",
) -> Dataset:
    """Return the data set of X (n, ...) and y: (n,) or (n, 1), or (n, k) for a regression.

    Both may be whatever ``np.asarray`` takes, and data frames, whose column names are kept. The columns of a
    frame may hold numbers, booleans, text or, as ``read_as`` says, dates. Other features are real numbers;
    uint8 stays bytes, and float32 in rows is not copied. NaN and what a masked array masks are missing cells:
    they are kept (fill), their rows left out (drop), or refused (error). Labels are numbers, booleans or
    strings. ``classification`` None means that y decides, as `holds_classes` says. ``sample_weight`` (n,) are
    weights of the rows. Raises DataError.
    """
    names = _names(X)
    _require_different("X", names or ())
    if is_mixed(X) or read_as:
        return _of_frame(X, y, classification, sample_weight, read_as or {}, missing)
    features, targets = _of_program(X, y, classification, None)
    weights = weights_of_array(sample_weight, len(features))
    dataset = replace(_dataset("y", features, targets, names or _numbered(features)), about=RowFacts(weights))
    return _heeding("X", dataset, missing)


def _of_frame(
    X: Any,
    y: Any,
    classification: bool | None,
    sample_weight: Any,
    read_as: Mapping[str, ReadAs],
    missing: Missing,
) -> Dataset:
    """Return the data set of a data frame whose columns hold more than numbers."""
    if not hasattr(X, "columns"):
        raise DataError(
            "data.columns: X is no data frame, whose columns have names; give one, or leave this out"
        )
    source = FrameSource(X)
    if not source.rows or not source.names:
        raise DataError(f"X: has shape {(source.rows, len(source.names))}: no rows, or no features")
    as_categories: dict[str, ReadAs] = dict.fromkeys(source.categorical, "category")
    with within_memory("X", DataError):
        found = assemble_features(source, as_categories | dict(read_as), missing)
        targets = _targets_of_program(y, source.rows, classification)
    weights = weights_of_array(sample_weight, source.rows)
    if found.rows is not None:
        weights = None if weights is None else weights[found.rows]
        targets = targets.of(found.rows) if isinstance(targets, Labels) else targets[found.rows]
    dataset = _dataset("y", found.X, targets, found.columns)
    notes = (*found.notes, *_rows_left_out(source.rows, len(found.X)))
    return replace(
        dataset,
        kinds=found.kinds,
        dropped=found.dropped,
        about=RowFacts(weights),
        notes=notes,
        kept=found.rows,
    )


def _heeding(where: str, dataset: Dataset, missing: Missing) -> Dataset:
    """Return the data set without the rows that have missing cells, if these are to be left out."""
    X = dataset.X
    if missing == "fill" or X.dtype.kind != "f" or not np.isnan(np.min(X)):
        return dataset
    rows = np.logical_not(np.isnan(X).any(axis=1))
    assert isinstance(rows, np.ndarray)
    if missing == "error":
        i, j = np.argwhere(np.isnan(X))[0]
        raise DataError(f"{where}: {_cell((int(i), int(j)), None)} is nan. {FILL}")
    if not rows.any():
        raise DataError(f"{where}: every row has a missing cell; keep them with `data.missing: fill`")
    weights = dataset.about.weights
    return replace(
        dataset,
        X=X[rows],
        y=dataset.y[rows],
        about=RowFacts(None if weights is None else weights[rows]),
        notes=_rows_left_out(len(rows), int(rows.sum())),
        kept=rows,
    )


def _rows_left_out(n: int, kept: int) -> tuple[str, ...]:
    return (f"{n - kept:,} of {n:,} rows have a missing cell, and are left out.",) if kept < n else ()


def weights_of_array(sample_weight: Any, n: int) -> NDArray[np.float64] | None:
    """Return the weights (n,) of n rows, None for None; raises DataError."""
    if sample_weight is None:
        return None
    return read_weights("sample_weight", _numbers("sample_weight", sample_weight), n)


def labelled_arrays(
    X: Any,
    y: Any,
    *,
    columns: Sequence[str],
    classes: Sequence[str] | None,
    kinds: Kinds = NUMBERS,
    precise: bool = True,
) -> tuple[Features, NDArray[Any]]:
    """Return X (n, columns), and y as indices into known ``classes``, or as values where these are None.

    Columns of a data frame are taken by their names. Raises DataError.
    """
    if kinds or is_mixed(X):
        features = rows_of_array(X, columns=columns, kinds=kinds, precise=precise)
        targets = _targets_of_program(y, len(features), classes is not None)
    else:
        features, targets = _of_program(X, y, classes is not None, columns, precise)
    return features, recognize(targets, classes or ()) if isinstance(targets, Labels) else targets


def rows_of_array(
    X: Any, *, columns: Sequence[str], kinds: Kinds = NUMBERS, precise: bool = True
) -> Features:
    """Return new rows X (n, columns), or (columns,) for one row, for a network trained on ``columns``.

    Columns of a data frame are taken by their names. They are float32, or float64 if float32 would change
    them and they are to be ``precise``. Raises DataError.
    """
    with within_memory("X", DataError):
        if hasattr(X, "columns") and (kinds or is_mixed(X)):
            source, wanted = FrameSource(X), Wanted(columns, kinds, precise=precise)
            dates = {name: date_of(name) for name in columns if nfc(name) not in source.places}
            _places("X", source.names, [dates.get(name) or name for name in columns])
            return assemble_known(source, wanted, target=None, classification=False, roles={}).X
        if any(kind.name == "category" for kind in kinds.values()):
            raise DataError(
                "X: is no data frame, and the network was trained on columns of text; give a frame with the "
                f"columns {listed(columns)}"
            )
        rows = _in_rows(_numbers("X", X, columns), len(columns))
        _check_features("X", rows.shape, rows.dtype, len(columns))
        return _flattened("X", rows, _Keep.EXACT if precise else _Keep.SHORT)


def _of_program(
    X: Any, y: Any, classification: bool | None, columns: Sequence[str] | None, precise: bool = True
) -> tuple[Features, Labels | Values]:
    with within_memory("X", DataError):
        rows = _numbers("X", X, columns)
        _check_features("X", rows.shape, rows.dtype, None if columns is None else len(columns))
        targets = _targets_of_program(y, len(rows), classification)
        keep = _Keep.SPREAD if columns is None else _Keep.EXACT if precise else _Keep.SHORT
        return _flattened("X", rows, keep), targets


def _targets_of_program(y: Any, n: int, classification: bool | None) -> Labels | Values:
    targets = _numbers("y", y) if classification is False else _array("y", y)
    _check_targets("y", targets.shape, targets.dtype, n, classification)
    is_class = _decided("y", targets, n, classification)
    return _targets("y", targets if is_class else _numbers("y", targets), is_class)


def _names(X: Any) -> tuple[str, ...] | None:
    """Return the column names of a data frame, None for anything else."""
    columns = getattr(X, "columns", None)
    return None if columns is None else tuple(nfc(str(name)) for name in columns)


def _array(where: str, values: Any) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as problem:
        raise DataError(f"{where}: is not an array ({problem}); give rows of equal length") from None
    if array.shape == () and array.dtype.kind == "O":
        or_frame = ", or a data frame" if where == "X" else ""
        raise DataError(f"{where}: is of type {type(values).__name__}; give an array{or_frame}")
    return array


def _numbers(where: str, values: Any, columns: Sequence[str] | None = None) -> NDArray[Any]:
    """Return an array of the dtype that it has, or of float64 where it holds numbers as Python objects."""
    names, array = _names(values), _array(where, values)
    wanted = None if columns is None else tuple(map(nfc, columns))
    if names is not None and wanted is not None and names != wanted:
        array = array[:, _places(where, names, wanted)]
        names = wanted
    if isinstance(values, np.ma.MaskedArray) and array.dtype.kind in "biuf":
        hidden = np.ma.getmaskarray(values)
        if hidden.any():
            array = array.astype(array.dtype if array.dtype.kind == "f" else np.float64)
            array[hidden] = np.nan
    if array.dtype.kind != "O":
        return array
    numbers = np.empty(array.shape, np.float64)
    for place, value in np.ndenumerate(array):
        if value is None and where == "X":
            numbers[place] = np.nan
            continue
        if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
            hint = FILL if not isinstance(value, (str, bytes)) else TARGET if where == "y" else _TEXT
            raise DataError(
                f"{where}: {_cell(place, names)} is {shortened(str(value))}, not a number. {hint}"
            )
        try:
            numbers[place] = value
        except OverflowError:  # a whole number of hundreds of digits
            numbers[place] = np.inf
    return numbers


def _cell(place: tuple[int, ...], names: Sequence[str] | None) -> str:
    if names is not None and len(place) == 2:
        return f"row {place[0]} (from 0), column {shortened(names[place[1]])}"
    return ", ".join(f"{what} {i}" for what, i in zip(_AXES, place, strict=False)) + " (from 0)"


def _require_different(where: str, names: Sequence[str]) -> None:
    twice = repeated(names)
    if twice is not None:
        raise DataError(f"{where}: two columns are called {shortened(twice)}; give each a name of its own")


def _places(where: str, names: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Return where the columns that the network was trained on are among the ``names`` of a data frame."""
    _require_different(where, [name for name in names if name in columns])
    missing = [name for name in dict.fromkeys(columns) if nfc(name) not in names]
    if missing:
        raise DataError(
            f"{where}: has no column {listed(missing)}; its columns are {listed(names)}"
            + did_you_mean(missing[0], names)
            + f"\nTo take columns by their places, give an array, {where}.to_numpy()."
        )
    place = {name: i for i, name in enumerate(names)}
    return [place[nfc(name)] for name in columns]


# Both


def _dataset(where: str, X: Features, y: Labels | Values, columns: tuple[str, ...]) -> Dataset:
    if not isinstance(y, Labels):
        return Dataset(X, y, columns, None)
    codes, classes = classify(where, y)
    return Dataset(X, codes, columns, classes)


def _numbered(X: Features) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(1, X.shape[1] + 1))


def _in_rows(rows: NDArray[Any], width: int) -> NDArray[Any]:
    """Return an array of one dimension as one row, or as a column where there is one column."""
    if rows.ndim != 1:
        return rows
    return rows.reshape(-1, 1) if width == 1 else rows.reshape(1, -1)


def _check_features(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], width: int | None) -> None:
    if dtype.kind not in "biuf":
        raise DataError(f"{where}: has dtype {dtype}; features are real numbers")
    if len(shape) < 2:
        raise DataError(f"{where}: has shape {shape}; one row for each example is needed, (n, features)")
    if 0 in shape:
        raise DataError(f"{where}: has shape {shape}: no rows, or no features")
    columns = math.prod(shape[1:])
    if width is not None and columns != width:
        raise DataError(
            f"{where}: has {columns:,} features in each row; the network was trained on {width:,}"
        )
    if columns > _MOST_COLUMNS:
        raise DataError(
            f"{where}: has {columns:,} features in each row; at most {_MOST_COLUMNS:,} are allowed"
        )


def _check_targets(
    where: str, shape: tuple[int, ...], dtype: np.dtype[Any], n: int, classification: bool | None
) -> None:
    if dtype.kind not in ("biuf" if classification is False else "biufUOT"):
        allowed = TARGET if classification is False else "Labels are numbers, booleans or strings (str)."
        raise DataError(f"{where}: has dtype {dtype}. {allowed}")
    if classification and len(shape) != 1 and shape[1:] != (1,):
        raise DataError(
            f"{where}: has shape {shape}; labels are one for each row, ({n:,},). "
            "Turn one-hot rows into labels with y.argmax(axis=1)."
        )
    if len(shape) not in (1, 2) or shape[0] != n or 0 in shape:
        raise DataError(f"{where}: has shape {shape}; y has one entry for each of the {n:,} rows of X")


def _decided(where: str, y: NDArray[Any], n: int, classification: bool | None) -> bool:
    """Return whether y holds classes, if that is not said; raises DataError if it fits neither."""
    if classification is not None:
        return classification
    is_class = holds_classes(y)
    _check_targets(where, y.shape, y.dtype, n, is_class or None)
    return is_class


def _targets(where: str, y: NDArray[Any], classification: bool) -> Labels | Values:
    if classification:
        return labels_of(where, y.reshape(-1))
    values = _floats(where, y.reshape(len(y), -1), _Keep.SPREAD)
    if np.isnan(np.min(values)):
        i, j = np.argwhere(np.isnan(values))[0]
        raise DataError(f"{where}: {_cell((int(i), int(j)), None)} is nan. {FILL}")
    return values


class _Keep(Enum):
    """When numbers are kept as float64."""

    SPREAD = "where float32 would lose digits beside the spread of a column"
    EXACT = "where float32 would change a number"
    SHORT = "never"


def _flattened(where: str, array: NDArray[Any], keep: _Keep) -> Features:
    """Return an array as contiguous rows of bytes or of floats; NaN is a missing cell."""
    flat = array.reshape(len(array), -1)
    return np.ascontiguousarray(flat) if flat.dtype == np.uint8 else _floats(where, flat, keep)


def _floats(where: str, array: NDArray[Any], keep: _Keep) -> Values:
    """Return an array (n, columns) as float32 or float64; raises DataError for what float32 cannot hold."""
    spread, changed = Spread(array.shape[1]), False
    step = max(1, _BLOCK // array.shape[1])
    for start in range(0, len(array), step):
        block = array[start : start + step]
        wide = block.astype(np.float64)
        fits = np.abs(wide) <= _LARGEST
        if not fits.all():
            fits |= np.isnan(wide)
        if not fits.all():
            i, j = np.argwhere(~fits)[0]
            raise DataError(f"{where}: {_cell((int(start + i), int(j)), None)} is {block[i, j]}. {FINITE}")
        if array.dtype.itemsize > 2 and array.dtype != np.float32:
            if keep is _Keep.SPREAD:
                spread.add(wide)
            elif keep is _Keep.EXACT and not changed:
                moved = wide.astype(np.float32) != wide
                changed = bool(moved.any()) and not np.isnan(wide[moved]).all()
    dtype = np.float64 if changed or spread.needs_float64.any() else np.float32
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array, dtype)
