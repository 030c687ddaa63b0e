"""The training loop: a generator of epochs. It prints nothing and writes nothing."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlpcli.blas import one_thread
from mlpcli.buffers import Buffer
from mlpcli.data.augment import Augmenter
from mlpcli.data.batches import Batch, Batches
from mlpcli.data.large.batches import LargeBatches
from mlpcli.data.target_transform import TargetTransform
from mlpcli.errors import RunError
from mlpcli.nn.health import UnitHealth, silent_in_all
from mlpcli.nn.losses import Loss
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.network import Network
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.schedules import Schedule, warm
from mlpcli.streams import Streams, stream
from mlpcli.training.epoch import Epoch
from mlpcli.training.evaluation import quick_scores
from mlpcli.training.last_step import LastStep
from mlpcli.training.shards import Shards

__all__ = ["MidEpoch", "Pass", "Progress", "Trainer"]

_SMALL = 1 << 22  # multiplications of a product, which one thread does in a tenth of a millisecond


@dataclass
class Progress:
    """The progress of training, in finished epochs.

    ``plateaus`` counts how often the plateau schedule has shrunk the learning rate. Where a run
    was begun with a network that had been trained before, ``epoch_offset`` is added to an epoch of the run
    for the number by which the random streams know it, and ``step_offset`` to its steps for those of the
    optimizer.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_score: tuple[float, ...] = ()
    epochs_since_best: int = 0
    plateaus: int = 0
    epoch_offset: int = 0
    step_offset: int = 0


@dataclass(frozen=True)
class MidEpoch:
    """The state of training within an epoch, after ``batch`` batches.

    ``loss_sum`` is the sum of the losses of all examples so far, ``correct`` the number of examples that were
    classified correctly, or the sum of their weights, each counted once for each member that saw it, and
    ``seconds`` the time that the epoch has taken. ``silent`` is the state of `UnitHealth`; ``streams`` holds
    the states of the bit generators by name.
    """

    batch: int
    loss_sum: float
    correct: float
    seconds: float
    silent: list[str]
    streams: dict[str, Mapping[str, Any]]


@dataclass
class Pass:
    """The epoch that is being trained.

    ``start`` is the time at which it would have begun if there had been no interruptions. ``report`` collects
    the measurements of the last step. ``rest`` are the batches that are left, if they have been gathered.
    """

    number: int
    rngs: Streams
    start: float
    batch: int = 0
    loss_sum: float = 0.0
    correct: float = 0
    seconds: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    rest: Iterator[Batch] | None = None

    def mid_epoch(self, silent: list[str]) -> MidEpoch:
        """Return the state that is needed to resume from here.

        The stream of the noise pool is left out, since it is the same in every epoch.
        """
        states = {name: rng.bit_generator.state for name, rng in self.rngs.items() if name != "noise_pool"}
        return MidEpoch(self.batch, self.loss_sum, self.correct, self.seconds, silent, states)


