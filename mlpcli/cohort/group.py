"""Networks of one shape, and the steps that they take together within an epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.buffers import Buffer
from mlpcli.cohort.batches import SideBySide
from mlpcli.cohort.optimizer import CohortOptimizer
from mlpcli.errors import RunError
from mlpcli.nn.layers import Noise
from mlpcli.nn.network import Network
from mlpcli.passes import Rates
from mlpcli.specs import LayerSpec
from mlpcli.training.last_step import LastStep
from mlpcli.training.loop import Pass
from mlpcli.training.run import Run

__all__ = ["Group", "kind_of", "shape_of"]


def shape_of(run: Run) -> tuple[Any, ...]:
    """Return what the runs of a group have in common; runs for which it is equal may train together."""
    experiment, trainer, network = run.experiment, run.trainer, run.network
    train = trainer.train
    return (
        repr([_without_init(layer) for layer in network.spec.layers]),
        network.spec.members,
        network.dtype,
        network.engine,
        repr(experiment.loss),
        tuple(trainer.optimizer.slots),
        trainer.optimizer.decay,
        trainer.shards is None or id(run),  # shards are computed one by one
        train.split.whole is None or id(run),  # each would hold windows of the data of its own
        trainer.batch_size,
        trainer.batches,
        trainer.is_small,
        train.split.y.shape[1:],
        train.split.y.dtype,
        train.split.weights is None,
    )


def _without_init(layer: LayerSpec) -> LayerSpec:
    settings = {key: value for key, value in layer.settings.items() if key != "init"}
    return replace(layer, settings=settings, inner=tuple(map(_without_init, layer.inner)))


class Group:
    """The runs of one shape that train together, with all of their numbers in arrays (k, ...).

    Each run keeps its own network and optimizer, whose arrays are rows of these. So all that does not need to
    be fast is done by each run itself, as if it were alone.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.trainers = trainers = [run.trainer for run in runs]
        alone, optimizer = trainers[0].network, trainers[0].optimizer
        self.network = network = Network(alone.spec, alone.dtype, engine=alone.engine, cohort=(len(runs),))
        values, gradients = network.parameters.values, network.parameters.gradients
        # Where the network sums the gradients, they are the optimizer's one slot.
        slots = {name: gradients if optimizer.decay else np.zeros_like(values) for name in optimizer.slots}
        network.sum_gradients(optimizer.decay)
        for j, trainer in enumerate(trainers):
            state, own = ({name: array[j] for name, array in all_.items()} for all_ in (network.state, slots))
            trainer.move(values[j], gradients[j], state, own)
        for layers in zip(network.all_layers, *(t.network.all_layers for t in trainers), strict=True):
            if isinstance(layers[0], Noise):
                layers[0].of_networks = [layer for layer in layers[1:] if isinstance(layer, Noise)]
        kinds = [kind_of(run) for run in runs]
        self.optimizer = CohortOptimizer([t.optimizer for t in trainers], kinds, values, gradients, slots)
        self.last_step = LastStep(network, optimizer.decay)
        self.few_gradients = gradients[:, network.parameters.n_penalized :]
        self.dlogits = Buffer(network.widths[-1], network.dtype, (len(runs),))
        self.loss = trainers[0].loss
        # Class weights may differ from run to run, and the shares of mixup do.
        self.losses_differ = getattr(runs[0].experiment.loss, "class_weights", None) is not None or any(
            trainer.augmenter is not None and trainer.augmenter.mixup for trainer in trainers
        )
        self.augmented = any(trainer.augmenter is not None for trainer in trainers)
        self.saved = [j for j, trainer in enumerate(trainers) if trainer.save_every]
        self.limited = [trainer for trainer in trainers if trainer.max_norm is not None]
        longest = [math.inf if trainer.clip_norm is None else trainer.clip_norm for trainer in trainers]
        self.clips, self.longest = any(map(math.isfinite, longest)), np.array(longest)
        self.rates = _Rates(runs)

    def take_steps(self) -> list[Pass | RunError]:
        """Take all steps of an epoch, or of its rest; return how far each network came.

        That is an error for one whose training diverged. Where one of them is to stop, all end earlier. The
        last step is left where the last batch is larger for some.
        """
        trainers = self.trainers
        number = trainers[0].progress.epoch + 1
        states = [trainer.begin(number) for trainer in trainers]
        steps = _Steps(self, states)
        with trainers[0].threads, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            batches = SideBySide(trainers, number, states[0].batch)
            for X, y, weights in batches:
                steps.compute_gradient(X, y, weights)
                steps.take_step()
                if steps.is_last or True in [trainer.stopping for trainer in trainers]:
                    break
                steps.save_if_due()
            else:
                for j, state in enumerate(states):
                    state.rest = batches.rest(j)
        steps.settle()
        return [steps.failed.get(j, state) for j, state in enumerate(states)]


