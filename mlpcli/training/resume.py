"""Resumes runs: finds the run, compares its config and data with those given, and restores its state."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.build.splits import Splits
from mlpcli.config.differences import in_force
from mlpcli.config.loader import load_experiment
from mlpcli.config.recipes import fit_to_data
from mlpcli.config.schema import Experiment, flatten, to_plain
from mlpcli.errors import CheckpointError, ConfigError, DataError
from mlpcli.text import count, printable
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.directory import RunDirectory, is_empty
from mlpcli.training.moved import is_missing, places_of_data, what_moved, what_was_tried
from mlpcli.training.named import no_run
from mlpcli.training.names import RUN_CONFIG, find_run
from mlpcli.training.recorder import DirectoryRecorder
from mlpcli.training.run import Run
from mlpcli.training.settled import with_open, with_task
from mlpcli.training.shards import Processes

__all__ = [
    "PLACES",
    "find_run_to_resume",
    "load_last",
    "require_unchanged",
    "restore",
    "resume_run",
    "with_choices",
]

_EPOCHS = "training.epochs"
_MAY_CHANGE = (_EPOCHS, "training.tensorboard")
# The checksum says whether the data are the same.
PLACES = re.compile(r"data\.(path|root|X|y|weights|table|split\..*)")
_MONITOR = "training.monitor"
_FORMER_L2 = 1e-4  # of every run that was begun before the default followed from weight_decay
# What the file shows where the config leaves it open.
_NUMERALS = ("decimal", "thousands", "dates")


def find_run_to_resume(name: str, given: Path | None, mark: str = RUN_CONFIG) -> Path | None:
    """Return the folder of the run to go on with: ``given``, or the last run of this name.

    ``mark`` is the file by which it is known. Return None if there is none yet, so that a script may always
    ask to resume. Raises UsageError if ``given`` holds something else.
    """
    if given is None:
        return find_run(name, mark)
    if (given / mark).is_file():
        return given
    if given.exists() and not (given.is_dir() and is_empty(given)):
        raise no_run(given, mark)
    return None


def load_last(directory: RunDirectory, experiment: Experiment) -> Checkpoint | None:
    """Return the run's last.npz; None if it was stopped before anything was saved.

    Raises ConfigError if the run was started with another config. Only training.epochs and
    training.tensorboard may differ, and the place of the data, which are known again by a checksum; and
    training.monitor may be left out. Not even the epochs may differ if a run was killed between writing
    best.npz and last.npz: with other epochs the best one might never come again.
    """
    last = load_checkpoint(directory.last, force_memory=True) if directory.last.exists() else None
    begun = load_experiment(directory.config) if last is None else last.experiment
    require_unchanged(f"the run in {directory.path}", begun, experiment)
    experiment = with_choices(begun, experiment)
    epochs = experiment.training.epochs
    if last is not None and epochs < last.epoch:
        raise ConfigError(
            f"the run in {directory.path} has done {last.epoch:,} epochs, and {_EPOCHS} is {epochs:,}; "
            f"give at least {last.epoch:,}"
        )
    if last is not None and last.resume is None:
        raise CheckpointError(
            f"{directory.last} holds no state of the optimizer to resume from; train a new run"
        )
    if last is not None and directory.best.exists():
        best = load_checkpoint(directory.best, force_memory=True)
        planned = best.experiment.training.epochs
        if best.epoch > last.epoch and planned != epochs:
            raise ConfigError(
                f"the run in {directory.path} was killed when best.npz held epoch {best.epoch:,} already, "
                f"and last.npz epoch {last.epoch:,}; with another {_EPOCHS} than {planned:,} that best "
                f"epoch may not come again.\nTrain it to {_EPOCHS}: {planned} first, then change that.",
                topic="best is ahead",
                run=directory.path,
                epochs=planned,
            )
    return last


def require_unchanged(what: str, begun: Experiment, experiment: Experiment) -> None:
    """Raise ConfigError if ``what`` was begun with another config, but for the keys that may change."""
    experiments = [begun, with_choices(begun, experiment)]
    before, now = (
        flatten(to_plain(one)) | strengths
        for one, strengths in zip(experiments, in_force(experiments), strict=True)
    )
    changed = [
        f"  {key}: {_shown(before, key)} at the start, now {_shown(now, key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
        and key not in _MAY_CHANGE
        and not (key in before and key in now and PLACES.fullmatch(key))
        and not (key == _MONITOR and now[key] is None)
    ]
    if changed:
        raise ConfigError(
            f"{what} was started with another config:\n" + "\n".join(changed) + "\n"
            f"Change that back, or train a new run; when a run is resumed, only {', '.join(_MAY_CHANGE)} and "
            "the place of the data may change."
        )


def _shown(flat: dict[str, Any], key: str) -> str:
    return str(flat[key]) if key in flat else "left out"


def with_choices(begun: Experiment, experiment: Experiment) -> Experiment:
    """Return the experiment with what was decided when a run was begun, where that is open."""
    if begun.recipe == experiment.recipe == "table":
        fitted = fit_to_data(1, regression=begun.loss.task == "regression")
        known = {
            section: {key: getattr(getattr(begun, section), key) for key in keys}
            for section, keys in fitted.items()
        }
        experiment = with_open(experiment, known)
    experiment = _with_strengths(begun, _with_numerals(begun, experiment))
    if experiment.training.shards is None:
        training = experiment.training.model_copy(update={"shards": begun.training.shards})
        experiment = experiment.model_copy(update={"training": training})
    if begun.loss.task is None:
        return experiment
    return with_task(experiment, begun.loss.task == "classification")


def _with_numerals(begun: Experiment, experiment: Experiment) -> Experiment:
    """Return the experiment with the decimal point and the thousands of ``begun``, if it says neither."""
    before, now = (section.model_dump(include=set(_NUMERALS)) for section in (begun.data, experiment.data))
    if before.keys() != now.keys() or any(now.values()):
        return experiment
    return experiment.model_copy(update={"data": experiment.data.model_copy(update=before)})


def _with_strengths(begun: Experiment, experiment: Experiment) -> Experiment:
    """Return the experiment with l2 and weight_decay as ``begun`` has them, if it means the same by them."""
    before = begun.regularization
    kept = {
        key: getattr(before, key)
        for key in ("l2", "weight_decay")
        if getattr(experiment, key) == getattr(begun, key)
    }
    if experiment.regularization.l2 is None and before.l2 == _FORMER_L2:
        kept["l2"] = before.l2
    regularization = experiment.regularization.model_copy(update=kept)
    return experiment.model_copy(update={"regularization": regularization})


def resume_run(
    directory: RunDirectory,
    experiment: Experiment,
    last: Checkpoint | None,
    splits: Splits | None = None,
    *,
    force_memory: bool = False,
    processes: Processes | None = None,
) -> Run:
    """Return the run in the directory as it was when ``last`` was saved, or a new one if nothing was saved.

    If its data are not where the config says, they are looked for where they were as seen from the run's
    directory. Raises what `Run` and `restore` raise.
    """
    folder, from_run = directory.path, None
    if last is not None:
        experiment = _keep_monitor(with_choices(last.experiment, experiment), last)
        from_run = last.data_from_run
    places = [experiment] if splits is not None else places_of_data(experiment, folder, from_run)
    first: DataError | None = None
    for place in places:
        try:
            start = last if place.training.start_from is not None else None
            run = Run(
                place,
                splits,
                DirectoryRecorder(directory),
                start=start,
                force_memory=force_memory,
                processes=processes,
            )
            if last is not None:
                restore(run, last)
        except DataError as error:
            first = first or error
            continue
        if place is not experiment:
            run.notes.append(what_moved(experiment, place))
        return run
    assert first is not None
    if not is_missing(experiment) or first.topic is not None:
        raise first
    tried = what_was_tried(experiment, folder, from_run)
    raise DataError(f"{first}{tried}", topic="data moved") from None


def _keep_monitor(experiment: Experiment, last: Checkpoint) -> Experiment:
    """Return the experiment with the monitor of the run to resume, if it names none itself.

    The best score so far is one of that monitor. Runs of before there were others have accuracy there.
    """
    if experiment.training.monitor is not None:
        return experiment
    training = experiment.training.model_copy(update={"monitor": last.experiment.training.monitor})
    return experiment.model_copy(update={"training": training})


def restore(run: Run, last: Checkpoint) -> None:
    """Put a new run where it was when ``last`` was saved; note on it if the learning rate jumps there.

    Raises DataError if the data are no longer the same, CheckpointError if ``last`` does not fit them.
    """
    splits, resume, trainer = run.splits, last.resume, run.trainer
    assert resume is not None
    if (last.columns, last.kinds, last.classes, last.fingerprint) != (
        splits.columns,
        splits.kinds,
        splits.classes,
        splits.fingerprint,
    ):
        raise DataError(
            f"{run.experiment.data.title} has changed since the run was started; "
            "put the data back as they were, or train a new run"
        )
    mid_epoch = resume.mid_epoch
    if mid_epoch is not None and mid_epoch.batch >= trainer.batches:
        raise CheckpointError(
            f"last.npz was saved after batch {mid_epoch.batch:,}, and an epoch has {trainer.batches:,}; "
            "train a new run"
        )
    np.copyto(run.network.parameters.values, last.network.parameters.values)
    for name, array in last.network.state.items():
        np.copyto(run.network.state[name], array)
    for name, slot in resume.slots.items():
        np.copyto(trainer.optimizer.slots[name], slot)
    if last.baselines is not None:
        run.baselines = last.baselines
    trainer.resume(resume.progress, resume.steps, mid_epoch)
    engine = run.network.engine.name
    if engine != last.engine:
        run.notes.append(
            f"{engine} multiplies the matrices now, and {printable(last.engine)} did before: the last digits "
            "differ from those of an unbroken run."
        )
    jump = _jump(run, last.experiment.training.epochs)
    if jump is not None:
        run.notes.append(jump)


def _jump(run: Run, planned: int) -> str | None:
    """Return how the learning rate jumps since the run was ``planned`` for other epochs; None if it does not.

    Schedules that depend on the last epoch, such as cosine, go back when that epoch is moved away.
    """
    trainer, epochs = run.trainer, run.experiment.training.epochs
    step = trainer.steps
    expected, now = (trainer.learning_rate_of(step, n) for n in (planned, epochs))
    if step == 0 or trainer.progress.epoch >= epochs or math.isclose(expected, now, rel_tol=0.01):
        return None
    before = trainer.learning_rate_of(step - 1, planned)
    schedule = run.experiment.optimizer.schedule.name
    return (
        f"The learning rate jumps from {before:.2g} to {now:.2g}: the {schedule} schedule "
        f"was for {count(planned, 'epoch')}, and now ends after {epochs:,}. To avoid that, train a "
        f"new run of {count(epochs, 'epoch')}."
    )
