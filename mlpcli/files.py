"""Files, parts of files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["append", "make_folder", "make_place", "new_folder", "replace_file", "temporary_name"]


def make_folder(path: Path) -> None:
    """Make a folder and those that it is in, which may be there already; raises OSError.

    Path.mkdir calls itself for each folder above, and Python ends that after a thousand.
    """
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
    path.mkdir(exist_ok=True)


def make_place(path: Path) -> Path:
    """Return the path of the file to write, for ``path`` may be a link, and make its folder."""
    target = path.resolve()
    make_folder(target.parent)
    return target


def temporary_name(path: Path) -> Path:
    """Return the path that a file has while it is written; a killed process leaves it there."""
    return path.with_name(f".{path.name}.tmp")


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing; it takes the name ``path`` when the block ends without an error.

    It is written under a temporary name in the same folder, flushed, fsynced and renamed. If the block or any
    of these steps fails, ``path`` stays as it was and the temporary file is removed. Each path has one
    temporary name, so a killed process leaves at most one file, which the next write replaces.
    """
    temporary = temporary_name(path)
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


def append(path: Path, data: bytes) -> None:
    """Add bytes to a file, such as a line; if they cannot be written whole, no part of them stays.

    Nothing is buffered: a buffer that a full disk refused would be written again when the file is closed.
    """
    with path.open("ab", buffering=0) as stream:
        size = stream.tell()
        try:
            rest = memoryview(data)
            while rest:  # a disk that is nearly full takes a part of it first
                rest = rest[stream.write(rest) :]
        except BaseException:
            with contextlib.suppress(OSError):
                stream.truncate(size)
            raise


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make an empty folder; it takes the free name ``path`` when the block ends without an error.

    As with `replace_file`, the files in it are fsynced first, and nothing is left if the block fails. The
    caller makes sure that only one process at a time does this.
    """
    temporary = temporary_name(path)
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
