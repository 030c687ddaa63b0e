"""What is shown while a sweep goes on, in a pipe and in a terminal."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest

from mlpcli.cli.progress import Teller
from mlpcli.cli.sweeping import Board, describe_setting
from mlpcli.sweep.machine import Began, Finished, Waiting
from mlpcli.sweep.messages import Progress
from mlpcli.sweep.record import SweepRow

ROW = SweepRow(
    2, "finished", 1, {"model.hidden": [3]}, 17, {"val_accuracy": 0.5, "val_loss": 1.0}, {}, 2.34, "run-2"
)


def machine(seeds: int = 2, *, is_short: bool = True) -> Any:
    values = {"model.hidden": [3]}
    plan = SimpleNamespace(
        runs=12,
        sweep=SimpleNamespace(seeds=seeds),
        values=lambda run: values if is_short else {"model.hidden": ["x" * 300]},
        training_seed=lambda run: run % 2,
    )
    return SimpleNamespace(score="val_accuracy", at_once=2, plan=plan, ended=1)


def show(board: Board) -> None:
    with board.open():
        board.show(Began(2, {"model.hidden": [3]}, 1))
        board.show(Progress(2, 5, 100, 0.25))
        board.show(Finished(ROW, 2))
        board.show(Began(3, {"model.hidden": ["x" * 300]}, 1))
        board.show(Finished(SweepRow(3, "pruned", 1, {}, 4, {"val_accuracy": 0.1}, {}, 0.0, "r"), 3))
        board.show(Began(4, {"model.hidden": [3]}, 1))
        failed = SweepRow(4, "failed", 1, {}, None, {}, {}, 0.0, "r", "it \x1b[31mdiverged\nSee the log.")
        board.show(Finished(failed, 4))
        board.show(Waiting(2))


LINES = [
    r"run  setting +best epoch  val accuracy      time",
    r"  2  hidden=\[3\] seed=1 +17        50\.00%     2\.3 s",
    r'  3  hidden=\["x+~x+"\] seed=1 +4, pruned        10\.00%     0\.0 s',
    r"  4  hidden=\[3\] seed=1 +0\.0 s",
    r"     failed: it .+diverged",
    r"Nothing waits here; 2 runs on other machines\.",
]


def test_in_a_pipe_each_run_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(Board(machine(), Teller(quiet=False)))
    lines = capsys.readouterr().err.splitlines()
    assert [bool(re.fullmatch(line, shown)) for line, shown in zip(LINES, lines, strict=True)] == [True] * 6
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in "".join(lines)
    show(Board(machine(is_short=False), Teller(quiet=False)))  # which has more room for long settings
    assert max(map(len, capsys.readouterr().err.splitlines())) == 100
    show(Board(machine(), Teller(quiet=True)))
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_runs_at_hand_and_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    show(Board(machine(), Teller(quiet=False)))
    text = re.sub(r"\x1b\[[0-9;]*[A-Z]|\r", "\n", terminal.getvalue())
    shown = [line.rstrip() for line in text.splitlines()]
    for line in LINES:
        assert any(re.fullmatch(line, each) for each in shown), line
    assert any(re.fullmatch(r"  2  hidden=\[3\] seed=1 +5 of 100        25\.00%", line) for line in shown)
    assert any(re.match(r"4 of 12 runs ", line) for line in shown)
    assert max(map(len, shown)) <= 77


def test_a_terminal_shows_some_of_many_runs_at_hand_and_how_far_all_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    many = machine()
    many.at_once, many.ended = 12, 0
    board = Board(many, Teller(quiet=False))
    with board.open():
        for run in range(1, 13):
            board.show(Began(run, {"model.hidden": [run]}, 0))
        for run in range(1, 13):
            board.show(Progress(run, 50, 100, 0.25))
        board.show(Finished(SweepRow(1, "finished", 0, {}, 9, {}, {}, 1.0, "run-01"), 1))
        settings = [bar.desc.split()[1] for bar in board._bars[:-2]]
        assert settings == [f"hidden=[{run}]" for run in range(2, 9)]
        assert board._bars[-2].desc.strip() == "and 4 more"
        assert board._bars[-1].desc == "1 of 12 runs"
        assert board._bars[-1].n == pytest.approx(1 + 11 / 2)


@pytest.mark.parametrize(
    ("values", "seed", "text"),
    [
        (
            {"model.hidden": [3, 4], "optimizer.learning_rate": 0.0123456},
            None,
            "hidden=[3, 4] learning_rate=0.01235",
        ),
        ({"loss.name": "mse", "model.init.name": "he"}, 4, "loss=mse init=he seed=4"),
        ({}, 1, "seed=1"),
        ({}, None, ""),
    ],
)
def test_a_setting_is_described_in_a_line(values: dict[str, Any], seed: int | None, text: str) -> None:
    assert describe_setting(values, seed) == text


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (60, "hidden=[16] learning_rate=0.03305 l2=0.005913 seed=0"),
        (50, "hidden=[16] learn~_rate=0.03305 l2=0.005913 seed=0"),
        (45, "hidden=[16] lea~te=0.03305 l2=0.005913 seed=0"),
        (38, "hidden=[16] lea~te=0.03305 ... seed=0"),
        (22, "hidden=[16] ... seed=0"),
    ],
)
def test_a_setting_is_shortened_so_that_numbers_are_whole_behind_their_keys(room: int, text: str) -> None:
    values = {"model.hidden": [16], "optimizer.learning_rate": 0.03305, "regularization.l2": 0.005913}
    assert describe_setting(values, 0, room) == text


def test_a_long_list_is_cut_between_its_numbers() -> None:
    assert describe_setting({"model.hidden": [128] * 9}, None, 30) == "hidden=[128, 128, 128, ..."
