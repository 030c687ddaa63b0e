"""A session of the page: a run that trains, its settings, and what was changed on the way."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.build.parts import build_schedule
from mlpcli.build.splits import Splits, divide, load_splits
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.toy import TOY_SETS
from mlpcli.errors import RunError, UsageError
from mlpcli.play.changes import Change, with_change
from mlpcli.play.limits import require_drawable, require_features, require_quick, require_small
from mlpcli.play.packing import finite
from mlpcli.play.places import Places
from mlpcli.play.points import Point, on_table, require_sound, table_of
from mlpcli.play.saving import describe, save, with_epochs
from mlpcli.play.settings import change_setting, differences, goes_on, link_of
from mlpcli.training.epoch import Epoch
from mlpcli.training.memory import require_memory
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

_ENDLESS = 10_000_000  # epochs; the maximum of the schema
_MAX_HISTORY = 500  # epochs of the loss curve

Scores = dict[str, dict[str, float | None]]


class Session:
    """A network that trains, and its data; to be used by one thread.

    The settings are a config, ``experiment``. A change of how it learns, and points that are ``added``, moved
    or removed, let training go on from where it stands; they are listed in ``changes``, unless nothing was
    trained before. Every other change starts again from the seed. So without ``changes``, `yaml` is the
    config with which ``mlp train`` gives the very network that is shown. A change that is refused, with
    MlpError, leaves everything as it was. ``build`` is a new number after each change, also in another
    process. ``out`` is the folder where `save` writes.
    """

    def __init__(self, experiment: Experiment, out: Path) -> None:
        require_features(experiment)
        self.out, self.build, self.playing = out, secrets.randbits(40), False
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
        self._read: tuple[Any, Splits] | None = None
        self._momentum: float | None = None
        self._restart(validate_experiment(plain, Path()), [], from_seed=False)
        self._begun = self.experiment  # what a link is compared with

    def _restart(self, experiment: Experiment, added: list[Point], *, from_seed: bool = True) -> None:
        """Take the settings and begin from the seed, or with the network that the config starts from."""
        if from_seed and experiment.training.start_from is not None:
            training = experiment.training.model_copy(update={"start_from": None})
            experiment = experiment.model_copy(update={"training": training})
        self._take(experiment, added, None)
        self._anchor: dict[str, Any] | None = (
            None  # this session before changes since which no step was taken
        )
        self.changes: tuple[Change, ...] = ()
        self.metrics: dict[str, Any] | None = None
        self.history: list[tuple[float | None, ...]] = []  # the epoch, and the losses of the three splits
        self._every = 1  # epochs from one point of the history to the next
        self._remember()

    def _go_on(self, experiment: Experiment, added: list[Point]) -> None:
        """Take the settings and go on from where training stands, in the middle of an epoch from its start.

        What has not begun, or is beyond repair, begins from the seed instead. Several changes without a step
        between them are one, and if in the end nothing is changed, everything is as it was before.
        """
        if self.is_at_the_start or self.diverged:
            self._restart(experiment, added, from_seed=self.diverged is not None)
            return
        anchor = self._anchor
        if anchor is None or self.run.trainer.optimizer.steps != self._steps:
            anchor = self.remember()
        epoch, more = self.epoch, len(added) - len(anchor["added"])
        done = [
            Change(what, epoch, epoch, before, after)
            for what, before, after in differences(anchor["experiment"], experiment)
        ]
        if more:
            done.append(Change("added" if more > 0 else "removed", epoch, epoch, number=abs(more)))
        elif added != anchor["added"]:
            done.append(Change("examples moved", epoch, epoch))
        if not done:
            self.recall({**anchor, "playing": self.playing})
            return
        self._take(experiment, added, anchor["run"])
        self._anchor, self.changes = anchor, anchor["changes"]
        for change in done:
            self.changes = with_change(self.changes, change)

    def _take(self, experiment: Experiment, added: list[Point], before: Run | None) -> None:
        """Make the run, which goes on from ``before``; if that raises MlpError, nothing has changed."""
        require_small(experiment)
        base = splits = self._load(experiment)
        require_drawable(experiment, base)
        require_sound(added, base)
        trained, table = experiment, None
        if added:
            table = table_of(base, added)
            trained = on_table(experiment, table)
            splits = divide(trained, table)
        start = None if before is None else before.here()
        run = Run(with_epochs(trained, _ENDLESS), splits, start=start)
        require_quick(run)
        # The loss may have followed from the target.
        self.experiment = experiment.model_copy(update={"loss": run.experiment.loss})
        self.added, self.run, self._table = added, run, table
        self._epochs = run.trainer.epochs()
        total = sum(map(len, splits.parts.values()))
        self.added_rows = range(total - len(added), total)
        self.places = Places(splits, run.transform, run.network, self.added_rows, base)
        self._steps = run.trainer.optimizer.steps
        self._fine: Places | None = None
        self.diverged: str | None = None
        self._scored: tuple[int, Scores] | None = None  # after this number of steps
        self._momentum = getattr(experiment.optimizer, "momentum", self._momentum)
        self.build += 1

    def _load(self, experiment: Experiment) -> Splits:
        """Return the data without added points; they are drawn or read once."""
        key = (experiment.data, experiment.training.seed, experiment.training.validation, experiment.loss)
        if self._read is None or self._read[0] != key:
            require_memory(experiment)
            self._read = key, load_splits(experiment)
        return self._read[1]

    @property
    def places_now(self) -> Places:
        """Where a frame evaluates the network: at more places while nothing is playing."""
        if self.playing:
            return self.places
        if self._fine is None:
            run, base = self.run, self._load(self.experiment)
            self._fine = Places(run.splits, run.transform, run.network, self.added_rows, base, fine=True)
        return self._fine

    def twin(self) -> Session:
        """Return another session with the same settings, data and points, which begins from the seed."""
        other = copy(self)
        other.build = secrets.randbits(40)
        other.begin_again()
        return other

    def remember(self) -> dict[str, Any]:
        """Return all that the next command may change, for `recall`."""
        return {**vars(self), "history": list(self.history), "_anchor": None}

    def recall(self, kept: dict[str, Any]) -> None:
        """Put everything back where it was; ``build`` is a new number."""
        build = self.build
        vars(self).update(kept)
        self.build = build + 1

    @property
    def epoch(self) -> int:
        """The number of epochs that the network has been trained for."""
        return self.run.trainer.progress.epoch

    @property
    def target_names(self) -> list[str]:
        """The name of the target of a regression, as a list of one."""
        target = getattr(self.experiment.data, "target", "y")
        return [target] if isinstance(target, str) else list(target)

    @property
    def batch(self) -> int:
        """The number of steps that it has taken in the epoch at hand."""
        return self.run.trainer.batch

    def train_epoch(self) -> None:
        """Train an epoch, or the rest of one; if training diverges, ``diverged`` holds the message."""
        self._train(lambda: next(self._epochs, None))

    def train_batch(self) -> None:
        """Take a single step."""
        self._train(self.run.trainer.step)

    def _train(self, train: Callable[[], Epoch | None]) -> None:
        """Train, and keep what an epoch brings; without one, no further one follows by itself."""
        epoch: Epoch | None = None
        try:
            if self.diverged is None:
                epoch = train()
        except RunError as error:
            self.diverged = self._explain(error)
        if epoch is None:
            self.playing = False
            return
        self.metrics = epoch.metrics
        if epoch.number % self._every == 0:
            self._remember()
        if len(self.history) > _MAX_HISTORY:
            self.history = self.history[::2]
            self._every *= 2

    def _explain(self, error: RunError) -> str:
        """Return in words how training diverged, and what on the page helps."""
        where = str(error).partition("\n")[0].removesuffix(": training diverged.")
        or_momentum = " or the momentum" if getattr(self.experiment.optimizer, "momentum", 0) else ""
        return (
            f"Training diverged: {where}.\nLower the learning rate{or_momentum}; training begins anew then."
        )

    def _remember(self) -> None:
        """Add the losses of the network as it is now to the history."""
        scores = self.scores()
        losses = [scores[part]["loss"] if part in scores else None for part in ("train", "val", "test")]
        self.history.append((self.epoch, *losses))

    def scores(self) -> Scores:
        """Return loss and score of the network as it is now on each split; None for what is not finite."""
        steps = self.run.trainer.optimizer.steps
        if self._scored is None or self._scored[0] != steps:
            with np.errstate(all="ignore"):  # divergence is reported in words
                found = self.run.score_now()
            self._scored = (
                steps,
                {
                    part: {name: finite(value) for name, value in of_part.items()}
                    for part, of_part in found.items()
                },
            )
        return self._scored[1]

    def stop(self) -> None:
        """Stop for good after the current batch; may be called by any thread."""
        self.run.trainer.stop()

    def pause(self) -> None:
        """Train no further epoch."""
        self.playing = False

    def reset(self) -> None:
        """Start again from the same seed, paused."""
        self.playing = False
        self.begin_again()

    def begin_again(self) -> None:
        """Start again from the same seed; what was playing goes on playing."""
        self._restart(self.experiment, self.added)

    @property
    def is_at_the_start(self) -> bool:
        """Whether no step has been taken since the beginning from the seed."""
        return not self.epoch and not self.batch and not self.changes

    def new_seed(self) -> None:
        """Start again from the next seed."""
        self.change("training.seed", str((self.experiment.training.seed + 1) % 2**32))

    def change(self, key: str, text: str) -> None:
        """Take a new value of a setting; points are kept, except if the data or their classes change."""
        experiment = change_setting(self.experiment, self.own, key, text, self._momentum)
        if goes_on(key):
            self._go_on(experiment, self.added)
        else:
            anew = key in ("data.name", "data.classes")
            self._restart(experiment, [] if anew else self.added)

    def take_link(self, settings: Mapping[str, str]) -> None:
        """Start again with the settings of a link: all of them, or if one is refused none."""
        experiment = self._begun
        for key, text in settings.items():
            experiment = change_setting(experiment, self.own, key, text, self._momentum)
        self._restart(experiment, [])

    @property
    def link(self) -> dict[str, str]:
        """What the settings differ in from those at the start, in an order in which they can be taken."""
        return link_of(self._begun, self.experiment, self.own)

    def add(self, x: float, y: float, value: float | None = None) -> None:
        """Add an example of a class or with a value to the training split, and go on.

        With one feature y is the value.
        """
        self._go_on(self.experiment, [*self.added, self._point(x, y, value)])

    def move(self, index: int, x: float, y: float) -> None:
        """Move an example that was added; ``index`` is that among the points that are drawn."""
        which = self._which(index)
        moved = self._point(x, y, self.added[which].value)
        points = [*self.added[:which], moved, *self.added[which + 1 :]]
        self._go_on(self.experiment, points)

    def remove(self, index: int) -> None:
        """Remove an example that was added, and go on."""
        which = self._which(index)
        points = [*self.added[:which], *self.added[which + 1 :]]
        self._go_on(self.experiment, points)

    def clear(self) -> None:
        """Remove all examples that were added, and go on."""
        if self.added:
            self._go_on(self.experiment, [])

    def _point(self, x: float, y: float, value: float | None) -> Point:
        if len(self.run.splits.columns) == 1:
            return Point((x,), y)
        if value is None:
            raise UsageError("a point needs a class or a value")
        return Point((x, y), value)

    def _which(self, index: int) -> int:
        """Return which of the added points is drawn as number ``index``; raises UsageError."""
        rows = self.places.rows
        which = int(rows[index]) - self.added_rows.start if 0 <= index < len(rows) else -1
        if not 0 <= which < len(self.added):
            raise UsageError("only points that were added can be moved or removed")
        return which

    def yaml(self) -> str:
        """Return the config of the current network; see `saving.describe`."""
        return describe(self.run, self._table is not None, self.changes)

    def save(self) -> Path:
        """Write `yaml` and what belongs to it under an unused name; return the config's path.

        Raises UsageError if there is no network to save, RunError if the files cannot be written.
        """
        if self.diverged:
            raise UsageError("training diverged, so there is no network to save; change a setting, or reset")
        if not self.epoch:
            raise UsageError("nothing has been trained yet; start training before saving")
        return save(self.run, self._table, self.changes, self.out)
