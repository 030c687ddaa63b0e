"""Unpacking: known files come out whole; whatever else an archive holds stays in it, or it is refused."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archives import DATA, FILES, FOLDER, HALF, entry, good, tar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usual import examples, some

from mlpcli.data.unpack import DamagedArchive, unpack

BATCH = f"{FOLDER}/data_batch_3.bin"
SIZE = len(FILES["data_batch_3.bin"])
PLAIN = f"data_batch_3.bin is not a regular file of {SIZE:,} bytes"
PAX = {"format": tarfile.PAX_FORMAT}


def replaced(*args: Any, **changes: Any) -> bytes:
    return tar(*good(data_batch_3_bin=entry(BATCH, *args, **changes)))


def old_sparse() -> bytes:
    """Return a GNU sparse file: a map of one piece in the header, and a real size of SIZE."""
    header = bytearray(tarfile.TarInfo(BATCH).tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = b"%011o\0" % SIZE
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar(*good(data_batch_3_bin=None))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "symbolic link": (lambda: replaced(type=tarfile.SYMTYPE, linkname="/etc/passwd"), PLAIN),
    "hard link": (lambda: replaced(type=tarfile.LNKTYPE, linkname=f"{FOLDER}/data_batch_2.bin"), PLAIN),
    "pipe": (lambda: replaced(type=tarfile.FIFOTYPE), PLAIN),
    "device": (lambda: replaced(type=tarfile.CHRTYPE, devmajor=1, devminor=5), PLAIN),
    "folder": (lambda: replaced(type=tarfile.DIRTYPE), PLAIN),
    "unknown kind": (lambda: replaced(type=b"Z"), PLAIN),
    "sparse": (old_sparse, PLAIN),
    "sparse in a pax header": (
        lambda: tar(
            *good(
                data_batch_3_bin=entry(
                    BATCH, pax_headers={"GNU.sparse.map": "0,0", "GNU.sparse.size": str(SIZE)}
                )
            ),
            **PAX,
        ),
        PLAIN,
    ),
    "too short": (lambda: replaced(bytes(SIZE - 1)), PLAIN),
    "too long": (lambda: replaced(bytes(SIZE + 1)), PLAIN),
    "missing": (lambda: tar(*good(data_batch_3_bin=None)), "the archive has no data_batch_3.bin"),
    "twice": (lambda: tar(*good(), entry(BATCH, bytes(SIZE))), "data_batch_3.bin occurs twice"),
    "nothing": (lambda: tar(), "the archive has no data_batch_1.bin, data_batch_2.bin"),
    "empty": (lambda: b"", "the archive is damaged"),
    "no archive": (lambda: b"hello" * 1000, "the archive is damaged"),
    "above": (lambda: replaced_name(f"../{BATCH}"), "the archive has no data_batch_3.bin"),
    "up and down": (lambda: replaced_name(f"{FOLDER}/../{BATCH}"), "the archive has no data_batch_3.bin"),
    "absolute": (lambda: replaced_name(f"/{BATCH}"), "the archive has no data_batch_3.bin"),
    "backslashes": (lambda: replaced_name(BATCH.replace("/", "\\")), "the archive has no data_batch_3.bin"),
    "cut short": (lambda: tar(*good())[:-30_000], "the archive is damaged"),
    "cut in a header": (lambda: tar(*good())[:100], "the archive is damaged"),
    "large stranger": (lambda: tar(*good(), entry("zeros", bytes(2 << 20))), "it holds more than"),
    "bomb": (lambda: tar(entry("zeros", bytes(50 << 20)), *good()), "it holds more than"),
    "bomb in a header": (
        lambda: tar(entry("x", pax_headers={"comment": "a" * (50 << 20)}), **PAX),
        "it holds more than",
    ),
    "many members": (lambda: entry("x")[0].tobuf() * 50_000, "it holds more than"),
    "headers of headers": (lambda: tar(entry("x", type=b"L"))[:512] * 2000, "the archive is damaged"),
    "claims more than the world": (
        lambda: entry("x", size=2**80)[0].tobuf(tarfile.GNU_FORMAT),
        "the archive is damaged",  # for having too much or, since Python 3.14, too little
    ),
    "claims the world": (lambda: entry("x", size=8**11 - 1)[0].tobuf(), "the archive is damaged"),
}


def replaced_name(name: str) -> bytes:
    return tar(*good(data_batch_3_bin=entry(name, FILES["data_batch_3.bin"])))


SIZES = {name: len(content) for name, content in FILES.items()}


def assert_refused(data: bytes, root: Path) -> str:
    """Nothing is written but known files of at most their sizes, in the folder."""
    folder = root / "folder"
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.raises(DamagedArchive) as caught:
        unpack(io.BytesIO(data), FOLDER, SIZES, folder)
    assert [path.name for path in root.iterdir()] == ["folder"]
    for path in folder.iterdir():
        assert path.stat().st_size <= SIZES[path.name]
        path.unlink()
    message = str(caught.value)
    assert len(message) < 300
    assert message.isprintable()
    return message


@pytest.mark.parametrize("name", some(HOSTILE, 3))
def test_hostile_archives_are_refused(tmp_path: Path, name: str) -> None:
    make, expected = HOSTILE[name]
    data = gzip.compress(make(), 1)
    start = time.process_time()
    assert expected in assert_refused(data, tmp_path / "root")
    assert time.process_time() - start < 2
    tracemalloc.start()
    try:
        assert_refused(data, tmp_path / "root")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


DAMAGED = {
    "no gzip": b"hello" * 100,
    "nothing": b"",
    "cut short": DATA[:HALF],
    "cut at the end": DATA[: len(DATA) - 3000],
    "header alone": DATA[:10],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_gzip_is_refused(tmp_path: Path, name: str) -> None:
    assert "the archive is damaged" in assert_refused(DAMAGED[name], tmp_path / "root")


def test_strangers_are_passed_over(tmp_path: Path) -> None:
    strangers = [
        entry("../evil", b"x"),
        entry(str(tmp_path / "evil"), b"x"),
        entry(f"{FOLDER}/evil", b"x"),
        entry(f"{FOLDER}/../../evil", b"x"),
        entry(f"{FOLDER}/data_batch_1.bin/evil", b"x"),
        entry("link", type=tarfile.SYMTYPE, linkname="/etc"),
        entry("link/evil", b"x"),
        entry(FOLDER, type=tarfile.SYMTYPE, linkname=str(tmp_path)),
        entry("pipe", type=tarfile.FIFOTYPE),
    ]
    folder = tmp_path / "folder"
    folder.mkdir()
    unpack(io.BytesIO(gzip.compress(tar(*strangers, *good(), *strangers))), FOLDER, SIZES, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert all(path.stat().st_mode & 0o111 == 0 for path in folder.iterdir())


TAR = tar(*good(), entry("x", b"x", pax_headers={"comment": "x" * 50}), **PAX)
HEADERS = [match.start() - 257 for match in re.finditer(rb"ustar\x0000", TAR)]


@given(st.data())
@settings(
    max_examples=examples(100),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_tar_is_unpacked_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(TAR)
    for _ in range(data.draw(st.integers(1, 4))):
        header = data.draw(st.sampled_from(HEADERS))
        at = header + data.draw(st.integers(0, 511))
        raw[at] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):  # a right checksum, so that what is behind it is believed
            raw[header + 148 : header + 156] = b" " * 8
            raw[header + 148 : header + 156] = b"%06o\0 " % sum(raw[header : header + 512])
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    try:
        unpack(io.BytesIO(gzip.compress(bytes(raw), 1)), FOLDER, SIZES, folder)
    except DamagedArchive:
        assert all(path.stat().st_size <= SIZES[path.name] for path in folder.iterdir())
    else:
        assert {path.name: path.stat().st_size for path in folder.iterdir()} == SIZES
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    for path in folder.iterdir():
        path.unlink()
