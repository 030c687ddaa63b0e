"""A picture in pieces has the same panels and keys, and its colors are the page's."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from mlpcli.figures.style import INK, new_figure, styled
from mlpcli.figures.svg import Piece, colour_rules, take_apart


@styled
def picture(*, image: bool = False) -> Figure:
    """Return a picture of two panels and a legend."""
    figure = new_figure(8, 4, "a title")
    left, right = figure.subplots(1, 2)
    for axes, name in ((left, "left <&>"), (right, "right")):
        axes.plot([1, 2, 3], [3, 1, 2], "o-", color="#0072B2", label=name)
        axes.set_xlabel(f"x of {name}", color=INK)
    if image:
        left.imshow(np.array([[[1, 1, 1], [0.5, 0.5, 1]]]), interpolation="nearest")
    handles = [axes.lines[0] for axes in (left, right)]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def texts(piece: Piece) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(piece.svg).iter("text")]


def test_each_panel_and_each_key_is_a_piece() -> None:
    drawing = take_apart(picture(), "p")
    assert drawing.title == "a title"
    assert ["x of left <&>" in texts(piece) for piece in drawing.panels] == [True, False]
    assert ["x of right" in texts(piece) for piece in drawing.panels] == [False, True]
    assert [texts(piece) for piece in drawing.legend] == [["left <&>"], ["right"]]
    assert len({piece.height for piece in drawing.legend}) == 1
    for piece in drawing.panels:
        assert 300 < piece.width <= 400
        assert 250 < piece.height < 400


def test_what_a_piece_refers_to_is_in_it_under_its_own_name() -> None:
    one, other = (take_apart(picture(), name) for name in ("a", "b"))
    for piece in (*one.panels, *one.legend):
        ids = re.findall(r' id="([^"]+)', piece.svg)
        used = set(re.findall(r'href="#([^"]+)|url\(#([^)]+)', piece.svg))
        assert used
        assert {a or b for a, b in used} == set(ids)
        assert all(name.startswith("a-") for name in ids)
    assert not {*re.findall(r' id="([^"]+)', one.panels[0].svg)} & {
        *re.findall(r' id="([^"]+)', other.panels[0].svg)
    }


def test_colours_are_variables_with_a_value_for_light_and_for_dark_pages() -> None:
    (panel, *_) = take_apart(picture(), "p").panels
    assert not re.search(r"#[0-9a-f]{6}\b", panel.inner)
    assert {"#0072b2", "#222222"} <= {f"#{name}" for name in re.findall(r"var\(--c(\w{6})\)", panel.inner)}
    light, dark = colour_rules(panel.inner + "var(--cffffff) var(--c440154)")
    assert "--c222222: #222222;" in light
    assert "--cffffff: #ffffff;" in light
    of_dark = dict(re.findall(r"--c(\w{6}): #(\w{6});", dark))
    assert of_dark["ffffff"] == "1b1b1b"  # the page
    assert int(of_dark["222222"][:2], 16) > 0xC0  # its text
    assert sum(bytes.fromhex(of_dark["440154"])) > 2 * sum(bytes.fromhex("440154"))
    assert of_dark.keys() == dict(re.findall(r"--c(\w{6}): #(\w{6});", light)).keys()


def test_a_tint_keeps_its_colour() -> None:
    figure = picture()
    figure.axes[0].bar([1, 2], [1, 1], color=(0, 0.447, 0.698, 0.2))
    (panel, _) = take_apart(figure, "p").panels
    assert "fill: #0072b2; fill-opacity: 0.2" in panel.inner
    assert "--c0072b2: #0072b2" in colour_rules(panel.inner)[0]  # of the line


def test_a_tinted_image_looks_the_same_on_white_and_lets_a_dark_page_through() -> None:
    (panel, _) = take_apart(picture(image=True), "p", tinted=True).panels
    found = re.search(r'"data:image/png;base64,([^"]+)', panel.inner)
    assert found
    image = Image.open(io.BytesIO(base64.b64decode(found[1])))
    colours = {pixel for _, pixel in image.convert("RGBA").getcolors() or [] if pixel[3] not in (0,)}
    assert colours == {(0, 0, 255, 128)} or colours == {(0, 0, 255, 127)}
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    assert {(128, 128, 255), (127, 127, 255)} & {p[:3] for _, p in white.getcolors() or []}


def test_an_image_that_is_not_tinted_stays_as_it_is() -> None:
    (panel, _) = take_apart(picture(image=True), "p").panels
    found = re.search(r'"data:image/png;base64,([^"]+)', panel.inner)
    assert found
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGBA"))
    assert {tuple(pixel) for pixel in pixels[pixels[..., 3] == 255]} <= {
        *((255, 255, 255, 255), (127, 127, 255, 255), (128, 128, 255, 255))
    }


@pytest.mark.parametrize("colour", ["#0072b2", "#882255", "#000000", "#440154"])
def test_every_line_is_seen_on_a_dark_page(colour: str) -> None:
    """Three to one is what WCAG 2.2 asks of graphics; luminances worked out with its formula."""

    def luminance(text: str) -> float:
        parts = [value / 255 for value in bytes.fromhex(text)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    dark = colour_rules(f"var(--c{colour[1:]})")[1].split("#")[1][:6]
    assert (luminance(dark) + 0.05) / (luminance("1b1b1b") + 0.05) >= 3
