"""metrics.csv: a row for each epoch, also of a run that is stopped and resumed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import mlpcli
from mlpcli import Epoch, MetricsCsv, Run, UsageError
from mlpcli.cohort.folds import CrossValidation, train_folds
from mlpcli.config.loader import load_experiment
from mlpcli.training.directory import FoldsDirectory, NotWrittenError
from mlpcli.training.start import take_folder

CONFIGS = Path(__file__).parents[2] / "configs"
SHORT = {"epochs": 4}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_has_the_values_of_its_epoch(tmp_path: Path) -> None:
    kept: list[dict[str, Any]] = []

    def keep(run: Run, epoch: Epoch) -> None:
        kept.append({"epoch": epoch.number, **epoch.values})

    model = {"hidden": [{"units": 4, "activation": "relu"}, {"units": 4, "activation": "tanh"}]}
    listeners = [keep, MetricsCsv(tmp_path / "m.csv")]
    mlpcli.train("spiral", listeners=listeners, model=model, training=SHORT)
    rows = read(tmp_path / "m.csv")
    assert rows == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in kept]
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["dead/layer_2"] == ""


def test_a_resumed_run_has_each_epoch_once(tmp_path: Path) -> None:
    out, path = tmp_path / "run", tmp_path / "run" / "metrics.csv"
    mlpcli.train("spiral", out=out, listeners=[MetricsCsv()], training=SHORT)
    before = path.read_bytes()
    path.write_bytes(before + before.splitlines(keepends=True)[-1].replace(b"4,", b"5,", 1) + b"6,0.1")
    mlpcli.train("spiral", out=out, resume=True, listeners=[MetricsCsv()], training={"epochs": 6})
    assert path.read_bytes().startswith(before)
    assert [row["epoch"] for row in read(path)] == ["1", "2", "3", "4", "5", "6"]
    assert len({row["training/seconds"] for row in read(path)}) > 4


def test_each_fold_has_a_file_of_its_own(tmp_path: Path) -> None:
    settings: Any = {"out": tmp_path, "folds": 2, "training": {"epochs": 2}}
    mlpcli.cross_validate("iris", listeners=[MetricsCsv()], **settings)
    assert [len(read(tmp_path / f"fold-{number}" / "metrics.csv")) for number in (1, 2)] == [2, 2]


def test_a_cross_validation_may_be_replaced(tmp_path: Path) -> None:
    settings: Any = {"out": tmp_path / "cv", "folds": 2, "training": {"epochs": 2}}
    mlpcli.cross_validate("iris", listeners=[MetricsCsv()], **settings)
    directory = take_folder(FoldsDirectory, "", tmp_path / "cv", force=True)
    experiment = load_experiment(CONFIGS / "iris.yaml", ["training.epochs=2"])
    train_folds(CrossValidation(experiment, 2, directory=directory))
    assert not list((tmp_path / "cv").rglob("metrics.csv"))


def test_one_file_is_not_for_two_runs(tmp_path: Path) -> None:
    listener = MetricsCsv(tmp_path / "m.csv")
    with pytest.raises(UsageError, match="holds the epochs of another run"):
        mlpcli.cross_validate("iris", listeners=[listener], folds=2, training={"epochs": 2})
    assert len(read(tmp_path / "m.csv")) == 1


def test_a_run_in_memory_needs_a_path() -> None:
    with pytest.raises(UsageError, match="name a file, as in MetricsCsv"):
        mlpcli.train("spiral", listeners=[MetricsCsv()], training=SHORT)


def test_another_table_is_not_overwritten(tmp_path: Path) -> None:
    table = tmp_path / "iris.csv"
    table.write_text("width,species\n1,a\n")
    with pytest.raises(UsageError, match="has other columns than the metrics of this run; name another file"):
        mlpcli.train("spiral", listeners=[MetricsCsv(table)], training=SHORT)
    assert table.read_text() == "width,species\n1,a\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotWrittenError, match="cannot be written"):
        mlpcli.train("spiral", listeners=[MetricsCsv(tmp_path / "no" / "m.csv")], training=SHORT)
