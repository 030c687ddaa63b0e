"""The style of pictures: independent of the user's style, and reproducible to the byte."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from PIL import Image

from mlpcli.figures.kinds import DRAW
from mlpcli.figures.style import new_figure, save, write
from mlpcli.training.finished import FinishedRun

Finish = Callable[..., FinishedRun]


def test_pictures_are_png_or_svg_and_reproducible(tmp_path: Path) -> None:
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


def test_a_small_picture_has_few_colours_and_looks_the_same(tmp_path: Path) -> None:
    for small in (False, True):
        for kind in ("png", "svg"):
            figure = new_figure(3, 2, "title")
            figure.subplots().imshow([[0, 1, 2], [3, 4, 5]])
            save(figure, tmp_path / f"{small}.{kind}", small=small)
    with Image.open(tmp_path / "False.png") as image, Image.open(tmp_path / "True.png") as few:
        whole, colours = np.asarray(image.convert("RGB"), int), np.asarray(few.convert("RGB"), int)
        assert few.mode == "P"
    assert np.abs(whole - colours).max() < 20
    assert (tmp_path / "True.png").stat().st_size < 0.7 * (tmp_path / "False.png").stat().st_size
    assert (tmp_path / "True.svg").read_bytes() == (tmp_path / "False.svg").read_bytes()


def test_characters_missing_from_the_font_cause_no_warning(tmp_path: Path) -> None:
    save(new_figure(3, 2, "花の種類"), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_users_own_style_is_neither_changed_nor_used(finished: Finish) -> None:
    before = dict(mpl.rcParams)
    run = finished("spiral", "training.epochs=3")
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30}):
        figure = DRAW["curves"]([run])
        assert figure.axes[0].xaxis.label.get_size() == 10
        assert figure.axes[0].get_facecolor() == (1, 1, 1, 1)
    assert dict(mpl.rcParams) == before
