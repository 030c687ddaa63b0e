"""Every kind of picture, whatever it shows: made, legible, saved; and none for a run that it does not fit."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mlpcli.figures import KINDS, NOTES, UnfitError
from mlpcli.figures.kinds import DRAW, OF_SEVERAL
from mlpcli.figures.notes import FIGURES
from mlpcli.figures.style import CLASS_COLOURS, LINE_COLOURS, new_figure, save, write
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]

FITTING = {
    "spiral": {"curves", "boundary", "confusion", "health", "hidden", "examples"},
    "sine": {"curves", "boundary", "health"},
    "iris": {"curves", "confusion", "health", "examples"},
    "digits": {"curves", "weights", "confusion", "health", "examples"},
}
EPOCHS = {"spiral": 3, "sine": 12, "iris": 3, "digits": 2}


def test_the_command_line_knows_the_kinds_that_there_are() -> None:
    assert tuple(DRAW) != ()
    assert set(KINDS) == set(DRAW)
    assert set(NOTES) == {"activations", *FIGURES}


def cut_off(figure: Figure) -> bool:
    """Tell whether a part of what is drawn is beyond the border of the picture."""
    canvas: Any = figure.canvas
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())  # inches
    width, height = figure.get_size_inches()
    return min(box.x0, box.y0, width - box.x1, height - box.y1) < -0.01


@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("kind", KINDS)
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
def test_what_shows_one_run_is_not_drawn_of_two(finished: Finish, kind: str) -> None:
    with pytest.raises(UnfitError, match=f"^{kind} is a picture of one run, and 2 are named$"):
        DRAW[kind]([finished("spiral", "training.epochs=3")] * 2)


def test_a_run_without_a_validation_split_is_drawn_all_the_same(finished: Finish) -> None:
    run = finished("spiral", "training.epochs=3", "data.val_size=0", "data.test_size=0")
    for kind in FITTING["spiral"]:
        assert DRAW[kind]([run]).axes


def test_pictures_are_png_or_svg_and_the_same_again(tmp_path: Path) -> None:
    for kind in ("png", "svg"):
        path = tmp_path / "new" / f"a.{kind.upper()}"
        figure = new_figure(3, 2, "title with $x^2$ and <script>")
        save(figure, path)
        again = io.BytesIO()
        write(figure, again, kind)
        assert path.read_bytes() == again.getvalue()
    with Image.open(tmp_path / "new" / "a.PNG") as image:
        assert image.size == (300, 200)
    assert ElementTree.parse(tmp_path / "new" / "a.SVG").getroot().tag.endswith("svg")


def test_letters_that_the_font_has_not_are_no_warning(tmp_path: Path) -> None:
    save(new_figure(3, 2, "花の種類"), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_users_own_style_is_left_alone_and_does_not_matter(finished: Finish) -> None:
    before = dict(mpl.rcParams)
    run = finished("spiral", "training.epochs=3")
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30}):
        figure = DRAW["curves"]([run])
        assert figure.axes[0].xaxis.label.get_size() == 10
        assert figure.axes[0].get_facecolor() == (1, 1, 1, 1)
    assert dict(mpl.rcParams) == before


# How the cones of the eye see; Viénot, Brettel and Mollon (1999): for linear RGB.
SEEN = {
    "without red": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "without green": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


@pytest.mark.parametrize("sight", SEEN)
@pytest.mark.parametrize("colours", [CLASS_COLOURS[:7], LINE_COLOURS[:3]], ids=["classes", "lines"])
def test_the_colour_blind_tell_the_colours_apart(colours: tuple[str, ...], sight: str) -> None:
    rgb = np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])
    seen = np.clip(rgb**2.2 @ np.array(SEEN[sight]).T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 0.12
