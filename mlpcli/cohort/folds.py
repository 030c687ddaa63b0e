"""Cross-validation: trains a network for each fold of the data, and makes one model of them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.readers import load_dataset
from mlpcli.build.splits import count_classes, divide
from mlpcli.cohort.waves import Plan, Waves
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, Fold, to_plain
from mlpcli.data.batches import Split
from mlpcli.data.dataset import Dataset
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import ConfigError, DataError, RunError, UsageError
from mlpcli.nn.measures import MEASURES
from mlpcli.training.bar import bar_of_all
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from mlpcli.training.directory import FoldsDirectory, writing
from mlpcli.training.memory import require_memory
from mlpcli.training.model import Model
from mlpcli.training.moved import data_from, found_from_config
from mlpcli.training.resume import require_unchanged, with_choices
from mlpcli.training.run import Listener, Run
from mlpcli.training.settled import settle
from mlpcli.training.tensorboard import require_tensorboard
from mlpcli.training.validated import MOST_NETWORKS, FoldRow, FoldsRecord, Scores, Validated, read_record

__all__ = [
    "CrossValidation",
    "FoldPlan",
    "train_folds",
]


@dataclass(frozen=True, eq=False)
class FoldPlan(Plan):
    """A network to train, and the fold that it does not see."""

    repeat: int
    fold: int


class CrossValidation:
    """The runs of the folds of an experiment; each ends as it would alone.

    In each of the ``repeats`` the data are cut into other ``folds``, and there is a run for each fold: that
    of the config with ``data.fold``, and with a seed that is one higher in each repeat. ``dataset`` takes the
    place of the data that the config names, which are read once. The ``listeners`` are those of each run.

    The ``waves`` train the runs, each in a folder of ``directory``, or in memory. A row of ``record`` is
    written as soon as one has ended. If one diverges, that ends all. Where the directory holds a
    cross-validation that was stopped, it goes on; ``folds`` and ``repeats`` may then be None, for those that
    it has.

    Raises DataError, ConfigError and UsageError for what does not fit together; until then nothing in the
    directory has changed.
    """

    def __init__(
        self,
        experiment: Experiment,
        folds: int | None = None,
        repeats: int | None = None,
        *,
        directory: FoldsDirectory | None = None,
        dataset: Dataset | None = None,
        listeners: Sequence[Listener] = (),
        force_memory: bool = False,
    ) -> None:
        self.directory = directory
        if experiment.training.tensorboard and directory is not None:
            require_tensorboard()
        self._best: dict[str, Checkpoint] = {}
        goes_on = directory is not None and directory.goes_on
        before = read_record(directory.scores) if directory is not None and goes_on else None
        if before is not None:
            assert directory is not None
            folds, repeats = _same_folds(directory.path, before, folds, repeats)
            begun = validate_experiment(before.config, directory.path)
            require_unchanged(f"the cross-validation in {directory.path}", begun, experiment)
            experiment = with_choices(begun, experiment)
            if dataset is None:
                experiment = found_from_config(directory.path / "fold-1" / "config.yaml", experiment)
        folds, repeats = 5 if folds is None else folds, repeats or 1
        _require_fitting(experiment, folds, repeats)
        if dataset is None:
            if not force_memory:
                require_memory(experiment)
            dataset = load_dataset(experiment)
        if len(dataset) < folds:
            raise UsageError(f"{len(dataset):,} examples cannot be cut into {folds:,} folds; use fewer folds")
        self._dataset = dataset
        first = divide(_with_fold(experiment, 1, 1, folds), dataset)
        self.experiment, choice = settle(experiment, first)
        self.notes = [] if choice is None else [choice]
        self.plans = [
            FoldPlan(
                f"fold-{fold}" if repeat == 1 else f"repeat-{repeat}-fold-{fold}",
                _with_fold(self.experiment, repeat, fold, folds),
                repeat,
                fold,
            )
            for repeat in range(1, repeats + 1)
            for fold in range(1, folds + 1)
        ]
        config = to_plain(self.experiment)
        self.record = FoldsRecord(
            config=config, folds=folds, repeats=repeats, fingerprint=first.fingerprint, rows=[]
        )
        if before is not None:
            if before.fingerprint != first.fingerprint:
                raise DataError(
                    f"{experiment.data.title} has changed since the cross-validation was started; "
                    "put the data back as they were, or start a new one"
                )
            if before.config["training"]["epochs"] == self.experiment.training.epochs:
                self.record.rows.extend(before.rows)
        self.waves = Waves(
            self.plans,
            {row.run for row in self.record.rows},
            lambda config: divide(config, dataset),
            self._keep,
            None if directory is None else directory.path,
            listeners=listeners,
            force_memory=force_memory,
        )
        if directory is not None:
            if goes_on:
                directory.go_on(self.record.model_dump())
            else:
                directory.begin(self.record.model_dump())

    def _keep(self, plan: FoldPlan, run: Run, error: RunError | None) -> None:
        """Add the scores of a run that has been trained to its end; without them there is no result."""
        if error is not None:
            raise error
        test = run.splits.test
        assert test is not None
        best, progress = run.best, run.trainer.progress
        report = best.report(test, "test")
        self.record.rows.append(
            FoldRow(
                run=plan.name,
                repeat=plan.repeat,
                fold=plan.fold,
                seed=plan.experiment.training.seed,
                epochs=progress.epoch,
                best_epoch=best.epoch,
                n=len(test),
                scores=_scores(report),
                baselines={name: _scores(scores) for name, scores in report.get("baselines", {}).items()},
            )
        )
        if self.directory is None:
            self._best[plan.name] = best.checkpoint
        self._write()

    def _write(self) -> None:
        if self.directory is not None:
            self.directory.write_scores(self.record.model_dump())

    def finish(self) -> Validated:
        """Return what all runs, which have been trained, have found; write it into the directory."""
        if len(self.record.rows) < len(self.plans):
            raise RunError(
                f"the cross-validation was stopped: {len(self.record.rows):,} of {len(self.plans):,} "
                "networks are trained"
            )
        by_run = {row.run: row for row in self.record.rows}
        self.record.rows[:] = [by_run[plan.name] for plan in self.plans]
        n, repeats, folds = len(self._dataset), self.record.repeats, self.record.folds
        of_repeats: list[NDArray[Any] | None] = [None] * repeats
        folds_of_rows = np.zeros((n, repeats), np.intp)
        checkpoints = []
        for plan in self.plans:
            checkpoint = self._load(plan)
            checkpoints.append(checkpoint)
            test = divide(plan.experiment, self._dataset).test
            assert test is not None
            logits = _own_units(checkpoint, Model(checkpoint).compute_logits(test, plan.name))
            kept = of_repeats[plan.repeat - 1]
            if kept is None:
                of_repeats[plan.repeat - 1] = kept = np.empty((n, logits.shape[1]), logits.dtype)
            kept[test.rows] = logits
            folds_of_rows[test.rows, plan.repeat - 1] = plan.fold
        model = Model(self._committee(checkpoints))
        parts = [part for part in of_repeats if part is not None]
        logits = parts[0]
        if repeats > 1:
            logits = np.mean(parts, axis=0) if self._is_regression else model.loss.average(np.stack(parts))
        y = self._dataset.y
        out_of_fold = _scores(model.judge(logits, y, self._whole.own_weights))
        every = [row.scores for row in self.record.rows]
        self.record.mean = {name: _over(fmean, [scores[name] for scores in every]) for name in every[0]}
        self.record.std = {name: _over(stdev, [scores[name] for scores in every]) for name in every[0]}
        self.record.out_of_fold = out_of_fold
        assert folds * repeats == len(checkpoints)
        told = {f"out_of_fold_{name}": value for name, value in out_of_fold.items() if value is not None}
        model = Model(replace(model.checkpoint, scores=told))
        found = Validated(self.record, model, logits, folds_of_rows, self._dataset.row_numbers, y)
        if self.directory is not None:
            self.directory.write_predictions(found.lines())
            self._write()
            with writing(self.directory.checkpoint):
                save_checkpoint(self.directory.checkpoint, model.checkpoint)
        return found

    @property
    def _whole(self) -> Split:
        """All rows of the data."""
        dataset = self._dataset
        return Split(dataset.X, dataset.y, np.arange(len(dataset)), weights=dataset.about.weights)

    @property
    def _is_regression(self) -> bool:
        return self._dataset.classes is None

    def _load(self, plan: FoldPlan) -> Checkpoint:
        if self.directory is None:
            return self._best[plan.name]
        return load_checkpoint(self.directory.path / plan.name / "best.npz", force_memory=True)

    def _committee(self, checkpoints: list[Checkpoint]) -> Checkpoint:
        """Return the checkpoint of all networks; classes are weighted as they are in all rows."""
        first, dataset = checkpoints[0], self._dataset
        counts: Sequence[float] | None = None
        if dataset.classes is not None:
            counts = count_classes(self._whole, len(dataset.classes))
        folder = None if self.directory is None else self.directory.path
        return replace(
            first,
            experiment=self.experiment,
            class_counts=counts,
            scores={},
            resume=None,
            data_from_run=data_from(folder, self.experiment),
            others=tuple(checkpoint.members[0] for checkpoint in checkpoints[1:]),
        )


def _own_units(checkpoint: Checkpoint, logits: NDArray[Any]) -> NDArray[Any]:
    """Return logits as a model of several networks has them: values of a regression in their own units."""
    transform = checkpoint.target_transform
    return logits if transform is None else transform.undo(logits)


def _scores(report: dict[str, Any]) -> Scores:
    return {name: report[name] for name in ("loss", *MEASURES) if name in report}


def _over(function: Callable[[list[float]], float], values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return function(known) if len(known) == len(values) else None


def _with_fold(experiment: Experiment, repeat: int, fold: int, folds: int) -> Experiment:
    """Return the config of the run of a fold."""
    section = experiment.data
    split_seed = None if section.split_seed is None else section.split_seed + repeat - 1
    data = section.model_copy(update={"fold": Fold(number=fold, of=folds), "split_seed": split_seed})
    training = experiment.training.model_copy(update={"seed": experiment.training.seed + repeat - 1})
    return experiment.model_copy(update={"data": data, "training": training})


def _require_fitting(experiment: Experiment, folds: int, repeats: int) -> None:
    """Raise ConfigError or UsageError if a config cannot be trained with so many folds."""
    data: Any = experiment.data
    if folds < 2 or repeats < 1 or folds * repeats > MOST_NETWORKS:
        raise UsageError(
            f"{folds:,} folds and {repeats:,} repeats: a cross-validation has 2 folds or more, a repeat or "
            f"more, and trains up to {MOST_NETWORKS:,} networks"
        )
    if "fold" not in type(data).model_fields:
        raise ConfigError(
            f"{data.name} has a test split of its own, and is not cut into folds; train it whole"
        )
    if data.fold is not None:
        raise ConfigError(
            "data.fold names one fold, and a cross-validation trains a network for each; delete the key"
        )
    if experiment.training.start_from is not None:
        raise ConfigError(
            "training.start_from names a network that has learned rows of every fold, so that no score would "
            "be of rows that it has not seen; delete the key"
        )
    by_time = getattr(data, "split_by", "random") == "time"
    if by_time or getattr(data, "split", None) is not None:
        raise ConfigError(
            f"data.{'split_by: time' if by_time else 'split'} says which rows are held out, and a "
            "cross-validation holds out each of them once; delete the key, or train without folds"
        )
    if repeats > 1 and data.name in TOY_SETS and data.points_seed is None:
        raise ConfigError(
            f"another repeat has another seed, and so other points of {data.name}; set data.points_seed, or "
            "leave out the repeats"
        )
    name, seed = max(
        ("training.seed", experiment.training.seed),
        ("data.split_seed", experiment.split_seed),
        key=itemgetter(1),
    )
    if seed + repeats > 2**32:
        raise ConfigError(f"{name} {seed} leaves no seeds for {repeats:,} repeats; use a lower one")
    # The schema checks that the sizes leave something to train on.
    plain = to_plain(experiment)
    section = plain["data"]
    plain["data"] = {
        **({"name": section} if isinstance(section, str) else section),
        "fold": {"number": 1, "of": folds},
    }
    validate_experiment(plain, Path())


def _same_folds(path: Path, before: FoldsRecord, folds: int | None, repeats: int | None) -> tuple[int, int]:
    """Return the folds and repeats of a cross-validation that goes on; repeats may be added.

    Raises UsageError if others are asked for.
    """
    if folds not in (None, before.folds):
        raise UsageError(
            f"the cross-validation in {path} has {before.folds} folds, not {folds}; start a new one"
        )
    if repeats is not None and repeats < before.repeats:
        raise UsageError(
            f"the cross-validation in {path} has {before.repeats} repeats; with {repeats}, start a new one"
        )
    return before.folds, before.repeats if repeats is None else repeats


def train_folds(
    validation: CrossValidation, *, progress: Callable[[Run], object] | bool | None = None
) -> Validated:
    """Train all runs to their end, close the directory, and return what they have found.

    ``progress`` is called with each run once before its first epoch and after each one; True shows a bar for
    all of them instead. Raises RunError if a run was stopped, and what `Run.epochs` raises.
    """
    waves, call = validation.waves, progress if callable(progress) else None

    def begin(runs: Sequence[Run]) -> None:
        if call is not None:
            for run in runs:
                call(run)

    try:
        with (
            closing(bar_of_all(waves.epochs, waves.epochs_done, hidden=progress is not True)) as bar,
            closing(waves.train(begin)) as epochs,
        ):
            for run, _ in epochs:
                if call is not None:
                    call(run)
                _advance(bar, waves)
            _advance(bar, waves)
        return validation.finish()
    finally:
        if validation.directory is not None:
            validation.directory.close(discard=True)


def _advance(bar: Any, waves: Waves[FoldPlan]) -> None:
    bar.set_postfix_str(f"{len(waves.done):,} of {len(waves.plans):,} folds done", refresh=False)
    bar.update(waves.epochs_done - bar.n)
