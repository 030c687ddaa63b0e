"""Figures of the sizes of networks: what they show are the runs' own numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures.notes.parts import accuracy
from mlpcli.figures.notes.sizes import draw_approximations, draw_depth, draw_sizes, draw_spread
from mlpcli.training.finished import FinishedRun


def test_the_spread_has_a_point_for_each_run(finished: Callable[..., FinishedRun]) -> None:
    runs = [
        finished("spiral", "training.epochs=3", f"model.hidden=[{size}]", f"training.seed={seed}")
        for size in (2, 9)
        for seed in range(2)
    ]
    figure = draw_spread(runs)
    points = [y for line in figure.axes[0].lines if line.get_marker() == "o" for y in line.get_ydata()]
    assert points == pytest.approx([run.rows[-1].train_loss for run in runs])
    assert figure.axes[0].get_yscale() == "log"  # so that the spread of small losses can be seen


def test_the_titles_of_sizes_have_units_and_scores(finished: Callable[..., FinishedRun]) -> None:
    runs = [finished("moons", "training.epochs=3", f"model.hidden=[{size}]") for size in (2, 9)]
    titles = [axes.get_title() for axes in draw_sizes(runs).axes if axes.get_title()]
    for title, run, size in zip(titles, runs, (2, 9), strict=True):
        scores = f"train {accuracy(run, 'train'):.0%}, test {accuracy(run, 'test'):.1%}"
        assert title == f"{size} hidden units\n{scores}"


def test_depths_have_a_point_for_each_run_and_their_mean(finished: Callable[..., FinishedRun]) -> None:
    runs = [
        finished("moons", "training.epochs=3", f"model.hidden={hidden}", f"training.seed={seed}")
        for hidden in ("[9]", "[4,4]")
        for seed in range(2)
    ]
    (axes,) = draw_depth(runs).axes
    scores = [accuracy(run, "test") for run in runs]
    points = [y for line in axes.lines if line.get_marker() == "o" for y in line.get_ydata()]
    assert points == pytest.approx(scores)
    means = [line.get_ydata()[0] for line in axes.lines if line.get_marker() != "o"]
    assert means == pytest.approx([np.mean(scores[:2]), np.mean(scores[2:])])
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert names == ["2 layers\n1 × 9 units", "3 layers\n2 × 4 units"]
    assert "42 to 47 parameters" in axes.get_xlabel()


def test_approximations_have_their_error_on_the_test_points(finished: Callable[..., FinishedRun]) -> None:
    runs = [finished("sine", f"model.hidden={hidden}", "training.epochs=3") for hidden in ("[]", "[5]")]
    titles = [axes.get_title() for axes in draw_approximations(runs).axes]
    for title, run, units in zip(titles, runs, ("no", "5"), strict=True):
        test = run.splits.parts["test"]
        error = np.mean((run.values(run.predict_logits(test.X[test.rows])) - test.y[test.rows]) ** 2)
        assert title == f"{units} hidden units\nmean squared error {error:.1g}"
