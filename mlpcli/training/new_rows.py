"""Reads rows of files for a trained network: what is read of them, and whether the memory suffices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlpcli.build.readers import dialect_of
from mlpcli.data.dataset import Features, TableSize
from mlpcli.data.kinds import Missing, Wanted
from mlpcli.data.new_rows import measure_rows, read_rows, read_texts
from mlpcli.data.npy import LARGE
from mlpcli.data.table.passes import Cells
from mlpcli.specs import NetworkSpec
from mlpcli.training.checkpoints import Checkpoint
from mlpcli.training.memory import require_room_for_rows

__all__ = [
    "read_columns",
    "read_new_rows",
    "require_room",
    "require_room_for_pieces",
    "rows_of_piece",
    "size_of_large",
    "specs_of",
    "wanted_of",
]

_PIECE = 1 << 22  # numbers of a large file that are read at once
_OF_NUMBER = 12  # bytes of each, while they are read
_OF_OUTPUT = 28  # numbers that take as much as an output that is written as text


def wanted_of(checkpoint: Checkpoint) -> Wanted:
    """Return what is read of a file with rows for the network."""
    dialect = dialect_of(checkpoint.experiment.data)
    wide = any(member.transform.needs_float64 for member in checkpoint.members)
    missing: Missing = getattr(checkpoint.experiment.data, "missing", "fill")
    return Wanted(checkpoint.columns, checkpoint.kinds, dialect, wide, missing)


def read_new_rows(checkpoint: Checkpoint, file: Path) -> tuple[Features, Sequence[str]]:
    """Return the rows X (n, columns) of a .csv, .npy or .npz file, and notes on how it was read.

    Raises DataError; ConfigError if the memory will not suffice.
    """
    wanted = wanted_of(checkpoint)
    require_room(checkpoint, wanted, file, written=True)
    return read_rows(wanted, file)


def read_columns(checkpoint: Checkpoint, file: Path, names: Sequence[str] | None) -> Cells:
    """Return columns of a .csv as they are written; None: all of them. Raises DataError."""
    return read_texts(wanted_of(checkpoint), file, names)


def size_of_large(wanted: Wanted, file: Path) -> TableSize | None:
    """Return the size of a file whose rows would take more than `LARGE` bytes; None for a smaller one."""
    size = measure_rows(wanted, file)
    return size if size is not None and size.bytes > LARGE else None


def rows_of_piece(checkpoint: Checkpoint) -> int:
    """Return how many rows of a large file are read at once."""
    outputs = len(checkpoint.classes or checkpoint.target_names)
    return max(1, _PIECE // (len(checkpoint.columns) + _OF_OUTPUT * outputs))


def require_room(checkpoint: Checkpoint, wanted: Wanted, file: Path, *, written: bool) -> None:
    """Raise ConfigError if the memory will not suffice for new rows."""
    size = measure_rows(wanted, file)
    require_room_for_rows(checkpoint.experiment, specs_of(checkpoint), size, file.name, written=written)


def require_room_for_pieces(
    checkpoint: Checkpoint, size: TableSize, file: Path, rows: int, *, written: bool
) -> None:
    """Raise ConfigError if the memory will not suffice for a piece of a file, and predictions of ``rows``."""
    size = size._replace(bytes=_OF_NUMBER * _PIECE, examples=rows, spare=0)
    require_room_for_rows(checkpoint.experiment, specs_of(checkpoint), size, file.name, written=written)


def specs_of(checkpoint: Checkpoint) -> list[NetworkSpec]:
    """Return the networks of a checkpoint as specs."""
    return [member.network.spec for member in checkpoint.members]
