"""Says what a config is to say about a file of data that was named in its place."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import zlib
from pathlib import Path

from mlpcli.text import listed

__all__ = ["columns_of", "describe_table", "guess_target", "kind_of", "section_for"]

_KINDS = {".csv": "csv", ".tsv": "csv", ".parquet": "csv", ".npz": "npz", ".npy": "npy"}
_TARGETS = ("target", "label", "labels", "class", "y", "outcome")
_HEADER = 1 << 16  # bytes that are looked at
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")


def section_for(file: str, target: str = "COLUMN") -> str | None:
    """Return the section ``data`` in one line; None if the file's name is not that of a table."""
    name = file.lower().removesuffix(".gz")
    kind = _KINDS.get(Path(name).suffix)
    if kind is None or (kind in ("npz", "npy") and name != file.lower()):
        return None
    if kind == "npy":
        return f"{{name: npy, X: {_quoted(file)}, y: {_quoted(str(Path(file).with_name('y.npy')))}}}"
    more = f", target: {_quoted(target)}" if kind == "csv" else ""
    return f"{{name: {kind}, path: {_quoted(file)}{more}}}"


def describe_table(file: Path) -> str | None:
    """Return the error about a table that was given as a config, with the config that would train on it.

    Return None if the file's name is not that of a table of text.
    """
    if _KINDS.get(file.suffix.lower()) != "csv":
        return None
    columns, _ = columns_of(file)
    section = section_for(file.name, columns[-1] if columns else "COLUMN")
    assert section is not None
    text = "\n".join(f"  {line}" for line in section[1:-1].split(", ", 2))
    known = f"\nIts columns are {listed(columns)}." if columns else ""
    return (
        f"{file} holds data, and a config is needed that names them. The smallest is a file such as "
        f"{file.with_suffix('.yaml').name}:\n\ndata:\n{text}   # the column to predict\n{known}"
    )


def kind_of(file: Path) -> str | None:
    """Return the data set that reads a file, csv, npz or npy; None if its name is not that of a table."""
    kind = _KINDS.get(Path(file.name.lower().removesuffix(".gz")).suffix)
    return None if kind != "csv" and file.suffix.lower() == ".gz" else kind


def guess_target(columns: list[str]) -> str:
    """Return the column that is likely to be predicted: one that is called so, or else the last."""
    called = [name for name in columns if name.lower() in _TARGETS]
    return called[0] if called else columns[-1] if columns else "COLUMN"


def columns_of(file: Path) -> tuple[list[str], str]:
    """Return the names in the first line of a table of text, if they can be read, and the delimiter."""
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as stream:
            line = _decoded(stream.read(_HEADER).splitlines()[0])
    except (OSError, ValueError, IndexError, EOFError, zlib.error):
        return [], ","
    delimiter = max(",;\t|", key=line.count)
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        return [], delimiter
    return (names if all(name.isprintable() and name for name in names) else []), delimiter


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise
        return line.decode("cp1252")  # as Excel writes it


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in ("null", "true", "false")
    return text if plain else json.dumps(text, ensure_ascii=False)
