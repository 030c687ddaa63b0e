"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["replace_file"]


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
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
