"""The mlp command: help, exit codes, and errors that are one readable block."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from mlpcli import __version__
from mlpcli.cli import COMMANDS, cli
from mlpcli.cli.data import data
from mlpcli.errors import CheckpointError, ConfigError, DataError, RunError, UsageError

Mlp = Callable[..., Any]


def python(*args: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, check=False, timeout=60, **kwargs
    )


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from mlpcli.cli import run; run(['--help']);"
        "print(sorted({'numpy', 'pydantic', 'yaml', 'tqdm', 'mlpcli.cli.train'} & set(sys.modules)))"
    )
    result = python("-c", code)
    assert result.returncode == 0
    *shown, loaded = result.stdout.splitlines()
    assert [line.split()[0] for line in shown[-len(cli.commands) :]] == list(cli.commands)
    assert loaded == "[]"


@pytest.mark.parametrize("name", cli.commands)
def test_each_command_has_the_name_by_which_it_is_listed(name: str) -> None:
    assert cli.commands[name].name == name
    assert COMMANDS[name].short_help.endswith(".")


@pytest.mark.parametrize("command", cli.commands)
def test_help_of_each_command_fits_80_columns(mlp: Mlp, command: str) -> None:
    code, out, err = mlp(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: mlp {command} ")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", data.commands)
def test_help_of_each_data_command_fits_80_columns(mlp: Mlp, command: str) -> None:
    code, out, err = mlp("data", command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: mlp data {command} ")
    assert max(map(len, out.splitlines())) <= 80


def test_version(mlp: Mlp) -> None:
    assert mlp("--version") == (0, f"mlp {__version__}\n", "")


def test_runs_as_a_module() -> None:
    result = python("-m", "mlpcli", "count-params", "--layers", "3,4,2")
    assert (result.returncode, result.stderr) == (0, "")
    assert "20 + 6 = 26" in result.stdout


def test_an_interrupt_while_loading_is_no_traceback() -> None:
    code = (
        "import sys, mlpcli.__main__ as entry\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'mlpcli.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "entry.main()\n"
    )
    result = python("-c", code)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


WRONG = {
    "unknown command": (["trian"], "Did you mean 'train'?"),
    "unlike any command": (
        ["zzz"],
        f"(Commands: {', '.join(cli.commands)})",
    ),
    "unknown command of a group": (
        ["data", "fetsh"],
        "'fetch'? (Commands: list, describe, draw, convert, fetch)",
    ),
    "unknown option": (["train", "x.yaml", "--forse"], "--force"),
    "missing argument": (["train"], "name a config, as in mlp train spiral"),
    "missing file": (["train", "x.yaml"], "x.yaml: there is no such file"),
}


@pytest.mark.parametrize(("args", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_ends_with_2(mlp: Mlp, args: list[str], expected: str) -> None:
    code, out, err = mlp(*args)
    assert (code, out) == (2, "")
    assert expected in err
    assert "Error: " in err
    assert "Traceback" not in err


RAISED = {
    "config": (ConfigError("x.yaml:1:1: wrong"), 2, "Error: x.yaml:1:1: wrong\n"),
    "usage": (UsageError("no such split"), 2, "Error: no such split\n"),
    "data": (DataError("no data"), 1, "Error: no data\n"),
    "checkpoint": (CheckpointError("damaged"), 1, "Error: damaged\n"),
    "run": (RunError("diverged"), 1, "Error: diverged\n"),
    "interrupt": (KeyboardInterrupt(), 130, "Interrupted.\n"),
    "memory": (MemoryError(), 1, "Error: out of memory; use a smaller network, batch or data set\n"),
    "disk": (OSError(28, "No space left on device", "a.csv"), 1, "Error: a.csv: No space left on device\n"),
}


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules["mlpcli.cli.count_params"], "_parse_layers", fail)


@pytest.mark.parametrize(("error", "code", "message"), RAISED.values(), ids=RAISED)
def test_errors_become_one_block_and_an_exit_code(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    raising(monkeypatch, error)
    ended = mlp("count-params", "--layers", "3,4")
    assert (ended.code, ended.out, ended.err.lstrip()) == (code, "", message)


def test_a_bug_is_owned_up_to_without_a_traceback(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, ZeroDivisionError("division by zero"))
    code, out, err = mlp("count-params", "--layers", "3,4")
    assert (code, out) == (1, "")
    assert err.startswith("Error: a bug in mlp (ZeroDivisionError: division by zero).\nPlease report it")
    assert "Traceback" not in err
    monkeypatch.setenv("MLP_TRACEBACK", "1")
    assert "Traceback" in mlp("count-params", "--layers", "3,4").err


@pytest.mark.skipif(os.name != "posix", reason="needs pipes that close")
def test_a_reader_that_has_had_enough_is_no_error() -> None:
    layers = ",".join(["5"] * 5000)
    with subprocess.Popen(
        [sys.executable, "-m", "mlpcli", "count-params", "--layers", layers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0
