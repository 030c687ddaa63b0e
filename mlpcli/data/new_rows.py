"""Reads new rows for a trained network from any file that holds a table: one entry for each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mlpcli.data.arrays.features import rows_of_numbers
from mlpcli.data.arrays.files import (
    is_in_rows,
    labelled_npz,
    labelled_npz_in_pieces,
    npz_in_pieces,
    rows_of_npy,
    rows_of_npz,
    size_of_rows,
)
from mlpcli.data.dataset import Features, Labelled, TableSize
from mlpcli.data.kinds import Wanted
from mlpcli.data.labels import Labels, recognize
from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.data.large.source import require_finite
from mlpcli.data.rows import Roles
from mlpcli.data.table.assemble import Known
from mlpcli.data.table.delimited import known_in_pieces, open_source, read_known, size_of_known
from mlpcli.data.table.passes import Cells, read_cells
from mlpcli.errors import DataError
from mlpcli.reading import matching_files, within_memory

__all__ = [
    "FORMATS",
    "Format",
    "Rows",
    "labelled_in_pieces",
    "measure_rows",
    "read_labelled",
    "read_rows",
    "read_texts",
    "rows_in_pieces",
]


class Rows(NamedTuple):
    """Rows X (n, columns), ``notes`` on how the file was read, and columns of it as they are written."""

    X: Features
    notes: Sequence[str]
    cells: Cells


@dataclass(frozen=True)
class Format:
    """How a kind of file is read.

    ``rows(wanted, path)`` returns X (n, columns), and notes on how the file was read. ``labelled(wanted,
    path, target, classes, roles)`` returns X, y, and what ``roles`` say of the rows; y are indices into
    ``classes``, or values where these are None. ``cells(wanted, path, names)`` returns columns as they are
    written. A kind of file that has no labels has no ``labelled``, and one whose columns have no names has no
    ``cells``. ``size(wanted, path)`` estimates what reading the rows takes; where there is none, that is not
    known before. ``pieces(wanted, path, rows, names)`` yields what ``rows`` and ``cells`` return of some rows
    at a time, at least so many, and ``labelled_pieces(wanted, path, rows, target, classes, roles)`` what
    ``labelled`` does; where there is none, all are read at once. They return None for a file of which no
    piece can be read by itself.
    """

    rows: Callable[[Wanted, Path], tuple[Features, Sequence[str]]]
    labelled: Callable[[Wanted, Path, str | Sequence[str], Sequence[str] | None, Roles], Labelled] | None = (
        None
    )
    cells: Callable[[Wanted, Path, Sequence[str] | None], Cells] | None = None
    size: Callable[[Wanted, Path], TableSize] | None = None
    pieces: Callable[[Wanted, Path, int, Sequence[str] | None], Iterator[Rows] | None] | None = None
    labelled_pieces: (
        Callable[
            [Wanted, Path, int, str | Sequence[str], Sequence[str] | None, Roles], Iterator[Labelled] | None
        ]
        | None
    ) = None


def _csv_rows(wanted: Wanted, path: Path) -> tuple[Features, Sequence[str]]:
    table = read_known(path, wanted)
    return table.X, table.notes


def _csv_labelled(
    wanted: Wanted, path: Path, target: str | Sequence[str], classes: Sequence[str] | None, roles: Roles
) -> Labelled:
    return _labelled(
        read_known(path, wanted, target=target, classification=classes is not None, roles=roles), classes
    )


def _labelled(table: Known, classes: Sequence[str] | None) -> Labelled:
    assert table.y is not None
    y = recognize(table.y, classes or ()) if isinstance(table.y, Labels) else table.y
    return Labelled(table.X, y, table.about, table.notes, table.read)


def _npz_rows(wanted: Wanted, path: Path) -> tuple[Features, Sequence[str]]:
    return rows_of_npz(path, len(wanted.columns), precise=wanted.precise), ()


def _npz_labelled(
    wanted: Wanted, path: Path, _: str | Sequence[str], classes: Sequence[str] | None, roles: Roles
) -> Labelled:
    width = len(wanted.columns)
    return labelled_npz(path, width, classes, roles, precise=wanted.precise, missing=wanted.missing)


def _npy_rows(wanted: Wanted, path: Path) -> tuple[Features, Sequence[str]]:
    return rows_of_npy(path, len(wanted.columns), precise=wanted.precise), ()


def _csv_pieces(wanted: Wanted, path: Path, rows: int, names: Sequence[str] | None) -> Iterator[Rows]:
    for known, cells in known_in_pieces(path, wanted, rows, names):
        yield Rows(known.X, known.notes, cells)


def _csv_labelled_pieces(
    wanted: Wanted,
    path: Path,
    rows: int,
    target: str | Sequence[str],
    classes: Sequence[str] | None,
    roles: Roles,
) -> Iterator[Labelled]:
    is_class = classes is not None
    for known, _ in known_in_pieces(path, wanted, rows, target=target, classification=is_class, roles=roles):
        yield _labelled(known, classes)


def _npy_pieces(wanted: Wanted, path: Path, rows: int, _: Sequence[str] | None) -> Iterator[Rows]:
    file = NpyRows(path)
    for start in range(0, len(file), rows):
        piece = file.read(start, min(start + rows, len(file)))
        require_finite(str(path), piece, start, "fill")
        yield Rows(rows_of_numbers(str(path), piece, len(wanted.columns), precise=wanted.precise), (), [])


def _npz_pieces(wanted: Wanted, path: Path, rows: int, _: Sequence[str] | None) -> Iterator[Rows] | None:
    if not is_in_rows(path):
        return None
    pieces = npz_in_pieces(path, len(wanted.columns), rows, precise=wanted.precise)
    return (Rows(X, (), []) for X in pieces)


def _npz_labelled_pieces(
    wanted: Wanted,
    path: Path,
    rows: int,
    _: str | Sequence[str],
    classes: Sequence[str] | None,
    roles: Roles,
) -> Iterator[Labelled] | None:
    if not is_in_rows(path):
        return None
    return labelled_npz_in_pieces(
        path,
        len(wanted.columns),
        rows,
        classes,
        roles,
        precise=wanted.precise,
        missing=wanted.missing,
    )


def _csv_cells(wanted: Wanted, path: Path, names: Sequence[str] | None) -> Cells:
    source = open_source(matching_files(path, DataError), wanted.dialect, as_written=True, is_new=True)
    return read_cells(source, names)


def _csv_size(wanted: Wanted, path: Path) -> TableSize:
    return size_of_known(path, wanted)


def _array_size(_: Wanted, path: Path) -> TableSize:
    return size_of_rows(path)


_CSV = Format(_csv_rows, _csv_labelled, _csv_cells, _csv_size, _csv_pieces, _csv_labelled_pieces)
FORMATS = {
    ".csv": _CSV,
    ".tsv": _CSV,
    ".txt": _CSV,
    ".npz": Format(
        _npz_rows,
        _npz_labelled,
        size=_array_size,
        pieces=_npz_pieces,
        labelled_pieces=_npz_labelled_pieces,
    ),
    ".npy": Format(_npy_rows, size=_array_size, pieces=_npy_pieces),
    ".parquet": _CSV,
}


def measure_rows(wanted: Wanted, path: Path) -> TableSize | None:
    """Estimate what reading the rows of a file takes; None where that is not known. Raises DataError."""
    size = _format(path).size
    return None if size is None else size(wanted, path)


def read_rows(wanted: Wanted, path: Path) -> tuple[Features, Sequence[str]]:
    """Read rows (n, columns): .csv by column name, .npy (n, d) or (d,), or the array ``X`` of an .npz.

    Notes on how the file was read come with them. Raises DataError.
    """
    with within_memory(str(path), DataError):
        return _format(path).rows(wanted, path)


def rows_in_pieces(
    wanted: Wanted, path: Path, rows: int, names: Sequence[str] | None = ()
) -> Iterator[Rows] | None:
    """Return the rows of a file, at least so many at a time, with columns of it as they are written.

    ``names`` are these columns, None: all. Return None for a file that is read at once, since its kind cannot
    be cut into pieces. Raises DataError.
    """
    pieces = _format(path).pieces
    if pieces is None:
        return None
    if names is None or names:
        _require_cells(path)
    return pieces(wanted, path, rows, names)


def labelled_in_pieces(
    wanted: Wanted,
    path: Path,
    rows: int,
    *,
    target: str | Sequence[str],
    classes: Sequence[str] | None,
    roles: Roles,
) -> Iterator[Labelled] | None:
    """Return what `read_labelled` does, at least so many rows at a time; a piece may have no row left.

    Return None for a file that is read at once, as `rows_in_pieces` does. Raises DataError.
    """
    pieces = _format(path).labelled_pieces
    return None if pieces is None else pieces(wanted, path, rows, target, classes, roles)


def _require_cells(path: Path) -> Callable[[Wanted, Path, Sequence[str] | None], Cells]:
    cells = _format(path).cells
    if cells is None:
        raise DataError(
            f"{path}: an {path.suffix.lower()} file has no columns with names to carry along; save it as .csv"
        )
    return cells


def read_labelled(
    wanted: Wanted,
    path: Path,
    *,
    target: str | Sequence[str],
    classes: Sequence[str] | None,
    roles: Roles | None = None,
) -> Labelled:
    """Read rows (n, columns), their targets and what is known of them from .csv or .npz.

    Targets are indices into ``classes``, or values where these are None. Of the columns that ``roles`` names,
    those are read that the file has. Raises DataError.
    """
    labelled = _format(path).labelled
    if labelled is None:
        suffix = path.suffix.lower()
        raise DataError(f"{path}: an {suffix} file has no labels; save an .npz with X and y, or a .csv")
    with within_memory(str(path), DataError):
        return labelled(wanted, path, target, classes, roles or {})


def read_texts(wanted: Wanted, path: Path, names: Sequence[str] | None) -> Cells:
    """Return columns of a .csv as they are written, in the order of ``names``; None: all of them.

    Raises DataError.
    """
    cells = _require_cells(path)
    with within_memory(str(path), DataError):
        return cells(wanted, path, names)


def _format(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        suffix = Path(path.stem).suffix.lower() or suffix
    if suffix in FORMATS:
        return FORMATS[suffix]
    *others, last = FORMATS
    raise DataError(
        f"{path}: has {f'the ending {suffix}' if suffix else 'no ending'}; "
        f"{', '.join(others)} and {last} can be read"
    )
