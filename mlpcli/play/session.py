"""A session of the page: a run that trains, its settings, and the points that were added."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import secrets
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.build import build_schedule, divide, load_dataset
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.data.dataset import Dataset
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import RunError, UsageError
from mlpcli.files import make_place, replace_file
from mlpcli.play.packing import finite
from mlpcli.play.places import Places
from mlpcli.play.settings import change_setting
from mlpcli.training.plane import without_axis
from mlpcli.training.run import Run

__all__ = ["DEFAULT", "Session"]

# The default config: spiral, with so few units that each can be shown.
DEFAULT = {
    "data": "spiral",
    "model": {"hidden": [24], "activation": "relu"},
    "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
    "regularization": {"l2": 1e-3},
    "training": {"batch_size": 64},
}

# Limits, so that no click makes the machine work for minutes.
_MAX_EXAMPLES = 10_000
_MAX_LAYERS, _MAX_UNITS = 8, 500
_MAX_CLASSES = 20
_MAX_ADDED = 500
_MAX_SECONDS = 2.0  # estimated for an epoch
_ENDLESS = 10_000_000  # epochs; the maximum of the schema
_MAX_HISTORY = 500  # epochs of the loss curve

Points = list[tuple[float, float, int]]
Scores = dict[str, dict[str, float | None]]


class Session:
    """A network that trains, and its data; to be used by one thread.

    The settings are a config, ``experiment``. Every change validates it and starts again from its seed, so
    `yaml` is always the config with which ``mlp train`` gives the very network that is shown. A change that
    is refused, with MlpError, leaves the network as it was. ``build`` is a new number after each restart,
    also in another process. ``out`` is the folder where `save` writes. Points that were added are
    trained on in the order in which `save` writes them, so that what is shown is what is saved.
    """

    def __init__(self, experiment: Experiment, out: Path) -> None:
        _require_plane(experiment)
        self.out, self.build, self.playing = out, secrets.randbits(40), False
        self._held_out: dict[str, Any] | None = None  # the sizes of the parts before points were added
        plain = experiment.model_dump()
        self.notice = ""
        schedule, _ = build_schedule(experiment)
        if any(schedule.factor(epoch, 10) != schedule.factor(epoch, 20) for epoch in (1, 4, 9)):
            plain["optimizer"]["schedule"] = {"name": "constant"}
            self.notice = (
                f"The learning rate is constant here: {experiment.optimizer.schedule.name} "
                "needs to know when training will end."
            )
        plain["model"] |= {"inputs": None, "outputs": None}  # they follow from the data
        self.own = None if experiment.data.name in TOY_SETS else plain["data"]
        self._begin(validate_experiment(plain, Path()), [])

    def _begin(self, experiment: Experiment, added: Points) -> None:
        """Take the settings and start again; if that raises MlpError, everything stays as it was."""
        _require_small(experiment)
        dataset, trained = None, experiment
        if added:
            dataset = _with_points(load_dataset(experiment), added)
            trained = _on_table(experiment, dataset)
        run = Run(_with_epochs(trained, _ENDLESS), None if dataset is None else divide(trained, dataset))
        splits, title = run.splits, experiment.data.title
        if splits.classes is None:
            raise _no_classes(title)
        experiment, trained = (_with_loss(one, run.experiment) for one in (experiment, trained))
        n, features, classes = len(splits.train.X), len(splits.columns), len(splits.classes)
        if features != 2:
            message = f"the page needs 2 features, but {title} has {features:,}"
            raise _not_two(experiment, message, splits.columns)
        why_not = without_axis(splits.columns, splits.kinds)
        if why_not is not None:
            raise _not_two(experiment, f"the page cannot draw {title}: {why_not}")
        if classes > _MAX_CLASSES:
            raise UsageError(f"{title} has {classes:,} classes; the page allows at most {_MAX_CLASSES}")
        if n > _MAX_EXAMPLES:
            raise UsageError(f"{title} has {n:,} examples; the page allows at most {_MAX_EXAMPLES:,}")
        _require_quick(run)
        self.experiment, self.added, self.run = experiment, added, run
        self._trained, self._table = trained, dataset
        self._epochs = run.trainer.epochs()
        total = sum(len(split.rows) for split in splits.parts.values())
        self.added_rows = range(total - len(added), total) if added else range(0)
        self.places = Places(splits, run.transform, run.network, self.added_rows)
        self.metrics: dict[str, Any] | None = None
        self.history: list[tuple[float | None, ...]] = []  # epoch, and the losses of the three splits
        self._every = 1  # epochs from one point of the history to the next
        self._scored: tuple[int, Scores] | None = None  # after this number of steps
        self._remember()
        self.diverged: str | None = None
        self.build += 1

    @property
    def epoch(self) -> int:
        """The number of epochs that the network has been trained for."""
        return self.run.trainer.progress.epoch

    def train_epoch(self) -> None:
        """Train an epoch; if training diverges, ``diverged`` holds the message."""
        try:
            epoch = None if self.diverged else next(self._epochs, None)
        except RunError as error:
            self.diverged, epoch = str(error), None
        if epoch is None:
            self.playing = False
            return
        self.metrics = epoch.metrics
        if epoch.number % self._every == 0:
            self._remember()
        if len(self.history) > _MAX_HISTORY:
            self.history = self.history[::2]
            self._every *= 2

    def _remember(self) -> None:
        """Add the losses of the network as it is now to the history."""
        scores = self.scores()
        losses = [scores[part]["loss"] if part in scores else None for part in ("train", "val", "test")]
        self.history.append((self.epoch, *losses))

    def scores(self) -> Scores:
        """Return the loss and accuracy of the network as it is now on each split; None is not finite."""
        steps = self.run.trainer.optimizer.steps
        if self._scored is None or self._scored[0] != steps:
            with np.errstate(all="ignore"):  # divergence is reported in words
                found = self.run.score_now()
            self._scored = (
                steps,
                {
                    part: {name: finite(value) for name, value in scores.items()}
                    for part, scores in found.items()
                },
            )
        return self._scored[1]

    def stop(self) -> None:
        """Stop for good after the current batch; may be called by any thread."""
        self.run.trainer.stop()

    def reset(self) -> None:
        """Start again from the same seed, paused."""
        self.playing = False
        self._begin(self.experiment, self.added)

    def new_seed(self) -> None:
        """Start again from the next seed."""
        self.change("training.seed", str((self.experiment.training.seed + 1) % 2**32))

    def change(self, key: str, text: str) -> None:
        """Start again with a new value of a setting.

        Added points are kept, except if the data or the classes change.
        """
        anew = key in ("data.name", "data.classes")
        before = self._without_added() if anew else self.experiment
        experiment = change_setting(before, self.own, key, text)
        self._begin(experiment, [] if anew else self.added)
        if anew:
            self._held_out = None

    def add(self, x: float, y: float, label: int) -> None:
        """Add an example and start again; with added examples, none are held out."""
        classes = self.run.splits.classes or ()
        if not all(math.isfinite(value) and abs(value) < 1e30 for value in (x, y)):
            raise UsageError("a point needs two coordinates")
        if not 0 <= label < len(classes):
            raise UsageError(f"there is no class number {label}; there are {len(classes)}")
        if len(self.added) >= _MAX_ADDED:
            raise UsageError(f"{_MAX_ADDED} points have been added; no more are allowed")
        experiment, held_out = self.experiment, self._held_out
        if not self.added:
            none_held_out = {"train_size": None, "val_size": 0, "test_size": 0, "fold": None}
            held_out = {key: getattr(experiment.data, key) for key in none_held_out}
            experiment = _with_sizes(experiment, none_held_out)
        self._begin(experiment, [*self.added, (x, y, label)])
        self._held_out = held_out

    def clear(self) -> None:
        """Start again without the points that were added."""
        self._begin(self._without_added(), [])
        self._held_out = None

    def _without_added(self) -> Experiment:
        return self.experiment if self._held_out is None else _with_sizes(self.experiment, self._held_out)

    def yaml(self, table: str = "play.csv") -> str:
        """Return the config that trains the current network; ``table`` is the path of its added points.

        Before the first epoch, it is a config that trains a single epoch.
        """
        plain = to_plain(_with_epochs(self._trained, max(1, self.epoch)))
        if self.added:
            plain["data"]["path"] = table
        return write_yaml(plain)

    def save(self) -> Path:
        """Write `yaml`, and a table if points were added, under an unused name; return the config's path.

        Raises UsageError if there is no network to save, RunError if the files cannot be written.
        """
        if self.diverged:
            raise UsageError("training diverged, so there is no network to save; change a setting, or reset")
        if not self.epoch:
            raise UsageError("nothing has been trained yet; start training before saving")
        for number in count(1):
            stem = "play" if number == 1 else f"play-{number}"
            config, table = (self.out / f"{stem}{suffix}" for suffix in (".yaml", ".csv"))
            if not (config.exists() or table.exists()):
                break
        try:
            if self._table is not None:
                with replace_file(make_place(table)) as stream:
                    stream.write(_write_table(self._table))
            with replace_file(make_place(config)) as stream:
                stream.write(self.yaml(table.name).encode())
        except OSError as error:
            with contextlib.suppress(OSError):  # a table alone is of no use
                table.unlink(missing_ok=True)
            raise RunError(f"{error.filename or self.out} cannot be written: {error.strerror}") from None
        return config


def _require_plane(experiment: Experiment) -> None:
    data = experiment.data
    if experiment.loss.task == "regression":
        raise _no_classes(data.title)
    if data.n_columns not in (2, None):
        raise UsageError(
            f"the page needs 2 features, but {data.title} has {data.n_columns:,}; "
            "name another config, or none"
        )


def _not_two(experiment: Experiment, message: str, columns: Sequence[str] = ()) -> UsageError:
    """Return the error about data that are no plane, and how to take two of their columns, if that can be."""
    if "features" not in type(experiment.data).model_fields:
        return UsageError(f"{message}; name another config, or none")
    message += "; name two columns in data.features"
    if not columns:
        return UsageError(message)
    change = f"data.features={json.dumps(list(columns[:2]), ensure_ascii=False)}"
    return UsageError(message, topic="two columns", change=change)


def _no_classes(title: str) -> UsageError:
    return UsageError(
        f"the page shows how a plane is divided into classes, but {title} is a regression",
        topic="no classes to play with",
    )


def _require_small(experiment: Experiment) -> None:
    hidden, examples = experiment.model.hidden, experiment.data.examples
    if examples is not None and examples > _MAX_EXAMPLES:
        raise UsageError(f"data.points: {examples:,}; the page allows at most {_MAX_EXAMPLES:,}")
    if len(hidden) > _MAX_LAYERS:
        raise UsageError(f"model.hidden: {len(hidden):,} layers; the page allows at most {_MAX_LAYERS}")
    for layer in hidden:
        if layer.units > _MAX_UNITS:
            raise UsageError(
                f"model.hidden: {layer.units:,} units; the page allows at most {_MAX_UNITS} in a layer"
            )


def _require_quick(run: Run) -> None:
    """Raise UsageError if an epoch would take too long: requests are answered between two epochs."""
    n, batch_size = len(run.splits.train), run.trainer.batch_size
    parameters = len(run.network.parameters.values)
    # A step takes 50 us in Python and 4 ns per parameter; matrix products run at 30 GFLOP/s.
    seconds = run.trainer.batches * (5e-5 + 4e-9 * parameters) + 6 * n * parameters / 3e10
    if seconds > _MAX_SECONDS:
        raise UsageError(
            f"an epoch of {n:,} examples in batches of {batch_size:,} with {parameters:,} parameters would "
            f"take about {seconds:.0f} seconds, but the page allows at most {_MAX_SECONDS:g}; try fewer "
            "points or units, or larger batches"
        )


def _with_epochs(experiment: Experiment, epochs: int) -> Experiment:
    """Return the experiment with ``epochs`` epochs and without saving anything during training."""
    plain = {"epochs": epochs, "patience": None, "checkpoint_every": None, "snapshots": None}
    return experiment.model_copy(update={"training": experiment.training.model_copy(update=plain)})


def _with_loss(experiment: Experiment, settled: Experiment) -> Experiment:
    """Return the experiment with the loss of another one, which followed from the target."""
    return experiment.model_copy(update={"loss": settled.loss})


def _with_sizes(experiment: Experiment, sizes: dict[str, Any]) -> Experiment:
    return experiment.model_copy(update={"data": experiment.data.model_copy(update=sizes)})


def _on_table(experiment: Experiment, dataset: Dataset) -> Experiment:
    """Return the experiment that trains on the table that `Session.save` writes."""
    plain = experiment.model_dump()
    shared = {key: plain["data"][key] for key in ("train_size", "val_size", "test_size", "scaling")}
    plain["data"] = {"name": "csv", "path": "play.csv", "target": _target(dataset), **shared}
    return validate_experiment(plain, Path())


def _target(dataset: Dataset) -> str:
    """Return a name for the column of classes that no other column has."""
    name = "class"
    while name in dataset.columns:
        name += "_"
    return name


def _with_points(dataset: Dataset, added: Points) -> Dataset:
    """Return the data set with the added points appended to its examples."""
    points = np.array([(x, y) for x, y, _ in added], np.float32)
    labels = np.array([label for _, _, label in added], np.int64)
    X = np.concatenate([dataset.X.astype(np.float32), points])
    return replace(dataset, X=X, y=np.concatenate([dataset.y, labels]))


def _write_table(dataset: Dataset) -> bytes:
    """Return a data set as CSV; reading it gives back exactly the same numbers."""
    assert dataset.classes is not None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*dataset.columns, _target(dataset)])
    for row, label in zip(dataset.X.tolist(), dataset.y.tolist(), strict=True):
        writer.writerow([*map(repr, row), dataset.classes[label]])
    return text.getvalue().encode()
