"""mlp train: what it prints, where it writes, and how it ends."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from usual import only

from mlpcli.config.loader import load_experiment
from mlpcli.machine import Available
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.loop import Trainer

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
    words = [line.split() for line in out.splitlines()]
    val = words.index(["val", f"{best['val_loss']:.4f}", f"{best['val_accuracy']:.2%}"])
    assert words[val + 1] == ["most", "frequent", "33.33%"]
    assert words[val + 2][0] == "linear"
    assert re.search(r"^time   \d+\.\d s, [\d,]+ examples/s$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


def test_members_are_scored_on_what_they_left_out(mlp: Mlp) -> None:
    """The line on the data says so, and the table has the scores of the best epoch."""
    folds = ("--set", "model.members=3", "--set", "training.validation=folds")
    code, out, err = mlp("train", SPIRAL, *SHORT, *folds)
    assert code == 0
    train = "240 train (each member leaves out one of 3 folds)"
    assert err.splitlines()[0] == f"spiral: {train} / 60 test, 2 features, 3 classes"
    assert err.splitlines()[1] == "2-100-3 network of 3 members, 1,809 parameters; cross_entropy, sgd"
    rows = [json.loads(line) for line in Path("runs/spiral/metrics.jsonl").read_text().splitlines()]
    best = max(rows, key=lambda row: (row["val_accuracy"], -row["val_loss"]))
    words = [line.split() for line in out.splitlines()]
    assert ["val", f"{best['val_loss']:.4f}", f"{best['val_accuracy']:.2%}"] in words
    assert [row[0] for row in words if row and row[0] in ("train", "val", "test")] == ["train", "val", "test"]


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("config", only({"iris"}, ["spiral", "iris"]))
def test_the_next_commands_work_as_printed(mlp: Mlp, config: str) -> None:
    lines = mlp("train", CONFIGS / f"{config}.yaml", *SHORT, "--quiet").out.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("next"))
    assert [line.split()[-2 if "predict" not in line else -3] for line in lines[first:]] == [
        *(["eval", "predict", "plot"] if config == "iris" else ["eval", "plot"])
    ]
    for line in lines[first:]:
        command = line.removeprefix("next").split()
        assert command[0] == "mlp"
        code, out, err = mlp(*command[1:])
        assert code == 0
        assert command[1] == "plot" or not err
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


def test_a_run_of_a_runs_config_has_its_name(mlp: Mlp) -> None:
    mlp("train", SPIRAL, *SHORT)
    for again in ("runs/spiral", "runs/spiral-2"):
        mlp("train", f"{again}/config.yaml")
    assert {path.name for path in Path("runs").iterdir()} == {"spiral", "spiral-2", "spiral-3"}


def test_classes_without_training_examples_are_told(mlp: Mlp) -> None:
    rows = "".join(f"{i},{i % 3},{kind}\n" for i, kind in enumerate("aaaaaaabcdef"))
    Path("t.csv").write_text("x,z,kind\n" + rows)
    Path("t.yaml").write_text("data: {name: csv, path: t.csv, target: kind}\ntraining: {epochs: 1}\n")
    told = "that cannot be learned; see mlp check.\n"
    code, _, err = mlp("train", "t.yaml", "--set", "data.train_size=2", "--out", "few")
    assert code == 0
    assert re.search(f"^No training example of [a-f], [a-f], [a-f], \\.\\.\\.: {told}", err, re.MULTILINE)
    assert told not in mlp("train", "t.yaml", "--set", "data.train_size=12", "--out", "all").err


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
    assert "The last epoch was the best; more training.epochs may improve it." in out


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


def test_a_dry_run_says_what_the_run_begins_with(mlp: Mlp) -> None:
    mlp("train", SPIRAL, "--set", "training.epochs=1", "--out", "before")
    start = f"training.start_from={Path('before/last.npz').absolute()}"
    out = mlp("train", SPIRAL, "--set", start, "--dry-run").out
    said = " ".join(line.removeprefix("# ") for line in out.splitlines())
    assert "after 1 epoch and with the state of its optimizer." in said
    code, _, err = mlp("train", SPIRAL, "--set", start, "--set", "model.hidden=[5]", "--dry-run")
    assert (code, "layers: 2-100-3 there, 2-5-3 here" in err) == (2, True)


def test_the_summary_says_if_the_network_may_have_learned_what_is_held_out(mlp: Mlp) -> None:
    mlp("train", SPIRAL, "--set", "training.epochs=1", "--out", "before")
    start = ("--set", f"training.start_from={Path('before/last.npz').absolute()}")
    common = ("train", SPIRAL, *start, "--set", "training.epochs=1")
    assert "may have learned rows that are held out here" not in mlp(*common, "--out", "same").out
    out = mlp(*common, "--set", "data.test_size=0.3", "--out", "other").out
    assert "may have learned rows that are held out here: their\nscores may be too good." in out


REFUSED = {
    "a run": (
        ["--out", "run"],
        "run already holds a run; resume that run, or name another directory\n--resume continues it",
        2,
    ),
    "another folder": (["--out", "other"], "Error: other holds files that do not belong to a run", 2),
    "a file": (["--out", "file"], "Error: file is a file", 2),
    "force without out": (["--force"], "--force replaces the run in --out DIR", 2),
    "force on another folder": (["--out", "other", "--force"], "do not belong to a run", 2),
    "bad override": (
        ["--set", "training.epochs=0"],
        "--set training.epochs=0: training.epochs: 0 is not",
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
    assert time.perf_counter() - start < 2
    assert (code, out) == (2, "")
    assert err.startswith("Error: training would take about ")
    assert "\nweights and biases   4,000 GB  4 bytes a parameter\n" in err
    assert "To make it fit: lower model.hidden (now 1000000-1000000), or set optimizer.momentum: 0" in err
    assert not Path("runs").exists()
    assert mlp("train", SPIRAL, "--dry-run", "--set", "model.hidden=[1000000, 1000000]").code == 0


def test_a_run_may_be_tried_where_the_memory_does_not_seem_to_suffice(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in ("memory", "checkpoints.reading"):
        monkeypatch.setattr(
            f"mlpcli.training.{room}.available_memory", lambda: Available(10**3, "this machine")
        )
    code, _, err = mlp("train", SPIRAL, *SHORT, "--out", "a")
    assert code == 2
    assert "this machine has 1 kB left" in err
    assert err.endswith("\nNothing was started.\nTo start it anyway: mlp train --force-memory\n")
    assert not Path("a").exists()
    assert mlp("train", SPIRAL, *SHORT, "--out", "a", "--force-memory").code == 0
    longer = ("--set", "training.epochs=4", "--out", "a", "--resume")
    assert mlp("train", SPIRAL, *longer).code == 2
    assert mlp("train", SPIRAL, *longer, "--force-memory").code == 0
    assert {path.name for path in Path("a").iterdir()} == FILES


def test_bfloat16_where_it_is_slow_is_for_those_who_ask_for_numpy(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLP_ENGINE", "")  # which is put back after the test
    monkeypatch.setattr("mlpcli.nn.products.find_onednn", lambda: (None, "oneDNN is not installed"))
    command = (
        "train",
        "spiral",
        "--set",
        "training.precision=bfloat16",
        "--set",
        "training.epochs=2",
        "--out",
        "r",
    )
    refused = mlp(*command)
    assert (refused.code, refused.out) == (2, "")
    assert "oneDNN is not installed" in refused.err
    assert refused.err.endswith("mlp train --engine numpy\n")
    assert not Path("r").exists()
    assert mlp(*command, "--engine", "numpy").code == 0
    assert "matrix products by NumPy, in bfloat16" in Path("r/run.log").read_text()
    trained = json.loads(mlp("eval", "r", "--split", "val", "--json").out)
    assert trained["loss"] == pytest.approx(load_checkpoint(Path("r/best.npz")).scores["val_loss"], rel=1e-3)
    monkeypatch.setenv("MLP_ENGINE", "")
    refused = mlp(*command, "--force", "--engine", "fast")
    assert (refused.code, refused.out) == (2, "")
    assert "the engine fast cannot be used: oneDNN is not installed" in refused.err


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


def signalled(monkeypatch: pytest.MonkeyPatch, number: int, at: int, times: int = 1) -> None:
    """Send this process a signal while it gathers its batch ``at``, counted from 1 over all epochs."""
    compute = Trainer._compute_gradient
    seen = iter(range(1, 10**9))

    def interrupted(trainer: Trainer, *args: Any) -> None:
        if next(seen) == at:
            for _ in range(times):
                os.kill(os.getpid(), number)
        compute(trainer, *args)

    monkeypatch.setattr(Trainer, "_compute_gradient", interrupted)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_after_the_batch_and_the_run_goes_on_to_the_same_bytes(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    mlp("train", SPIRAL, *SHORT, "--out", "unbroken")
    with monkeypatch.context() as patch:
        signalled(patch, number, at=5)  # of 3 an epoch
        ended = mlp("train", SPIRAL, *SHORT, "--out", "run")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.endswith(
        "\nInterrupted in epoch 2, after batch 2 of 3; everything is saved.\n"
        "Resume with: mlp train --resume run\n"
    )
    code, out, err = mlp("train", "--resume", "run")
    assert code == 0
    assert "-> run, resumed in epoch 2, after batch 2 of 3\nepoch 2, " in err
    assert out.startswith("Best epoch: ")
    assert_same_run("unbroken", "run")


def assert_same_run(one: str, other: str) -> None:
    for name in ("config.yaml", "best.npz", "last.npz"):
        assert Path(one, name).read_bytes() == Path(other, name).read_bytes(), name
    rows = []
    for run in (one, other):
        lines = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
        rows.append(
            [{k: v for k, v in row.items() if k not in ("seconds", "examples_per_second")} for row in lines]
        )
    assert rows[0] == rows[1]


def test_a_second_signal_ends_at_once(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    signalled(monkeypatch, signal.SIGINT, at=5, times=2)
    code, out, err = mlp("train", SPIRAL, "--out", "run")
    assert (code, out) == (130, "")
    kept = "Interrupted; what was saved before is kept.\nResume with: mlp train --resume run\n"
    assert err.endswith(kept)
    with np.load("run/last.npz") as last:
        assert json.loads(last["meta"].item())["epoch"] == 1


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_in_a_directory_that_is_gone_is_told_with_what_had_been_saved(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    take_step = Trainer._take_step

    def vanish(trainer: Trainer, state: Any) -> None:
        if state.number == 2 and Path("run").exists():
            Path("run").rename("elsewhere")
        take_step(trainer, state)

    with monkeypatch.context() as patch:
        signalled(patch, signal.SIGINT, at=5, times=times)  # of 3 an epoch
        patch.setattr(Trainer, "_take_step", vanish)
        code, out, err = mlp("train", SPIRAL, *SHORT, "--out", "run")
    assert out == ""
    assert "Nothing had been saved" not in err
    if times == 1:
        assert code == 1
        assert "\nWhat had been saved in run is gone now, or cannot be read.\n" in err
        assert err.endswith("Once it can be reached again, resume with: mlp train --resume run\n")
    else:
        assert err.endswith("what was saved before is kept.\nResume with: mlp train --resume run\n")
    Path("elsewhere").rename("run")
    assert mlp("train", "--resume", "run").code == 0


@pytest.mark.exhaustive
def test_the_commands_of_a_run_whose_name_begins_with_a_dash_work(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("-t.csv").write_text("a,b\n" + "1,2\n3,4\n" * 30)
    Path("-c.yaml").write_text("data: {name: csv, path: ./-t.csv, target: b}\ntraining: {epochs: 2}\n")
    with monkeypatch.context() as patch:
        signalled(patch, signal.SIGINT, at=1)
        err = mlp("train", "./-c.yaml", "--out", "./-dash").err
    assert err.endswith("Resume with: mlp train --resume ./-dash\n")
    code, out, err = mlp("train", "--resume", "./-dash")
    assert code == 0
    for line in out.splitlines()[-3:]:
        assert mlp(*line.removeprefix("next").split()[1:]).code == 0


@pytest.mark.parametrize("config", ["..yaml", "...yaml"])
def test_a_config_whose_name_is_only_dots_trains_in_a_folder_of_its_own(mlp: Mlp, config: str) -> None:
    shutil.copy(SPIRAL, config)
    assert "-> runs/run\n" in mlp("train", config, *SHORT).err
    assert {path.name for path in Path("runs/run").iterdir()} == FILES


def test_an_interrupt_before_training_leaves_nothing(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("mlpcli.training.run.load_splits", load)
    assert mlp("train", SPIRAL) == (143, "", "\nInterrupted.\n")
    assert not Path("runs").exists()


def test_more_epochs_may_be_trained_than_were_planned(mlp: Mlp) -> None:
    mlp("train", SPIRAL, "--set", "training.epochs=5", "--out", "unbroken")
    mlp("train", SPIRAL, *SHORT, "--out", "run")
    code, _, err = mlp("train", SPIRAL, "--set", "training.epochs=5", "--out", "run", "--resume")
    assert code == 0
    assert "-> run, resumed after epoch 3 of 5\nepoch 4, " in err
    assert_same_run("unbroken", "run")


def test_a_finished_cosine_run_with_more_epochs_says_that_the_rate_jumps(mlp: Mlp) -> None:
    cosine = ("--set", "optimizer.schedule=cosine")
    mlp("train", SPIRAL, *SHORT, *cosine, "--out", "run")
    code, _, err = mlp("train", "--resume", "run", "--set", "training.epochs=5")
    assert code == 0
    assert "\nThe learning rate jumps from " in err
    assert "the cosine schedule was for 3 epochs, and now ends after 5." in err


def test_a_finished_run_is_told_so(mlp: Mlp) -> None:
    first = mlp("train", SPIRAL, *SHORT, "--out", "run")
    code, out, err = mlp("train", "--resume", "run")
    assert code == 0
    assert "3 epochs done; for more: --set training.epochs=" in err
    assert out.splitlines()[:9] == first.out.splitlines()[:9]


def test_without_a_name_the_configs_last_run_goes_on(mlp: Mlp) -> None:
    for _ in range(2):
        mlp("train", SPIRAL, *SHORT)
    code, _, err = mlp("train", SPIRAL, "--resume", "--set", "training.epochs=4")
    assert code == 0
    assert "-> runs/spiral-2, resumed after epoch 3 of 4\n" in err


def test_a_best_epoch_that_is_ahead_is_reached_again_before_epochs_change(mlp: Mlp) -> None:
    """A kill between the two files leaves best.npz ahead: of fewer epochs it would be a stranger's."""
    mlp("train", SPIRAL, "--out", "unbroken", "--set", "training.epochs=5")
    assert load_checkpoint(Path("unbroken/best.npz")).epoch > 1
    mlp("train", SPIRAL, "--out", "short", "--set", "training.epochs=1")
    shutil.copytree("unbroken", "run")
    shutil.copy("short/last.npz", "run/last.npz")
    code, out, err = mlp("train", "--resume", "run", "--set", "training.epochs=2")
    assert (code, out) == (2, "")
    assert "Train it to training.epochs: 5 first, then change that.\n" in err
    assert err.endswith("\nResume it with: mlp train --resume run --set training.epochs=5\n")
    assert mlp("train", "--resume", "run", "--set", "training.epochs=5").code == 0
    for name in ("best.npz", "last.npz", "config.yaml"):
        assert Path("run", name).read_bytes() == Path("unbroken", name).read_bytes()


