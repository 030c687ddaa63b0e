"""Groups of commands: listed in the order in which one needs them; an unknown one is told its nearest."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mlpcli.cli.groups import Commands, Later


@click.group(cls=Commands)
def tool() -> None:
    """Do something."""


@tool.command()
def train() -> None:
    """Train."""
    click.echo("trained")


@tool.command()
def draw() -> None:
    """Draw."""


def test_commands_are_listed_in_the_order_in_which_they_were_added() -> None:
    shown = CliRunner().invoke(tool, ["--help"]).output
    assert shown.index("train  Train.") < shown.index("draw   Draw.")


def test_a_command_is_found_by_its_name_alone() -> None:
    assert CliRunner().invoke(tool, ["train"]).output == "trained\n"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("trian", "No such command 'trian'. Did you mean 'train'? (Commands: train, draw)"),
        ("zzz", "No such command 'zzz'. (Commands: train, draw)"),
    ],
)
def test_an_unknown_command_is_told_the_nearest_and_all(word: str, said: str) -> None:
    result = CliRunner().invoke(tool, [word])
    assert result.exit_code == 2
    assert said in result.output


def test_an_unknown_option_is_no_command() -> None:
    result = CliRunner().invoke(tool, ["--trian"])
    assert result.exit_code == 2
    assert "No such option" in result.output


def test_a_command_is_imported_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "tool_of_test.py").write_text(
        "import click\n@click.command()\ndef sing() -> None:\n    click.echo('la')\n"
    )

    @click.group(cls=Commands, later={"sing": Later("tool_of_test:sing", "Sing a song.")})
    def choir() -> None:
        """Make music."""

    assert "sing  Sing a song." in CliRunner().invoke(choir, ["--help"]).output
    assert "Did you mean 'sing'?" in CliRunner().invoke(choir, ["sign"]).output
    assert "tool_of_test" not in sys.modules
    assert CliRunner().invoke(choir, ["sing"]).output == "la\n"
    assert choir.commands["sing"].name == "sing"
    del sys.modules["tool_of_test"]
