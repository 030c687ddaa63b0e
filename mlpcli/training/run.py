"""A run: an experiment's data, network and loop, with everything it leaves in its directory."""

from __future__ import annotations

import contextlib
import logging
import platform
import shlex
import time
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli import __version__
from mlpcli.blas import describe_blas
from mlpcli.build import (
    Splits,
    build_augmenter,
    build_loss,
    build_network,
    build_optimizer,
    build_schedule,
    fit_target_transform,
    fit_transform,
    load_splits,
    network_widths,
)
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Batches, Split
from mlpcli.errors import CheckpointError, DataError, RunError
from mlpcli.streams import stream
from mlpcli.text import count
from mlpcli.training.checkpoints import (
    Checkpoint,
    Resume,
    load_checkpoint,
    pack_checkpoint,
    save_checkpoint,
    write_checkpoint,
)
from mlpcli.training.directory import RunDirectory
from mlpcli.training.evaluation import quick_scores
from mlpcli.training.loop import Epoch, Midway, Trainer
from mlpcli.training.memory import loaded_data, require_memory

__all__ = ["Run", "describe_epoch"]

# Where epochs are shorter, to write each takes longer than to train it: in between they are kept in memory.
_WRITE_EVERY = 1.0  # seconds
_MOST_KEPT = 8_000_000  # bytes of parameters and optimizer; of larger ones each epoch is written


