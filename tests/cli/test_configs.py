"""A run whose project folder was moved: every command finds its data, or says which option names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Mlp = Callable[..., Any]

TABLE = "u,v,y\n" + "".join(f"{2 * i},{i * i % 7},{'ab'[i // 30]}\n" for i in range(60))
CONFIG = "data: {name: csv, path: table.csv, target: y}\nmodel: {hidden: [4]}\ntraining: {epochs: 2}\n"


@pytest.fixture
def moved(mlp: Mlp) -> Path:
    """Return the working directory, to whose folder new/ a project with a run was moved."""
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


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_find_the_data_of_a_moved_run(mlp: Mlp, moved: Path, command: str) -> None:
    code, out, err = mlp(*COMMANDS[command])
    assert (code, "Error" in err) == (0, False), err
    assert out
    finds_another_file = command in ("resume", "train again", "check", "count-params", "data describe")
    note = f"{moved}/old/table.csv is not there; the data are read from {moved}/new/table.csv."
    assert (note in err) == finds_another_file


WITH_DATA = ["plot", "plot --text", "report", "eval", "resume", "resume with the config"]


@pytest.mark.parametrize("command", WITH_DATA)
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
