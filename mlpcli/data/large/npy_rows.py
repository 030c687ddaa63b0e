"""Reads ranges of rows of an .npy file; the rest of the file takes no memory and no address space."""

from __future__ import annotations

import math
import os
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.errors import DataError
from mlpcli.npz import npy_layout, require_sound
from mlpcli.reading import open_file, reason, within_memory

__all__ = ["NpyRows"]


class NpyRows:
    """An array (n, ...) in an .npy file, flattened to rows (n, width); several threads may read it.

    The file stays open, so that it may be renamed or replaced meanwhile. Raises DataError if the file is no
    such array, or if its rows do not lie one behind the other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        layout = npy_layout(path, DataError)
        if layout.fortran_order and len(layout.shape) > 1 and min(layout.shape) > 1:
            raise DataError(
                f"{path}: is stored column by column (Fortran order), so that no row can be read by itself; "
                "save it with np.save(path, np.ascontiguousarray(X))"
            )
        self.shape, self._stored, self._offset = layout.shape, layout.dtype, layout.offset
        self.dtype: np.dtype[Any] = layout.dtype.newbyteorder("=")
        self.width = math.prod(self.shape[1:])
        self.row_bytes: int = self.width * self.dtype.itemsize
        with open_file(path, DataError) as file:
            self._file = os.dup(file.fileno())
        self._close = weakref.finalize(self, os.close, self._file)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def nbytes(self) -> int:
        """The bytes of the whole array."""
        return len(self) * self.row_bytes

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows from ``start`` to before ``stop`` (stop - start, width), in native byte order.

        Raises DataError if they cannot be read.
        """
        with within_memory(str(self.path), DataError):
            rows = np.empty((stop - start, self.width), self._stored)
            self._fill(rows.reshape(-1).view(np.uint8).data, self._offset + start * self.row_bytes)
            if not self._stored.isnative:
                rows = rows.astype(self.dtype)
        require_sound(rows, str(self.path), DataError)
        return rows

    def _fill(self, into: memoryview, place: int) -> None:
        """Read as many bytes as there is room for, from this place of the file on."""
        done = 0
        while done < len(into):
            try:
                got = self._read(into[done:], place + done)
            except OSError as problem:
                raise DataError(f"{self.path}: cannot be read ({reason(problem)})") from None
            if not got:
                raise DataError(
                    f"{self.path}: ends {len(into) - done:,} bytes too early; it has become shorter since it "
                    "was opened"
                )
            done += got

    def _read(self, into: memoryview, place: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file, [into], place)
        with self._lock:  # systems that read at the one place where the file stands
            os.lseek(self._file, place, os.SEEK_SET)
            data = os.read(self._file, len(into))
        into[: len(data)] = data
        return len(data)
