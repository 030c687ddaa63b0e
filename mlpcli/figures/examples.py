"""Draws the most confident mistakes of a network on held-out examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from mlpcli.data.kinds import cell_text
from mlpcli.figures import UnfitError
from mlpcli.figures.images import brightness, mosaic
from mlpcli.figures.style import LINE_COLOURS, label, new_figure, percent_axis, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["Mistake", "draw_examples", "find_mistakes"]

_MAX_IMAGES, _MAX_ROWS = 24, 12
_MAX_COLUMNS = 6  # of images
_SHORT = 8  # characters of two names: they stand on one line
_MAX_FEATURES = 4  # listed for a row


@dataclass(frozen=True)
class Mistake:
    """An example whose class was predicted wrongly.

    ``row`` is its position in the data set, from 0. ``confidence`` is the probability of the predicted class,
    or for an SVM the score of the predicted class minus that of the true class.
    """

    row: int
    true: int
    predicted: int
    confidence: float


def find_mistakes(run: FinishedRun, part: str) -> list[Mistake]:
    """Return the mistakes on a split of a classification, the most confident first."""
    split = run.splits.parts[part]
    y, logits = split.y[split.rows], run.logits(part)
    predicted, predictions = run.loss.classify(logits), run.loss.predict(logits)
    wrong = np.flatnonzero(predicted != y)
    confidence = predictions[wrong, predicted[wrong]]
    if run.loss.outputs == "scores":
        confidence = confidence - predictions[wrong, y[wrong]]
    order = np.argsort(-confidence, kind="stable")
    return [
        Mistake(int(split.rows[i]), int(y[i]), int(predicted[i]), float(c))
        for i, c in zip(wrong[order], confidence[order], strict=True)
    ]


@styled
def draw_examples(run: FinishedRun) -> Figure:
    """Draw the most confident mistakes on the held-out split, as images, or as bars under rows of a table.

    Raises UnfitError for a regression, or if there are no mistakes.
    """
    classes = run.checkpoint.classes
    if classes is None:
        raise UnfitError(f"examples needs classes, but {run.experiment.data.title} is a regression")
    part = run.held_out
    mistakes = find_mistakes(run, part)
    total = len(run.splits.parts[part])
    if not mistakes:
        raise UnfitError(
            f"examples has nothing to show: {run.name} makes no mistakes on {total:,} {part} examples"
        )
    which = f"the most confident of {len(mistakes):,} mistakes" if len(mistakes) > 1 else "the only mistake"
    title = f"{label(run.name)}: {which} on {total:,} {part} examples"
    if run.experiment.data.image(len(run.checkpoint.columns)) is not None:
        return _draw_images(run, part, mistakes[:_MAX_IMAGES], classes, title)
    return _draw_rows(run, part, mistakes[:_MAX_ROWS], classes, title)


def _confidence(run: FinishedRun, mistake: Mistake) -> str:
    if run.loss.outputs == "probabilities":
        return f"{mistake.confidence:.1%}"
    return f"by {mistake.confidence:.3g}"


def _draw_images(
    run: FinishedRun, part: str, mistakes: list[Mistake], classes: tuple[str, ...], title: str
) -> Figure:
    shape = run.experiment.data.image(len(run.checkpoint.columns))
    assert shape is not None
    X = run.splits.parts[part].X
    images = brightness(X[[mistake.row for mistake in mistakes]], shape).reshape(-1, *shape)
    rows = -(-len(mistakes) // _MAX_COLUMNS)
    columns = -(-len(mistakes) // rows)  # as even as can be
    figure = new_figure(max(1.5 * columns, 6), 1.75 * rows + 0.6, title)
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    for panel, mistake, image in zip(panels.flat, mistakes, images, strict=False):
        panel.imshow(mosaic(image[None], 1), interpolation="nearest")
        true, predicted = (label(classes[i], 12) for i in (mistake.true, mistake.predicted))
        after, before = (" ", "\n") if len(true + predicted) <= _SHORT else ("\n", ", ")
        panel.set_title(f"{true}, predicted{after}{predicted}{before}{_confidence(run, mistake)}", fontsize=8)
    return figure


def _draw_rows(
    run: FinishedRun, part: str, mistakes: list[Mistake], classes: tuple[str, ...], title: str
) -> Figure:
    X, features, kinds = run.splits.parts[part].X, run.checkpoint.columns, run.checkpoint.kinds
    more = ", …" if len(features) > _MAX_FEATURES else ""
    names = []
    for mistake in mistakes:
        values = zip(features[:_MAX_FEATURES], X[mistake.row].tolist(), strict=False)
        described = ", ".join(
            f"{label(name, 14)} {label(cell_text(value, kinds.get(name)), 14)}" for name, value in values
        )
        true, predicted = (label(classes[i], 16) for i in (mistake.true, mistake.predicted))
        names.append(f"row {mistake.row + 1:,}: {true}, predicted {predicted}\n{described}{more}")
    figure = new_figure(6.2, 0.62 * len(mistakes) + 1.3, title)
    axes = figure.subplots(1, 1)
    places = np.arange(len(mistakes))
    axes.barh(places, [mistake.confidence for mistake in mistakes], color=LINE_COLOURS[0], height=0.16)
    for place, name in zip(places, names, strict=True):
        axes.annotate(
            name,
            (0, float(place) - 0.1),
            (0, 3),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="bottom",
            fontsize=8,
            linespacing=1.25,
        )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(mistakes) - 0.75, -0.85)  # the first on top
    if run.loss.outputs == "probabilities":
        axes.set_xlim(0, 1)
        percent_axis(axes.xaxis)
        axes.set_xlabel("probability of the predicted class")
    else:
        axes.set_xlabel("score of the predicted class minus that of the true class")
    return figure
