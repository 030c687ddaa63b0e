"""The arrays of a network, as NumPy and safetensors read them."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

import mlpcli
from mlpcli.export.array_files import npz_bytes, safetensors_bytes
from mlpcli.training.model import Model

X = np.random.default_rng(3).normal(size=(30, 2))
CONFIG = {"model": {"hidden": [4]}, "training": {"epochs": 1}}


@pytest.fixture(scope="module")
def model() -> Model:
    return mlpcli.train(CONFIG, X=X, y=np.where(X[:, 0] > 0, "ja", "nein")).best


def test_npz(model: Model) -> None:
    with np.load(io.BytesIO(npz_bytes(model.checkpoint))) as arrays:
        found = dict(arrays)
    assert sorted(found) == sorted(
        ["W1", "b1", "W2", "b2", "shift", "scale", "fill", "columns", "features", "classes"]
    )
    assert found["classes"].tolist() == ["ja", "nein"]
    x = (X - found["shift"]) / found["scale"]
    logits = np.maximum(x @ found["W1"] + found["b1"], 0) @ found["W2"] + found["b2"]
    np.testing.assert_allclose(logits, model.scores(X), atol=1e-5)


def test_safetensors(model: Model) -> None:
    """The header and the places of the numbers, as the description of the format has them."""
    data = safetensors_bytes(model.checkpoint, {"mlp": "1"})
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about = header.pop("__metadata__")
    assert (about["mlp"], json.loads(about["classes"])) == ("1", ["ja", "nein"])
    assert all(isinstance(value, str) for value in about.values())
    ends = sorted(entry["data_offsets"] for entry in header.values())
    assert [start for start, _ in ends] == [0, *(end for _, end in ends[:-1])]
    assert ends[-1][1] == len(data) - 8 - length
    for name, array in model.layers.items():
        entry = header[name]
        start, end = (8 + length + place for place in entry["data_offsets"])
        assert entry["dtype"] == "F32"
        assert entry["shape"] == list(array.shape)
        np.testing.assert_array_equal(np.frombuffer(data[start:end], "<f4").reshape(array.shape), array)


def test_safetensors_are_read_by_their_own_library(model: Model) -> None:
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    found = safetensors.load(safetensors_bytes(model.checkpoint, {}))
    np.testing.assert_array_equal(found["W1"], model.layers["W1"])
    assert found["shift"].dtype == np.float64


def test_several_networks() -> None:
    found = mlpcli.cross_validate(CONFIG, X=X, y=X[:, 1], folds=2).model
    with np.load(io.BytesIO(npz_bytes(found.checkpoint))) as arrays:
        assert {"W1", "network2_W1", "network2_target_scale", "network2_features", "targets"} <= set(arrays)
