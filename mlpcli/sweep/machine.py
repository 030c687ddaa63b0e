"""The part of a sweep that one machine trains: its worker processes, and what they tell."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeAlias

from mlpcli.config.schema import Experiment
from mlpcli.config.sweeps import SweepConfig
from mlpcli.errors import ConfigError
from mlpcli.sweep.batches import kind_of, most_at_once, share
from mlpcli.sweep.compare import is_better_higher
from mlpcli.sweep.directory import SweepDirectory
from mlpcli.sweep.messages import Outcome, Progress, Rung, Stop, Task
from mlpcli.sweep.plan import SweepPlan
from mlpcli.sweep.processes import Processes, TrainingProcess
from mlpcli.sweep.record import SweepRecord, SweepRow
from mlpcli.sweep.storage import open_storage, reached, shared_storage, to_keep
from mlpcli.sweep.trials import Batch, Claim, Ended, Trials
from mlpcli.training.plan import plan_run

__all__ = ["Began", "Event", "Finished", "SweepMachine", "Waiting"]

_LOOK_EVERY = 0.5  # seconds, for runs that another machine has given up
_WRITE_EVERY = 1.0  # seconds between two writes of the table


@dataclass(frozen=True)
class Began:
    """A run begins, or goes on."""

    run: int
    values: dict[str, Any]  # without training.seed
    seed: int


@dataclass(frozen=True)
class Finished:
    """A run of this machine has ended, and ``ended`` of all have, on whatever machine."""

    row: SweepRow
    ended: int


@dataclass(frozen=True)
class Waiting:
    """Nothing is left to train here; ``left`` runs are trained by other machines, which are waited for."""

    left: int


Event: TypeAlias = Began | Progress | Finished | Waiting


class SweepMachine:
    """Trains the runs of a sweep that no other machine has claimed, in processes, which it ends.

    ``score`` is the name of the score by which they are compared. Without a ``storage`` the trials are in
    that which the directory was begun with, or in its journal. Nothing is trained before `events`.

    Raises what reading the data of the first run raises, and what `open_storage`, `shared_storage` and
    `Trials` raise.
    """

    def __init__(
        self,
        config: SweepConfig,
        name: str,
        directory: SweepDirectory,
        processes: Processes,
        storage: str | None = None,
        *,
        force_memory: bool = False,
        **times: float,
    ) -> None:
        self.plan, self.directory = SweepPlan(config), directory
        self._config, self._force_memory = config, force_memory
        self.processes = processes
        example = plan_run(config.example)
        self.score = _score_of(example.experiment)
        self._inputs, self._targets = example.widths[0], example.widths[-1]
        storage = shared_storage(directory, storage)
        self._storage = str(directory.journal) if storage is None else storage
        name = directory.study or name
        if storage is None:
            directory.begin(config.text(), name)
        opened = open_storage(self._storage)
        with reached(self._storage):
            self._trials = Trials(
                opened,
                name,
                self.plan,
                directory.machine,
                higher=is_better_higher(self.score),
                alone=storage is None,
                **times,
            )
        if storage is not None:  # which can be used
            directory.begin(config.text(), name, to_keep(storage))
        self._alone = storage is None
        self._batches: dict[int, Batch] = {}  # of runs, by their numbers
        self._parts: dict[int, float] = {}  # of the runs at hand, what is done of each
        self._again: list[Claim] = []  # runs that were trained with others by a process that is gone
        self._written = 0.0
        self.stopped = False

    @property
    def ended(self) -> int:
        """The number of runs that have ended, on all machines."""
        with reached(self._storage):
            return len(self._trials.ended())

    @property
    def at_once(self) -> int:
        """The number of runs that this machine trains at the same time, as far as is known."""
        most = most_at_once(self._config.example, self._inputs, self._targets)
        return min(self.plan.runs, self.processes.workers * most)

    def stop(self) -> None:
        """Save the runs at hand and end; may be called at any time and by any thread."""
        self.stopped = True

    def events(self) -> Generator[Event, None, None]:
        """Train runs until all have ended, on whatever machine, and yield what happens.

        However this ends, no process is left, and sweep.csv has all that is known. Raises RunError if the
        storage, or the directory, cannot be written any more; the runs at hand are saved.
        """
        try:
            with reached(self._storage):
                yield from self._events()
        finally:
            self._close()

    def _events(self) -> Iterator[Event]:
        self.write_table()
        told = False
        while True:
            self._trials.beat()
            yield from self._begin_runs()
            busy = self.processes.busy
            if self.stopped:
                for process in busy:
                    process.stop(Stop())
            if not busy:
                left = self.plan.runs - len(self._trials.ended())
                if self.stopped or not left:
                    return
                if not told:
                    yield Waiting(left)
                told = True
                time.sleep(_LOOK_EVERY)
                continue
            told = False
            for ready in wait([process.connection for process in busy], _LOOK_EVERY):
                process = next(process for process in busy if process.connection is ready)
                yield from self._hear(process)

    def _begin_runs(self) -> Iterator[Event]:
        """Give runs to the processes that have none; those that cannot be made have failed."""
        while not self.stopped:
            free = self.processes.free()
            if free is None:
                return
            claims = [self._again.pop(0)] if self._again else self._trials.claim(self._share, self._batch_of)
            if not claims:
                return
            tasks, faults = [], []
            for claim in claims:
                try:
                    tasks.append(self._task(claim))
                except ConfigError as error:
                    faults.append((claim, str(error)))
            failed = {claim.run for claim, _ in faults}
            if tasks:
                begun = {claim.run: claim for claim in claims if claim.run not in failed}
                self._parts |= dict.fromkeys(begun, 0.0)
                free.begin(begun, tasks)
            for claim in claims:
                yield Began(claim.run, self._swept(claim.values), self._seed(claim))
            for claim, message in faults:
                yield from self._end(claim, Outcome(claim.run, "failed", message=message))

    def _task(self, claim: Claim) -> Task:
        experiment = self.plan.experiment(claim.run, claim.values)
        folder = self.directory.run(claim.run, self.plan.runs)
        return Task(claim.run, experiment, folder, self.plan.sweep.prune, self._force_memory)

    def _share(self, waiting: int) -> int:
        """Return how many of the runs that wait are claimed for a process."""
        workers = self.processes.workers
        if self.plan.learns:  # of the seeds of one setting, before another one is chosen
            return share(self.plan.sweep.seeds, 0, workers)
        if not self._alone:  # others may come, and all are to end together
            return share(waiting, 0, 2 * workers * self._trials.machines)
        at_hand = [run for process in self.processes.busy for run in process.claims]
        remaining = sum(1 - self._parts[run] for run in at_hand)
        return share(waiting, remaining + len(self._again), workers)

    def _batch_of(self, run: int, values: dict[str, Any]) -> Batch:
        """Return which runs one may be trained with, side by side."""
        if run not in self._batches:
            try:
                experiment = self.plan.experiment(run, values)
                most = most_at_once(experiment, self._inputs, self._targets)
                self._batches[run] = Batch(kind_of(experiment), most)
            except ConfigError:  # which ends the run as soon as it is to begin
                self._batches[run] = Batch("", 1)
        return self._batches[run]

    def _hear(self, process: TrainingProcess) -> Iterator[Event]:
        """Take what a process tells, or that it is gone."""
        try:
            came = process.connection.recv()
        except (EOFError, OSError):
            yield from self._lose(process)
            return
        claim = process.claims[came.run]
        if isinstance(came, Rung):
            process.send(self._trials.ends_early(claim, came.step, came.score))
        elif isinstance(came, Progress):
            self._parts[came.run] = came.epoch / came.epochs
            yield came
        else:
            del process.claims[came.run]
            yield from self._end(claim, came)

    def _lose(self, process: TrainingProcess) -> Iterator[Event]:
        """Let the runs of a process that is gone go on alone, each; one that was alone has failed."""
        claims, message = list(process.claims.values()), process.last_words()
        self.processes.remove(process)
        if len(claims) > 1:  # which of them it was, nobody knows
            self._again += claims
            return
        for claim in claims:
            yield from self._end(claim, Outcome(claim.run, "failed", message=message))

    def _end(self, claim: Claim, outcome: Outcome) -> Iterator[Event]:
        if outcome.status == "stopped":
            self._trials.give_up(claim)
            return
        folder = self.directory.run(claim.run, self.plan.runs).absolute()
        if not self._trials.finish(claim, outcome, str(folder)):
            return  # this machine was believed dead, and another one trains the run
        ended = self._trials.ended()
        if time.monotonic() - self._written > _WRITE_EVERY:
            self.write_table()
        yield Finished(self._row(ended[claim.run]), len(ended))

    def record(self) -> SweepRecord:
        """Return how the runs have ended that have, on all machines."""
        ended = self._trials.ended()
        names = dict.fromkeys(name for each in ended.values() for name in each.outcome.best)
        return SweepRecord(
            self._config.keys,
            tuple(names) or (self.score,),
            [self._row(each) for each in ended.values()],
        )

    def write_table(self) -> None:
        """Write sweep.csv."""
        self.directory.write_table(self.record())
        self._written = time.monotonic()

    def _row(self, ended: Ended) -> SweepRow:
        outcome = ended.outcome
        claim = Claim(outcome.run, 0, ended.values)
        assert outcome.status != "stopped"
        return SweepRow(
            outcome.run,
            outcome.status,
            self._seed(claim),
            self._swept(ended.values),
            outcome.best_epoch,
            outcome.best,
            outcome.last,
            outcome.seconds,
            self._place(ended),
            outcome.message,
        )

    def _place(self, ended: Ended) -> str:
        """Return the directory of a run: from that of the sweep, or with its host if it is elsewhere."""
        folder, here = Path(ended.directory), self.directory.path.absolute()
        if folder.is_relative_to(here) and ended.machine == self.directory.machine:
            return folder.relative_to(here).as_posix()
        return str(folder) if folder.is_dir() else f"{ended.host}:{folder}"

    def _seed(self, claim: Claim) -> int:
        seed: int = claim.values.get("training.seed", self.plan.training_seed(claim.run))
        return seed

    def _swept(self, values: dict[str, Any]) -> dict[str, Any]:
        return {key: values[key] for key in self._config.keys}

    def _close(self) -> None:
        """End all processes; what they had not finished, another machine may train, or this one later."""
        claims = [claim for process in self.processes.busy for claim in process.claims.values()]
        self.processes.end()
        with contextlib.suppress(Exception):  # the storage may be what cannot be reached
            for claim in [*claims, *self._again]:
                self._trials.give_up(claim)
            self.write_table()


def _score_of(experiment: Experiment) -> str:
    """Return the name, in metrics, of the score by which runs are compared."""
    is_validated = experiment.data.val_size or experiment.training.validation == "folds"
    return f"{'val' if is_validated else 'train'}_{experiment.monitor}"