class _Steps:
    """The steps of an epoch at hand: the sums that they leave, and the errors of networks that diverged."""

    def __init__(self, group: Group, states: Sequence[Pass]) -> None:
        self.group, self.states = group, states
        self.failed: dict[int, RunError] = {}
        self._batch = self._taken = self._settled = states[0].batch
        self._n = 0  # rows of the batch at hand
        self.is_last = False  # whether it is the last of the epoch
        self._rngs = [state.rngs for state in states]
        self._loss_sums = np.array([state.loss_sum for state in states], np.float64)
        self._correct = [state.correct for state in states]
        first, k = group.trainers[0], len(states)
        # How often each row of a batch was classified correctly, which is added up later, where rows have no
        # weights.
        self._hits = np.zeros((k, first.batch_size * first.network.members), np.intp)
        self._whole = [1.0] * k
        self._healths = [trainer.health for trainer in group.trainers]
        self._watching = self._healths  # those with units that have not been active yet
        group.optimizer.steps = group.trainers[0].optimizer.steps
        group.rates.begin()
        self._rate: Rates = 0.0

    def compute_gradient(self, X: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None) -> None:
        """Compute the gradients of each network's mean loss in its batch, as `Trainer` does for one."""
        group, network = self.group, self.group.network
        self._batch += 1
        self.is_last = self._batch == group.trainers[0].batches
        n = X.shape[1]
        shares = self._augment(X)
        logits = network.forward(X, self._rngs)
        self._observe(n)
        dlogits = group.dlogits.rows(n)
        if group.losses_differ:
            of_each = [None] * len(X) if weights is None else weights
            each = zip(group.trainers, logits, y, dlogits, of_each, shares, strict=True)
            losses = np.array([trainer.evaluate_loss(*arrays) for trainer, *arrays in each])
        else:
            losses = group.loss.evaluate(logits, y, dlogits, weights)
        if not math.isfinite(sum(losses.tolist())):
            self._find_lost("loss", losses, "Y")
        losses *= n
        self._loss_sums += losses
        if group.loss.outputs != "values":
            self._count(logits, y, weights)
        if self.is_last:
            for state, health in zip(self.states, self._healths, strict=True):
                state.report |= health.report()
            group.last_step.begin()
        if network.members > 1:
            dlogits *= network.members
        network.backward(dlogits)
        sizes = np.vecdot(group.few_gradients, group.few_gradients)
        if not math.isfinite(sum(sizes.tolist())):
            self._find_lost("gradient", sizes, "db")

    def _count(self, logits: NDArray[Any], y: NDArray[Any], weights: NDArray[Any] | None) -> None:
        """Count the rows that are classified correctly."""
        loss = self.group.loss
        is_correct = loss.find_correct(logits, y)
        if weights is None:
            self._hits[:, : y.shape[1]] += is_correct
            return
        for j, own in enumerate(zip(is_correct, weights, strict=True)):
            self._correct[j] += loss.weigh(*own)

    def _augment(self, X: NDArray[Any]) -> list[float]:
        """Change the images of each network, in place; return what share of a row is its own."""
        if not self.group.augmented:
            return self._whole
        shares = [1.0] * len(X)
        for j, (trainer, state) in enumerate(zip(self.group.trainers, self.states, strict=True)):
            if trainer.augmenter is not None:
                changed, shares[j] = trainer.augmenter.apply(X[j], state.rngs["augment"])
                np.copyto(X[j], changed)
        return shares

    def _observe(self, n: int) -> None:
        """Look for units that are active in a batch of n examples, as `UnitHealth` does."""
        if n != self._n:  # which are other arrays
            self._n = n
            outputs = [layer.activation.Y for layer in self.group.network.hidden]
            for j, health in enumerate(self._healths):
                health.look_at([Y[j] for Y in outputs])
        for health in self._watching:
            health.observe()
        self._watching = [health for health in self._watching if health.is_watching]

    def _find_lost(self, what: str, values: NDArray[Any], name: str) -> None:
        """Keep the error of each network whose value is not finite; the others go on."""
        for j, trainer in enumerate(self.group.trainers):
            if j not in self.failed and not math.isfinite(values[j]):
                for own, all_ in zip(trainer.network.dense, self.group.network.dense, strict=True):
                    own.Y = all_.Y[j]
                self.settle()
                self.states[j].batch = self._batch
                try:
                    trainer.require_finite(what, float(values[j]), self.states[j], name)
                except RunError as error:
                    self.failed[j] = error

    def take_step(self) -> None:
        """Add penalties, clip each gradient, and let the optimizer take its step."""
        group, self._taken = self.group, self._batch
        penalized = self.is_last or group.clips  # both need the whole gradient
        if penalized:
            group.optimizer.penalize()
        if self.is_last:
            group.last_step.keep()
        if group.clips:
            gradients = group.network.parameters.gradients
            norms = np.sqrt(np.vecdot(gradients, gradients))
            for j in np.flatnonzero(norms > group.longest):
                gradients[j] *= float(group.longest[j]) / float(norms[j])
        last = group.trainers[0].batches
        self._rate = group.rates.of_step(self.states[0].number - 1 + (self._batch - 1) / last, 1 / last)
        group.optimizer.step(self._rate, penalized=penalized)
        for trainer in group.limited:
            assert trainer.max_norm is not None
            trainer.limit_norms(trainer.max_norm)
        if self.is_last:
            for state, report in zip(self.states, group.last_step.reports(), strict=True):
                state.report |= report

    def save_if_due(self) -> None:
        """Save the states of networks that are saved within an epoch, and for which it is time."""
        if not self.group.saved:
            return
        self.settle()
        for j in self.group.saved:
            if j not in self.failed:
                try:
                    self.group.trainers[j].save_if_due(self.states[j])
                except RunError as error:
                    self.failed[j] = error

    def settle(self) -> None:
        """Tell each network what has been done."""
        taken, self._settled = self._taken - self._settled, self._taken
        rates, now = np.broadcast_to(self._rate, (len(self.states), 1)), time.perf_counter()
        hits = np.add.reduce(self._hits, axis=1).tolist()
        for j, (trainer, state) in enumerate(zip(self.group.trainers, self.states, strict=True)):
            state.batch, state.loss_sum = self._taken, float(self._loss_sums[j])
            state.correct, state.seconds = self._correct[j] + hits[j], now - state.start
            trainer.optimizer.steps += taken
            if taken:
                trainer.optimizer.learning_rate = float(rates[j, 0])


