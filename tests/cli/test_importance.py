"""mlp importance: the same numbers for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
Trained = Callable[..., RunDirectory]
DATASETS = Path(__file__).parents[2] / "datasets"


def test_the_table_says_the_same_as_json(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    code, out, err = mlp("importance", run.path, "--repeats", "4")
    assert (code, err) == (0, "")
    report = json.loads(mlp("importance", run.best, "--repeats", "4", "--json").out)
    lines = out.splitlines()
    assert lines[0] == f"{run.best} (epoch {report['epoch']}) on the test split of iris.csv: 30 examples"
    assert lines[2].startswith(f"accuracy {report['score']:.2%}; when a column is shuffled (4 times,")
    assert lines[4].split() == ["column", "lost", "+-"]
    shown = [line.split() for line in lines[5:]]
    assert shown == [
        [row["column"], f"{row['importance']:.2%}", f"{row['spread']:.2%}"] for row in report["columns"]
    ]
    assert max(map(len, lines[1:])) <= 80


def test_other_data_and_other_splits(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    report = json.loads(
        mlp("importance", run.best, "--data", DATASETS / "iris.csv", "--repeats", "1", "--json").out
    )
    assert (report["split"], report["n"]) == ("all", 150)
    out = mlp("importance", run.best, "--split", "val", "--repeats", "1").out
    assert "on the val split of iris.csv: 30 examples" in out
