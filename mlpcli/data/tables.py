"""Reads the user's own tables, .csv, .npz and .npy, and says cell by cell what is wrong with them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset
from mlpcli.errors import DataError, did_you_mean
from mlpcli.npz import NpzFile, read_npy
from mlpcli.reading import opened, within_memory
from mlpcli.text import listed, shortened

__all__ = ["TableSize", "measure_csv", "measure_npz", "read_csv", "read_labelled", "read_npz", "read_rows"]

_Features: TypeAlias = "NDArray[np.float32] | NDArray[np.uint8]"

_LONGEST = 1 << 20  # bytes of one CSV record; also the most inputs: 4 GB of weights for 1,000 units
_BLOCK = 1 << 18  # bytes of CSV, or numbers of an array, that are converted at a time
_MOST_CLASSES = 1 << 16
_SHOWN = 5  # faults in one message

_MISSING = {"?", "-", ".", "na", "n/a", "nan", "null", "none"}
_FILL = "Fill in missing values, or remove their rows."
_PLAIN = "Write numbers plainly, as 1234.5: no separators of thousands, a point before the decimals."
_FINITE = "Numbers are kept in 32 bits: they must be finite and within 3.4e38."
_TEXT = (
    "Text cannot be a feature: name the columns to use in `data.features`,\n"
    "or give each text value a column of its own that holds 0 or 1."
)
_TARGET = "A regression (`loss: mse`) predicts numbers; to predict a class, set `loss: cross_entropy`."
_SAVE_AS = "Save the table as a UTF-8 text file ('CSV UTF-8' in a spreadsheet)."
_RAGGED = "Every row has one cell for each column; quote the cells that hold the delimiter."

_CSV_FAULTS = {  # what csv says, and what the user can do about it
    "unexpected end": "a quotation mark is opened in this row and never closed",
    "field limit": "a cell is longer than 131,072 characters; is a quotation mark never closed?",
    "expected after": "text follows a closing quotation mark; inside a quoted cell, write the mark twice",
    "new-line": "a lone carriage return ends a line; save the file with \\n or \\r\\n line ends",
}


class _Labels(NamedTuple):
    """A column of labels: the different ones, where each was first seen, and the one of each row."""

    names: list[str]
    places: list[str]
    codes: NDArray[np.int64]


class _Table(NamedTuple):
    """What is taken from a CSV file; ``y`` for a regression, ``labels`` for a classification."""

    columns: tuple[str, ...]
    X: NDArray[np.float32]
    y: NDArray[np.float32]
    labels: _Labels


class TableSize(NamedTuple):
    """What is known of a table before it is read: ``bytes`` that reading it takes, about, and its widths."""

    bytes: int
    examples: int | None
    inputs: int
    outputs: int | None  # of a regression
    itemsize: int  # bytes of a feature, as it is kept


def measure_csv(
    path: Path, *, target: str, features: Sequence[str] | None, delimiter: str, classification: bool
) -> TableSize:
    """Look at the header row and at the file's size; a cell of four characters takes four bytes.

    While a block is converted, its cells are strings.
    """
    with opened(path, DataError) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        header = _header(path, _records(path, file, delimiter), delimiter)
    inputs = len(_chosen(path, header, features, target))
    kept, block = size * (inputs + 1) // len(header), 32 * min(size, _BLOCK)
    if classification:
        return TableSize(kept + block, None, inputs, None, 4)
    return TableSize(2 * kept + block, None, inputs, 1, 4)  # features and target are taken apart at the end


def measure_npz(path: Path, *, classification: bool) -> TableSize:
    """Look at the headers of X and y."""
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        (X_shape, X_dtype), (y_shape, y_dtype) = archive.header("X"), archive.header("y")
    _check_features(f"{path}: X", X_shape, X_dtype, None)
    n, itemsize = X_shape[0], 1 if X_dtype == np.uint8 else 4
    converted = 0 if X_dtype in (np.uint8, np.float32) else X_dtype.itemsize
    size = math.prod(X_shape) * (itemsize + converted) + math.prod(y_shape) * (y_dtype.itemsize + 8)
    outputs = None if classification else math.prod(y_shape[1:])
    return TableSize(size, n, math.prod(X_shape[1:]), outputs, itemsize)


def read_csv(
    path: Path, *, target: str, features: Sequence[str] | None, delimiter: str, classification: bool
) -> Dataset:
    """Read a table with a header row; ``features`` None means every column but the target."""
    with within_memory(str(path), DataError):
        table = _read_csv(path, delimiter, features, target, classification)
        if not classification:
            return Dataset(table.X, table.y, table.columns, None)
        y, classes = _classify(f"{path}: column {shortened(target)}", table.labels)
        return Dataset(table.X, y, table.columns, classes)


def read_npz(path: Path, *, classification: bool) -> Dataset:
    """Read the arrays ``X`` (n, ...), its rows flattened, and ``y`` (n,), or (n, k) for a regression."""
    with within_memory(str(path), DataError):
        X, y = _read_npz(path, classification)
        names = tuple(f"x{i}" for i in range(1, X.shape[1] + 1))
        if not isinstance(y, _Labels):
            return Dataset(X, y, names, None)
        codes, classes = _classify(f"{path}: y", y)
        return Dataset(X, codes, names, classes)


def read_rows(path: Path, *, features: Sequence[str], delimiter: str) -> _Features:
    """Read new rows: .csv by column name, .npy (n, d) or (d,), or the array ``X`` of an .npz."""
    kind = _kind(path)
    with within_memory(str(path), DataError):
        if kind == ".csv":
            return _read_csv(path, _delimiter(path, delimiter), features, None, False).X
        if kind == ".npz":
            with NpzFile(path, DataError) as archive:
                _require(path, archive, "X")
                _check_features(f"{path}: X", *archive.header("X"), len(features))
                return _flattened(f"{path}: X", archive.read("X"))
        rows = read_npy(path, DataError)
        if rows.ndim == 1:
            rows = rows.reshape(-1, 1) if len(features) == 1 else rows.reshape(1, -1)
        _check_features(str(path), rows.shape, rows.dtype, len(features))
        return _flattened(str(path), rows)


def read_labelled(
    path: Path, *, target: str, features: Sequence[str], delimiter: str, classes: Sequence[str] | None
) -> tuple[_Features, NDArray[Any]]:
    """Read new rows and what is true of them, from .csv or .npz, for a network that knows ``classes``."""
    kind = _kind(path)
    if kind == ".npy":
        raise DataError(f"{path}: an .npy file has no labels; save an .npz with X and y, or a .csv")
    y: _Labels | NDArray[np.float32]
    X: _Features
    with within_memory(str(path), DataError):
        if kind == ".csv":
            table = _read_csv(path, _delimiter(path, delimiter), features, target, classes is not None)
            X, y = table.X, table.y if classes is None else table.labels
        else:
            X, y = _read_npz(path, classes is not None, len(features))
        return X, _recognise(y, classes or ()) if isinstance(y, _Labels) else y


def _delimiter(path: Path, usual: str) -> str:
    """Return the delimiter of new rows: the usual one, or another where the header has that instead."""
    with opened(path, DataError) as file:
        header = file.readline(_LONGEST).decode(errors="replace")
    return next((other for other in (usual, ",", ";", "\t", "|") if other in header), usual)


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return ".csv"
    if suffix in (".npy", ".npz"):
        return suffix
    raise DataError(f"{path}: is {suffix or 'without an ending'}; .csv, .npz and .npy can be read")


# CSV: rows come in blocks, of which only one that has a fault is looked at cell by cell


class _Faults:
    """What is wrong with a file, line by line; the first few are reported in one message."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str, str]] = []

    def add(self, line: int, fault: str, hint: str) -> None:
        self._found.append((line, fault, hint))

    def report(self, at_least: int = 1) -> None:
        if len(self._found) < at_least:
            return
        shown = sorted(self._found, key=lambda found: found[0])[:_SHOWN]
        lines = [f"{self._path}:{line}: {fault}" for line, fault, _ in shown]
        hints = list(dict.fromkeys(hint for _, _, hint in shown))
        if len(shown) == _SHOWN:
            hints.append(f"(At most {_SHOWN} faults are shown at a time.)")
        raise DataError("\n".join(lines + hints))


