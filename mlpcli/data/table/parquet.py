"""Parquet files as sources of tables; they are read by pyarrow, which is imported here alone."""

from __future__ import annotations

import importlib
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.table.faults import Faults
from mlpcli.data.table.frames import FrameRows, FrameSource
from mlpcli.errors import DataError
from mlpcli.reading import opened, reason
from mlpcli.text import install_command, nfc, shortened

__all__ = ["ParquetSource"]

_ROWS = 1 << 13  # of a block
_LONGEST = 131_072  # characters of a cell, as in a CSV file


class ParquetSource:
    """The rows of one or several Parquet files of the same columns; raises DataError."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._first: list[int] = []  # row of each file that has been read
        self.where = self.header = (
            str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
        )
        self.if_missing: str | None = None
        self.notes: list[str] = []
        self.numerals: dict[str, str] = {}
        self.names = self._names(paths[0])
        self.length: int | None = sum(map(_length, paths))
        self.places = {name: i for i, name in enumerate(self.names)}

    @property
    def dates(self) -> list[str]:
        """The names of the columns of dates and times."""
        with _opened(self._paths[0]) as file:
            kinds = [str(field.type) for field in file.schema_arrow]
        return [
            name
            for name, kind in zip(self.names, kinds, strict=True)
            if kind.startswith(("timestamp", "date"))
        ]

    def place(self, line: int) -> str:
        """Return the number of a row in words."""
        return f"{self.where}: row {line} (from 0)"

    def file(self, line: int) -> int:
        """Return the place of the file that has a row; the files before it have been read."""
        return bisect_right(self._first, line) - 1

    def blocks(self, faults: Faults) -> Iterator[FrameRows]:
        """Yield the rows of all files."""
        first = 0
        self._first = []
        for path in self._paths:
            self._first.append(first)
            if self._names(path) != self.names:
                raise DataError(f"{path}: its columns are not those of {self._paths[0]}")
            for batch in self._read(path):
                yield from FrameSource(_Batch(batch, self.where), self.where, first).blocks(faults)
                first += batch.num_rows

    def _names(self, path: Path) -> list[str]:
        with _opened(path) as file:
            return [nfc(name) for name in file.schema_arrow.names]

    def _read(self, path: Path) -> Iterator[Any]:
        with _opened(path) as file:
            texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        with _opened(path, read_dictionary=texts) as file:  # a text that many rows share is kept once
            batches = file.iter_batches(_ROWS)
            while True:
                try:
                    batch = next(batches, None)
                except Exception as problem:
                    raise DataError(f"{path}: is a damaged Parquet file ({reason(problem)})") from None
                if batch is None:
                    return
                yield batch


def _is_text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string", "binary", "large_binary")


class _Batch:
    """Rows of a Parquet file, as a data frame shows them."""

    def __init__(self, batch: Any, where: str) -> None:
        self._batch, self._where = batch, where
        self.columns = [nfc(name) for name in batch.schema.names]

    def __getitem__(self, name: str) -> _Cells:
        place = self.columns.index(name)
        return _Cells(self._batch.column(place), f"{self._where}: column {shortened(name)}")

    def __len__(self) -> int:
        return int(self._batch.num_rows)


class _Cells:
    """One column of a batch, which becomes an array once it is asked for."""

    def __init__(self, column: Any, where: str) -> None:
        self._column, self._where = column, where

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        column, kind = self._column, str(self._column.type)
        if column.type.num_fields and not hasattr(column, "dictionary"):
            raise DataError(
                f"{self._where} holds {shortened(kind)}, several values in a cell; write each in a column of "
                "its own, or leave it out: `drop` in `data.columns`"
            )
        try:
            if not hasattr(column, "dictionary"):
                return np.asarray(column.to_numpy(zero_copy_only=False))
            values = [_text(value) for value in column.dictionary.to_pylist()]
            codes = column.indices.to_numpy(zero_copy_only=False)
        except UnicodeDecodeError:
            raise DataError(f"{self._where} holds bytes that are no text in UTF-8") from None
        except Exception as problem:
            raise DataError(f"{self._where} is damaged ({reason(problem)})") from None
        if any(isinstance(value, str) and len(value) > _LONGEST for value in values):
            raise DataError(f"{self._where} has a cell of more than {_LONGEST:,} characters")
        cells = np.full(len(codes), None, object)
        present = ~np.isnan(codes.astype(np.float64))
        cells[present] = np.array([*values, None], object)[codes[present].astype(np.intp)]
        return cells


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _length(path: Path) -> int:
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def _opened(path: Path, **settings: Any) -> Any:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise DataError(
            f"{path}: Parquet files are read by pyarrow, which is not installed: "
            + install_command("mlpcli[parquet]")
        ) from None
    with opened(path, DataError):
        pass
    try:
        return parquet.ParquetFile(path, **settings)
    except Exception as problem:
        raise DataError(f"{path}: is not a Parquet file, or a damaged one ({reason(problem)})") from None
