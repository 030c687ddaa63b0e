"""Reads the cells of a CSV file, some hundred kilobytes at a time.

A block without quotation marks, empty lines and other peculiarities is split by ``str.split``, which is
three times as fast as the module csv. All other blocks are read by csv, row by row, so that each fault has
its line. No library such as pandas or pyarrow is used: each is larger than all that mlp needs, and neither
says in which line a fault is.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import methodcaller
from pathlib import Path
from typing import NamedTuple

from mlpcli.data.faults import Faults
from mlpcli.errors import DataError
from mlpcli.text import nfc

__all__ = ["BLOCK", "Block", "CsvFile"]

_LONGEST = 1 << 20  # bytes of one row
BLOCK = 1 << 17  # bytes that are converted at a time
_LONGEST_CELL = 131_072  # characters: the limit of csv

_SAVE_AS = "Save the table as a UTF-8 text file ('CSV UTF-8' in a spreadsheet)."
_RAGGED = "Every row has one cell for each column; quote the cells that hold the delimiter."
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
    "field limit": f"a cell is longer than {_LONGEST_CELL:,} characters; is a quotation mark never closed?",
    "expected after": "text follows a closing quotation mark; inside a quoted cell, write the mark twice",
    "new-line": "a lone carriage return ends a line; save the file with \\n or \\r\\n line ends",
}


class Block(NamedTuple):
    """Some rows: the line that each begins on, and their cells, row after row."""

    lines: Sequence[int]
    cells: list[str]
    width: int  # cells of a row

    def column(self, place: int) -> list[str]:
        """Return the cells of a column."""
        return self.cells[place :: self.width]


class CsvFile:
    """The header and the rows of an open CSV file.

    ``names`` are the names of the columns in NFC, of which some may be empty or the same, ``places`` where
    they are, and ``line`` is the line that they stand on. Raises DataError for what is no table.
    """

    def __init__(self, path: Path, file: io.BufferedIOBase, delimiter: str) -> None:
        self.path, self._file = path, file
        self._line = 0  # the last one that was read
        if len(delimiter) != 1 or delimiter in '\r\n"':
            raise DataError(f"data.delimiter is {delimiter!r}; it is one character, such as ',' ';' or '\\t'")
        first = file.readline(_LONGEST)
        separator = _SEPARATOR.fullmatch(first)
        if separator is not None:
            self._line, self._delimiter = 1, separator[1].decode()
        else:
            self._delimiter = _delimiter(first, delimiter)
            file.seek(0)
        line, row = next(self._records(b""), (0, []))
        self.line, self.names = line, [nfc(name.strip()) for name in row]
        self.places = {name: i for i, name in enumerate(self.names)}
        self._require_names()

    def blocks(self, faults: Faults) -> Iterator[Block]:
        """Yield all rows; those of a wrong length become faults.

        Rows may end with a delimiter that the header has not, if all of them do.
        """
        width = len(self.names)
        ended = None  # whether rows end with a delimiter, as the first one says
        while chunk := self._file.read(BLOCK):
            rest = self._file.readline(_LONGEST + 1)
            block = None if len(rest) > _LONGEST else self._split(chunk + rest, width, ended)
            if block is None:
                block = self._parse(chunk + rest, width, ended, faults)
            if ended is None and block.lines:
                ended = block.width > width
            yield block

    def _split(self, chunk: bytes, width: int, ended: bool | None) -> Block | None:
        """Return the rows of whole lines, or None where csv must read them."""
        if b'"' in chunk or b"\0" in chunk:
            return None
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        try:
            text = chunk.decode().removesuffix("\n")
        except UnicodeDecodeError:
            return None
        lines = text.split("\n")
        counts = set(map(methodcaller("count", self._delimiter), lines))
        if (ended is None and counts == {width}) or ended:
            width += 1
        if counts != {width - 1} or "" in lines or "\r" in text or max(map(len, lines)) > _LONGEST_CELL:
            return None
        cells = text.replace("\n", self._delimiter).split(self._delimiter)
        if width > len(self.names) and "".join(cells[width - 1 :: width]).strip():
            return None
        first, self._line = self._line + 1, self._line + len(lines)
        return Block(range(first, self._line + 1), cells, width)

    def _parse(self, chunk: bytes, width: int, ended: bool | None, faults: Faults) -> Block:
        lines: list[int] = []
        rows: list[list[str]] = []
        for line, row in self._records(chunk):
            if ended is None:
                ended = len(row) == width + 1 and not row[-1].strip()
            if len(row) == width + ended and not (ended and row[-1].strip()):
                lines.append(line)
                rows.append(row)
            else:
                faults.add(line, f"row of length {len(row):,}; the header has {width:,} columns", _RAGGED)
        return Block(lines, list(chain.from_iterable(rows)), width + bool(ended))

    def _records(self, chunk: bytes) -> Iterator[tuple[int, list[str]]]:
        """Yield the line that each row begins on, and its cells; empty lines are left out.

        The rows are those that begin in ``chunk``, or for an empty one the first row of what follows.
        """
        path, size, read = self.path, 0, 0

        def lines() -> Iterator[str]:
            nonlocal size, read
            for raw in chain(io.BytesIO(chunk), iter(lambda: self._file.readline(_LONGEST + 1), b"")):
                self._line += 1
                read += len(raw)
                size += len(raw)
                if size > _LONGEST:
                    raise DataError(
                        f"{path}:{self._line}: a row is longer than {_LONGEST:,} bytes; "
                        "is this a CSV file, or is a quotation mark never closed?"
                    )
                if self._line == 1:
                    raw = raw.removeprefix(codecs.BOM_UTF8)
                    for signature, what in _ARCHIVES.items():
                        if raw.startswith(signature):
                            raise DataError(f"{path}: {what}")
                if b"\0" in raw:
                    raise DataError(
                        f"{path}:{self._line}: has a NUL byte, which a text never has. {_SAVE_AS}"
                    )
                try:
                    yield raw.decode()
                except UnicodeDecodeError as problem:
                    raise DataError(
                        f"{path}:{self._line}: byte {problem.start + 1} of the line, "
                        f"0x{raw[problem.start]:02x}, is not UTF-8. {_SAVE_AS}"
                    ) from None

        reader = csv.reader(lines(), delimiter=self._delimiter, strict=True)
        while not chunk or read < len(chunk):
            start, size = self._line + 1, 0
            try:
                row = next(reader, None)
            except csv.Error as problem:
                reason = next((text for said, text in _CSV_FAULTS.items() if said in str(problem)), problem)
                raise DataError(f"{path}:{start}: {reason}") from None
            if row is None:
                return
            if row:
                yield start, row

    def _require_names(self) -> None:
        if not any(self.names):
            raise DataError(f"{self.path}: is empty; its first line must name the columns")
        if self._delimiter == " " and self.names.count("") > 1:
            raise self.spaced()

    def spaced(self) -> DataError:
        """Return the error about columns that are separated by runs of blanks."""
        path = self.path
        new = path.with_suffix(".csv").name if path.suffix != ".csv" else f"{path.stem}-2.csv"
        return DataError(f"{path}:{self.line}: {_SPACED.format(old=path.name, new=new)}")


def _delimiter(header: bytes, usual: str) -> str:
    """Return ``usual``, or another delimiter if the header has that instead."""
    text = header.decode(errors="replace")
    return next((other for other in (usual, ",", ";", "\t", "|") if other in text), usual)