class Trainer:
    """Trains ``network`` on mini-batches, epoch by epoch.

    Epochs are scored on ``val``, or on the training split if ``val`` is None. ``val`` may be ``train`` itself
    where each member leaves out some of its examples and is scored on these. The best epoch is that with the
    best ``monitor``, the loss or one of the `MEASURES`; if it is equal, lower loss is better. The metrics of
    an epoch are:

    - ``train_loss`` and ``train_accuracy``: means over the epoch's batches and the network's members, while
      the weights change, with augmentation, dropout and noise, without penalties, and with the weights of the
      examples;
    - ``val_loss``, ``val_accuracy`` or ``val_r2``, and ``val_`` with the name of the monitor, after the
      epoch. Without ``val`` a monitor other than loss and accuracy is that of the training split, ``train_``
      with its name, after the epoch;
    - ``gradient_norm``, and ``gradient_norms`` of each layer's dW: of the last step, with penalties, before
      clipping;
    - ``update_ratio`` of each layer of weights: the norm of the change of W over the norm of W, in the last
      step;
    - ``weight_norm`` of each layer of weights: the Euclidean norm of W, of all members together, after the
      epoch;
    - ``dead`` and ``saturated`` of each hidden layer: see `UnitHealth`.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        train: Batches | LargeBatches,
        val: Batches | LargeBatches | None,
        *,
        epochs: int,
        batch_size: int,
        seed: int,
        patience: int | None,
        schedule: Schedule,
        monitor: str,
        target_transform: TargetTransform | None = None,
        warmup: float = 0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        augmenter: Augmenter | None = None,
        save_every: int | None = None,
        shards: Shards | None = None,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.train, self.val = train, val
        self.n_epochs, self.batch_size, self.seed, self.patience = epochs, batch_size, seed, patience
        self.schedule, self.warmup = schedule, warmup
        self.monitor, self.target_transform = monitor, target_transform
        self.clip_norm, self.max_norm = clip_norm, max_norm
        self.augmenter, self.save_every = augmenter, save_every
        self.shards = shards  # None where each batch is computed as a whole
        self.batches = math.ceil(train.drawn / (batch_size * network.members))  # per epoch
        self.base_rate = optimizer.learning_rate  # before the schedule multiplies it
        self.progress = Progress()
        self._dlogits, self._others_dlogits = (Buffer(network.widths[-1], network.dtype) for _ in range(2))
        self._last_step = LastStep(network, optimizer.decay)
        self.health = UnitHealth([layer.activation for layer in network.hidden])
        self._take_views()
        if shards is not None:
            parameters = network.parameters
            own = shards.own(len(parameters.values))
            optimizer.restrict(parameters.values, parameters.gradients, own)
        largest = max(layer.W.shape[-2] * layer.W.shape[-1] for layer in network.dense)
        rows = min(batch_size, len(train)) // (1 if shards is None else shards.count)
        self.is_small = rows * largest < _SMALL
        self._noise_pool = stream(seed, "noise_pool")  # the same in every epoch
        self._mid_epoch: MidEpoch | None = None
        self._handed: Pass | RunError | Literal["stopped"] | None = None
        self._save: Callable[[MidEpoch], None] | None = None
        self._pausing = False
        self.stopping = False

    def _take_views(self) -> None:
        parameters = self.network.parameters
        self._matrices = [
            parameters.view(array.name) for array in self.network.spec.parameters if array.penalized
        ]
        self._few_gradients = parameters.gradients[parameters.n_penalized :]

    def move(
        self,
        values: NDArray[Any],
        gradients: NDArray[Any],
        state: Mapping[str, NDArray[Any]],
        slots: Mapping[str, NDArray[Any]],
    ) -> None:
        """Keep the numbers of the network and of the optimizer, as they are, in these arrays from now on."""
        self.network.move(values, gradients, state)
        self.optimizer.move(values, gradients, slots)
        self._take_views()

    def resume(self, progress: Progress, steps: int, mid_epoch: MidEpoch | None) -> None:
        """Continue from this state; the caller has restored the arrays of the network and the optimizer."""
        self.progress, self.optimizer.steps, self._mid_epoch = progress, steps, mid_epoch

    @property
    def steps(self) -> int:
        """The number of steps that this run has taken."""
        return self.optimizer.steps - self.progress.step_offset

    def stop(self) -> None:
        """Stop after the current batch; may be called at any time.

        Several processes stop after the same one: the first batch in which one of them says so.
        """
        if self.shards is None or self.shards.processes is None:
            self.stopping = True
        else:
            self.shards.asked = True

    def epochs(self, save: Callable[[MidEpoch], None] | None = None) -> Iterator[Epoch]:
        """Train until the last epoch, or until patience runs out, and yield each epoch as it ends.

        ``save`` is called within epochs: every ``save_every`` steps, and after `stop`.
        """
        for epoch in self.rounds(save):
            if epoch is not None:
                yield epoch

    def rounds(self, save: Callable[[MidEpoch], None] | None = None) -> Iterator[Epoch | None]:
        """Do what `epochs` does, and yield None before each epoch.

        Whoever trains several networks at once may then take steps of this one, from `begin` on, and
        `hand_over` what has come of them; the rest of the epoch is trained here.
        """
        self._save = save
        try:
            while self.progress.epoch < self.n_epochs and not self.out_of_patience and not self.stopping:
                yield None
                epoch = self._epoch(self.progress.epoch + 1)
                if epoch is None:
                    return
                yield epoch
        finally:
            self._save = None  # it may hold the run, which would keep its directory locked

    def hand_over(self, result: Pass | RunError) -> None:
        """Go on from here in the epoch at hand; an error is raised by it."""
        self._handed = result

    def run_ahead(self) -> None:
        """Take all steps of the epoch at hand, in whatever thread this is; `rounds` goes on from there."""
        try:
            with self._computing():
                self._handed = self._pass(self.progress.epoch + 1) or "stopped"
        except RunError as error:
            self._handed = error

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        """Compute with as many threads as suit the products, and without NumPy's warnings.

        An overflow leads to a loss that is not finite, which raises RunError.
        """
        with self.threads, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            yield

    def step(self) -> Epoch | None:
        """Take a single step of the epoch at hand; return the epoch if this ends it.

        `epochs` goes on with the rest of the epoch, to the same weights as without the pause.
        """
        save, self._pausing, self._save = self._save, True, self._pause
        try:
            return self._epoch(self.progress.epoch + 1)
        finally:
            self._pausing, self._save = False, save

    def _pause(self, mid_epoch: MidEpoch) -> None:
        self._mid_epoch = mid_epoch

    @property
    def mid_epoch(self) -> MidEpoch | None:
        """Where in the epoch at hand training was resumed, or `step` has stopped."""
        return self._mid_epoch

    @property
    def batch(self) -> int:
        """The number of steps of the epoch at hand that `step` has taken."""
        return 0 if self._mid_epoch is None else self._mid_epoch.batch

    def score_start(self) -> dict[str, Any] | None:
        """Score the network as it is before its first step, as an epoch 0 that may stay the best.

        Return the scores; None if training has begun, or if there are no examples to score it on.
        """
        if self.steps or self.val is None:
            return None
        scores = self._scores(self.val)
        self._require_finite("loss", scores["loss"], 0, "on the validation split")
        self.progress.best_score = (*self._monitored(scores), -scores["loss"])
        return {f"val_{name}": value for name, value in scores.items()}

    @property
    def threads(self) -> contextlib.AbstractContextManager[Any]:
        """A block with as many threads as are good for products of this size."""
        return one_thread() if self.is_small else contextlib.nullcontext()

    @property
    def out_of_patience(self) -> bool:
        """Whether the last ``patience`` epochs have brought no better score."""
        return self.patience is not None and self.progress.epochs_since_best >= self.patience

    def _epoch(self, number: int) -> Epoch | None:
        """Train an epoch, or the rest of one; return None if it was stopped before its end."""
        with self._computing():
            state = self._pass(number)
            if state is None:
                return None
            metrics = {"epoch": number, "train_loss": state.loss_sum / self.train.drawn}
            if self.loss.outputs != "values":
                metrics["train_accuracy"] = min(
                    1.0, state.correct / self.train.drawn
                )  # sums of weights round
            norm = state.report["gradient_norm"]
            self._require_finite("norm of the gradient", norm, number, "in its last step")
            self._share_slots()
            self._require_sound(number, "after its last step")
            if self.val is not None:
                scores = self._scores(self.val)
                self._require_finite("loss", scores["loss"], number, "on the validation split")
                metrics |= {f"val_{name}": value for name, value in scores.items()}
            else:
                scores = {"loss": metrics["train_loss"], "accuracy": metrics.get("train_accuracy")}
                if self.monitor not in scores:
                    value = self._scores(self.train)[self.monitor]
                    scores[self.monitor] = metrics[f"train_{self.monitor}"] = value
        metrics["learning_rate"] = self.optimizer.learning_rate
        metrics["seconds"] = time.perf_counter() - state.start
        metrics["examples_per_second"] = self.train.drawn / state.seconds
        metrics |= state.report
        score = (*self._monitored(scores), -scores["loss"])
        progress = self.progress
        is_best = not progress.best_score or score > progress.best_score
        progress.epoch = number
        progress.epochs_since_best = 0 if is_best else progress.epochs_since_best + 1
        if is_best:
            progress.best_epoch, progress.best_score = number, score
        elif self.schedule.patience is not None and progress.epochs_since_best % self.schedule.patience == 0:
            progress.plateaus += 1
        return Epoch(number, metrics, is_best)

    def _scores(self, batches: Batches | LargeBatches) -> dict[str, Any]:
        processes = None if self.shards is None else self.shards.processes
        scores = quick_scores(
            self.network, self.loss, batches, self.monitor, self.target_transform, processes
        )
        return scores if processes is None else processes.of_first(scores)

    def _monitored(self, scores: dict[str, Any]) -> tuple[float, ...]:
        """Return the monitored score as a number that is higher for a better one; nothing for the loss."""
        if self.monitor == "loss" or scores[self.monitor] is None:
            return ()
        return (scores[self.monitor] if MEASURES[self.monitor].higher_is_better else -scores[self.monitor],)

    def _pass(self, number: int) -> Pass | None:
        """Take a step on every batch, or on the remaining ones; return None if stopped before the end."""
        handed, self._handed = self._handed, None
        if isinstance(handed, RunError):
            raise handed
        if handed == "stopped":
            return None
        state = self.begin(number) if handed is None else handed
        if state.batch == self.batches:
            return state
        shards, batches = self.shards, state.rest
        if batches is None:
            rows_of = None if shards is None else shards.rows
            batches = self.train.shuffled(self.batch_size, self.order(number), state.batch, rows_of)
        for batch in batches:
            state.batch += 1
            if shards is None:
                self._compute_gradient(state, *batch)
            else:
                self._compute_in_shards(shards, state, *batch)
            self._take_step(state)
            if state.batch == self.batches:
                break
            if self.save_if_due(state):
                return None
        state.seconds = time.perf_counter() - state.start
        return state

    def save_if_due(self, state: Pass) -> bool:
        """Save the state within an epoch if that is due or training stops; return whether it stops."""
        pausing = self._pausing or self.stopping
        if pausing or (self.save_every and self.optimizer.steps % self.save_every == 0):
            state.seconds = time.perf_counter() - state.start
            if self._save is not None:
                self._share_slots()
                self._require_sound(state.number, f"after batch {state.batch} of {self.batches}")
                self._save(state.mid_epoch(self._silent()))
            state.start = time.perf_counter() - state.seconds  # the time of saving does not count
        return pausing

    def order(self, number: int) -> np.random.Generator:
        """Return the stream that draws the order of the examples in an epoch."""
        return stream(self.seed, "shuffle", self.progress.epoch_offset + number)

    def begin(self, number: int) -> Pass:
        """Return the state at the beginning of an epoch, or the state given to `resume`."""
        rngs = Streams(self.seed, self.progress.epoch_offset + number)
        state = Pass(number, rngs, time.perf_counter())
        state.rngs["noise_pool"] = self._noise_pool
        mid_epoch, self._mid_epoch = self._mid_epoch, None
        self.health.start(None if mid_epoch is None else mid_epoch.silent)
        if mid_epoch is not None:
            state.batch, state.loss_sum = mid_epoch.batch, mid_epoch.loss_sum
            state.correct = mid_epoch.correct
            state.start -= mid_epoch.seconds
            for name, where in mid_epoch.streams.items():
                state.rngs[name].bit_generator.state = where
        return state

    def _compute_gradient(
        self, state: Pass, X: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> None:
        """Compute the gradients of a batch's mean loss, without penalties, into the network's gradients."""
        loss, logits, dlogits = self._compute_loss(state.rngs, X, y, weights)
        if not math.isfinite(loss):
            self.require_finite("loss", loss, state, "Y")
        state.loss_sum += loss * len(y)
        if self.loss.outputs != "values":
            state.correct += self.loss.count_correct(logits, y, weights)
        if state.batch == self.batches:
            state.report |= self.health.report()  # backward overwrites the outputs
        if self.network.members > 1:  # each learns as if it were alone
            dlogits *= self.network.members
        if state.batch == self.batches:
            self._last_step.begin()
        self.network.backward(dlogits)
        self._require_finite_gradient(state)

    def _compute_loss(
        self, rngs: Streams, X: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None
    ) -> tuple[float, NDArray[Any], NDArray[Any]]:
        """Return the mean loss of some rows, their logits, and its gradient with respect to these."""
        share = 1.0
        if self.augmenter is not None:
            X, share = self.augmenter.apply(X, rngs["augment"])
        logits = self.network.forward(X, rngs)
        self.health.observe()
        dlogits = self._dlogits.rows(len(y))
        loss = self.evaluate_loss(logits, y, dlogits, weights, share)
        return loss, logits, dlogits

    def _compute_in_shards(
        self,
        shards: Shards,
        state: Pass,
        X: NDArray[Any],
        y: NDArray[Any],
        weights: NDArray[Any] | None = None,
    ) -> None:
        """Do what `_compute_gradient` does, shard by shard; X, y and weights are the rows of this process."""
        gradients, epoch = self.network.parameters.gradients, self.progress.epoch_offset + state.number
        n = min(self.batch_size, self.train.drawn - (state.batch - 1) * self.batch_size)
        lost, saturated = "", []
        shards.begin()
        for number, rows in shards.parts(n):
            if rows.start == rows.stop:
                gradients.fill(0)
                shards.add(gradients)
                continue
            own_y, own_weights = y[rows], None if weights is None else weights[rows]
            rngs = Streams(self.seed, epoch, state.batch, number)  # whoever computes the shard
            rngs["noise_pool"] = self._noise_pool
            loss, logits, dlogits = self._compute_loss(rngs, X[rows], own_y, own_weights)
            if not math.isfinite(loss):
                lost = lost or self._first_lost("Y")
            correct = 0.0
            if self.loss.outputs != "values":
                correct = self.loss.count_correct(logits, own_y, own_weights)
            weight = self.loss.weight(own_y, own_weights)
            shards.note(len(own_y), loss, weight, correct)
            if state.batch == self.batches:
                saturated.append((len(own_y), self.health.saturated))  # backward overwrites the outputs
            dlogits *= weight / n
            self.network.backward(dlogits)
            shards.add(gradients)
        own = shards.own(len(gradients))
        few = slice(max(own.start, self.network.parameters.n_penalized), own.stop)
        shards.add_up(gradients)
        sums = shards.sums(gradients[few])
        if not math.isfinite(sums.loss):  # which all processes find at the same time
            first = next(filter(None, shards.gather(lost)), "")
            self._require_finite(
                "loss", sums.loss, state.number, f"in batch {state.batch} of {self.batches}{first}"
            )
        if not math.isfinite(sums.size):
            shards.share(gradients)
            self.require_finite("gradient", sums.size, state, "db")
        if sums.weight not in (n, 0):
            gradients[own] *= n / sums.weight
        state.loss_sum += sums.loss * n
        state.correct += sums.correct
        self.stopping |= sums.stop
        if state.batch == self.batches:
            self.health.start(self._silent())
            parts = [part for of_process in shards.gather(saturated) for part in of_process]
            state.report |= {"dead": self.health.dead, "saturated": _means(parts)}

    def _silent(self) -> list[str]:
        """Return the units that have not been active in this epoch, for any process that computes it."""
        silent = self.health.silent
        return silent if self.shards is None else silent_in_all(self.shards.gather(silent))

    def _share_slots(self) -> None:
        """Bring the arrays of the optimizer together, of which each process has moved a piece."""
        if self.shards is not None:
            self.shards.share(*self.optimizer.slots.values())

    def _require_finite_gradient(self, state: Pass) -> None:
        """Raise RunError if the backward pass has overflowed.

        That shows in the gradients of the biases, which are few and quick to check. If only the products
        X.T dY overflow, the next loss shows it; nothing is saved unchecked.
        """
        size = float(np.dot(self._few_gradients, self._few_gradients))
        if not math.isfinite(size):
            self.require_finite("gradient", size, state, "db")

    def evaluate_loss(
        self,
        logits: NDArray[Any],
        y: NDArray[Any],
        dlogits: NDArray[Any],
        weights: NDArray[Any] | None,
        share: float,
    ) -> float:
        """Return the loss of a batch, and write its gradient; with mixup a row is its own by ``share``."""
        loss: float = self.loss.evaluate(logits, y, dlogits, weights)
        if share < 1:
            loss = share * loss + self._add_others(logits, y, dlogits, share)
        return loss

    def _take_step(self, state: Pass) -> None:
        """Add penalties, clip the gradient, let the optimizer take its step, and limit the weights' norms.

        The last step of an epoch is measured.
        """
        last = self.batches
        is_measured = state.batch == last
        penalized = is_measured or self.clip_norm is not None  # both need the whole gradient
        parameters, shards = self.network.parameters, self.shards
        if penalized:
            self.optimizer.penalize()
            if shards is not None:
                shards.share(parameters.gradients)
        if is_measured:
            self._last_step.keep()
        if self.clip_norm is not None:
            self.clip(self.clip_norm)
        epoch = state.number - 1 + (state.batch - 1) / last
        self.optimizer.learning_rate = self._scheduled(epoch, 1 / last, self.n_epochs)
        self.optimizer.step(penalized=penalized)
        if shards is not None:
            shards.share(parameters.values)
        if self.max_norm is not None:
            self.limit_norms(self.max_norm)
        if is_measured:
            state.report |= self._last_step.reports()[0]

    def require_finite(self, what: str, value: float, state: Pass, name: str) -> None:
        """Raise RunError if a number of the batch is not finite, with the first layer whose array is not."""
        if not math.isfinite(value):
            where = f"in batch {state.batch} of {self.batches}"
            self._require_finite(what, value, state.number, where + self._first_lost(name))

    def _first_lost(self, name: str) -> str:
        """Return in words which layer's array ``name`` is the first that is not finite."""
        layers = list(enumerate(self.network.dense, 1))
        for number, layer in layers if name == "Y" else reversed(layers):  # in the order of computation
            if not np.isfinite(getattr(layer, name)).all():
                return f", first in layer {number} of {len(layers)}"
        return ", first in the loss itself"

    def _add_others(
        self, logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any], share: float
    ) -> float:
        """Multiply the gradient by ``share`` and add (1 - share) times that for the targets of the next rows.

        Return (1 - share) times the loss for these targets. Together they are the loss of mixup,
        L = share L(y) + (1 - share) L(y of the next row).
        """
        others = self._others_dlogits.rows(len(y))
        loss: float = (1 - share) * self.loss.evaluate(logits, np.roll(y, -1, axis=0), others)
        dlogits *= share
        others *= 1 - share
        dlogits += others
        return loss

    def learning_rate_of(self, step: int, epochs: int) -> float:
        """Return the learning rate of a step, counted from 0, in a training of ``epochs`` epochs."""
        return self._scheduled(step / self.batches, 1 / self.batches, epochs)

    def _scheduled(self, epoch: float, step: float, epochs: int) -> float:
        """Return the learning rate of the step from ``epoch`` to ``epoch + step``, of ``epochs`` in all."""
        return self.base_rate * self.rate_factor(epoch, step, epochs) * self.shrunk

    def rate_factor(self, epoch: float, step: float, epochs: int) -> float:
        """Return what schedule and warm-up make of the learning rate in that step, but for plateaus."""
        return self.schedule.factor(epoch, epochs) * warm(epoch + step, self.warmup)

    @property
    def shrunk(self) -> float:
        """What the plateaus so far have made of the learning rate."""
        return self.schedule.shrink**self.progress.plateaus

    def clip(self, longest: float) -> None:
        """Scale the gradient down to the norm ``longest`` if it is longer (Pascanu et al., 2013)."""
        gradients = self.network.parameters.gradients
        norm = float(np.linalg.norm(gradients))
        if norm > longest:
            gradients *= longest / norm

    def limit_norms(self, longest: float) -> None:
        """Scale the weights of each unit down to the norm ``longest`` if they are longer.

        CS231n notes, Neural Networks 2, "Max norm constraints" (Srebro & Shraibman, 2005).
        """
        numbers = np.finfo(self.network.dtype)  # a limit beyond these would be no number, or 0
        longest = min(max(longest, float(numbers.tiny)), float(numbers.max))
        for W in self._matrices:
            norms = np.einsum("...ij,...ij->...j", W, W)[..., None, :]
            np.sqrt(norms, out=norms)
            np.maximum(norms, longest, out=norms)
            np.divide(longest, norms, out=norms)
            W *= norms

    def _require_sound(self, epoch: int, where: str) -> None:
        """Raise RunError if an array that is about to be saved holds a number that is not finite."""
        size = float(np.linalg.norm(self.network.parameters.values))
        self._require_finite("size of the weights", size, epoch, where)
        kept = {f"running {name}": array for name, array in self.network.state.items()}
        # The squares of large gradients overflow first.
        kept |= {f"{name} of the optimizer": slot for name, slot in self.optimizer.slots.items()}
        for name, array in kept.items():
            self._require_finite(f"largest {name}", float(np.max(np.abs(array))), epoch, where)

    def _also_calms(self) -> str:
        """Return what else than the learning rate may end a divergence, as the end of a sentence."""
        momentum = " or optimizer.momentum" if "velocity" in self.optimizer.slots else ""
        return (
            f"{momentum}, or bound the gradient with optimizer.clip_norm: 1"
            if self.clip_norm is None
            else momentum
        )

    def _require_finite(self, what: str, value: float, epoch: int, where: str) -> None:
        if not math.isfinite(value):
            raise RunError(
                f"the {what} is {value} in epoch {epoch}, {where}: training diverged.\n"
                f"Lower optimizer.learning_rate (now {self.optimizer.learning_rate:g}){self._also_calms()}."
            )


def _means(parts: list[tuple[int, list[float | None]]]) -> list[float | None]:
    """Return the means of shares that are listed for some numbers of rows; None where they are."""
    n = sum(rows for rows, _ in parts)
    return [
        None if parts[0][1][i] is None else sum(rows * (shares[i] or 0) for rows, shares in parts) / n
        for i in range(len(parts[0][1]))
    ]
