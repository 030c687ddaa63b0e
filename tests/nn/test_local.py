"""The locally connected layer computes what a fully connected one does whose other weights are 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.api import load, train
from mlpcli.build.parts import build_network
from mlpcli.config.loader import validate_experiment
from mlpcli.errors import ConfigError
from mlpcli.nn.local import Local
from mlpcli.nn.network import Network

N = 5


def network(side: int, hidden: list[Any], **model: Any) -> Network:
    """Return a network in float64 for square gray images, with initial weights and biases."""
    sections = {"data": {"name": "npz", "path": "any.npz"}, "model": {"hidden": hidden, **model}}
    experiment = validate_experiment({**sections, "loss": "cross_entropy"}, Path())
    made = build_network(experiment, experiment.widths(side**2, 3) or (), np.float64)
    made.initialize(np.random.default_rng(0))
    made.parameters.values += 0.1 * np.random.default_rng(1).standard_normal(made.parameters.values.shape)
    return made


def dense_like(local: Network) -> Network:
    """Return the network of fully connected layers whose weights outside of the windows are 0."""
    widths, activation = local.widths, local.spec.layers[1].settings
    made = network(int(widths[0] ** 0.5), list(widths[1:-1]), activation=activation)
    for own, other in zip(made.dense, local.dense, strict=True):
        own.b[...] = other.b
        own.W[...] = masked(other) if isinstance(other, Local) else other.W
    return made


def masked(layer: Local) -> Any:
    """Return the weights of the fully connected layer, one after the other."""
    window, units = layer.window, layer.spec.settings["units"]
    W = np.zeros((layer.spec.fan_in, layer.spec.fan_out))
    pieces = layer.spec.fan_out // (window.places * units)
    for y in range(window.across):
        for x in range(window.across):
            place = y * window.across + x
            for i in range(window.size):
                for j in range(window.size):
                    for c in range(window.channels):
                        row, column = y * window.stride + i, x * window.stride + j
                        if window.planes:
                            pixel = (c * window.side + row) * window.side + column
                            seen = (c * window.size + i) * window.size + j
                        else:
                            pixel = (row * window.side + column) * window.channels + c
                            seen = (i * window.size + j) * window.channels + c
                        for unit in range(units):
                            for piece in range(pieces):
                                weight = layer.W[place, seen, piece * units + unit]
                                W[pixel, (piece * window.places + place) * units + unit] = weight
    return W


HIDDEN = {
    "one window": (4, [{"units": 3, "window": 4}]),
    "one pixel": (4, [{"units": 2, "window": 1}]),
    "one unit": (5, [{"units": 1, "window": 3, "stride": 2}]),
    "windows that overlap": (6, [{"units": 3, "window": 3, "stride": 2}]),
    "pixels that none sees": (7, [{"units": 3, "window": 2, "stride": 3}, 4]),
    "two layers": (8, [{"units": 3, "window": 4, "stride": 2}, {"units": 5, "window": 2}, 6]),
    "three layers": (
        9,
        [{"units": 2, "window": 3}, {"units": 3, "window": 3, "stride": 2}, {"units": 4, "window": 2}],
    ),
}


@pytest.mark.parametrize("activation", ["tanh", "maxout"])
@pytest.mark.parametrize(("side", "hidden"), HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("decay", [0, 0.9])
def test_it_is_a_dense_layer_with_zeros(side: int, hidden: list[Any], decay: float, activation: str) -> None:
    """Forward and backward, and the sum of gradients that momentum keeps."""
    local = network(side, hidden, activation=activation)
    dense = dense_like(local)
    rng = np.random.default_rng(2)
    X, dlogits = rng.standard_normal((N, side**2)), rng.standard_normal((N, 3))
    for _ in range(2):
        for each in (local, dense):
            each.sum_gradients(decay)
        np.testing.assert_allclose(local.forward(X, {}), dense.forward(X, {}), rtol=1e-12, atol=1e-12)
        for each in (local, dense):
            each.backward(dlogits.copy())
    for own, other in zip(local.dense, dense.dense, strict=True):
        np.testing.assert_allclose(own.db, other.db, rtol=1e-10, atol=1e-12)
        if not isinstance(own, Local):
            np.testing.assert_allclose(own.dW, other.dW, rtol=1e-10, atol=1e-12)
            continue
        np.testing.assert_array_equal(own.full_weights(), masked(own))
        own.W[...] = own.dW  # which are in the same places
        expected = np.where(masked_places(own), other.dW, 0)
        np.testing.assert_allclose(own.full_weights(), expected, rtol=1e-10, atol=1e-12)


def masked_places(layer: Local) -> Any:
    kept = layer.W.copy()
    layer.W[...] = 1
    places = masked(layer) != 0
    layer.W[...] = kept
    return places


def test_planes_of_colour_are_seen_together() -> None:
    experiment = validate_experiment(
        {"data": "cifar10", "model": {"hidden": [{"units": 2, "window": 8, "stride": 4}]}}, Path()
    )
    made = build_network(experiment, experiment.widths() or (), np.float64)
    made.initialize(np.random.default_rng(0))
    layer = made.dense[0]
    assert isinstance(layer, Local)
    assert layer.W.shape == (49, 192, 2)
    assert layer.W.std() == pytest.approx((2 / 192) ** 0.5, rel=0.02)  # of what a unit sees
    X = np.random.default_rng(1).standard_normal((2, 3, 32, 32))
    made.forward(X.reshape(2, -1))
    patch = X[1, :, 4:12, 24:32].ravel()  # of place 6 in row 1
    expected = np.maximum(patch @ layer.W[13], 0)
    np.testing.assert_allclose(layer.Y[1].reshape(7, 7, 2)[1, 6], expected)


def test_the_spread_of_xavier_counts_the_connections_of_an_input() -> None:
    """25 windows of 64 pixels over 256: a pixel is seen by 6.25 of them on average, of 30 units each."""
    made = network(16, [{"units": 30, "window": 8, "stride": 2}], init="xavier")
    layer = made.dense[0]
    std = (2 / (64 + 30 * 6.25)) ** 0.5
    made.initialize(np.random.default_rng(0))
    assert layer.W.std() == pytest.approx(std, rel=0.02)


@pytest.mark.parametrize("changed", [{}, {"shards": 4}, {"precision": "bfloat16"}], ids=str)
def test_a_run_is_resumed_to_the_same_bytes_and_loaded(tmp_path: Path, changed: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 36)).astype(np.float32), rng.integers(0, 3, 80)
    config = {
        "model": {
            "hidden": [{"units": 3, "window": 3}, {"units": 4, "window": 2, "stride": 2}],
            "norm": "batch",
        },
        "optimizer": "momentum",
        "regularization": {"max_norm": 1.0},
    }
    for out, epochs in (("whole", 4), ("broken", 2), ("broken", 4)):
        training = {"epochs": epochs, "batch_size": 16, **changed}
        run = train(config, X=X, y=y, out=tmp_path / out, resume=epochs == 4, training=training)
    whole, broken = (load(tmp_path / out / "last.npz") for out in ("whole", "broken"))
    assert whole.layers.keys() == broken.layers.keys()
    assert whole.layers["W1"].shape == (16, 9, 3)
    for name, array in whole.layers.items():
        np.testing.assert_array_equal(broken.layers[name], array)
    np.testing.assert_array_equal(whole.scores(X), run.last.scores(X))
    norms = np.linalg.norm(whole.layers["W2"], axis=1)
    assert norms.shape == (4, 4)  # of each unit at each place
    assert norms.max() <= 1.0 + 1e-6


def test_pixels_with_gaps_are_refused() -> None:
    """Whether a cell was missing is an input beside the pixels; so it may happen that the sum is a square."""
    X = np.random.default_rng(0).standard_normal((60, 16))
    X[:9, :9] = np.where(np.eye(9), np.nan, X[:9, :9])
    config = {"model": {"hidden": [{"units": 3, "window": 3}]}, "training": {"epochs": 1}}
    with pytest.raises(ConfigError, match=r"the data have [1-9] more, for missing cells; leave window out"):
        train(config, X=X, y=np.arange(60) % 3)
    assert train(config, X=X, y=np.arange(60) % 3, data={"missing": "drop"}).metrics
