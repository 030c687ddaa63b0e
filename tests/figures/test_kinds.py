"""Every kind of picture is drawn of a run that it fits, and refused, with the reason, of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from mlpcli.figures import KINDS, NOTES, UnfitError
from mlpcli.figures.kinds import DRAW, OF_SEVERAL
from mlpcli.figures.notes import FIGURES
from mlpcli.figures.style import save
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]
UNFIT = {
    "boundary": ("iris", "has 4"),
    "weights": ("spiral", "images"),
    "confusion": ("sine", "numbers to predict"),
    "hidden": ("iris", "2 features"),
    "examples": ("sine", "numbers to predict"),
}


def fitting(kind: str, finished: Finish, cifar10: FinishedRun) -> FinishedRun:
    return cifar10 if kind == "weights" else finished("spiral", "training.epochs=3")


def test_the_command_line_knows_the_tables() -> None:
    assert list(DRAW) == list(KINDS)
    assert set(NOTES) == {"activations", *FIGURES}
    assert set(OF_SEVERAL) < set(KINDS)
    assert UNFIT.keys() < set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_legible(kind: str, finished: Finish, cifar10: FinishedRun) -> None:
    """No text is outside of the picture, or over another text of its axes."""
    figure = DRAW[kind]([fitting(kind, finished, cifar10)])
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    whole = figure.bbox
    for axes in figure.axes:
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            box = text.get_window_extent()
            if text.get_text() and axes.axison:
                assert box.x0 >= whole.x0 - 1, (kind, text)
                assert box.y0 >= whole.y0 - 1, (kind, text)
                assert box.x1 <= whole.x1 + 1, (kind, text)
                assert box.y1 <= whole.y1 + 1, (kind, text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_written(
    kind: str, suffix: str, finished: Finish, cifar10: FinishedRun, tmp_path: Path
) -> None:
    path = tmp_path / "new" / f"picture{suffix}"
    figure = DRAW[kind]([fitting(kind, finished, cifar10)])
    save(figure, path)
    if suffix == ".png":
        with Image.open(path) as image:
            assert image.size[0] >= 400
    else:
        assert "<svg" in path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(("kind", "name", "reason"), [(kind, *what) for kind, what in UNFIT.items()])
def test_a_run_that_a_picture_does_not_fit(kind: str, name: str, reason: str, finished: Finish) -> None:
    with pytest.raises(UnfitError, match=reason):
        DRAW[kind]([finished(name, "training.epochs=2")])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OF_SEVERAL])
def test_pictures_of_one_run_are_not_of_two(kind: str, finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3")
    with pytest.raises(UnfitError, match=f"{kind} is a picture of one run, and 2 are named"):
        DRAW[kind]([run, run])
