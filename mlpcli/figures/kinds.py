"""The table of all kinds of pictures of runs, by the names that ``mlp plot --kind`` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.figure import Figure

from mlpcli.figures import UnfitError
from mlpcli.figures.boundary import draw_boundary, sort_out
from mlpcli.figures.calibration import draw_calibration
from mlpcli.figures.confusion import draw_confusion
from mlpcli.figures.curves import draw_curves
from mlpcli.figures.examples import draw_examples
from mlpcli.figures.health import draw_health
from mlpcli.figures.hidden import draw_hidden
from mlpcli.figures.importance import draw_importance
from mlpcli.figures.network import draw_network
from mlpcli.figures.residuals import draw_residuals
from mlpcli.figures.roc import draw_roc
from mlpcli.figures.weights import draw_weights
from mlpcli.training.finished import FinishedRun

__all__ = ["DRAW", "OF_SEVERAL", "SORT_OUT"]

Draw = Callable[[Sequence[FinishedRun]], Figure]


def _of_one(kind: str, draw: Callable[[FinishedRun], Figure], runs: Sequence[FinishedRun]) -> Figure:
    if len(runs) > 1:
        raise UnfitError(f"{kind} is a picture of one run, but {len(runs)} are named")
    return draw(runs[0])


_ONE: dict[str, Callable[[FinishedRun], Figure]] = {
    "network": draw_network,
    "weights": draw_weights,
    "confusion": draw_confusion,
    "roc": draw_roc,
    "calibration": draw_calibration,
    "residuals": draw_residuals,
    "importance": draw_importance,
    "hidden": draw_hidden,
    "examples": draw_examples,
}
_SEVERAL: dict[str, Draw] = {"curves": draw_curves, "boundary": draw_boundary, "health": draw_health}

OF_SEVERAL = tuple(_SEVERAL)  # the kinds that show several runs at once
# Which of several runs fit on one picture, and why the others do not.
SORT_OUT: dict[str, Callable[[Sequence[FinishedRun]], tuple[list[FinishedRun], list[str]]]] = {
    "boundary": sort_out
}
DRAW: dict[str, Draw] = {
    **_SEVERAL,
    **{kind: partial(_of_one, kind, draw) for kind, draw in _ONE.items()},
}
