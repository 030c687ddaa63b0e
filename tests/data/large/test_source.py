"""One pass finds out what reading everything would, and rows come back as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data.large.source import LargeData, Part, most_sampled
from mlpcli.errors import DataError

Opened = Callable[..., LargeData]
RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (101, 4)).astype(np.float32)
X[:, 0] = np.arange(101)  # tells the rows apart
Y = RNG.choice([0, 1, 2], 101)
WEIGHTS = RNG.integers(0, 3, 101).astype(np.float64)


def rows_of(data: LargeData, part: str) -> NDArray[np.intp]:
    """Return the numbers of the rows of a split, in the order in which they are read."""
    splits = list(Part(data, part).chunks())
    return np.concatenate([split.X[split.rows, 0] for split in splits]).astype(np.intp)


def test_the_splits_are_disjoint_and_their_rows_come_with_their_targets(opened: Opened) -> None:
    data = opened(X, Y, WEIGHTS)
    every = []
    for part, size in (("train", 50), ("val", 20), ("test", 20)):
        own = Part(data, part)
        assert len(own) == size
        rows = rows_of(data, part)
        every += rows.tolist()
        y = np.concatenate([split.y for split in own.chunks()])
        weights = np.concatenate([split.weights for split in own.chunks() if split.weights is not None])
        assert np.array_equal(y, Y[rows])
        np.testing.assert_allclose(weights, WEIGHTS[rows] / WEIGHTS[rows_of(data, "train")].mean())
        assert all(data.part_of(row) == part for row in rows.tolist())
    assert len(set(every)) == len(every) == 90


def test_the_pass_measures_the_training_split(opened: Opened) -> None:
    data = opened(X, Y, WEIGHTS)
    rows = rows_of(data, "train")
    own = WEIGHTS[rows]
    np.testing.assert_allclose(data.found.columns.means, np.average(X[rows], axis=0, weights=own), rtol=1e-6)
    np.testing.assert_allclose(data.class_counts, np.bincount(Y[rows], own / own.mean(), 3))
    assert opened(X, Y).class_counts == np.bincount(Y[rows]).tolist()


def test_the_first_rows_alone(opened: Opened) -> None:
    data = opened(X, Y)
    every = rows_of(data, "train")
    for most in (1, 7, 8, 49, 50, 99):
        splits = list(Part(data, "train").chunks(most))
        assert sum(map(len, splits)) == min(most, 50)
        first = np.concatenate([split.X[split.rows, 0] for split in splits])
        assert first.tolist() == every[:most].tolist()


def test_the_checksum_is_that_of_the_files_however_they_are_divided(opened: Opened) -> None:
    one, other = opened(X, Y, seed=0).found.checksum, opened(X, Y, seed=1).found.checksum
    assert one == other
    changed = X.copy()
    changed[3, 3] += 1
    sums = {one, opened(changed, Y).found.checksum, opened(X, Y, WEIGHTS).found.checksum}
    assert len(sums | {opened(X, 2 - Y).found.checksum}) == 4


def test_the_sample_is_of_the_rows_of_each_split(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlpcli.data.large.source._SAMPLED_ROWS", 10)
    data = opened(X, Y)
    for part, chunk in data.found.sample.items():
        rows = chunk.X[:, 0].astype(np.intp)
        assert len(rows) == len(set(rows.tolist())) == 10
        assert set(rows.tolist()) <= set(rows_of(data, part).tolist())
        assert np.array_equal(chunk.y, Y[rows])
    assert most_sampled(4) == 10
    assert most_sampled(1 << 22) == 1


def test_rows_without_a_target_and_incomplete_ones_are_left_out(opened: Opened) -> None:
    y = Y.astype(np.float64)
    y[::10] = np.nan
    gaps = X.copy()
    gaps[5::10, 2] = np.nan
    data = opened(gaps, y)
    every = {part: rows_of(data, part) for part in ("train", "val", "test")}
    assert not any((rows % 10 == 0).any() for rows in every.values())
    assert data.found.left_out == 11
    assert data.found.columns.missing[2] == np.count_nonzero(every["train"] % 10 == 5)
    fewer = opened(gaps, y, missing="drop")
    assert not any((rows_of(fewer, part) % 5 == 0).any() for part in every)
    assert fewer.notes[1] == "21 of 101 rows without a target or with missing cells are left out."


@pytest.mark.parametrize(
    ("cell", "missing", "said"),
    [
        (np.inf, "fill", r"row 66, column 2 \(from 0\) is inf\. Numbers are kept in 32 bits"),
        (np.nan, "error", r"row 66, column 2 \(from 0\) is nan\. Fill in"),
    ],
)
def test_a_cell_that_cannot_be_learned_from_is_named(
    opened: Opened, cell: float, missing: str, said: str
) -> None:
    wrong = X.copy()
    wrong[66, 2] = cell
    with pytest.raises(DataError, match=said):
        opened(wrong, Y, missing=missing)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.where(np.arange(101) == 50, -1.0, 1.0), r"row 50 \(from 0\) is -1; weights are finite"),
        (np.zeros(101), r"all \d+ examples of the \w+ split have the weight 0"),
    ],
)
def test_weights_that_are_none_are_refused(opened: Opened, weights: NDArray[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        opened(X, Y, weights)


def test_a_split_of_which_no_row_is_left_is_refused(opened: Opened) -> None:
    with pytest.raises(DataError, match="no row of the val split is left"):
        opened(np.where(X[:, :1] < 101, np.nan, X), Y, missing="drop", counts={"val": 20, "train": 81})
