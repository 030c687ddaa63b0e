"""mlp train: what it prints, where it writes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import load_experiment
from mlpcli.machine import Available
from mlpcli.training.run import Run

CONFIGS = Path(__file__).parents[2] / "configs"
SPIRAL = CONFIGS / "spiral.yaml"
SHORT = ("--set", "training.epochs=3")
FILES = {"config.yaml", "metrics.jsonl", "best.npz", "last.npz", "run.log"}
Mlp = Callable[..., Any]


def test_a_run_leaves_its_files_and_says_so(mlp: Mlp) -> None:
    code, out, err = mlp("train", SPIRAL, *SHORT)
    assert code == 0
    directory = Path("runs/spiral")
    assert {path.name for path in directory.iterdir()} == FILES
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]

    progress = err.splitlines()
    assert progress[0] == "spiral: 180 train / 60 val / 60 test, 2 features, 3 classes"
    assert progress[1] == "2-100-3 network, 603 parameters; cross_entropy, sgd"
    assert progress[2] == "-> runs/spiral"
    assert [line.split(",")[0] for line in progress[3:]] == ["epoch 1", "epoch 2", "epoch 3"]

    best = max(rows, key=lambda row: (row["val_accuracy"], -row["val_loss"]))
    assert out.startswith(f"Best epoch: {best['epoch']} of 3 (highest validation accuracy).\n")
    assert f"\nval    {best['val_loss']:.4f}    {best['val_accuracy']:.2%}\n" in out
    assert re.search(r"^time   \d+\.\d s, [\d,]+ examples/s$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


def test_the_two_next_commands_work_as_printed(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    for config in ("spiral", "iris"):
        lines = mlp("train", CONFIGS / f"{config}.yaml", *SHORT, "--quiet").out.splitlines()
        for line in lines[-2:]:
            command = line.removeprefix("next").split()
            assert command[0] == "mlp"
            code, out, err = mlp(*command[1:])
            assert (code, err) == (0, "")
            assert out


def test_runs_of_one_name_are_numbered(mlp: Mlp) -> None:
    for _ in range(3):
        mlp("train", SPIRAL, *SHORT)
    assert sorted(path.name for path in Path("runs").iterdir()) == ["spiral", "spiral-2", "spiral-3"]


def test_the_run_can_be_trained_again_from_its_own_config(mlp: Mlp) -> None:
    mlp("train", SPIRAL, *SHORT, "--out", "a")
    mlp("train", "a/config.yaml", "--out", "b")
    assert Path("a/config.yaml").read_text() == Path("b/config.yaml").read_text()
    for name in ("best.npz", "last.npz"):
        assert Path("a", name).read_bytes() == Path("b", name).read_bytes()


def test_quiet_leaves_the_summary_alone(mlp: Mlp) -> None:
    code, out, err = mlp("train", SPIRAL, *SHORT, "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("Best epoch: ")


def test_a_terminal_gets_a_bar_that_fits(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    err = mlp("train", SPIRAL, *SHORT).err
    bars = [bar for bar in re.split(r"[\r\n]", err) if bar.startswith("epoch ")]
    assert bars[-1].startswith("epoch 3/3 ")
    assert re.search(r", loss \d\.\d{4}, val \d+\.\d\d%$", bars[-1])
    assert max(map(len, bars)) <= 80


def test_a_regression_is_judged_by_its_loss(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    code, out, err = mlp("train", CONFIGS / "sine.yaml", *SHORT)
    assert code == 0
    assert "(lowest validation loss)." in out
    assert "accuracy" not in out
    assert ", val R2 0." in err
    assert re.search(r"^test +0\.\d{4} +0\.\d{4}$", out, re.MULTILINE)


def test_without_a_validation_split_training_is_what_counts(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    code, out, err = mlp("train", SPIRAL, *SHORT, "--set", "data.val_size=0", "--set", "data.test_size=0")
    assert code == 0
    assert err.startswith("spiral: 300 train, ")
    assert "(highest training accuracy)." in out
    assert "\nval" not in out


def test_a_run_that_got_better_to_the_end_says_so(mlp: Mlp) -> None:
    out = mlp("train", SPIRAL, *SHORT, "--set", "training.epochs=1").out
    assert "The last epoch was the best: with more training.epochs it may get better." in out


def test_patience_ends_a_run_early(mlp: Mlp) -> None:
    options = ("training.patience=2", "optimizer.learning_rate=1e-30", "training.epochs=50")
    code, out, _ = mlp("train", SPIRAL, *[word for option in options for word in ("--set", option)])
    assert code == 0
    assert "Best epoch: 1 of 3 " in out
    assert "Stopped early: 2 epochs without a better one." in out


def test_a_dry_run_prints_a_config_that_loads_and_writes_nothing(mlp: Mlp) -> None:
    code, out, err = mlp("train", SPIRAL, "--set", "model.hidden=[5, 4]", "--dry-run")
    assert (code, err) == (0, "")
    assert not list(Path().iterdir())
    assert "\n#     2  relu    5 x 4 = 20" in out
    Path("resolved.yaml").write_text(out)
    assert load_experiment(Path("resolved.yaml")) == load_experiment(SPIRAL, ["model.hidden=[5, 4]"])


def test_a_dry_run_asks_the_data_where_only_they_can_tell(mlp: Mlp) -> None:
    out = mlp("train", CONFIGS / "iris.yaml", "--set", "model.inputs=null", "--dry-run").out
    assert "#     1  relu    4 x 16 = 64" in out


REFUSED = {
    "a run": (["--out", "run"], "--out run holds a run already", 2),
    "another folder": (["--out", "other"], "--out other holds files that are not a run's", 2),
    "a file": (["--out", "file"], "--out file is a file", 2),
    "force without out": (["--force"], "--force replaces the run in --out DIR", 2),
    "force on another folder": (["--out", "other", "--force"], "not a run's", 2),
    "bad override": (
        ["--set", "training.epochs=0"],
        "--set training.epochs=0\n  training.epochs: 0 is not",
        2,
    ),
    "too little data": (["--set", "data.val_size=300"], "the splits do not fit", 1),
    "divergence": (["--set", "optimizer.learning_rate=1e30", "--out", "new"], "training diverged", 1),
}


@pytest.mark.parametrize(("args", "expected", "expected_code"), REFUSED.values(), ids=REFUSED)
def test_refusals(mlp: Mlp, args: list[str], expected: str, expected_code: int) -> None:
    for folder, name in (("run", "config.yaml"), ("other", "thesis.txt")):
        Path(folder).mkdir()
        Path(folder, name).write_text("precious")
    Path("file").write_text("precious")
    code, out, err = mlp("train", SPIRAL, "--quiet", *args)
    assert (code, out) == (expected_code, "")
    assert expected in err
    assert "Traceback" not in err
    assert Path("run/config.yaml").read_text() == Path("other/thesis.txt").read_text() == "precious"
    assert not list(Path().rglob("*.npz"))
    assert not list(Path().rglob("*.tmp"))


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_network_past_all_memory_is_refused_at_once(mlp: Mlp, command: str) -> None:
    start = time.perf_counter()
    code, out, err = mlp(command, SPIRAL, "--set", "model.hidden=[1000000, 1000000]")
    assert time.perf_counter() - start < 1
    assert (code, out) == (2, "")
    assert err.startswith("Error: training would take about ")
    assert "\nweights and biases   4,000 GB  4 bytes a parameter\n" in err
    assert "To make it fit: lower model.hidden (now 1000000-1000000), or take plain sgd" in err
    assert not Path("runs").exists()
    assert mlp("train", SPIRAL, "--dry-run", "--set", "model.hidden=[1000000, 1000000]").code == 0


def test_a_run_may_be_tried_where_the_memory_does_not_seem_to_suffice(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.training.memory.available_memory", lambda: Available(10**6, "this machine"))
    code, _, err = mlp("train", SPIRAL, *SHORT, "--out", "a")
    assert code == 2
    assert "this machine has 1 MB left" in err
    assert not Path("a").exists()
    assert mlp("train", SPIRAL, *SHORT, "--out", "a", "--force-memory").code == 0
    assert {path.name for path in Path("a").iterdir()} == FILES


def test_force_replaces_a_run(mlp: Mlp) -> None:
    mlp("train", SPIRAL, "--out", "run", "--set", "training.epochs=5")
    assert mlp("train", SPIRAL, *SHORT, "--out", "run", "--force").code == 0
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written(mlp: Mlp) -> None:
    Path("locked").mkdir(mode=0o500)
    code, out, err = mlp("train", SPIRAL, *SHORT, "--out", "locked/run")
    assert (code, out) == (1, "")
    assert "cannot be written: Permission denied" in err


def test_an_interrupt_keeps_what_there_is(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = Run.epochs

    def interrupted(run: Run, directory: Any) -> Any:
        for epoch in epochs(run, directory):
            yield epoch
            if epoch.number == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(Run, "epochs", interrupted)
    code, out, err = mlp("train", SPIRAL, "--out", "run")
    assert (code, out) == (130, "")
    assert err.endswith("Interrupted in epoch 3; what came before is kept in run.\n")
    with np.load("run/last.npz") as last:
        assert json.loads(last["meta"].item())["epoch"] == 2
