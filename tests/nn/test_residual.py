"""Residual layers add their input to the output of a hidden layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.health import UnitHealth
from mlpcli.nn.network import Network


def network(hidden: list[Any], **model: Any) -> Network:
    experiment = validate_experiment({"data": "spiral", "model": {"hidden": hidden, **model}}, Path())
    made = build_network(experiment, experiment.widths() or (), np.float64)
    made.initialize(np.random.default_rng(0))
    return made


def test_a_layer_of_equal_width_adds_its_input() -> None:
    """relu(x W + b) + x, with x = (1, -2): W doubles, b adds 1, so relu(3, -3) + (1, -2) = (4, -2)."""
    net = network([{"units": 2, "residual": True}])
    view = net.parameters.view
    assert list(net.parameters.shapes) == ["W1", "b1", "W2", "b2"]
    view("W1")[...], view("b1")[...] = 2 * np.eye(2), 1
    view("W2")[...], view("b2")[...] = [[1, 0, 1], [0, 1, 1]], 0
    np.testing.assert_allclose(net.forward(np.array([[1.0, -2.0]])), [[4, -2, 2]])


def test_a_layer_of_a_different_width_adds_a_projection() -> None:
    """relu(x W) + x P with one unit: relu(1 + 2) + (10 - 40) = -27."""
    net = network([{"units": 1, "residual": True}])
    view = net.parameters.view
    view("W1")[...], view("P1")[...], view("W2")[...] = [[1], [1]], [[10], [-20]], 1
    view("b1")[...] = view("b2")[...] = 0
    np.testing.assert_allclose(net.forward(np.array([[1.0, 2.0]])), [[-27, -27, -27]])


def test_the_projection_is_penalized() -> None:
    net = network([4, {"units": 3, "residual": True}])
    assert net.parameters.n_penalized == 2 * 4 + 4 * 3 + 3 * 3 + 4 * 3
    assert net.spec.count("projections") == 4 * 3
    assert [layer.counts["projections"] for layer in net.spec.weight_layers()] == [0, 12, 0]


def test_the_gradient_flows_around_a_layer_of_dead_units() -> None:
    """Residual layers make deep networks trainable in this way."""
    net = network([2, {"units": 2, "residual": True}])
    view = net.parameters.view
    view("b1")[...], view("b2")[...] = 5, -1e6
    X = np.ones((3, 2))
    before = net.forward(X, {}).copy()
    net.backward(np.ones((3, 3)))
    assert np.abs(net.parameters.gradient("W1")).max() > 0
    view("W2")[...] = 7  # does not matter, since the units are dead
    np.testing.assert_array_equal(net.forward(X), before)
    health = UnitHealth([layer.activation for layer in net.hidden])
    health.observe()
    assert health.report()["dead"] == [0.0, 1.0]  # the units, not the sums with the input


@pytest.mark.parametrize("residual", [True, False])
def test_a_layer_can_override_the_model(residual: bool) -> None:
    net = network([{"units": 2, "residual": residual}, 2], residual=not residual)
    assert [layer.spec.kind for layer in net.layers] == (
        ["residual", "dense", "elementwise", "dense"]
        if residual
        else ["dense", "elementwise", "residual", "dense"]
    )
