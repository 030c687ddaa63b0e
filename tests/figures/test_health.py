"""Unit health is drawn from metrics.jsonl, with a line for each layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

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
    figure = draw_health(run)
    shown = [axes for axes in figure.axes if axes.get_ylabel()]
    assert [axes.get_ylabel() for axes in shown] == [*first, *BOTH]
    assert all(axes.get_xlabel() == "epoch" for axes in shown)
    for panel, field in ((shown[-3], "gradient_norms"), (shown[-1], "weight_norm")):
        assert len(panel.lines) == 2
        for layer, line in enumerate(panel.lines):
            assert np.array_equal(line.get_xdata(), [1, 2, 3, 4])
            assert np.array_equal(line.get_ydata(), [getattr(row, field)[layer] for row in run.rows])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["layer 1", "layer 2 (output)"]
