"""Trains runs of a sweep in a process of its own, several of them side by side."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mlpcli.cohort.cohort import Cohort
from mlpcli.errors import MlpError, RunError
from mlpcli.sweep.compare import is_better_higher
from mlpcli.sweep.loaded import LoadedData
from mlpcli.sweep.messages import Ending, Outcome, Progress, Rung, Stop, Task
from mlpcli.training.directory import RunDirectory
from mlpcli.training.run import Run
from mlpcli.training.start import start_run, take_directory

__all__ = ["score_names", "work"]

_TELL_EVERY = 0.2  # seconds
_PATIENCE = 10.0  # seconds to save the runs in when the process that began this one is gone
_PART_OF_EPOCHS = {1: 1 / 27, 3: 1 / 9, 9: 1 / 3}  # after which a run may be ended early


def work(connection: Connection) -> None:
    """Carry out each list of `Task` that comes through the connection; send what becomes of them.

    That is `Progress` and `Rung`, and the `Outcome` of each run as soon as it has ended. Ctrl-C in a terminal
    reaches this process, too, and is left to the one that began it.
    """
    for number in (signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        signal.signal(number, signal.SIG_IGN)
    _Worker(connection).work()


class _Worker:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tasks: queue.Queue[list[Task] | None] = queue.Queue()
        self._answers: queue.Queue[bool] = queue.Queue()
        self._cohort: Cohort | None = None
        self._stopped = False
        self._left = threading.Event()
        self._loaded = LoadedData()

    def work(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while (tasks := self._tasks.get()) is not None:
            self._train(tasks)
        self._left.set()

    def _listen(self) -> None:
        """Hand on what comes through the connection; if it breaks, save the runs at hand and end."""
        while True:
            try:
                came = self._connection.recv()
            except (EOFError, OSError):
                self._stop()
                self._tasks.put(None)
                self._answers.put(True)
                if not self._left.wait(_PATIENCE):
                    os._exit(1)
                return
            if isinstance(came, Stop):
                self._stop()
            elif isinstance(came, list):
                self._stopped = False
                self._tasks.put(came)
            else:
                self._answers.put(came)

    def _stop(self) -> None:
        self._stopped = True
        if self._cohort is not None:
            self._cohort.stop()

    def _send(self, message: Progress | Rung | Outcome) -> None:
        with contextlib.suppress(OSError):  # that nobody is there is heard of by the one who listens
            self._connection.send(message)

    def _train(self, tasks: Sequence[Task]) -> None:
        """Train runs together; later those for which there is no room, or which a bug has interrupted."""
        self._loaded.keep_for([task.experiment for task in tasks])
        waiting = [list(tasks)]
        while waiting:
            members: list[_Member] = []
            later = self._begin(waiting.pop(0), members)
            if later:
                waiting.insert(0, later)
            try:
                self._follow(members)
            except Exception as error:  # a bug, or no memory: which of the runs it is of, nobody knows
                left = [member for member in members if not member.ended]
                if len(left) == 1:
                    self._send(Outcome(left[0].task.run, "failed", message=_words(error)))
                else:
                    waiting[:0] = [[member.task] for member in left]
            finally:
                self._cohort = None
                for member in members:
                    member.directory.close(discard=True)

    def _begin(self, tasks: list[Task], members: list[_Member]) -> list[Task]:
        """Add to the members as many runs as the memory has room for; return the tasks that are left."""
        for i, task in enumerate(tasks):
            if self._stopped:
                self._send(Outcome(task.run, "stopped"))
                continue
            begun = time.perf_counter()
            try:
                members.append(self._member(task))
            except Exception as error:  # the other runs go on
                is_full = isinstance(error, MemoryError) or getattr(error, "topic", None) == "memory"
                if is_full and members:
                    return tasks[i:]
                seconds = time.perf_counter() - begun
                self._send(Outcome(task.run, "failed", seconds=seconds, message=_words(error)))
        return []

    def _member(self, task: Task) -> _Member:
        """Return the run of a task as it was saved last, or a new one; its directory is locked."""
        splits = self._loaded.splits(task.experiment, force_memory=task.force_memory)
        for anew in (False, True):
            directory = _take(task.directory, anew)
            went_on = directory.goes_on
            try:
                run = start_run(task.experiment, directory, splits, force_memory=task.force_memory)
                self._loaded.share_baselines(run)
                return _Member(task, run, directory)
            except BaseException as error:
                directory.close(discard=True)
                # What is there may be damaged, or be of another setting.
                if not (went_on and isinstance(error, MlpError)) or error.topic == "memory":
                    raise
        raise AssertionError("unreachable")

    def _follow(self, members: Sequence[_Member]) -> None:
        """Train runs to their end, or until they are pruned; tell how each of them has ended."""
        for member in members:
            if self._was_pruned(member):
                self._end(member, "pruned")
        by_run = {member.run: member for member in members if not member.ended}
        self._cohort = cohort = Cohort(list(by_run))
        if self._stopped:
            cohort.stop()
        before = time.perf_counter()
        with contextlib.closing(cohort.epochs()) as epochs:
            for run, epoch in epochs:
                member = by_run[run]
                now = time.perf_counter()
                for each in cohort.going:  # each has its share of the time
                    by_run[each].seconds += (now - before) / len(cohort.going)
                before = now
                member.best.add(epoch.metrics)
                if time.perf_counter() >= member.due:
                    epochs_in_all = run.experiment.training.epochs
                    self._send(Progress(member.task.run, epoch.number, epochs_in_all, member.best.score))
                    member.due = time.perf_counter() + _TELL_EVERY
                if epoch.number in member.rungs and self._ends(member, epoch.number):
                    member.pruned = True
                    run.stop()  # saves it
                self._end_those(cohort, by_run)
        self._end_those(cohort, by_run)

    def _was_pruned(self, member: _Member) -> bool:
        """Return whether a run that goes on is to end at a rung that it has reached before."""
        for row in member.run.metrics:
            member.best.add(row)
            if row["epoch"] in member.rungs and self._ends(member, row["epoch"]):
                return True
        return False

    def _ends(self, member: _Member, epoch: int) -> bool:
        if member.best.score is None or self._stopped:
            return False
        self._send(Rung(member.task.run, member.rungs[epoch], member.best.score))
        return self._answers.get() and not self._stopped

    def _end_those(self, cohort: Cohort, by_run: dict[Run, _Member]) -> None:
        """Tell how those runs have ended that have since the last time."""
        for run, member in by_run.items():
            if member.ended or run in cohort.going:
                continue
            error = cohort.errors.get(run)
            if error is not None:
                self._end(member, "failed", str(error))
            elif member.pruned:
                self._end(member, "pruned")
            else:
                self._end(member, "stopped" if run.trainer.stopping else "finished")

    def _end(self, member: _Member, status: Ending, message: str = "") -> None:
        outcome = _outcome(member, status, message)
        member.ended = True
        member.directory.close(discard=True)
        self._send(outcome)


class _Member:
    """A run that is trained with others, in its directory, which is locked; ``rungs`` are epochs."""

    def __init__(self, task: Task, run: Run, directory: RunDirectory) -> None:
        self.task, self.run, self.directory = task, run, directory
        self.best, self.due = _Best(run), 0.0
        self.seconds = sum(row["seconds"] for row in run.metrics)
        epochs = run.experiment.training.epochs
        rungs = {max(1, round(epochs * part)): step for step, part in _PART_OF_EPOCHS.items()}
        self.rungs = {epoch: step for epoch, step in rungs.items() if task.prunes and epoch < epochs}
        self.pruned = self.ended = False


def _words(error: Exception) -> str:
    """Return what a user is told of an error that has ended a run."""
    if isinstance(error, MlpError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    return f"a bug in mlp ({type(error).__name__}: {error})"


def _take(path: Path, anew: bool) -> RunDirectory:
    """Return the directory of a run; a worker whose sweep was killed may need a moment to leave it."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return take_directory("", path, resume=not anew, force=anew)
        except RunError as error:
            if error.topic != "directory in use" or time.monotonic() > until:
                raise
            time.sleep(0.1)


