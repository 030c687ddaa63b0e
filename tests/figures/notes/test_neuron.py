"""The figure of a single neuron names its losses and draws a line, or a line and a margin."""

from __future__ import annotations

from collections.abc import Callable

from mlpcli.figures.notes.neuron import draw_neuron
from mlpcli.training.finished import FinishedRun


def test_a_neuron_is_drawn_as_a_softmax_classifier_and_as_an_svm(
    finished: Callable[..., FinishedRun],
) -> None:
    losses = ("binary_cross_entropy", "binary_hinge")
    figure = draw_neuron([finished("notes/neuron", f"loss={loss}") for loss in losses])
    softmax, svm, *bars = figure.axes
    assert [axes.get_title().splitlines()[0] for axes in (softmax, svm)] == [
        "softmax classifier, logistic loss",
        "SVM, hinge loss",
    ]
    assert [len(bar.get_xlabel()) > 0 for bar in bars] == [True, True]
    lines = [
        sum(len(c.levels) for c in axes.collections if type(c).__name__ == "QuadContourSet")
        for axes in (softmax, svm)
    ]
    assert lines == [1, 3]
