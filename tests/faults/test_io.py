"""Every write, flush to disk, rename and truncation fails in turn; nothing that was saved is ever lost."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from usual import only

from mlpcli.cli import run
from mlpcli.training.checkpoints import load_checkpoint

CONFIG = """
data: {name: spiral, points: 60}
model: {hidden: [5], dropout: 0.2}
training: {epochs: 3, batch_size: 18, checkpoint_every: 1}
"""
CODES = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT)


class Faults:
    """Counts what is asked of the file system, and refuses the request number ``refused``.

    A disk that is full stays so: where refusals are ``lasting``, all that follow are refused too.
    """

    def __init__(self, refused: int | None, lasting: bool) -> None:
        self.refused, self.lasting, self.count = refused, lasting, 0

    def ask(self, path: Any) -> None:
        self.count += 1
        if self.refused is not None and (
            self.count == self.refused or (self.lasting and self.count > self.refused)
        ):
            code = CODES[self.refused % len(CODES)]
            raise OSError(code, os.strerror(code), str(path))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Stand between the product and the file system."""

        class File(io.FileIO):
            def write(file, data: Any) -> int:  # noqa: N805
                self.ask(file.name)
                return super().write(data) or 0

        def open_(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
            if mode not in ("wb", "ab"):
                return whole(path, mode, *args, **options)
            self.ask(path)
            file = File(path, mode)
            return file if options.get("buffering") == 0 else io.BufferedWriter(file)

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **options: Any) -> Any:
                self.ask(args[0])
                return function(*args, **options)

            return wrapped

        whole = Path.open
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "open", open_)
            patch.setattr(os, "fsync", counted(os.fsync))
            for name in ("replace", "mkdir"):
                patch.setattr(Path, name, counted(getattr(Path, name)))
            yield


def outcome(directory: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["examples_per_second"]
    return {name: (directory / name).read_bytes() for name in ("config.yaml", "best.npz", "last.npz")}, rows


def require_whole(directory: Path) -> None:
    """Require that whatever is there can be read, and that nothing else is there."""
    for path in directory.iterdir() if directory.exists() else ():
        if path.suffix == ".npz":
            load_checkpoint(path)
        elif path.name == "metrics.jsonl":
            for line in path.read_bytes().splitlines(keepends=True):
                assert line.endswith(b"\n")
                json.loads(line)
        else:
            assert path.name in ("config.yaml", "run.log")


def fail_and_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str], stride: int, lasting: bool) -> int:
    config, unbroken = tmp_path / "c.yaml", tmp_path / "unbroken"
    config.write_text(CONFIG)
    train = ["train", str(config), "--quiet", "--out"]
    counting = Faults(None, lasting)
    with counting.at_work():
        assert run([*train, str(unbroken)]) == 0
    expected = outcome(unbroken)
    assert counting.count > 100
    for refused in range(1, counting.count + 1, stride):
        broken = tmp_path / f"broken {refused}"
        faults = Faults(refused, lasting)
        capsys.readouterr()
        with faults.at_work():
            assert run([*train, str(broken)]) == 1, refused
        err = capsys.readouterr().err
        assert err.startswith("Error: ")
        assert os.strerror(CODES[refused % len(CODES)]) in err
        assert "Traceback" not in err
        assert ("mlp train --resume" in err) == (broken / "last.npz").exists()
        require_whole(broken)
        assert run([*train, str(broken), "--resume"]) == 0
        assert outcome(broken) == expected, refused
    return counting.count


@pytest.mark.parametrize("lasting", only({True}, [False, True]))
def test_a_refused_request_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lasting: bool
) -> None:
    fail_and_go_on(tmp_path, capsys, 17, lasting)


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True])
def test_each_refused_request_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lasting: bool
) -> None:
    fail_and_go_on(tmp_path, capsys, 1, lasting)
