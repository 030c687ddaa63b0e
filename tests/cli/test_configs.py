"""The config of a run is found, also if it was moved; data that are not there have an option to name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from usual import some

from mlpcli.figures.svg import Drawing

Mlp = Callable[..., Any]

TABLE = "u,v,y\n" + "".join(f"{2 * i},{i * i % 7},{'ab'[i // 30]}\n" for i in range(60))
CONFIG = "data: {name: csv, path: table.csv, target: y}\nmodel: {hidden: [4]}\ntraining: {epochs: 2}\n"


@pytest.fixture
def moved(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, to whose folder new/ a project with a run was moved.

    The pictures of its report are not rendered, which takes seconds.
    """
    monkeypatch.setattr("mlpcli.figures.report.take_apart", lambda *_, **__: Drawing([], [], ""))
    Path("old").mkdir()
    Path("old/table.csv").write_text(TABLE)
    Path("old/c.yaml").write_text(CONFIG)
    assert mlp("train", "old/c.yaml", "--out", "old/runs/c").code == 0
    Path("old").rename("new")
    return Path.cwd()


COMMANDS = {
    "plot": ["plot", "new/runs/c", "--kind", "boundary"],
    "plot --text": ["plot", "new/runs/c", "--text"],
    "report": ["report", "new/runs/c"],
    "eval": ["eval", "new/runs/c/best.npz"],
    "resume": ["train", "--resume", "new/runs/c", "--set", "training.epochs=3"],
    "resume with the config": ["train", "new/c.yaml", "--resume", "new/runs/c"],
    "train again": ["train", "new/runs/c/config.yaml", "--out", "again"],
    "check": ["check", "new/runs/c/config.yaml"],
    "count-params": ["count-params", "new/runs/c/config.yaml"],
    "data describe": ["data", "describe", "new/runs/c/config.yaml"],
}


@pytest.mark.parametrize("command", some(COMMANDS, 3))
def test_commands_find_the_data_of_a_moved_run(mlp: Mlp, moved: Path, command: str) -> None:
    code, out, err = mlp(*COMMANDS[command])
    assert (code, "Error" in err) == (0, False), err
    assert out
    finds_another_file = command in ("resume", "train again", "check", "count-params", "data describe")
    note = f"{moved}/old/table.csv is not there; the data are read from {moved}/new/table.csv."
    assert (note in err) == finds_another_file


WITH_DATA = ["plot", "plot --text", "report", "eval", "resume", "resume with the config"]


@pytest.mark.parametrize("command", some(WITH_DATA, 3))
def test_data_that_are_nowhere_are_named_with_an_option(mlp: Mlp, moved: Path, command: str) -> None:
    Path("new/table.csv").rename("t.csv")
    code, _, err = mlp(*COMMANDS[command])
    assert code == 1
    assert "new/table.csv: no such file" in err
    assert "If the data have moved, name them with --data." in err
    assert mlp(*COMMANDS[command], "--data", "t.csv").code == 0


def test_data_are_not_named_for_a_new_run(mlp: Mlp, moved: Path) -> None:
    code, _, err = mlp("train", "new/c.yaml", "--data", "t.csv")
    assert code == 2
    assert "--data is for --resume; for a new run: --set data.path=t.csv" in err


@pytest.fixture
def runs(mlp: Mlp) -> None:
    """Leave a run in runs/c and a cross-validation in runs/f."""
    Path("table.csv").write_text(TABLE)
    Path("c.yaml").write_text(CONFIG)
    assert mlp("train", "c.yaml", "-q").code == 0
    assert mlp("train", "c.yaml", "-q", "--folds", "2", "--out", "runs/f").code == 0


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("named", ["runs/c", "runs/c/best.npz", "runs/f", "runs/f/folds.npz"])
@pytest.mark.parametrize("command", [["data", "describe"], ["count-params"]], ids=" ".join)
def test_a_run_or_a_checkpoint_stands_for_its_config(mlp: Mlp, command: list[str], named: str) -> None:
    code, out, err = mlp(*command, named)
    assert (code, err) == (0, "")
    assert out.split("\n\n")[0] == mlp(*command, "c.yaml").out.split("\n\n")[0]


@pytest.mark.usefixtures("runs")
def test_a_run_is_checked_with_options(mlp: Mlp) -> None:
    code, out, _ = mlp("check", "runs/c", "--set", "training.epochs=7")
    assert code in (0, 1)
    assert "for 7 epochs" in out


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("named", "what", "run", "config"),
    [
        ("runs/c", "a run", "runs/c", "runs/c/config.yaml"),
        ("runs/c/last.npz", "a checkpoint", "runs/c", "runs/c/config.yaml"),
        ("runs/f", "a run", "runs/f", "runs/f/fold-1/config.yaml"),
    ],
)
def test_train_asks_whether_a_run_goes_on(mlp: Mlp, named: str, what: str, run: str, config: str) -> None:
    code, out, err = mlp("train", named)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"Error: {named} is {what}, and a config is needed here.",
        f"To go on with the run: mlp train --resume {run}",
        f"To train its config anew: mlp train {config}",
    ]


@pytest.mark.usefixtures("runs")
def test_rows_before_the_run_are_told_apart(mlp: Mlp) -> None:
    code, out, err = mlp("predict", "table.csv", "runs/c")
    assert (code, out) == (2, "")
    assert err.endswith("which is named first, and the rows after it: mlp predict runs/c table.csv\n")
