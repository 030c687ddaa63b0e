"""Runs command lines inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mlpcli.cli import run


class Outcome(NamedTuple):
    """How a command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def mlp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Return a function that carries out ``mlp ...`` in an empty folder, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def mlp(*args: object) -> Outcome:
        code = run(list(map(str, args)))
        return Outcome(code, *capsys.readouterr())

    return mlp


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every picture, and write an empty file in its place: to render one takes most of its time."""
    monkeypatch.setattr("mlpcli.figures.style.write", lambda *_, **__: None)
