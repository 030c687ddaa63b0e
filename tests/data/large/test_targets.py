"""Targets in blocks are read as those of an .npz are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data.arrays.program import from_arrays
from mlpcli.data.large.npy_rows import NpyRows
from mlpcli.data.large.targets import Targets
from mlpcli.errors import DataError

RNG = np.random.default_rng(0)
KINDS: dict[str, NDArray[Any]] = {
    "whole numbers": RNG.choice([10, 2, -3], 200),
    "floats that are whole": RNG.choice([1.0, 2.0], 200),
    "text": RNG.choice(["b", "a", "ccc"], 200),
    "booleans": RNG.random(200) > 0.5,
    "some missing": np.where(RNG.random(200) < 0.1, np.nan, RNG.choice([1.0, 2.0], 200)),
    "a column": RNG.choice([0, 1], (200, 1)),
    "numbers": RNG.normal(size=200),
    "many whole numbers": np.arange(200),
    "numbers, some missing": np.where(RNG.random(200) < 0.1, np.nan, RNG.normal(size=200)),
    "two numbers": RNG.normal(size=(200, 2)),
}


def targets(
    path: Path, y: NDArray[Any], classification: bool | None = None, missing: Any = "fill"
) -> Targets:
    np.save(path / "y.npy", y)
    return Targets(NpyRows(path / "y.npy"), len(y), classification, missing)


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_classes_or_values_of_the_whole_array(tmp_path: Path, kind: str) -> None:
    whole = from_arrays(np.ones((200, 1)), KINDS[kind], classification=None)
    found = targets(tmp_path, KINDS[kind])
    assert found.classes == whole.classes
    y = np.concatenate([found.read(start, min(start + 30, 200)) for start in range(0, 200, 30)])
    there = found.present(y)
    assert np.array_equal(there, np.ones(200, bool) if whole.kept is None else whole.kept)
    np.testing.assert_allclose(y[there], whole.y, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "classification", "missing", "said"),
    [
        (np.zeros(200), None, "fill", "in every row; at least two classes"),
        (np.arange(70_000), True, "fill", "too many for classes"),
        (np.array(["a", "b"] * 100), False, "fill", "predicts numbers; to predict a class"),
        (np.ones(199), None, "fill", r"has shape \(199,\); y has one entry for each of the 200 rows"),
        (np.eye(2)[[0, 1] * 100], None, "fill", "Turn one-hot rows into labels"),
        (KINDS["some missing"], None, "error", "is missing, which is not a label"),
        (KINDS["numbers, some missing"], None, "error", r"row \d+, column 0 \(from 0\) is nan"),
        (
            np.where(np.arange(200) == 77, 1e300, 0.5),
            False,
            "fill",
            r"row 77, column 0 \(from 0\) is 1e\+300",
        ),
        (np.full(200, np.nan), True, "fill", "no row has a target"),
    ],
)
def test_what_is_no_target_is_refused(
    tmp_path: Path, y: NDArray[Any], classification: bool | None, missing: str, said: str
) -> None:
    n = 200 if len(y) < 1000 else len(y)
    np.save(tmp_path / "y.npy", y)
    with pytest.raises(DataError, match=said):
        Targets(NpyRows(tmp_path / "y.npy"), n, classification, missing).read(0, 200)  # type: ignore[arg-type]
