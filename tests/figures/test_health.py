"""Unit health is drawn from metrics.jsonl, with a line for each layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures import UnfitError
from mlpcli.figures.health import draw_health
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
BOTH = ["norm of the gradient of W", "update ratio, |change of W| / |W|", "norm of W"]


@pytest.mark.parametrize(
    ("activation", "first"), [("relu", ["dead units"]), ("tanh", ["saturated outputs"]), ("identity", [])]
)
def test_there_is_a_panel_for_each_way_in_which_units_fail(
    activation: str, first: list[str], finished: Finish
) -> None:
    run = finished("spiral", "training.epochs=4", f"model.activation={activation}")
    figure = draw_health([run])
    shown = [axes for axes in figure.axes if axes.get_ylabel()]
    assert [axes.get_ylabel() for axes in shown] == [*first, *BOTH]
    assert all(axes.get_xlabel() == "epoch" for axes in shown)
    for panel, field in ((shown[-3], "gradient_norms"), (shown[-1], "weight_norm")):
        assert len(panel.lines) == 2
        for layer, line in enumerate(panel.lines):
            assert np.array_equal(line.get_xdata(), [1, 2, 3, 4])
            assert np.array_equal(line.get_ydata(), [getattr(row, field)[layer] for row in run.rows])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["layer 1", "layer 2 (output)"]


def test_the_share_of_dead_units_is_written_with_its_epoch(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=4")
    (text,) = draw_health([run]).axes[0].texts
    assert text.get_text() == f"layer 1: {run.rows[-1].dead[0]:.0%} after epoch 4"


def test_several_runs_are_compared_layer_by_layer(finished: Finish) -> None:
    runs = [
        finished("spiral", "training.epochs=4", f"optimizer.learning_rate={rate}") for rate in (0.1, 0.01)
    ]
    figure = draw_health(runs)
    titled = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(titled) == ["dead units", *BOTH]
    (first, second) = titled["norm of W"].lines
    for line, run in ((first, runs[0]), (second, runs[1])):
        assert np.array_equal(line.get_ydata(), [row.weight_norm[0] for row in run.rows if row.weight_norm])
    below = figure.axes[len(titled) :]
    assert [len(axes.lines) > 0 for axes in below] == [False, True, True, True]  # the outputs cannot die
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "learning_rate 0.1",
        "learning_rate 0.01",
    ]


def test_runs_of_different_depth_are_not_compared(finished: Finish) -> None:
    runs = [finished("spiral", "training.epochs=2", f"model.hidden={hidden}") for hidden in ([5], [5, 5])]
    with pytest.raises(UnfitError, match="the runs have 2 and 3 layers"):
        draw_health(runs)
