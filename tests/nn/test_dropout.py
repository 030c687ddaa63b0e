"""Dropout and noise: right in expectation, absent in evaluation, exact in their gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build import build_loss, build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.layers import Dropout, Noise
from mlpcli.nn.network import Network


def rngs(seed: int = 0) -> dict[str, np.random.Generator]:
    return {name: np.random.default_rng([seed, i]) for i, name in enumerate(("dropout", "noise"))}


def network(model: dict[str, Any]) -> Network:
    experiment = validate_experiment({"data": "spiral", "model": model}, Path())
    made = build_network(experiment, experiment.widths() or (), np.float64)
    made.initialize(np.random.default_rng(0))
    return made


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    layer = Dropout(p, 500, np.float32)
    layer.resize(400)
    X = np.full((400, 500), 3, np.float32)
    Y = layer.forward(X, rngs())
    kept = Y != 0
    assert 1 - kept.mean() == pytest.approx(p, abs=0.005)
    np.testing.assert_allclose(Y[kept], 3 / (1 - p), rtol=1e-6)
    assert Y.mean() == pytest.approx(3, rel=0.02)
    assert (X == 3).all()
    np.testing.assert_array_equal(layer.backward(np.ones_like(X)) != 0, kept)


def test_noise_has_its_spread() -> None:
    layer = Noise(0.3, 500, np.float32)
    layer.resize(400)
    X = np.ones((400, 500), np.float32)
    difference = layer.forward(X, rngs()) - X
    assert difference.std() == pytest.approx(0.3, rel=0.01)
    assert abs(difference.mean()) < 0.005


def test_evaluation_knows_neither() -> None:
    with_both = network({"hidden": [5, 4], "dropout": 0.5, "input_dropout": 0.2, "input_noise": 1.0})
    without = network({"hidden": [5, 4]})
    X = np.random.default_rng(1).standard_normal((6, 2))
    np.testing.assert_array_equal(with_both.parameters.values, without.parameters.values)
    np.testing.assert_array_equal(with_both.forward(X), without.forward(X))
    assert not np.allclose(with_both.forward(X, rngs()), without.forward(X))
    dlogits = np.ones((6, 3))
    for each in (with_both, without):  # what an earlier training step has drawn is forgotten
        each.forward(X)
        each.backward(dlogits)
    np.testing.assert_array_equal(with_both.parameters.gradients, without.parameters.gradients)


def test_the_output_is_right_in_expectation() -> None:
    """For a linear network, evaluation is exactly the mean of what training gives."""
    net = network({"hidden": [8], "activation": "identity", "dropout": 0.5, "input_dropout": 0.25})
    X = np.random.default_rng(1).standard_normal((1, 2))
    streams = rngs()
    outputs = np.array([net.forward(X, streams)[0].copy() for _ in range(20_000)])
    spread = outputs.std(axis=0) / np.sqrt(len(outputs))
    assert (np.abs(outputs.mean(axis=0) - net.forward(X)[0]) < 5 * spread).all()


def test_layers_may_differ_and_the_output_layer_drops_nothing() -> None:
    net = network({"hidden": [{"units": 4, "dropout": 0.0}, 5], "dropout": 0.3})
    assert [type(layer).__name__ for layer in net.layers] == [
        *("Dense", "Elementwise", "Dense", "Elementwise", "Dropout", "Dense"),
    ]


@pytest.mark.parametrize("activation", ["tanh", "prelu", "maxout"])
def test_gradients_under_fixed_masks(activation: str) -> None:
    model = {
        "hidden": [6, 5],
        "activation": activation,
        "dropout": 0.4,
        "input_dropout": 0.2,
        "input_noise": 0.1,
    }
    net = network(model)
    loss = build_loss(validate_experiment({"data": "spiral"}, Path()))
    net.parameters.values += 0.1 * np.random.default_rng(2).standard_normal(len(net.parameters.values))
    X, y = np.random.default_rng(3).standard_normal((7, 2)), np.arange(7) % 3
    dlogits = np.empty((7, 3))
    loss.evaluate(net.forward(X, rngs()), y, dlogits)
    net.backward(dlogits)
    w, analytic = net.parameters.values, net.parameters.gradients.copy()
    for i in range(len(w)):
        old, values = w[i], []
        for h in (1e-5, -1e-5):
            w[i] = old + h
            values.append(loss.evaluate(net.forward(X, rngs()), y, None))
        w[i] = old
        numeric = (values[0] - values[1]) / 2e-5
        assert abs(analytic[i] - numeric) <= 1e-6 * max(1e-3, abs(analytic[i]) + abs(numeric))
