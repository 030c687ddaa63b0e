"""Inputs, outputs and names of the graph; that it computes the right thing is shown by the files."""

from __future__ import annotations

import numpy as np
import pytest

import mlpcli
from mlpcli.export.graph import build_graph, class_labels
from mlpcli.export.symbols import steps_of

X = np.random.default_rng(3).normal(size=(30, 2))


def test_arrays_have_the_names_of_the_checkpoint() -> None:
    config = {"model": {"hidden": [4], "norm": "batch", "activation": "prelu"}, "training": {"epochs": 1}}
    model = mlpcli.train(config, X=X, y=X[:, 0] > 0).best
    graph = build_graph(model.checkpoint)
    named = {node.name for node in steps_of(graph.outputs.values())}
    assert named >= {"W1", "b1", "mean1", "beta1", "a1", "W2", "b2", "shift", "scale", "z1", "h1"}


def test_inputs_and_outputs() -> None:
    graph = build_graph(mlpcli.train("spiral", **{"training.epochs": 1}).best.checkpoint)
    assert graph.columns == {"X": ("x1", "x2")}
    assert list(graph.outputs) == ["label", "probabilities"]
    table = build_graph(mlpcli.train("penguins", **{"training.epochs": 1}).best.checkpoint)
    assert list(table.inputs)[:2] == ["island", "bill_length_mm"]
    assert table.inputs["island"].dtype == object
    assert table.inputs["bill_length_mm"].shape == (1, 1)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0", "1", "10"], [0, 1, 10]),
        (["-1", "1"], [-1, 1]),
        (["01", "1"], ["01", "1"]),
        (["1.0", "2"], ["1.0", "2"]),
        (["False", "True"], ["False", "True"]),
        (["0", str(2**63)], ["0", str(2**63)]),
        (["-", "+"], ["-", "+"]),
    ],
)
def test_labels(names: list[str], expected: list[object]) -> None:
    assert class_labels(names).tolist() == expected
