"""Layers: small batches worked out by hand, and the contract that every kind keeps.

Norms, dropout and noise, and residual connections have files of their own; so have the gradients.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.nn.layer import Layer
from mlpcli.nn.layers import LAYERS, Clip, Dense, Maxout, PRelu
from mlpcli.nn.network import Network


def network(inputs: int = 2, **model: Any) -> Network:
    """Return a network in float64, with its initial weights, for batches of 2 rows."""
    loss = "mse" if model.get("clip_outputs") else "cross_entropy"
    sections = {"data": {"name": "npz", "path": "any.npz"}, "model": {"hidden": [4, 4], **model}}
    experiment = validate_experiment({**sections, "loss": loss}, Path())
    made = build_network(experiment, experiment.widths(inputs, 3) or (), np.float64)
    made.initialize(np.random.default_rng(0))
    return made


def layer(kind: type[Layer], number: int = 0, **model: Any) -> Any:
    """Return a layer of a network, ready for 2 rows."""
    found = [each for each in network(**model).layers if isinstance(each, kind)][number]
    found.resize(2)
    return found


def array(*rows: list[float]) -> NDArray[np.float64]:
    return np.array(rows, np.float64)


def test_dense_is_x_times_w_plus_b() -> None:
    dense = layer(Dense, 1, hidden=[2])
    dense.W[...], dense.b[...] = array([1, 2, 3], [0, -1, 1]), [10, 20, 30]
    assert dense.forward(array([1, 0], [2, 5])).tolist() == [[11, 22, 33], [12, 19, 41]]
    dX = dense.backward(array([1, 0, 0], [0, 1, 2]))
    assert dense.dW.tolist() == [[1, 2, 4], [0, 5, 10]]
    assert dense.db.tolist() == [1, 1, 2]
    assert dX.tolist() == [[1, 0], [8, 1]]


def test_nobody_needs_the_gradient_by_the_inputs() -> None:
    first = layer(Dense)
    first.forward(array([1, 0], [2, 5]))
    assert first.backward(np.ones((2, 4))) is None


def test_prelu_has_a_slope_for_each_unit_below_0() -> None:
    prelu = layer(PRelu, hidden=[2], activation="prelu")
    assert prelu.a.tolist() == [0.25, 0.25]
    prelu.a[...] = [0.5, -1]
    assert prelu.forward(array([2, -3], [-4, -5])).tolist() == [[2, 3], [-2, 5]]
    assert prelu.backward(array([1, 10], [100, 1000])).tolist() == [[1, -10], [50, -1000]]
    assert prelu.da.tolist() == [-400, -5030]


def test_maxout_takes_the_largest_piece_and_of_equal_ones_the_first() -> None:
    maxout = layer(Maxout, hidden=[2], activation="maxout")
    # Two pieces of two units: unit 1 has columns 1 and 3, unit 2 columns 2 and 4.
    assert maxout.forward(array([1, 7, 2, 6], [5, 3, 5, 4])).tolist() == [[2, 7], [5, 4]]
    assert maxout.backward(array([10, 20], [30, 40])).tolist() == [[0, 20, 10, 0], [30, 0, 0, 40]]


def test_clip_keeps_outputs_within_a_range_except_in_training() -> None:
    clip = layer(Clip, clip_outputs=True)
    huge = array([-1e300, 0, 1e300])
    assert clip.forward(huge.copy()).tolist() == huge.tolist()
    clip.low[...], clip.high[...] = [-1, 0, 1], [1, 2, 3]
    assert clip.forward(array([-5, 1, 0.5], [5, 5, 5])).tolist() == [[-1, 1, 1], [1, 2, 3]]
    assert clip.forward(array([-5, 1, 5]), {}).tolist() == [[-5, 1, 5]]
    assert clip.backward(array([1, 2, 3])).tolist() == [[1, 2, 3]]


MODELS = [
    *({"activation": name} for name in UNITS),
    *({"norm": name} for name in NORMS),
    {"dropout": 0.5, "input_noise": 0.5},
    {"residual": True},
    {"members": 3, "linear_path": "learned"},
    {"clip_outputs": True},
    {"hidden": [{"units": 4, "window": 2}], "inputs": 16},
]


def test_the_models_have_every_kind_of_layer() -> None:
    assert {spec.kind for model in MODELS for spec in network(**model).spec.walk()} == LAYERS.keys()


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_layers_keep_the_contract(model: dict[str, Any]) -> None:
    """Shapes are those of the specification; evaluation is repeatable and does not change the state."""
    net = network(**model)
    X = np.random.default_rng(1).standard_normal((6, net.widths[0]))
    net.forward(X, {name: np.random.default_rng(2) for name in ("dropout", "noise", "noise_pool")})
    state = {name: values.copy() for name, values in net.state.items()}
    for each in net.layers:
        assert X.shape == (6, each.spec.fan_in)
        once = each.forward(X.copy()).copy()
        assert once.shape == (6, each.spec.fan_out)
        np.testing.assert_array_equal(each.forward(X.copy()), once)
        X = once
    for name, values in net.state.items():
        np.testing.assert_array_equal(values, state[name])