@pytest.mark.parametrize("where", [(), ("--out", "new")])
def test_where_nothing_was_begun_resuming_begins(mlp: Mlp, where: tuple[str, ...]) -> None:
    code, _, err = mlp("train", SPIRAL, *SHORT, "--resume", *where)
    assert code == 0
    assert f"-> {where[1] if where else 'runs/spiral'}\nepoch 1, " in err


def test_a_changed_config_is_not_gone_on_with(mlp: Mlp) -> None:
    mlp("train", SPIRAL, *SHORT, "--out", "run")
    before = {path: path.read_bytes() for path in Path("run").iterdir()}
    options = ("optimizer.learning_rate=0.3", "model.hidden=[50]", "training.epochs=9")
    code, out, err = mlp("train", "--resume", "run", *[w for option in options for w in ("--set", option)])
    assert (code, out) == (2, "")
    assert err == (
        "Error: the run in run was started with another config:\n"
        "  model.hidden: [100] at the start, now [50]\n"
        "  optimizer.learning_rate: 0.1 at the start, now 0.3\n"
        "Change that back, or train a new run; when a run is resumed, only training.epochs, "
        "training.tensorboard and the place of the data may change.\n"
    )
    assert {path: path.read_bytes() for path in Path("run").iterdir()} == before


RESUME_REFUSED = {
    "nothing named": (["--resume"], "name a config"),
    "no run": (["--resume", "other"], "other is not the directory of a run: it has no config.yaml"),
    "no run, with a config": ([SPIRAL, "--resume", "other"], "other is not the directory of a run"),
    "with force": ([SPIRAL, "--resume", "--force"], "give one of them"),
    "twice": ([SPIRAL, "--resume", "run", "--out", "run"], "both name the run's directory"),
}


