"""sweep.csv reads back to what was written, and other tables are refused with their line."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlpcli.errors import DataError
from mlpcli.sweep.record import SweepRecord, SweepRow, read_record, write_record

SCORES = ("val_accuracy", "val_loss", "train_loss")
ROW = SweepRow(
    run=3,
    status="finished",
    seed=7,
    values={"model.hidden": [100, 50], "optimizer.learning_rate": 1e-05},
    best_epoch=12,
    best={"val_accuracy": 0.9750000238418579, "val_loss": 0.1, "train_loss": 1e-30},
    last={"val_accuracy": None, "val_loss": 0.25, "train_loss": 3.0},
    seconds=1.5,
    directory="runs/run-3",
)
FAILED = replace(
    ROW, run=4, status="failed", best_epoch=None, best={}, last={}, message='training diverged,\n"now"'
)


def record(*rows: SweepRow) -> SweepRecord:
    return SweepRecord(tuple(ROW.values), SCORES, list(rows))


def test_a_table_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    for rows in ([], [ROW], [ROW, FAILED]):
        write_record(path, record(*rows))
        assert read_record(path) == record(*rows)


def test_the_table_is_one_that_any_program_reads(tmp_path: Path) -> None:
    write_record(tmp_path / "sweep.csv", record(ROW))
    with (tmp_path / "sweep.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert list(row)[:6] == ["run", "status", "seed", *ROW.values, "best_epoch"]
    assert list(row)[6:12] == [f"{which}_{name}" for which in ("best", "last") for name in SCORES]
    assert row["model.hidden"] == "[100, 50]"
    assert float(row["best_val_accuracy"]) == ROW.best["val_accuracy"]
    assert row["last_val_accuracy"] == ""


@pytest.mark.parametrize(
    "value",
    [
        1,
        0.1,
        1e-300,
        True,
        None,
        "relu",
        "",
        "1",
        "true",
        "null",
        "NaN",
        '"',
        "[3]",
        "\u00e9\u2028",
        "a,b\r\nc",
        [],
        [3, "x"],
        {"name": "sgd", "momentum": 0.9},
        "\ud800",
    ],
)
def test_a_value_of_any_kind_reads_back(tmp_path: Path, value: Any) -> None:
    row = replace(ROW, values={"key": value})
    write_record(tmp_path / "sweep.csv", SweepRecord(("key",), SCORES, [row]))
    (again,) = read_record(tmp_path / "sweep.csv").rows
    assert repr(again.values["key"]) == repr(r"\ud800" if value == "\ud800" else value)


HEADER = "run,status,seed,model.hidden,best_epoch,best_val_loss,last_val_loss,seconds,directory,message"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line"),
        ("a,b\n1,2\n", "the first line"),
        (HEADER.replace("last_val_loss,", "") + "\n", "the first line"),
        (HEADER.replace("model.hidden", "seed") + "\n", "the first line"),
        (HEADER + "\n1,finished,0\n", ":2: 3 cells, and the first line has 10"),
        (HEADER + "\n-1,finished,0,3,1,0,0,0,d,\n", ":2: run '-1' is not a whole number"),
        (HEADER + "\n1,done,0,3,1,0,0,0,d,\n", ":2: status 'done' is not one of finished, pruned, failed"),
        (HEADER + "\n1,finished,0,3,1,nan,0,0,d,\n", ":2: best_val_loss 'nan' is not a number"),
        (HEADER + "\n1,finished,0,3,1,0,x,0,d,\n", ":2: last_val_loss 'x' is not a number"),
        (HEADER + '\n1,finished,0,"3', "cannot be read as CSV"),
        (HEADER + "\n\x00\n", ""),
        ("\xff", "is not UTF-8"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sweep.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        read_record(tmp_path / "sweep.csv")
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "sweep.csv"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sweep\.csv: no such file"):
        read_record(tmp_path / "sweep.csv")


def test_a_write_that_fails_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    write_record(path, record(ROW))
    before = path.read_bytes()
    with pytest.raises(KeyError):
        write_record(path, record(replace(ROW, values={})))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.csv"]
