"""A table that is converted is the table, whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.data import convert
from mlpcli.data.convert import convert_table
from mlpcli.data.large.described import read_described
from mlpcli.data.table import blocks
from mlpcli.data.table.delimited import read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.errors import DataError

CITIES = ("Ulm", "Jena", "Aachen", "")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Write a table with numbers, large ones, categories, booleans, weights and gaps."""
    monkeypatch.setattr(blocks, "BLOCK", 400)
    rows = [
        f"{i % 7 if i % 11 else ''};{1e9 + i};{CITIES[i % 4]};{'yes' if i % 3 else 'no'};{i % 5 + 1};"
        f"{'ab'[i % 2]}"
        for i in range(100)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x;far;city;open;w;y", *rows]) + "\n")
    return {
        "path": path,
        "target": "y",
        "features": None,
        "dialect": Dialect(),
        "classification": None,
        "roles": {"weight": "w"},
    }


@pytest.mark.parametrize("missing", ["fill", "drop"])
@pytest.mark.parametrize("target", ["y", "x"])
def test_the_files_hold_what_is_read(
    settings: dict[str, Any], tmp_path: Path, missing: str, target: str
) -> None:
    settings |= {"missing": missing, "target": target}
    whole = read_csv(**settings)
    told: list[int] = []
    done = convert_table(settings, tmp_path / "out", lambda *_: None, told.append)
    X, y, weights = (np.load(tmp_path / "out" / f"{name}.npy") for name in ("X", "y", "weights"))
    np.testing.assert_array_equal(X, whole.X)
    assert X.dtype == whole.X.dtype == np.float64
    np.testing.assert_array_equal(y, whole.y)
    np.testing.assert_array_equal(weights, whole.about.weights)
    described = read_described(tmp_path / "out" / "table.json")
    assert described == (whole.columns, dict(whole.kinds), whole.classes)
    assert (done.rows, done.columns, done.notes) == (len(whole), len(whole.columns), whole.notes)
    assert told[-1] == 100


def test_a_fault_leaves_nothing(settings: dict[str, Any], tmp_path: Path) -> None:
    settings["path"].write_text(settings["path"].read_text() + "1;2;3\n")
    with pytest.raises(DataError, match=r"t\.csv:102"):
        convert_table(settings, tmp_path / "out", lambda *_: None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["t.csv"]


@pytest.mark.parametrize("fails", ["append", "take"])
def test_a_full_disk_leaves_nothing(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(convert.FileMatrix, fails, full)
    with pytest.raises(DataError, match=r"out: cannot be written \(No space left on device\); nothing"):
        convert_table(settings, tmp_path / "out", lambda *_: None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["t.csv"]


def test_a_folder_that_is_there_is_left_alone(settings: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="is there already"):
        convert_table(settings, tmp_path / "out", lambda *_: None)


def test_groups_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.group, data\.split and data\.time cannot be converted"):
        convert_table(settings | {"roles": {"group": "open"}}, tmp_path / "out", lambda *_: None)
