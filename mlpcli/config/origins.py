"""Says where each key of a config comes from: which file, an option, the recipe, the data, or the default."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path as FilePath
from typing import Any

from mlpcli.config.recipes import recipe_has
from mlpcli.config.source import Source
from mlpcli.config.yaml12 import Document, Path, read_yaml, write_yaml
from mlpcli.text import printable

__all__ = ["Origins", "write_with_origins"]


class Origins:
    """Where the keys come from that a document and the changes made to it have."""

    def __init__(self, document: Document, source: Source) -> None:
        self._document = document
        self._changes = [(path, change.value) for path, change in source.origins]
        files = [source.name, *(base.name for base in source.bases)]
        short = [FilePath(file).name for file in files]
        self._files = short if len(set(short)) == len(short) else files

    def of(self, path: Path, change: str) -> str | None:
        """Return the file that a key comes from, or ``change`` if one has set it; None if nobody has."""
        named = (*path, "name")
        section = path[:-1] if path[-1] == "name" else path  # whose name stands alone
        if any(key == named or _has(value, path, key) for key, value in self._changes):
            return change
        for place in (path, named, section):
            if place in self._document.values:
                return self._files[self._document.values[place].file]
        return None


def _has(value: Any, path: Path, at: Path) -> bool:
    """Return whether a value that stands ``at`` a path has the key ``path``."""
    if path[: len(at)] != at:
        return False
    for part in path[len(at) :]:
        if not isinstance(value, dict):
            return part == "name"  # which stands alone
        if part not in value:
            return False
        value = value[part]
    return True


def write_with_origins(plain: dict[str, Any], origins: Origins, settled: Collection[str], change: str) -> str:
    """Return a complete config as YAML, with the origin of each key as a comment.

    ``plain`` is what `to_plain` returns, ``settled`` are the dotted keys that the data have decided, and
    ``change`` is what the changes to the config are called.
    """
    text = write_yaml(plain)
    lines = text.splitlines()
    marks = read_yaml(text).keys
    starts = sorted(mark.line for mark in marks.values())
    ends = dict(zip(starts, [*(line - 1 for line in starts[1:]), len(lines)], strict=True))
    told: dict[int, str] = {}
    for path, mark in marks.items():
        value: Any = plain
        for part in path:
            value = value[part]
        if any(isinstance(part, int) for part in path) or (isinstance(value, dict) and value):
            continue
        by_recipe = plain["recipe"] == "table" and recipe_has(path)
        left_open = "recipe table" if by_recipe else "default"
        by_data = ".".join(map(str, path)) in settled
        told[mark.line] = "the data" if by_data else origins.of(path, change) or left_open
    width = min(40, max(len(lines[line - 1]) for line in told))
    written: list[str] = []
    for number, line in enumerate(lines, 1):
        comment = f"# {printable(told[number])}" if number in told else ""
        if comment and ends[number] > number:  # a comment may not stand within a text of several lines
            written.append(f"{line[: len(line) - len(line.lstrip())]}{comment}")
            comment = ""
        written.append(f"{line:{width}}  {comment}" if comment else line)
    return "\n".join(written) + "\n"
