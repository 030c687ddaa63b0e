"""The training loop: a generator of epochs; prints nothing and writes nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Buffer
from mlpcli.data.augment import Augmenter
from mlpcli.data.batches import Batches
from mlpcli.errors import RunError
from mlpcli.nn.health import UnitHealth
from mlpcli.nn.losses import Loss
from mlpcli.nn.network import Network
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.schedules import Schedule, warm
from mlpcli.streams import stream
from mlpcli.training.evaluation import quick_scores

__all__ = ["Epoch", "Progress", "Trainer"]


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to: its row of metrics, and whether its weights are the best so far."""

    number: int
    metrics: dict[str, Any]
    is_best: bool


@dataclass
class Progress:
    """How far training has come: with the weights and the optimizer's state, all that going on needs."""

    epoch: int = 0
    best_epoch: int = 0
    best_score: tuple[float, ...] = ()
    stale: int = 0  # epochs since the best one
    plateaus: int = 0  # how often the schedule has taken that for standing still


class Trainer:
    """Trains ``network`` on mini-batches, epoch by epoch.

    Epochs are scored on ``val``, or on the training split where there is none: the higher accuracy is
    better, and at equal accuracy, or for a regression, the lower loss. ``train_loss`` and ``train_accuracy``
    are means over the epoch's batches as the weights move, of augmented images, with dropout and noise,
    without penalties. ``gradient_norm``, per layer of weights ``gradient_norms`` (of dW, with penalties,
    before clipping) and ``update_ratio`` (norm of the change of W over the norm of W) are those of the last
    step; ``dead`` and ``saturated`` (per hidden layer) are those of `UnitHealth`.
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
        warmup: float = 0,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        augmenter: Augmenter | None = None,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.train, self.val = train, val
        self.n_epochs, self.batch_size, self.seed, self.patience = epochs, batch_size, seed, patience
        self.schedule, self.warmup = schedule, warmup
        self.clip_norm, self.max_norm = clip_norm, max_norm
        self.augmenter = augmenter
        self._learning_rate = optimizer.learning_rate  # the one that the schedule multiplies
        self.progress = Progress()
        self._dlogits, self._others_dlogits = (Buffer(network.widths[-1], network.dtype) for _ in range(2))
        self._scratch = np.empty_like(network.parameters.values)
        self._health = UnitHealth(network.hidden, list(network.widths[1:-1]))

    def epochs(self) -> Iterator[Epoch]:
        """Train to the last epoch, or until patience runs out, and yield each epoch as it ends."""
        while self.progress.epoch < self.n_epochs and not self.out_of_patience:
            yield self._epoch(self.progress.epoch + 1)

    @property
    def out_of_patience(self) -> bool:
        """Whether there has been no better epoch for ``patience`` of them."""
        return self.patience is not None and self.progress.stale >= self.patience

    def _epoch(self, number: int) -> Epoch:
        start = time.perf_counter()
        # What overflows shows as a loss that is not finite, which is an error of its own.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            metrics = {"epoch": number, **self._pass(number)}
            seconds = time.perf_counter() - start
            size = float(np.linalg.norm(self.network.parameters.values))
            self._require_finite("size of the weights", size, number, "after its last step")
            norm = self._last_step["gradient_norm"]
            self._require_finite("norm of the gradient", norm, number, "in its last step")
            for name, array in self.network.state.items():
                largest = float(np.max(np.abs(array)))
                self._require_finite(f"largest running {name}", largest, number, "after its last step")
            for name, slot in self.optimizer.slots.items():  # the squares of large gradients overflow first
                largest = float(np.max(np.abs(slot)))
                self._require_finite(
                    f"largest {name} of the optimizer", largest, number, "after its last step"
                )
            scores = metrics
            if self.val is not None:
                val_scores = quick_scores(self.network, self.loss, self.val)
                self._require_finite("loss", val_scores["loss"], number, "on the validation split")
                metrics |= {f"val_{name}": value for name, value in val_scores.items()}
        metrics["learning_rate"] = self.optimizer.learning_rate
        metrics["seconds"] = time.perf_counter() - start
        metrics["examples_per_second"] = len(self.train) / seconds
        metrics |= self._last_step
        part = "train" if self.val is None else "val"
        accuracy = (scores[f"{part}_accuracy"],) if self.loss.outputs != "values" else ()
        score = (*accuracy, -scores[f"{part}_loss"])
        progress = self.progress
        is_best = not progress.best_score or score > progress.best_score
        progress.epoch = number
        progress.stale = 0 if is_best else progress.stale + 1
        if is_best:
            progress.best_epoch, progress.best_score = number, score
        elif self.schedule.patience is not None and progress.stale % self.schedule.patience == 0:
            progress.plateaus += 1
        return Epoch(number, metrics, is_best)

    def _pass(self, number: int) -> dict[str, float]:
        """Take a step on every batch; return the means over the epoch."""
        total_loss, hits = 0.0, 0
        counts_hits = self.loss.outputs != "values"
        last = math.ceil(len(self.train) / self.batch_size)
        rngs = {name: stream(self.seed, name, number) for name in ("augment", "dropout", "noise")}
        rngs["noise_pool"] = stream(self.seed, "noise_pool")  # the same in every epoch
        self._health.start()
        for batch, (X, y) in enumerate(
            self.train.shuffled(self.batch_size, stream(self.seed, "shuffle", number)), 1
        ):
            share = 1.0
            if self.augmenter is not None:
                X, share = self.augmenter.apply(X, rngs["augment"])
            logits = self.network.forward(X, rngs)
            self._health.observe()
            dlogits = self._dlogits.rows(len(y))
            loss = self.loss.evaluate(logits, y, dlogits)
            if share < 1:
                loss = share * loss + self._add_others(logits, y, dlogits, share)
            self._require_finite("loss", loss, number, f"in batch {batch} of {last}")
            total_loss += loss * len(y)
            if counts_hits:
                hits += self.loss.count_hits(logits, y)
            if batch == last:
                self._last_step: dict[str, Any] = self._health.report()
            self.network.backward(dlogits)
            self.optimizer.learning_rate = self._scheduled(number - 1 + (batch - 1) / last, 1 / last)
            if batch == last:
                self._measured_step()
            else:
                self._step()
        means = {"train_loss": total_loss / len(self.train)}
        if counts_hits:
            means["train_accuracy"] = hits / len(self.train)
        return means

    def _add_others(
        self, logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any], share: float
    ) -> float:
        """Weigh the gradient by ``share`` and add the rest of the blend, whose targets are the next rows'.

        Return the loss of the rest, weighed: mixup's L = share L(y) + (1 - share) L(y of the next row).
        """
        others = self._others_dlogits.rows(len(y))
        loss = (1 - share) * self.loss.evaluate(logits, np.roll(y, -1, axis=0), others)
        dlogits *= share
        others *= 1 - share
        dlogits += others
        return loss

    def _scheduled(self, epoch: float, step: float) -> float:
        """Return the learning rate of the step that goes from ``epoch`` to ``epoch + step``."""
        schedule = self.schedule
        factor = schedule.factor(epoch, self.n_epochs) * warm(epoch + step, self.warmup)
        return self._learning_rate * factor * schedule.shrink**self.progress.plateaus

    def _clip(self, longest: float) -> None:
        """Scale a gradient that is longer down to ``longest`` (Pascanu et al., 2013)."""
        gradients = self.network.parameters.gradients
        norm = float(np.linalg.norm(gradients))
        if norm > longest:
            gradients *= longest / norm

    def _step(self, *, penalized: bool = False) -> None:
        """Clip and let the optimizer take a step; then shorten the weights into a unit to ``max_norm``.

        CS231n notes, Neural Networks 2, "Max norm constraints" (Srebro & Shraibman, 2005).
        """
        if self.clip_norm is not None:
            if not penalized:
                self.optimizer.penalize()
            penalized = True
            self._clip(self.clip_norm)
        self.optimizer.step(penalized=penalized)
        if self.max_norm is not None:
            for layer in self.network.dense:
                norms = np.einsum("ij,ij->j", layer.W, layer.W)
                np.sqrt(norms, out=norms)
                np.maximum(norms, self.max_norm, out=norms)
                np.divide(self.max_norm, norms, out=norms)
                layer.W *= norms

    def _measured_step(self) -> None:
        """Take a step and note the sizes of the gradients and of the changes."""
        parameters = self.network.parameters
        self.optimizer.penalize()
        gradient_norm = float(np.linalg.norm(parameters.gradients))
        gradient_norms = [float(np.linalg.norm(layer.dW)) for layer in self.network.dense]
        before = self._scratch
        np.copyto(before, parameters.values)
        self._step(penalized=True)
        ratios = []
        for layer in self.network.dense:
            W, old = layer.W, parameters.view(layer.W_name, before)
            size = float(np.linalg.norm(old))
            old -= W
            ratios.append(float(np.linalg.norm(old)) / size if size else None)
        self._last_step |= {
            "gradient_norm": gradient_norm,
            "gradient_norms": gradient_norms,
            "update_ratio": ratios,
        }

    def _require_finite(self, what: str, value: float, epoch: int, where: str) -> None:
        if not math.isfinite(value):
            raise RunError(
                f"the {what} is {value} in epoch {epoch}, {where}: training diverged.\n"
                f"Lower optimizer.learning_rate (now {self.optimizer.learning_rate:g})."
            )
