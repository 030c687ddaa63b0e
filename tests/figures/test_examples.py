"""The picture shows mistakes, and the most confident ones first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.figures import UnfitError
from mlpcli.figures.examples import draw_examples, find_mistakes
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def test_mistakes_are_sorted_by_confidence(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    split = run.splits.parts["test"]
    logits = run.logits("test").astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y, predicted = split.y[split.rows], logits.argmax(axis=1)
    mistakes = find_mistakes(run, "test")
    assert {m.row for m in mistakes} == set(split.rows[predicted != y].tolist())
    confidences = [m.confidence for m in mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] == pytest.approx(shares.max(axis=1)[predicted != y].max(), rel=1e-5)


def test_rows_are_listed_with_their_features(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    mistakes = find_mistakes(run, "test")
    figure = draw_examples(run)
    (axes,) = figure.axes
    first = axes.texts[0].get_text()
    x1, x2 = run.splits.train.X[mistakes[0].row]
    assert first.startswith(f"row {mistakes[0].row + 1}: {mistakes[0].true}, predicted ")
    assert first.endswith(f"x1 {x1:.3g}, x2 {x2:.3g}")
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == [m.confidence for m in mistakes[:12]]
    assert axes.get_xlabel() == "probability of the predicted class"


def test_images_are_drawn_as_images(cifar10: FinishedRun) -> None:
    mistakes = find_mistakes(cifar10, "test")
    figure = draw_examples(cifar10)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == min(len(mistakes), 24)
    image = np.asarray(shown[0].images[0].get_array())
    pixels = cifar10.splits.parts["test"].X[mistakes[0].row].reshape(3, 32, 32).transpose(1, 2, 0)
    assert np.allclose(image, pixels / 255)
    names = cifar10.checkpoint.classes
    assert names is not None
    for axes, mistake in zip(shown, mistakes, strict=False):
        true, predicted = (names[i] for i in (mistake.true, mistake.predicted))
        first, last = axes.get_title().split("\n")
        assert f"{first} {last}".startswith(f"{true}, predicted {predicted}")
        assert len(first) < 24
        assert (last == f"{mistake.confidence:.1%}") == (len(true + predicted) <= 8)


def test_a_run_without_mistakes_is_refused(finished: Finish) -> None:
    with pytest.raises(UnfitError, match="makes no mistakes on"):
        draw_examples(finished("circles"))


def test_an_svm_has_scores_not_probabilities(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "loss=hinge")
    (axes,) = draw_examples(run).axes
    assert axes.get_xlabel() == "score of the predicted class minus that of the true class"
