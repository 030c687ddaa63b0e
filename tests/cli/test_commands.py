"""Command lines in messages can be pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mlpcli.cli.commands import command_line, quoted


@pytest.mark.parametrize("word", ["model.hidden=[3]", "my runs/a", "it's", "*.csv", "$HOME", "~/a", "a;b"])
def test_words_are_quoted(word: str) -> None:
    assert quoted(word)[0] in "'\""
    assert shlex.split(command_line("train", word)) == ["mlp", "train", word]


def test_a_path_is_never_read_as_an_option() -> None:
    assert command_line("train", "--resume", Path("-run")) == "mlp train --resume ./-run"


def test_plain_words_stay_as_they_are() -> None:
    assert command_line("train", "spiral", "--set", "a.b=1e-3") == "mlp train spiral --set a.b=1e-3"
