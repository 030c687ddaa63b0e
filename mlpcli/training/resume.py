"""Finds the run that is to go on, and holds what it was against what is asked for now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlpcli.config.loader import load_experiment
from mlpcli.config.schema import Experiment, flatten, to_plain
from mlpcli.errors import CheckpointError, ConfigError, UsageError
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.directory import RunDirectory, find_run, is_empty

__all__ = ["find_run_to_resume", "load_last"]

_MAY_CHANGE = "training.epochs"


def find_run_to_resume(name: str, given: Path | None) -> Path | None:
    """Return the folder of the run to go on with: ``given``, or the last of runs/NAME, runs/NAME-2, ...

    None where there is none yet, so that a script may always say --resume. Raises UsageError where
    ``given`` holds something else.
    """
    if given is None:
        return find_run(name)
    if (given / "config.yaml").is_file():
        return given
    if given.exists() and not (given.is_dir() and is_empty(given)):
        raise UsageError(f"{given} is not the directory of a run: it has no config.yaml")
    return None


def load_last(directory: RunDirectory, experiment: Experiment) -> Checkpoint | None:
    """Return the run's last.npz; None where it was stopped before anything was saved.

    Raises ConfigError where the run was begun with another config; only training.epochs may differ, and not
    where a run was killed between writing best.npz and last.npz: the best epoch might never come again.
    """
    last = load_checkpoint(directory.last, force_memory=True) if directory.last.exists() else None
    begun = load_experiment(directory.config) if last is None else last.experiment
    before, now = flatten(to_plain(begun)), flatten(to_plain(experiment))
    changed = [
        f"  {key}: {_shown(before, key)} when it began, now {_shown(now, key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and key != _MAY_CHANGE
    ]
    if changed:
        raise ConfigError(
            f"the run in {directory.path} was begun with another config:\n" + "\n".join(changed) + "\n"
            f"Change that back, or train a new run; of a run that goes on, only {_MAY_CHANGE} may change."
        )
    if last is not None and last.resume is None:
        raise CheckpointError(
            f"{directory.last} holds no state of the optimizer to go on from; train a new run"
        )
    if last is not None and directory.best.exists():
        best = load_checkpoint(directory.best, force_memory=True)
        epochs = best.experiment.training.epochs
        if best.epoch > last.epoch and epochs != experiment.training.epochs:
            raise ConfigError(
                f"the run in {directory.path} was killed when best.npz held epoch {best.epoch:,} already, "
                f"and last.npz epoch {last.epoch:,}; with another {_MAY_CHANGE} than {epochs:,} that best "
                f"epoch may not come again.\nGo on with --set {_MAY_CHANGE}={epochs} first, then change it."
            )
    return last


def _shown(flat: dict[str, Any], key: str) -> str:
    return str(flat[key]) if key in flat else "left out"
