"""Figures of overfitting: lines and titles are the runs' own numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures.notes.parts import accuracy
from mlpcli.figures.notes.regularization import draw_forgetting, draw_large, draw_others, draw_strengths
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
SHORT = "training.epochs=4"


def test_the_titles_of_strengths_have_scores_and_norms(finished: Finish) -> None:
    runs = [finished("moons", SHORT, f"regularization.l2={l2}") for l2 in (0, 0.1)]
    titles = [axes.get_title() for axes in draw_strengths(runs).axes if axes.get_title()]
    for title, run, l2 in zip(titles, runs, ("0", "0.1"), strict=True):
        W = [layer.W for layer in run.checkpoint.network.dense]
        norm = np.sqrt(sum(np.sum(w.astype(np.float64) ** 2) for w in W))
        assert title.splitlines()[0] == f"l2 = {l2},  |W| = {norm:.2g}"
        assert f"test {accuracy(run, 'test'):.1%}" in title


def test_the_scores_of_sizes_are_means_over_seeds(finished: Finish) -> None:
    runs = {
        (l2, size): [
            finished(
                "moons",
                SHORT,
                f"model.hidden=[{size}]",
                f"regularization.l2={l2}",
                f"training.seed={seed}",
            )
            for seed in range(2)
        ]
        for l2 in (0, 0.1)
        for size in (2, 9)
    }
    figure = draw_large([run for own in runs.values() for run in own])
    for l2, line in zip((0, 0.1), figure.axes[0].lines, strict=True):
        means = [np.mean([accuracy(run, "test") for run in runs[l2, size]]) for size in (2, 9)]
        assert np.asarray(line.get_ydata()) == pytest.approx(means)


def test_forgetting_alone_shrinks_by_the_same_factor_in_each_step(finished: Finish) -> None:
    run = finished("moons", SHORT, "optimizer={name: sgd, learning_rate: 0.5}", "regularization.l2=0.1")
    norms, alone = (np.asarray(line.get_ydata()) for line in draw_forgetting([run]).axes[0].lines[:2])
    assert norms == pytest.approx([row.whole_norm for row in run.rows])
    assert alone == pytest.approx(norms[0] * 0.95 ** np.arange(4))


def test_each_way_against_overfitting_has_a_panel(finished: Finish) -> None:
    settings = ("model.dropout=0", "model.dropout=0.5", "model.input_noise=0.25")
    runs = [finished("moons", SHORT, setting) for setting in settings]
    panels = [axes for axes in draw_others(runs).axes if axes.get_title()]
    names = [axes.get_title().splitlines()[0] for axes in panels]
    assert names == ["no regularization", "dropout 0.5", "noise of 0.25 on the inputs"]
    for axes, run in zip(panels, runs, strict=True):
        lines = {str(line.get_label()): line for line in axes.lines}
        assert list(lines["validation loss"].get_ydata()) == pytest.approx([row.val_loss for row in run.rows])
        assert list(lines["training loss"].get_ydata()) == pytest.approx([row.train_loss for row in run.rows])
