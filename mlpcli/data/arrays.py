"""Reads arrays of features and targets from .npz and .npy files or a Python program, and checks them.

Arrays of a program are called ``X`` and ``y`` in errors; those of a file have its name before them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset, Features, Labelled, TableSize
from mlpcli.data.kinds import NUMBERS, Kinds, Missing, ReadAs, Wanted
from mlpcli.data.labels import Labels, classify, is_absent, labels_of, recognize
from mlpcli.data.large.source import require_finite
from mlpcli.data.rows import DROPPED, Role, Roles, RowFacts, facts_of
from mlpcli.data.sentences import FILL, FINITE, LEAVE_OUT, TARGET
from mlpcli.data.table.assemble import assemble_features, assemble_known
from mlpcli.data.table.dates import columns_of_table, date_of
from mlpcli.data.table.findings import rows_left_out
from mlpcli.data.table.frames import FrameSource, UnnamedColumns
from mlpcli.data.table.precision import Spread
from mlpcli.data.task import holds_classes
from mlpcli.errors import DataError, did_you_mean
from mlpcli.npz import NpzFile, npy_header, read_npy
from mlpcli.reading import within_memory
from mlpcli.text import listed, nfc, repeated, shortened

__all__ = [
    "from_arrays",
    "from_numbers",
    "holds_text",
    "is_frame",
    "is_in_rows",
    "labelled_arrays",
    "labelled_npz",
    "labelled_npz_in_pieces",
    "measure_npz",
    "npz_in_pieces",
    "read_npz",
    "rows_of_array",
    "rows_of_npy",
    "rows_of_npz",
    "rows_of_numbers",
    "size_of_rows",
]

_MOST_COLUMNS = 1 << 20  # 4 GB of weights for 1,000 units
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
        return _dataset(f"{path}: ", X, y, _numbered(X.shape[1]), about, missing)


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
        return _labelled(f"{path}: ", X, y, _facts_of_npz(path, here, len(X)), classes)


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
        _check_targets(f"{where}y", *archive.header("y"), n, is_class)
        targets = _targets(f"{where}y", archive.read("y"), is_class, missing)
        here: Roles = {role: name for role, name in (roles or {}).items() if name in archive.names}
    about, present = _facts_of_npz(path, here, n), _present(f"{where}y", targets)
    found = _of_rows(targets, present)
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
        _check_features(f"{path}: X", *archive.header("X"), width)
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
        _check_features(f"{path}: X", *archive.header("X"), width)
        return _flattened(f"{path}: X", archive.read("X"), _Keep.EXACT if precise else _Keep.SHORT)


def rows_of_npy(path: Path, width: int, *, precise: bool = True) -> Features:
    """Read an array (n, width), or (width,) for one row; raises DataError."""
    return rows_of_numbers(str(path), _in_rows(read_npy(path, DataError), width), width, precise=precise)


def rows_of_numbers(where: str, rows: NDArray[Any], width: int, *, precise: bool = True) -> Features:
    """Return an array (n, width) as rows for a trained network; raises DataError, naming ``where``."""
    _check_features(where, rows.shape, rows.dtype, width)
    return _flattened(where, rows, _Keep.EXACT if precise else _Keep.SHORT)


def _read_npz(
    path: Path, classification: bool | None, width: int | None, missing: Missing, precise: bool = True
) -> tuple[Features, Labels | Values]:
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        _check_features(f"{path}: X", *archive.header("X"), width)
        n = archive.header("X")[0][0]
        # A dtype that no reader takes is refused before the array is read.
        _check_targets(f"{path}: y", *archive.header("y"), n, classification)
        y = archive.read("y")  # before X, which is larger
        targets = _targets(f"{path}: y", y, _decided(f"{path}: y", y, n, classification), missing)
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


def is_frame(X: Any) -> bool:
    """Return whether X is a data frame, whose columns have names."""
    return hasattr(X, "columns")


def from_arrays(
    X: Any,
    y: Any,
    *,
    classification: bool | None,
    sample_weight: Any = None,
    groups: Any = None,
    read_as: Mapping[str, ReadAs] | None = None,
    missing: Missing = "fill",
) -> Dataset:
    """Return the data set of X (n, ...) and y: (n,) or (n, 1), or (n, k) for a regression.

    Both may be whatever ``np.asarray`` takes, and data frames. A frame is a table as a CSV file is: its
    columns may hold numbers, booleans, text or, as ``read_as`` says, dates, those that tell nothing are left
    out, and ``y`` may be the name of one of them. So is an array that holds text, but all its columns are
    kept, since they have no names. Other features are real numbers; uint8 stays bytes, and float32 in rows is
    not copied. NaN and what a masked array masks are missing cells: they are kept (fill), their rows left out
    (drop), or refused (error). Labels are numbers, booleans or strings. Rows without a target are left out,
    or refused (error). ``classification`` None means that y decides, as `holds_classes` says.

    ``sample_weight`` (n,) are weights of the rows, and ``groups`` (n,) numbers or texts, by which rows stay
    together. Raises DataError.
    """
    with within_memory("X", DataError):
        if is_frame(X):
            source = FrameSource(X)
            return _of_table(source, y, classification, sample_weight, groups, read_as or {}, missing)
        rows = X if isinstance(X, np.ndarray) else _array("X", X)
        if holds_text(rows):
            source = FrameSource(UnnamedColumns(rows, _numbered(rows.shape[1])))
            return _of_table(source, y, classification, sample_weight, groups, read_as or {}, missing)
        if read_as:
            raise DataError(
                "data.columns: X is no data frame, whose columns have names; give one, or leave this out"
            )
        rows = _numbers("X", rows)
        _check_features("X", rows.shape, rows.dtype, None)
        targets = _targets_of_program(y, len(rows), classification, missing)
        features = _flattened("X", rows, _Keep.SPREAD)
        about = _facts(len(rows), sample_weight, groups)
        return _dataset("", features, targets, _numbered(features.shape[1]), about, missing)


def from_numbers(
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    where: str,
    weights: NDArray[Any] | None,
    classification: bool | None,
    missing: Missing,
) -> Dataset:
    """Return the data set of X (n, ...) and y as files hold them: numbers, and labels that may be texts.

    ``where`` is what errors write before the names of the arrays. The rest is as for `from_arrays`.
    """
    _check_features(f"{where}X", X.shape, X.dtype, None)
    _check_targets(f"{where}y", y.shape, y.dtype, len(X), classification)
    targets = _targets(f"{where}y", y, _decided(f"{where}y", y, len(X), classification), missing)
    roles: dict[Role, tuple[str, NDArray[Any]]] = (
        {} if weights is None else {"weight": (f"{where}weights", weights)}
    )
    features = _flattened(f"{where}X", X, _Keep.SPREAD)
    about = facts_of(roles, len(X))
    return _dataset(where, features, targets, _numbered(features.shape[1]), about, missing)


def holds_text(X: NDArray[Any]) -> bool:
    """Return whether an array (n, columns) holds texts or dates, so that it is read column by column."""
    if X.ndim != 2 or X.dtype.kind not in "OUT":
        return False
    return X.dtype.kind != "O" or any(isinstance(value, (str, date)) for value in X.flat)


def _of_table(
    source: FrameSource,
    y: Any,
    classification: bool | None,
    sample_weight: Any,
    groups: Any,
    read_as: Mapping[str, ReadAs],
    missing: Missing,
) -> Dataset:
    """Return the data set of columns that may hold more than numbers."""
    if not source.rows or not source.names:
        raise DataError(f"X: has shape {(source.rows, len(source.names))}: no rows, or no features")
    _require_different("X", source.names)
    kinds: dict[str, ReadAs] = dict.fromkeys(source.categorical, "category")
    kinds |= {nfc(name): kind for name, kind in read_as.items()}
    target = "y"
    if isinstance(y, str):
        target = nfc(y)
        y = _target_column(source, target)
        if kinds.get(target) in ("category", "number") and classification is None:
            classification = kinds[target] == "category"
        kinds[target] = "drop"
    elif nfc(str(getattr(y, "name", ""))) in source.places:
        _refuse_copy(source, nfc(str(y.name)), y)
    targets = _targets_of_program(y, source.rows, classification, missing)
    present = _present("y", targets)
    found = assemble_features(source, kinds, missing, present, keep_all=source.is_unnamed)
    dropped = {name: DROPPED for name, kind in kinds.items() if kind == "drop" and name != target}
    about = _facts(source.rows, sample_weight, groups).of(found.rows)
    codes, classes = _classified("y", _of_rows(targets, found.rows))
    return Dataset(
        found.X,
        codes,
        found.columns,
        classes,
        kinds=found.kinds,
        dropped=dropped | found.dropped,
        about=about,
        notes=(*found.notes, *rows_left_out(target, source.rows, present, len(found.X))),
        kept=found.rows,
    )


def _target_column(source: FrameSource, name: str) -> NDArray[Any]:
    """Return the column of a data frame that y names; raises DataError."""
    if name not in source.places:
        raise DataError(
            f"y: X has no column {name!r}; its columns are {listed(source.names)}"
            + did_you_mean(name, source.names)
        )
    return source.array(source.places[name])


def _refuse_copy(source: FrameSource, name: str, y: Any) -> None:
    """Raise DataError if y, a column with a name, is also among the columns to predict it from."""
    pairs = zip(source.array(source.places[name]).tolist(), np.asarray(y).tolist(), strict=False)
    if all((is_absent(a) and is_absent(b)) or a == b for a, b in pairs):
        raise DataError(
            f"X: its column {name!r} is y itself, so that nothing else would be learned; give y={name!r}, "
            "or X without that column"
        )


def _facts(n: int, sample_weight: Any, groups: Any = None) -> RowFacts:
    """Return what is known of n rows; raises DataError."""
    columns: dict[Role, tuple[str, NDArray[Any]]] = {}
    for where, given in (("sample_weight", sample_weight), ("groups", groups)):
        if isinstance(given, str):
            raise DataError(f"{where}: is the text {given!r}; give an array ({n:,},), as X[{given!r}] is one")
    if sample_weight is not None:
        columns["weight"] = "sample_weight", _numbers("sample_weight", sample_weight)
    if groups is not None:
        columns["group"] = "groups", _names_of_groups(_array("groups", groups))
    return facts_of(columns, n)


def _names_of_groups(groups: NDArray[Any]) -> NDArray[Any]:
    """Return groups that are Python objects as text; raises DataError if one is missing."""
    if groups.dtype.kind not in "OT":
        return groups
    for place, value in np.ndenumerate(groups):
        if is_absent(value):
            raise DataError(f"groups: {_cell(place)} is missing; each row has a group")
    return groups.astype(str)


def labelled_arrays(
    X: Any,
    y: Any,
    *,
    columns: Sequence[str],
    classes: Sequence[str] | None,
    sample_weight: Any = None,
    kinds: Kinds = NUMBERS,
    precise: bool = True,
    missing: Missing = "fill",
) -> Labelled:
    """Return X (n, columns), and y as indices into known ``classes``, or as values where these are None.

    Columns of a data frame are taken by their names, and y may be the name of one of them. Rows without a
    target are left out, or refused if ``missing`` is error. Raises DataError.
    """
    features = rows_of_array(X, columns=columns, kinds=kinds, precise=precise)
    if isinstance(y, str) and is_frame(X):
        y = _target_column(FrameSource(X), nfc(y))
    targets = _targets_of_program(y, len(features), classes is not None, missing)
    return _labelled("", features, targets, _facts(len(features), sample_weight), classes)


def rows_of_array(
    X: Any, *, columns: Sequence[str], kinds: Kinds = NUMBERS, precise: bool = True
) -> Features:
    """Return new rows X (n, columns), or (columns,) for one row, for a network trained on ``columns``.

    Columns of a data frame are taken by their names, those of an array by their places. They are float32, or
    float64 if float32 would change them and they are to be ``precise``. Raises DataError.
    """
    with within_memory("X", DataError):
        if is_frame(X):
            source = FrameSource(X)
            dates = {name: date_of(name) for name in columns if nfc(name) not in source.places}
            dates = {name: date for name, date in dates.items() if date in source.places}
            _require_columns(source.names, columns_of_table([dates.get(name) or name for name in columns]))
        else:
            rows = _in_rows(X if isinstance(X, np.ndarray) else _array("X", X), len(columns))
            if not holds_text(rows):
                if any(kind.name == "category" for kind in kinds.values()):
                    raise DataError(
                        "X: holds no text, and the network was trained on columns of text; give all of the "
                        f"columns {listed(columns)}"
                    )
                rows = _numbers("X", rows)
                _check_features("X", rows.shape, rows.dtype, len(columns))
                return _flattened("X", rows, _Keep.EXACT if precise else _Keep.SHORT)
            _check_width("X", rows.shape[1], len(columns))
            source = FrameSource(UnnamedColumns(rows, columns))
        wanted = Wanted(columns, kinds, precise=precise)
        return assemble_known(source, wanted, target=None, classification=False, roles={}).X


def _targets_of_program(y: Any, n: int, classification: bool | None, missing: Missing) -> Labels | Values:
    targets = _numbers("y", y) if classification is False else _array("y", y)
    _check_targets("y", targets.shape, targets.dtype, n, classification)
    is_class = _decided("y", targets, n, classification)
    return _targets("y", targets if is_class else _numbers("y", targets), is_class, missing)


def _array(where: str, values: Any) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as problem:
        raise DataError(f"{where}: is not an array ({problem}); give rows of equal length") from None
    if array.shape == () and array.dtype.kind == "O":
        advice = "give an array"
        if hasattr(values, "toarray"):  # a sparse matrix
            advice += f", as {where}.toarray() is"
        elif where == "X":
            advice += ", or a data frame, as pandas.DataFrame(X) is"
        raise DataError(f"{where}: is of type {type(values).__name__}; {advice}")
    return array


def _numbers(where: str, values: Any) -> NDArray[Any]:
    """Return an array of the dtype that it has, or of float64 where it holds numbers as Python objects."""
    array = _array(where, values)
    if isinstance(values, np.ma.MaskedArray) and array.dtype.kind in "biuf":
        hidden = np.ma.getmaskarray(values)
        if hidden.any():
            array = array.astype(array.dtype if array.dtype.kind == "f" else np.float64)
            array[hidden] = np.nan
    if array.dtype.kind != "O":
        return array
    numbers = np.empty(array.shape, np.float64)
    for place, value in np.ndenumerate(array):
        if is_absent(value):
            numbers[place] = np.nan
            continue
        if not isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
            hint = f" {TARGET}" if where == "y" else ""
            if isinstance(value, dict):
                hint = " pandas.DataFrame(X) makes a data frame of rows that are dicts."
            raise DataError(f"{where}: {_cell(place)} is {shortened(str(value))}, not a number.{hint}")
        try:
            numbers[place] = value
        except OverflowError:  # a whole number of hundreds of digits
            numbers[place] = np.inf
    return numbers


def _cell(place: tuple[int, ...]) -> str:
    return ", ".join(f"{what} {i}" for what, i in zip(_AXES, place, strict=False)) + " (from 0)"


def _require_different(where: str, names: Sequence[str]) -> None:
    twice = repeated(names)
    if twice is not None:
        raise DataError(f"{where}: two columns are called {shortened(twice)}; give each a name of its own")


def _require_columns(names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise DataError if the ``names`` of a data frame lack columns that the network was trained on."""
    _require_different("X", [name for name in names if name in columns])
    missing = [name for name in dict.fromkeys(columns) if nfc(name) not in names]
    if missing:
        what = "column" if len(missing) == 1 else "columns"
        by_place = "\nTo take columns by their places, give an array, X.to_numpy()."
        raise DataError(
            f"X: has no {what} {listed(missing)}; its columns are {listed(names)}"
            + did_you_mean(missing[0], names)
            + (by_place if len(names) == len(columns) else "")
        )


