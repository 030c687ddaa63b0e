"""A trained run as pictures and reports need it: checkpoint, metrics, data and logits."""

from __future__ import annotations

import json
import re
import warnings
from copy import copy
from dataclasses import replace
from functools import cached_property
from math import hypot
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlpcli.build.parts import build_loss
from mlpcli.build.splits import Splits
from mlpcli.config.loader import load_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Batches, Split
from mlpcli.errors import CheckpointError, RunError, RunWarning, UsageError
from mlpcli.nn.losses import Loss
from mlpcli.text import count
from mlpcli.training.apply import load_same_splits
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint
from mlpcli.training.directory import find_snapshots, folder_of
from mlpcli.training.evaluation import compute_logits
from mlpcli.training.model import Model
from mlpcli.training.named import find_checkpoint, runs_in
from mlpcli.training.names import RUN_CONFIG
from mlpcli.training.run import Run

__all__ = ["FinishedRun", "Row", "find_runs", "is_unfinished", "own_experiment", "read_metrics"]

_METRICS = "metrics.jsonl"

_LONGEST = 10_000_000  # bytes of a row of metrics.jsonl
_Share = Annotated[float, Field(ge=0, le=1)]
_Size = Annotated[float, Field(ge=0)]


class Row(BaseModel):
    """A row of metrics.jsonl, validated, with the fields that pictures need."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    epoch: Annotated[int, Field(ge=1)]
    train_loss: float
    train_accuracy: _Share | None = None
    val_loss: float | None = None
    val_accuracy: _Share | None = None
    val_r2: float | None = None
    train_balanced_accuracy: _Share | None = None  # those that training.monitor may ask for
    train_log_loss: float | None = None
    train_roc_auc: _Share | None = None
    train_f1: _Share | None = None
    train_mse: float | None = None
    train_mae: float | None = None
    train_r2: float | None = None
    val_balanced_accuracy: _Share | None = None
    val_log_loss: float | None = None
    val_roc_auc: _Share | None = None
    val_f1: _Share | None = None
    val_mse: float | None = None
    val_mae: float | None = None
    gradient_norm: float
    gradient_norms: list[float]
    update_ratio: list[float | None]
    weight_norm: Annotated[list[_Size] | None, Field(min_length=1)] = None  # older runs do not have it
    dead: list[_Share | None]
    saturated: list[_Share | None]

    @property
    def layers(self) -> int:
        """The number of layers in the row; raises ValueError if the lengths of its lists disagree."""
        n = len(self.update_ratio)
        if (len(self.gradient_norms), len(self.dead), len(self.saturated)) != (n, n - 1, n - 1):
            raise ValueError
        if self.weight_norm is not None and len(self.weight_norm) != n:
            raise ValueError
        return n

    @property
    def whole_norm(self) -> float | None:
        """The norm of the weights of all layers together; None in rows of runs that did not keep it."""
        return None if self.weight_norm is None else hypot(*self.weight_norm)


def read_metrics(path: Path) -> list[Row]:
    """Read and validate metrics.jsonl.

    A broken end, such as a full disk leaves, or a row that is just being written, is left out with a
    RunWarning. Raises RunError if there is no such file, no row in it, or a line that is not a row of
    metrics.
    """
    rows: list[Row] = []
    try:
        with path.open("rb") as stream:
            while line := stream.readline(_LONGEST):
                record = _parse(line) if line.endswith(b"\n") else None
                if record is None:
                    break
                row = Row.model_validate(record)
                if row.epoch != len(rows) + 1 or row.layers != (rows or [row])[0].layers:
                    raise ValueError
                rows.append(row)
            if line.endswith(b"\n") and not (rows and _is_broken_end(stream)):
                raise ValueError
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, ValidationError):
        raise RunError(f"{path}:{len(rows) + 1}: is not a row of metrics") from None
    if not rows:
        raise RunError(f"{path} is still empty: no epoch has been finished")
    if line:
        warnings.warn(
            f"{path} ends in a row that is not whole; it is left out, after {count(len(rows), 'row')}.",
            RunWarning,
            stacklevel=2,
        )
    return rows


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return the object of JSON that a line holds, as each row does; None for anything else."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _is_broken_end(stream: IO[bytes]) -> bool:
    """Return whether no row follows, and no more than what is left of one."""
    rest = stream.read(_LONGEST + 1)
    return len(rest) <= _LONGEST and all(_parse(line) is None for line in rest.split(b"\n")[:-1])


def own_experiment(folder: Path | None, checkpoint: Checkpoint) -> Experiment:
    """Return the config of the run in a folder, or that of the checkpoint where the folder holds no run.

    That of a best.npz is older if the run was resumed with more epochs and none of them was better. Raises
    ConfigError.
    """
    if folder is None or not all((folder / name).is_file() for name in (RUN_CONFIG, _METRICS)):
        return checkpoint.experiment
    return load_experiment(folder / RUN_CONFIG)


def is_unfinished(experiment: Experiment, epochs: int, best_epoch: int) -> bool:
    """Return whether there is more to train: neither the last epoch nor the end of patience is reached."""
    training = experiment.training
    has_patience = training.patience is None or epochs - best_epoch < training.patience
    return epochs < training.epochs and has_patience


class FinishedRun:
    """A run's checkpoint; metrics, data and logits are read or computed when they are first asked for.

    `open` reads a run from disk, `of` takes one of this program, and `alone` no more than a model knows.
    """

    def __init__(
        self, name: str, directory: Path | None, checkpoint: Checkpoint, data: Path | None = None
    ) -> None:
        self.name, self._folder, self._data = name, directory, data
        self.directory = Path() if directory is None else directory
        self.checkpoint, self.experiment = checkpoint, checkpoint.experiment
        self._logits: dict[str, NDArray[Any]] = {}

    @classmethod
    def open(cls, path: Path, data: Path | None = None) -> FinishedRun:
        """Return the run in the directory ``path`` with its best.npz, or the run of the checkpoint ``path``.

        ``data`` is where its data are now, if they are not found where the config says or beside the run.
        Raises CheckpointError, ConfigError, and UsageError for the mean of several networks; what is read
        later raises RunError or DataError.
        """
        file = find_checkpoint(path)
        directory = path if path.is_dir() else folder_of(file)
        checkpoint = load_checkpoint(file)
        if checkpoint.others:
            raise UsageError(
                f"{file} is the mean of {len(checkpoint.members):,} networks; name the run of one of them, "
                f"as in {directory / 'fold-1'}"
            )
        checkpoint = replace(checkpoint, experiment=own_experiment(directory, checkpoint))
        return cls(directory.resolve().name, directory, checkpoint, data)

    @classmethod
    def of(cls, run: Run, checkpoint: Checkpoint | None = None) -> FinishedRun:
        """Return a run of this program as it is now, with one of its checkpoints or else the last one."""
        if checkpoint is None:
            checkpoint = run.last.checkpoint
        directory = run.directory
        name = _nameless(checkpoint) if directory is None else directory.name
        finished = cls(name, directory, checkpoint)
        # These cached properties would be read from disk; here they are known.
        finished.rows = [Row.model_validate(row) for row in run.recorder.metrics]
        finished.best_epoch = run.trainer.progress.best_epoch
        finished.splits = run.splits
        finished.loss = run.loss
        return finished

    @classmethod
    def alone(cls, model: Model) -> FinishedRun:
        """Return the run of a model, as far as the model knows it; raises UsageError for several networks."""
        checkpoint, folder = model.checkpoint, model.folder
        if checkpoint.others:
            raise UsageError(
                f"the model is the mean of {len(checkpoint.members):,} networks, and a picture shows one; "
                "keep the cross-validation in a directory, and load one of its runs, as fold-1"
            )
        name = _nameless(checkpoint) if folder is None else folder.resolve().name
        return cls(name, folder, checkpoint)

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of metrics.jsonl; raises UsageError for a model whose run is not known."""
        if self._folder is None:
            raise UsageError(
                "a model alone does not know the epochs of its training; plot the run that trained it, or "
                "load the directory that the run was kept in"
            )
        return read_metrics(self._folder / _METRICS)

    @cached_property
    def splits(self) -> Splits:
        """The data, split as for training."""
        return load_same_splits(self.checkpoint, self._folder, self._data)

    @cached_property
    def loss(self) -> Loss:
        """The loss of the training."""
        return build_loss(self.experiment, self.checkpoint.class_counts)

    @cached_property
    def snapshots(self) -> list[Path]:
        """The paths of the snapshots, in the order of their epochs; none of a run in memory."""
        return [] if self._folder is None else list(find_snapshots(self.directory).values())

    @property
    def held_out(self) -> str:
        """The name of the split to judge the network by: test if there is one, else val, else train."""
        return next(name for name in ("test", "val", "train") if name in self.splits.parts)

    @property
    def is_unfinished(self) -> bool:
        """Whether there is more to train: neither the last epoch nor the end of patience is reached."""
        return is_unfinished(self.experiment, len(self.rows), self.best_epoch)

    @cached_property
    def best_epoch(self) -> int:
        """The epoch of best.npz."""
        best = None if self._folder is None else self._folder / "best.npz"
        return self.checkpoint.epoch if best is None or not best.exists() else load_checkpoint(best).epoch

    def at(self, file: Path) -> FinishedRun:
        """Return the same run with another of its checkpoints.

        Raises CheckpointError, also if the checkpoint belongs to another run.
        """
        _ = self.splits  # loaded now, so that all copies share them
        run = copy(self)
        run.checkpoint, run._logits = load_checkpoint(file), {}
        ours, theirs = self.checkpoint, run.checkpoint
        if (ours.network.widths, ours.columns, ours.classes) != (
            theirs.network.widths,
            theirs.columns,
            theirs.classes,
        ):
            raise CheckpointError(f"{file} does not belong to the run in {self.directory}; remove it")
        return run

    def logits(self, part: str) -> NDArray[Any]:
        """Return the logits (n, outputs) of a split, in the order of its rows."""
        if part not in self._logits:
            split = self.splits.parts[part]
            self._logits[part] = compute_logits(
                self.checkpoint.network, Batches(split, self.checkpoint.transform)
            )
        return self._logits[part]

    def predict_logits(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits (n, outputs) of X (n, columns), in the units of the data."""
        split = Split(X, np.zeros(len(X), np.int64), np.arange(len(X)))
        return compute_logits(self.checkpoint.network, Batches(split, self.checkpoint.transform))

    def values(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the values (n, outputs) of a regression in the units of the targets."""
        transform = self.checkpoint.target_transform
        return logits if transform is None else transform.undo(logits)


def _nameless(checkpoint: Checkpoint) -> str:
    """Return what a run without a directory is called: its data or, if they are a program's, its network."""
    data = checkpoint.experiment.data
    return data.title if data.name != "arrays" else f"{'-'.join(map(str, checkpoint.network.widths))} network"


def find_runs(paths: list[Path]) -> list[Path]:
    """Return the runs in ``paths``; a folder that is no run itself stands for those in it, by name."""
    found = []
    for path in paths:
        is_folder_of_runs = path.is_dir() and not (path / RUN_CONFIG).is_file()
        runs = sorted(runs_in(path), key=_by_numbers) if is_folder_of_runs else []
        found += [run for run in runs if (run / RUN_CONFIG).is_file()] or [path]
    return found


def _by_numbers(path: Path) -> list[tuple[float, str]]:
    """Return a key that sorts names with numbers by these: units-3 comes before units-20."""
    parts = re.split(r"(\d+(?:\.\d+)?)", path.name)
    return [(float(part), "") if i % 2 else (0.0, part) for i, part in enumerate(parts)]
