"""Activations: known values, no overflow, and outputs enough to tell the derivative from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.nn.activations import ACTIVATIONS, Activation
from mlpcli.nn.initializers import INITIALIZERS

Z = [-2.0, -0.5, 0.0, 0.5, 2.0]
E = np.e
# Worked from the definitions: sigmoid with exp, tanh as (e^2z - 1) / (e^2z + 1)
KNOWN = {
    "sigmoid": ({}, [1 / (1 + E**2), 1 / (1 + E**0.5), 0.5, E**0.5 / (1 + E**0.5), E**2 / (1 + E**2)]),
    "tanh": (
        {},
        [(E**-4 - 1) / (E**-4 + 1), (1 / E - 1) / (1 / E + 1), 0, (E - 1) / (E + 1), (E**4 - 1) / (E**4 + 1)],
    ),
    "relu": ({}, [0, 0, 0, 0.5, 2]),
    "leaky_relu": ({"alpha": 0.1}, [-0.2, -0.05, 0, 0.5, 2]),
}


def make(name: str) -> Activation:
    return ACTIVATIONS[name](**KNOWN[name][0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_known_values(name: str) -> None:
    Y = np.array([Z])
    make(name).forward(Y)
    np.testing.assert_allclose(Y, [KNOWN[name][1]], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_large_sums_overflow_nowhere(name: str) -> None:
    Y = np.array([[-1e4, -100, 100, 1e4]], np.float32)  # warnings are errors
    dY = np.ones_like(Y)
    activation = make(name)
    activation.forward(Y)
    activation.backward(dY, Y)
    assert np.isfinite(Y).all()
    assert np.isfinite(dY).all()


def test_a_leaky_relu_without_a_leak_is_a_relu() -> None:
    results: list[Any] = []
    for activation in (ACTIVATIONS["relu"](), ACTIVATIONS["leaky_relu"](alpha=0.0)):
        Y, dY = (np.random.default_rng(seed).standard_normal((5, 4)) for seed in (1, 2))
        activation.forward(Y)
        kept = Y.copy()
        activation.backward(dY, Y)
        results.append((kept, dY))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_each_names_an_initialisation_that_exists() -> None:
    for name in ACTIVATIONS:
        assert make(name).init in INITIALIZERS
