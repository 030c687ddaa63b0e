"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["make_place", "new_folder", "replace_file"]


def make_place(path: Path) -> Path:
    """Return the path of the file to write, for ``path`` may be a link, and make its folder."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing; it takes the name ``path`` when the block ends without an error.

    It is written under a temporary name in the same folder, flushed, fsynced and renamed. If the block or any
    of these steps fails, ``path`` stays as it was and the temporary file is removed. Each path has one
    temporary name, so a killed process leaves at most one file, which the next write replaces.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # the name that the reader of the message knows
        raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make an empty folder; it takes the free name ``path`` when the block ends without an error.

    As with `replace_file`, the files in it are fsynced first, and nothing is left if the block fails. The
    caller makes sure that only one process at a time does this.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed
        temporary.mkdir()
        yield temporary
        for file in temporary.iterdir():
            with file.open("r+b") as stream:
                os.fsync(stream.fileno())
        _sync_folder(temporary)
        temporary.rename(path)
        _sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync_folder(path: Path) -> None:
    with contextlib.suppress(OSError):  # not every system can open a folder
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
