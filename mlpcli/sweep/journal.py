"""A journal of Optuna in a file that survives processes that are killed while they write to it.

The format is that of Optuna's own `JournalFileBackend`: an entry a line, as JSON. That one marks its lock by
a file, which a killed process leaves behind, so that all others wait for half a minute; and it writes behind
half a line, after which the journal cannot be read any more. Here the lock is one of the system, which ends
with the process, and half a line is removed before the next one is written.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from optuna.storages.journal import BaseJournalBackend

from mlpcli.errors import RunError
from mlpcli.text import shortened

try:
    import fcntl
except ImportError:  # Windows, which has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["JournalFile"]

_BLOCK = 65_536  # bytes that are looked through at a time for the end of the last whole line


class JournalFile(BaseJournalBackend):
    """The entries of a journal; several processes, also of several machines, may read and add to it.

    Raises RunError if an entry cannot be read, OSError if the system refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waits = True
        self._places = {0: 0}  # of entries, by their numbers: the byte at which each begins
        path.touch()

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the entries from this number on; a last line without an end is one that is being written."""
        number = log_number_from if log_number_from in self._places else 0
        with self.path.open("rb") as stream:
            stream.seek(self._places[number])
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._places[number + 1] = self._places[number] + len(line)
                number += 1
                if number > log_number_from:
                    yield self._entry(number, line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries, each as a whole, and wait until they have reached the disk, but in `together`."""
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs).encode()
        with self.path.open("r+b") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX)  # until the file is closed, or the process ends
            stream.truncate(_end_of_lines(stream))
            stream.seek(0, os.SEEK_END)
            stream.write(lines)
            stream.flush()
            if self._waits:
                os.fsync(stream.fileno())

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Wait for the disk only once, at the end of the block: for all entries that were added in it."""
        self._waits = False
        try:
            yield
        finally:
            self._waits = True
            with self.path.open("rb") as stream:
                os.fsync(stream.fileno())

    def _entry(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            text = shortened(line.decode(errors="backslashreplace").rstrip("\n"))
            raise RunError(f"{self.path}:{number}: {text} is not an entry of a journal of Optuna")
        return entry


def _end_of_lines(stream: IO[bytes]) -> int:
    """Return the size of a file up to the end of its last whole line."""
    end = stream.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _BLOCK)
        stream.seek(start)
        found = stream.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
