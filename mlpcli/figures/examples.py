"""The most confident mistakes: the held-out examples of which a network is surest, and wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from mlpcli.figures import UnfitError
from mlpcli.figures.images import brightness, image_shape, mosaic
from mlpcli.figures.style import LINE_COLOURS, label, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["Mistake", "draw_examples", "find_mistakes"]

_IMAGES, _ROWS = 24, 12  # most that are shown
_MOST_FEATURES = 4  # of a row that are told


@dataclass(frozen=True)
class Mistake:
    """An example taken for another class.

    ``row`` is its place in the data set, from 0; ``confidence`` the probability of the class that it was
    taken for, or of an SVM by how much that class's score is the higher one.
    """

    row: int
    true: int
    predicted: int
    confidence: float


def find_mistakes(run: FinishedRun, part: str) -> list[Mistake]:
    """Return the mistakes on a split of a classification, the most confident first."""
    split = run.splits.parts[part]
    y, logits = split.y[split.rows], run.logits(part)
    predicted, said = run.loss.classify(logits), run.loss.predict(logits)
    wrong = np.flatnonzero(predicted != y)
    confidence = said[wrong, predicted[wrong]]
    if run.loss.outputs == "scores":
        confidence = confidence - said[wrong, y[wrong]]
    order = np.argsort(-confidence, kind="stable")
    return [
        Mistake(int(split.rows[i]), int(y[i]), int(predicted[i]), float(c))
        for i, c in zip(wrong[order], confidence[order], strict=True)
    ]


@styled
def draw_examples(run: FinishedRun) -> Figure:
    """Draw the most confident mistakes on the held-out split: images as such, others as rows.

    Raises UnfitError for a regression, or where there is no mistake.
    """
    classes = run.checkpoint.classes
    if classes is None:
        raise UnfitError(f"examples needs classes, and {run.experiment.data.title} has numbers to predict")
    part = run.held_out
    mistakes = find_mistakes(run, part)
    total = len(run.splits.parts[part])
    if not mistakes:
        raise UnfitError(
            f"examples has nothing to show: {run.name} makes no mistake on {total:,} {part} examples"
        )
    which = f"the most confident of {len(mistakes):,} mistakes" if len(mistakes) > 1 else "the one mistake"
    title = f"{label(run.name)}: {which} on {total:,} {part} examples"
    if image_shape(run.experiment, len(run.checkpoint.columns)) is not None:
        return _draw_images(run, part, mistakes[:_IMAGES], classes, title)
    return _draw_rows(run, part, mistakes[:_ROWS], classes, title)


def _confidence(run: FinishedRun, mistake: Mistake) -> str:
    if run.loss.outputs == "probabilities":
        return f"{mistake.confidence:.1%}"
    return f"by {mistake.confidence:.3g}"


def _draw_images(
    run: FinishedRun, part: str, mistakes: list[Mistake], classes: tuple[str, ...], title: str
) -> Figure:
    shape = image_shape(run.experiment, len(run.checkpoint.columns))
    assert shape is not None
    X = run.splits.parts[part].X
    images = brightness(X[[mistake.row for mistake in mistakes]], shape).reshape(-1, *shape)
    columns = min(len(mistakes), 6)
    rows = -(-len(mistakes) // columns)
    figure = new_figure(max(1.5 * columns, 6), 1.75 * rows + 0.6, title)
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    for panel, mistake, image in zip(panels.flat, mistakes, images, strict=False):
        panel.imshow(mosaic(image[None], 1), interpolation="nearest")
        true, taken = (label(classes[i], 12) for i in (mistake.true, mistake.predicted))
        panel.set_title(f"{true}, taken for\n{taken}, {_confidence(run, mistake)}", fontsize=8)
    return figure


def _draw_rows(
    run: FinishedRun, part: str, mistakes: list[Mistake], classes: tuple[str, ...], title: str
) -> Figure:
    X, features = run.splits.parts[part].X, run.checkpoint.columns
    more = ", …" if len(features) > _MOST_FEATURES else ""
    names = []
    for mistake in mistakes:
        values = zip(features[:_MOST_FEATURES], X[mistake.row].tolist(), strict=False)
        described = ", ".join(f"{label(name, 14)} {value:.3g}" for name, value in values)
        true, taken = (label(classes[i], 16) for i in (mistake.true, mistake.predicted))
        names.append(f"row {mistake.row + 1:,}: {true}, taken for {taken}\n{described}{more}")
    figure = new_figure(9, 0.5 * max(len(mistakes), 2) + 1.3, title)
    axes = figure.subplots(1, 1)
    places = np.arange(len(mistakes))
    axes.barh(places, [mistake.confidence for mistake in mistakes], color=LINE_COLOURS[0], height=0.6)
    axes.set_yticks(places, names, fontsize=8)
    axes.set_ylim(max(len(mistakes), 2) - 0.5, -0.5)  # the first on top
    if run.loss.outputs == "probabilities":
        axes.set_xlim(0, 1)
        percent_axis(axes.xaxis)
        axes.set_xlabel("probability of the class that it was taken for")
    else:
        axes.set_xlabel("score of the class that it was taken for, less that of its own")
    return figure
