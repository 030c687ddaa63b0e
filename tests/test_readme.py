"""The README says what the commands say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mlpcli.cli import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLES = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
WRONG = """\
data:
  name: spirals
model:
  hidden: [100, fifty]
  activation: relu
optimizer:
  learning_rat: 1e-2
training:
  epochs: true
"""
NUMBER = re.compile(r" *[\d.,e-]*\d")


def commands() -> Iterator[tuple[str, str]]:
    for console in CONSOLES:
        for block in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
            command, _, output = block.partition("\n")
            yield command, output


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("configs", "datasets"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_every_transcript(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = list(commands())
    assert len(shown) >= 4
    for command, output in shown:
        words, _, pipe = command.partition(" | ")
        run(words.split()[1:])
        captured = capsys.readouterr()
        lines = (captured.out + captured.err).rstrip("\n").splitlines()
        if pipe:
            lines = lines[: int(pipe.removeprefix("head -"))]
        expected = output.rstrip("\n").splitlines()
        if (
            ".npz" in output or ".npz" in command or "check" in command
        ):  # scores and times differ from machine to machine
            lines, expected = ([NUMBER.sub(" n", line) for line in text] for text in (lines, expected))
        assert lines == expected, command


def test_the_config_beside_the_first_transcript_is_the_file() -> None:
    shown = next(block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "spiral" in block)
    assert yaml.safe_load(shown) == yaml.safe_load((ROOT / "configs" / "spiral.yaml").read_text())


def test_every_link_into_the_project_leads_somewhere() -> None:
    pages = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "datasets/README.md")
    for page in (*pages, "configs/notes/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), (page, target)
