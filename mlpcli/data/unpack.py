"""Unpacks the known files of a .tar.gz archive, and does not trust the archive."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from mlpcli.text import clip

__all__ = ["DamagedArchive", "unpack"]

_CHUNK = 1 << 20  # bytes at a time
_AROUND = 1 << 20  # bytes that a tar file may have besides the files that are taken from it
_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)


class DamagedArchive(Exception):  # noqa: N818
    """The archive does not hold the files that it should, or holds more than it may."""


class _Rationed:
    """A stream that gives no more bytes than its ration."""

    def __init__(self, stream: gzip.GzipFile, ration: int) -> None:
        self._stream, self.ration = stream, ration

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; raises ValueError where they are too many."""
        data = self._stream.read(size)
        self.ration -= max(len(data), tarfile.BLOCKSIZE)  # tarfile asks for what is claimed, also at the end
        if self.ration < 0:
            raise ValueError("it holds more than the files that belong there, or claims to")
        return data


def unpack(file: IO[bytes], inside: str, files: Mapping[str, int], folder: Path) -> None:
    """Write the known ``files`` of the archive's folder ``inside`` to ``folder``; their sizes are in bytes.

    Whatever else the archive holds is passed over, up to a megabyte. Raises DamagedArchive.
    """
    file.seek(0)
    missing = dict(files)
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            stream: Any = _Rationed(unzipped, _AROUND)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    place, _, name = member.name.rpartition("/")
                    if place != inside or name not in files:
                        continue
                    size = files[name]
                    is_regular = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
                    if not is_regular or member.size != size:
                        raise ValueError(f"{name} is not a regular file of {size:,} bytes")
                    if name not in missing:
                        raise ValueError(f"{name} occurs twice")
                    del missing[name]
                    stream.ration += size
                    _write(folder / name, tar.extractfile(member), size)
    except _DAMAGE as problem:
        raise DamagedArchive(f"the archive is damaged, or another one ({clip(str(problem), 100)})") from None
    if missing:
        raise DamagedArchive(f"the archive has no {', '.join(missing)}")


def _write(path: Path, source: IO[bytes] | None, size: int) -> None:
    assert source is not None  # it is a plain file
    with path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            size -= len(chunk)
    if size:
        raise EOFError("a file is cut short")
