"""Messages are wrapped for a terminal; what a user copies from them stays whole."""

from __future__ import annotations

import io

import pytest

from mlpcli.cli.wrapping import fit_terminal, wrap

LONG = "/a/long/path/to/a/table-of-somebody/in-a-folder.csv"

WRAPPED = {
    "short lines": ("Error: no.\nTry again.", "Error: no.\nTry again."),
    "prose": (
        "one two three four five six seven eight nine",
        "one two three four five six seven eight\nnine",
    ),
    "a path": (f"Error: {LONG}: no such file", f"Error:\n{LONG}:\nno such file"),
    "a command": (
        "Resume with: mlp train --resume runs/a --set training.epochs=50",
        "Resume with:\n  mlp train --resume runs/a --set training.epochs=50",
    ),
    "lines of a config": ("  optimizer: {name: adam, learning_rate: 0.1, beta1: 0.5}", None),
    "a section": (
        "it is a file; write data: {name: csv, path: a.csv, target: COLUMN}",
        "it is a file; write data:\n{name: csv, path: a.csv, target: COLUMN}",
    ),
    "a name in quotes": (
        "the table has no column 'fixed acidity of the wine' at all",
        "the table has no column\n'fixed acidity of the wine' at all",
    ),
    "an open quotation mark": (
        "it is what the user's table has in its last column",
        "it is what the user's table has in its\nlast column",
    ),
    "blank lines": ("a\n\nb\n", "a\n\nb\n"),
}


@pytest.mark.parametrize("message", WRAPPED)
def test_lines_are_broken_at_blanks_of_prose(message: str) -> None:
    text, expected = WRAPPED[message]
    assert wrap(text, 40) == (text if expected is None else expected)
    assert wrap(text, 200) == text


def test_what_is_no_terminal_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (None, io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        assert fit_terminal("word " * 100) == "word " * 100