class _Log(logging.FileHandler):
    """A log file; where it cannot be written that is the run's error, not a traceback on stderr."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        raise  # called while the error is being handled


class Run:
    """Loads the data and builds the network at once, of ``dtype``; writes nothing before `epochs`.

    Raises ConfigError where the memory will not suffice, unless ``force_memory`` lets it try.
    """

    def __init__(
        self, experiment: Experiment, dtype: DTypeLike = np.float32, *, force_memory: bool = False
    ) -> None:
        self.experiment = experiment
        if not force_memory:
            require_memory(experiment)
        self.splits: Splits = load_splits(experiment)
        if not force_memory:
            require_memory(experiment, loaded_data(self.splits))
        train, val = self.splits.train, self.splits.val
        self.transform = fit_transform(experiment, self.splits)
        self.target_transform = fit_target_transform(self.splits)
        widths = network_widths(experiment, self.transform, self.splits.targets)
        training = experiment.training
        self.network = build_network(experiment, widths, dtype)
        self.network.initialize(stream(training.seed, "init"))
        self.loss = build_loss(experiment, self.splits.class_counts)
        schedule, warmup = build_schedule(experiment)
        self.trainer = Trainer(
            self.network,
            self.loss,
            build_optimizer(experiment, self.network),
            self._batches(train),
            None if val is None else self._batches(val),
            epochs=training.epochs,
            batch_size=training.batch_size,
            seed=training.seed,
            patience=training.patience,
            schedule=schedule,
            warmup=warmup,
            clip_norm=experiment.optimizer.clip_norm,
            max_norm=experiment.regularization.max_norm,
            augmenter=build_augmenter(experiment),
            save_every=training.checkpoint_every,
        )
        n = training.snapshots
        self._snapshots = set(np.linspace(1, training.epochs, n).astype(int).tolist()) if n else set()
        self.seconds = 0.0
        self._unwritten: dict[Path, dict[str, NDArray[Any]]] = {}
        self._due = 0.0
        slots = self.trainer.optimizer.slots.values()
        self._is_large = sum(array.nbytes for array in (self.network.parameters.values, *slots)) > _MOST_KEPT

    def _batches(self, split: Split) -> Batches:
        if self.target_transform is not None:
            split = replace(split, y=self.target_transform.apply(split.y))
        return Batches(split, self.transform, self.network.dtype)

    def resume(self, last: Checkpoint) -> None:
        """Go on where ``last`` was saved.

        Raises DataError where the data are no longer the same, CheckpointError where it cannot be from them.
        """
        splits, resume = self.splits, last.resume
        assert resume is not None
        if (last.columns, last.classes, last.fingerprint) != (
            splits.columns,
            splits.classes,
            splits.fingerprint,
        ):
            raise DataError(
                f"{self.experiment.data.title} is no longer what the run was trained on; "
                "put the data back as they were, or train a new run"
            )
        midway = resume.midway
        if midway is not None and midway.batch >= self.trainer.batches:
            raise CheckpointError(
                f"last.npz was saved after batch {midway.batch:,}, and an epoch has "
                f"{self.trainer.batches:,}; train a new run"
            )
        np.copyto(self.network.parameters.values, last.network.parameters.values)
        for name, array in last.network.state.items():
            np.copyto(self.network.state[name], array)
        for name, slot in resume.slots.items():
            np.copyto(self.trainer.optimizer.slots[name], slot)
        self.trainer.resume(resume.progress, resume.steps, midway)

    def epochs(self, directory: RunDirectory) -> Generator[Epoch, None, None]:
        """Train; after each epoch write its row of metrics, last.npz, and best.npz where it is the best.

        Checkpoints are written after the first epoch and after each that ends a second or more after the last
        time, with ``training.checkpoint_every`` after each epoch and within; and at the end, whatever it is:
        only what kills the process loses epochs in between. Snapshots are those of ``training.snapshots``
        epochs, evenly spaced, and the last where patience runs out.

        Raises RunError where training diverges or the directory cannot be written; what was written stays.
        """
        start = time.perf_counter()
        logger = logging.Logger("run")
        try:
            log = _Log(directory.log, encoding="utf-8")
            log.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logger.addHandler(log)
            logger.info("mlp %s, Python %s, NumPy %s", __version__, platform.python_version(), np.__version__)
            logger.info("%s", describe_blas())
            logger.info("%s", self.describe_data())
            if self.trainer.optimizer.steps:
                logger.info("going on after step %d", self.trainer.optimizer.steps)
            try:
                for epoch in self.trainer.epochs(partial(self._save_midway, directory)):
                    self._keep(epoch, directory)
                    logger.info("%s", describe_epoch(epoch.metrics))
                    yield epoch
            finally:
                self._write(directory)
            if self.trainer.stopping:
                logger.info("stopped after step %d", self.trainer.optimizer.steps)
            else:
                logger.info("finished; the best epoch is %d", self.trainer.progress.best_epoch)
        except OSError as error:
            raise RunError(
                f"{error.filename or directory.path} cannot be written: {error.strerror}.\n"
                f"{_how_to_go_on(directory)}"
            ) from None
        except RunError as error:
            logger.info("stopped: %s", error)
            if self.experiment.data.scaling in ("none", "center"):
                raise RunError(f"{error}\nThe inputs are not scaled: data.scaling may do it.") from None
            raise
        finally:
            for handler in logger.handlers:
                with contextlib.suppress(OSError):  # a full disk has been told of
                    handler.close()
            self.seconds = time.perf_counter() - start

    def _keep(self, epoch: Epoch, directory: RunDirectory) -> None:
        scores = {
            name: value
            for name, value in epoch.metrics.items()
            if name.endswith(("_loss", "_accuracy", "_r2")) and value is not None
        }
        checkpoint = self._checkpoint(scores, None)
        weights = replace(checkpoint, resume=None)
        directory.append_metrics(epoch.metrics)
        if self._snapshots and (epoch.number in self._snapshots or self.trainer.out_of_patience):
            directory.forget_snapshots(self._snapshots)  # of a plan for another number of epochs
            snapshot = directory.snapshot(epoch.number)
            snapshot.parent.mkdir(exist_ok=True)
            save_checkpoint(snapshot, weights)
        files = {directory.last: pack_checkpoint(checkpoint)}
        if epoch.is_best:
            files[directory.best] = pack_checkpoint(weights)
        at_once = self._is_large or self.trainer.save_every or time.perf_counter() >= self._due
        if not at_once:
            for arrays in files.values():
                arrays |= {name: array.copy() for name, array in arrays.items()}
        self._unwritten |= files
        if at_once:
            self._write(directory)

    def _save_midway(self, directory: RunDirectory, midway: Midway) -> None:
        self._unwritten[directory.last] = pack_checkpoint(self._checkpoint({}, midway))
        self._write(directory)

    def _write(self, directory: RunDirectory) -> None:
        """Write the checkpoints that are kept.

        last.npz comes last: what it says is done is on disk. What comes later is done again when resumed.
        """
        if not self._unwritten:
            return
        directory.sync_metrics()
        for path in (directory.best, directory.last):
            if path in self._unwritten:
                write_checkpoint(path, self._unwritten[path])
                del self._unwritten[path]
        self._due = time.perf_counter() + _WRITE_EVERY

    def _checkpoint(self, scores: dict[str, float], midway: Midway | None) -> Checkpoint:
        splits, trainer = self.splits, self.trainer
        return Checkpoint(
            self.experiment,
            self.network,
            self.transform,
            self.target_transform,
            splits.columns,
            splits.classes,
            splits.targets,
            splits.fingerprint,
            splits.class_counts,
            trainer.progress.epoch,
            scores,
            Resume(trainer.progress, trainer.optimizer.steps, trainer.optimizer.slots, midway),
        )

    def score_best(self, directory: RunDirectory) -> dict[str, dict[str, float | None]]:
        """Return the scores of best.npz on every split that there is."""
        best = load_checkpoint(directory.best, force_memory=True)  # the run's forecast has room for it
        splits = {"train": self.splits.train, "val": self.splits.val, "test": self.splits.test}
        return {
            name: quick_scores(best.network, self.loss, self._batches(split))
            for name, split in splits.items()
            if split is not None
        }

    def describe_data(self) -> str:
        """Return one line on the data: name, sizes of the splits, features, classes."""
        splits = self.splits
        parts = [f"{len(splits.train):,} train"]
        parts += [
            f"{len(split):,} {name}" for name, split in (("val", splits.val), ("test", splits.test)) if split
        ]
        what = f"{len(splits.classes)} classes" if splits.classes else count(splits.targets, "value")
        features = count(len(splits.columns), "feature")
        return f"{self.experiment.data.title}: {' / '.join(parts)}, {features}, {what}"

    def describe_network(self) -> str:
        """Return one line on the network and its training: widths, parameters, loss, optimizer."""
        widths = "-".join(map(str, self.network.widths))
        parameters = count(len(self.network.parameters.values), "parameter")
        return (
            f"{widths} network, {parameters}; {self.experiment.loss.name}, {self.experiment.optimizer.name}"
        )


def _how_to_go_on(directory: RunDirectory) -> str:
    path = shlex.quote(str(directory.path))
    if directory.last.exists():
        return f"What was saved before is whole. Once it can be written, go on by: mlp train --resume {path}"
    return "Nothing had been saved yet. Once it can be written, train again."


def describe_epoch(metrics: dict[str, Any]) -> str:
    """Return one line on an epoch."""
    words = [f"epoch {metrics['epoch']}", f"train loss {metrics['train_loss']:.4f}"]
    for name in ("train_accuracy", "val_loss", "val_accuracy", "val_r2"):
        value = metrics.get(name)
        if value is not None:
            shown = f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4f}"
            words.append(f"{name.replace('_', ' ')} {shown}")
    return ", ".join(words) + f", {metrics['seconds']:.2f} s"