# Both


def _dataset(
    where: str, X: Features, y: Labels | Values, columns: tuple[str, ...], about: RowFacts, missing: Missing
) -> Dataset:
    """Return the data set of the rows that have a target and, if so configured, no missing cells."""
    present = _present(f"{where}y", y)
    rows = _complete(f"{where}X", X, present, missing)
    codes, classes = _classified(f"{where}y", _of_rows(y, rows))
    if classes is None and len(codes) > 1:
        for j in np.flatnonzero((codes == codes[0]).all(axis=0)):
            which = f"column {j} (from 0) " if codes.shape[1] > 1 else ""
            raise DataError(
                f"{where}y: {which}holds {codes[0, j]:.10g} in every row; there is nothing to predict"
            )
    kept = X if rows is None else X[rows]
    notes = rows_left_out("y", len(X), present, len(kept))
    return Dataset(kept, codes, columns, classes, about=about.of(rows), notes=notes, kept=rows)


def _labelled(
    where: str, X: Features, y: Labels | Values, about: RowFacts, classes: Sequence[str] | None
) -> Labelled:
    """Return the rows that have a target, which is an index into ``classes`` or, without them, a value."""
    rows = _present(f"{where}y", y)
    y = _of_rows(y, rows)
    codes = recognize(y, classes or ()) if isinstance(y, Labels) else y
    kept = X if rows is None else X[rows]
    return Labelled(kept, codes, about.of(rows), rows_left_out("y", len(X), rows, len(kept)))


