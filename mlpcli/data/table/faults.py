"""Collects the faults of a table, and reports the first few of them in one error."""

from __future__ import annotations

from collections.abc import Callable

from mlpcli.data.sentences import SHOWN
from mlpcli.errors import DataError

__all__ = ["Faults"]

_APART = 2  # times that one fault has a line of its own


class Faults:
    """The faults of a table, each with its line and what to do about it; ``place`` writes a line in words."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self._place = place
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
        places: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for line, fault, some in sorted(self._found, key=lambda found: found[0])[:SHOWN]:
            places.setdefault((fault, some), []).append(line)
        lines = []
        for (fault, _), found in places.items():
            if len(found) <= _APART:
                lines += [f"{self._place(line)}: {fault}" for line in found]
            else:
                more = len(found) - 1
                lines.append(f"{self._place(found[0])}: {fault}, and so are {more} rows below")
        hints = list(dict.fromkeys(hint for _, some in places for hint in some))
        if len(self._found) >= SHOWN:
            hints.append(f"(At most {SHOWN} faults are shown at a time.)")
        raise DataError("\n".join(lines + hints))
