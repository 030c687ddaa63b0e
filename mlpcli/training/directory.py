"""The run directory: where a run's config, metrics, checkpoints and log stand."""

from __future__ import annotations

import json
import os
from itertools import count
from pathlib import Path
from typing import Any

from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.errors import RunError, UsageError
from mlpcli.files import replace_file

__all__ = ["RunDirectory", "choose_directory"]

_FILES = ("config.yaml", "metrics.jsonl", "best.npz", "last.npz", "run.log")


def choose_directory(out: Path | None, force: bool) -> Path | None:
    """Check ``--out`` before any work is done; None where `RunDirectory.create` is to find a free name.

    Raises UsageError where ``out`` holds something already; with ``force`` a run may be replaced.
    """
    if out is None:
        if force:
            raise UsageError("--force replaces the run in --out DIR; name that directory with --out")
        return None
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; name a directory that does not exist yet")
    if not out.is_dir() or not any(out.iterdir()):
        return out
    if not (out / "config.yaml").is_file():
        raise UsageError(f"--out {out} holds files that are not a run's; name another directory")
    if not force:
        raise UsageError(
            f"--out {out} holds a run already; name another directory, or replace the run with --force"
        )
    return out


class RunDirectory:
    """An existing folder with the files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config, self.metrics, self.best, self.last, self.log = (path / name for name in _FILES)

    @classmethod
    def create(cls, name: str, chosen: Path | None, experiment: Experiment) -> RunDirectory:
        """Make ``chosen``, or the first free one of runs/NAME, runs/NAME-2, ...; write the config there."""
        try:
            directory = cls(chosen if chosen is not None else _free(Path("runs"), name))
            directory.path.mkdir(parents=True, exist_ok=True)
            for file in _FILES:  # of a run that --force replaces
                (directory.path / file).unlink(missing_ok=True)
            with replace_file(directory.config) as stream:
                stream.write(write_yaml(to_plain(experiment)).encode())
        except OSError as error:
            raise RunError(
                f"{error.filename or 'the run directory'} cannot be written: {error.strerror}"
            ) from None
        return directory

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Add a row to metrics.jsonl, and wait until it is on disk."""
        with self.metrics.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            os.fsync(stream.fileno())


def _free(parent: Path, name: str) -> Path:
    """Make and return the first folder of the name that nobody has."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")
