"""Reads keys and values that have a new name since an older version, and says how to write them now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlpcli.config.yaml12 import Document, Path

__all__ = ["RENAMED", "OldSpelling", "Renamed", "renew", "renew_change"]


@dataclass(frozen=True)
class Renamed:
    """The new name of a key, and of those of its values that have one."""

    key: str
    values: Mapping[str, str]


RENAMED: dict[Path, Renamed] = {("data", "standardize"): Renamed("scaling", {"scale": "range"})}


@dataclass(frozen=True)
class OldSpelling:
    """A key in its old spelling, with its value, and both as they are written now."""

    old: Path
    before: Any
    new: Path
    after: Any

    def __str__(self) -> str:
        old, new = (".".join(map(str, path)) for path in (self.old, self.new))
        return f"{old}: {self.before} is now written {new}: {self.after}"


def renew_change(path: Path, value: Any) -> OldSpelling | None:
    """Return how a change of ``path`` to ``value`` is written now; None where it already is."""
    renamed = RENAMED.get(path)
    if renamed is None:
        return None
    after = renamed.values.get(value, value) if isinstance(value, str) else value
    return OldSpelling(path, value, (*path[:-1], renamed.key), after)


def renew(document: Document) -> list[OldSpelling]:
    """Read old spellings in the document as the new ones, in place, and return what was renewed.

    A section that has a key in both spellings keeps both: the old one is then refused as unknown.
    """
    return list(_renew(document))


def _renew(document: Document) -> Iterator[OldSpelling]:
    for path in RENAMED:
        section = document.data
        for part in path[:-1]:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict) or path[-1] not in section:
            continue
        spelling = renew_change(path, section[path[-1]])
        if spelling is not None and spelling.new[-1] not in section:
            section[spelling.new[-1]] = spelling.after
            del section[path[-1]]
            document.rename(path, spelling.new)
            yield spelling
