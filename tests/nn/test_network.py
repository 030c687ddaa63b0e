"""The network computes the sums as written out by hand, in buffers that are made once."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS, plan_widths
from mlpcli.nn.network import Network
from mlpcli.streams import Streams

WIDTHS = (3, 5, 4, 2)


def network(widths: tuple[int, ...] = WIDTHS, dtype: type = np.float64) -> Network:
    made = Network(plan_widths(widths), dtype)
    made.initialize(np.random.default_rng(0))
    return made


def test_forward_agrees_with_the_sums_written_out() -> None:
    net = network()
    net.parameters.values += 0.1  # biases that are not 0
    X = np.random.default_rng(1).standard_normal((6, 3))
    for x, logits in zip(X, net.forward(X), strict=True):
        signal = [float(value) for value in x]
        for number in (1, 2, 3):
            W, b = net.parameters.view(f"W{number}"), net.parameters.view(f"b{number}")
            signal = [
                sum(signal[i] * W[i, j] for i in range(len(signal))) + b[j] for j in range(WIDTHS[number])
            ]
            if number < 3:
                signal = [max(0.0, value) for value in signal]
        assert logits == pytest.approx(signal)


def test_parameters_are_views_of_one_array_with_the_weights_first() -> None:
    net = network()
    parameters = net.parameters
    assert list(parameters.shapes) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    order = ["W1", "W2", "W3", "b1", "b2", "b3"]
    np.testing.assert_array_equal(
        parameters.values, np.concatenate([parameters.view(n).ravel() for n in order])
    )
    assert parameters.n_penalized == 3 * 5 + 5 * 4 + 4 * 2
    net.dense[1].W[2, 3] = 42
    assert parameters.view("W2")[2, 3] == 42
    assert np.shares_memory(net.dense[0].dW, parameters.gradients)


@pytest.mark.parametrize("widths", [(3, 4, 2), (3, 4, 4, 1), (7, 2)])
def test_it_has_as_many_parameters_as_are_counted(widths: tuple[int, ...]) -> None:
    assert len(network(widths).parameters.values) == plan_widths(widths).count()


def test_batches_of_changing_size_share_their_buffers() -> None:
    net = network((50, 100, 100, 10), np.float32)
    X = np.random.default_rng(0).standard_normal((1000, 50)).astype(np.float32)
    dlogits = np.ones((1000, 10), np.float32)

    def step(n: int) -> None:
        net.forward(X[:n])
        net.backward(dlogits[:n])

    for n in (1000, 100):
        step(n)
    first = net.forward(X[:100])
    tracemalloc.start()
    for n in (1000, 100, 1000, 100):
        step(n)
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert allocated < 50_000  # one layer of a batch would be 400,000; NumPy works in blocks of 32,768
    assert np.shares_memory(first, net.forward(X[:100]))


def test_a_batch_can_grow() -> None:
    net = network()
    X = np.random.default_rng(0).standard_normal((9, 3))
    small = net.forward(X[:2]).copy()
    np.testing.assert_allclose(net.forward(X)[:2], small)


MODELS: list[dict[str, Any]] = [
    *({"activation": name} for name in UNITS),
    *({"norm": norm, "residual": True} for norm in NORMS),
    {"members": 2, "linear_path": "learned"},
]


def views(network: Network) -> dict[str, NDArray[Any]]:
    return {name: network.parameters.view(name) for name in network.parameters.shapes}


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("norm", ["none", *NORMS])
@pytest.mark.parametrize("name", UNITS)
def test_every_kind_of_layer_has_the_planned_arrays(name: str, norm: str, residual: bool) -> None:
    model = {"hidden": [5, 5, 4], "activation": name, "norm": norm, "residual": residual}
    experiment = validate_experiment({"data": "spiral", "model": model}, Path())
    widths = experiment.widths()
    assert widths is not None
    network = build_network(experiment, widths)
    spec = network.spec
    assert len(network.parameters.values) == spec.count() == sum(a.size for a in spec.parameters)
    assert network.parameters.n_penalized == spec.count("weights") + spec.count("projections")
    assert {name: array.shape for name, array in network.state.items()} == {
        array.name: array.shape for array in spec.state
    }
    assert [layer.parameters for layer in spec.weight_layers()] == [
        sum(array.size for name, array in views(network).items() if name.endswith(str(number)))
        for number in range(1, len(widths))
    ]


def test_both_precisions_start_with_the_same_weights() -> None:
    single, double = network(dtype=np.float32), network(dtype=np.float64)
    np.testing.assert_array_equal(single.parameters.values, double.parameters.values.astype(np.float32))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_gradients_are_summed_in_every_kind_of_layer(model: dict[str, Any]) -> None:
    experiment = validate_experiment({"data": "spiral", "model": {"hidden": [5, 5, 4], **model}}, Path())
    widths = experiment.widths()
    assert widths is not None
    summing, alone = (build_network(experiment, widths, np.float64) for _ in range(2))
    rng = np.random.default_rng(0)
    summing.initialize(rng)
    alone.parameters.values[...] = summing.parameters.values
    summing.sum_gradients(0.5)
    expected = np.zeros_like(alone.parameters.gradients)
    for _ in range(3):
        X, seed = rng.standard_normal((8, 2)), int(rng.integers(100))
        dlogits = rng.standard_normal((8, widths[-1]))
        for each in (summing, alone):
            each.forward(X, Streams(seed, 1))
            each.backward(dlogits.copy())
        expected = 0.5 * expected + alone.parameters.gradients
    assert np.count_nonzero(expected) > expected.size / 2
    np.testing.assert_allclose(summing.parameters.gradients, expected, rtol=1e-12, atol=1e-12)
