"""Dropout and noise are correct in expectation, absent in evaluation, and have exact gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_loss, build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import plan_network
from mlpcli.config.schema import Model
from mlpcli.nn.layer import Layer
from mlpcli.nn.layers import Noise
from mlpcli.nn.network import Network


def rngs(seed: int = 0) -> dict[str, np.random.Generator]:
    return {
        name: np.random.default_rng([seed, i]) for i, name in enumerate(("dropout", "noise", "noise_pool"))
    }


def network(model: dict[str, Any]) -> Network:
    experiment = validate_experiment({"data": "spiral", "model": model}, Path())
    made = build_network(experiment, experiment.widths() or (), np.float64)
    made.initialize(np.random.default_rng(0))
    return made


def first_layer(width: int, **settings: float) -> Layer:
    """Return the layer that these settings of the model put on the inputs."""
    return Network(plan_network(Model(hidden=[], **settings), (width, 1))).layers[0]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    layer = first_layer(500, input_dropout=p)
    layer.resize(400)
    X = np.full((400, 500), 3, np.float32)
    Y = layer.forward(X, rngs())
    kept = Y != 0
    assert 1 - kept.mean() == pytest.approx(p, abs=0.005)
    np.testing.assert_allclose(Y[kept], 3 / (1 - p), rtol=1e-6)
    assert Y.mean() == pytest.approx(3, rel=0.02)
    assert (X == 3).all()
    np.testing.assert_array_equal(layer.backward(np.ones_like(X)) != 0, kept)


# Newly drawn noise; noise from the pool, in one piece and in several; rows too long for the pool.
@pytest.mark.parametrize("shape", [(20, 50), (100, 500), (2000, 500), (2, Noise.POOL + 1)])
def test_noise_is_normal_with_the_given_deviation(shape: tuple[int, int]) -> None:
    layer = first_layer(shape[1], input_noise=0.3)
    layer.resize(shape[0])
    X, streams = np.ones(shape, np.float32), rngs()
    difference = layer.forward(X, streams) - X
    n = X.size
    assert difference.std() == pytest.approx(0.3, rel=4 / n**0.5)
    assert abs(difference.mean()) < 4 * 0.3 / n**0.5
    assert np.mean(np.abs(difference) > 0.6) == pytest.approx(0.0455, abs=4 * 0.21 / n**0.5)
    for other in (difference[1:], layer.forward(X, streams) - X):  # every row and batch has different noise
        correlation = np.corrcoef(difference[0], other[0])[0, 1]
        assert abs(correlation) < 6 / shape[1] ** 0.5


@pytest.mark.parametrize("shape", [(20, 50), (2000, 500)])
def test_noise_depends_only_on_its_streams(shape: tuple[int, int]) -> None:
    layers = [first_layer(shape[1], input_noise=0.3) for _ in range(2)]
    X = np.zeros(shape, np.float32)
    for layer in layers:
        layer.resize(len(X))
    first, second = rngs(), rngs()
    layers[0].forward(X, first)
    # After a resume: the stream is at the same place, but the pool has not been drawn yet.
    second["noise"].bit_generator.state = first["noise"].bit_generator.state
    np.testing.assert_array_equal(layers[0].forward(X, first), layers[1].forward(X, second))


def test_evaluation_uses_neither() -> None:
    with_both = network({"hidden": [5, 4], "dropout": 0.5, "input_dropout": 0.2, "input_noise": 1.0})
    without = network({"hidden": [5, 4]})
    X = np.random.default_rng(1).standard_normal((6, 2))
    np.testing.assert_array_equal(with_both.parameters.values, without.parameters.values)
    np.testing.assert_array_equal(with_both.forward(X), without.forward(X))
    assert not np.allclose(with_both.forward(X, rngs()), without.forward(X))
    dlogits = np.ones((6, 3))
    for each in (with_both, without):  # the draws of an earlier training step are forgotten
        each.forward(X)
        each.backward(dlogits)
    np.testing.assert_array_equal(with_both.parameters.gradients, without.parameters.gradients)


def test_the_output_is_correct_in_expectation() -> None:
    """The output of a linear network in evaluation is exactly the mean of its outputs in training."""
    net = network({"hidden": [8], "activation": "identity", "dropout": 0.5, "input_dropout": 0.25})
    X = np.random.default_rng(1).standard_normal((1, 2))
    streams = rngs()
    outputs = np.array([net.forward(X, streams)[0].copy() for _ in range(20_000)])
    spread = outputs.std(axis=0) / np.sqrt(len(outputs))
    assert (np.abs(outputs.mean(axis=0) - net.forward(X)[0]) < 5 * spread).all()


def test_layers_can_override_dropout_and_outputs_are_never_dropped() -> None:
    net = network({"hidden": [{"units": 4, "dropout": 0.0}, 5], "dropout": 0.3})
    assert [type(layer).__name__ for layer in net.layers] == [
        *("Dense", "Elementwise", "Dense", "Elementwise", "Dropout", "Dense"),
    ]


@pytest.mark.parametrize("activation", ["tanh", "prelu", "maxout"])
def test_gradients_with_fixed_masks(activation: str) -> None:
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
