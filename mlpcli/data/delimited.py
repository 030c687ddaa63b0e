"""Reads tables from CSV files, and says line by line what is wrong with them."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset, TableSize
from mlpcli.data.labels import (
    MISSING,
    MOST_CLASSES,
    LabelIndex,
    Labels,
    class_after_all,
    classify,
    is_missing,
    missing_labels,
    parse_number,
    rows_without_label,
    too_many_classes,
)
from mlpcli.data.sentences import FILL, FINITE, SHOWN, TARGET
from mlpcli.errors import DataError, did_you_mean
from mlpcli.reading import opened, within_memory
from mlpcli.text import listed, nfc, repeated, shortened

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

_LEAVE_OUT = "Name the columns to predict from in `data.features`, and the others are ignored."
_SPACED = (
    "its columns seem to be separated by runs of blanks. Write them with a delimiter, as pandas does it:\n"
    "pandas.read_csv({old!r}, sep=r'\\s+').to_csv({new!r}, index=False)\n"
    "For a file without names add header=None and names=[...]."
)
# The first line that Excel writes and reads: it names the delimiter.
_SEPARATOR = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=([,;|:^~\t ])"?\r?\n?', re.IGNORECASE)
_SEPARATOR_LENGTH = 16  # bytes of such a line, at most

_ARCHIVES = {  # first bytes of files that are often taken for tables
    b"\x1f\x8b": "is a gzip file; unpack it first, as with `gunzip -k`",
    b"PK\x03\x04": "is a zip archive or a workbook; unpack it, or save the sheet as 'CSV UTF-8'",
}

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
    kept, block = size * (inputs + 1) // len(header.names), 32 * min(size, _BLOCK)
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


class _Header(NamedTuple):
    """The names of the columns, of which some may be empty or the same, and the line that they stand on."""

    line: int
    names: list[str]


class _Faults:
    """The faults of a file, line by line; the first few are reported in one message."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str, tuple[str, ...]]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, line: int, fault: str, *hints: str) -> None:
        self._found.append((line, fault, hints))

    def report(self) -> None:
        if not self._found:
            return
        shown = sorted(self._found, key=lambda found: found[0])[:SHOWN]
        lines = [f"{self._path}:{line}: {fault}" for line, fault, _ in shown]
        hints = list(dict.fromkeys(hint for _, _, some in shown for hint in some))
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
    seen = LabelIndex()
    places: list[str] = []
    unlabelled: dict[int, list[int]] = {}  # the first lines with a label that says that there is none
    with opened(path, DataError) as file:
        records = _records(path, file, delimiter)
        header = _header(path, records, delimiter)
        features = _chosen(path, header, features, target)
        target = None if target is None else nfc(target)
        numeric = [*features, target] if target is not None and not classification else features
        position = {name: i for i, name in enumerate(header.names)}
        columns = [position[name] for name in numeric]
        label_column = position[target] if target is not None and classification else None
        for lines, rows in _blocks(records, len(header.names), faults):
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
                code = seen.code(row[label_column])
                codes.append(code)
                if code == len(places):
                    places.append(f"{path}:{line}")
                    if is_missing(seen.names[code]):
                        unlabelled[code] = []
                if code in unlabelled and len(unlabelled[code]) < SHOWN:
                    unlabelled[code].append(line)
            if len(faults) >= SHOWN:
                _add_unlabelled(faults, target, seen.names, unlabelled)
                faults.report()
            if len(places) > MOST_CLASSES:
                raise too_many_classes(
                    f"{path}: column {shortened(target or '')}", seen.names[:3], len(places), _NAME_IT
                )
    if unlabelled:
        missing = missing_labels(seen.names)
        n = int(np.isin(np.array(codes, np.int64), missing).sum())
        hints = class_after_all([seen.names[code] for code in missing])
        _add_unlabelled(faults, target, seen.names, unlabelled, rows_without_label(n, len(codes)), *hints)
    faults.report()
    if not numbers:
        raise DataError(f"{path}: has a header, but no rows")
    X = np.frombuffer(numbers, np.float32).reshape(-1, len(columns))
    y = X[:, len(features) :]
    if y.size:
        X, y = np.ascontiguousarray(X[:, : len(features)]), np.ascontiguousarray(y)
    return Table(tuple(features), X, y, Labels(seen.names, places, np.array(codes, np.int64)))


def _add_unlabelled(
    faults: _Faults, target: str | None, names: list[str], lines: dict[int, list[int]], *hints: str
) -> None:
    """Add a fault for the first rows without a label; ``lines`` has them by the number of the label."""
    for code in missing_labels(names):
        what = f"is {names[code]!r}" if names[code] else "is empty"
        for line in lines[code]:
            faults.add(line, f"column {shortened(target or '')} {what}", FILL, *hints)


