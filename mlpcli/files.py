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
    """Return where to write what is to be found under ``path``, which may be a link; make its folder."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the name ``path`` once the block has ended well.

    It is written under a temporary name in the same folder, flushed, fsynced and renamed; where the block or
    any of these fails, ``path`` stays as it was and the temporary file is removed. One name per target, so
    that a killed process leaves at most one file, which the next write replaces.
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
            error.filename = str(path)  # the name that is known to whoever reads the message
        raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make an empty folder that takes the name ``path``, which must be free, once the block has ended well.

    As with `replace_file`, what is written there is fsynced first, and nothing is left where the block fails.
    The temporary folder is for one process alone: whoever calls sees to that.
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
