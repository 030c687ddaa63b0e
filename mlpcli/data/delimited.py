"""Reads tables from CSV files, and says line by line what is wrong with them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset, TableSize
from mlpcli.data.labels import MISSING, MOST_CLASSES, Labels, classify, parse_number, too_many_classes
from mlpcli.data.sentences import FILL, FINITE, SHOWN, TARGET
from mlpcli.errors import DataError, did_you_mean
from mlpcli.reading import opened, within_memory
from mlpcli.text import listed, repeated, shortened

__all__ = ["Table", "find_delimiter", "measure_csv", "read_csv", "read_table"]

_LONGEST = 1 << 20  # bytes of one row
_BLOCK = 1 << 18  # bytes that are converted at a time

_PLAIN = "Write numbers plainly, as in 1234.5: without separators of thousands, and with a decimal point."
_TEXT = (
    "Text cannot be a feature: name the columns to use in `data.features`,\n"
    "or give each text value a column of its own that holds 0 or 1."
)
_NAME_IT = "Which column holds the class? Name it in `data.target`."
_SAVE_AS = "Save the table as a UTF-8 text file ('CSV UTF-8' in a spreadsheet)."
_RAGGED = "Every row has one cell for each column; quote the cells that hold the delimiter."

_CSV_FAULTS = {  # what csv says, and what the user can do about it
    "unexpected end": "a quotation mark is opened in this row and never closed",
    "field limit": "a cell is longer than 131,072 characters; is a quotation mark never closed?",
    "expected after": "text follows a closing quotation mark; inside a quoted cell, write the mark twice",
    "new-line": "a lone carriage return ends a line; save the file with \\n or \\r\\n line ends",
}


class Table(NamedTuple):
    """What is taken from a CSV file: ``y`` (n, 1) for a regression, ``labels`` for a classification."""

    columns: tuple[str, ...]  # of X
    X: NDArray[np.float32]
    y: NDArray[np.float32]
    labels: Labels


def measure_csv(
    path: Path, *, target: str, features: Sequence[str] | None, delimiter: str, classification: bool
) -> TableSize:
    """Estimate the size of a table from its header row and the size of its file; raises DataError.

    A cell has about four characters, and is kept in four bytes. The cells of the block that is converted are
    strings.
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


def read_csv(
    path: Path, *, target: str, features: Sequence[str] | None, delimiter: str, classification: bool
) -> Dataset:
    """Read a table with a header row; ``features`` None means every column but the target.

    Raises DataError.
    """
    with within_memory(str(path), DataError):
        table = read_table(path, delimiter, features, target, classification)
        if not classification:
            return Dataset(table.X, table.y, table.columns, None)
        y, classes = classify(f"{path}: column {shortened(target)}", table.labels, _NAME_IT)
        return Dataset(table.X, y, table.columns, classes)


# Rows are converted in blocks; only a block that has a fault is looked at cell by cell.


class _Faults:
    """The faults of a file, line by line; the first few are reported in one message."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str, str]] = []

    def add(self, line: int, fault: str, hint: str) -> None:
        self._found.append((line, fault, hint))

    def report(self, at_least: int = 1) -> None:
        if len(self._found) < at_least:
            return
        shown = sorted(self._found, key=lambda found: found[0])[:SHOWN]
        lines = [f"{self._path}:{line}: {fault}" for line, fault, _ in shown]
        hints = list(dict.fromkeys(hint for _, _, hint in shown))
        if len(shown) == SHOWN:
            hints.append(f"(At most {SHOWN} faults are shown at a time.)")
        raise DataError("\n".join(lines + hints))


def read_table(
    path: Path, delimiter: str, features: Sequence[str] | None, target: str | None, classification: bool
) -> Table:
    """Read the columns that are asked for, as `read_csv` does; without a target, features alone."""
    faults = _Faults(path)
    numbers = array("f")  # grows in place, so that there is only one copy of the table
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
                        cell, lines[i // len(columns)], name, TARGET if name == target else _TEXT, faults
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
                        faults.add(line, f"column {shortened(header[label_column])} is empty", FILL)
            faults.report(at_least=SHOWN)
            if len(seen) > MOST_CLASSES:
                raise too_many_classes(f"{path}: column {shortened(target or '')}", list(seen), _NAME_IT)
    faults.report()
    if not numbers:
        raise DataError(f"{path}: has a header, but no rows")
    X = np.frombuffer(numbers, np.float32).reshape(-1, len(columns))
    y = X[:, len(features) :]
    if y.size:
        X, y = np.ascontiguousarray(X[:, : len(features)]), np.ascontiguousarray(y)
    return Table(tuple(features), X, y, Labels(list(seen), places, np.array(codes, np.int64)))


def _records(path: Path, file: io.BufferedIOBase, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the line that each row begins on, its size in bytes and its cells; empty lines are left out."""
    number = size = 0

    def lines() -> Iterator[str]:
        nonlocal number, size
        while raw := file.readline(_LONGEST + 1):
            number += 1
            size += len(raw)
            if size > _LONGEST:
                raise DataError(
                    f"{path}:{number}: a row is longer than {_LONGEST:,} bytes; "
                    "is this a CSV file, or is a quotation mark never closed?"
                )
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if b"\0" in raw:
                raise DataError(f"{path}:{number}: has a NUL byte, which a text never has. {_SAVE_AS}")
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
                "(pandas writes row numbers without a name, unless index=False)"
            )
    twice = repeated(names)
    if twice is not None:
        raise DataError(f"{path}:{line}: two columns are called {shortened(twice)}{_headless(names)}")
    return names


def _headless(names: list[str]) -> str:
    if any(parse_number(name) is not None for name in names):
        return "\nThe first line must name the columns; this one seems to hold data."
    return ""


def _chosen(path: Path, header: list[str], features: Sequence[str] | None, target: str | None) -> list[str]:
    """Return the feature columns; raises DataError where a column is missing, or asked for twice."""
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
            raise DataError(f"{path}: has only the column {target!r}, and nothing to learn it from")
    if not features:
        raise DataError("data.features: name at least one column, or leave it out to use every column")
    twice = repeated(asked)
    if twice is not None:
        what = "is the target" if twice == target else "is named twice"
        raise DataError(f"data.features: {twice!r} {what}; name each column once")
    return list(features)


def _blocks(
    records: Iterator[tuple[int, int, list[str]]], width: int, faults: _Faults
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield line numbers and rows, some hundred kilobytes at a time; rows of a wrong length become faults."""
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
    if "_" in "".join(cells):  # only Python reads 1_000 as a number
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
        faults.add(line, f"{column} is empty", FILL)
    elif text.lower() in MISSING:
        faults.add(line, f"{column} is {text!r}", FILL)
    elif parse_number(text) is not None:
        faults.add(line, f"{column} is {shortened(text)}", FINITE)
    elif re.fullmatch(r"[+-]?[\d.,_' ]+", text):
        faults.add(line, f"{column} is {shortened(text)}", _PLAIN)
    else:
        faults.add(line, f"{column} is {shortened(text)}, not a number", if_text)


def find_delimiter(path: Path, usual: str) -> str:
    """Return the delimiter of a file: ``usual``, or another one if the header has that instead."""
    with opened(path, DataError) as file:
        header = file.readline(_LONGEST).decode(errors="replace")
    return next((other for other in (usual, ",", ";", "\t", "|") if other in header), usual)
