"""Update rules: first steps worked by hand, and known minima that they reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_rule
from mlpcli.config.loader import validate_experiment
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.rules import RULES, Rule

# Three steps of learning rate 0.1 from w = 1, gradients 1, 2, -1; momentum 0.5, beta1 0.5, beta2 0.75:
# sgd: 1 - .1 - .2 + .1. With momentum v = 1, 2.5, 0.25 (PyTorch's convention: v <- momentum v + dw).
# nesterov steps along dw + momentum v = 1.5, 3.25, -0.875.
# adam: m = .5, 1.25, .125 over 1 - .5**t = .5, .75, .875;
# v = .25, 1.1875, 1.140625 over 1 - .75**t = .25, .4375, .578125; eps is 0.
GRADIENTS = [1.0, 2.0, -1.0]
ADAM = [
    (0.5 / 0.5) / (0.25 / 0.25) ** 0.5,
    (1.25 / 0.75) / (1.1875 / 0.4375) ** 0.5,
    (0.125 / 0.875) / (1.140625 / 0.578125) ** 0.5,
]
KNOWN: dict[str, tuple[dict[str, float], list[float]]] = {
    "sgd": ({"momentum": 0.0}, [0.9, 0.7, 0.8]),
    "momentum": ({"momentum": 0.5}, [0.9, 0.65, 0.625]),
    "nesterov": ({"momentum": 0.5}, [0.85, 0.525, 0.6125]),
    # squares sum up to 1, 5, 6
    "adagrad": ({"eps": 0.0}, (1 - 0.1 * np.cumsum([1, 2 / 5**0.5, -1 / 6**0.5])).tolist()),
    "rmsprop": (
        {"beta2": 0.75, "eps": 0.0},
        (1 - 0.1 * np.cumsum([1 / 0.25**0.5, 2 / 1.1875**0.5, -1 / 1.140625**0.5])).tolist(),
    ),
    "adam": ({"beta1": 0.5, "beta2": 0.75, "eps": 0.0}, (1 - 0.1 * np.cumsum(ADAM)).tolist()),
    "adamw": ({"beta1": 0.5, "beta2": 0.75, "eps": 0.0}, (1 - 0.1 * np.cumsum(ADAM)).tolist()),
    # m = 0, .25, .6875; directions .5 m + .5 dw = .5, 1.125, -.15625
    "lion": ({"beta1": 0.5, "beta2": 0.75}, [0.9, 0.8, 0.9]),
}


RATES = {"adagrad": 2.0, "rmsprop": 1e-3, "lion": 1e-3}  # in the tests of minima; the others take 0.01


def default(name: str) -> tuple[Rule, float]:
    """Return a rule with the defaults of the schema, and its default learning rate."""
    experiment = validate_experiment({"data": "spiral", "optimizer": name}, Path())
    return build_rule(experiment), experiment.optimizer.learning_rate


@pytest.mark.parametrize("name", RULES)
def test_first_steps(name: str) -> None:
    settings, expected = KNOWN[name]
    w, dw = np.array([1.0]), np.empty(1)
    optimizer = Optimizer(RULES[name](**settings), 0.1, w, dw)
    for gradient, value in zip(GRADIENTS, expected, strict=True):
        dw[0] = gradient
        optimizer.step()
        assert w[0] == pytest.approx(value, rel=1e-12)


# The parameters of torch.optim in PyTorch 2.13.0 after three steps of learning rate 0.1 from w = (1, -2,
# 0.5), in float64: SGD (with momentum=0.9, and nesterov=True), Adagrad, RMSprop, Adam and AdamW, otherwise
# with their defaults.
ALONG = [(0.3, -1.0, 2.0), (-0.1, 0.5, 1.0), (0.2, 0.0, -3.0)]
PYTORCH = {
    "sgd": [0.96, -1.95, 0.5],
    "momentum": [0.9177, -1.824, 0.068],
    "nesterov": [0.88593, -1.7916, 0.1112],
    "adagrad": [0.878170528256818, -1.9447213595559958, 0.43545701302858875],
    "rmsprop": [-0.22050855985941858, -1.4490133147443505, -0.14465139136251348],
    "adam": [0.7996695015761391, -1.8527783673314504, 0.31497971695564936],
    "adamw": [0.796912422424881, -1.8470108990330805, 0.31377433441794134],
}


@pytest.mark.parametrize("name", PYTORCH)
def test_conventions_and_defaults_are_pytorchs(name: str) -> None:
    experiment = validate_experiment({"data": "spiral", "optimizer": name}, Path())
    w, dw = np.array([1.0, -2.0, 0.5]), np.empty(3)
    optimizer = Optimizer(
        build_rule(experiment), 0.1, w, dw, weight_decay=experiment.weight_decay, n_penalized=3
    )
    for gradient in ALONG:
        dw[...] = gradient
        optimizer.step()
    np.testing.assert_allclose(w, PYTORCH[name], rtol=1e-13)


def test_adams_first_step_is_the_learning_rate_for_any_gradient() -> None:
    for gradient in (1e-3, 1e3):
        w, dw = np.array([0.0]), np.array([gradient])
        Optimizer(default("adam")[0], 0.1, w, dw).step()
        assert w[0] == pytest.approx(-0.1, rel=1e-4)


def bowl(w: np.ndarray) -> np.ndarray:
    """Gradient of 0.5 (w0**2 + 30 w1**2), minimum at 0."""
    return np.array([1, 30]) * w


def rosenbrock(w: np.ndarray) -> np.ndarray:
    """Gradient of (1 - x)**2 + 100 (y - x**2)**2, minimum at (1, 1)."""
    x, y = w
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("gradient", "start", "minimum", "steps", "slow"),
    [
        pytest.param(bowl, [1.0, -1.0], [0, 0], 1500, 1, id="bowl"),
        pytest.param(
            rosenbrock, [-0.5, 0.8], [1, 1], 30_000, 0.1, id="rosenbrock", marks=pytest.mark.exhaustive
        ),
    ],
)
def test_reaches_a_known_minimum(
    name: str, gradient: Any, start: list[float], minimum: list[float], steps: int, slow: float
) -> None:
    rule, _ = default(name)
    w, dw = np.array(start), np.empty(2)
    optimizer = Optimizer(rule, RATES.get(name, 0.01) * slow, w, dw)
    for _ in range(steps):
        dw[...] = gradient(w)
        optimizer.step()
    np.testing.assert_allclose(w, minimum, atol=2e-3)
