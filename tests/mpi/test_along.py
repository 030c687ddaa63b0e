"""mlp train by several processes: one voice, one directory, and one end for all."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from usual import only

from mlpcli.config.loader import load_experiment
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import train_run

Together = Callable[..., subprocess.CompletedProcess[str]]
CONFIG = """
data: {name: spiral, points: 90}
model: {hidden: [{units: 10, dropout: 0.2}], norm: batch}
training: {epochs: 3, batch_size: 16}
"""
TRAIN = ["-m", "mlpcli", "train", "t.yaml", "-q"]
# Process 1 alone fails, in these ways.
BROKEN = """
import sys
from mlpcli.__main__ import main
from mlpcli.errors import DataError
from mlpcli.training.loop import Trainer
import mlpcli.mpi.along

def missing(experiment):
    raise DataError("t.csv: no such file")

def bug(self, state):
    raise IndexError("oops")

if sys.argv.pop(1) == "data":
    mlpcli.mpi.along.load_splits = missing
else:
    Trainer._take_step = bug
main()
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "t.yaml"
    path.write_text(CONFIG)
    return path


def test_a_run_of_two_processes_is_resumed_by_one(together: Together, tmp_path: Path, config: Path) -> None:
    """Its config leaves the shards open: each process takes one, and the run keeps their number."""
    begun = together(2, *TRAIN, "--set", "training.epochs=2", "--out", "r")
    assert (begun.returncode, begun.stderr) == (0, "")
    assert begun.stdout.count("Best epoch") == 1
    assert "2 processes on this machine, 2 shards of each batch" in (tmp_path / "r/run.log").read_text()
    train_run(load_experiment(config), RunDirectory.reopen(tmp_path / "r"))
    whole = RunDirectory.create("t", tmp_path / "whole")
    train_run(load_experiment(config, ["training.shards=2"]), whole)
    for name in ("last.npz", "config.yaml"):
        assert (tmp_path / "r" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


WRONG = {
    "an unknown option": (["--sett", "a"], 2, "--sett is no option"),
    "an unknown key": (["--set", "training.epoch=3"], 2, 'unknown key "epoch"'),
    "shards that cannot be shared": (["--set", "training.shards=3"], 2, "cannot be shared by 2 processes"),
    "several members": (
        ["--set", "model.members=2", "--set", "model.norm=none"],
        2,
        "model.members: 2 cannot",
    ),
    "folds": (["--folds", "3"], 2, "a cross-validation trains several networks"),
    "a divergence": (["--set", "optimizer={name: sgd, learning_rate: 1e30}"], 1, "training diverged"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", only(["a divergence"], WRONG))
def test_what_is_wrong_is_said_once(together: Together, config: Path, name: str) -> None:
    arguments, code, message = WRONG[name]
    done = together(2, *TRAIN, *arguments)
    assert done.returncode == code
    assert done.stderr.count(message) == 1
    assert done.stderr.count("Error") == 1
    assert "Traceback" not in done.stderr
    assert "Abort" not in done.stderr


ALONE = {
    "data": "process 1 of 2 cannot begin: t.csv: no such file",
    "bug": "In process 1 of 2: Error: a bug in mlp (IndexError: oops)",
}


@pytest.mark.parametrize("how", only([], ALONE))
def test_a_process_that_fails_alone_ends_all_and_says_why(
    mpiexec: Callable[..., list[str]],
    environment: dict[str, str],
    tmp_path: Path,
    config: Path,
    how: str,
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    command = [
        *mpiexec(1, sys.executable, *TRAIN, "--out", "r"),
        *(":", *mpiexec(1, sys.executable, "broken.py", how, *TRAIN[2:], "--out", "r")[1:]),
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count(ALONE[how]) == 1
    assert "Traceback" not in done.stderr
    assert (tmp_path / "r").exists() == (how != "data")


# One process gets a signal, always in the middle of an epoch. A kill between best.npz and last.npz, which are
# written at its end, would let nobody change the number of epochs.
HIT = """
import os, sys
from mlpcli.__main__ import main
from mlpcli.training.loop import Trainer

number = int(sys.argv.pop(1))
take_step = Trainer._take_step

def hit(self, state):
    if (state.number, state.batch) == (3, 3):
        os.kill(os.getpid(), number)
    take_step(self, state)

Trainer._take_step = hit
main()
"""
SIGNALS = {
    "killed": (signal.SIGKILL, 1),
    "the first one killed": (signal.SIGKILL, 0),
    "asked": (signal.SIGTERM, 1),
}


@pytest.mark.parametrize("name", only([], SIGNALS))
def test_a_process_that_ends_takes_the_others_along_and_another_number_goes_on(
    mpiexec: Callable[..., list[str]],
    environment: dict[str, str],
    together: Together,
    tmp_path: Path,
    config: Path,
    name: str,
) -> None:
    number, rank = SIGNALS[name]
    (tmp_path / "hit.py").write_text(HIT)
    arguments = [*TRAIN, "--set", "training.shards=4", "--set", "training.checkpoint_every=1"]
    long = [*arguments, "--set", "training.epochs=100000", "--out", "r"]
    hit = ["hit.py", f"{number:d}", *long[2:]]
    first, second = (
        mpiexec(1, sys.executable, *command) for command in ((hit, long) if rank == 0 else (long, hit))
    )
    command = [*first, ":", *second[1:]]
    job = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert job.returncode != 0
    if number == signal.SIGTERM:
        assert job.stderr.count("everything is saved") == 1
    else:
        assert "killed" in (job.stdout + job.stderr).lower()  # by mpiexec
    last = load_checkpoint(tmp_path / "r" / "last.npz")
    assert last.resume is not None
    for out_folder in ("one", "four"):
        shutil.copytree(tmp_path / "r", tmp_path / out_folder)
    changes = ["training.shards=4", "training.checkpoint_every=1", f"training.epochs={last.epoch + 2}"]
    train_run(load_experiment(config, changes), RunDirectory.reopen(tmp_path / "one"))
    done = together(4, *TRAIN, *(f"--set={change}" for change in changes), "--resume", "four")
    assert (done.returncode, done.stderr) == (0, "")
    one, four = ((tmp_path / name / "last.npz").read_bytes() for name in ("one", "four"))
    assert one == four
