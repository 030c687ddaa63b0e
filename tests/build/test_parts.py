"""The schema and the tables agree on all names and their properties."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from mlpcli.build.parts import build_loss, build_network, build_optimizer, build_penalties
from mlpcli.build.readers import READERS
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.config.schema import Experiment, Regularization
from mlpcli.config.schema.training import MONITORS, Monitor
from mlpcli.errors import ConfigError
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.penalties import PENALTIES
from mlpcli.optim.rules import RULES
from mlpcli.optim.schedules import SCHEDULES

SCHEMA = Experiment.model_json_schema()


def make(**sections: Any) -> Experiment:
    return validate_experiment({"data": "spiral", **sections}, Path())


def names(definition: str, key: str) -> set[str]:
    """Return the names that a key allows, from the JSON schema."""
    node = SCHEMA["$defs"][definition]["properties"][key] if definition else SCHEMA["properties"][key]
    if "enum" in node:
        return set(node["enum"])
    return set(node["discriminator"]["mapping"])


def test_the_schema_and_the_tables_have_the_same_names() -> None:
    assert names("", "loss") == {"auto", *LOSSES}
    assert names("", "optimizer") == RULES.keys()
    assert names("", "data") == READERS.keys()
    assert names("Adam", "schedule") == SCHEDULES.keys()
    assert names("Model", "activation") == UNITS.keys()
    assert names("Model", "norm") == {"none", *NORMS}
    assert names("Model", "init") == {"auto", *INITIALIZERS}
    assert Regularization.model_fields.keys() == PENALTIES.keys() | {"weight_decay", "max_norm"}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree_with_the_schema(name: str) -> None:
    experiment = make(data={"name": "npz", "path": "any.npz"}, loss=name)
    loss = build_loss(experiment)
    assert loss.binary == experiment.loss.binary
    assert (loss.outputs == "values") == (experiment.loss.task == "regression")


def test_monitors_are_measures_of_their_tasks() -> None:
    for task, monitors in MONITORS.items():
        assert {MEASURES[name].task for name in monitors if name != "loss"} == {task}
    assert {*MONITORS["classification"], *MONITORS["regression"]} == set(get_args(Monitor))


@pytest.mark.parametrize(
    ("sections", "monitor"),
    [
        ({}, "accuracy"),
        ({"loss": "hinge"}, "accuracy"),
        ({"data": "sine"}, "loss"),
        ({"loss": {"class_weights": "balanced"}}, "balanced_accuracy"),
        ({"loss": {"class_weights": [1, 2, 3]}}, "balanced_accuracy"),
        ({"loss": {"class_weights": "balanced"}, "training": {"monitor": "loss"}}, "loss"),
        ({"data": "sine", "training": {"monitor": "mae"}}, "mae"),
    ],
)
def test_the_monitor_follows_the_loss(sections: dict[str, Any], monitor: str) -> None:
    assert make(**sections).monitor == monitor


@pytest.mark.parametrize("name", RULES)
def test_optimizers_keep_as_many_arrays_as_the_schema_says(name: str) -> None:
    keys = type(make(optimizer=name).optimizer).model_fields
    for section in ({"name": name}, {"name": name, "momentum": 0.5}):
        if section.keys() <= keys.keys():
            experiment = make(optimizer=section)
            network = build_network(experiment, (2, 3, 3))
            optimizer = build_optimizer(experiment, network)
            assert len(optimizer.slots) == experiment.optimizer.slots
            assert optimizer.learning_rate == experiment.optimizer.learning_rate


def test_every_layer_gets_its_own_activation_and_initialization() -> None:
    experiment = make(
        model={
            "hidden": [{"units": 4, "activation": "tanh"}, 5, {"units": 6, "init": "lecun"}],
            "activation": {"name": "leaky_relu", "alpha": 0.2},
        }
    )
    network = build_network(experiment, (8, 4, 5, 6, 3))
    assert network.forward(np.full((1, 8), -1, np.float32)).shape == (1, 3)
    assert len(network.layers) == 7
    wide = build_network(experiment, (800, 400, 500, 600, 300))
    wide.initialize(np.random.default_rng(0))
    # tanh: xavier; leaky_relu: he; requested: lecun; the output layer, without an activation: lecun
    expected = [2 / (800 + 400), 2 / 400, 1 / 500, 1 / 600]
    assert [float(layer.W.var()) for layer in wide.dense] == pytest.approx(expected, rel=0.02)


def test_balanced_classes_have_equal_weight() -> None:
    """One example of class 0 and three of class 1 give weights 4 / (2 * 1) and 4 / (2 * 3)."""

    def balanced_by(weights: Any) -> Experiment:
        loss = {"name": "cross_entropy", "class_weights": weights}
        return make(data={"name": "npz", "path": "any.npz"}, loss=loss)

    balanced = build_loss(balanced_by("balanced"), [1, 3])
    listed = build_loss(balanced_by([2, 2 / 3]), [1, 3])
    logits, y = np.random.default_rng(0).standard_normal((4, 2)), np.array([0, 1, 1, 1])
    assert balanced.evaluate(logits, y, None) == pytest.approx(listed.evaluate(logits, y, None))
    with pytest.raises(ConfigError, match="class_weights has 3 weights, but the data have 2 classes"):
        build_loss(balanced_by([1, 1, 1]), [1, 3])


def test_only_penalties_with_a_strength_are_built() -> None:
    assert build_penalties(make(regularization={"l2": 0})) == []
    assert build_penalties(make(regularization={"l2": 0.5})) == [(PENALTIES["l2"], 0.5)]


@pytest.mark.parametrize("optimizer", RULES)
def test_by_default_every_optimizer_shrinks_the_weights_in_one_way(optimizer: str) -> None:
    experiment = make(optimizer=optimizer)
    assert [bool(experiment.weight_decay), bool(build_penalties(experiment))].count(True) == 1


@pytest.mark.parametrize(
    ("optimizer", "asked", "l2"),
    [
        ("adam", {}, 1e-4),
        ("adam", {"l2": None}, 1e-4),
        ("adam", {"l2": 0}, 0),
        ("adam", {"weight_decay": 0.1}, 0),
        ("adamw", {}, 0),
        ("adamw", {"l2": None, "weight_decay": 0.1}, 0),
        ("adamw", {"weight_decay": 0}, 1e-4),
        ("adamw", {"l2": 1e-4}, 1e-4),
        ("sgd", {"l2": 0.5, "weight_decay": 0.1}, 0.5),
    ],
    ids=str,
)
def test_l2_follows_from_weight_decay_unless_it_is_given(
    optimizer: str, asked: dict[str, Any], l2: float
) -> None:
    penalties = build_penalties(make(optimizer=optimizer, regularization=asked))
    assert penalties == ([(PENALTIES["l2"], l2)] if l2 else [])


def test_only_adamw_has_weight_decay_by_default_and_biases_are_spared() -> None:
    for optimizer, asked, expected in (
        ("adam", None, 0),
        ("adamw", None, 0.01),
        ("adamw", 0.2, 0.2),
        ("sgd", 0.1, 0.1),
    ):
        experiment = make(optimizer=optimizer, regularization={"weight_decay": asked, "l2": 0})
        assert experiment.weight_decay == expected
        network = build_network(experiment, (2, 3, 3))
        network.parameters.values[:] = 1
        build_optimizer(experiment, network).step()  # no gradient yet
        shrunk = 1 - experiment.optimizer.learning_rate * expected
        np.testing.assert_allclose(network.parameters.view("W1"), shrunk, rtol=1e-6)
        assert (network.parameters.view("b2") == 1).all()
