"""A matrix of numbers that grows row by row, in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

__all__ = ["FileMatrix"]

_STEP = 1 << 20  # numbers that are moved at a time


class FileMatrix:
    """Rows of ``width`` numbers as `mlpcli.data.table.matrix.Matrix` keeps them, but in the folder ``place``.

    ``told`` is called with the number of rows so far. Methods raise OSError where the disk is full.
    """

    def __init__(
        self,
        width: int,
        dtype: type[np.float32] | type[np.float64],
        place: Path,
        told: Callable[[int], object],
    ) -> None:
        self.width, self.dtype = width, dtype
        self._place, self._told, self._rows = place, told, 0
        self._file = place / "rows.tmp"
        self._file.write_bytes(b"")

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: NDArray[np.float64]) -> None:
        """Append rows (n, width)."""
        with self._file.open("ab") as stream:
            stream.write(rows.astype(self.dtype, order="C").tobytes())
        self._rows += len(rows)
        self._told(self._rows)

    def widen(self) -> None:
        """Keep all numbers as float64 from now on."""
        if self.dtype is np.float64:
            return
        wide = self._file.with_name("wide.tmp")
        with wide.open("wb") as stream:
            for part in self._parts():
                stream.write(part.astype(np.float64).tobytes())
        wide.replace(self._file)
        self.dtype = np.float64

    def take(
        self,
        places: Sequence[int],
        ranks: Mapping[int, NDArray[np.float64]],
        rows: NDArray[np.bool_] | None,
        *,
        complete: bool = False,
        narrow: bool = False,
    ) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Write the columns at ``places`` to X.npy and return them, and which rows were kept.

        The arguments are those of `Matrix.take`. What is returned is mapped into memory, and the matrix
        itself is used up.
        """
        dtype = np.dtype(np.float32 if narrow else self.dtype)
        kept = np.ones(self._rows, bool) if rows is None else rows.copy()
        recoded = [(i, ranks[place]) for i, place in enumerate(places) if place in ranks]
        target = self._place / "X.npy"
        start = 0
        with target.open("wb") as stream:
            _write_header(stream, dtype, 0, len(places))
            begins = stream.tell()
            for whole in self._parts():
                part = whole[:, places]
                for i, rank in recoded:
                    part[:, i] = rank[part[:, i].astype(np.intp)]
                here = kept[start : start + len(part)]
                if complete:
                    here &= ~np.isnan(part).any(axis=1)
                stream.write(part[here].astype(dtype, order="C").tobytes())
                start += len(part)
            stream.seek(0)
            _write_header(stream, dtype, int(np.count_nonzero(kept)), len(places))
            assert stream.tell() == begins  # NumPy leaves room for a shape that grows
        self._file.unlink()
        if not kept.any():
            return np.empty((0, len(places)), dtype), kept
        return np.load(target, mmap_mode="r"), None if kept.all() else kept

    def _parts(self) -> Iterator[NDArray[Any]]:
        """Yield all rows, some at a time."""
        step = max(1, _STEP // self.width)
        with self._file.open("rb") as stream:
            for start in range(0, self._rows, step):
                n = min(step, self._rows - start)
                yield np.fromfile(stream, self.dtype, n * self.width).reshape(n, self.width)


def _write_header(stream: Any, dtype: np.dtype[Any], n: int, width: int) -> None:
    """Write the header of an array (n, width)."""
    npy.write_array_header_1_0(
        stream, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (n, width)}
    )
