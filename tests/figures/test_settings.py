"""Pictures of settings: lines through values, scores against keys, importances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlpcli.figures import OF_SWEEPS, UnfitError
from mlpcli.figures.settings import DRAW, _Scale, draw_importances, draw_keys, draw_parallel
from mlpcli.figures.style import LINE_COLOURS
from mlpcli.sweep.compare import Comparison
from mlpcli.sweep.groups import Result, contrast, group_results


def comparison(seeds: int = 2, score: str = "val_accuracy") -> Comparison:
    """Return 3 x 2 settings whose score is the better, the larger both keys are."""
    results = [
        Result(
            f"{hidden} {rate} {seed}",
            {"model.hidden": [hidden], "optimizer.learning_rate": rate, "training.seed": seed},
            hidden / 100 + rate + seed / 1000,
            {},
        )
        for hidden in (3, 20, 100)
        for rate in (0.0, 0.2)
        for seed in range(seeds)
    ]
    keys, groups, _ = group_results(results, higher_is_better=not score.endswith("loss"))
    return Comparison(score, keys, groups, contrast(groups), [], [])


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_command_line_knows_all_kinds() -> None:
    assert tuple(DRAW) == OF_SWEEPS


def test_a_line_goes_through_the_values_of_a_setting_to_its_score() -> None:
    figure = draw_parallel(comparison())
    assert figure.get_suptitle() == "6 settings by their values"
    assert {"hidden", "learning_rate", "accuracy", "[3]", "[100]", "0.2"} <= set(texts(figure))
    best = [line for line in figure.axes[0].lines if to_hex(line.get_color()) == LINE_COLOURS[1].lower()]
    assert len(best) == 1
    ys = np.asarray(best[0].get_ydata(), float)
    assert ys == pytest.approx([1, 1, 1], abs=0.03)
    lines = [line for line in figure.axes[0].lines if len(np.asarray(line.get_xdata())) == 3]
    assert len(lines) == 6
    assert min(np.asarray(line.get_ydata(), float)[-1] for line in lines) == pytest.approx(0)


def test_the_best_is_on_top_where_lower_is_better() -> None:
    figure = draw_parallel(comparison(score="val_loss"))
    (best,) = [line for line in figure.axes[0].lines if to_hex(line.get_color()) == LINE_COLOURS[1].lower()]
    assert np.asarray(best.get_ydata(), float) == pytest.approx([0, 0, 1], abs=0.03)


def test_a_point_is_a_run_and_a_mark_the_mean_for_a_value() -> None:
    figure = draw_keys(comparison())
    assert [axes.get_xlabel() for axes in figure.axes] == ["hidden", "learning_rate"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["[3]", "[20]", "[100]"]
    points, means = figure.axes[0].lines
    assert len(np.asarray(points.get_xdata())) == 12
    assert np.asarray(means.get_xdata()).tolist() == [0, 1, 2]
    expected = [hidden / 100 + 0.1 + 0.0005 for hidden in (3, 20, 100)]
    assert np.asarray(means.get_ydata()) == pytest.approx(expected)
    assert all(axes.get_ylabel() == "accuracy" for axes in figure.axes)


def test_bars_are_importances_and_that_of_the_seed_is_gray() -> None:
    figure = draw_importances({"optimizer.learning_rate": 0.75, "training.seed": 0.25})
    bars: Any = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [0.75, 0.25]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["learning_rate", "the seed"]
    colours = [to_hex(bar.get_facecolor()) for bar in bars]
    assert colours == [LINE_COLOURS[0].lower(), "#888888"]


def test_runs_that_differ_in_seeds_alone_have_no_settings() -> None:
    results = [Result(str(i), {"training.seed": i}, 0.5, {}) for i in range(3)]
    keys, groups, _ = group_results(results, higher_is_better=True)
    found = Comparison("val_accuracy", keys, groups, [], [], [])
    for draw in (draw_parallel, draw_keys):
        with pytest.raises(UnfitError, match="differ in nothing but their seeds"):
            draw(found)
    with pytest.raises(UnfitError, match="key_importance: 3 runs finished"):
        DRAW["key_importance"](found)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.1, 1e-3, 10.0], [(-3, "0.001"), (-1, "0.1"), (1, "10")]),
        # drawn from log(1e-4, 10): two lie near each other, and 0.033 is no nearer to 5 than it is
        ([0.0002, 0.00035, 0.033, 0.035, 5.0], [(-3, "0.001"), (-2, "0.01"), (-1, "0.1"), (0, "1")]),
        ([3, 1, 2], [(1, "1"), (2, "2"), (3, "3")]),
        ([0, 0.01, 0.1, 0.5], [(0, "0"), (1, "0.01"), (2, "0.1"), (3, "0.5")]),  # side by side
        ([[20], [3], [5, 5]], [(0, "[3]"), (1, "[20]"), (2, "[5, 5]")]),
        (["tanh", "relu", None], [(0, "null"), (1, "relu"), (2, "tanh")]),
        ([True, False], [(0, "false"), (1, "true")]),
        (
            [i / 10 for i in range(11)],
            [(0, "0"), (0.2, "0.2"), (0.4, "0.4"), (0.6, "0.6"), (0.8, "0.8"), (1, "1")],
        ),
        ([1.5 * 10 ** (i / 4 - 4) for i in range(17)], [(-3, "0.001"), (-2, "0.01"), (-1, "0.1"), (0, "1")]),
    ],
)
def test_values_on_an_axis(values: list[Any], ticks: list[tuple[float, str]]) -> None:
    found = _Scale.of(values).ticks()
    assert [text for _, text in found] == [text for _, text in ticks]
    assert [place for place, _ in found] == pytest.approx([place for place, _ in ticks])


@pytest.mark.parametrize(("settings", "has_means"), [(3, True), (12, False)])
def test_the_title_tells_of_means_where_they_are_drawn(settings: int, has_means: bool) -> None:
    results = [
        Result(str(i), {"optimizer.learning_rate": 0.1 + i, "training.seed": 0}, i / 20, {})
        for i in range(settings)
    ]
    keys, groups, _ = group_results(results, higher_is_better=True)
    figure = draw_keys(Comparison("val_accuracy", keys, groups, [], [], []))
    assert ("mean for each value" in figure.get_suptitle()) == has_means
    assert (len(figure.axes[0].lines) == 2) == has_means


def test_names_that_would_be_markup_are_text() -> None:
    results = [
        Result(str(i), {"data.path$x$": f"$\\frac{{{i}}}", "training.seed": 0}, i / 9, {}) for i in range(4)
    ]
    keys, groups, _ = group_results(results, higher_is_better=True)
    found = Comparison("val_accuracy", keys, groups, [], [], [])
    for draw in (draw_parallel, draw_keys):
        figure = draw(found)
        canvas: Any = figure.canvas
        canvas.draw()
