"""Opens the files that users name; whatever goes wrong while one is read becomes an error that names it."""

from __future__ import annotations

import glob
import io
import stat
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlpcli.errors import MlpError, did_you_mean
from mlpcli.text import shortened

__all__ = ["is_there", "matching_files", "open_file", "opened", "reason", "within_memory"]


@contextmanager
def opened(path: Path, error: type[MlpError]) -> Iterator[io.BufferedIOBase]:
    """Open a regular file for reading; where the system refuses, or the memory runs out, raise ``error``."""
    with io.BufferedReader(open_file(path, error)) as file, within_memory(str(path), error):
        try:
            yield file
        except OSError as problem:
            raise error(f"{path}: cannot be read ({reason(problem)})") from None


def open_file(path: Path, error: type[MlpError]) -> io.FileIO:
    """Open a regular file for reading, without a buffer; raises ``error``."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe or a terminal might never send anything
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise error(f"{path}: is {kind}; a file is needed here")
        return io.FileIO(path)
    except FileNotFoundError:
        raise error(f"{path}: no such file" + _nearest_file(path)) from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        raise error(f"{shortened(str(path))}: cannot be opened ({reason(problem)})") from None


def _nearest_file(path: Path) -> str:
    try:
        return did_you_mean(path.name, (other.name for other in path.parent.iterdir()))
    except OSError:
        return ""


def matching_files(path: Path | Sequence[Path], error: type[MlpError]) -> list[Path]:
    """Return the files that a path or a pattern such as ``part-*.csv`` names, in order, or those of several.

    A path without such signs, or of a file that exists, is returned as it is. Raises ``error`` where no file
    matches.
    """
    if not isinstance(path, Path):
        return [file for one in path for file in matching_files(one, error)]
    if not glob.has_magic(str(path)) or path.exists():
        return [path]
    found = sorted(_matches(path))
    if not found:
        raise error(f"{path}: no file matches this pattern")
    return found


def is_there(path: Path) -> bool:
    """Return whether there is a file or a folder of this path, or any that matches it as a pattern."""
    try:
        return path.exists() or (glob.has_magic(str(path)) and any(_matches(path)))
    except (OSError, ValueError):
        return False


def _matches(path: Path) -> Iterator[Path]:
    folder = Path(path.anchor)
    return folder.glob(str(path.relative_to(folder)))


@contextmanager
def within_memory(what: str, error: type[MlpError]) -> Iterator[None]:
    """Raise ``error`` about ``what`` where the memory runs out."""
    try:
        yield
    except MemoryError:
        raise error(f"{what}: does not fit into memory") from None


def reason(problem: BaseException) -> str:
    """Return what an exception says, in one line of at most 120 characters."""
    text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return textwrap.shorten(text, 120, placeholder=" ...")  # zipfile repeats names of any length
