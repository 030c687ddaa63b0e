"""Arguments are completed: configs, runs and checkpoints, data sets, keys and values."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from mlpcli.cli import cli
from mlpcli.config.shipped import shipped_configs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with two configs, a run, a cross-validation and other things."""
    for name in (
        "mine.yaml",
        "sub/other.yml",
        "runs/spiral/config.yaml",
        "runs/cv/folds.json",
        "runs/tried/sweep.yaml",
        ".git/x.yaml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("notes.txt", "rows.csv", "best.npz", "bad\x1b.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completions(*words: str) -> list[str]:
    """Return what the last word may become."""
    *args, typed = words
    return [
        item.value for item in ShellComplete(cli, {}, "mlp", "_MLP_COMPLETE").get_completions(args, typed)
    ]


def test_configs_are_files_and_names() -> None:
    assert completions("train", "") == ["mine.yaml", "runs/", "sub/", *shipped_configs()]
    assert completions("train", "sub/") == ["sub/other.yml"]
    assert completions("check", "m") == ["mine.yaml", "moons"]
    assert completions("train", "notes/dead") == ["notes/dead_relu"]
    assert completions("train", ".g") == [".git/"]
    assert completions("train", "nowhere/") == []


def test_runs_are_directories_and_checkpoints() -> None:
    assert completions("eval", "") == ["best.npz", "runs/", "sub/", "runs/cv", "runs/spiral", "runs/tried"]
    assert completions("compare", "runs/t") == ["runs/tried"]
    assert completions("plot", "runs/s") == ["runs/spiral"]
    assert completions("plot", "runs/cv", "runs/s") == ["runs/spiral"]
    assert completions("train", "--resume", "runs/s") == ["runs/spiral"]


def test_data_sets() -> None:
    assert completions("data", "describe", "mo") == ["moons"]
    assert completions("data", "draw", "mi") == ["mine.yaml"]


def test_keys_and_values() -> None:
    assert completions("train", "mine.yaml", "--set", "regularization.l") == [
        "regularization.l1=",
        "regularization.l2=",
    ]
    assert completions("train", "--set", "optimizer.schedule=cos") == [
        "optimizer.schedule=cosine",
        "optimizer.schedule=coslog4",
    ]
    assert completions("train", "--set", "no.such=") == []


def test_after_a_command_that_there_is_not_nothing_is_offered() -> None:
    assert "train" in completions("trian", "")
    assert completions("trian", "mine") == []


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_argument_that_is_a_config_or_a_run_is_completed() -> None:
    for path, command in commands(cli):
        if path == ("init",):  # whose config is a new file
            continue
        for param in command.params:
            if isinstance(param, click.Argument) and param.name in (
                "config",
                "checkpoint",
                "run",
                "runs",
                "what",
            ):
                assert param._custom_shell_complete is not None, path
            if "--set" in param.opts:
                assert completions(*path, "--set", "training.ep") == ["training.epochs="]


def test_it_is_quick_and_loads_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; from mlpcli.cli import run; run([]);"
        "assert not {'numpy', 'pydantic', 'yaml', 'tqdm'} & set(sys.modules)"
    )
    words = {
        "COMP_WORDS": "mlp train --set optimizer.lea",
        "COMP_CWORD": "3",
        "_MLP_COMPLETE": "bash_complete",
    }
    times = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **words},
            capture_output=True,
            text=True,
            timeout=60,
        )
        times.append(time.perf_counter() - began)
        assert (done.returncode, done.stdout, done.stderr) == (0, "plain,optimizer.learning_rate=\n", "")
    assert min(times) < 2  # 0.15 s on an idle machine
