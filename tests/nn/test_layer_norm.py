"""Layer normalization uses the statistics of each row, in training and in evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS
from mlpcli.nn.layers import LayerNorm
from mlpcli.nn.parameters import Parameters


def layer(units: int, n: int) -> LayerNorm:
    spec = NORMS["layer"](1, units)
    made = LayerNorm(spec, np.float64)
    made.bind(Parameters(spec.parameters, np.float64))
    made.initialize(np.random.default_rng(0))
    made.resize(n)
    return made


def test_rows_worked_by_hand() -> None:
    """1, 3: mean 2, variance 1. 0, 4: mean 2, variance 4. Both become -1, 1."""
    norm = layer(2, 2)
    norm.gamma[...], norm.beta[...] = [10, 1], [0, 5]
    Y = norm.forward(np.array([[1.0, 3.0], [0.0, 4.0]]))
    np.testing.assert_allclose(Y, [[-10, 6], [-10, 6]], rtol=1e-5)


def test_a_gradient_worked_by_hand() -> None:
    """With two units Xhat is -1, 1 for any X, so dX is 0; only gamma and beta have a gradient."""
    norm = layer(2, 2)
    norm.forward(np.array([[1.0, 3.0], [0.0, 4.0]]))
    dX = norm.backward(np.array([[1.0, 2.0], [3.0, 5.0]]))
    np.testing.assert_allclose(norm.dbeta, [4, 7])
    np.testing.assert_allclose(norm.dgamma, [-4, 7], rtol=1e-4)
    np.testing.assert_allclose(dX, 0, atol=1e-4)


def test_a_row_does_not_depend_on_the_others() -> None:
    sections = {"data": "spiral", "model": {"hidden": [6, 5], "norm": "layer"}}
    experiment = validate_experiment(sections, Path())
    network = build_network(experiment, experiment.widths() or (), np.float64)
    network.initialize(np.random.default_rng(0))
    assert network.state == {}
    X = np.random.default_rng(1).standard_normal((9, 2))
    together = network.forward(X, {}).copy()
    np.testing.assert_array_equal(network.forward(X), together)
    for i in range(9):
        np.testing.assert_allclose(network.forward(X[i : i + 1])[0], together[i], rtol=1e-12)
