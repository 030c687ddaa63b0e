"""Trains the runs of several plans in waves: together, as many at a time as the memory has room for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from mlpcli.build.splits import Splits
from mlpcli.cohort.cohort import Cohort
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError, RunError
from mlpcli.training.directory import NotWrittenError
from mlpcli.training.epoch import Epoch
from mlpcli.training.run import Listener, Run
from mlpcli.training.start import start_run, take_directory

__all__ = ["Plan", "Waves"]

_AT_ONCE = 100  # runs, each of which keeps its directory open


@dataclass(frozen=True, eq=False)
class Plan:
    """A network to train: the name of its run, and its config."""

    name: str
    experiment: Experiment


_P = TypeVar("_P", bound=Plan)


class Waves(Generic[_P]):
    """The runs of ``plans``, but for those in ``done``, which have ended; each ends as it would alone.

    They are trained together, where the memory suffices for all at once; else a wave of them begins when the
    one before has ended. ``split`` returns the data of a config. Each run is kept in memory, or in a folder
    within ``folder``, where it goes on if it was stopped. ``keep`` is called with the plan of each run that
    has ended, the run, and its error if it failed; what it raises ends the training.
    """

    def __init__(
        self,
        plans: Sequence[_P],
        done: Collection[str],
        split: Callable[[Experiment], Splits],
        keep: Callable[[_P, Run, RunError | None], object],
        folder: Path | None,
        *,
        listeners: Sequence[Listener] = (),
        force_memory: bool = False,
    ) -> None:
        self.plans, self.done = plans, set(done)
        self._split, self._keep, self._folder = split, keep, folder
        self._listeners, self._force_memory = listeners, force_memory
        self.stopped = False
        self.going: dict[_P, Run] = {}  # the runs of the wave that is trained now, or was at last
        self._cohort: Cohort | None = None

    def train(
        self, begin: Callable[[Sequence[Run]], object] | None = None
    ) -> Generator[tuple[Run, Epoch], None, None]:
        """Train the runs that have not ended yet, and yield each epoch of each.

        ``begin`` is called with the runs of each wave before they are trained. If one of them is stopped, all
        are. What a listener raises ends the training and comes through, and so does NotWrittenError.
        """
        left = [plan for plan in self.plans if plan.name not in self.done]
        while left and not self.stopped:
            self._cohort, self.going = None, {}  # their memory is needed
            with ExitStack() as places:
                yield from self._train(self._begin(left, places), begin)
            left = left[len(self.going) :]

    def _begin(self, left: Sequence[_P], places: ExitStack) -> dict[_P, Run]:
        """Return as many runs as the memory has room for, ready to be trained, with their plans."""
        runs: dict[_P, Run] = {}
        for plan in left[:_AT_ONCE]:
            place = None
            if self._folder is not None:
                place = take_directory("", self._folder / plan.name, resume=True)
                places.callback(place.close, discard=True)
            try:
                run = start_run(
                    plan.experiment,
                    place,
                    self._split(plan.experiment),
                    listeners=self._listeners,
                    force_memory=self._force_memory,
                )
            except ConfigError as error:
                if not runs or error.topic != "memory":
                    raise
                if place is not None:
                    place.close(discard=True)
                break
            runs[plan] = run
            if self.stopped:  # while the run was made
                break
        return runs

    def _train(
        self, runs: dict[_P, Run], begin: Callable[[Sequence[Run]], object] | None
    ) -> Generator[tuple[Run, Epoch], None, None]:
        self.going = runs
        self._cohort = cohort = Cohort(list(runs.values()))
        if begin is not None:
            begin(cohort.runs)
        if self.stopped or any(run.trainer.stopping for run in cohort.runs):  # while they were made
            self.stopped = True
            return
        ended: set[Run] = set()
        with closing(cohort.epochs()) as epochs:
            for run, epoch in epochs:
                self._keep_ended(cohort, ended)
                yield run, epoch
                if run.trainer.stopping:
                    self.stop()
        self._keep_ended(cohort, ended)

    def _keep_ended(self, cohort: Cohort, ended: set[Run]) -> None:
        """Keep the runs that have ended since, unless they were stopped."""
        if len(ended) + len(cohort.going) == len(cohort.runs):
            return
        for plan, run in self.going.items():
            if run in ended or run in cohort.going:
                continue
            ended.add(run)
            error = cohort.errors.get(run)
            if isinstance(error, NotWrittenError):
                raise error
            if error is None and run.trainer.stopping:
                self.stop()
                continue
            self._keep(plan, run, error)
            self.done.add(plan.name)

    def stop(self) -> None:
        """End after the batch at hand; may be called at any time and by any thread."""
        self.stopped = True
        if self._cohort is not None:
            self._cohort.stop()

    @property
    def epochs(self) -> int:
        """The number of epochs of all runs, each of which has as many."""
        return len(self.plans) * self.plans[0].experiment.training.epochs

    @property
    def epochs_done(self) -> int:
        """The number of epochs that are over; those that an ended run will not train count, too."""
        going = [run.trainer.progress.epoch for plan, run in self.going.items() if plan.name not in self.done]
        return len(self.done) * self.plans[0].experiment.training.epochs + sum(going)