def _read_csv(
    path: Path, delimiter: str, features: Sequence[str] | None, target: str | None, classification: bool
) -> _Table:
    faults = _Faults(path)
    numbers = array("f")  # grows in place, so that the table is held once
    codes = array("q")
    seen: dict[str, int] = {}
    places: list[str] = []
    with opened(path, DataError) as file:
        records = _records(path, file, delimiter)
        header = _header(path, records, delimiter)
        features = _chosen(path, header, features, target)
        numeric = [*features, target] if target is not None and not classification else features
        position = {name: i for i, name in enumerate(header)}
        columns = [position[name] for name in numeric]
        label_column = position[target] if target is not None and classification else None
        for lines, rows in _blocks(records, len(header), faults):
            cells = [row[column] for row in rows for column in columns]
            block = _float32(cells)
            if block is None:
                for i, cell in enumerate(cells):
                    name = numeric[i % len(columns)]
                    _examine(
                        cell, lines[i // len(columns)], name, _TARGET if name == target else _TEXT, faults
                    )
            else:
                numbers.frombytes(block.tobytes())
            for line, row in zip(lines, rows, strict=True):
                if label_column is None:
                    break
                label = row[label_column].strip()
                code = seen.setdefault(label, len(seen))
                codes.append(code)
                if code == len(places):
                    places.append(f"{path}:{line}")
                    if not label:
                        faults.add(line, f"column {shortened(header[label_column])} is empty", _FILL)
            faults.report(at_least=_SHOWN)
            if len(seen) > _MOST_CLASSES:
                raise _no_classes(f"{path}: column {shortened(target or '')}", list(seen))
    faults.report()
    if not numbers:
        raise DataError(f"{path}: has a header, but no rows")
    X = np.frombuffer(numbers, np.float32).reshape(-1, len(columns))
    y = X[:, len(features) :]
    if y.size:
        X, y = np.ascontiguousarray(X[:, : len(features)]), np.ascontiguousarray(y)
    return _Table(tuple(features), X, y, _Labels(list(seen), places, np.array(codes, np.int64)))


def _records(path: Path, file: io.BufferedIOBase, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield each row with the line it begins on and its size in bytes; empty lines are left out."""
    number = size = 0

    def lines() -> Iterator[str]:
        nonlocal number, size
        while raw := file.readline(_LONGEST + 1):
            number += 1
            size += len(raw)
            if size > _LONGEST:
                raise DataError(
                    f"{path}:{number}: a row goes on for more than {_LONGEST:,} bytes; "
                    "is this a CSV file, or a quotation mark never closed?"
                )
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if b"\0" in raw:
                raise DataError(f"{path}:{number}: has a NUL byte, as no text has. {_SAVE_AS}")
            try:
                yield raw.decode()
            except UnicodeDecodeError as problem:
                raise DataError(
                    f"{path}:{number}: byte {problem.start + 1} of the line, 0x{raw[problem.start]:02x}, "
                    f"is not UTF-8. {_SAVE_AS}"
                ) from None

    try:
        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    except (TypeError, ValueError):
        raise DataError(
            f"data.delimiter is {delimiter!r}; it is one character, such as ',' ';' or '\\t'"
        ) from None
    while True:
        start, size = number + 1, 0
        try:
            row = next(reader, None)
        except csv.Error as problem:
            reason = next((text for said, text in _CSV_FAULTS.items() if said in str(problem)), problem)
            raise DataError(f"{path}:{start}: {reason}") from None
        if row is None:
            return
        if row:
            yield start, size, row


def _header(path: Path, records: Iterator[tuple[int, int, list[str]]], delimiter: str) -> list[str]:
    line, _, row = next(records, (0, 0, []))
    names = [name.strip() for name in row]
    if not any(names):
        raise DataError(f"{path}: is empty; its first line must name the columns")
    if len(names) == 1:
        for other in ",;\t|":
            if other != delimiter and other in names[0]:
                raise DataError(
                    f"{path}:{line}: has the one column {shortened(names[0])}; "
                    f"if {other!r} separates its cells, set `data.delimiter: {json.dumps(other)}`"
                )
    for i, name in enumerate(names):
        if not name:
            raise DataError(
                f"{path}:{line}: column {i + 1} of {len(names)} has no name; name it, or remove it "
                "(pandas writes its row numbers so, unless index=False)"
            )
    twice = _twice(names)
    if twice is not None:
        raise DataError(f"{path}:{line}: two columns are called {shortened(twice)}{_headless(names)}")
    return names


def _twice(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _headless(names: list[str]) -> str:
    if any(_number(name) is not None for name in names):
        return "\nThe first line must name the columns; this one seems to hold data."
    return ""


def _chosen(path: Path, header: list[str], features: Sequence[str] | None, target: str | None) -> list[str]:
    """Return the feature columns, once all that is asked for is known to be there."""
    asked = [*(features or ()), *([] if target is None else [target])]
    present = set(header)
    missing = [name for name in asked if name not in present]
    if missing:
        raise DataError(
            f"{path}: has no column {listed(missing)}; its columns are {listed(header)}"
            + did_you_mean(missing[0], (name for name in header if name not in asked))
            + _headless(header)
        )
    if features is None:
        features = [name for name in header if name != target]
        if not features:
            raise DataError(f"{path}: has the column {target!r} alone, and nothing to learn it from")
    if not features:
        raise DataError("data.features: name at least one column, or leave it out to use every column")
    twice = _twice(asked)
    if twice is not None:
        what = "is the target" if twice == target else "is there twice"
        raise DataError(f"data.features: {twice!r} {what}; name each column once")
    return list(features)


def _blocks(
    records: Iterator[tuple[int, int, list[str]]], width: int, faults: _Faults
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield line numbers and rows, some hundred kilobytes at a time, without the ragged ones."""
    lines: list[int] = []
    rows: list[list[str]] = []
    held = 0
    for line, size, row in records:
        if len(row) == width:
            lines.append(line)
            rows.append(row)
        else:
            faults.add(line, f"row of length {len(row):,}; the header has {width:,} columns", _RAGGED)
        held += size
        if held >= _BLOCK:
            yield lines, rows
            lines, rows, held = [], [], 0
    yield lines, rows


def _float32(cells: list[str]) -> NDArray[np.float32] | None:
    """Convert cells, or return None where any of them is no finite number."""
    if "_" in "".join(cells):  # Python reads 1_000 as a number; nobody else does
        return None
    try:
        wide = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        numbers = wide.astype(np.float32)
    return numbers if np.isfinite(numbers).all() else None


def _examine(cell: str, line: int, name: str, if_text: str, faults: _Faults) -> None:
    if _float32([cell]) is not None:
        return
    text = cell.strip()
    column = f"column {shortened(name)}"
    if not text:
        faults.add(line, f"{column} is empty", _FILL)
    elif text.lower() in _MISSING:
        faults.add(line, f"{column} is {text!r}", _FILL)
    elif _number(text) is not None:
        faults.add(line, f"{column} is {shortened(text)}", _FINITE)
    elif re.fullmatch(r"[+-]?[\d.,_' ]+", text):
        faults.add(line, f"{column} is {shortened(text)}", _PLAIN)
    else:
        faults.add(line, f"{column} is {shortened(text)}, not a number", if_text)


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


# NumPy files


def _read_npz(
    path: Path, classification: bool, width: int | None = None
) -> tuple[_Features, _Labels | NDArray[np.float32]]:
    with NpzFile(path, DataError) as archive:
        _require(path, archive, "X", "y")
        _check_features(f"{path}: X", *archive.header("X"), width)
        where, n = f"{path}: y", archive.header("X")[0][0]
        shape, dtype = archive.header("y")
        if dtype.kind not in ("biufU" if classification else "biuf"):
            allowed = "Labels are numbers, booleans or strings (str)." if classification else _TARGET
            raise DataError(f"{where}: has dtype {dtype}. {allowed}")
        if classification and len(shape) != 1:
            raise DataError(
                f"{where}: has shape {shape}; labels are one for each row, ({n:,},). "
                "Turn one-hot rows into labels with y.argmax(axis=1)."
            )
        if len(shape) not in (1, 2) or shape[0] != n or 0 in shape:
            raise DataError(f"{where}: has shape {shape}; y has one entry for each of the {n:,} rows of X")
        y = archive.read("y")  # before X, which is the larger
        targets = _labels(where, y) if classification else _to_float32(where, y.reshape(n, -1))
        return _flattened(f"{path}: X", archive.read("X")), targets


def _require(path: Path, archive: NpzFile, *names: str) -> None:
    missing = [name for name in names if name not in archive.names]
    if missing:
        call = ", ".join(f"{name}={name}" for name in names)
        raise DataError(
            f"{path}: has no array {listed(missing)}; it holds {listed(archive.names) or 'nothing'}. "
            f"Save it with np.savez(path, {call})."
        )


def _labels(where: str, y: NDArray[Any]) -> _Labels:
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        i = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(f"{where}[{i}] is {y[i]}, which is no label. {_FILL}")
    values, first, codes = np.unique(y, return_index=True, return_inverse=True)
    if len(values) > _MOST_CLASSES:
        raise _no_classes(where, values)
    names = [str(value).strip() for value in values]
    places = [f"{where}[{i}]" for i in first]
    if "" in names:
        raise DataError(f"{places[names.index('')]} is empty, which is no label. {_FILL}")
    return _Labels(names, places, codes)


def _check_features(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], width: int | None) -> None:
    if dtype.kind not in "biuf":
        raise DataError(f"{where}: has dtype {dtype}; features are real numbers")
    if len(shape) < 2:
        raise DataError(f"{where}: has shape {shape}; one row for each example is needed, (n, features)")
    if 0 in shape:
        raise DataError(f"{where}: has shape {shape}: no rows, or no features")
    inputs = math.prod(shape[1:])
    if width is not None and inputs != width:
        raise DataError(f"{where}: has {inputs:,} features in each row, the network has {width:,} inputs")
    if inputs > _LONGEST:
        raise DataError(
            f"{where}: has {inputs:,} features in each row; at most {_LONGEST:,} can be learned from"
        )


def _flattened(where: str, array: NDArray[Any]) -> _Features:
    flat = array.reshape(len(array), -1)
    return flat if flat.dtype == np.uint8 else _to_float32(where, flat)


def _to_float32(where: str, array: NDArray[Any]) -> NDArray[np.float32]:
    same = array.dtype == np.float32
    result = array if same else np.empty(array.shape, np.float32)
    step = max(1, _BLOCK // array.shape[1])
    for start in range(0, len(array), step):
        block = slice(start, start + step)
        if not same:
            with np.errstate(all="ignore"):  # what does not fit is found below
                result[block] = array[block]
        finite = np.isfinite(result[block])
        if not finite.all():
            i, j = np.argwhere(~finite)[0]
            raise DataError(
                f"{where}: row {start + i}, column {j} (from 0) is {array[start + i, j]}. {_FINITE}"
            )
    return result


# Labels


def _classify(where: str, labels: _Labels) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return y and the classes in order: numbers by size, names by the alphabet."""
    keys = _keys(labels)
    classes = sorted(set(keys))
    if len(classes) < 2:
        raise DataError(
            f"{where}: holds {shortened(_shortest(classes[0]))} in every row; a class is one of two at least"
        )
    if len(classes) > max(20, len(labels.codes) / 2):
        raise _no_classes(where, classes)
    index = {key: i for i, key in enumerate(classes)}
    y = np.array([index[key] for key in keys], np.int64)[labels.codes]
    return y, tuple(map(_shortest, classes))


def _recognise(labels: _Labels, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return y, the places of the labels in ``classes``."""
    numeric = all(_number(name) is not None for name in classes)
    index = {_number(name) if numeric else name: i for i, name in enumerate(classes)}
    codes = [index.get(_number(name) if numeric else name) for name in labels.names]
    unknown = [i for i, code in enumerate(codes) if code is None]
    if unknown:
        lines = [f"{labels.places[i]}: unknown label {shortened(labels.names[i])}" for i in unknown[:_SHOWN]]
        known = f"The network knows {listed(classes)}."
        raise DataError("\n".join([*lines, known]) + did_you_mean(labels.names[unknown[0]], classes))
    return np.array(codes, np.int64)[labels.codes]


def _keys(labels: _Labels) -> list[Any]:
    """Return what the labels are compared by: their values if all are numbers, so that 1.0 is 1."""
    numbers = [_number(name) for name in labels.names]
    strays = [i for i, number in enumerate(numbers) if number is None or not math.isfinite(number)]
    if not strays:
        return numbers
    if len(strays) < len(numbers) and all(
        numbers[i] is not None or labels.names[i].lower() in _MISSING for i in strays
    ):
        i = strays[0]
        raise DataError(
            f"{labels.places[i]}: label {labels.names[i]!r} among labels that are numbers. {_FILL}"
        )
    return labels.names


def _shortest(key: float | str) -> str:
    if isinstance(key, float) and key.is_integer() and abs(key) < 1e15:
        return str(int(key))
    return str(key)


def _no_classes(where: str, values: Any) -> DataError:
    some = ", ".join(shortened(_shortest(value)) for value in values[:3])
    hint = (
        "If it is a quantity to predict, set `loss: mse`."
        if _number(str(values[0])) is not None
        else "Which column holds the class? Name it in `data.target`."
    )
    return DataError(
        f"{where}: has {len(values):,} different values ({some}, ...), too many for classes.\n{hint}"
    )
