"""The products of layers: each engine against the products in float64, in every shape that layers have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.nn.products import MembersProducts, Products

RNG = np.random.default_rng(0)
SHAPES = [(1, 1, 1), (5, 3, 1), (1, 7, 4), (32, 2, 100), (33, 65, 17)]


def known(X: Any, W: Any, dY: Any) -> list[NDArray[Any]]:
    """Return Y, dW and dX, in float64."""
    X, W, dY = (array.astype(np.float64) for array in (X, W, dY))
    return [X @ W, X.swapaxes(-1, -2) @ dY, dY @ W.swapaxes(-1, -2)]


def computed(products: Products, X: Any, W: Any, dY: Any) -> list[NDArray[Any]]:
    """Return Y, dW and dX; where each is written, there was something else before."""
    Y, dW, dX = (np.full(shape, 7, X.dtype) for shape in (dY.shape, W.shape, (*dY.shape[:-1], W.shape[-2])))
    products.forward(X, W, Y)
    products.backward(dY, dW, dX)
    return [Y, dW, dX]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_of_matrices(shape: tuple[int, int, int], dtype: Any) -> None:
    n, fan_in, fan_out = shape
    arrays = [RNG.standard_normal(of).astype(dtype) for of in [(n, fan_in), (fan_in, fan_out), (n, fan_out)]]
    for found, expected in zip(computed(Products(), *arrays), known(*arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_of_members(shape: tuple[int, int, int], shared: bool) -> None:
    n, fan_in, fan_out = shape
    X = RNG.standard_normal((1 if shared else 3, n, fan_in))
    W, dY = RNG.standard_normal((3, fan_in, fan_out)), RNG.standard_normal((3, n, fan_out))
    for found, expected in zip(computed(MembersProducts(), X, W, dY), known(X, W, dY), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("products", [Products, MembersProducts])
def test_a_gradient_that_nobody_needs_is_left_out(products: type[Products]) -> None:
    own = () if products is Products else (2,)
    X, W, dY = (RNG.standard_normal((*own, *shape)) for shape in [(4, 3), (3, 2), (4, 2)])
    made, dW = products(), np.empty_like(W)
    made.forward(X, W, np.empty_like(dY))
    made.backward(dY, dW, None)
    np.testing.assert_allclose(dW, known(X, W, dY)[1])
