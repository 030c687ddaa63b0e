"""Trains the same config with several seeds, and sums up how far the scores spread."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlpcli.build.readers import load_data
from mlpcli.build.splits import Splits, divide, load_splits
from mlpcli.cohort.waves import Plan, Waves
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.data.large.source import LargeData
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import ConfigError, RunError, UsageError
from mlpcli.reading import opened
from mlpcli.training.directory import SeedsDirectory
from mlpcli.training.memory import require_memory
from mlpcli.training.moved import found_from_config
from mlpcli.training.names import RUN_CONFIG
from mlpcli.training.resume import require_unchanged, with_choices
from mlpcli.training.run import Run
from mlpcli.training.settled import settle
from mlpcli.training.tensorboard import require_tensorboard

__all__ = ["MOST_SEEDS", "SeedRow", "Seeds", "SeedsRecord", "read_seeds"]

MOST_SEEDS = 1000
_LARGEST = 16_000_000  # bytes of seeds.json
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Scores = dict[str, dict[str, float | None]]  # by split


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class SeedRow(_Strict):
    """What seeds.json says of a run that has ended: its scores by split, or why it failed."""

    run: str
    seed: _Count
    epochs: _Count
    best_epoch: _Count
    scores: _Scores
    message: str | None = None


class SeedsRecord(_Strict):
    """The content of seeds.json.

    ``scores`` of a row are those of its best epoch. ``mean`` and ``std``, null until all runs have ended, are
    the mean of these and their standard deviation (that of a sample, which divides by n - 1), without runs
    that failed.
    """

    config: dict[str, Any]
    seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)]
    rows: list[SeedRow]
    mean: _Scores | None = None
    std: _Scores | None = None


def read_seeds(path: Path) -> SeedsRecord:
    """Read and validate seeds.json; raises RunError."""
    with opened(path, RunError) as stream:
        raw = stream.read(_LARGEST + 1)
    try:
        if len(raw) > _LARGEST:
            raise ValueError
        return SeedsRecord.model_validate(json.loads(raw))
    except (ValueError, RecursionError, ValidationError):
        raise RunError(f"{path} is not what runs of several seeds have written; start new ones") from None


class Seeds:
    """The runs of a config with ``seeds`` seeds, from ``training.seed`` on; each as it would be alone.

    Its ``waves`` train them, each in a folder of ``directory``; a row of ``record`` is written as soon as a
    run has ended. Where the directory holds such runs which were stopped, they go on; ``seeds`` may then be
    None for as many as there are, or more. A run that diverges does not stop the others.

    Raises DataError, ConfigError and UsageError for what does not fit together; until then nothing in the
    directory has changed.
    """

    def __init__(
        self,
        experiment: Experiment,
        seeds: int | None,
        directory: SeedsDirectory,
        *,
        force_memory: bool = False,
    ) -> None:
        self.directory = directory
        if experiment.training.tensorboard:
            require_tensorboard()
        before = read_seeds(directory.scores) if directory.goes_on else None
        if before is not None:
            seeds = _same_seeds(directory.path, before, seeds)
            begun = validate_experiment(before.config, directory.path)
            require_unchanged(f"what {directory.path} holds", begun, experiment)
            experiment = with_choices(begun, experiment)
            first_config = directory.path / f"seed-{experiment.training.seed}" / RUN_CONFIG
            experiment = found_from_config(first_config, experiment)
        assert seeds is not None
        _require_fitting(experiment, seeds)
        if not force_memory:
            require_memory(experiment)
        data = load_data(experiment)
        self.experiment, choice = settle(experiment, divide(experiment, data))
        # Toy sets are drawn anew for each seed, unless their points have a seed of their own.
        is_drawn = experiment.data.name in TOY_SETS and getattr(experiment.data, "points_seed", None) is None
        self._dataset = None if is_drawn or isinstance(data, LargeData) else data
        self.notes = [] if choice is None else [choice]
        self.plans = [_plan(self.experiment, i) for i in range(seeds)]
        rows = []
        if before is not None and before.config["training"]["epochs"] == self.experiment.training.epochs:
            rows = before.rows
        self.record = SeedsRecord(config=to_plain(self.experiment), seeds=seeds, rows=rows)
        done = {row.run for row in rows}
        self.waves = Waves(
            self.plans, done, self._splits, self._keep, directory.path, force_memory=force_memory
        )
        if directory.goes_on:
            directory.go_on(self.record.model_dump())
        else:
            directory.begin(self.record.model_dump())

    def _splits(self, experiment: Experiment) -> Splits:
        if self._dataset is None:
            return load_splits(experiment)
        return divide(experiment, self._dataset)

    def _keep(self, plan: Plan, run: Run, error: RunError | None) -> None:
        progress = run.trainer.progress
        self.record.rows.append(
            SeedRow(
                run=plan.name,
                seed=plan.experiment.training.seed,
                epochs=progress.epoch,
                best_epoch=progress.best_epoch,
                scores={} if error is not None else run.score_best(),
                message=None if error is None else str(error),
            )
        )
        self.directory.write_scores(self.record.model_dump())

    def finish(self) -> SeedsRecord:
        """Return what all runs, which have ended, have found; write it into the directory."""
        by_run = {row.run: row for row in self.record.rows}
        self.record.rows[:] = [by_run[plan.name] for plan in self.plans]
        found = [row.scores for row in self.record.rows if row.message is None]
        if found:
            self.record.mean = _over(fmean, found)
        if len(found) > 1:
            self.record.std = _over(stdev, found)
        self.directory.write_scores(self.record.model_dump())
        return self.record


def _over(function: Callable[[list[float]], float], found: Sequence[_Scores]) -> _Scores:
    """Return a function of each score over the runs; None where it is undefined in one of them."""
    result: _Scores = {}
    for split, names in found[0].items():
        result[split] = {}
        for name in names:
            values = [scores[split][name] for scores in found]
            known = [value for value in values if value is not None]
            result[split][name] = function(known) if len(known) == len(values) else None
    return result


def _plan(experiment: Experiment, number: int) -> Plan:
    seed = experiment.training.seed + number
    training = experiment.training.model_copy(update={"seed": seed})
    return Plan(f"seed-{seed}", experiment.model_copy(update={"training": training}))


def _require_fitting(experiment: Experiment, seeds: int) -> None:
    """Raise ConfigError or UsageError if a config cannot be trained with so many seeds."""
    if not 2 <= seeds <= MOST_SEEDS:
        raise UsageError(f"{seeds:,} seeds: from 2 to {MOST_SEEDS:,} can be trained together")
    if experiment.training.seed + seeds > 2**32:
        raise ConfigError(
            f"training.seed {experiment.training.seed} leaves no room for {seeds:,} seeds; use a lower one"
        )


def _same_seeds(path: Path, before: SeedsRecord, seeds: int | None) -> int:
    """Return the number of seeds of runs that go on; there may be more than before."""
    if seeds is not None and seeds < before.seeds:
        raise UsageError(f"{path} holds runs of {before.seeds} seeds; for {seeds}, start new ones")
    return before.seeds if seeds is None else seeds
