"""The boundary shows the predictions of the network, every example, and which examples are wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlpcli.figures import UnfitError
from mlpcli.figures.boundary import draw_boundary, sort_out
from mlpcli.figures.style import CLASS_COLOURS
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
TrainText = Callable[[str, Path], Path]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def places(collection: Any) -> Any:
    return np.asarray(collection.get_offsets())


def is_ring(collection: Any) -> bool:
    return len(collection.get_facecolors()) == 0 and len(collection.get_offsets()) > 0


def scatters(axes: Any) -> list[Any]:
    return [c for c in axes.collections if type(c).__name__ == "PathCollection"]


def test_every_example_is_drawn_in_the_colour_of_its_class(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    figure = draw_boundary([run])
    axes, _ = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "x2")
    points = [c for c in scatters(axes) if not is_ring(c)]
    assert sum(len(places(c)) for c in points) == 300
    train = run.splits.train
    for index in range(3):
        filled = [c for c in points if to_hex(c.get_facecolors()[0]).upper() == CLASS_COLOURS[index]]
        own = train.X[train.rows][train.y[train.rows] == index]
        assert np.allclose(np.concatenate([places(c) for c in filled]), own)
    assert legend(figure) == [
        *("class 0", "class 1", "class 2", "training", "held out (val, test)", "mistake")
    ]


def test_the_plane_is_that_of_the_columns_whatever_terms_are_inputs_too(finished: Finish) -> None:
    run = finished("circles", "training.epochs=20", "data.terms=[square, product]")
    assert run.checkpoint.network.widths[0] == 5
    axes = draw_boundary([run]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "x2")


def test_only_mistakes_are_ringed(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    expected = [
        split.X[row]
        for part, split in run.splits.parts.items()
        for row, logits in zip(split.rows, run.logits(part), strict=True)
        if logits.argmax() != split.y[row]
    ]
    assert len(expected) > 10
    ringed = [c for c in scatters(draw_boundary([run]).axes[0]) if is_ring(c)]
    assert np.allclose(np.concatenate([places(c) for c in ringed]), expected)


def test_the_title_gives_the_epoch_and_the_scores(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=30")
    split = run.splits.parts["test"]
    accuracy = np.mean(run.logits("test").argmax(axis=1) == split.y[split.rows])
    title = draw_boundary([run]).get_suptitle()
    assert title.startswith(f"spiral, epoch {run.checkpoint.epoch}\n")
    assert f"test {accuracy:.1%}" in title


def test_a_regression_over_one_feature_is_drawn_as_a_function(finished: Finish) -> None:
    run = finished("sine", "training.epochs=12")
    figure = draw_boundary([run])
    (axes,) = figure.axes
    (line,) = axes.lines
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert np.allclose(y, run.values(run.predict_logits(x[:, None]))[:, 0])
    X = np.concatenate([split.X[split.rows] for split in run.splits.parts.values()])
    assert x.min() < X.min() < X.max() < x.max()
    assert sum(len(places(c)) for c in scatters(axes)) == len(X)
    assert legend(figure)[0] == "the network"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x1", "y")


def test_a_regression_over_two_features_is_drawn_as_levels_with_a_scale(plane_values: FinishedRun) -> None:
    axes, scale = draw_boundary([plane_values]).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("width", "length")
    assert scale.get_ylabel() == "price"
    targets = plane_values.splits.train.y
    assert np.allclose(scale.get_ylim(), (targets.min(), targets.max()), atol=0.1 * np.ptp(targets))
    assert sum(len(places(c)) for c in scatters(axes)) == 80


def test_classes_over_one_feature_are_drawn_as_probabilities(trained_text: TrainText, tmp_path: Path) -> None:
    rows = "\n".join(f"{i / 10},{'no' if i < 20 else 'yes'}" for i in range(40))
    (tmp_path / "line.csv").write_text(f"dose,heals\n{rows}\n")
    config = "data: {name: csv, path: line.csv, target: heals}\ntraining: {epochs: 3}"
    figure = draw_boundary([FinishedRun.open(trained_text(config, tmp_path / "run"))])
    (axes,) = figure.axes
    assert axes.get_ylabel() == "probability"
    assert len(axes.lines) == 2
    assert np.allclose(np.asarray(axes.lines[0].get_ydata()) + np.asarray(axes.lines[1].get_ydata()), 1)
    assert legend(figure)[:2] == ["no", "yes"]


def test_six_runs_that_differ_in_two_keys_make_a_contact_sheet(finished: Finish) -> None:
    runs = [
        finished("spiral", "training.epochs=2", f"model.hidden=[{h}]", f"optimizer.learning_rate={lr}")
        for h in (100, 5, 20)
        for lr in (0.1, 0.01)
    ]
    figure = draw_boundary(runs)
    assert len(figure.axes) == 6 + 1  # and one scale for all
    tops = [axes.get_title().splitlines()[0] for axes in figure.axes[:3]]
    assert tops == ["hidden [100]", "hidden [5]", "hidden [20]"]
    assert [figure.axes[i].get_ylabel() for i in (0, 3)] == [
        "learning_rate 0.1\nx2",
        "learning_rate 0.01\nx2",
    ]
    assert len({axes.get_xlim() for axes in figure.axes[:6]}) == 1
    scores = [axes.get_title().splitlines()[-1] for axes in figure.axes[:6]]
    first = finished("spiral", "training.epochs=2", "model.hidden=[100]", "optimizer.learning_rate=0.1")
    split = first.splits.train
    accuracy = np.mean(first.logits("train").argmax(axis=1) == split.y[split.rows])
    assert scores[0].startswith(f"accuracy: train {accuracy:.1%}, test ")


@pytest.mark.parametrize("columns", [3, 5])
def test_titles_on_a_sheet_do_not_touch_each_other(finished: Finish, columns: int) -> None:
    run = finished("spiral", "training.epochs=2", "model.hidden=[5]", "optimizer.learning_rate=0.1")
    figure = draw_boundary([run] * columns, ["a name that needs more than the room of one line"] * columns)
    canvas: Any = figure.canvas
    canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:columns]]
    assert all(left.x1 + 4 < right.x0 for left, right in pairwise(boxes))
    assert boxes[0].y1 <= figure.bbox.y1


def test_a_sheet_shows_all_points_of_all_runs(finished: Finish) -> None:
    """Also if the data of the last run have a smaller range than those of the first."""
    runs = [finished("moons", "training.epochs=2", f"data.noise={noise}") for noise in (1.0, 0.1)]
    figure = draw_boundary(runs)
    for run, axes in zip(runs, figure.axes[:2], strict=True):
        X = run.splits.train.X
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert left < X[:, 0].min()
        assert X[:, 0].max() < right
        assert bottom < X[:, 1].min()
        assert X[:, 1].max() < top
        assert np.allclose(axes.images[0].get_extent(), (left, right, bottom, top))  # up to the edges
        drawn = sum(len(c.get_offsets()) for c in axes.collections if type(c).__name__ == "PathCollection")
        assert drawn >= len(run.splits.train)


@pytest.mark.exhaustive
def test_regressions_on_one_sheet_share_their_levels(trained_text: TrainText, tmp_path: Path) -> None:
    """One has targets up to 10, the other up to 100; a color means the same value in both panels."""
    for name, most in (("small", 10), ("large", 100)):
        rows = "\n".join(f"{i % 9},{i % 7},{most * (i % 9) / 8}" for i in range(60))
        (tmp_path / f"{name}.csv").write_text(f"a,b,u\n{rows}\n")
    config = "data: {name: csv, path: NAME.csv, target: u}\nloss: mse\ntraining: {epochs: 2}"
    runs = [
        FinishedRun.open(trained_text(config.replace("NAME", name), tmp_path / name))
        for name in ("large", "small")
    ]
    *panels, bar = draw_boundary(runs).axes
    assert bar.get_ylabel() == "u"
    assert {
        (c.norm.vmin, c.norm.vmax) for axes in panels for c in axes.collections if c.get_array() is not None
    } == {(0, 100)}
    assert all(tick == round(tick) for tick in bar.get_yticks())


@pytest.mark.exhaustive
def test_the_picture_of_a_flat_plane_is_no_higher_than_necessary(
    trained_text: TrainText, tmp_path: Path
) -> None:
    heights = {}
    for name, height in (("square", 8), ("flat", 5)):
        rows = "\n".join(f"{i % 9},{height * (i % 7) / 6},{i % 2}" for i in range(60))
        (tmp_path / f"{name}.csv").write_text(f"a,b,c\n{rows}\n")
        config = f"data: {{name: csv, path: {name}.csv, target: c}}\ntraining: {{epochs: 1}}"
        figure = draw_boundary([FinishedRun.open(trained_text(config, tmp_path / name))])
        figure.canvas.draw()
        heights[name] = figure.get_figheight()
        box = figure.axes[0].get_position()  # of the figure; legend and title take the rest
        assert 0.6 < box.height < 0.85
        assert box.width > 0.7
    assert heights["flat"] < heights["square"] - 1


def test_regressions_with_different_targets_do_not_share_a_sheet(
    trained_text: TrainText, tmp_path: Path
) -> None:
    rows = "\n".join(f"{i % 9},{i % 7},{i % 5},{i}" for i in range(40))
    (tmp_path / "t.csv").write_text(f"a,b,u,v\n{rows}\n")
    config = (
        "data: {name: csv, path: t.csv, target: TARGET, features: [a, b]}\nloss: mse\ntraining: {epochs: 2}"
    )
    runs = [FinishedRun.open(trained_text(config.replace("TARGET", t), tmp_path / t)) for t in ("u", "v")]
    with pytest.raises(UnfitError, match="the same classes or target"):
        draw_boundary(runs)
    chosen, reasons = sort_out([*runs, runs[1]])
    assert chosen == [runs[1], runs[1]]
    assert reasons == [f"{runs[0].directory}: has other data than {runs[1].directory}"]


def test_runs_of_different_losses_have_a_scale_each(finished: Finish) -> None:
    runs = [
        finished("moons", "training.epochs=2", f"loss=binary_{loss}") for loss in ("hinge", "cross_entropy")
    ]
    figure = draw_boundary(runs)
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == [
        "score; above 0: class 1",
        "probability of class 1",
    ]
    assert legend(figure)[-2:] == ["score 0", "margin, −1 and 1"]
    assert "training" not in legend(figure)  # no other points are drawn, and each has the color of its class


def test_runs_with_different_data_do_not_share_a_sheet(finished: Finish) -> None:
    runs = [finished("spiral", "training.epochs=2"), finished("moons", "training.epochs=2")]
    with pytest.raises(UnfitError, match="different data"):
        draw_boundary(runs)


def test_more_than_two_features_are_refused(finished: Finish) -> None:
    with pytest.raises(UnfitError, match=r"iris\.csv has 4"):
        draw_boundary([finished("iris", "training.epochs=2")])
