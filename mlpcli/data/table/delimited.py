"""Reads tables from CSV and Parquet files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlpcli.data.dataset import Dataset, TableSize
from mlpcli.data.kinds import Missing, ReadAs, Wanted
from mlpcli.data.rows import Roles
from mlpcli.data.table.assemble import Known, assemble, assemble_known
from mlpcli.data.table.blocks import CsvSource
from mlpcli.data.table.choice import chosen_columns
from mlpcli.data.table.dialect import Dialect
from mlpcli.data.table.parquet import ParquetSource
from mlpcli.data.table.source import Source
from mlpcli.errors import DataError
from mlpcli.reading import matching_files, opened, within_memory

__all__ = ["measure_csv", "open_source", "read_csv", "read_known"]

_BLOCK = 4 << 20  # bytes that a block takes while it is converted
_PACKED = 4  # times that a table becomes smaller by gzip, about


def measure_csv(
    path: Path | Sequence[Path],
    *,
    target: str | Sequence[str],
    features: Sequence[str] | None,
    dialect: Dialect,
    classification: bool,
    read_as: Mapping[str, ReadAs] | None = None,
    roles: Roles | None = None,
) -> TableSize:
    """Estimate the size of a table from its header row and the sizes of its files; raises DataError.

    A cell has about four characters, and is kept in four bytes. The cells of the block that is converted are
    strings.
    """
    paths = matching_files(path, DataError)
    source = open_source(paths, dialect, as_written=True)  # which reads no rows
    size = sum(map(_size, paths))
    inputs = len(chosen_columns(source, features, target, read_as or {}, "fill", roles or {})[0])
    kept, block = size * (inputs + 1) // len(source.names), min(32 * size, _BLOCK)
    several = 1 if isinstance(target, str) else len(target)
    outputs, rows = None if classification else several, size // (4 * len(source.names))
    return TableSize(kept + block, None, inputs, outputs, 4, rows, block)


def open_source(paths: list[Path], dialect: Dialect, *, as_written: bool = False) -> Source:
    """Return the table in CSV files, or in Parquet files by their ending.

    ``as_written`` says that numbers stay as they are written, see `CsvSource`. Raises DataError.
    """
    is_parquet = [path.suffix.lower() == ".parquet" for path in paths]
    if all(is_parquet):
        return ParquetSource(paths)
    if any(is_parquet):
        other = paths[is_parquet.index(False)]
        raise DataError(f"{other}: is no Parquet file like {paths[is_parquet.index(True)]}")
    return CsvSource(paths, dialect, as_written=as_written)


def _size(path: Path) -> int:
    with opened(path, DataError) as file:
        packed = file.read(2) == b"\x1f\x8b"
        return file.seek(0, io.SEEK_END) * (_PACKED if packed else 1)


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
) -> Dataset:
    """Read a table with a header row, from a file, the files that match a pattern, or several files.

    ``features`` None means every column but the target that tells anything. If the header does not hold the
    delimiter, another one is looked for. ``classification`` None: the target tells if it is a class.
    Several targets are numbers. ``read_as`` says what single columns hold. Missing cells are kept as NaN
    (fill), their rows left out (drop), or refused (error). ``roles`` names the columns that are no features,
    but say something of the rows, and ``parts`` the split of each file. Raises DataError.
    """
    source = open_source(matching_files(path, DataError), dialect)
    with within_memory(source.where, DataError):
        return assemble(
            source,
            target=target,
            features=features,
            classification=classification,
            read_as=read_as or {},
            missing=missing,
            roles=roles or {},
            parts=parts,
        )


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
    source = open_source(matching_files(path, DataError), wanted.dialect)
    return assemble_known(source, wanted, target=target, classification=classification, roles=roles or {})
