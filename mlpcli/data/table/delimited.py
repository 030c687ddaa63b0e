"""Reads tables from CSV and Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np

from mlpcli.data.dataset import Dataset, TableSize
from mlpcli.data.kinds import Missing, ReadAs, Wanted
from mlpcli.data.rows import Roles
from mlpcli.data.table.assemble import Known, assemble, assemble_known
from mlpcli.data.table.blocks import BLOCK, CsvSource
from mlpcli.data.table.choice import chosen_columns
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.table.faults import Faults
from mlpcli.data.table.matrix import Matrix
from mlpcli.data.table.parquet import ParquetSource
from mlpcli.data.table.passes import Cells, MakeMatrix, read_cells
from mlpcli.data.table.pieces import Piece, in_pieces
from mlpcli.data.table.source import Excerpt, Rows, Source
from mlpcli.data.table.textfile import note_encoding
from mlpcli.data.transform import Transform
from mlpcli.errors import DataError
from mlpcli.reading import matching_files, opened, within_memory

__all__ = ["known_in_pieces", "measure_csv", "open_source", "read_csv", "read_known", "size_of_known"]

_BLOCK = 4 << 20  # bytes that a block takes while it is converted
_BLOCKS = 2  # that are looked at before a table is read


def measure_csv(
    path: Path | Sequence[Path],
    *,
    target: str | Sequence[str],
    features: Sequence[str] | None,
    dialect: Dialect,
    classification: bool | None,
    read_as: Mapping[str, ReadAs] | None = None,
    roles: Roles | None = None,
    missing: Missing = "fill",
    bins: int = 0,
    terms: Sequence[str] = (),
) -> TableSize:
    """Estimate the size of a table from its first rows and the sizes of its files; raises DataError.

    The first rows tell how long a row is, what the columns hold, and how many inputs of a network they
    become, with so many ``bins`` and with ``terms``. Where they are not whole, a cell is taken to have about
    four characters, and each column to become one input. The cells of the block that is converted are
    strings.
    """
    paths = matching_files(path, DataError)
    source = open_source(paths, dialect, as_written=True)  # which reads no rows
    sizes = [*map(_size, paths)]
    size = sum(sizes)
    inputs = len(chosen_columns(source, features, target, read_as or {}, "fill", roles or {})[0])
    rows = size // (4 * len(source.names))
    outputs = None if classification in (None, True) else 1 if isinstance(target, str) else len(target)
    wide = direct = None
    try:
        head = _Head(open_source(paths, dialect), min(BLOCK, sizes[0]))
        first = assemble(
            head,
            target=target,
            features=features,
            classification=classification,
            read_as=read_as or {},
            missing=missing,
            roles=roles or {},
        )
    except DataError:  # which reading all of it tells better
        pass
    else:
        every = np.arange(len(first))
        transform = Transform.fit("none", first.X, every, first.columns, first.kinds, bins, terms=terms)
        inputs, wide, direct = len(first.columns), transform.n_features, transform.n_direct
        outputs = first.y.shape[1] if first.classes is None else len(first.classes)
        rows = len(first)
        if not head.is_whole:
            rows = source.length or size * head.rows // head.bytes
    block = min(32 * size, _BLOCK)
    return TableSize(rows * _row(inputs) + block, None, inputs, outputs, 4, rows, block, wide, direct)


def size_of_known(path: Path, wanted: Wanted) -> TableSize:
    """Estimate the size of the columns that a network was trained on, in a table; raises DataError."""
    paths = matching_files(path, DataError)
    source, sizes = open_source(paths, wanted.dialect, is_new=True), [*map(_size, paths)]
    head = _Head(source, min(BLOCK, sizes[0]))
    for _ in head.blocks(Faults(source.place)):
        pass
    rows = head.rows if head.is_whole else source.length or sum(sizes) * head.rows // head.bytes
    columns, block = len(wanted.columns), min(32 * sum(sizes), _BLOCK)
    return TableSize(rows * _row(columns) + block, rows, columns, None, 4, spare=block)


def _row(columns: int) -> int:
    """Return the bytes of a row while it is read; the matrix grows in steps of an eighth."""
    return 4 * (columns + 4) * 9 // 8


class _Head(Excerpt):
    """The first rows of a table, as a source; ``rows`` and ``bytes`` say how many they are."""

    def __init__(self, source: Source, block: int) -> None:
        super().__init__(source)
        self._block = block
        self.rows, self.bytes, self.is_whole = 0, 1, True

    def blocks(self, faults: Faults) -> Iterator[Rows]:
        """Yield the first blocks."""
        self.rows, self.bytes = 0, 0
        for i, block in enumerate(self._source.blocks(faults)):
            if i == _BLOCKS:
                self.is_whole = False
                return
            self.rows += len(block.lines)
            self.bytes += self._block
            yield block


def open_source(
    paths: list[Path], dialect: Dialect, *, as_written: bool = False, is_new: bool = False
) -> Source:
    """Return the table in CSV files, or in Parquet files by their ending.

    ``as_written`` says that numbers stay as they are written, and ``is_new`` that the dialect is that of
    another table, see `CsvSource`. Raises DataError.
    """
    is_parquet = [path.suffix.lower() == ".parquet" for path in paths]
    if all(is_parquet):
        return ParquetSource(paths)
    if any(is_parquet):
        other = paths[is_parquet.index(False)]
        raise DataError(f"{other}: is no Parquet file like {paths[is_parquet.index(True)]}")
    return CsvSource(paths, dialect, as_written=as_written, is_new=is_new)


def _size(path: Path) -> int:
    with opened(path, DataError) as file:
        if file.read(2) != b"\x1f\x8b":
            return file.seek(0, io.SEEK_END)
        packed = file.seek(0, io.SEEK_END)
        file.seek(max(0, packed - 4))
        return max(packed, int.from_bytes(file.read(4), "little"))  # gzip ends with the size of the text


def read_csv(
    path: Path | Sequence[Path],
    *,
    target: str | Sequence[str],
    features: Sequence[str] | None,
    dialect: Dialect,
    classification: bool | None,
    read_as: Mapping[str, ReadAs] | None = None,
    missing: Missing = "fill",
    roles: Roles | None = None,
    parts: Sequence[str] = (),
    matrix: MakeMatrix = Matrix,
) -> Dataset:
    """Read a table with a header row, from a file, the files that match a pattern, or several files.

    ``features`` None means every column but the target that tells anything. If the header does not hold the
    delimiter, another one is looked for. ``classification`` None: the target tells if it is a class.
    Several targets are numbers. ``read_as`` says what single columns hold. Missing cells are kept as NaN
    (fill), their rows left out (drop), or refused (error). ``roles`` names the columns that are no features,
    but say something of the rows, and ``parts`` the split of each file. ``matrix`` makes what the numbers are
    kept in. Raises DataError.
    """
    paths = matching_files(path, DataError)
    source = open_source(paths, dialect)
    with within_memory(source.where, DataError):
        dataset = assemble(
            source,
            target=target,
            features=features,
            classification=classification,
            read_as=read_as or {},
            missing=missing,
            roles=roles or {},
            parts=parts,
            date_order=dialect.dates,
            matrix=matrix,
        )
    return replace(dataset, notes=(*_note_encoding(paths, dialect), *dataset.notes))


def read_known(
    path: Path,
    wanted: Wanted,
    *,
    target: str | Sequence[str] | None = None,
    classification: bool = False,
    roles: Roles | None = None,
) -> Known:
    """Read the columns that a network was trained on, and a target if it is named; raises DataError.

    Of the columns that ``roles`` names, those are read that the file has.
    """
    paths = matching_files(path, DataError)
    source = open_source(paths, wanted.dialect, is_new=True)
    known = assemble_known(source, wanted, target=target, classification=classification, roles=roles or {})
    return known._replace(notes=(*_note_recoded(source, wanted), *known.notes))


def known_in_pieces(
    path: Path,
    wanted: Wanted,
    rows: int,
    keep: Sequence[str] | None = (),
    *,
    target: str | Sequence[str] | None = None,
    classification: bool = False,
    roles: Roles | None = None,
) -> Iterator[tuple[Known, Cells]]:
    """Yield what `read_known` returns of at least so many rows at a time; a piece may have no row left.

    With them come the cells of the columns to ``keep`` as they are written; None: of all. The notes of the
    first piece say how the table is read, and none tells of rows without a target. Raises DataError.
    """
    paths = matching_files(path, DataError)
    source = open_source(paths, wanted.dialect, is_new=True)
    pieces = in_pieces(source, rows)
    written: Iterator[Piece | None] = repeat(None)
    if keep is None or keep:  # the same blocks, since blocks are cut by the bytes of the text
        written = in_pieces(open_source(paths, wanted.dialect, as_written=True, is_new=True), rows)
    notes = _note_recoded(source, wanted)
    for piece, as_written in zip(pieces, written, strict=False):
        known = assemble_known(
            piece,
            wanted,
            target=target,
            classification=classification,
            roles=roles or {},
            is_piece=True,
        )
        yield known._replace(notes=notes), [] if as_written is None else read_cells(as_written, keep)
        notes = ()


def _note_recoded(source: Source, wanted: Wanted) -> tuple[str, ...]:
    if not isinstance(source, CsvSource) or not source.recoded:
        return ()
    return (
        f"{source.recoded[0].name} is UTF-8, and is read as such; the table of the training was in "
        f"{wanted.dialect.encoding}.",
    )


def _note_encoding(paths: Sequence[Path], dialect: Dialect) -> list[str]:
    """Return a note on the first of some files that is probably in another encoding than the dialect's."""
    texts = [path for path in paths if path.suffix.lower() != ".parquet"]
    return next(filter(None, (note_encoding(path, dialect.encoding) for path in texts)), [])
