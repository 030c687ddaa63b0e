"""Batch normalization uses the batch's statistics in training and the running ones in evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS
from mlpcli.nn.layers import BatchNorm
from mlpcli.nn.network import Network
from mlpcli.nn.parameters import Parameters

TRAINING: dict[str, np.random.Generator] = {}  # no random layer asks for a stream


def layer(units: int, n: int) -> BatchNorm:
    spec = NORMS["batch"](1, units)
    made = BatchNorm(spec, np.float64)
    made.bind(Parameters(spec.parameters, np.float64))
    made.initialize(np.random.default_rng(0))
    made.resize(n)
    return made


def network(**model: Any) -> Network:
    sections = {"data": "spiral", "model": {"hidden": [6, 5], "norm": "batch", **model}}
    experiment = validate_experiment(sections, Path())
    made = build_network(experiment, experiment.widths() or (), np.float64)
    made.initialize(np.random.default_rng(0))
    return made


def test_a_batch_worked_by_hand() -> None:
    """Column 1, 3: mean 2, variance 1, unbiased 2. Column 0, 4: mean 2, variance 4, unbiased 8."""
    norm = layer(2, 2)
    norm.gamma[...], norm.beta[...] = [10, 1], [0, 5]
    Y = norm.forward(np.array([[1.0, 0.0], [3.0, 4.0]]), TRAINING)
    np.testing.assert_allclose(Y, [[-10, 4], [10, 6]], rtol=1e-5)
    np.testing.assert_allclose(norm.running_mean, [0.2, 0.2])  # a tenth of the way from 0
    np.testing.assert_allclose(norm.running_var, [0.9 + 0.2, 0.9 + 0.8])  # a tenth of the way from 1
    Y = norm.forward(np.array([[0.2, 0.2], [1.2, 0.2]]), None)
    np.testing.assert_allclose(Y, [[0, 5], [10 / np.sqrt(1.1), 5]], rtol=1e-5)


def test_a_single_row_does_not_change_the_running_statistics() -> None:
    norm = layer(3, 1)
    norm.beta[...] = 7
    np.testing.assert_array_equal(norm.forward(np.full((1, 3), 4.0), TRAINING), [[7, 7, 7]])
    assert (norm.running_mean == 0).all()
    assert (norm.running_var == 1).all()
    assert np.isfinite(norm.backward(np.ones((1, 3)))).all()


def test_in_evaluation_a_row_does_not_depend_on_the_others() -> None:
    net = network()
    X = np.random.default_rng(1).standard_normal((9, 2))
    for _ in range(5):
        together = net.forward(X, TRAINING).copy()
    before = {name: array.copy() for name, array in net.state.items()}
    evaluated = net.forward(X).copy()
    assert not np.allclose(together, evaluated)
    for i in range(9):
        np.testing.assert_allclose(net.forward(X[i : i + 1])[0], evaluated[i], rtol=1e-12)
    for name, array in net.state.items():
        np.testing.assert_array_equal(array, before[name])


def test_the_running_statistics_approach_those_of_the_data() -> None:
    norm = layer(2, 500)
    rng = np.random.default_rng(2)
    for _ in range(100):
        norm.forward(rng.normal([3, -1], [2, 0.5], (500, 2)), TRAINING)
    np.testing.assert_allclose(norm.running_mean, [3, -1], atol=0.1)
    np.testing.assert_allclose(np.sqrt(norm.running_var), [2, 0.5], rtol=0.03)


def test_the_length_of_the_weights_before_it_does_not_matter() -> None:
    """In training its outputs are standardized sums, whatever the length of the weights."""
    net = network(activation="tanh", init={"gain": 1.0, "bias": 0.3})
    X = np.random.default_rng(1).standard_normal((50, 2))
    first = net.forward(X, TRAINING).copy()
    net.dense[0].W *= 100
    np.testing.assert_allclose(net.forward(X, TRAINING), first, rtol=1e-3, atol=1e-4)


def test_gamma_and_beta_are_not_penalized() -> None:
    net = network()
    assert net.parameters.n_penalized == sum(layer.W.size for layer in net.dense)
    assert {"gamma1", "beta1", "gamma2", "beta2"} < net.parameters.shapes.keys()
    assert net.state.keys() == {"mean1", "var1", "mean2", "var2"}


@pytest.mark.parametrize("own", [True, False])
def test_a_layer_can_override_the_model(own: bool) -> None:
    net = network(
        hidden=[6, {"units": 5, "norm": "batch" if own else "none"}], norm="none" if own else "batch"
    )
    assert net.state.keys() == ({"mean2", "var2"} if own else {"mean1", "var1"})
