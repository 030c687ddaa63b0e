"""Fetches CIFAR-10: downloads an official archive, checks it and unpacks it, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from mlpcli.data.download import BrokenConnection, WrongBytes, download, require_http
from mlpcli.data.unpack import DamagedArchive, unpack
from mlpcli.errors import DataError
from mlpcli.files import make_folder, new_folder

__all__ = ["CIFAR10", "Archive", "fetch", "partial_file"]

_CHUNK = 1 << 20  # bytes at a time


@dataclass(frozen=True)
class Archive:
    """A .tar.gz file: its address, size in bytes and MD5, and what is taken from it.

    ``files`` are the names and sizes, in bytes, of plain files in the archive's ``folder``.
    """

    url: str
    size: int
    md5: str
    folder: str
    files: Mapping[str, int]


CIFAR10 = {
    "binary": Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        170_052_171,
        "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-batches-bin",
        {
            "data_batch_1.bin": 30_730_000,
            "data_batch_2.bin": 30_730_000,
            "data_batch_3.bin": 30_730_000,
            "data_batch_4.bin": 30_730_000,
            "data_batch_5.bin": 30_730_000,
            "test_batch.bin": 30_730_000,
            "batches.meta.txt": 61,
            "readme.html": 88,
        },
    ),
    "python": Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        170_498_071,
        "c58f30108f718f92721af3b95e74349a",
        "cifar-10-batches-py",
        {
            "data_batch_1": 31_035_704,
            "data_batch_2": 31_035_320,
            "data_batch_3": 31_035_999,
            "data_batch_4": 31_035_696,
            "data_batch_5": 31_035_623,
            "test_batch": 31_035_526,
            "batches.meta": 158,
            "readme.html": 88,
        },
    ),
}


def partial_file(archive: Archive, root: Path) -> Path:
    """Return the path of the unfinished download, which the next call goes on with."""
    return root / f"{urlsplit(archive.url).path.rpartition('/')[2]}.part"


def fetch(
    archive: Archive,
    root: Path,
    url: str | None = None,
    *,
    timeout: float = 30.0,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Download the archive, or the rest of it, unpack it, and return the folder: ``root / archive.folder``.

    ``url`` is a mirror to use instead of the archive's own address; ``timeout`` is how many seconds it may be
    silent; ``on_progress`` hears how many bytes are there. Nothing is unpacked before size and MD5 are right.
    The folder appears with all its files or not at all; one that is already there is left alone. Raises
    DataError. Whatever happens, the bytes that came are kept for the next call, unless they are wrong.
    """
    target, part, url = root / archive.folder, partial_file(archive, root), url or archive.url
    require_http(url)
    if os.path.lexists(root) and not root.is_dir():
        raise DataError(f"{root} is not a folder", topic="data folder")
    try:
        make_folder(root)
        with _locked(part) as file:
            if os.path.lexists(target):
                raise DataError(f"{target} is already there; remove or rename it to fetch it again")
            _require_room(file, archive, root)
            try:
                download(file, archive.size, url, timeout, on_progress)
                _check_sum(file, archive)
                with new_folder(target) as folder:
                    unpack(file, archive.folder, archive.files, folder)
            except BrokenConnection as problem:
                have = file.seek(0, io.SEEK_END)
                kept = f"\n{_mb(have)} are kept in {part}; the next try continues from there." if have else ""
                raise DataError(f"{url}: {problem}.{kept}", topic="mirror") from None
            except (WrongBytes, DamagedArchive) as problem:
                file.truncate(0)
                raise DataError(
                    f"{url}: {problem}.\nThe download was removed, and nothing was unpacked.",
                    topic="mirror",
                ) from None
            file.truncate(0)
    except OSError as problem:
        raise DataError(
            f"{problem.filename or root}: cannot be written ({problem.strerror or problem}).\n"
            "Once it can be written, the next try continues with the bytes that have come.",
            topic="data folder",
        ) from None
    return target


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading and appending, for this process alone; a file left empty is removed."""
    while True:
        if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
            raise DataError(f"{path}: is not a regular file; remove it: the download needs this name")
        with path.open("a+b") as file:
            _lock(file, path)
            if not _is_at(file, path):  # the process that had locked it has just removed it
                continue
            try:
                yield file
                return
            finally:
                if not file.seek(0, io.SEEK_END):
                    with suppress(PermissionError):  # Windows keeps the name while the file is open
                        path.unlink()


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows, where two at once end in a wrong checksum
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(f"{path}: another process is downloading this; wait until it is done") from None
    except OSError:  # some network file systems have no locks
        return


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _require_room(file: IO[bytes], archive: Archive, root: Path) -> None:
    needed = archive.size - file.seek(0, io.SEEK_END) + sum(archive.files.values())
    free = shutil.disk_usage(root).free
    if free < needed:
        raise DataError(
            f"{root}: {_mb(needed)} are needed for the archive and its files, and {_mb(free)} are free; "
            "make room",
            topic="data folder",
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _check_sum(file: IO[bytes], archive: Archive) -> None:
    file.seek(0)
    md5 = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        md5.update(chunk)
    found = md5.hexdigest()
    if found != archive.md5:
        raise WrongBytes(f"the MD5 of the download is {found}, that of the official archive {archive.md5}")
