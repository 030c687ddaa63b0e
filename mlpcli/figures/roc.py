"""Draws the ROC curve and the precision-recall curve: what each threshold finds, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mlpcli.figures import UnfitError
from mlpcli.figures.style import LINE_COLOURS, class_colour, label, new_figure, percent_axis, styled
from mlpcli.nn.measures import MEASURES, count_above
from mlpcli.nn.outcomes import Classified, UndefinedError
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_roc"]

_MAX_NAMED = 10  # classes in the legend
_CHANCE: dict[str, Any] = {"color": "#888888", "linewidth": 0.8, "linestyle": ":"}


@styled
def draw_roc(run: FinishedRun) -> Figure:
    """Draw the ROC curve and the precision-recall curve of the held-out split.

    Of two classes they are those of the second one; of more, each class that occurs has its own against the
    rest. Raises UnfitError for a regression, or if only one class occurs.
    """
    classes = run.checkpoint.classes
    if classes is None:
        raise UnfitError(f"roc needs classes, but {run.experiment.data.title} is a regression")
    part = run.held_out
    split = run.splits.parts[part]
    rows = Classified.of(run.loss, run.logits(part), split.y[split.rows], split.own_weights)
    try:
        curves = rows.one_against_rest()
    except UndefinedError as error:
        raise UnfitError(f"roc has nothing to show: {error} in the {part} split of {run.name}") from None
    shown = [1] if len(classes) == 2 else rows.occurring.tolist()
    many = len(shown) > _MAX_NAMED
    colours = [LINE_COLOURS[0] if many else class_colour(k) for k in shown]
    figure = new_figure(9.2, 4.9)
    areas = " and ".join(
        f"{MEASURES[name].title} {MEASURES[name].compute(rows):.3f}" for name in ("roc_auc", "pr_auc")
    )
    of = f" of {label(classes[1])}" if len(classes) == 2 else " (means of the classes)"
    figure.suptitle(f"{label(run.name)}: {areas}{of} on {len(split):,} {part} examples", fontsize=11)
    roc, pr = figure.subplots(1, 2)
    for (ranking, is_class), colour in zip(curves, colours, strict=True):
        _, right, wrong = count_above(ranking, is_class, rows.weights)
        look: dict[str, Any] = {
            "color": colour,
            "linewidth": 0.8 if many else 1.8,
            "alpha": 0.4 if many else 1,
        }
        roc.plot(np.append(0, wrong / wrong[-1]), np.append(0, right / right[-1]), **look)
        # Average precision takes the precision of each threshold for the recall that it gains: steps.
        precision = right / (right + wrong)
        pr.step(np.append(0, right / right[-1]), np.append(precision[0], precision), where="pre", **look)
        if not many:
            pr.axhline(float(np.average(is_class, weights=rows.weights)), **{**_CHANCE, "color": colour})
    roc.plot([0, 1], [0, 1], **_CHANCE)
    _label(roc, "false positives\n(share of the other classes)", "true positives\n(share of the class)")
    _label(
        pr, "recall\n(share of the class that is found)", "precision\n(share of what is found that is right)"
    )
    named = [(LINE_COLOURS[0], f"each of {len(shown)} classes")] if many else []
    named = named or [(colour, label(classes[k])) for k, colour in zip(shown, colours, strict=True)]
    handles = [Line2D([], [], color=colour, label=name) for colour, name in named]
    handles.append(Line2D([], [], label="at random", **_CHANCE))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6))
    return figure


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    axes.grid(True)
