"""The confusion matrix: true classes as rows, predicted ones as columns, counted over the test split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mlpcli.figures.confusion import draw_confusion
from mlpcli.training.finished import FinishedRun


def test_the_numbers_are_those_of_the_test_split(finished: Callable[..., FinishedRun]) -> None:
    run = finished("spiral", "training.epochs=3")
    split = run.splits.parts["test"]
    y, predicted = split.y[split.rows], run.logits("test").argmax(axis=1)
    figure = draw_confusion(run)
    axes, scale = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    shown = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert len(shown) == 9
    for (column, row), number in shown.items():
        assert number == np.sum((y == row) & (predicted == column))
    shares = np.asarray(axes.images[0].get_array())
    assert np.allclose(shares.sum(axis=1), 1)
    assert scale.get_ylabel() == "share of the true class"
    assert f"{np.mean(y == predicted):.1%} of 60 test examples correct" in figure.get_suptitle()


def test_classes_have_their_names(finished: Callable[..., FinishedRun]) -> None:
    axes = draw_confusion(finished("iris", "training.epochs=2")).axes[0]
    names = ["setosa", "versicolor", "virginica"]
    assert [text.get_text() for text in axes.get_xticklabels()] == names
    assert [text.get_text() for text in axes.get_yticklabels()] == names
