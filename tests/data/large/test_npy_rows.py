"""Rows of an .npy file are read where they lie, and a file that has no rows is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.errors import DataError


@pytest.mark.parametrize("dtype", ["f4", ">f8", "u1", "i2", "?", "U3"])
def test_any_range_of_rows_is_read_as_numpy_reads_it(tmp_path: Path, dtype: str) -> None:
    X = np.arange(60).reshape(10, 3, 2).astype(dtype)
    np.save(tmp_path / "X.npy", X)
    rows = NpyRows(tmp_path / "X.npy")
    assert (len(rows), rows.width, rows.nbytes) == (10, 6, X.nbytes)
    for start, stop in ((0, 10), (3, 4), (7, 10), (5, 5)):
        read = rows.read(start, stop)
        assert read.dtype.isnative
        assert read.tolist() == X.reshape(10, 6)[start:stop].tolist()


def test_a_file_that_is_replaced_is_read_as_it_was(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.zeros((4, 2)))
    rows = NpyRows(tmp_path / "X.npy")
    np.save(tmp_path / "new.npy", np.ones((4, 2)))
    (tmp_path / "new.npy").replace(tmp_path / "X.npy")
    assert not rows.read(0, 4).any()


def test_a_file_that_has_become_shorter_is_no_end_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "X.npy"
    np.save(path, np.zeros((4, 2)))
    rows = NpyRows(path)
    os.truncate(path, path.stat().st_size - 8)
    assert rows.read(0, 3).shape == (3, 2)
    with pytest.raises(DataError, match="ends 8 bytes too early; it has become shorter"):
        rows.read(2, 4)


def test_columns_one_behind_the_other_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.asfortranarray(np.ones((4, 2))))
    with pytest.raises(DataError, match=r"Fortran order.*np.ascontiguousarray"):
        NpyRows(tmp_path / "X.npy")


def test_bytes_that_are_no_booleans_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "X.npy"
    np.save(path, np.ones((4, 2), bool))
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(DataError, match="booleans other than 0 and 1"):
        NpyRows(path).read(0, 4)
