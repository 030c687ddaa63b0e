"""A small X.npy is read as an .npz is, a large one in blocks, and both are measured before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.data import npy
from mlpcli.data.arrays.files import measure_npz, read_npz
from mlpcli.data.npy import LARGE, NpyFiles, is_large, measure_npy, open_large, read_npy_files
from mlpcli.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = RNG.choice(["a", "b"], 60)
WEIGHTS = RNG.random(60)


@pytest.fixture
def files(tmp_path: Path) -> NpyFiles:
    np.savez(tmp_path / "both.npz", X=X, y=Y, w=WEIGHTS)
    for name, array in (("X", X), ("y", Y), ("w", WEIGHTS)):
        np.save(tmp_path / f"{name}.npy", array)
    return NpyFiles(tmp_path / "X.npy", tmp_path / "y.npy", tmp_path / "w.npy")


def large(files: NpyFiles, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "classification": None,
        "missing": "fill",
        "sizes": {"test": 0.2, "val": 12, "train": None},
        "by_time": False,
        "width": 1,
        "quantiles": False,
        "rng": np.random.default_rng(0),
        "drawn": np.random.default_rng(0),
    }
    return open_large(files, **settings | changes)


def test_a_small_one_is_what_an_npz_is(files: NpyFiles, tmp_path: Path) -> None:
    one = read_npy_files(files, classification=None, missing="fill")
    other = read_npz(tmp_path / "both.npz", classification=None, roles={"weight": "w"})
    assert one.X.tobytes() == other.X.tobytes()
    assert (one.y.tolist(), one.classes, one.columns) == (other.y.tolist(), other.classes, other.columns)
    assert one.about.weights is not None
    assert one.about.weights.tolist() == WEIGHTS.tolist()
    size, whole = (
        measure_npy(files, classification=None),
        measure_npz(tmp_path / "both.npz", classification=None),
    )
    assert size == whole


@pytest.mark.parametrize(("rows", "is_more"), [(LARGE // 8, False), (LARGE // 8 + 1, True)])
def test_what_is_large_is_told_by_the_header(tmp_path: Path, rows: int, is_more: bool) -> None:
    path = tmp_path / "X.npy"
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": (rows, 2)}
        )
        stream.truncate(stream.tell() + 8 * rows)  # a file with a hole, which takes no room
    np.save(tmp_path / "y.npy", np.zeros(3))
    files = NpyFiles(path, tmp_path / "y.npy")
    assert is_large(files) is is_more
    size = measure_npy(files, classification=None)
    assert (size.sampled is not None, size.examples, size.inputs) == (is_more, rows, 2)
    assert not is_more or size.bytes < 50_000_000
    if is_more:
        with pytest.raises(DataError, match=r"is read in blocks, since it has more than 134 MB"):
            read_npy_files(files, classification=None, missing="fill")


def test_a_large_one_is_divided_as_it_is_asked_for(files: NpyFiles) -> None:
    data = large(files)
    assert {part: int(counts.sum()) for part, counts in data.found.rows.items()} == {
        "test": 12,
        "val": 12,
        "train": 36,
    }
    assert data.targets.classes == ("a", "b")
    in_time = large(files, by_time=True)
    assert [in_time.part_of(row) for row in (0, 35, 36, 47, 48, 59)] == [
        *("train", "train", "val", "val", "test", "test")
    ]


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        (
            "X",
            np.ones(60),
            r"has shape \(60,\) and dtype float64; features are real numbers, one row for each",
        ),
        ("X", np.full((60, 2), "a"), "dtype <U1; features are real numbers"),
        ("X", np.ones((0, 2)), r"has shape \(0, 2\)"),
        ("y", np.ones(59), "one entry for each of the 60 rows"),
        ("w", np.ones(59), "there is one weight, a number, for each of 60 rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    files: NpyFiles, tmp_path: Path, name: str, array: NDArray[Any], said: str
) -> None:
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(DataError, match=said):
        large(files)


def test_sizes_that_do_not_fit_are_refused(files: NpyFiles) -> None:
    with pytest.raises(DataError, match="the splits do not fit"):
        large(files, sizes={"test": 50, "val": 12, "train": None})


def test_bins_and_terms_make_blocks_smaller(files: NpyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "rows_of_a_block", lambda width: 600 // width)
    assert len(large(files).found.rows["train"]) < len(large(files, width=50).found.rows["train"])
