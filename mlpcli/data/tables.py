"""Reads new rows for a trained network from any file that holds a table: .csv, .npz or .npy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mlpcli.data.arrays import labelled_npz, rows_of_npy, rows_of_npz
from mlpcli.data.dataset import Features
from mlpcli.data.delimited import find_delimiter, read_table
from mlpcli.data.labels import recognize
from mlpcli.errors import DataError
from mlpcli.reading import within_memory

__all__ = ["read_labelled", "read_rows"]


def read_rows(path: Path, *, columns: Sequence[str], delimiter: str) -> Features:
    """Read rows (n, columns): .csv by column name, .npy (n, d) or (d,), or the array ``X`` of an .npz.

    Raises DataError.
    """
    kind = _kind(path)
    with within_memory(str(path), DataError):
        if kind == ".csv":
            return read_table(path, find_delimiter(path, delimiter), columns, None, False).X
        return (rows_of_npz if kind == ".npz" else rows_of_npy)(path, len(columns))


def read_labelled(
    path: Path, *, target: str, columns: Sequence[str], delimiter: str, classes: Sequence[str] | None
) -> tuple[Features, NDArray[Any]]:
    """Read rows (n, columns) and their targets from .csv or .npz.

    Targets are indices into ``classes``, or values where these are None. Raises DataError.
    """
    kind = _kind(path)
    if kind == ".npy":
        raise DataError(f"{path}: an .npy file has no labels; save an .npz with X and y, or a .csv")
    if kind == ".npz":
        return labelled_npz(path, len(columns), classes)
    with within_memory(str(path), DataError):
        table = read_table(path, find_delimiter(path, delimiter), columns, target, classes is not None)
        return table.X, table.y if classes is None else recognize(table.labels, classes)


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt"):
        return ".csv"
    if suffix in (".npy", ".npz"):
        return suffix
    raise DataError(
        f"{path}: has {f'the ending {suffix}' if suffix else 'no ending'}; .csv, .npz and .npy can be read"
    )
