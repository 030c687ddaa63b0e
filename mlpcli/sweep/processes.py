"""The processes that train the runs of a sweep; they load what they need while all else is prepared."""

from __future__ import annotations

import contextlib
import os
import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from mlpcli.blas import thread_count, threads_of

__all__ = ["Processes", "TrainingProcess"]


class Processes:
    """So many processes, which share the threads of this machine; one that is gone is replaced.

    In a ``with`` block, none of them is left after it.
    """

    def __init__(self, workers: int) -> None:
        self.threads = max(1, thread_count() // workers)
        self.workers = workers
        self._all = [TrainingProcess(self.threads) for _ in range(workers)]

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def busy(self) -> list[TrainingProcess]:
        """The processes that have runs."""
        return [process for process in self._all if process.claims]

    def free(self) -> TrainingProcess | None:
        """Return a process that has no run; None if all have some."""
        free = next((process for process in self._all if not process.claims), None)
        if free is None and len(self._all) < self.workers:
            free = TrainingProcess(self.threads)
            self._all.append(free)
        return free

    def remove(self, process: TrainingProcess) -> None:
        """Forget a process that is gone."""
        self._all.remove(process)
        process.end()

    def end(self) -> None:
        """End all processes, whatever they are doing."""
        for process in self._all:
            process.end()
        self._all.clear()
        self.workers = 0


class TrainingProcess:
    """A process that trains runs, several at once; ``claims`` are those at hand, by the number of the run."""

    def __init__(self, threads: int) -> None:
        context = get_context("spawn")  # not a fork: threads, of the BLAS and others, would be missing in it
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other,), daemon=True)
        before = dict(os.environ)
        try:
            os.environ.update(threads_of(threads))
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        other.close()
        self.claims: dict[int, Any] = {}
        self._stopping = False

    def begin(self, claims: dict[int, Any], tasks: list[Any]) -> None:
        """Let the process train runs."""
        self.claims, self._stopping = claims, False
        self.send(tasks)

    def stop(self, message: Any) -> None:
        """Send the process, once, what lets it save its runs and end them."""
        if not self._stopping:
            self._stopping = True
            self.send(message)

    def send(self, message: Any) -> None:
        """Send the process a message; if it is gone, that is heard of next."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def last_words(self) -> str:
        """Return how the process has ended, which was not asked to."""
        self._process.join(10)
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"its process ended with exit code {code}"
        name = signal.Signals(-code).name
        memory = ", perhaps since the memory ran out" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{memory}"

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self.connection.close()
        self._process.join()
        self._process.close()


def _work(connection: Connection) -> None:
    """Train runs, in the new process: what that takes is imported there, with the environment that it has."""
    from mlpcli.sweep.worker import work

    work(connection)