@pytest.mark.parametrize(("args", "expected"), RESUME_REFUSED.values(), ids=RESUME_REFUSED)
def test_refusals_of_resume(mlp: Mlp, args: list[str], expected: str) -> None:
    Path("other").mkdir()
    Path("other/thesis.txt").write_text("precious")
    code, out, err = mlp("train", *args)
    assert (code, out) == (2, "")
    assert expected in err


def test_data_that_changed_are_not_gone_on_with(mlp: Mlp) -> None:
    shutil.copy(CONFIGS.parent / "datasets" / "iris.csv", "my.csv")
    Path("my.yaml").write_text("data: {name: csv, path: my.csv, target: species}\ntraining: {epochs: 2}\n")
    assert mlp("train", "my.yaml", "--out", "run").code == 0
    with Path("my.csv").open("a") as file:
        file.write("5.0,3.0,1.0,0.1,setosa\n")
    code, _, err = mlp("train", "my.yaml", "--out", "run", "--resume", "--set", "training.epochs=3")
    assert code == 1
    assert "has changed since the run was started" in err
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 2


def test_nobody_else_writes_to_a_run(mlp: Mlp) -> None:
    Path("run").mkdir()
    with contextlib.closing(RunDirectory.reopen(Path("run"))):
        for args in (["--out", "run"], ["--out", "run", "--resume"]):
            code, out, err = mlp("train", SPIRAL, *SHORT, *args)
            assert (code, out) == (1, "")
            assert err.startswith("Error: run is in use: another run is being written there\nWait for it, ")
    assert mlp("train", SPIRAL, *SHORT, "--out", "run").code == 0


