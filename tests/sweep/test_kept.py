"""Folders around runs keep test scores, and know which runs failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlpcli.errors import MlpError
from mlpcli.sweep.kept import Kept, kept_in
from mlpcli.sweep.record import SweepRecord, SweepRow, write_record


def test_seeds_keep_test_scores_and_which_failed(tmp_path: Path) -> None:
    scores = {"val": {"loss": 0.5}, "test": {"loss": 0.25, "accuracy": 0.75}}
    rows: list[dict[str, Any]] = [
        {"run": "seed-0", "seed": 0, "epochs": 3, "best_epoch": 2, "scores": scores, "message": None},
        {"run": "seed-1", "seed": 1, "epochs": 3, "best_epoch": 2, "scores": {}, "message": "diverged"},
    ]
    record = {"config": {}, "seeds": 2, "rows": rows}
    (tmp_path / "seeds.json").write_text(json.dumps(record))
    assert kept_in(tmp_path) == {
        (tmp_path / "seed-0").resolve(): Kept(scores={"test_loss": 0.25, "test_accuracy": 0.75}),
        (tmp_path / "seed-1").resolve(): Kept("failed"),
    }


def test_a_cross_validation_keeps_scores_of_the_folds_left_out(tmp_path: Path) -> None:
    fold = {"run": "fold-1", "repeat": 1, "fold": 1, "seed": 0, "epochs": 3, "best_epoch": 2, "n": 9}
    rows = [{**fold, "scores": {"r2": None}, "baselines": {}}]
    record = {"config": {}, "folds": 2, "repeats": 1, "fingerprint": None, "rows": rows}
    (tmp_path / "folds.json").write_text(json.dumps(record))
    assert kept_in(tmp_path) == {(tmp_path / "fold-1").resolve(): Kept(scores={"test_r2": None})}


def test_a_sweep_keeps_how_runs_ended(tmp_path: Path) -> None:
    rows = [
        SweepRow(i, status, 0, {}, None, {}, {}, 1.0, f"run-{i}")
        for i, status in enumerate(("finished", "failed", "pruned"), 1)
    ]
    write_record(tmp_path / "sweep.csv", SweepRecord((), (), rows))
    place = tmp_path.resolve()
    assert kept_in(tmp_path) == {
        place / "run-1": Kept(),
        place / "run-2": Kept("failed in its sweep"),
        place / "run-3": Kept("was ended early in its sweep"),
    }


def test_a_folder_without_such_a_file_keeps_nothing(tmp_path: Path) -> None:
    assert kept_in(tmp_path) == {}


@pytest.mark.parametrize("name", ["folds.json", "seeds.json", "sweep.csv"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{")
    with pytest.raises(MlpError, match=name):
        kept_in(tmp_path)
