"""What commands print: in characters that a terminal shows, and whole where it is data."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import sys
from pathlib import Path

import pytest

import mlpcli.cli
from mlpcli.cli import output
from mlpcli.cli.output import mute, said_muted, show, show_json, tell, write_data

COMMANDS = sorted(Path(mlpcli.cli.__file__).parent.glob("*.py"))
TEXT = "a\x1b[2J\u202eb\x07\x00\x9b\x7f"
SHOWN = r"a\u001b[2J\u202eb\u0007\u0000\u009b\u007f"


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_commands_print_by_these_functions_alone(path: Path) -> None:
    """Nobody can forget to make a text printable."""
    if path.name == "output.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "click.echo", "click.secho", "echo"), f"line {node.lineno}"
            assert not called.endswith((".stdout.write", ".stderr.write")), f"line {node.lineno}"


def test_a_terminal_obeys_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show(TEXT)
    assert tell(TEXT)
    assert capsys.readouterr() == (f"{SHOWN}\n", f"{SHOWN}\n")


def test_lines_and_tabs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    show("a\tb\n  c")
    assert capsys.readouterr().out == "a\tb\n  c\n"


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"name": TEXT})
    assert capsys.readouterr().out == f'{{"name": "{SHOWN}"}}\n'


def test_a_line_on_stderr_has_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    tell(f"Error: {'x' * 1_000_000}: no such file\nanother line")
    first, second = capsys.readouterr().err.splitlines()
    assert len(first) < 2100
    assert first.endswith("x: no such file")
    assert "(998,021 characters)" in first
    assert second == "another line"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_data_are_whole_but_for_a_terminal(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(f"{TEXT}\n")
    assert capfdbinary.readouterr().out == f"{TEXT}\n".encode()
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    write_data(f"{TEXT}\n")
    assert terminal.getvalue() == f"{SHOWN}\n"


def test_a_terminal_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", stream)
    assert not tell("Interrupted.")
    monkeypatch.undo()
    with contextlib.suppress(BrokenPipeError):
        stream.close()


def test_one_of_several_processes_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_muted", None)  # as it is afterwards again
    assert said_muted() == ""
    mute()
    show("a")
    tell("first")
    tell(f"Error: {TEXT}")
    assert said_muted() == f"Error: {SHOWN}"
    assert capsys.readouterr() == ("", "")
