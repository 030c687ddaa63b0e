"""Terminals that are narrow, gone, plain or not there: training goes on, and what it says can be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from usual import only

SPIRAL = Path(__file__).parents[2] / "configs" / "spiral.yaml"
TRAIN = [sys.executable, "-m", "mlpcli", "train", str(SPIRAL), "--set", "training.epochs=30", "--out", "run"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell and terminals")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which ``train`` stands for a run of 30 epochs."""
    quoted = " ".join(f"'{word}'" for word in TRAIN)
    return subprocess.run(
        ["sh", "-c", command.replace("train", quoted)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def epochs(folder: Path) -> int:
    return len((folder / "run" / "metrics.jsonl").read_text().splitlines())


COMMANDS = [
    "(train 2>&1; echo $? >code) | head -1",  # the progress is not wanted any more
    "(train 2>err; echo $? >code) | true",  # nor the summary
    "train >&-; echo $? >code",
    "train 2>&-; echo $? >code",
    "train >&- 2>&-; echo $? >code",
    "train </dev/null >out 2>err; echo $? >code",
]


@pytest.mark.parametrize("command", only({"train >&- 2>&-; echo $? >code"}, COMMANDS))
def test_it_trains_to_the_end_whoever_listens(command: str, tmp_path: Path) -> None:
    result = shell(command, tmp_path)
    assert "Traceback" not in result.stdout + result.stderr
    assert "rror" not in result.stderr
    assert epochs(tmp_path) == 30
    assert (tmp_path / "code").read_text() == "0\n"


@pytest.mark.exhaustive
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_progress_that_cannot_be_written_is_not_needed(tmp_path: Path) -> None:
    assert shell("train 2>/dev/full", tmp_path).returncode == 0
    assert epochs(tmp_path) == 30
    full = shell("train --force >/dev/full", tmp_path)
    assert full.returncode == 1
    assert full.stderr.endswith("Error: the output: No space left on device\n")


@pytest.mark.exhaustive
@pytest.mark.parametrize("environment", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {}])
def test_a_log_has_a_plain_line_an_epoch(environment: dict[str, str], tmp_path: Path) -> None:
    result = shell("train 2>log", tmp_path, **environment)
    log = (tmp_path / "log").read_text(encoding="ascii")
    assert len(re.findall(r"^epoch \d+, train loss .* s$", log, re.MULTILINE)) == 30
    assert not re.search(r"[\r\x1b]", log + result.stdout)


@pytest.mark.parametrize("locale", only({"C.UTF-8"}, ["C", "C.UTF-8"]))
def test_a_narrow_terminal_gets_a_bar_that_fits(locale: str, tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    environment = {"LC_ALL": locale, "NO_COLOR": "1", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    with subprocess.Popen(
        TRAIN, cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's way of saying that the other side is closed
                break
            if not part:
                break
            said += part
        os.close(ours)
        assert process.wait() == 0
    text = said.decode("ascii" if locale == "C" else "utf-8")
    bars = [bar for bar in re.split(r"[\r\n]+", text) if bar.startswith("epoch ")]
    assert bars[-1].startswith("epoch 30/30")
    assert max(map(len, bars)) <= 40
    assert "\x1b[" not in text.replace("\x1b[A", "")
