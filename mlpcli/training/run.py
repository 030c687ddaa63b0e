"""A run: an experiment's data, network and loop, and the recorder that keeps what training leaves."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from mlpcli import __version__
from mlpcli.blas import describe_blas
from mlpcli.build.fitted import fit_target_transform, fit_transform, network_widths
from mlpcli.build.parts import (
    build_augmenter,
    build_class_weights,
    build_loss,
    build_network,
    build_optimizer,
    build_schedule,
)
from mlpcli.build.splits import Splits, leave_out, load_splits
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Batches, Split
from mlpcli.data.large.batches import LargeBatches
from mlpcli.data.rows import ROLES, how_to_keep
from mlpcli.data.table.dates import columns_of_table
from mlpcli.data.target_transform import TargetTransform
from mlpcli.errors import RunError
from mlpcli.nn.losses import Loss
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.network import Network
from mlpcli.streams import stream
from mlpcli.text import count, listed
from mlpcli.training.baselines import Baselines, Fitted, fit_baselines, measure_baselines
from mlpcli.training.checkpoints import Checkpoint, Resume
from mlpcli.training.directory import NotWrittenError
from mlpcli.training.epoch import Epoch
from mlpcli.training.evaluation import quick_scores, require_counted, require_defined
from mlpcli.training.going_on import describe_start, go_on, load_start, may_have_seen
from mlpcli.training.linear_path import fit_linear_path
from mlpcli.training.loop import MidEpoch, Trainer
from mlpcli.training.memory import WINDOW, loaded_data, require_memory
from mlpcli.training.model import Model, describe_network
from mlpcli.training.moved import data_from
from mlpcli.training.recorder import MemoryRecorder, Recorder
from mlpcli.training.settled import settle
from mlpcli.training.shards import LostError, Processes, Shards

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Listener", "Run", "build_trainer", "describe_epoch"]

Listener: TypeAlias = Callable[["Run", Epoch], object]


def build_trainer(
    experiment: Experiment,
    network: Network,
    loss: Loss,
    train: Batches | LargeBatches,
    val: Batches | LargeBatches | None = None,
    target_transform: TargetTransform | None = None,
    processes: Processes | None = None,
) -> Trainer:
    """Return the loop that trains ``network`` as the config says, on ``train``, and scores it on ``val``.

    The targets of a regression have been scaled with ``target_transform``. If there are several
    ``processes``, they share the shards of each batch.
    """
    training = experiment.training
    shards = None
    if training.shards not in (None, 1):
        shards = Shards(training.shards, network.moving, processes)
    schedule, warmup = build_schedule(experiment)
    return Trainer(
        network,
        loss,
        build_optimizer(experiment, network),
        train,
        val,
        epochs=training.epochs,
        batch_size=training.batch_size,
        seed=training.seed,
        patience=training.patience,
        schedule=schedule,
        monitor=experiment.monitor,
        target_transform=target_transform,
        warmup=warmup,
        clip_norm=experiment.optimizer.clip_norm,
        max_norm=experiment.regularization.max_norm,
        augmenter=build_augmenter(experiment),
        save_every=training.checkpoint_every,
        shards=shards,
    )


class Run:
    """A run: a network, its training, and what each epoch left; what `mlpcli.train` returns.

    `best` and `last` are networks that predict, `metrics` has the losses and scores of all epochs, and `plot`
    draws them. ``notes`` are sentences on what a user should know of the data and the config. A listener, and
    the function that `mlpcli.train` takes as ``progress``, are called with the run while it trains; then
    ``network`` has the weights as they are, and ``experiment`` the complete config.
    """

    def __init__(
        self,
        experiment: Experiment,
        splits: Splits | None = None,
        recorder: Recorder | None = None,
        *,
        start: Checkpoint | None = None,
        dtype: DTypeLike = np.float32,
        force_memory: bool = False,
        processes: Processes | None = None,
    ) -> None:
        """Build data, network and loop of an experiment; what training leaves goes to ``recorder``.

        ``experiment`` is the complete config: if a loss was left out, it is the one that follows from the
        target. ``splits`` takes the place of the data that the config names. Without a recorder the run is
        kept in memory. The log has the ``notes``, too. Each of the ``listeners`` is called with the run and
        each epoch, before the recorder keeps that epoch.

        With ``start`` the run goes on from there with its own settings: it takes the transforms as they were
        fitted, the weights, the number of the epoch, and the optimizer's arrays if it keeps the same ones.
        The checkpoint that ``training.start_from`` names is such a start for epochs that count from 1 again;
        where ``start`` is given, as for a run that is resumed, it takes the place of that file, which is not
        read. If there are several ``processes``, each builds a run, and they train it together.

        Raises DataError or ConfigError if the data cannot be read or do not fit the config, or ``start`` has
        a network of another shape; CheckpointError if the file cannot be read; ConfigError also if the memory
        will not suffice, unless ``force_memory`` is set.
        """
        self.recorder: Recorder = MemoryRecorder() if recorder is None else recorder
        if splits is None:
            if not force_memory:
                require_memory(experiment, processes=processes)
            splits = load_splits(experiment)
        experiment, choice = settle(experiment, splits)
        anew = start is None and experiment.training.start_from is not None
        if anew:
            start = load_start(experiment, splits)
        self.transform = fit_transform(experiment, splits) if start is None else start.transform
        if not force_memory:
            require_memory(experiment, loaded_data(splits, self.transform), processes)
        self.experiment = experiment
        self.splits = splits
        self.processes = processes
        self._data_from_run = data_from(self.recorder.directory, experiment)
        train, val = splits.train, splits.val
        self.target_transform = (
            fit_target_transform(experiment, splits) if start is None else start.target_transform
        )
        widths = network_widths(experiment, self.transform, splits.targets)
        self.network = build_network(experiment, widths, dtype)
        self.network.initialize(stream(experiment.training.seed, "init"))
        self.loss = build_loss(experiment, splits.class_counts)
        require_counted({"train": train, **splits.parts}, self._class_weights)
        if val is None:
            require_defined(experiment.monitor, self.loss, train, "training")
        else:
            require_defined(experiment.monitor, self.loss, val, "validation")
        left_out = leave_out(experiment, train)
        batches = self._batches(train, keep=True, members=self.network.members, left_out=left_out)
        if self.network.clip is not None:
            self.network.clip.low[...], self.network.clip.high[...] = batches.extremes
        path_note = None
        if experiment.model.linear_path == "fitted" and start is None:
            sample = batches if isinstance(batches, Batches) else batches.sample
            path_note = fit_linear_path(
                self.network, self.loss, sample, experiment.training.seed, self._class_weights
            )
        self.trainer = build_trainer(
            experiment,
            self.network,
            self.loss,
            batches,
            batches if left_out is not None else None if val is None else self._batches(val, keep=True),
            self.target_transform,
            processes,
        )
        self.may_have_seen = (
            False  # whether the network that it began with may have learned rows held out here
        )
        if start is not None:
            go_on(self.network, self.trainer, start, anew=anew)
            self.may_have_seen = may_have_seen(experiment, splits, start) if anew else start.may_have_seen
        self._snapshots = set(experiment.training.snapshot_epochs)
        self.listeners: list[Listener] = []
        self.seconds = 0.0
        began = describe_start(experiment, splits, start) if anew and start is not None else None
        notes = [choice, path_note, began]
        self.notes = [*_left_out(splits), *(note for note in notes if note is not None)]

    def _batches(self, split: Split, **settings: Any) -> Batches | LargeBatches:
        dtype = self.network.dtype
        if self.target_transform is not None:
            learned = self.target_transform.apply(split.y).astype(dtype)
            split = replace(split, y=learned, values=split.y)
        if split.whole is not None:
            members = settings.get("members", 1)
            return LargeBatches(
                split, self.transform, self.target_transform, dtype, members=members, window=WINDOW
            )
        return Batches(split, self.transform, dtype, onednn=self.network.engine.onednn, **settings)

    def epochs(self) -> Generator[Epoch, None, None]:
        """Train, and yield each epoch once the recorder has it.

        Snapshots are those of ``training.snapshots`` epochs, most of them early, and the last where patience
        runs out. However training ends, the recorder is synced: only what kills the process loses epochs.

        Raises RunError if training diverges, NotWrittenError if the run cannot be written; what was kept
        stays. The error has this run as its ``run``. What a listener raises ends the training and comes
        through as it is; the epoch that it was told of is trained again when the run is resumed.
        """
        with contextlib.closing(self.rounds()) as rounds:
            for epoch in rounds:
                if epoch is not None:
                    yield epoch

    def rounds(self) -> Generator[Epoch | None, None, None]:
        """Do what `epochs` does, and yield None before each epoch, as `Trainer.rounds` does."""
        start = time.perf_counter()
        first_lines = [
            f"mlp {__version__}, Python {platform.python_version()}, NumPy {np.__version__}",
            ", ".join(filter(None, [describe_blas(), self.network.engine.describe()])),
            self.describe_data(),
            *self.notes,
        ]
        if self.processes is not None:
            first_lines.insert(2, self.describe_processes())
        try:
            with self.recorder.open(first_lines):
                yield from self._rounds()
        except RunError as error:
            error.run = self
            raise
        finally:
            self.seconds = time.perf_counter() - start

    def _rounds(self) -> Generator[Epoch | None, None, None]:
        recorder, trainer = self.recorder, self.trainer
        if trainer.steps:
            recorder.log(f"resumed after step {trainer.steps}")
        try:
            if self.scores_start:
                with self._advising():
                    self._keep_start()
            for epoch in self._trained():
                if epoch is None:
                    yield None
                    continue
                for listener in self.listeners:
                    listener(self, epoch)
                self._keep(epoch)
                recorder.log(describe_epoch(epoch.metrics))
                yield epoch
        finally:
            recorder.sync()
        if trainer.stopping:
            recorder.log(f"stopped after step {trainer.steps}")
        else:
            recorder.log(f"finished; the best epoch is {trainer.progress.best_epoch}")

    @property
    def scores_start(self) -> bool:
        """Whether the network before its first step has learned already, and may stay the best."""
        return (
            self.experiment.model.linear_path == "fitted" or self.experiment.training.start_from is not None
        )

    def _trained(self) -> Generator[Epoch | None, None, None]:
        with self._advising():
            yield from self.trainer.rounds(self._save_mid_epoch)

    @contextlib.contextmanager
    def _advising(self) -> Iterator[None]:
        """Log a divergence in the block, and raise it with what may help against it."""
        try:
            yield
        except (NotWrittenError, LostError):
            raise
        except RunError as error:
            with contextlib.suppress(NotWrittenError):  # a log that cannot be written hides no other error
                self.recorder.log(f"stopped: {error}")
            raise RunError("\n".join([str(error), *self._after_divergence()])) from None

    def _after_divergence(self) -> list[str]:
        """Return what else may help after a divergence, and where the epochs before it are."""
        lines = []
        if self.experiment.data.scaling in ("none", "center"):
            lines.append("The inputs are not scaled: data.scaling may do it.")
        if self.directory is not None:
            done = self.trainer.progress.epoch
            kept = f"The {count(done, 'epoch')} before it are" if done > 1 else "The epoch before it is"
            lines.append(f"{kept if done else 'The log of the run is'} in {self.directory}.")
        return lines

    def _keep_start(self) -> None:
        """Keep the network before its first step, which has learned already, until an epoch is better."""
        scores = self.trainer.score_start()
        if scores is not None:
            known = {name: value for name, value in scores.items() if value is not None}
            self.recorder.add_start(self._checkpoint(known, None, self.baselines))

    def _keep(self, epoch: Epoch) -> None:
        scores = {
            name: value
            for name, value in epoch.metrics.items()
            if name.startswith(("train_", "val_")) and value is not None
        }
        checkpoint = self._checkpoint(scores, None, self.baselines)
        if self._snapshots and (epoch.number in self._snapshots or self.trainer.out_of_patience):
            self.recorder.add_snapshot(checkpoint, self._snapshots)
        self.recorder.add_epoch(epoch.metrics, checkpoint, is_best=epoch.is_best)

    def _save_mid_epoch(self, mid_epoch: MidEpoch) -> None:
        self.recorder.save(self._checkpoint({}, mid_epoch, self.baselines))

    def __repr__(self) -> str:
        done, epochs = self.trainer.progress.epoch, self.experiment.training.epochs
        return f"<mlpcli.Run: {self.describe_network()}, epoch {done:,} of {epochs:,}>"

    def _repr_html_(self) -> str:
        from mlpcli.figures.notebook import run_html

        return run_html(self)

    def plot(self, kind: str = "curves") -> Figure:
        """Return a picture of the run with its best epoch so far: any of those that ``mlp plot`` draws.

        The kinds are curves, boundary, network, weights, confusion, roc, calibration, residuals, importance,
        health, hidden and examples (docs/pictures.md). A notebook shows the figure where it is the last value
        of a cell; ``figure.savefig("curves.png")`` keeps it.

        Raises UsageError for other kinds, for a picture that the run does not fit, with the reason, and
        without matplotlib; RunError before the first epoch.
        """
        from mlpcli.figures.notebook import plot_run

        return plot_run(self, kind)

    def stop(self) -> None:
        """End after the batch at hand; may be called at any time and by any thread."""
        self.trainer.stop()

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """A row for each epoch so far: losses, scores, and the health of each layer."""
        return self.recorder.metrics

    @property
    def best(self) -> Model:
        """The network as it was after its best epoch so far; raises RunError before the first one."""
        return self._model(self.recorder.best)

    @property
    def last(self) -> Model:
        """The network as it was kept last; raises RunError before the first epoch."""
        return self._model(self.recorder.last)

    @property
    def snapshots(self) -> dict[int, Model]:
        """The network after each of the epochs that ``training.snapshots`` keeps, by their numbers."""
        return {epoch: self._model(self.recorder.snapshot(epoch)) for epoch in self.recorder.snapshots}

    def _model(self, checkpoint: Checkpoint | None) -> Model:
        if checkpoint is None:
            raise RunError("no epoch has been finished yet")
        return Model(checkpoint, self.directory)

    @property
    def directory(self) -> Path | None:
        """The directory of the run; None for one in memory."""
        return self.recorder.directory

    def state(self) -> Checkpoint:
        """Return all that a run of the same config needs to go on from here, also within an epoch."""
        return self._checkpoint({}, self.trainer.mid_epoch, None)

    def here(self) -> Checkpoint:
        """Return where the run stands now, as a ``start`` for another one; it holds no copies."""
        return self._checkpoint({}, None, None)

    def _checkpoint(
        self, scores: dict[str, float], mid_epoch: MidEpoch | None, baselines: Baselines | None
    ) -> Checkpoint:
        splits, trainer = self.splits, self.trainer
        return Checkpoint(
            self.experiment,
            self.network,
            self.transform,
            self.target_transform,
            splits.columns,
            splits.kinds,
            splits.classes,
            splits.targets,
            splits.fingerprint,
            splits.class_counts,
            trainer.progress.epoch,
            scores,
            Resume(trainer.progress, trainer.optimizer.steps, trainer.optimizer.slots, mid_epoch),
            self._data_from_run,
            baselines,
            may_have_seen=self.may_have_seen,
            engine=self.network.engine.name,
        )

    @cached_property
    def baselines(self) -> Baselines:
        """What the network is compared with, fitted before the first checkpoint is made."""
        return fit_baselines(
            self.splits,
            self.transform,
            self.target_transform,
            self.experiment.training.seed,
            self._class_weights,
        )

    @property
    def _class_weights(self) -> Sequence[float] | None:
        counts = self.splits.class_counts
        return None if counts is None else build_class_weights(self.experiment, counts)

    def score_best(self) -> dict[str, dict[str, float | None]]:
        """Return the scores of the best epoch's weights on every split that there is.

        Where each member of the network has left out examples, ``val`` are the scores on these.
        """
        best = self.recorder.best
        assert best is not None
        parts: dict[str, Split | None] = {"train": self.splits.train}
        if self.trainer.val is self.trainer.train:
            parts["val"] = None
        parts |= self.splits.parts
        scores = {}
        for name, split in parts.items():  # one after the other, since batches and losses keep buffers
            batches = self.trainer.train if split is None else self._batches(split)
            loss = build_loss(self.experiment, self.splits.class_counts)
            scores[name] = quick_scores(
                best.network, loss, batches, self.experiment.monitor, self.target_transform
            )
        return scores

    def score_now(self) -> dict[str, dict[str, float | None]]:
        """Return the scores of the network as it is on every split that there is, also within an epoch."""
        return {
            name: quick_scores(self.network, self.loss, batches, "loss", self.target_transform)
            for name, batches in self._scored.items()
        }

    @cached_property
    def _scored(self) -> dict[str, Batches | LargeBatches]:
        """Batches of every split, in buffers of their own, so that an epoch at hand may go on."""
        return {name: self._batches(split, keep=True) for name, split in self.splits.parts.items()}

    def score_baselines(self) -> dict[str, dict[str, dict[str, float | None]]]:
        """Return for every split, and each baseline, the scores that `score_best` has beside the loss."""
        monitor = self.experiment.monitor
        names = dict.fromkeys(["r2" if self.splits.classes is None else "accuracy", monitor])
        names.pop("loss", None)
        fitted = Fitted(self.baselines, self.transform, self.target_transform)
        return {
            part: measure_baselines(list(names), fitted, split) for part, split in self.splits.parts.items()
        }

    def describe_data(self) -> str:
        """Return one line on the data: name, sizes of the splits, features, classes."""
        splits = self.splits
        parts = [f"{splits.train.size:,} train"]
        if self.trainer.val is self.trainer.train:
            parts[0] += f" (each member leaves out one of {self.network.members:,} folds)"
        parts += [
            f"{split.size:,} {name}" for name, split in (("val", splits.val), ("test", splits.test)) if split
        ]
        what = f"{len(splits.classes)} classes" if splits.classes else count(splits.targets, "target")
        inputs, n = self.transform.n_features, len(columns_of_table(splits.columns))
        features = f"{count(n, 'column')} as " * (inputs != n) + count(inputs, "feature")
        return f"{self.experiment.data.title}: {' / '.join(parts)}, {features}, {what}"

    def describe_processes(self) -> str:
        """Return one line on the processes that train the run together."""
        assert self.processes is not None
        return f"{self.processes.describe()}, {self.experiment.training.shards:,} shards of each batch"

    def describe_network(self) -> str:
        """Return one line on the network and its training: widths, parameters, loss, optimizer."""
        return describe_network(self.network, self.experiment)


def _left_out(splits: Splits) -> list[str]:
    """Return notes on how the table was read, and on its rows and columns that are not learned from."""
    reasons: dict[str, list[str]] = {}
    for name, reason in splits.dropped.items():
        reasons.setdefault(reason, []).append(name)
    said = {reason: f"{listed(names)} ({reason})" for reason, names in reasons.items()}
    aside = [text for reason, text in said.items() if reason in ROLES.values()]
    left_out = [text for reason, text in said.items() if reason not in ROLES.values()]
    notes = [*splits.notes]
    if aside:
        notes.append(f"No features: {'; '.join(aside)}.")
    if left_out:
        hint = how_to_keep(splits.dropped, splits.columns)
        notes.append(f"Left out: {'; '.join(left_out)}.{hint and ' '}{hint}")
    return notes


def describe_epoch(metrics: dict[str, Any]) -> str:
    """Return one line on an epoch."""
    words = [f"epoch {metrics['epoch']}", f"train loss {metrics['train_loss']:.4f}"]
    for key, value in metrics.items():
        part, _, name = key.partition("_")
        if part in ("train", "val") and key != "train_loss" and value is not None:
            shown = f"{value:.2%}" if name in MEASURES and MEASURES[name].is_share else f"{value:.4f}"
            words.append(f"{part} {name.replace('_', ' ')} {shown}")
    return ", ".join(words) + f", {metrics['seconds']:.2f} s"
