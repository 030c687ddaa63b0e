"""First weights have the variance given in the papers, from either distribution; or they are orthogonal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.initializers import INITIALIZERS

VARIANCE = {"he": 2 / 400, "xavier": 2 / 500, "lecun": 1 / 400}


def draw(name: str, shape: tuple[int, int], fan_out: int, **settings: Any) -> np.ndarray:
    return INITIALIZERS[name](**{"gain": 1.0} | settings)(np.random.default_rng(0), shape, fan_out)


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("name", VARIANCE)
def test_the_variance(name: str, distribution: str) -> None:
    W = draw(name, (400, 100), 100, distribution=distribution)
    std = np.sqrt(VARIANCE[name])
    assert W.std() == pytest.approx(std, rel=0.02)
    assert abs(W.mean()) < 0.02 * std
    furthest = np.abs(W).max() / std
    assert furthest == pytest.approx(np.sqrt(3), rel=1e-3) if distribution == "uniform" else furthest > 3
    assert draw(name, (400, 300), 100, distribution=distribution).std() == pytest.approx(std, rel=0.02)


@pytest.mark.parametrize("shape", [(30, 7), (7, 30), (9, 9)])
def test_orthogonal_weights_are_orthogonal(shape: tuple[int, int]) -> None:
    W = draw("orthogonal", shape, shape[1])
    assert W.shape == shape
    product = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_weights_have_every_orientation() -> None:
    """Without the signs of R's diagonal, the first entry would always be negative."""
    rng = np.random.default_rng(0)
    initializer = INITIALIZERS["orthogonal"](gain=1.0)
    first = [initializer(rng, (3, 3), 3)[0, 0] for _ in range(200)]
    assert 70 < np.sum(np.array(first) > 0) < 130


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_gain_multiplies_the_weights(name: str) -> None:
    more = {} if name == "orthogonal" else {"distribution": "normal"}
    np.testing.assert_allclose(draw(name, (5, 4), 4, gain=3.0, **more), 3 * draw(name, (5, 4), 4, **more))


@pytest.mark.parametrize("members", [1, 3])
def test_biases_are_drawn_from_a_range(members: int) -> None:
    init = {"bias": 2, "bias_spread": 0.5}
    model = {"hidden": [1000], "init": init, "members": members, "output_gain": 0}
    experiment = validate_experiment({"data": "spiral", "model": model}, Path())
    network = build_network(experiment, (2, 1000, 3), np.float64)
    network.initialize(np.random.default_rng(0))
    first, last = network.dense[0].b, network.dense[1].b
    assert (pytest.approx(first.min(), abs=0.01), pytest.approx(first.max(), abs=0.01)) == (1.5, 2.5)
    assert first.mean() == pytest.approx(2, abs=0.05)
    assert (last == 2).all()  # output_gain multiplies the spread, too
