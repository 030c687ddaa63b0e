"""What figures of the notes share: bands hold all seeds, and planes the training points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures.notes.parts import accuracy, draw_band, draw_planes
from mlpcli.figures.style import new_figure
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def test_the_accuracy_is_that_of_mlp_eval(trained: Callable[..., RunDirectory], finished: Finish) -> None:
    best = trained("moons", "training.epochs=3").best
    for part in ("train", "test"):
        report = score_checkpoint(best, part, None)
        assert accuracy(finished("moons", "training.epochs=3"), part) == pytest.approx(report["accuracy"])


def test_a_band_goes_from_the_smallest_to_the_largest_around_the_mean() -> None:
    axes = new_figure(4, 4).subplots(1, 1)
    draw_band(axes, [1, 2], np.array([[1.0, 5.0], [3.0, 6.0], [8.0, 7.0]]))
    assert np.allclose(axes.lines[0].get_ydata(), [4, 6])
    corners = {tuple(corner) for corner in axes.collections[0].get_paths()[0].vertices.tolist()}
    assert corners == {(1, 1), (1, 8), (2, 5), (2, 7)}


def test_planes_show_the_training_points_alone(finished: Finish) -> None:
    run = finished("moons", "training.epochs=3")
    figure = draw_planes([run, run], ["left", "right"])
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["left", "right"]
    split = run.splits.train
    X = split.X[split.rows]
    for axes in panels:
        points = np.concatenate(
            [np.asarray(drawn.get_offsets()) for drawn in axes.collections if len(drawn.get_facecolors())]
        )
        assert sorted(map(tuple, points.tolist())) == sorted(map(tuple, X.tolist()))
        for (low, high), values in zip((axes.get_xlim(), axes.get_ylim()), X.T, strict=True):
            assert low < values.min() < values.max() < high
