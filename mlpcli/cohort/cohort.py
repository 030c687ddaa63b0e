"""Trains many runs at once: those of one shape side by side, the others one after another."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from mlpcli.blas import thread_count
from mlpcli.cohort.group import Group, kind_of, shape_of
from mlpcli.errors import RunError
from mlpcli.training.epoch import Epoch
from mlpcli.training.recorder import DirectoryRecorder
from mlpcli.training.run import Run

__all__ = ["Cohort", "train_together"]

_LONG = 1 << 22  # multiplications of a forward pass; threads with shorter ones wait for each other's Python


class Cohort:
    """Runs that are trained together; each ends with the bytes, but for times, that it would have alone.

    Runs of one shape (`shape_of`) take their steps side by side, or threads share them, where the networks
    are large. Seeds, data, learning rates, schedules, momentum, penalties and the number of epochs may
    differ. A run that ends earlier, or whose training fails, leaves the others; ``errors`` has the error of
    each run that failed, and ``going`` are the runs that have begun and not ended.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = list(runs)
        for run in runs:  # else most of the time would go into the checkpoints of many runs
            if isinstance(run.recorder, DirectoryRecorder):
                run.recorder.runs_at_once = len(runs)
        self.errors: dict[Run, RunError] = {}
        self.going: list[Run] = []
        self._groups: dict[tuple[Run, ...], Group] = {}
        self._threads: ThreadPoolExecutor | None = None

    def stop(self) -> None:
        """End after the batch at hand; may be called at any time and by any thread."""
        for run in self.runs:
            run.stop()

    def epochs(self) -> Generator[tuple[Run, Epoch], None, None]:
        """Train all runs, and yield each epoch of each once its recorder has it.

        What a listener raises ends the training and comes through as it is.
        """
        rounds = {run: run.rounds() for run in self.runs}
        found = [shape_of(run) for run in self.runs]
        shapes = {run: found.index(shape) for run, shape in zip(self.runs, found, strict=True)}
        try:
            self.going[:] = [run for run in self.runs if self._reach(run, rounds[run]) == "round"]
            while self.going:
                now = _next(self.going, shapes)
                self._take_steps(now)
                for run in now:
                    epoch = self._reach(run, rounds[run])
                    if isinstance(epoch, Epoch):
                        yield run, epoch
                        epoch = self._reach(run, rounds[run])
                    if epoch == "end":
                        self.going.remove(run)
        finally:
            for each in rounds.values():
                each.close()
            if self._threads is not None:
                self._threads.shutdown()
                self._threads = None

    def _reach(self, run: Run, rounds: Iterator[Epoch | None]) -> Epoch | Literal["round", "end"]:
        """Let a run go on to the end of its epoch, or to the beginning of the next, or to its end."""
        try:
            for epoch in rounds:
                return epoch or "round"
        except RunError as error:
            self.errors[run] = error
        return "end"

    def _take_steps(self, runs: tuple[Run, ...]) -> None:
        """Take the steps of an epoch of runs that are at the same place; one alone does so by itself."""
        if len(runs) == 1:
            return
        if _is_large(runs[0]):
            list(self._pool(runs[0]).map(_run_ahead, runs))
            return
        if runs not in self._groups:
            others = {key: group for key, group in self._groups.items() if not set(key) & set(runs)}
            self._groups = others | {runs: Group(runs)}
        for run, result in zip(runs, self._groups[runs].take_steps(), strict=True):
            run.trainer.hand_over(result)

    def _pool(self, run: Run) -> ThreadPoolExecutor:
        """Return the threads that take steps; in each of them oneDNN computes alone."""
        if self._threads is None:
            onednn = run.network.engine.onednn
            begin = None if onednn is None else partial(onednn.set_threads, 1)
            self._threads = ThreadPoolExecutor(thread_count(), initializer=begin)
        return self._threads


def train_together(runs: Sequence[Run]) -> None:
    """Train runs to their end; raises the error of the first of them that failed, once all have ended."""
    cohort = Cohort(runs)
    for _ in cohort.epochs():
        pass
    for run in runs:
        if run in cohort.errors:
            raise cohort.errors[run]


def _next(waiting: Sequence[Run], shapes: Mapping[Run, int]) -> tuple[Run, ...]:
    """Return the runs to train next: of one shape, and at one place, which is the earliest."""
    places = {run: _place(run) for run in waiting}
    first = min(waiting, key=places.__getitem__)
    now = [run for run in waiting if places[run] == places[first] and shapes[run] == shapes[first]]
    return tuple(sorted(now, key=kind_of))


def _is_large(run: Run) -> bool:
    """Return whether threads, each of which trains runs one by one, are faster than steps side by side.

    One that multiplies for long has its numbers in the cache of a core, where others would displace them.
    A BLAS with several threads may sum up in another order than with one, and has use for all cores.
    """
    trainer, engine = run.trainer, run.network.engine
    products = trainer.batch_size * trainer.network.parameters.n_penalized
    is_long = products >= _LONG or trainer.optimizer.by_onednn
    return is_long and (trainer.is_small or engine.onednn is not None)


def _run_ahead(run: Run) -> None:
    run.trainer.run_ahead()


def _place(run: Run) -> tuple[int, ...]:
    trainer = run.trainer
    return trainer.progress.epoch, trainer.batch, trainer.optimizer.steps
