"""Says what a config is to say about a file of data that was named in its place."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from mlpcli.text import listed

__all__ = ["describe_table", "section_for"]

_KINDS = {".csv": "csv", ".tsv": "csv", ".npz": "npz", ".npy": "npz"}
_HEADER = 1 << 16  # bytes that are looked at
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def section_for(file: str, target: str = "COLUMN") -> str | None:
    """Return the section ``data`` in one line; None if the file's name is not that of a table."""
    name = file.lower().removesuffix(".gz")
    kind = _KINDS.get(Path(name).suffix)
    if kind is None or (kind == "npz" and name != file.lower()):
        return None
    more = f", target: {_quoted(target)}" if kind == "csv" else ""
    return f"{{name: {kind}, path: {_quoted(file)}{more}}}"


def describe_table(file: Path) -> str | None:
    """Return the error about a table that was given as a config, with the config that would train on it.

    Return None if the file's name is not that of a table of text.
    """
    if _KINDS.get(file.suffix.lower()) != "csv":
        return None
    columns = _columns(file)
    section = section_for(file.name, columns[-1] if columns else "COLUMN")
    assert section is not None
    text = "\n".join(f"  {line}" for line in section[1:-1].split(", ", 2))
    known = f"\nIts columns are {listed(columns)}." if columns else ""
    return (
        f"{file} holds data, and a config is needed that names them. The smallest is a file such as "
        f"{file.with_suffix('.yaml').name}:\n\ndata:\n{text}   # the column to predict\n{known}"
    )


def _columns(file: Path) -> list[str]:
    """Return the names in the first line of a table of text, as far as they can be read."""
    try:
        with file.open("rb") as stream:
            line = stream.read(_HEADER).splitlines()[0].decode("utf-8-sig")
    except (OSError, ValueError, IndexError):
        return []
    delimiter = max(",;\t|", key=line.count)
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        return []
    return names if all(name.isprintable() and name for name in names) else []


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in ("null", "true", "false")
    return text if plain else json.dumps(text, ensure_ascii=False)
