"""Text files are read as UTF-8, whatever their encoding, packed or not."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from mlpcli.data.table.textfile import note_encoding, open_text
from mlpcli.errors import DataError

TEXT = "gr\xf6\xdfe,esp\xe8ce\n1,ch\xeane \u20ac\n" * 9000


def read(path: Path, encoding: str | None = None, size: int = 1 << 20) -> str:
    with open_text(path, encoding) as file:
        parts = []
        while part := file.read(size):
            parts.append(part)
    return b"".join(parts).decode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-8-sig", "cp1252"),
        ("utf-16", None),
        ("utf-16", "latin-1"),
        ("utf-16-le", "utf-16-le"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("cp1252", "windows-1252"),
        ("utf-8", "utf_8"),
    ],
)
def test_text_comes_as_utf8(
    tmp_path: Path, written: str, named: str | None, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(pack(TEXT.encode(written)))
    assert read(path, named) == TEXT
    assert read(path, named, 1001) == TEXT


def test_what_is_no_text_of_its_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"x,y\n" * 30_000 + b"\x81\n")
    with pytest.raises(DataError, match=r"t\.csv: byte 120,001 of the file is not cp1252; which encoding"):
        read(path, "cp1252")


@pytest.mark.parametrize("cut", [5, 40, -4])
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:cut])
    with pytest.raises(DataError, match="is a damaged gzip file"):
        read(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("written", "named", "noted"),
    [
        ("utf-8", "cp1252", True),
        ("utf-8", "latin-1", True),
        ("utf-8", "koi8-r", True),
        ("utf-8", None, False),
        ("utf-8", "utf_8", False),
        ("utf-8-sig", "cp1252", False),
        ("utf-16", "cp1252", False),
        ("cp1252", "cp1252", False),
        ("utf-8", "utf-8-sig", False),
        ("utf-8", "gbk", False),
        ("utf-8", "idna", False),
    ],
)
def test_a_file_of_another_encoding_than_named_is_noted(
    tmp_path: Path, pack: Callable[[bytes], bytes], written: str, named: str | None, noted: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(pack(TEXT.encode(written)))
    notes = note_encoding(path, named)
    assert len(notes) == noted
    if noted:
        assert notes[0].startswith(
            f"t.csv seems to be UTF-8, and is read as {named}, as `data.encoding` says"
        )
    path.write_bytes(pack(b"plain,text\n"))
    assert note_encoding(path, named) == []
