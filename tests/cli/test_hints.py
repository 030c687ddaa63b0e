"""Hints: each topic that an error names has one, and rooms below the command line name no options."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mlpcli.cli.hints import HINTS, with_hint
from mlpcli.errors import MlpError, RunError

PACKAGE = Path(__file__).parents[2] / "mlpcli"


def topics() -> set[str]:
    """Return the topics that errors are raised with anywhere in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
