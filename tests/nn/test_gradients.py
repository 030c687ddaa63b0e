"""Gradients match central differences in float64, for every activation, loss and penalty there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build import build_loss, build_network, build_penalties
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.penalties import PENALTIES

N, INPUTS, CLASSES = 7, 4, 3


def numeric_gradient(f: Callable[[], float], w: NDArray[np.float64], h: float = 1e-5) -> NDArray[np.float64]:
    """Central differences: (f(w + h) - f(w - h)) / 2h, one parameter at a time."""
    gradient = np.empty_like(w)
    for i in range(len(w)):
        old = w[i]
        w[i] = old + h
        above = f()
        w[i] = old - h
        gradient[i] = (above - f()) / (2 * h)
        w[i] = old
    return gradient


def check(loss_section: Any, model: dict[str, Any], strengths: dict[str, float]) -> None:
    """Compare the gradient by every parameter with its central difference, to 1e-6 relative."""
    experiment = validate_experiment(
        {
            "data": {"name": "npz", "path": "any.npz"},  # which has classes or values, as the loss likes
            "loss": loss_section,
            "model": model,
            "regularization": strengths,
        },
        Path(),
    )
    loss, penalties = build_loss(experiment), build_penalties(experiment)
    widths = experiment.widths(INPUTS, 2 if loss.binary else CLASSES)
    assert widths is not None
    network = build_network(experiment, widths, np.float64)
    rng = np.random.default_rng(1)
    network.initialize(rng)
    parameters = network.parameters
    parameters.values += 0.1 * rng.standard_normal(len(parameters.values))  # biases too
    X = rng.standard_normal((N, INPUTS))
    outputs = widths[-1]
    y = rng.standard_normal((N, outputs)) if loss.outputs == "values" else rng.integers(0, max(2, outputs), N)
    weights = slice(0, parameters.n_penalized)

    def objective() -> float:
        value = loss.evaluate(network.forward(X), y, None)
        return value + sum(penalty.value(parameters.values[weights], by) for penalty, by in penalties)

    dlogits = np.empty((N, outputs))
    loss.evaluate(network.forward(X), y, dlogits)
    network.backward(dlogits)
    for penalty, strength in penalties:
        scratch = np.empty(parameters.n_penalized)
        penalty.add_gradient(parameters.values[weights], strength, parameters.gradients[weights], scratch)
    analytic = parameters.gradients.copy()
    assert np.count_nonzero(analytic) > len(analytic) / 4
    numeric = numeric_gradient(objective, parameters.values)
    error = np.abs(analytic - numeric) / np.maximum(1e-3, np.abs(analytic) + np.abs(numeric))
    assert error.max() <= 1e-6


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_with_every_loss(activation: str, loss: str) -> None:
    check(loss, {"hidden": [6, 5], "activation": activation}, dict.fromkeys(PENALTIES, 0))


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_penalty_with_every_loss(penalty: str, loss: str) -> None:
    check(loss, {"hidden": [5], "activation": "tanh"}, dict.fromkeys(PENALTIES, 0) | {penalty: 0.3})


@pytest.mark.parametrize("loss", LOSSES)
def test_without_hidden_layers(loss: str) -> None:
    check(loss, {"hidden": []}, dict.fromkeys(PENALTIES, 0))


@pytest.mark.parametrize(
    "section",
    [
        {"name": "cross_entropy", "label_smoothing": 0.2},
        {"name": "cross_entropy", "class_weights": [0.5, 1, 3], "label_smoothing": 0.1},
        {"name": "hinge", "squared": True, "delta": 2.0},
        {"name": "huber", "delta": 0.3},
    ],
    ids=str,
)
def test_settings_of_a_loss(section: dict[str, Any]) -> None:
    check(section, {"hidden": [5]}, dict.fromkeys(PENALTIES, 0))


def test_layers_may_differ() -> None:
    hidden = [{"units": 4, "activation": name} for name in ACTIVATIONS]
    check("cross_entropy", {"hidden": hidden}, dict.fromkeys(PENALTIES, 0.1))
