"""Reads the cells of CSV files, some hundred kilobytes at a time.

A block without quotation marks, empty lines and other peculiarities stays bytes, in which the places of all
cells are found at once; its numbers never become strings. All other blocks are read by the module csv, row by
row, so that each fault has its line. No library such as pandas or pyarrow is used: each is larger than all
that mlp needs, and neither says in which line a fault is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.table.decimals import (
    Fields,
    find_fields,
    has_code,
    have_codes,
    parse_decimals,
    parse_fields,
)
from mlpcli.data.table.dialect import DELIMITERS, Dialect, guess_numerals
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.textfile import encoding_of_new, open_text
from mlpcli.errors import DataError
from mlpcli.text import listed, nfc

__all__ = ["BLOCK", "Block", "CsvFile", "CsvSource"]

_LONGEST = 1 << 20  # bytes of one row
BLOCK = 1 << 17  # bytes that are converted at a time
_CHEAPER = 5  # so many columns are cut out in the time in which all are split
_FILE = 1 << 40  # lines of a file, at most
_LONGEST_CELL = 131_072  # characters: the limit of csv

_SAVE_AS = "Save the table as a UTF-8 text file ('CSV UTF-8' in a spreadsheet)."
_ENCODING = "Or name its encoding, as in `data.encoding: cp1252`."
_RECODE = "Or recode it, as in `iconv -f cp1252 -t utf-8 old.csv > new.csv`."
_RAGGED = "Every row has one cell for each column; quote the cells that hold the delimiter."
_SPACED = (
    "its columns seem to be separated by runs of blanks. Write them with a delimiter, as pandas does it:\n"
    "pandas.read_csv({old!r}, sep=r'\\s+').to_csv({new!r}, index=False)\n"
    "For a file without names add header=None and names=[...]."
)
# The first line that Excel writes and reads: it names the delimiter.
_SEPARATOR = re.compile(rb'"?sep=([,;|:^~\t ])"?\r?\n?', re.IGNORECASE)

_ZIP = b"PK\x03\x04"

_OPENED = "a quotation mark is opened in this row and never closed"
_CSV_FAULTS = {  # what csv says, and what the user can do about it
    "unexpected end": _OPENED,
    "field limit": f"a cell is longer than {_LONGEST_CELL:,} characters; is a quotation mark never closed?",
    "expected after": "text follows a closing quotation mark; inside a quoted cell, write the mark twice.\n"
    "Maybe a mark before this one is never closed",
    "new-line": "a lone carriage return ends a line; save the file with \\n or \\r\\n line ends",
}


class Block:
    """Some rows of a table: ``lines`` are the lines that they begin on, or their numbers."""

    def __init__(self, lines: Sequence[int], cells: list[str], width: int) -> None:
        self.lines, self._cells, self._width = lines, cells, width

    def column(self, place: int) -> list[str]:
        """Return the cells (n,) of a column."""
        return self._cells[place :: self._width]

    def texts(self, place: int) -> list[str]:
        """Return the cells (n,) as they are written."""
        return self.column(place)

    def cell(self, row: int, place: int) -> str:
        """Return one cell."""
        return self._cells[row * self._width + place]

    def numbers(self, places: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the numbers (columns, n) in some columns, and where in them no number is, as flat places."""
        found, odd = parse_decimals(list(chain.from_iterable(map(self.column, places))))
        return np.reshape(found, (len(places), len(self.lines))), odd

    def is_numeric(self, place: int) -> bool:  # noqa: ARG002
        """Return False, since cells are text."""
        return False

    def have_codes(self, places: Sequence[int]) -> NDArray[np.bool_]:
        """Return which columns of numbers have a cell with a leading zero."""
        return np.array([has_code(self.column(place)) for place in places], bool)


