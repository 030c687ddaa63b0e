"""ROC and precision-recall curves: their points, and the areas below them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures.roc import draw_roc
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import Classified
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def measured(run: FinishedRun) -> Classified:
    split = run.splits.parts["test"]
    return Classified.of(run.loss, run.logits("test"), split.y[split.rows])


def test_the_areas_below_the_curves_are_the_scores(finished: Finish) -> None:
    run = finished("moons", "training.epochs=3")
    rows = measured(run)
    roc, pr = draw_roc(run).axes
    x, y = (np.asarray(data) for data in roc.lines[0].get_data())
    assert np.trapezoid(y, x) == pytest.approx(MEASURES["roc_auc"].compute(rows))
    recall, precision = (np.asarray(data) for data in pr.lines[0].get_data())
    area = np.sum(np.diff(recall) * precision[1:])  # steps
    assert area == pytest.approx(MEASURES["pr_auc"].compute(rows))
    assert (recall[0], recall[-1]) == (0, 1)


def test_each_class_has_its_curve_in_its_color(finished: Finish) -> None:
    figure = draw_roc(finished("iris", "training.epochs=2"))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["setosa", "versicolor", "virginica", "at random"]
    colours = [line.get_color() for line in figure.axes[0].lines[:3]]
    assert len(set(colours)) == 3


def test_many_classes_are_not_named(finished: Finish) -> None:
    run = finished("blobs", "data.classes=20", "training.epochs=1")
    figure = draw_roc(run)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["each of 20 classes", "at random"]
    assert f"ROC AUC {MEASURES['roc_auc'].compute(measured(run)):.3f}" in figure.get_suptitle()
