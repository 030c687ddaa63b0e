"""Figures of the sizes of networks: what they show are the runs' own numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlpcli.figures.notes.sizes import draw_spread
from mlpcli.training.finished import FinishedRun


def test_the_spread_has_a_point_for_each_run(finished: Callable[..., FinishedRun]) -> None:
    runs = [
        finished("spiral", "training.epochs=3", f"model.hidden=[{size}]", f"training.seed={seed}")
        for size in (2, 9)
        for seed in range(2)
    ]
    figure = draw_spread(runs, "Luck")
    assert figure.get_suptitle() == "Luck"
    points = [y for line in figure.axes[0].lines if line.get_marker() == "o" for y in line.get_ydata()]
    assert points == pytest.approx([run.rows[-1].train_loss for run in runs])
