"""Hints: each topic that an error names has one, and rooms below the command line name no options."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from mlpcli.cli import cli
from mlpcli.cli.hints import HINTS, with_hint
from mlpcli.errors import MlpError, RunError

PACKAGE = Path(__file__).parents[2] / "mlpcli"
COMMANDS = "|".join(cli.commands)
OPTION = re.compile(rf"(?<![\w(-])--[a-z]|\bmlp ({COMMANDS})\b")

# These are no messages: a change that was given as an option is told as it was given; pages and the figures
# of the notes show commands that do the same; names in CSS look like options.
EXCEPT = {
    "config/loader.py": {"--set "},
    "config/changes.py": {"--set "},
    "figures/notes/draw.py": {": mlp train ", " --set "},
    "figures/report.py": {"mlp train --resume ", "mlp train ", "mlp eval ", "mlp plot "},
    "figures/sweep_page.py": {"mlp eval ", "mlp report ", "mlp compare "},
    "figures/svg.py": {"--c"},
    "play/commands.py": {"mlp train ", " is this network: mlp eval "},
}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def topics() -> set[str]:
    """Return the topics that errors are raised with anywhere in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(tree_of(path)) if "topic=" in path.read_text(encoding="utf-8") else ():
            if isinstance(node, ast.keyword) and node.arg == "topic":
                found |= {part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)}
    return found


def test_the_topics_of_errors_are_those_that_have_a_hint() -> None:
    assert topics() - {None} == HINTS.keys()


def test_an_error_without_a_topic_is_shown_as_it_is() -> None:
    assert with_hint(MlpError("It is {wrong}.")) == "It is {wrong}."


def test_a_hint_follows_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HINTS, "test", "Say --{option}.")
    assert (
        with_hint(RunError("It is {wrong}.", topic="test", option="right")) == "It is {wrong}.\nSay --right."
    )


def strings(path: Path) -> set[str]:
    """Return the strings of a file, pieces of f-strings among them, without its docstrings."""
    tree = tree_of(path)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    }


def test_rooms_below_the_command_line_name_no_option_and_no_command() -> None:
    """Their messages are also read by those who call them from Python."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        text = path.read_text(encoding="utf-8")
        if "--" not in text and "mlp " not in text:
            continue
        named = {said for said in strings(path) if OPTION.search(said)}
        if named and not name.startswith("cli/"):
            found[name] = named
    assert found == EXCEPT
