"""A small archive like that of CIFAR-10, and its parts, for the tests of fetching and of unpacking."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from typing import Any

FOLDER = "cifar-10-batches-bin"
NAMES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")


def contents(i: int) -> bytes:
    rng = random.Random(i)
    return b"".join(bytes([label]) + rng.randbytes(3072) for label in (i, i + 1))


FILES = {**{name: contents(i) for i, name in enumerate(NAMES)}, "readme.html": b"<p>"}


def entry(name: str, data: bytes = b"", **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, data


def tar(*entries: tuple[tarfile.TarInfo, bytes], **options: Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", **options) as file:
        for info, data in entries:
            file.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def good(**others: tuple[tarfile.TarInfo, bytes] | None) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return the entries of a right archive, with some of them replaced or left out."""
    entries = {name: entry(f"{FOLDER}/{name}", data) for name, data in FILES.items()}
    entries |= {name.replace("_bin", ".bin"): other for name, other in others.items()}  # type: ignore[misc]
    return [entry(FOLDER, type=tarfile.DIRTYPE), *(made for made in entries.values() if made is not None)]


DATA = gzip.compress(tar(*good()), 1, mtime=0)
HALF = len(DATA) // 2
