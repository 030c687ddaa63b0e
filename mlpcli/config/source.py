"""Words the problems of a config with their places: file, line and column, or the change that caused them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from mlpcli.config.changes import Change
from mlpcli.config.problems import Problem
from mlpcli.config.yaml12 import Document, Mark, Path

__all__ = ["Placed", "Source"]

MAX_SHOWN = 50  # problems in one message

# The place of a problem, and a function that words it: of thousands only the first are worded.
Placed: TypeAlias = tuple[tuple[int, int, int], Callable[[], str]]


class Source:
    """A config's name, its lines, and the changes made to it with the path that each has set, in their order.

    A config that is a dict has no lines, and its problems are named by their keys alone. ``bases`` are those
    of the files that it extends, in their order, and ``notes`` what is said of its old spellings.
    """

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self.lines = lines
        self.origins: list[tuple[Path, Change]] = []
        self.bases: list[Source] = []
        self.notes: list[str] = []

    def report_in_order(self, found: list[Placed], unsaid: int = 0) -> str:
        """Word problems in the order of their places; ``unsaid`` more are only counted."""
        found.sort(key=lambda item: item[0])
        return self.report([word() for _, word in found[:MAX_SHOWN]], max(0, len(found) - MAX_SHOWN) + unsaid)

    def report(self, blocks: list[str], unsaid: int = 0) -> str:
        """Return one message of several blocks; ``unsaid`` more are only counted."""
        count = len(blocks) + unsaid
        if count == 1:
            return blocks[0]
        more = [f"... and {count - MAX_SHOWN:,} more"] if count > MAX_SHOWN else []
        shown = blocks[:MAX_SHOWN]
        end = [f"{count:,} problems in all; the first is at {_place(shown[0])}"] if count > 2 else []
        files = f"{self.name} and what it extends" if self.bases else self.name
        return "\n\n".join([f"{count:,} problems in {files}:", *shown, *more, *end])

    def place(self, problem: Problem, document: Document) -> Placed:
        """Return line and column of a problem, and its words, with its place or the option that caused it."""
        path = problem.path
        for key, change in reversed(self.origins):
            within = path[: len(key)] == key
            around = key[: len(path)] == path and (not problem.at_key or path not in document.values)
            if within or around or (problem.at_key and key == (*path, "name")):
                return _unplaced(change.explain(str(problem)))
            if problem.at_key and key == (*path[:-1], "name"):
                return _unplaced(
                    f"{change.explain(str(problem))}\nThe config sets this key for another name; "
                    f"replace the whole section: {change.of_section}"
                )
        if () not in document.values:
            return _unplaced(str(problem))
        while path not in document.values:  # a default that does not fit: point at what holds it
            path = path[:-1]
        mark = document.keys.get(path, document.values[path]) if problem.at_key else document.values[path]
        return order(mark), partial(self.at, mark, str(problem))

    def at(self, mark: Mark | None, message: str) -> str:
        """Word a message with file:line:column, the source line and a caret."""
        if mark is None:
            return f"{self.name}: {message}"
        if mark.file:
            return self.bases[mark.file - 1].at(replace(mark, file=0), message)
        head = f"{self.name}:{mark.line}:{mark.column}: {message}"
        line = self.lines[mark.line - 1].replace("\t", " ") if mark.line <= len(self.lines) else ""
        if not line.strip() or not line.isprintable():
            return head
        start = max(0, mark.column - 60)
        shown = line[start : start + 76]
        return f"{head}\n  {shown}\n  {' ' * (mark.column - 1 - start)}^"


def _place(block: str) -> str:
    """Return the place that a problem begins with: a file with line and column, an option or a key."""
    return block.partition(": ")[0]


def order(mark: Mark | None) -> tuple[int, int, int]:
    """Return what places are sorted by; a problem without a place comes first."""
    return (mark.file, mark.line, mark.column) if mark else (0, 0, 0)


def _unplaced(text: str) -> Placed:
    return order(None), lambda: text
