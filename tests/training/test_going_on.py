"""A run that goes on from another one has its weights and epoch, and learns on with settings of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError
from mlpcli.optim.rules import RULES
from mlpcli.training.run import Run


def config(optimizer: Any = "adam", batch_size: int = 8, **more: Any) -> Experiment:
    data = {"name": "moons", "points": 60}
    plain = {"data": data, "model": {"hidden": [4], **more.pop("model", {})}, "optimizer": optimizer, **more}
    return validate_experiment({**plain, "training": {"epochs": 50, "batch_size": batch_size}}, Path())


def train(run: Run, epochs: int) -> Run:
    going = run.trainer.epochs()
    for _ in range(epochs):
        next(going)
    return run


def values(run: Run) -> Any:
    return run.network.parameters.values.copy()


@pytest.mark.parametrize("optimizer", RULES)
def test_without_a_change_nothing_changes(optimizer: str) -> None:
    begun = train(Run(config(optimizer)), 3)
    going = Run(config(optimizer), start=begun.here())
    assert going.trainer.progress.epoch == 3
    np.testing.assert_array_equal(values(train(going, 2)), values(train(begun, 2)))


def test_a_changed_learning_rate_counts_from_the_next_step_on() -> None:
    """The batch is the whole split, so that an epoch is one step: v <- 0.9 v + dw, w <- w - 0.2 v."""
    sgd = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    begun = train(Run(config(sgd, batch_size=60)), 2)
    w, v = values(begun), begun.trainer.optimizer.slots["velocity"].copy()
    going = train(Run(config({**sgd, "learning_rate": 0.2}, batch_size=60), start=begun.here()), 1)
    v = 0.9 * v + going.network.parameters.gradients
    np.testing.assert_allclose(going.trainer.optimizer.slots["velocity"], v, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(values(going), w - 0.2 * v, rtol=1e-4, atol=1e-7)


def test_another_optimizer_begins_without_a_past() -> None:
    begun = train(Run(config("adam")), 2)
    assert begun.trainer.optimizer.steps > 0
    kept = Run(config("adamw"), start=begun.here()).trainer.optimizer
    new = Run(config("rmsprop"), start=begun.here()).trainer.optimizer
    assert kept.steps == begun.trainer.optimizer.steps
    assert kept.slots["m"].any()
    assert new.steps == 0
    assert not any(slot.any() for slot in new.slots.values())


def test_the_transform_stays_as_it_was_fitted() -> None:
    begun = Run(config())
    far = validate_experiment({"data": {"name": "moons", "points": 60, "noise": 5.0}}, Path())
    others = Run(far).splits
    going = Run(config(), others, start=begun.here())
    np.testing.assert_array_equal(going.transform.scaling.scale, begun.transform.scaling.scale)


def test_dropout_may_be_switched_on() -> None:
    begun = train(Run(config()), 1)
    going = Run(config(model={"dropout": 0.5}), start=begun.here())
    np.testing.assert_array_equal(values(going), values(begun))
    train(going, 1)


@pytest.mark.parametrize("model", [{"hidden": [5]}, {"hidden": [4, 4]}, {"norm": "batch"}])
def test_a_network_of_another_shape_is_refused(model: dict[str, Any]) -> None:
    begun = Run(config())
    with pytest.raises(ConfigError, match="cannot go on from"):
        Run(config(model=model), start=begun.here())
