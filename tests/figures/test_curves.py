"""Learning curves show the values of metrics.jsonl, mark the best epoch, and label every line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlpcli.figures.curves import draw_curves
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def legend(figure: object) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]  # type: ignore[attr-defined]


def test_one_run_shows_loss_and_accuracy_of_both_splits(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    figure = draw_curves([run])
    loss, accuracy = figure.axes
    assert loss.get_xlabel() == accuracy.get_xlabel() == "epoch"
    assert loss.get_ylabel() == "cross entropy loss\n(nats per example)"
    lines = {line.get_label(): line for line in loss.lines}
    assert np.array_equal(lines["spiral train"].get_xdata(), range(1, 31))
    assert np.array_equal(lines["spiral train"].get_ydata(), [row.train_loss for row in run.rows])
    assert np.array_equal(lines["spiral val"].get_ydata(), [row.val_loss for row in run.rows])
    shown = {line.get_label(): line.get_ydata() for line in accuracy.lines}
    assert np.array_equal(shown["spiral val"], [row.val_accuracy for row in run.rows])
    assert lines["spiral train"].get_color() != lines["spiral val"].get_color()


def test_the_best_epoch_is_marked(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    best = max(run.rows, key=lambda row: (row.val_accuracy, -row.val_loss))
    assert run.best_epoch == best.epoch
    figure = draw_curves([run])
    for axes, value in zip(figure.axes, (best.val_loss, best.val_accuracy), strict=True):
        (mark,) = (line for line in axes.lines if line.get_marker() == "o")
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (best.epoch, value)  # type: ignore[index]
    assert f"best epoch, {best.epoch}" in legend(figure)


def test_a_regression_shows_r2(finished: Finish) -> None:
    run = finished("sine", "training.epochs=12")
    loss, r2 = draw_curves([run]).axes
    assert loss.get_ylabel() == "mse loss\n(of scaled targets)"
    assert r2.get_ylabel().startswith("R2")
    assert [line.get_label() for line in r2.lines if len(line.get_xdata()) == 12] == ["sine val"]


def test_the_score_that_chooses_the_best_epoch_has_a_panel(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "training.monitor=roc_auc")
    panel = draw_curves([run]).axes[2]
    assert panel.get_ylabel() == "ROC AUC"
    assert np.array_equal(panel.lines[0].get_ydata(), [row.val_roc_auc for row in run.rows])


def test_a_loss_with_a_large_range_has_a_logarithmic_axis(finished: Finish) -> None:
    loss = draw_curves([finished("sine", "training.epochs=12")]).axes[0]
    ratio = max(loss.lines[0].get_ydata()) / min(loss.lines[0].get_ydata())
    assert (loss.get_yscale() == "log") == (ratio > 30)


def test_one_epoch_is_one_tick(finished: Finish) -> None:
    for axes in draw_curves([finished("spiral", "training.epochs=1")]).axes:
        left, right = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if left <= tick <= right] == [1]


def test_several_runs_are_named_by_the_keys_that_differ(finished: Finish) -> None:
    runs = [
        finished("spiral", "training.epochs=5", f"model.hidden=[{h}]", f"optimizer.learning_rate={lr}")
        for h, lr in ((20, 0.1), (5, 0.1), (5, 0.01))
    ]
    figure = draw_curves(runs)
    assert legend(figure) == [  # in the order of the values
        "hidden [5], learning_rate 0.01",
        "hidden [5], learning_rate 0.1",
        "hidden [20], learning_rate 0.1",
        "training",
        "validation",
        "best epoch",
    ]
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 5]
    assert len(lines) == 6
    assert len({line.get_color() for line in lines}) == 3
    assert [line.get_linestyle() for line in lines] == ["--", "-"] * 3


def test_runs_of_different_penalties_show_how_the_weights_grow(finished: Finish) -> None:
    strengths = (0.0, 0.1, 1.0)
    runs = [finished("spiral", "training.epochs=20", f"regularization.l2={l2}") for l2 in strengths]
    panel = draw_curves(runs).axes[-1]
    assert panel.get_ylabel() == "norm of the weights, |W|"
    ends = [line.get_ydata()[-1] for line in panel.lines]  # type: ignore[index]
    assert ends == [run.rows[-1].whole_norm for run in runs]
    assert ends[0] > 1.5 * ends[1] > 2 * ends[2]  # the stronger the penalty, the more is forgotten
    others = [finished("spiral", "training.epochs=20", f"training.seed={seed}") for seed in (1, 2)]
    assert len(draw_curves(others).axes) == 2


def test_different_losses_have_no_common_unit(finished: Finish) -> None:
    runs = [finished("spiral", "training.epochs=5", f"loss={loss}") for loss in ("cross_entropy", "hinge")]
    figure = draw_curves(runs)
    assert figure.axes[0].get_ylabel() == "loss"
    assert legend(figure)[:2] == ["loss cross_entropy", "loss hinge"]
