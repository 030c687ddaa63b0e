"""Figures of units that fail: what they show are the runs' own numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures.notes.failing import draw_dead_relu, draw_saturation
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def test_dead_units_are_drawn_over_the_learning_rate(finished: Finish) -> None:
    rates = (0.01, 3.0)
    runs = [finished("spiral", "training.epochs=3", f"optimizer.learning_rate={rate}") for rate in rates]
    dead, accuracy = draw_dead_relu(runs).axes[0].lines
    assert list(dead.get_xdata()) == list(rates)
    assert list(dead.get_ydata()) == pytest.approx([run.rows[-1].dead[0] for run in runs])
    assert list(accuracy.get_ydata()) == pytest.approx([run.rows[-1].train_accuracy for run in runs])


def test_gradients_and_saturated_outputs_are_drawn_layer_by_layer(finished: Finish) -> None:
    settings = ("training.epochs=2", "model.hidden=[8, 8]", "model.activation=sigmoid")
    runs = [finished("spiral", *settings, f"model.init.gain={gain}") for gain in (1, 100)]
    left, right = draw_saturation(runs).axes
    norms = [line for line in left.lines if len(line.get_xdata()) == 3 and line.get_marker() != "v"]
    for line, of_run, run in zip(norms, right.lines, runs, strict=True):
        row = run.rows[-1]
        assert np.allclose(line.get_ydata(), np.maximum(row.gradient_norms, 1e-8))
        assert list(of_run.get_ydata()) == pytest.approx(row.saturated)
    names = [text.get_text() for text in right.figure.legends[0].get_texts()]
    assert [name.partition(":")[0] for name in names] == ["gain 1", "gain 100"]