def _present(where: str, y: Labels | Values) -> NDArray[np.bool_] | None:
    """Return which rows have a target, None if all have; raises DataError if none has."""
    present = y.present if isinstance(y, Labels) else _complete_rows(y)
    if present is not None and not present.any():
        raise DataError(f"{where}: no row has a target, so that there is nothing to learn or to score")
    return present


def _complete_rows(X: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which rows of numbers (n, columns) have no NaN, None if none has."""
    if not np.isnan(np.min(X)):
        return None
    complete: NDArray[np.bool_] = np.logical_not(np.isnan(X).any(axis=1))
    return complete


def _of_rows(y: Labels | Values, rows: NDArray[np.bool_] | None) -> Labels | Values:
    if rows is None:
        return y
    return y.of(rows) if isinstance(y, Labels) else y[rows]


def _classified(where: str, y: Labels | Values) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return class indices and the names of the classes, or values and None."""
    return classify(where, y) if isinstance(y, Labels) else (y, None)


def _complete(
    where: str, X: Features, rows: NDArray[np.bool_] | None, missing: Missing
) -> NDArray[np.bool_] | None:
    """Return which of the ``rows`` to keep, None for all, by their missing cells; raises DataError."""
    if missing == "fill" or X.dtype.kind != "f":
        return rows
    complete = _complete_rows(X)
    if complete is None:
        return rows
    if missing == "error":
        lacking = np.flatnonzero(~complete if rows is None else rows & ~complete)
        if not len(lacking):
            return rows
        i = int(lacking[0])
        raise DataError(f"{where}: {_cell((i, int(np.argmax(np.isnan(X[i])))))} is nan. {FILL}")
    complete = complete if rows is None else rows & complete
    if not complete.any():
        raise DataError(f"{where}: every row has a missing cell; keep them with `data.missing: fill`")
    return complete


def _numbered(columns: int) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(1, columns + 1))


