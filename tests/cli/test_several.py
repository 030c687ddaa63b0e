"""mlp train of several networks: it stops, fails and goes on as that of one does."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.training.directory import RunDirectory
from mlpcli.training.loop import Trainer
from mlpcli.training.start import start_run

FEW = ("--set", "training.epochs=3")
KINDS = {"seeds": ("--seeds", 3), "folds": ("--folds", 3)}
NOUNS = {"seeds": "runs", "folds": "folds"}
Mlp = Callable[..., Any]

pytestmark = pytest.mark.parametrize("kind", KINDS)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.log", "metrics.jsonl")
    }


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function after which the process gets a SIGINT in the epoch of that number, once."""
    whole = Trainer.begin

    def interrupt_in(number: int) -> None:
        begun = iter(range(10**9))

        def begin(self: Any, epoch: int) -> Any:
            if next(begun) == number:
                os.kill(os.getpid(), signal.SIGINT)
            return whole(self, epoch)

        monkeypatch.setattr(Trainer, "begin", begin)

    return interrupt_in


@pytest.mark.parametrize(
    ("epoch", "by"),
    [
        (4, "config"),
        *(
            pytest.param(*way, marks=pytest.mark.exhaustive)
            for way in [*((epoch, "directory") for epoch in (0, 2, 3, 8)), (5, "out")]
        ),
    ],
)
def test_a_signal_ends_it_and_it_goes_on_to_the_same_bytes(
    mlp: Mlp, tmp_path: Path, interrupted: Callable[[int], None], kind: str, epoch: int, by: str
) -> None:
    several = ("train", "iris", *KINDS[kind], *FEW)
    mlp(*several, "--out", "runs/whole")
    interrupted(epoch)
    code, out, err = mlp(*several)
    assert (code, out) == (130, "")
    assert re.search(
        rf"Interrupted after epoch \d of 3, with \d of 3 {NOUNS[kind]} done; everything is saved\.", err
    )
    assert "Resume with: mlp train --resume runs/iris\n" in err
    interrupted(10**8)
    again = {
        "directory": ("train", "--resume", "runs/iris"),
        "config": (*several, "--resume"),
        "out": ("train", "--out", "runs/iris", "--resume"),
    }[by]
    code, out, err = mlp(*again)
    assert code == 0
    assert f"resumed with 0 of 3 {NOUNS[kind]} done" in err
    assert contents(tmp_path / "runs" / "iris") == contents(tmp_path / "runs" / "whole")


def test_a_second_signal_ends_at_once(mlp: Mlp, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def impatient(self: Any, number: int) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second signal has ended it")

    monkeypatch.setattr(Trainer, "begin", impatient)
    code, _, err = mlp("train", "iris", *KINDS[kind], *FEW)
    assert code == 130
    assert "Interrupted; what was saved before is kept.\nResume with: mlp train --resume runs/iris" in err


@pytest.mark.parametrize("made", [1, 2])
def test_a_signal_while_a_run_is_made(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, made: int
) -> None:
    mlp("train", "iris", *KINDS[kind], *FEW, "--out", "runs/whole")
    numbers = iter(range(1, 100))

    def start(*args: Any, **settings: Any) -> Any:
        if next(numbers) == made:
            os.kill(os.getpid(), signal.SIGINT)
        return start_run(*args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr("mlpcli.cohort.waves.start_run", start)
        code, out, err = mlp("train", "iris", *KINDS[kind], *FEW)
    assert (code, out) == (130, "")
    assert f"with 0 of 3 {NOUNS[kind]} done; everything is saved.\nResume with: " in err
    assert mlp("train", "--resume", "runs/iris").code == 0
    assert contents(tmp_path / "runs" / "iris") == contents(tmp_path / "runs" / "whole")


@pytest.mark.parametrize("after", [0, 4])
def test_a_full_disk_is_told_with_what_goes_on(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, kind: str, after: int
) -> None:
    """What is resumed are all runs, whichever could not be written."""
    whole, rows = RunDirectory.append_metrics, iter(range(100))

    def full(self: RunDirectory, row: dict[str, Any]) -> None:
        if next(rows) == after:
            raise OSError(errno.ENOSPC, "No space left on device", str(self.metrics))
        whole(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "append_metrics", full)
        code, out, err = mlp("train", "iris", *KINDS[kind], *FEW)
    assert (code, out) == (1, "")
    assert re.search(r"runs/iris/[a-z]+-\d/metrics.jsonl cannot be written: No space left on device\.", err)
    assert err.endswith(
        "\nWhat was saved before is whole.\n"
        "Once it can be written, resume with: mlp train --resume runs/iris\n"
    )
    assert mlp("train", "--resume", "runs/iris").code == 0
