"""A matrix in a file is the matrix in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.data.large import file_matrix
from mlpcli.data.large.file_matrix import FileMatrix
from mlpcli.data.table.matrix import Matrix

RNG = np.random.default_rng(0)
ROWS = np.where(RNG.random((50, 4)) < 0.05, np.nan, RNG.integers(0, 3, (50, 4)) + RNG.random((50, 4)))
ROWS[:, 3] = RNG.integers(0, 3, 50)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("widened", [None, 0, 2])
@pytest.mark.parametrize("some", [False, True])
def test_it_gives_the_same_rows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    complete: bool,
    narrow: bool,
    widened: int | None,
    some: bool,
) -> None:
    monkeypatch.setattr(file_matrix, "_STEP", 28)
    told: list[int] = []
    matrices = Matrix(4, np.float32), FileMatrix(4, np.float32, tmp_path, told.append)
    for matrix in matrices:
        for number, part in enumerate(np.split(ROWS, 5)):
            if number == widened:
                matrix.widen()
            matrix.append(part)
        assert len(matrix) == 50
    rows = np.arange(50) % 3 > 0 if some else None
    ranks = {3: np.array([2.0, np.nan, 0.0])}
    (X, kept), (Y, also) = (
        matrix.take([3, 0, 2], ranks, rows, complete=complete, narrow=narrow) for matrix in matrices
    )
    np.testing.assert_array_equal(X, Y)
    assert X.dtype == Y.dtype
    assert (kept is None) == (also is None)
    assert kept is None or kept.tolist() == also.tolist()  # type: ignore[union-attr]
    np.testing.assert_array_equal(np.load(tmp_path / "X.npy"), Y)
    assert told == [10, 20, 30, 40, 50]
    assert [file.name for file in tmp_path.iterdir()] == ["X.npy"]


def test_of_no_row_nothing_is_left(tmp_path: Path) -> None:
    matrix = FileMatrix(4, np.float32, tmp_path, lambda _: None)
    matrix.append(ROWS)
    X, kept = matrix.take([0, 1], {}, np.zeros(50, bool))
    assert X.shape == (0, 2)
    assert kept is not None
    assert not kept.any()
