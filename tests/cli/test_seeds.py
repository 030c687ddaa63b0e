"""mlp train --seeds: what it prints and leaves, and that it goes on as a run does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FEW = ("--set", "training.epochs=3")
Mlp = Callable[..., Any]


def test_it_shows_each_seed_and_their_mean_and_spread(mlp: Mlp, tmp_path: Path) -> None:
    code, out, err = mlp("train", "iris", "--seeds", 3, *FEW)
    assert code == 0
    assert "-> runs/iris: 3 runs, of the seeds 0 to 2\n" in err
    assert re.findall(r"^seed (\d): best epoch \d of 3, val loss 0\.\d{4}, val accuracy", err, re.M) == [
        "0",
        "1",
        "2",
    ]
    assert out.startswith(
        "3 networks of iris.csv, which differ in training.seed alone:\n"
        "in splits, weights and order of the examples.\n"
    )
    assert all(len(line) <= 80 for line in out.splitlines())
    record = json.loads((tmp_path / "runs" / "iris" / "seeds.json").read_text())
    for label, scores in (
        ("seed 1", record["rows"][1]["scores"]),
        ("mean", record["mean"]),
        ("standard deviation", record["std"]),
    ):
        row = next(line for line in out.splitlines() if line.startswith(label + " "))
        assert f"{scores['test']['accuracy']:.2%}" in row
        assert f"{scores['val']['loss']:.4f}" in row
    assert mlp("eval", "runs/iris/seed-1")[0] == 0


def test_it_goes_on_and_adds_seeds(mlp: Mlp, tmp_path: Path) -> None:
    mlp("train", "iris", "--seeds", 2, *FEW, "--out", "all", "--quiet")
    before = (tmp_path / "all" / "seed-0" / "run.log").read_bytes()
    code, out, err = mlp("train", "--resume", "all", "--seeds", 3)
    assert code == 0
    assert "resumed with 2 of 3 runs done" in err
    assert "seed 2" in out
    assert (tmp_path / "all" / "seed-0" / "run.log").read_bytes() == before
    assert mlp("train", "--resume", "all")[0] == 0


def test_a_failed_seed_ends_with_an_error_after_the_table(mlp: Mlp) -> None:
    rate = ("--set", "optimizer={name: sgd, learning_rate: 1e12}")
    code, out, err = mlp("train", "spiral", "--seeds", 2, *rate, *FEW)
    assert code == 1
    assert len(re.findall(r"^seed \d +failed$", out, re.M)) == 2
    assert "2 of 2 runs failed: seeds 0, 1. The first of them:\nthe " in err
    assert "next" not in out


def test_a_dry_run_says_how_many(mlp: Mlp) -> None:
    _, out, _ = mlp("train", "spiral", "--seeds", 3, "--dry-run")
    assert "\n# 3 seeds: 3 networks of this kind, side by side\n" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("iris", "--seeds", 1), "--seeds 1: '1' is not a whole number from 2 to 1,000"),
        (("iris", "--seeds", 2, "--folds", 2), "give either --folds or --seeds"),
        (
            ("iris", "--seeds", 2, "--out", "old"),
            "old already holds a run of several seeds; resume that run of several seeds",
        ),
        (
            ("iris", "--seeds", 2, "--out", "mine"),
            "mine holds files that do not belong to a run of several seeds",
        ),
        (("--resume", "old", "--seeds", 2), "old holds runs of 3 seeds; for 2, start new ones"),
        (("old",), "To go on with the run: mlp train --resume old"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_does_not_fit(mlp: Mlp, tmp_path: Path, arguments: tuple[Any, ...], message: str) -> None:
    if "old" in arguments:
        mlp("train", "iris", "--seeds", 3, "--set", "training.epochs=1", "--out", "old")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    code, _, err = mlp("train", *arguments)
    assert code == 2
    assert message in err