class _Rates:
    """The learning rates of runs, step by step."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._trainers = [run.trainer for run in runs]
        kinds = [f"{run.experiment.optimizer.schedule!r} {run.trainer.n_epochs}" for run in runs]
        self._kinds = list(dict.fromkeys(kinds))
        self._first = [self._trainers[kinds.index(kind)] for kind in self._kinds]
        self._of_run = np.array([self._kinds.index(kind) for kind in kinds])
        self._base = np.array([[trainer.base_rate] for trainer in self._trainers])

    def begin(self) -> None:
        """Begin an epoch."""
        self._shrunk = np.array([[trainer.shrunk] for trainer in self._trainers])
        self._is_one = len({(t.base_rate, t.shrunk) for t in self._trainers}) == len(self._kinds) == 1

    def of_step(self, epoch: float, step: float) -> Rates:
        """Return the rates (k, 1) of the step from ``epoch`` to ``epoch + step``, or the one of all runs."""
        factors = [first.rate_factor(epoch, step, first.n_epochs) for first in self._first]
        first = self._trainers[0]
        if self._is_one:
            return first.base_rate * factors[0] * first.shrunk
        rates: NDArray[np.float64] = self._base * np.array(factors)[self._of_run, None] * self._shrunk
        return rates


def kind_of(run: Run) -> str:
    """Return what decides on the step of a run's optimizer, but for the learning rate."""
    optimizer = run.experiment.optimizer.model_dump(exclude={"learning_rate", "schedule", "clip_norm"})
    penalties = run.experiment.regularization.model_dump(exclude={"max_norm"})
    return f"{optimizer} {penalties} {run.experiment.weight_decay}"
