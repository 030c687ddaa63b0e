"""Activations: known values, no overflow, no allocations, and the special cases in the notes."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.config.plan import UNITS
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.layer import Layer
from mlpcli.nn.layers import LAYERS
from mlpcli.nn.parameters import Parameters

Z = [-2.0, -0.5, 0.0, 0.5, 2.0]
E = math.e
# The constants of SELU in closed form, as in the appendix of Klambauer et al. (2017).
C, D = math.erfc(math.sqrt(1 / 2)) * math.sqrt(E), math.erfc(math.sqrt(2)) * E**2
SELU_A = math.sqrt(2 / math.pi) / (1 - C)
SELU_S = (1 - C) * math.sqrt(2 * math.pi / (2 * D + math.pi * C**2 - 2 * (2 + math.pi) * C + math.pi + 2))


def logistic(z: float) -> float:
    return 1 / (1 + E**-z)


def normal(z: float) -> float:
    """Return the normal distribution function at z, by the error function."""
    return (1 + math.erf(z / math.sqrt(2))) / 2


# name: settings, inputs, outputs from the definitions (written differently from the code), tolerance
KNOWN: dict[str, tuple[dict[str, Any], list[float], list[float], float]] = {
    "identity": ({}, Z, Z, 0),
    "sigmoid": ({}, Z, [logistic(z) for z in Z], 1e-12),
    "tanh": ({}, Z, [(E ** (2 * z) - 1) / (E ** (2 * z) + 1) for z in Z], 1e-12),
    "relu": ({}, Z, [0, 0, 0, 0.5, 2], 0),
    "leaky_relu": ({"alpha": 0.1}, Z, [-0.2, -0.05, 0, 0.5, 2], 1e-12),
    "prelu": ({"alpha": 0.25}, Z, [-0.5, -0.125, 0, 0.5, 2], 1e-12),
    # three units with two pieces each: the first pieces are 1 -2 3, the second ones 0 5 3
    "maxout": ({"pieces": 2}, [1, -2, 3, 0, 5, 3], [1, 5, 3], 0),
    "elu": ({"alpha": 0.5}, Z, [0.5 * (E**-2 - 1), 0.5 * (E**-0.5 - 1), 0, 0.5, 2], 1e-12),
    "selu": ({}, Z, [SELU_S * (z if z > 0 else SELU_A * (E**z - 1)) for z in Z], 1e-12),
    "gelu": ({}, Z, [z * normal(z) for z in Z], 5e-4),  # the tolerance of the tanh form
    "silu": ({}, Z, [z * logistic(z) for z in Z], 1e-12),
    "mish": ({}, Z, [z * math.tanh(math.log(1 + E**z)) for z in Z], 1e-12),
    "softplus": ({}, Z, [math.log(1 + E**z) for z in Z], 1e-12),
}


def layer(name: str, width: int, n: int = 1, dtype: type = np.float64, **settings: Any) -> Layer:
    """Return a layer for inputs of ``width`` columns, prepared for n rows."""
    settings = {"name": name, **KNOWN[name][0], **settings}
    spec = UNITS[name].plan(1, width // settings.get("pieces", 1), settings)
    made = LAYERS[spec.kind](spec, dtype)
    made.bind(Parameters(spec.parameters, dtype))
    made.initialize(np.random.default_rng(0))
    made.resize(n)
    return made


def both_ways(made: Layer, X: NDArray[Any], dY: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    Y = made.forward(X.copy()).copy()
    dX = made.backward(dY.copy())
    assert dX is not None
    return Y, dX.copy()


@pytest.mark.parametrize("name", UNITS)
def test_known_values(name: str) -> None:
    _, inputs, outputs, near = KNOWN[name]
    Y = layer(name, len(inputs)).forward(np.array([inputs], np.float64))
    np.testing.assert_allclose(Y, [outputs], rtol=near, atol=near)


@pytest.mark.parametrize("name", UNITS)
def test_large_sums_do_not_overflow(name: str) -> None:
    X = np.array([[-1e4, -100, 100, 1e4]], np.float32)  # warnings are errors
    made = layer(name, 4, dtype=np.float32)
    Y = made.forward(X)
    dX = made.backward(np.ones_like(Y))
    assert dX is not None
    assert np.isfinite(Y).all()
    assert np.isfinite(dX).all()


@pytest.mark.parametrize("name", UNITS)
def test_a_batch_allocates_no_memory(name: str) -> None:
    made = layer(name, 100, n=1000, dtype=np.float32)
    X = np.random.default_rng(0).standard_normal((1000, 100)).astype(np.float32)
    dY = np.ones_like(made.forward(X))
    tracemalloc.start()
    made.forward(X)
    made.backward(dY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 90_000  # the batch has 400,000 bytes, a mask of it 100,000; NumPy works in blocks of 32,768


def test_a_leaky_relu_without_a_leak_is_a_relu() -> None:
    X, dY = (np.random.default_rng(seed).standard_normal((5, 4)) for seed in (1, 2))
    for ours, theirs in zip(
        both_ways(layer("leaky_relu", 4, 5, alpha=0.0), X, dY),
        both_ways(layer("relu", 4, 5), X, dY),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_relus_are_special_cases_of_maxout() -> None:
    """max(0 x, 1 x) is a ReLU and max(0.1 x, x) a leaky one (CS231n, Neural Networks 1)."""
    X, dY = (np.random.default_rng(seed).standard_normal((6, 4)) for seed in (1, 2))
    for slope, twin in ((0.0, "relu"), (0.1, "leaky_relu")):
        Y, dpieces = both_ways(layer("maxout", 8, 6), np.hstack([slope * X, X]), dY)
        dX = slope * dpieces[:, :4] + dpieces[:, 4:]
        expected_Y, expected_dX = both_ways(layer(twin, 4, 6), X, dY)
        np.testing.assert_allclose(Y, expected_Y)
        np.testing.assert_allclose(dX, expected_dX)


def test_only_one_of_equal_pieces_gets_the_gradient() -> None:
    _, dpieces = both_ways(layer("maxout", 6, pieces=3), np.ones((1, 6)), np.array([[2.0, 3.0]]))
    np.testing.assert_array_equal(dpieces, [[2, 3, 0, 0, 0, 0]])


def test_the_gradient_of_a_slope_comes_from_negative_inputs() -> None:
    made: Any = layer("prelu", 2, 3)
    X, dY = np.array([[-1.0, 2.0], [-3.0, -4.0], [5.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    _, dX = both_ways(made, X, dY)
    np.testing.assert_allclose(made.da, [-1 - 6, -12])
    np.testing.assert_allclose(dX, [[0.25, 1], [0.5, 0.75], [4, 5]])


def test_the_initialization_of_each_exists() -> None:
    assert {unit.init for unit in UNITS.values()} <= INITIALIZERS.keys()


def test_each_has_functions_or_a_layer_of_its_own() -> None:
    for name, unit in UNITS.items():
        kind = unit.plan(1, 2, {"name": name, **KNOWN[name][0]}).kind
        assert (kind == "elementwise") == (name in ACTIVATIONS)
        assert kind in LAYERS
