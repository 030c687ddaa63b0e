"""Inputs that are all positive make the weights of a neuron zig-zag; centered ones do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlpcli.figures.notes.zigzag import draw_zigzag
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
Pair = tuple[FinishedRun, FinishedRun]


@pytest.fixture(scope="module")
def pair(finished: Finish) -> Pair:
    positive, centered = (finished("notes/zigzag", f"data.scaling={name}") for name in ("none", "center"))
    return positive, centered


def path_of(axes: Any) -> Any:
    """Return the weights (steps + 1, 2) that a panel shows."""
    return np.column_stack(axes.lines[0].get_data())


def test_every_step_on_positive_inputs_moves_both_weights_in_the_same_direction(pair: Pair) -> None:
    figure = draw_zigzag(pair)
    assert (pair[0].splits.train.X > 0).all()
    same, straight = [], []
    for axes, run in zip(figure.axes, pair, strict=False):
        path = path_of(axes)
        assert len(path) == 151
        assert np.allclose(path[-1], run.checkpoint.network.dense[0].W[:, 0])  # the path of this very run
        steps = np.diff(path, axis=0)
        same.append(np.mean(np.prod(steps, axis=1) > 0))
        straight.append(np.linalg.norm(path[-1] - path[0]) / np.linalg.norm(steps, axis=1).sum())
    assert same[0] == 1
    assert same[1] < 0.7
    assert straight[1] > 4 * straight[0]  # the way covered, of the length of the path
    titles = [axes.get_title() for axes in figure.axes[2:]]
    assert titles[0] == "150 of 150 steps move\nboth weights in the same direction"
    assert titles[1].startswith("63 of 150")
    assert titles[1].endswith("(axes enlarged 9 times)")
    reach = [axes.get_xlim()[1] for axes in figure.axes[2:]]
    assert round(reach[0] / reach[1]) == 9


def test_the_same_steps_lead_to_a_smaller_loss_with_centred_inputs(pair: Pair) -> None:
    def loss(run: FinishedRun) -> float:
        split = run.splits.train
        y = split.y[split.rows].astype(np.float64)
        wrong = run.values(run.logits("train")).astype(np.float64) - y
        return float(np.mean(wrong**2) / np.var(y))

    positive, centered = map(loss, pair)
    assert centered < 0.6 * positive
    titles = [axes.get_title().splitlines()[-1] for axes in draw_zigzag(pair).axes[:2]]
    assert titles == [f"loss after 150 steps: {value:.2f}" for value in (positive, centered)]
