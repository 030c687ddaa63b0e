"""The training loop: a generator of epochs. It prints nothing and writes nothing."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.blas import one_thread
from mlpcli.buffers import Buffer
from mlpcli.data.augment import Augmenter
from mlpcli.data.batches import Batches
from mlpcli.data.target_transform import TargetTransform
from mlpcli.errors import RunError
from mlpcli.nn.health import UnitHealth
from mlpcli.nn.losses import Loss
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.network import Network
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.schedules import Schedule, warm
from mlpcli.streams import Streams, stream
from mlpcli.training.epoch import Epoch
from mlpcli.training.evaluation import quick_scores

__all__ = ["MidEpoch", "Progress", "Trainer"]

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
class _Pass:
    """The epoch that is being trained.

    ``start`` is the time at which it would have begun if there had been no interruptions. ``report`` collects
    the measurements of the last step.
    """

    number: int
    rngs: Streams
    start: float
    batch: int = 0
    loss_sum: float = 0.0
    correct: float = 0
    seconds: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)

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
        train: Batches,
        val: Batches | None,
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
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.train, self.val = train, val
        self.n_epochs, self.batch_size, self.seed, self.patience = epochs, batch_size, seed, patience
        self.schedule, self.warmup = schedule, warmup
        self.monitor, self.target_transform = monitor, target_transform
        self.clip_norm, self.max_norm = clip_norm, max_norm
        self.augmenter, self.save_every = augmenter, save_every
        self.batches = math.ceil(train.drawn / (batch_size * network.members))  # per epoch
        self._learning_rate = optimizer.learning_rate  # before the schedule multiplies it
        self.progress = Progress()
        self._dlogits, self._others_dlogits = (Buffer(network.widths[-1], network.dtype) for _ in range(2))
        self._values_before = np.empty_like(network.parameters.values)
        self._health = UnitHealth([layer.activation for layer in network.hidden])
        parameters = network.parameters
        self._matrices = [parameters.view(array.name) for array in network.spec.parameters if array.penalized]
        self._few_gradients = parameters.gradients[parameters.n_penalized :]
        largest = max(layer.W.shape[-2] * layer.W.shape[-1] for layer in network.dense)
        self._is_small = min(batch_size, len(train)) * largest < _SMALL
        self._noise_pool = stream(seed, "noise_pool")  # the same in every epoch
        self._mid_epoch: MidEpoch | None = None
        self._pausing = False
        self.stopping = False

    def resume(self, progress: Progress, steps: int, mid_epoch: MidEpoch | None) -> None:
        """Continue from this state; the caller has restored the arrays of the network and the optimizer."""
        self.progress, self.optimizer.steps, self._mid_epoch = progress, steps, mid_epoch

    @property
    def steps(self) -> int:
        """The number of steps that this run has taken."""
        return self.optimizer.steps - self.progress.step_offset

    def stop(self) -> None:
        """Stop after the current batch; may be called at any time."""
        self.stopping = True

    def epochs(self, save: Callable[[MidEpoch], None] | None = None) -> Iterator[Epoch]:
        """Train until the last epoch, or until patience runs out, and yield each epoch as it ends.

        ``save`` is called within epochs: every ``save_every`` steps, and after `stop`.
        """
        while self.progress.epoch < self.n_epochs and not self.out_of_patience and not self.stopping:
            epoch = self._epoch(self.progress.epoch + 1, save)
            if epoch is None:
                return
            yield epoch

    def step(self) -> Epoch | None:
        """Take a single step of the epoch at hand; return the epoch if this ends it.

        `epochs` goes on with the rest of the epoch, to the same weights as without the pause.
        """
        self._pausing = True
        try:
            return self._epoch(self.progress.epoch + 1, self._pause)
        finally:
            self._pausing = False

    def _pause(self, mid_epoch: MidEpoch) -> None:
        self._mid_epoch = mid_epoch

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
        return one_thread() if self._is_small else contextlib.nullcontext()

    @property
    def out_of_patience(self) -> bool:
        """Whether the last ``patience`` epochs have brought no better score."""
        return self.patience is not None and self.progress.epochs_since_best >= self.patience

    def _epoch(self, number: int, save: Callable[[MidEpoch], None] | None) -> Epoch | None:
        """Train an epoch, or the rest of one; return None if it was stopped before its end."""
        # NumPy's warnings are off, since an overflow leads to a loss that is not finite, which raises
        # RunError.
        with self.threads, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            state = self._pass(number, save)
            if state is None:
                return None
            metrics = {"epoch": number, "train_loss": state.loss_sum / self.train.drawn}
            if self.loss.outputs != "values":
                metrics["train_accuracy"] = min(
                    1.0, state.correct / self.train.drawn
                )  # sums of weights round
            norm = state.report["gradient_norm"]
            self._require_finite("norm of the gradient", norm, number, "in its last step")
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

    def _scores(self, batches: Batches) -> dict[str, Any]:
        return quick_scores(self.network, self.loss, batches, self.monitor, self.target_transform)

    def _monitored(self, scores: dict[str, Any]) -> tuple[float, ...]:
        """Return the monitored score as a number that is higher for a better one; nothing for the loss."""
        if self.monitor == "loss" or scores[self.monitor] is None:
            return ()
        return (scores[self.monitor] if MEASURES[self.monitor].higher_is_better else -scores[self.monitor],)

    def _pass(self, number: int, save: Callable[[MidEpoch], None] | None) -> _Pass | None:
        """Take a step on every batch, or on the remaining ones; return None if stopped before the end."""
        state = self._begin(number)
        order = stream(self.seed, "shuffle", self.progress.epoch_offset + number)
        for batch in self.train.shuffled(self.batch_size, order, state.batch):
            state.batch += 1
            self._compute_gradient(state, *batch)
            self._take_step(state)
            if state.batch == self.batches:
                break
            pausing = self._pausing or self.stopping
            if pausing or (self.save_every and self.optimizer.steps % self.save_every == 0):
                state.seconds = time.perf_counter() - state.start
                if save is not None:
                    self._require_sound(number, f"after batch {state.batch} of {self.batches}")
                    save(state.mid_epoch(self._health.silent))
                if pausing:
                    return None
                state.start = time.perf_counter() - state.seconds  # the time of saving does not count
        state.seconds = time.perf_counter() - state.start
        return state

    def _begin(self, number: int) -> _Pass:
        """Return the state at the beginning of an epoch, or the state given to `resume`."""
        rngs = Streams(self.seed, self.progress.epoch_offset + number)
        state = _Pass(number, rngs, time.perf_counter())
        state.rngs["noise_pool"] = self._noise_pool
        mid_epoch, self._mid_epoch = self._mid_epoch, None
        self._health.start(None if mid_epoch is None else mid_epoch.silent)
        if mid_epoch is not None:
            state.batch, state.loss_sum = mid_epoch.batch, mid_epoch.loss_sum
            state.correct = mid_epoch.correct
            state.start -= mid_epoch.seconds
            for name, where in mid_epoch.streams.items():
                state.rngs[name].bit_generator.state = where
        return state

    def _compute_gradient(
        self, state: _Pass, X: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> None:
        """Compute the gradients of a batch's mean loss, without penalties, into the network's gradients."""
        share = 1.0
        if self.augmenter is not None:
            X, share = self.augmenter.apply(X, state.rngs["augment"])
        logits = self.network.forward(X, state.rngs)
        self._health.observe()
        dlogits = self._dlogits.rows(len(y))
        loss = self.loss.evaluate(logits, y, dlogits, weights)
        if share < 1:
            loss = share * loss + self._add_others(logits, y, dlogits, share)
        if not math.isfinite(loss):
            self._require_finite("loss", loss, state.number, self._where(state) + self._first_lost("Y"))
        state.loss_sum += loss * len(y)
        if self.loss.outputs != "values":
            state.correct += self.loss.count_correct(logits, y, weights)
        if state.batch == self.batches:
            state.report |= self._health.report()  # backward overwrites the outputs
        if self.network.members > 1:  # each learns as if it were alone
            dlogits *= self.network.members
        self.network.backward(dlogits)
        # A backward pass that overflows shows in the gradients of the biases, which are few and quick to
        # check. If only the products X.T dY overflow, the next loss shows it; nothing is saved unchecked.
        size = float(np.dot(self._few_gradients, self._few_gradients))
        if not math.isfinite(size):
            self._require_finite("gradient", size, state.number, self._where(state) + self._first_lost("db"))

    def _take_step(self, state: _Pass) -> None:
        """Add penalties, clip the gradient, let the optimizer take its step, and limit the weights' norms.

        The last step of an epoch is measured.
        """
        last = self.batches
        is_measured = state.batch == last
        penalized = is_measured or self.clip_norm is not None  # both need the whole gradient
        if penalized:
            self.optimizer.penalize()
        if is_measured:
            state.report |= self._measure_gradients()
            np.copyto(self._values_before, self.network.parameters.values)
        if self.clip_norm is not None:
            self._clip(self.clip_norm)
        epoch = state.number - 1 + (state.batch - 1) / last
        self.optimizer.learning_rate = self._scheduled(epoch, 1 / last, self.n_epochs)
        self.optimizer.step(penalized=penalized)
        if self.max_norm is not None:
            self._limit_norms(self.max_norm)
        if is_measured:
            state.report["update_ratio"] = self._measure_update(self._values_before)
            state.report["weight_norm"] = [float(np.linalg.norm(layer.W)) for layer in self.network.dense]

    def _where(self, state: _Pass) -> str:
        return f"in batch {state.batch} of {self.batches}"

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
        loss = (1 - share) * self.loss.evaluate(logits, np.roll(y, -1, axis=0), others)
        dlogits *= share
        others *= 1 - share
        dlogits += others
        return loss

    def learning_rate_of(self, step: int, epochs: int) -> float:
        """Return the learning rate of a step, counted from 0, in a training of ``epochs`` epochs."""
        return self._scheduled(step / self.batches, 1 / self.batches, epochs)

    def _scheduled(self, epoch: float, step: float, epochs: int) -> float:
        """Return the learning rate of the step from ``epoch`` to ``epoch + step``, of ``epochs`` in all."""
        schedule = self.schedule
        factor = schedule.factor(epoch, epochs) * warm(epoch + step, self.warmup)
        return self._learning_rate * factor * schedule.shrink**self.progress.plateaus

    def _clip(self, longest: float) -> None:
        """Scale the gradient down to the norm ``longest`` if it is longer (Pascanu et al., 2013)."""
        gradients = self.network.parameters.gradients
        norm = float(np.linalg.norm(gradients))
        if norm > longest:
            gradients *= longest / norm

    def _limit_norms(self, longest: float) -> None:
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

    def _measure_gradients(self) -> dict[str, Any]:
        """Return the norm of the whole gradient and the norms of each dW."""
        norms = [float(np.linalg.norm(layer.dW)) for layer in self.network.dense]
        whole = float(np.linalg.norm(self.network.parameters.gradients))
        return {"gradient_norm": whole, "gradient_norms": norms}

    def _measure_update(self, before: NDArray[Any]) -> list[float | None]:
        """Return, for each W, the norm of its change divided by its norm; ``before`` is overwritten."""
        ratios = []
        for layer in self.network.dense:
            old = self.network.parameters.view(layer.spec.parameters[0].name, before)
            size = float(np.linalg.norm(old))
            old -= layer.W
            ratios.append(float(np.linalg.norm(old)) / size if size else None)
        return ratios

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
