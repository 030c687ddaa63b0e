"""Learning curves show the values of metrics.jsonl, mark the best epoch, and label every line."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
import pytest

from mlpcli.colours import SPLIT_COLOURS
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
    assert [lines[f"spiral {part}"].get_color() for part in ("train", "val")] == [
        SPLIT_COLOURS[part] for part in ("train", "val")
    ]


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


@pytest.mark.parametrize(("epochs", "scale"), [(3, "linear"), (120, "log")])
def test_a_loss_with_a_large_range_has_a_logarithmic_axis(finished: Finish, epochs: int, scale: str) -> None:
    run = finished("spiral", f"training.epochs={epochs}")
    losses = [loss for row in run.rows for loss in (row.train_loss, row.val_loss or 1)]
    assert (max(losses) > 10 * min(losses)) == (scale == "log")
    loss = draw_curves([run]).axes[0]
    assert (loss.get_yscale(), loss.get_xscale()) == (scale, "linear")


def test_the_best_scores_are_written_with_their_epoch(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    best = run.rows[run.best_epoch - 1]
    (loss,), (accuracy,) = (axes.texts for axes in draw_curves([run]).axes)
    assert loss.get_text() == f"{best.val_loss:.3g} after epoch {best.epoch}"
    assert accuracy.get_text() == f"{best.val_accuracy:.1%} after epoch {best.epoch}"


def test_runs_that_differ_in_their_seeds_are_a_mean_with_a_band(finished: Finish) -> None:
    runs = [finished("spiral", "training.epochs=6", f"training.seed={seed}") for seed in range(3)]
    figure = draw_curves(runs)
    assert figure.get_suptitle() == "3 seeds: learning curves"
    assert legend(figure)[-1] == "smallest to largest, around the mean"
    values = np.array([[row.val_loss for row in run.rows] for run in runs])
    (line,) = (line for line in figure.axes[0].lines if line.get_label() == "3 seeds val")
    assert line.get_color() == SPLIT_COLOURS["val"]
    assert np.allclose(np.asarray(line.get_ydata()), values.mean(axis=0))
    band = figure.axes[0].collections[-1].get_paths()[0].vertices
    for epoch in range(1, 7):
        heights = band[np.isclose(band[:, 0], epoch), 1]
        assert heights.min() == pytest.approx(values[:, epoch - 1].min())
        assert heights.max() == pytest.approx(values[:, epoch - 1].max())


def test_each_setting_has_a_band_over_its_seeds(finished: Finish) -> None:
    runs = [
        finished("spiral", "training.epochs=6", f"training.seed={seed}", f"regularization.l2={l2}")
        for l2 in (0.1, 0.0)
        for seed in range(3)
    ]
    figure = draw_curves(runs)
    assert legend(figure)[:2] == ["l2 0.1 (3 seeds)", "l2 0 (3 seeds)"]
    assert len(figure.axes[0].lines) == 4
    assert len(draw_curves(runs[:5]).axes[0].lines) == 5 * 3  # two seeds are no band: curves, and best epochs


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
    assert legend(figure) == [  # in the order in which they are given
        "hidden [20], learning_rate 0.1",
        "hidden [5], learning_rate 0.1",
        "hidden [5], learning_rate 0.01",
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


def test_each_kind_of_loss_has_a_panel(finished: Finish) -> None:
    runs = [finished("spiral", "training.epochs=5", f"loss={loss}") for loss in ("cross_entropy", "hinge")]
    runs.append(finished("sine", "training.epochs=5"))
    figure = draw_curves(runs)
    names = ["cross entropy loss", "hinge loss", "mse loss", "accuracy", "R2"]
    assert [axes.get_ylabel().partition("\n")[0] for axes in figure.axes][:5] == names
    for axes, run in zip(figure.axes, runs, strict=False):
        drawn = [line for line in axes.lines if line.get_label().endswith((" train", " val"))]
        assert np.array_equal(drawn[1].get_ydata(), [row.val_loss for row in run.rows])
        assert len(drawn) == 2


def test_the_label_of_the_best_epoch_is_where_no_line_runs(finished: Finish) -> None:
    run = copy(finished("spiral", "training.epochs=30"))
    for best in range(1, 31, 7):
        run.best_epoch = best
        figure = draw_curves([run])
        for axes in figure.axes:
            (text,) = axes.texts
            box = text.get_window_extent()
            assert not any(
                line.get_transform().transform_path(line.get_path()).intersects_bbox(box, filled=False)
                for line in axes.lines
            )
