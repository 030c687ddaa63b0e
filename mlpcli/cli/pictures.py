"""Shared by the commands that draw: load matplotlib, and check ``--out`` before any work is done."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from mlpcli.errors import UsageError
from mlpcli.figures import require_matplotlib

__all__ = ["PICTURES", "check_folder", "check_out", "load_matplotlib"]

PICTURES = (".png", ".svg")


def load_matplotlib(*others: str) -> None:
    """Load matplotlib and ``others`` for a command; raises UsageError if one of them is not installed."""
    # It makes so many objects that garbage collection after every 700 of them takes a tenth of the time.
    gc.set_threshold(50_000)
    require_matplotlib(*others)


def check_out(path: Path, suffixes: tuple[str, ...] = PICTURES) -> None:
    """Raise UsageError if no file of these kinds can be written to ``path``."""
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file in it that ends in {' or '.join(suffixes)}")
    if path.suffix.lower() not in suffixes:
        what = f"{path.suffix} is not supported; " if path.suffix else ""
        raise UsageError(f"--out {path}: {what}its name has to end in {' or '.join(suffixes)}")
    if path.exists() and not path.is_file():
        raise UsageError(f"--out {path} is not a regular file; name another")
    check_folder(path.parent)


def check_folder(path: Path) -> None:
    """Raise UsageError unless ``path`` is, or can be made, a folder that can be written to."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"{there} is not a folder; name another place with --out")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"the folder {there} cannot be written to; name another place with --out")
