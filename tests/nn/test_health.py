"""Unit health: dead and saturated units agree with a count by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.health import UnitHealth
from mlpcli.nn.network import Network


def network(activation: Any, units: int = 4) -> tuple[Network, UnitHealth]:
    sections = {"data": "spiral", "model": {"hidden": [units], "activation": activation}}
    experiment = validate_experiment(sections, Path())
    made = build_network(experiment, experiment.widths() or (), np.float64)
    return made, UnitHealth([layer.activation for layer in made.hidden])


def test_a_unit_is_dead_if_no_example_of_the_epoch_activates_it() -> None:
    """Unit 0 fires for x > 0, 1 for x < 0, 2 for x > 2, 3 never."""
    net, health = network("relu")
    net.dense[0].W[0] = [1, -1, 1, 0]
    net.dense[0].b[...] = [0, 0, -2, -1]
    for batches, dead in (([[1.0], [3.0]], 0.5), ([[-1.0], [-2.0], [2.5]], 0.25), ([[-1.0]], 0.75)):
        health.start()
        for x in batches:
            net.forward(np.array([[*x, 0.0]]))
            health.observe()
        assert health.report() == {"dead": [dead], "saturated": [None]}


def test_no_unit_is_dead_if_all_were_active() -> None:
    net, health = network("relu", 1)
    net.dense[0].b[...] = 1
    net.forward(np.zeros((3, 2)))
    health.observe()
    net.dense[0].b[...] = -1  # later batches do not change that
    net.forward(np.zeros((3, 2)))
    health.observe()
    assert health.report()["dead"] == [0]


def test_saturated_means_within_a_hundredth_of_the_range() -> None:
    """tanh(2) = 0.964 is free, tanh(3) = 0.995 is not; so are sigmoid(4) = 0.982 and sigmoid(5) = 0.993."""
    for activation, weights in (("tanh", [2, 3, -2, -3]), ("sigmoid", [4, 5, -4, -5])):
        net, health = network(activation)
        net.dense[0].W[0] = weights
        net.forward(np.array([[1.0, 0.0], [0.0, 0.0]]))
        health.observe()
        assert health.report() == {"dead": [None], "saturated": [2 / 8]}


def test_other_units_neither_die_nor_saturate() -> None:
    for activation in ("leaky_relu", "maxout", "prelu"):
        net, health = network(activation)
        net.forward(np.zeros((3, 2)))
        health.observe()
        assert health.report() == {"dead": [None], "saturated": [None]}


def test_a_unit_of_each_member_is_dead_by_itself() -> None:
    sections = {"data": "spiral", "model": {"hidden": [4], "activation": "relu", "members": 2}}
    experiment = validate_experiment(sections, Path())
    net = build_network(experiment, experiment.widths() or (), np.float64)
    health = UnitHealth([layer.activation for layer in net.hidden])
    W1 = net.parameters.view("W1")
    W1[0, 0], W1[1, 0] = [1, -1, 0, 0], [1, -1, 1, -1]
    net.forward(np.array([[1.0, 0.0], [1.0, 0.0]]))
    health.observe()
    (kept,) = health.silent
    assert health.report()["dead"] == [5 / 8]  # of the first one unit is active, of the second two
    net.forward(np.array([[-1.0, 0.0], [-1.0, 0.0]]))
    health.observe()
    assert health.report()["dead"] == [2 / 8]
    health.start([kept])
    assert health.report()["dead"] == [5 / 8]
