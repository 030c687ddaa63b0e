"""mlp train --folds: what it prints and leaves, and that it goes on as a run does."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.training.loop import Trainer

ROOT = Path(__file__).parents[2]
IRIS = ROOT / "datasets" / "iris.csv"
FEW = ("--set", "training.epochs=3")
Mlp = Callable[..., Any]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.log", "metrics.jsonl")
    }


def fits(out: str) -> bool:
    """Return whether all lines fit a terminal, but for the one that names the file of the data."""
    return all(len(line) <= 80 or "mlp predict " in line for line in out.splitlines())


def test_it_shows_each_fold_and_what_all_have_found(mlp: Mlp, tmp_path: Path) -> None:
    code, out, err = mlp("train", "iris", "--folds", 3, *FEW)
    assert code == 0
    assert err.splitlines()[0] == "iris.csv: 70 train / 30 val / 50 test, 4 features, 3 classes"
    assert "-> runs/iris: 3 folds\n" in err
    assert re.findall(r"^fold (\d): best epoch \d of 3, loss 0\.\d{4}, accuracy", err, re.M) == [
        "1",
        "2",
        "3",
    ]
    assert "3 networks, each scored on the fold that it was not trained on.\n" in out
    assert "Out of fold: all 150 rows of iris.csv together.\n" in out
    assert fits(out)
    record = json.loads((tmp_path / "runs" / "iris" / "folds.json").read_text())
    for label, scores in (
        ("fold 2", record["rows"][1]["scores"]),
        ("mean of folds", record["mean"]),
        ("standard deviation", record["std"]),
        ("out of fold", record["out_of_fold"]),
    ):
        row = next(line for line in out.splitlines() if line.startswith(label + " "))
        assert f"{scores['accuracy']:.2%}" in row
        assert f"{scores['loss']:.4f}" in row
    linear = sum(row["baselines"]["linear"]["accuracy"] for row in record["rows"]) / 3
    assert re.search(rf"^  linear +{linear:.2%}", out, re.M)
    with (tmp_path / "runs" / "iris" / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    right = sum(row["truth"] == row["prediction"] for row in rows) / 150
    assert right == pytest.approx(record["out_of_fold"]["accuracy"])


def test_repeats_have_rows_of_their_own(mlp: Mlp, tmp_path: Path) -> None:
    out = mlp("train", "iris", "--folds", 2, "--repeats", 2, *FEW, "-q").out
    labels = [f"repeat {repeat}, fold {fold}" for repeat in (1, 2) for fold in (1, 2)]
    assert all(f"\n{label} " in out for label in labels)
    assert fits(out)
    assert sorted(path.name for path in (tmp_path / "runs" / "iris").iterdir() if path.is_dir()) == [
        "fold-1",
        "fold-2",
        "repeat-2-fold-1",
        "repeat-2-fold-2",
    ]


@pytest.mark.exhaustive
def test_the_table_of_many_folds_is_cut(mlp: Mlp) -> None:
    out = mlp("train", "iris", "--folds", 32, "--set", "training.epochs=1", "-q").out
    assert "\nfold 30 " in out
    assert "\nfold 31 " not in out
    assert "\nThe other 2 folds are in runs/iris/folds.json.\n" in out


def test_a_regression_is_shown_by_its_errors(mlp: Mlp) -> None:
    out = mlp("train", "sine", "--folds", 2, *FEW).out
    assert re.search(r"best epoch +loss +R2 +root mean squared error\n", out)
    assert "new.csv" in out


def test_quiet_leaves_the_summary_alone(mlp: Mlp) -> None:
    code, out, err = mlp("train", "iris", "--folds", 2, *FEW, "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("2 networks")


def test_the_next_commands_work_as_printed(mlp: Mlp, tmp_path: Path) -> None:
    shutil.copy(IRIS, tmp_path)
    (tmp_path / "own.yaml").write_text("data: {name: csv, path: iris.csv, target: species}\n")
    out = mlp("train", "own.yaml", "--folds", 2, *FEW).out
    commands = re.findall(r"\bmlp (.*)", out)
    assert commands == ["predict runs/own/folds.npz iris.csv", "eval runs/own/fold-1"]
    for command in commands:
        assert mlp(*command.split()).code == 0


def test_the_mean_of_the_networks_is_used_like_any_other(mlp: Mlp) -> None:
    mlp("train", "iris", "--folds", 3, *FEW, "-q")
    for path in ("runs/iris", "runs/iris/folds.npz"):
        code, out, err = mlp("eval", path)
        assert (code, out) == (2, "")
        assert "folds.npz is the mean of 3 networks, and each row of these data was trained on by some" in err
        assert "are in runs/iris/folds.json" in err
        assert "--data" in err
        out = mlp("eval", path, "--data", IRIS).out
        first, second = "runs/iris/folds.npz (mean of 3 networks)", f"on all of {IRIS}: 150 examples"
        assert out.startswith((f"{first} {second}", f"{first}\n{second}"))  # by the width of the terminal
        assert mlp("predict", path, IRIS).out.count("\n") == 151
    report = json.loads(mlp("eval", "runs/iris/folds.npz", "--data", IRIS, "--json").out)
    assert (report["networks"], len(report["epochs"]), "epoch" in report) == (3, 3, False)
    assert set(report["baselines"]) == {"most_frequent", "linear"}
    assert mlp("importance", "runs/iris", "--data", IRIS).out.startswith(
        "runs/iris/folds.npz (mean of 3 netw"
    )
    assert mlp("eval", "runs/iris/folds.npz", "--data", IRIS, "--split", "test").code != 0
    assert (
        "first of 3 networks, whose predictions are averaged; in all they have 393"
        in mlp("count-params", "runs/iris/folds.npz").out
    )
    counts = json.loads(mlp("count-params", "runs/iris/folds.npz", "--json").out)
    assert (counts["networks"], counts["parameters"], counts["parameters_in_all"]) == (3, 131, 393)


@pytest.mark.parametrize("command", ["plot", "report"])
def test_pictures_are_those_of_a_fold(mlp: Mlp, command: str) -> None:
    mlp("train", "iris", "--folds", 3, *FEW, "-q")
    code, _, err = mlp(command, "runs/iris/folds.npz")
    assert code != 0
    assert "is the mean of 3 networks; name the run of one of them, as in runs/iris/fold-1" in err


def test_pictures_of_the_folder_are_those_of_all_folds(mlp: Mlp, tmp_path: Path) -> None:
    mlp("train", "iris", "--folds", 3, *FEW, "-q")
    assert mlp("plot", "runs/iris", "--kind", "curves").code == 0
    assert (tmp_path / "runs" / "iris" / "plots" / "curves.png").exists()


def test_a_fold_is_an_ordinary_run(mlp: Mlp) -> None:
    mlp("train", "iris", "--folds", 3, *FEW, "-q")
    assert "on the test split of iris.csv: 50 examples" in mlp("eval", "runs/iris/fold-2").out
    assert "3 epochs done" in mlp("train", "--resume", "runs/iris/fold-2").err
    record = json.loads(Path("runs/iris/folds.json").read_text())
    report = json.loads(mlp("eval", "runs/iris/fold-2", "--json").out)
    assert report["accuracy"] == record["rows"][1]["scores"]["accuracy"]


def test_more_epochs_and_repeats_later(mlp: Mlp) -> None:
    mlp("train", "iris", "--folds", 2, *FEW, "-q")
    out = mlp("train", "--resume", "runs/iris", "--repeats", 2, "--set", "training.epochs=4", "-q").out
    assert out.startswith("4 networks")


def test_force_replaces_it(mlp: Mlp, tmp_path: Path) -> None:
    mlp("train", "iris", "--folds", 3, *FEW, "--out", "cv", "-q")
    code, _, err = mlp("train", "iris", "--folds", 2, *FEW, "--out", "cv")
    assert code == 2
    assert "cv already holds a cross-validation; resume that cross-validation, or name another" in err
    assert mlp("train", "iris", "--folds", 2, *FEW, "--out", "cv", "--force").code == 0
    assert not (tmp_path / "cv" / "fold-3").exists()


def test_a_dry_run_says_how_many_networks_there_would_be(mlp: Mlp, tmp_path: Path) -> None:
    out = mlp("train", "iris", "--folds", 5, "--repeats", 3, "--dry-run").out
    assert "\n# 5 folds x 3 repeats: 15 networks of this kind, side by side\n" in out
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["iris", "--repeats", 3], "--repeats repeats a cross-validation; give --folds, too"),
        (["iris", "--folds", 1], "1' is not a whole number from 2 to 1,000"),
        (["spiral", "--folds", 2, "--repeats", 2], "another repeat has another seed, and so other points"),
        (["iris", "--folds", 200], "150 examples cannot be cut into 200 folds"),
        (["cifar10", "--folds", 2], "cifar10 has a test split of its own"),
        (["--folds", 2], "name a config"),
        (
            ["--resume", "nowhere", "--folds", 2],
            "nowhere is not the directory of a cross-validation: it has no folds.json",
        ),
        (["iris", "--folds", 2, "--force"], "name that directory with --out"),
        (["iris", "--folds", 2, "--data", "x.csv"], "--data is for --resume"),
    ],
)
def test_refusals(mlp: Mlp, tmp_path: Path, args: list[Any], expected: str) -> None:
    code, out, err = mlp("train", *args)
    assert code == 2
    assert out == ""
    assert expected in " ".join(err.split())
    assert not (tmp_path / "runs").exists()


def test_it_goes_on_with_data_that_were_moved(
    mlp: Mlp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(IRIS, tmp_path / "iris.csv")
    (tmp_path / "own.yaml").write_text("data: {name: csv, path: iris.csv, target: species}\n")
    whole = Trainer.begin

    def begin(self: Trainer, number: int) -> Any:
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return whole(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "begin", begin)
        assert mlp("train", "own.yaml", "--folds", 2, *FEW).code == 130
    (tmp_path / "iris.csv").rename(tmp_path / "moved.csv")
    assert mlp("train", "--resume", "runs/own", "--data", "moved.csv").code == 0
