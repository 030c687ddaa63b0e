"""The forward pass of one example: the numbers of the engine, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_network
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.config.schema import Experiment
from mlpcli.nn.network import Network
from mlpcli.streams import stream
from mlpcli.training.forward import forward_pass


def network_of(model: dict[str, Any], data: str = "moons", precision: str = "float32") -> Network:
    """Return a network with parameters and state that are drawn at random."""
    sections = {"data": data, "model": {"hidden": [4, 4], **model}, "training": {"precision": precision}}
    experiment = Experiment.model_validate(sections)
    network = build_network(experiment, (3, 4, 4, 2))
    rng = stream(0, "test")
    network.initialize(rng)
    network.parameters.values += 0.3 * rng.standard_normal(network.parameters.values.shape)
    for name, array in network.state.items():
        array[...] = rng.uniform(0.5, 1.5, array.shape) if name not in ("low", "high") else array
    return network


X = np.array([0.5, -1.25, 2.0], np.float32)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("norm", ["none", *NORMS])
@pytest.mark.parametrize("activation", UNITS)
def test_the_layers_lead_from_the_inputs_to_the_logits(activation: str, norm: str, residual: bool) -> None:
    network = network_of({"activation": activation, "norm": norm, "residual": residual, "dropout": 0.5})
    found = forward_pass(network, X)
    assert np.array_equal(found.logits, network.predict(X[None])[0])
    x = X
    for layer in found.layers:
        assert np.array_equal(layer.x, x)
        sums = [sum(float(x[i]) * float(layer.W[i, j]) for i in range(len(x))) for j in range(len(layer.z))]
        assert layer.z == pytest.approx(np.array(sums) + layer.b, abs=1e-5)
        before = layer.z
        for step in layer.steps[: -1 if layer.steps and residual else None]:
            assert np.array_equal(step.X, before)
            before = step.Y
        assert len(layer.steps) == (0 if layer is found.layers[-1] else 1 + (norm != "none") + residual)
        x = layer.y
    assert np.array_equal(x, found.logits)
    assert [[type(each).__name__ for each in layer.off] for layer in found.layers] == [[], *[["Dropout"]] * 2]


def test_in_bfloat16_the_sums_are_those_of_the_rounded_numbers() -> None:
    network = network_of({}, precision="bfloat16")
    found = forward_pass(network, X)
    assert np.array_equal(found.logits, network.predict(X[None])[0])
    for layer in found.layers:
        for numbers in (layer.x, layer.W):
            assert not np.any(numbers.view(np.uint32) & 0xFFFF)
        assert layer.z == pytest.approx(layer.x.astype(np.float64) @ layer.W + layer.b, abs=1e-6)


def test_the_pieces_of_maxout() -> None:
    found = forward_pass(network_of({"activation": {"name": "maxout", "pieces": 3}}), X)
    first = found.layers[0]
    assert (first.pieces, len(first.z), len(first.y)) == (3, 12, 4)
    assert np.array_equal(first.z[first.winners], first.y)
    assert np.array_equal(first.z.reshape(3, 4).max(axis=0), first.y)
    assert found.layers[-1].pieces == 1


def test_one_of_several_members_is_followed() -> None:
    network = network_of({"members": 3, "linear_path": "learned"})
    logits = network.forward(np.stack([X] * 3)).copy()  # those of the first member come first
    for member in range(3):
        found = forward_pass(network, X, member)
        assert np.array_equal(found.logits, logits[member])
        assert np.array_equal(found.layers[1].W, network.dense[1].W[member])
        assert found.path is not None
        V = network.path.V[member]  # type: ignore[union-attr]
        assert found.logits == pytest.approx(found.layers[-1].y + X @ V, abs=1e-5)


def test_outputs_are_clipped_last() -> None:
    network = network_of({"clip_outputs": True, "linear_path": "fitted"}, "sine")
    assert network.clip is not None
    network.clip.low[...], network.clip.high[...] = -0.001, 0.001
    found = forward_pass(network, X)
    assert found.clip is not None
    assert np.array_equal(found.logits, np.clip(found.clip.X, -0.001, 0.001).astype(np.float32))
    assert not np.array_equal(found.logits, found.clip.X)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_units_that_see_a_window_have_weights_of_0_for_all_else(precision: str) -> None:
    sections = {
        "data": {"name": "npz", "path": "any.npz"},
        "model": {"hidden": [{"units": 2, "window": 2, "stride": 2, "activation": "maxout"}, 3]},
        "loss": "cross_entropy",
        "training": {"precision": precision},
    }
    experiment = Experiment.model_validate(sections)
    network = build_network(experiment, experiment.widths(16, 3) or ())
    network.initialize(stream(0, "test"))
    x = stream(0, "x").standard_normal(16).astype(np.float32)
    found = forward_pass(network, x)
    first = found.layers[0]
    assert first.z == pytest.approx(first.x @ first.W + first.b, abs=1e-5)
    for unit in range(8):  # two at each of 2 x 2 places
        place = unit // 2
        corner = 8 * (place // 2) + 2 * (place % 2)
        seen = first.seen_by(unit)
        assert seen is not None
        assert seen.tolist() == [corner, corner + 1, corner + 4, corner + 5]
        for piece in range(2):
            assert np.flatnonzero(first.W[:, 8 * piece + unit]).tolist() == seen.tolist()
    assert found.layers[1].seen_by(0) is None