class _Best:
    """The best score of a run so far."""

    def __init__(self, run: Run) -> None:
        self.score: float | None = None
        self._key = score_names(run)[0]
        self._sign = 1 if is_better_higher(self._key) else -1

    def add(self, row: dict[str, Any]) -> None:
        """Take the scores of another epoch."""
        score = row.get(self._key)
        if score is not None and (self.score is None or self._sign * (score - self.score) > 0):
            self.score = score


def score_names(run: Run) -> list[str]:
    """Return the names of the scores of a run, as in its metrics; first that which chooses the best epoch."""
    part = "train" if run.trainer.val is None else "val"
    names = [f"{part}_{run.experiment.monitor}"]
    rows = run.metrics
    names += [key for key in (rows[-1] if rows else {}) if key.startswith(("train_", "val_"))]
    return list(dict.fromkeys(names))


def _outcome(member: _Member, status: Ending, message: str) -> Outcome:
    number, run = member.task.run, member.run
    rows, names = run.metrics, score_names(run)
    if not rows:
        return Outcome(number, status, seconds=member.seconds, message=message)
    best_epoch = run.trainer.progress.best_epoch
    found = next((row for row in rows if row["epoch"] == best_epoch), None)
    best = run.best.checkpoint.scores if found is None else found  # of epoch 0 there is no row
    return Outcome(
        number,
        status,
        best_epoch,
        len(rows),
        {name: best.get(name) for name in names},
        {name: rows[-1].get(name) for name in names},
        member.seconds,
        message,
    )