def _records(path: Path, file: io.BufferedIOBase, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the line that each row begins on, its size in bytes and its cells; empty lines are left out."""
    number = size = 0
    separator = _SEPARATOR.fullmatch(file.readline(_SEPARATOR_LENGTH))
    if separator is None:
        file.seek(0)
    else:
        number, delimiter = 1, separator[1].decode()

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
                for signature, what in _ARCHIVES.items():
                    if raw.startswith(signature):
                        raise DataError(f"{path}: {what}")
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


def _header(path: Path, records: Iterator[tuple[int, int, list[str]]], delimiter: str) -> _Header:
    line, _, row = next(records, (0, 0, []))
    names = [nfc(name.strip()) for name in row]
    if not any(names):
        raise DataError(f"{path}: is empty; its first line must name the columns")
    if len(names) == 1:
        for other in ",;\t|":
            if other != delimiter and other in names[0]:
                raise DataError(
                    f"{path}:{line}: has the one column {shortened(names[0])}; "
                    f"if {other!r} separates its cells, set `data.delimiter: {json.dumps(other)}`"
                )
    if delimiter == " " and names.count("") > 1:
        raise _spaced(path, line)
    return _Header(line, names)


def _spaced(path: Path, line: int) -> DataError:
    new = path.with_suffix(".csv").name if path.suffix != ".csv" else f"{path.stem}-2.csv"
    return DataError(f"{path}:{line}: {_SPACED.format(old=path.name, new=new)}")


def _nameless(names: Sequence[str]) -> str:
    """Return what a column without a name probably is."""
    if not names[0]:
        return "; are these row numbers, which index=False in pandas and row.names=FALSE in R leave out?"
    return "; does each line end with a delimiter?" if not names[-1] else "; name it"


def _two_of_a_name(all_used: bool) -> str:
    advice = "; give each a name of its own"
    return f"{advice}.\n{_LEAVE_OUT}" if all_used else advice


def _headless(names: Sequence[str]) -> str:
    if any(parse_number(name) is not None for name in names):
        return "\nThe first line must name the columns; this one seems to hold data."
    return ""


def _chosen(path: Path, header: _Header, features: Sequence[str] | None, target: str | None) -> list[str]:
    """Return the feature columns; raises DataError where a column is missing, or asked for twice.

    Columns that nobody asks for may have no name, or the same one.
    """
    names = header.names
    asked = [nfc(name) for name in (*(features or ()), *([] if target is None else [target]))]
    counts = Counter(names)
    missing = [name for name in asked if name not in counts]
    if missing and len(names) == 1 and re.search(r"\s\s", names[0]):
        raise _spaced(path, header.line)
    if missing:
        raise DataError(
            f"{path}: has no column {listed(missing)}; its columns are {listed([n for n in names if n])}"
            + did_you_mean(missing[0], (name for name in names if name not in asked))
            + _headless(names)
        )
    if features is None:
        features = [name for name in names if name != asked[-1]] if target is not None else names
        if not features:
            raise DataError(f"{path}: has only the column {target!r}, and nothing to learn it from")
        if "" in features:
            raise DataError(
                f"{path}:{header.line}: column {names.index('') + 1} of {len(names)} has no name"
                f"{_nameless(names)}.\n{_LEAVE_OUT}"
            )
        asked = names
    else:
        features = asked[: len(features)]
    if not features:
        raise DataError("data.features: name at least one column, or leave it out to use every column")
    several = next((name for name in asked if counts[name] > 1), None)
    if several is not None:
        raise DataError(
            f"{path}:{header.line}: two columns are called {shortened(several)}"
            f"{_headless(names) or _two_of_a_name(asked is names)}"
        )
    twice = repeated(asked)
    if twice is not None:
        what = "is the target" if target is not None and twice == nfc(target) else "is named twice"
        raise DataError(f"data.features: {twice!r} {what}; name each column once")
    return list(features)


def _blocks(
    records: Iterator[tuple[int, int, list[str]]], width: int, faults: _Faults
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Yield line numbers and rows, some hundred kilobytes at a time; rows of a wrong length become faults.

    Rows may end with a delimiter that the header has not, if all of them do.
    """
    lines: list[int] = []
    rows: list[list[str]] = []
    held = 0
    ended = None  # whether rows end with a delimiter, as the first one says
    for line, size, row in records:
        if ended is None:
            ended = len(row) == width + 1 and not row[-1].strip()
        if len(row) == width + ended and not (ended and row[-1].strip()):
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
        header = file.readline(_LONGEST)
        if _SEPARATOR.fullmatch(header):  # the reader of the table heeds it
            return usual
        text = header.decode(errors="replace")
    return next((other for other in (usual, ",", ";", "\t", "|") if other in text), usual)
