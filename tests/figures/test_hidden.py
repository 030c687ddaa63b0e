"""The bent plane shows the outputs of the hidden layers, as they come out of the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures import UnfitError
from mlpcli.figures.hidden import draw_hidden, hidden_outputs
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def test_outputs_are_those_worked_out_by_hand(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "model.hidden=[5, 4]")
    network = run.checkpoint.network
    X = np.random.default_rng(0).standard_normal((7, 2)).astype(np.float32)
    expected, A = [], X
    for dense in network.dense[:2]:
        A = np.maximum(A @ dense.W + dense.b, 0)
        expected.append(A)
    for found, wanted in zip(hidden_outputs(network, X), expected, strict=True):
        assert np.allclose(found, wanted, atol=1e-6)


def test_two_units_are_drawn_as_they_are(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "model.hidden=[2]", "model.activation=tanh")
    figure = draw_hidden(run)
    assert [axes.get_title() for axes in figure.axes] == [
        "the plane",
        "layer 1: 2 units",
        "output: 3 units",
    ]
    bent = figure.axes[1]
    assert (bent.get_xlabel(), bent.get_ylabel()) == ("output of unit 1", "output of unit 2")
    points = [c for c in bent.collections if type(c).__name__ == "PathCollection"]
    shown = np.concatenate([np.asarray(c.get_offsets()) for c in points])
    split = run.splits.train
    (outputs,) = hidden_outputs(run.checkpoint.network, run.checkpoint.scaling.apply(split.X[split.rows]))
    assert len(shown) == len(split)
    # Each point is one of the outputs, and each output is there: whole pairs, not the two axes on their own.
    apart = np.abs(shown[:, None] - outputs[None]).max(axis=2)
    assert max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 1e-5


def test_many_units_are_drawn_by_principal_components(finished: Finish) -> None:
    bent = draw_hidden(finished("spiral", "training.epochs=3")).axes[1]
    assert bent.get_xlabel().startswith("principal component 1 (")
    assert bent.get_ylabel().startswith("principal component 2 (")


def test_a_linear_classifier_bends_nothing(finished: Finish) -> None:
    with pytest.raises(UnfitError, match="needs a hidden layer"):
        draw_hidden(finished("spiral", "training.epochs=2", "model.hidden=[]"))
