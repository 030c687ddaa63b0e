"""Every kind of picture is drawn, legible and saved, or refused for a run that it does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure
from usual import only

from mlpcli.figures import KINDS, NOTES, UnfitError
from mlpcli.figures.kinds import DRAW, OF_SEVERAL
from mlpcli.figures.notes import FIGURES
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]

FITTING = {
    "spiral": {
        *("curves", "boundary", "network", "confusion", "roc", "calibration", "importance"),
        *("health", "hidden", "examples"),
    },
    "sine": {"curves", "boundary", "network", "residuals", "importance", "health"},
    "iris": {"curves", "network", "confusion", "roc", "calibration", "importance", "health", "examples"},
    "digits": {"curves", "network", "weights", "confusion", "roc", "calibration", "health", "examples"},
}
EPOCHS = {"spiral": 3, "sine": 12, "iris": 3, "digits": 2}


def test_the_command_line_knows_all_kinds() -> None:
    assert tuple(DRAW) != ()
    assert set(KINDS) == set(DRAW)
    assert tuple(FIGURES) == NOTES


def cut_off(figure: Figure) -> bool:
    """Return whether something is drawn beyond the border of the picture."""
    canvas: Any = figure.canvas
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())  # inches
    width, height = figure.get_size_inches()
    return min(box.x0, box.y0, width - box.x1, height - box.y1) < -0.01


# Each kind once with a run that it fits and once with one that it does not; CI takes all pairs.
PAIRS = [(kind, name) for kind in KINDS for name in FITTING]
USUAL = {
    next(((k, name) for k, name in PAIRS if k == kind and (kind in FITTING[name]) == fits), None)
    for kind in KINDS
    for fits in (True, False)
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(*pair, marks=() if pair in USUAL else pytest.mark.exhaustive) for pair in PAIRS],
)
def test_a_kind_fits_a_run_or_says_why_not(finished: Finish, name: str, kind: str) -> None:
    run = finished(name, f"training.epochs={EPOCHS[name]}")
    if kind not in FITTING[name]:
        with pytest.raises(UnfitError, match=f"^{kind} (needs|has nothing)"):
            DRAW[kind]([run])
        return
    figure = DRAW[kind]([run])
    drawn = [axes for axes in figure.axes if axes.axison]
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in drawn)
    assert figure.get_suptitle()
    assert not cut_off(figure)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(OF_SEVERAL)))
def test_a_picture_of_one_run_is_not_drawn_for_two(finished: Finish, kind: str) -> None:
    with pytest.raises(UnfitError, match=f"^{kind} is a picture of one run, but 2 are named$"):
        DRAW[kind]([finished("spiral", "training.epochs=3")] * 2)


def test_a_run_without_a_validation_split_is_drawn(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "data.val_size=0", "data.test_size=0")
    for kind in FITTING["spiral"]:
        assert DRAW[kind]([run]).axes


@pytest.mark.parametrize("name", only({"sine", "iris"}, FITTING))
def test_a_run_of_several_members_is_drawn(finished: Finish, name: str) -> None:
    folds = ("model.members=3", "training.validation=folds", "model.linear_path=fitted")
    run = finished(name, f"training.epochs={EPOCHS[name]}", *folds)
    for kind in FITTING[name]:
        assert DRAW[kind]([run]).axes