class PlainBlock(Block):
    """Rows of which only the places of the cells are known, until their text is asked for."""

    def __init__(self, lines: Sequence[int], text: bytes, delimiter: str, width: int, fields: Fields) -> None:
        super().__init__(lines, [], width)
        self._text, self._delimiter, self._fields = text, delimiter, fields
        self._cut = 0  # columns whose cells were cut out one by one

    def column(self, place: int) -> list[str]:
        if self._cells:
            return super().column(place)
        self._cut += 1
        if self._cut > self._width // _CHEAPER:
            delimiter = self._delimiter
            self._cells = self._text.decode().replace("\n", delimiter).split(delimiter)
            return super().column(place)
        shift = len(self._fields.padded) - len(self._text) - 1
        starts = (self._fields.starts[place :: self._width] - shift).tolist()
        ends = (self._fields.ends[place :: self._width] - shift).tolist()
        if self._text.isascii():  # then bytes and characters are at the same places
            text = self._text.decode()
            return [text[start:end] for start, end in zip(starts, ends, strict=True)]
        return [self._text[start:end].decode() for start, end in zip(starts, ends, strict=True)]

    def cell(self, row: int, place: int) -> str:
        return self._fields.text(row * self._width + place)

    def numbers(self, places: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        found, odd = parse_fields(self._of(places))
        return np.reshape(found, (len(places), len(self.lines))), odd

    def have_codes(self, places: Sequence[int]) -> NDArray[np.bool_]:
        return have_codes(self._of(places), len(places))

    def _of(self, places: Sequence[int]) -> Fields:
        """Return the cells of some columns, one column after the other."""
        cells = np.arange(len(self.lines)) * self._width + np.array(places, np.intp)[:, None]
        return self._fields.at(cells.reshape(-1))


class RewrittenBlock(Block):
    """Rows whose numbers are rewritten as Python reads them."""

    def __init__(self, block: Block, width: int, rewrite: Callable[[str], str]) -> None:
        super().__init__(block.lines, [], width)
        self._block, self._rewrite = block, rewrite

    def column(self, place: int) -> list[str]:
        return list(map(self._rewrite, self._block.column(place)))

    def texts(self, place: int) -> list[str]:
        return self._block.column(place)

    def cell(self, row: int, place: int) -> str:
        return self._rewrite(self._block.cell(row, place))


class CsvFile:
    """The header and the rows of one open CSV file, whose lines are counted from ``first`` + 1.

    ``names`` are the names of the columns in NFC, of which some may be empty or the same, and ``line`` is the
    line that they stand on. ``is_new`` is that of `CsvSource`. Raises DataError for what is no table.
    """

    def __init__(
        self, path: Path, file: io.BufferedIOBase, delimiter: str, first: int = 0, *, is_new: bool = False
    ) -> None:
        self._recode = _RECODE if is_new else _ENCODING
        self._path, self._file, self._first = path, file, first
        self._line = first  # the last one that was read
        if len(delimiter) != 1 or delimiter in '\r\n"':
            raise DataError(f"data.delimiter is {delimiter!r}; it is one character, such as ',' ';' or '\\t'")
        header = file.readline(_LONGEST + 1)
        separator = _SEPARATOR.fullmatch(header)
        if separator is not None:
            self._line, self._delimiter = first + 1, separator[1].decode()
            header = file.readline(_LONGEST + 1)
        else:
            self._delimiter = _delimiter(header, delimiter)
        line, row = first, list[str]()
        while header and not row:
            line, row = next(self._records(header), (first, []))
            header = b"" if row else file.readline(_LONGEST + 1)
        self.line, self.names = line, [nfc(name.strip()) for name in row]
        self._require_names()

    def blocks(self, faults: Faults) -> Iterator[Block]:
        """Yield all rows; those of a wrong length become faults.

        Rows may end with a delimiter that the header has not, if all of them do.
        """
        width = len(self.names)
        ended = None  # whether rows end with a delimiter, as the first one says
        while chunk := self._file.read(BLOCK):
            rest = self._file.readline(_LONGEST + 1)
            chunk += rest
            block = None if len(rest) > _LONGEST else self._plain(chunk, width, ended)
            if block is None:
                block, ended = self._parse(chunk, width, ended, faults)
            elif ended is None:
                ended = False
            yield block

    def _plain(self, chunk: bytes, width: int, ended: bool | None) -> Block | None:
        """Return the rows of whole lines, or None where csv must read them."""
        if b'"' in chunk or b"\0" in chunk or ended or not _is_plain(self._delimiter):
            return None
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        text = chunk.removesuffix(b"\n")
        if b"\r" in chunk or b"\n\n" in text or text[:1] in (b"", b"\n") or text[-1:] == b"\n":
            return None
        if not text.isascii() and not _is_utf8(text):
            return None
        fields = find_fields(text, self._delimiter)
        n, rest = divmod(len(fields.ends), width)
        newline = fields.padded[fields.ends] == ord("\n")
        if rest or not newline[width - 1 :: width].all() or np.count_nonzero(newline) != n:
            return None
        if (fields.ends - fields.starts).max() > _LONGEST_CELL:
            return None
        first, self._line = self._line + 1, self._line + n
        return PlainBlock(range(first, self._line + 1), text, self._delimiter, width, fields)

    def _parse(
        self, chunk: bytes, width: int, ended: bool | None, faults: Faults
    ) -> tuple[Block, bool | None]:
        """Return the rows that begin in some lines, and whether rows end with a delimiter."""
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
        return Block(lines, list(chain.from_iterable(rows)), width + bool(ended)), ended

    def _records(self, chunk: bytes) -> Iterator[tuple[int, list[str]]]:
        """Yield the line that each row begins on, and its cells; empty lines are left out.

        The rows are those that begin in ``chunk``.
        """
        path, size, read = self._path, 0, 0

        def lines() -> Iterator[str]:
            nonlocal size, read
            for raw in chain(io.BytesIO(chunk), iter(lambda: self._file.readline(_LONGEST + 1), b"")):
                self._line += 1
                read += len(raw)
                size += len(raw)
                if size > _LONGEST:
                    raise DataError(
                        f"{path}:{self._line - self._first}: a row is longer than {_LONGEST:,} bytes; "
                        "is this a CSV file, or is a quotation mark never closed?"
                    )
                if self._line == self._first + 1 and raw.startswith(_ZIP):
                    raise DataError(
                        f"{path}: is a zip archive or a workbook; unpack it, or save the sheet as 'CSV UTF-8'"
                    )
                if b"\0" in raw:
                    place = f"{path}:{self._line - self._first}"
                    raise DataError(f"{place}: has a NUL byte, which a text never has. {_SAVE_AS}")
                try:
                    yield raw.decode()
                except UnicodeDecodeError as problem:
                    raise DataError(
                        f"{path}:{self._line - self._first}: byte {problem.start + 1} of the line, "
                        f"0x{raw[problem.start]:02x}, is not UTF-8.\n{_SAVE_AS} {self._recode}"
                    ) from None

        reader = csv.reader(lines(), delimiter=self._delimiter, strict=True)
        while read < len(chunk):
            start, size = self._line + 1, 0
            try:
                row = next(reader, None)
            except csv.Error as problem:
                reason = next((text for said, text in _CSV_FAULTS.items() if said in str(problem)), problem)
                if "expected after" in str(problem) and self._line > start:
                    reason = f"{_OPENED}; the next one is in line {self._line - self._first:,}"
                raise DataError(f"{path}:{start - self._first}: {reason}") from None
            if row is None:
                return
            if row:
                yield start, row

    def _require_names(self) -> None:
        if not any(self.names):
            raise DataError(f"{self._path}: is empty; its first line must name the columns")
        if self._delimiter == " " and self.names.count("") > 1:
            raise DataError(self.in_blanks)

    @property
    def in_blanks(self) -> str:
        """What to do about columns that are separated by runs of blanks."""
        path = self._path
        new = path.with_suffix(".csv").name if path.suffix != ".csv" else f"{path.stem}-2.csv"
        return f"{path}:{self.line - self._first}: {_SPACED.format(old=path.name, new=new)}"


class CsvSource:
    """The rows of one or several CSV files of the same columns, as often as they are wanted.

    ``names`` are the names of the columns, ``places`` where they are, and ``where`` names the files in
    errors; ``if_missing`` says what is probably wrong if there is no column of a name. The cells are numbers
    in the notation of Python, unless they are to be ``as_written``. ``is_new`` says that the dialect is that
    of the table of the training, and the files hold new rows, which may be in UTF-8; ``recoded`` are the
    files that are, where that table was not. Raises DataError.
    """

    def __init__(
        self, paths: Sequence[Path], dialect: Dialect, *, as_written: bool = False, is_new: bool = False
    ) -> None:
        self._paths, self._is_new = paths, is_new
        named = dialect.encoding
        self._encodings = [encoding_of_new(path, named) if is_new else named for path in paths]
        self.recoded = [path for path, found in zip(paths, self._encodings, strict=True) if found != named]
        self.where = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
        with open_text(paths[0], self._encodings[0], is_new=is_new) as file:
            first = CsvFile(paths[0], file, dialect.delimiter, is_new=is_new)
            self.notes: list[str] = []
            self.numerals: dict[str, str] = {}
            if dialect.decimal is None and dialect.thousands is None and not as_written:
                block = next(first.blocks(Faults(self.place)), None)
                columns = map(block.column, range(len(first.names))) if block is not None else ()
                dialect = guess_numerals(dialect, columns)
                if dialect.decimal is not None:
                    found = {"decimal": dialect.decimal, "thousands": dialect.thousands}
                    self.numerals = {key: value for key, value in found.items() if value is not None}
                    self.notes.append(
                        f"Numbers are read as in {dialect.example}, as whole columns are written."
                    )
        self.length: int | None = None
        self._dialect, self._rewrite = dialect, None if as_written else dialect.rewrite
        self.names, self.header = first.names, f"{paths[0]}:{first.line}"
        self.places = {name: i for i, name in enumerate(first.names)}
        one = len(first.names) == 1 and re.search(r"\s\s", first.names[0])
        self.if_missing = first.in_blanks if one else None

    @property
    def dates(self) -> tuple[str, ...]:
        """None, since cells are text."""
        return ()

    def place(self, line: int) -> str:
        """Return the file and the line that a number of a line stands for."""
        file, number = divmod(line, _FILE)
        return f"{self._paths[file]}:{number}"

    def file(self, line: int) -> int:
        """Return the place of the file that a number of a line stands for."""
        return line // _FILE

    def blocks(self, faults: Faults) -> Iterator[Block]:
        """Yield the rows of all files."""
        for i, path in enumerate(self._paths):
            with open_text(path, self._encodings[i], is_new=self._is_new) as text:
                file = CsvFile(path, text, self._dialect.delimiter, i * _FILE, is_new=self._is_new)
                if file.names != self.names:
                    raise _other_columns(path, file.names, self._paths[0], self.names)
                for block in file.blocks(faults):
                    rewrite = self._rewrite
                    yield block if rewrite is None else RewrittenBlock(block, len(self.names), rewrite)


def _other_columns(path: Path, names: list[str], first: Path, wanted: list[str]) -> DataError:
    missing = [name for name in wanted if name not in names]
    more = [name for name in names if name not in wanted]
    what = [f"has no column {listed(missing)}"] if missing else []
    what += [f"has {listed(more)} besides"] if more else []
    if not what:
        what = ["has them in another order, or another number of times"]
    return DataError(f"{path}: its columns are not those of {first}: it {' and '.join(what)}")


def _is_plain(delimiter: str) -> bool:
    return delimiter.isascii() and delimiter != "."


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(header: bytes, usual: str) -> str:
    """Return ``usual``, or another delimiter if the header has that instead outside of quoted names."""
    text = header.decode(errors="replace")
    quoted = re.compile(rf'(?<![^,;\t|{re.escape(usual)}])"(?:[^"]|"")*(?:"|$)')
    bare = quoted.sub("", text)
    return next((other for other in (usual, *DELIMITERS) if other in bare), usual)
