"""The plan of the layers: which layers a config asks for, in which order, and what is written twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import make_experiment, validate_experiment
from mlpcli.config.plan import plan_network, plan_widths
from mlpcli.config.schema import to_plain
from mlpcli.errors import ConfigError
from mlpcli.specs import NetworkSpec


def plan(**model: Any) -> NetworkSpec:
    experiment = validate_experiment({"data": "spiral", "model": model}, Path())
    widths = experiment.widths()
    assert widths is not None
    return plan_network(experiment.model, widths)


def test_the_layers_stand_in_the_order_of_the_forward_pass() -> None:
    spec = plan(
        hidden=[
            {"units": 4, "norm": "batch", "dropout": 0.5},
            {"units": 4, "residual": True, "norm": "layer"},
        ],
        activation="maxout",
        input_noise=0.1,
        input_dropout=0.1,
    )
    assert [layer.kind for layer in spec.layers] == [
        *("noise", "dropout", "dense", "batch_norm", "maxout", "dropout", "residual", "dense"),
    ]
    assert [layer.kind for layer in spec.walk()][6:] == ["dense", "layer_norm", "maxout", "residual", "dense"]
    assert [array.name for array in spec.parameters] == [
        *("W1", "b1", "gamma1", "beta1", "W2", "b2", "gamma2", "beta2", "W3", "b3"),
    ]
    assert [array.name for array in spec.state] == ["mean1", "var1"]


def test_only_the_layers_behind_the_first_need_the_gradient_by_their_input() -> None:
    spec = plan_widths((3, 4, 5, 2))
    dense = [layer for layer in spec.layers if layer.kind == "dense"]
    assert [[buffer.role for buffer in layer.buffers] for layer in dense] == [["Y"], ["Y", "dX"], ["Y", "dX"]]


NORMS_WRITTEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "batch_norm": ({"batch_norm": True}, ["batch", "batch"]),
    "not batch_norm": ({"batch_norm": False}, ["none", "none"]),
    "both, agreeing": ({"batch_norm": True, "norm": "batch"}, ["batch", "batch"]),
    "layer norm is no batch norm": ({"batch_norm": False, "norm": "layer"}, ["layer", "layer"]),
    "of one layer": ({"hidden": [3, {"units": 3, "batch_norm": True}], "norm": "layer"}, ["layer", "batch"]),
    "not of one layer": (
        {"hidden": [3, {"units": 3, "batch_norm": False}], "norm": "batch"},
        ["batch", "none"],
    ),
    "null": ({"hidden": [3, {"units": 3, "batch_norm": None}], "norm": "batch"}, ["batch", "batch"]),
}


@pytest.mark.parametrize(("model", "expected"), NORMS_WRITTEN.values(), ids=NORMS_WRITTEN)
def test_batch_norm_is_a_way_to_write_norm(model: dict[str, Any], expected: list[str]) -> None:
    experiment = validate_experiment({"data": "spiral", "model": {"hidden": [3, 3], **model}}, Path())
    assert [experiment.model.resolved(layer).norm for layer in experiment.model.hidden] == expected
    assert "batch_norm" not in str(to_plain(experiment))


NORMS_CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "norm over batch_norm": ({"batch_norm": True}, {"model.norm": "none"}, "none"),
    "another norm over batch_norm": ({"batch_norm": True}, {"model": {"norm": "layer"}}, "layer"),
    "batch_norm over the norm of a resolved config": ({"norm": "none"}, {"model.batch_norm": True}, "batch"),
    "no batch_norm over norm": ({"norm": "batch"}, {"model.batch_norm": False}, "none"),
    "batch_norm over another norm": ({"norm": "layer"}, {"model.batch_norm": True}, "batch"),
}


@pytest.mark.parametrize(("model", "change", "expected"), NORMS_CHANGED.values(), ids=NORMS_CHANGED)
def test_of_the_two_spellings_the_later_change_counts(
    model: dict[str, Any], change: dict[str, Any], expected: str
) -> None:
    assert make_experiment({"data": "spiral", "model": model}, change).model.norm == expected


NORMS_WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "both, contradicting": ({"batch_norm": True, "norm": "none"}, "batch_norm: true contradicts norm: none"),
    "contradiction": (
        {"batch_norm": True, "norm": "layer"},
        "model: batch_norm: true contradicts norm: layer",
    ),
    "the other way": (
        {"batch_norm": False, "norm": "batch"},
        "model: batch_norm: false contradicts norm: batch",
    ),
    "a number": ({"batch_norm": 1}, "model: batch_norm is 1; it must be true or false"),
    "of a layer": (
        {"hidden": [{"units": 3, "batch_norm": "yes"}]},
        "model.hidden.0: batch_norm is 'yes'; it must be true or false",
    ),
    "unknown": ({"norm": "group"}, 'model.norm: "group"'),
}


@pytest.mark.parametrize(("model", "expected"), NORMS_WRONG.values(), ids=NORMS_WRONG)
def test_a_norm_that_cannot_be_meant(model: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate_experiment({"data": "spiral", "model": model}, Path())
    assert expected in str(caught.value)
