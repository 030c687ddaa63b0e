"""Reads new rows for a trained network from any file that holds a table: one entry for each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from mlpcli.data.arrays import labelled_npz, rows_of_npy, rows_of_npz
from mlpcli.data.dataset import Features
from mlpcli.data.delimited import find_delimiter, read_table
from mlpcli.data.labels import recognize
from mlpcli.errors import DataError
from mlpcli.reading import within_memory

__all__ = ["FORMATS", "Format", "read_labelled", "read_rows"]

Labelled: TypeAlias = tuple[Features, NDArray[Any]]


@dataclass(frozen=True)
class Format:
    """How a kind of file is read, by the columns that a network was trained on.

    ``rows(path, columns, delimiter)`` returns X (n, columns). ``labelled(path, columns, delimiter, target,
    classes)`` returns X and y: indices into ``classes``, or values where these are None. A kind of file that
    has no labels has no ``labelled``. The delimiter and the name of the target are those of the config.
    """

    rows: Callable[[Path, Sequence[str], str], Features]
    labelled: Callable[[Path, Sequence[str], str, str, Sequence[str] | None], Labelled] | None = None


def _csv_rows(path: Path, columns: Sequence[str], delimiter: str) -> Features:
    return read_table(path, find_delimiter(path, delimiter), columns, None, False).X


def _csv_labelled(
    path: Path, columns: Sequence[str], delimiter: str, target: str, classes: Sequence[str] | None
) -> Labelled:
    table = read_table(path, find_delimiter(path, delimiter), columns, target, classes is not None)
    return table.X, table.y if classes is None else recognize(table.labels, classes)


def _npz_rows(path: Path, columns: Sequence[str], _: str) -> Features:
    return rows_of_npz(path, len(columns))


def _npz_labelled(
    path: Path, columns: Sequence[str], _: str, __: str, classes: Sequence[str] | None
) -> Labelled:
    return labelled_npz(path, len(columns), classes)


def _npy_rows(path: Path, columns: Sequence[str], _: str) -> Features:
    return rows_of_npy(path, len(columns))


_CSV = Format(_csv_rows, _csv_labelled)
FORMATS = {
    ".csv": _CSV,
    ".tsv": _CSV,
    ".txt": _CSV,
    ".npz": Format(_npz_rows, _npz_labelled),
    ".npy": Format(_npy_rows),
}


def read_rows(path: Path, *, columns: Sequence[str], delimiter: str) -> Features:
    """Read rows (n, columns): .csv by column name, .npy (n, d) or (d,), or the array ``X`` of an .npz.

    Raises DataError.
    """
    with within_memory(str(path), DataError):
        return _format(path).rows(path, columns, delimiter)


def read_labelled(
    path: Path, *, target: str, columns: Sequence[str], delimiter: str, classes: Sequence[str] | None
) -> Labelled:
    """Read rows (n, columns) and their targets from .csv or .npz.

    Targets are indices into ``classes``, or values where these are None. Raises DataError.
    """
    labelled = _format(path).labelled
    if labelled is None:
        suffix = path.suffix.lower()
        raise DataError(f"{path}: an {suffix} file has no labels; save an .npz with X and y, or a .csv")
    with within_memory(str(path), DataError):
        return labelled(path, columns, delimiter, target, classes)


def _format(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    if suffix == ".gz":
        raise DataError(f"{path}: is a gzip file; unpack it first, as with `gunzip -k`")
    *others, last = FORMATS
    raise DataError(
        f"{path}: has {f'the ending {suffix}' if suffix else 'no ending'}; "
        f"{', '.join(others)} and {last} can be read"
    )
