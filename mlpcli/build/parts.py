"""Builds the parts of a training that a config names: network, loss, optimizer and so on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from mlpcli.blas import thread_count
from mlpcli.config.plan import plan_experiment
from mlpcli.config.schema import Experiment
from mlpcli.data.augment import Augmenter
from mlpcli.data.cifar10 import IMAGE
from mlpcli.errors import ConfigError
from mlpcli.nn.losses import LOSSES, Loss, average_logits
from mlpcli.nn.network import Network
from mlpcli.nn.penalties import PENALTIES, Penalty
from mlpcli.nn.products import Engine, choose_engine
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.rules import RULES, Rule
from mlpcli.optim.schedules import SCHEDULES, Schedule
from mlpcli.specs import NetworkSpec

__all__ = [
    "build_augmenter",
    "build_class_weights",
    "build_engine",
    "build_loss",
    "build_network",
    "build_optimizer",
    "build_penalties",
    "build_rule",
    "build_schedule",
]

Built = TypeVar("Built")


def _make(table: dict[str, Callable[..., Built]], section: Any, *shared: str, **more: Any) -> Built:
    """Call the table's entry for the section's name with the section's other keys except ``shared``."""
    return table[section.name](**section.model_dump(exclude={"name", *shared, *more}), **more)


def build_network(experiment: Experiment, widths: tuple[int, ...], dtype: DTypeLike = np.float32) -> Network:
    """Return the network of ``widths``; its parameters are zero."""
    loss = build_loss(experiment)
    average = partial(average_logits, loss.outputs, loss.binary)  # unlike the loss, it can be pickled
    spec = plan_experiment(experiment, widths)
    return Network(spec, dtype, average, build_engine(experiment, spec))


def build_engine(experiment: Experiment, spec: NetworkSpec) -> Engine:
    """Return what multiplies the matrices of a network; raises what `choose_engine` raises."""
    training = experiment.training
    largest = training.batch_size * max(array.size for array in spec.parameters if array.penalized)
    return choose_engine(training.precision, largest)


def build_loss(experiment: Experiment, class_counts: Sequence[float] | None = None) -> Loss:
    """Return the loss that training minimizes; ``class_counts`` are those of the training split.

    Raises ConfigError if the number of class weights is not the number of classes.
    """
    if class_counts is None or (weights := build_class_weights(experiment, class_counts)) is None:
        return _make(LOSSES, experiment.loss)
    return _make(LOSSES, experiment.loss, class_weights=weights)


def build_class_weights(experiment: Experiment, class_counts: Sequence[float]) -> list[float] | None:
    """Return the weight of each class, or None if the config asks for none; raises as `build_loss` does."""
    wanted = getattr(experiment.loss, "class_weights", None)
    if wanted is None:
        return None
    if wanted == "balanced":  # n / (C n_c): all classes have the same total weight, and the mean weight is 1
        n, k = sum(class_counts), len(class_counts)
        return [n / (k * count) if count else 0.0 for count in class_counts]
    if len(wanted) != len(class_counts):
        raise ConfigError(
            f"loss.class_weights has {len(wanted)} weights, but the data have {len(class_counts)} classes; "
            "give one weight for each class, in the order of their names"
        )
    return list(wanted)


def build_augmenter(experiment: Experiment) -> Augmenter | None:
    """Return the augmenter of the training images, or None if the config asks for no augmentation."""
    section = getattr(experiment.data, "augment", None)
    settings = {} if section is None else section.model_dump()
    return Augmenter(IMAGE, **settings) if any(settings.values()) else None


def build_penalties(experiment: Experiment) -> list[tuple[Penalty, float]]:
    """Return the penalties that are switched on, with their strengths."""
    strengths = experiment.regularization.model_dump() | {"l2": experiment.l2}
    return [(penalty, strengths[name]) for name, penalty in PENALTIES.items() if strengths[name]]


def build_rule(experiment: Experiment) -> Rule:
    """Return the update rule with its settings."""
    return _make(RULES, experiment.optimizer, "learning_rate", "schedule", "clip_norm")


def build_optimizer(experiment: Experiment, network: Network) -> Optimizer:
    """Return the optimizer over the parameters of ``network``.

    Where oneDNN multiplies, products add their result to what is there at no cost. So the network sums the
    gradients for momentum, unless those of each step, or of parts of it, are needed by themselves.
    """
    parameters = network.parameters
    is_whole = experiment.training.shards in (None, 1) and experiment.optimizer.clip_norm is None
    optimizer = Optimizer(
        build_rule(experiment),
        experiment.optimizer.learning_rate,
        parameters.values,
        parameters.gradients,
        penalties=[(penalty.add_gradient, strength) for penalty, strength in build_penalties(experiment)],
        weight_decay=experiment.weight_decay,
        n_penalized=parameters.n_penalized,
        threads=thread_count(),
        are_summed=is_whole and network.engine.onednn is not None,
        onednn=network.engine.onednn,
    )
    network.sum_gradients(optimizer.decay)
    return optimizer


def build_schedule(experiment: Experiment) -> tuple[Schedule, float]:
    """Return the schedule of the learning rate, and the epochs of its warm-up."""
    section = experiment.optimizer.schedule
    return _make(SCHEDULES, section, "warmup"), section.warmup
