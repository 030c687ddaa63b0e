"""What beginners type wrong is answered by what they meant; every command in an answer can be pasted."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlpcli.cli.wrapping import wrap

Mlp = Callable[..., Any]
Trained = Callable[..., Any]

PROJECT = Path(__file__).parents[2]
MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yaml").read_text(encoding="utf-8"))
FOREIGN = {
    "a.xlsx": b"PK\x03\x04" + bytes(100),
    "a.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "m.pt": b"PK\x03\x04" + bytes(100),
    "m.pkl": b"\x80\x04\x95abc",
    "m.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
}
COMMAND = re.compile(r"(?:: |^  |^next +|^ {5,})(mlp [a-z-]+ .*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what a beginner has."""
    folder = tmp_path_factory.mktemp("beginner")
    for name in ("iris.csv", "digits.npz"):
        shutil.copy(PROJECT / "datasets" / name, folder / name)
    shutil.copy(PROJECT / "configs" / "spiral.yaml", folder / "spiral.yaml")
    (folder / "iris.csv.gz").write_bytes(gzip.compress((folder / "iris.csv").read_bytes()))
    for name, content in FOREIGN.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    for name, of in (("spiral", "spiral"), ("flowers", "iris")):
        shutil.copytree(trained(of, "training.epochs=2").path, folder / "runs" / name)
    return folder


def commands(text: str) -> list[str]:
    """Return the commands in a message."""
    return [command for command in COMMAND.findall(text) if "[OPTIONS]" not in command]


def assert_can_be_pasted(command: str) -> None:
    """Check that a shell, zsh too, reads a command as it is meant."""
    assert shlex.split(command)[0] == "mlp"
    unquoted = re.sub(r"'[^']*'|\"[^\"]*\"", "", command)
    assert not re.search(r"[\[\]{}()*?$<>|&;~#]", unquoted), command


@pytest.mark.exhaustive
def test_what_a_run_says_to_type_next_can_be_pasted(mlp: Mlp) -> None:
    """Each command is also carried out: it finds the run, whose path has blanks, brackets and quotes."""
    run, folds = "my runs/[it's]", "my runs/-f (2)"
    shutil.copy(PROJECT / "datasets" / "iris.csv", "my iris.csv")
    Path("my config.yaml").write_text(
        "data: {name: csv, path: my iris.csv, target: species}\nmodel: {hidden: 4}\ntraining: {epochs: 2}\n"
    )
    said = [
        mlp("train", "my config.yaml", "-q", "--out", run).out,
        mlp("train", "my config.yaml", "-q", "--folds", "2", "--out", folds).out,
        mlp("train", run).err,
        mlp("eval", "my config.yaml").err,
        mlp("predict", "my iris.csv", run).err,
    ]
    found = [command for text in said for command in commands(text)]
    assert len(found) == 9, found
    for command in found:
        assert_can_be_pasted(command)
        assert mlp(*shlex.split(command)[1:]).code == 0, command


@pytest.mark.exhaustive
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_gets_lines_that_end_between_words(tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    (tmp_path / "my.yaml").write_text("data: spirl\nlr: 0.1\nmodel:\n  hiden: 3\n  activation: swish\n")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    typed = [sys.executable, "-m", "mlpcli", "train", "my.yaml"]
    subprocess.run(typed, cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL, check=False)
    os.close(theirs)
    lines = os.read(ours, 100_000).decode().splitlines()
    os.close(ours)
    assert max(map(len, lines)) <= 80
    piped = subprocess.run(typed, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert " ".join(lines).split() == piped.stderr.split()
    assert [line for line in lines if "^" in line] == ["        ^", "  ^", "    ^", "                ^"]
    assert lines[-1] == "4 problems in all; the first is at my.yaml:1:7"


def test_there_are_enough_mistakes() -> None:
    assert len(MISTAKES) >= 100


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["typed"])
def test_a_mistake_is_answered(
    mlp: Mlp, folder: Path, monkeypatch: pytest.MonkeyPatch, mistake: dict[str, Any]
) -> None:
    monkeypatch.chdir(folder)
    Path("my.yaml").unlink(missing_ok=True)
    if "config" in mistake:
        Path("my.yaml").write_text(mistake["config"])
    before = sorted(Path().rglob("*"))
    for module in mistake.get("without", ()):
        monkeypatch.setitem(sys.modules, module, None)
    code, out, err = mlp(*shlex.split(mistake["typed"]))
    said = " ".join(err.split())
    assert (code, out) == (mistake.get("code", 2), ""), said
    for words in mistake["says"]:
        assert words in said
    for words in mistake.get("not", ()):
        assert words not in said
    assert "a bug in mlp" not in said
    if code == 2:  # nothing was started
        assert sorted(Path().rglob("*")) == before
    for command in commands(err):
        assert_can_be_pasted(command)
    for line in wrap(err, 80).splitlines():  # what is indented is to be copied, or is a line of a table
        assert len(line) <= 80 or line.startswith("  ") or " " not in line, line