def _in_rows(rows: NDArray[Any], width: int) -> NDArray[Any]:
    """Return an array of one dimension as one row, or as a column where there is one column."""
    if rows.ndim != 1:
        return rows
    return rows.reshape(-1, 1) if width == 1 else rows.reshape(1, -1)


def _check_features(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], width: int | None) -> None:
    if dtype.kind not in "biuf":
        table = "; pandas.DataFrame(X) makes a data frame, which can be read" if dtype.names else ""
        raise DataError(f"{where}: has dtype {dtype}; features are real numbers{table}")
    if len(shape) < 2:
        raise DataError(f"{where}: has shape {shape}; one row for each example is needed, (n, features)")
    if 0 in shape:
        raise DataError(f"{where}: has shape {shape}: no rows, or no features")
    columns = math.prod(shape[1:])
    _check_width(where, columns, width)
    if columns > _MOST_COLUMNS:
        raise DataError(
            f"{where}: has {columns:,} features in each row; at most {_MOST_COLUMNS:,} are allowed"
        )


def _check_width(where: str, columns: int, width: int | None) -> None:
    if width is not None and columns != width:
        raise DataError(
            f"{where}: has {columns:,} features in each row; the network was trained on {width:,}"
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


def _targets(where: str, y: NDArray[Any], classification: bool, missing: Missing) -> Labels | Values:
    """Return targets of which some may be missing: the empty label, or NaN."""
    if classification:
        return labels_of(where, y.reshape(-1), missing)
    values = _floats(where, y.reshape(len(y), -1), _Keep.SPREAD)
    if missing == "error" and np.isnan(np.min(values)):
        i, j = np.argwhere(np.isnan(values))[0]
        raise DataError(f"{where}: {_cell((int(i), int(j)))} is nan. {FILL} {LEAVE_OUT}")
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
            raise DataError(f"{where}: {_cell((int(start + i), int(j)))} is {block[i, j]}. {FINITE}")
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
