"""Collects the faults of a file, and reports the first few of them in one error."""

from __future__ import annotations

from pathlib import Path

from mlpcli.data.sentences import SHOWN
from mlpcli.errors import DataError

__all__ = ["Faults"]


class Faults:
    """The faults of a file, each with its line and what to do about it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str, tuple[str, ...]]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, line: int, fault: str, *hints: str) -> None:
        """Add a fault; hints that several faults share are shown once."""
        self._found.append((line, fault, hints))

    def report(self) -> None:
        """Raise DataError if there are faults."""
        if not self._found:
            return
        shown = sorted(self._found, key=lambda found: found[0])[:SHOWN]
        lines = [f"{self._path}:{line}: {fault}" for line, fault, _ in shown]
        hints = list(dict.fromkeys(hint for _, _, some in shown for hint in some))
        if len(shown) == SHOWN:
            hints.append(f"(At most {SHOWN} faults are shown at a time.)")
        raise DataError("\n".join(lines + hints))