def test_data_that_cannot_be_read_leave_no_directory(mlp: Mlp) -> None:
    Path("my.yaml").write_text("data: {name: csv, path: none.csv, target: y}\n")
    assert mlp("train", "my.yaml").code == 1
    assert not Path("runs").exists()


def test_training_goes_on_when_nobody_listens(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("sys.stderr", Closed())
    assert mlp("train", SPIRAL, *SHORT, "--out", "run").code == 0
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 3


def test_fewer_epochs_than_are_done_are_refused(mlp: Mlp) -> None:
    assert mlp("train", SPIRAL, "--set", "training.epochs=3", "--out", "run", "-q").code == 0
    before = Path("run/config.yaml").read_bytes()
    code, _, err = mlp("train", "--resume", "run", "--set", "training.epochs=2")
    assert (code, err) == (
        2,
        "Error: the run in run has done 3 epochs, and training.epochs is 2; give at least 3\n",
    )
    assert Path("run/config.yaml").read_bytes() == before
    assert mlp("train", "--resume", "run", "--set", "training.epochs=3").code == 0


NUMBERS = "a,b,price\n" + "".join(f"{i % 7},{i * i % 11},{i * 1.5}\n" for i in range(60))
PRICES = "data: {name: csv, path: t.csv, target: price}\nmodel: {hidden: [3]}\ntraining: {epochs: 1}\n"
MSE = "mse, since 'price' holds 60 different numbers."


def test_a_loss_that_is_left_out_is_said_with_its_reason(mlp: Mlp) -> None:
    Path("t.csv").write_text(NUMBERS)
    Path("c.yaml").write_text(PRICES)
    code, _, err = mlp("train", "c.yaml", "--out", "run")
    assert code == 0
    assert f"\nloss: {MSE} To take each number as a class: loss: cross_entropy.\n" in err
    assert "\nloss: mse\n" in Path("run/config.yaml").read_text()
    assert mlp("train", "c.yaml", "--quiet").err == (
        f"loss: {MSE} To take each number as a class: loss: cross_entropy.\n"
    )
    assert "since" not in mlp("train", "c.yaml", "--set", "loss=mae").err


def test_every_command_chooses_the_same_loss(mlp: Mlp) -> None:
    Path("t.csv").write_text(NUMBERS)
    Path("c.yaml").write_text(PRICES)
    code, out, err = mlp("train", "c.yaml", "--dry-run")
    assert (code, err) == (0, "")
    assert re.search(r"^loss: mse +# the data$", out, re.MULTILINE)
    assert f"# loss: {MSE}" in out
    Path("resolved.yaml").write_text(out)
    assert "since" not in mlp("train", "resolved.yaml").err
    assert MSE in " ".join(mlp("check", "c.yaml").out.split())
    assert MSE in mlp("data", "describe", "c.yaml").out
    assert json.loads(mlp("data", "describe", "c.yaml", "--json").out)["loss"].startswith(MSE)
    assert "3 x 1 = 3" in mlp("count-params", "c.yaml").out


@pytest.mark.parametrize("command", ["train", "check", "count-params"])
def test_nothing_is_said_of_the_loss_of_data_that_are_wrong(mlp: Mlp, command: str) -> None:
    Path("c.yaml").write_text(PRICES)
    Path("t.csv").write_text(NUMBERS + "1,2\n")
    code, out, err = mlp(command, "c.yaml")
    assert (code, out) == (1, "")
    assert err.startswith("Error: ")


@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_the_bar_leaves_room_for_what_ctrl_c_shows(tmp_path: Path) -> None:
    """A terminal shows ^C behind the bar; on a line of its own, the bar would be drawn a second time."""
    import fcntl
    import struct
    import termios

    terminal, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlpcli", "train", str(SPIRAL), "--out", str(tmp_path / "run")],
        stdin=inside,
        stdout=subprocess.DEVNULL,
        stderr=inside,
        env=environment,
    )
    os.close(inside)
    shown = b""
    with contextlib.suppress(OSError):  # when the other end is closed
        while some := os.read(terminal, 1 << 16):
            shown += some
    os.close(terminal)
    assert process.wait() == 0
    bars = [line for line in re.split("[\r\n]+", shown.decode()) if re.match(r"epoch \d+/200 ", line)]
    assert len(bars) > 1
    assert 50 < max(map(len, bars)) <= 57


def test_a_run_of_a_config_with_a_base_keeps_the_whole(mlp: Mlp, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("data: {name: spiral, points: 50}\ntraining: {epochs: 2}\n")
    (tmp_path / "top.yaml").write_text("base: base.yaml\nmodel: {hidden: [4]}\n")
    out = mlp("train", "top.yaml", "--set", "training.seed=3", "--dry-run").out
    origins = dict(re.findall(r"^ *(\w+): .*# (.*)$", out, re.MULTILINE))
    assert origins["points"] == origins["epochs"] == "base.yaml"
    assert (origins["hidden"], origins["seed"], origins["batch_size"]) == ("top.yaml", "--set", "default")
    assert mlp("train", "top.yaml", "--quiet").code == 0
    (tmp_path / "base.yaml").unlink()
    kept = tmp_path / "runs" / "top" / "config.yaml"
    assert "base" not in kept.read_text()
    assert mlp("train", kept, "--quiet", "--out", "again").code == 0
    assert (tmp_path / "again" / "best.npz").read_bytes() == kept.with_name("best.npz").read_bytes()
