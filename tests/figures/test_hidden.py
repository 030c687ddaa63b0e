"""The bent plane shows the outputs of the hidden layers, as the network computes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcli.figures import UnfitError
from mlpcli.figures.hidden import draw_hidden, hidden_outputs
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
TrainText = Callable[[str, Path], Path]


def test_two_units_are_drawn_unchanged(finished: Finish) -> None:
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
    (outputs,) = hidden_outputs(run.checkpoint.network, run.checkpoint.transform.apply(split.X[split.rows]))
    assert len(shown) == len(split)
    # Each point is one of the outputs, and each output is drawn: whole pairs, not only each coordinate.
    apart = np.abs(shown[:, None] - outputs[None]).max(axis=2)
    assert max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 1e-5


def test_many_units_are_drawn_by_principal_components(finished: Finish) -> None:
    bent = draw_hidden(finished("spiral", "training.epochs=3")).axes[1]
    assert bent.get_xlabel().startswith("principal component 1 (")
    assert bent.get_ylabel().startswith("principal component 2 (")


def test_a_regression_has_a_colour_bar(trained_text: TrainText, tmp_path: Path) -> None:
    rows = "\n".join(f"{i % 9},{i % 7},{i % 9 - i % 7}" for i in range(60))
    (tmp_path / "t.csv").write_text(f"a,b,price\n{rows}\n")
    config = "data: {name: csv, path: t.csv, target: price}\nloss: mse\ntraining: {epochs: 1}"
    *panels, bar = draw_hidden(FinishedRun.open(trained_text(config, tmp_path / "run"))).axes
    assert bar.get_ylabel() == "price"
    for axes in panels:
        (points,) = (c for c in axes.collections if type(c).__name__ == "PathCollection")
        assert (points.norm.vmin, points.norm.vmax) == bar.get_ylim()


def test_a_linear_classifier_is_refused(finished: Finish) -> None:
    with pytest.raises(UnfitError, match="needs a hidden layer"):
        draw_hidden(finished("spiral", "training.epochs=2", "model.hidden=[]"))
