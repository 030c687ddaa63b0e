"""Progress: what is shown of a run while it is trained."""

from __future__ import annotations

import sys

import pytest

from mlpcli.cli.progress import Teller, describe_place, follow
from mlpcli.config.loader import make_experiment
from mlpcli.training.run import Run


def small_run(epochs: int = 3) -> Run:
    return Run(make_experiment({"data": "moons", "training": {"epochs": epochs}}))


def test_there_is_a_line_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    rates = follow(small_run(), Teller(quiet=False))
    assert len(rates) == 3
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "epoch 1",
        "epoch 2",
        "epoch 3",
    ]


def test_there_is_none_if_none_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(follow(small_run(), Teller(quiet=True))) == 3
    assert capsys.readouterr().err == ""


def test_there_is_a_bar_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    follow(small_run(), Teller(quiet=False))
    assert "epoch 3/3" in capsys.readouterr().err


def test_notes_are_shown_even_if_no_progress_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    say = Teller(quiet=True)
    say("progress")
    say.note("a note")
    assert capsys.readouterr().err == "a note\n"


def test_the_place_of_a_run() -> None:
    run = small_run()
    assert describe_place(run) == "after epoch 0 of 3"
    for _ in run.epochs():
        run.stop()
    assert describe_place(run) == "after epoch 1 of 3"
