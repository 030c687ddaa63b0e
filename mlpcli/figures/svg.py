"""Takes a picture apart into panels and legend entries of SVG, whose colors follow those of a page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree import ElementTree

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from mlpcli.figures.style import write

__all__ = ["Drawing", "Piece", "colour_rules", "fragments", "take_apart"]

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_POINTS = 72  # units of SVG to an inch, whatever the dpi of the figure
_SHADES = 64  # of a tinted image
_PAD = 3.0  # units around a piece, since the fonts of a page are not those of the layout
_DARK_INK, _DARK_PAPER = 0xE8, 0x1B  # grays of a dark page
_LEAST_CONTRAST = 4.5  # of lines and marks with a dark page: WCAG 2.2 asks for 3, and regions are lighter
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_FONT = re.compile(r"font(?:-family)?: [^;\"]*?(?:(\d[\d.]*px) )?'[^;\"]*")
_NUMBER = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True)
class Piece:
    """A part of a picture: what is in it as SVG, what it covers in units of SVG, and its size in pixels."""

    inner: str
    box: str
    width: int
    height: int

    @property
    def svg(self) -> str:
        """The piece as an element of a page; what it shows is said beside it."""
        return (
            f'<svg viewBox="{self.box}" width="{self.width}" height="{self.height}" aria-hidden="true" '
            f'focusable="false">{self.inner}</svg>'
        )


@dataclass(frozen=True)
class Drawing:
    """A picture in pieces: its panels, the entries of its legend, and its title."""

    panels: list[Piece]
    legend: list[Piece]
    title: str


def take_apart(figure: Figure, name: str, *, tinted: bool = False) -> Drawing:
    """Return the panels and the legend of a picture as pieces of a page.

    ``name`` sets the ids of the pieces apart from those of other pictures. Images that are ``tinted`` are
    made transparent as far as they are white, so that they follow the page's color.
    """
    title = figure.get_suptitle()
    if title:
        figure.suptitle("")
    canvas: Any = figure.canvas
    canvas.draw()
    figure.set_layout_engine("none")  # so that the boxes hold for the SVG, too
    renderer = canvas.get_renderer()
    panels = []
    for i, group in enumerate(_groups(figure)):
        ids = [f"panel-{i}-{j}" for j in range(len(group))]
        for axes, gid in zip(group, ids, strict=True):
            axes.set_gid(gid)
        panels.append((ids, Bbox.union([_covered(axes, renderer) for axes in group])))
    keys = _keys(figure, renderer)
    cutter = _Cutter(_parse(figure), figure, tinted=tinted)
    return Drawing(
        [cutter.cut(ids, box, f"{name}-{i}") for i, (ids, box) in enumerate(panels)],
        [cutter.cut(ids, box, f"{name}-key-{i}") for i, (ids, box) in enumerate(keys)],
        title,
    )


def _keys(figure: Figure, renderer: Any) -> list[tuple[list[str], Bbox]]:
    """Return the ids and the box of each entry of the legends; all are of one height around their text."""
    entries = [
        pair
        for legend in figure.legends
        for pair in zip(legend.legend_handles, legend.get_texts(), strict=True)
    ]
    keys = []
    for i, (handle, text) in enumerate(entries):
        assert handle is not None
        handle.set_gid(f"handle-{i}")
        text.set_gid(f"text-{i}")
        keys.append((_reach(handle, renderer), text.get_window_extent(renderer)))
    half = max((max(handle.height, text.height) / 2 for handle, text in keys), default=0)
    boxes = []
    for handle_box, text_box in keys:
        middle = (text_box.y0 + text_box.y1) / 2
        boxes.append(Bbox([[handle_box.x0, middle - half], [text_box.x1, middle + half]]))
    return [([f"handle-{i}", f"text-{i}"], box) for i, box in enumerate(boxes)]


def fragments(
    figure: Figure, axes: Axes, groups: Sequence[Sequence[Artist]], name: str, *, tinted: bool
) -> list[str]:
    """Return groups of artists of a panel as SVG in the coordinates of the pieces of `take_apart`."""
    shown = [artist for group in groups for artist in group]
    others = [axes.patch, *axes.get_children(), *figure.legends, *(o for o in figure.axes if o is not axes)]
    hidden = [other for other in others if other not in shown and other.get_visible()]
    for other in hidden:  # drawing them takes most of the time
        other.set_visible(False)
    for i, artist in enumerate(shown):
        artist.set_gid(f"part-{i}")
    root = _parse(figure)
    pixels = [artist for artist in shown if artist.get_rasterized()]
    images = [image for image in root.iter(f"{_SVG}image") if not image.get("id", "").startswith("part-")]
    for artist, image in zip(pixels, images, strict=True):  # what is rasterized has no group of its own
        image.set("id", str(artist.get_gid()))
    for other in hidden:
        other.set_visible(True)
    cutter = _Cutter(root, figure, tinted=tinted, few_colours=True)
    return [
        cutter.inner([f"part-{shown.index(artist)}" for artist in group], f"{name}-{i}")
        for i, group in enumerate(groups)
    ]


def colour_rules(html: str) -> tuple[str, str]:
    """Return the variables of CSS for all colors in pieces of a page: for a light page, and a dark one."""
    used = sorted(set(re.findall(r"var\(--c([0-9a-f]{6})\)", html)))
    return (
        " ".join(f"--c{colour}: #{colour};" for colour in used),
        " ".join(f"--c{colour}: #{_dark(colour)};" for colour in used),
    )


def _groups(figure: Figure) -> list[list[Axes]]:
    """Return the axes that are shown; color bars and panels on one x-axis stay with those before them."""
    groups: list[list[Axes]] = []
    for axes in figure.axes:
        if not axes.get_visible() or not (axes.axison or axes.has_data()):
            continue
        is_bar = axes.get_subplotspec() is None
        if groups and (is_bar or axes.get_shared_x_axes().joined(axes, groups[-1][0])):
            groups[-1].append(axes)
        else:
            groups.append([axes])
    return groups


def _parse(figure: Figure) -> ElementTree.Element:
    stream = io.BytesIO()
    write(figure, stream, "svg", for_page=True)
    return ElementTree.fromstring(stream.getvalue())


def _covered(axes: Axes, renderer: Any) -> Bbox:
    box = axes.get_tightbbox(renderer)
    assert isinstance(box, Bbox)
    return box


def _reach(handle: Any, renderer: Any) -> Bbox:
    """Return the box around a sample in a legend, which may be a line with a marker, or a patch."""
    box: Bbox = handle.get_window_extent(renderer)
    size = max(getattr(handle, "get_markersize", lambda: 0.0)(), 8.0)
    least = size / 2 * renderer.points_to_pixels(1.0)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return Bbox.union([box, Bbox([[x - least, y - least], [x + least, y + least]])])


class _Cutter:
    """Cuts groups out of the SVG of a figure, with all definitions that they use."""

    def __init__(
        self, root: ElementTree.Element, figure: Figure, *, tinted: bool, few_colours: bool = False
    ) -> None:
        self._by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
        self._height = figure.get_figheight() * _POINTS
        self._scale = _POINTS / figure.dpi
        self._tinted, self._few_colours = tinted, tinted or few_colours

    def cut(self, ids: Sequence[str], box: Bbox, name: str) -> Piece:
        """Return the groups ``ids`` as a piece; ``box`` is what they cover, in pixels of the figure."""
        x, y = box.x0 * self._scale - _PAD, self._height - box.y1 * self._scale - _PAD
        width, height = box.width * self._scale + 2 * _PAD, box.height * self._scale + 2 * _PAD
        return Piece(
            self.inner(ids, name),
            f"{x:.1f} {y:.1f} {width:.1f} {height:.1f}",
            round(width / self._scale),
            round(height / self._scale),
        )

    def inner(self, ids: Sequence[str], name: str) -> str:
        """Return the groups ``ids`` with what they refer to; all ids in them begin with ``name``."""
        groups = [deepcopy(self._by_id[each]) for each in ids if each in self._by_id]
        needed: dict[str, ElementTree.Element] = {}
        for group in groups:
            for parent in list(group.iter()):
                for defs in parent.findall(f"{_SVG}defs"):
                    parent.remove(defs)
            self._collect(group, needed)
        for element in (*groups, *needed.values()):
            for part in element.iter():
                self._clean(part, needed, name)
        holder = ElementTree.Element("g")
        if needed:
            ElementTree.SubElement(holder, "defs").extend(needed.values())
        holder.extend(groups)
        return "".join(ElementTree.tostring(part, encoding="unicode") for part in holder).replace("\n", "")

    def _collect(self, element: ElementTree.Element, needed: dict[str, ElementTree.Element]) -> None:
        for wanted in _references(element):
            if wanted not in needed and wanted in self._by_id:
                needed[wanted] = deepcopy(self._by_id[wanted])
                self._collect(needed[wanted], needed)

    def _clean(self, part: ElementTree.Element, needed: dict[str, Any], name: str) -> None:
        """Make an element fit into a page: plain names, own ids, short numbers, the page's colors."""
        part.tag = part.tag.removeprefix(_SVG)
        part.text = part.text if part.tag in ("text", "tspan") else None
        part.tail = None
        if part.tag == "image":
            part.set("href", self._image(part.attrib.pop(_LINK)))
        own = part.attrib.pop("id", None)
        if own in needed:
            part.set("id", f"{name}-{own}")
        for key, value in list(part.attrib.items()):
            if key == _LINK:
                part.attrib.pop(key)
                part.set("href", f"#{name}-{value[1:]}")
            elif key == "style":
                keeps = "fill-opacity" in value  # a tint, as those of an image
                part.set(key, _FONT.sub(_page_font, _COLOUR.sub(partial(_variable, keeps), value)))
            elif key == "clip-path":
                part.set(key, value.replace("url(#", f"url(#{name}-"))
            elif key in ("d", "x", "y", "transform", "width", "height", "points"):
                part.set(key, _NUMBER.sub(lambda match: f"{float(match[0]):.4g}", " ".join(value.split())))

    def _image(self, address: str) -> str:
        data = base64.b64decode(address.partition(",")[2])
        image = Image.open(io.BytesIO(data)).convert("RGBA")
        if self._few_colours:
            image = image.quantize(_SHADES, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        if self._tinted:
            palette = np.array(image.getpalette("RGBA"), np.float64).reshape(-1, 4) / 255
            shades = (255 * _without_white(palette)).round().astype(np.uint8)
            image.putpalette(shades.tobytes(), "RGBA")
        stream = io.BytesIO()
        image.save(stream, format="PNG")
        return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _references(element: ElementTree.Element) -> Iterator[str]:
    for part in element.iter():
        link = part.get(_LINK, "")
        if link.startswith("#"):
            yield link[1:]
        clip = part.get("clip-path", "")
        if clip.startswith("url(#"):
            yield clip[5:-1]


def _variable(keeps: bool, match: re.Match[str]) -> str:
    """Return the variable for a color, or a color that is no gray itself if it ``keeps`` them."""
    colour = match[0][1:].lower()
    return match[0] if keeps and len({*bytes.fromhex(colour)}) > 1 else f"var(--c{colour})"


def _page_font(match: re.Match[str]) -> str:
    return f"font: {match[1]} var(--font)" if match[1] else "font-family: var(--font)"


def _without_white(pixels: Any) -> Any:
    """Return RGBA pixels that look the same on white, with as little of their own color as possible."""
    alpha = (1 - pixels[..., :3]).max(axis=-1, keepdims=True)
    colour = (pixels[..., :3] - (1 - alpha)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colour.clip(0, 1), alpha * pixels[..., 3:]], axis=-1)


def _dark(colour: str) -> str:
    """Return what a color is on a dark page: grays are turned around, and dark colors lightened."""
    rgb = [int(colour[i : i + 2], 16) for i in (0, 2, 4)]
    if max(rgb) - min(rgb) == 0:
        gray = round(_DARK_INK + (_DARK_PAPER - _DARK_INK) * rgb[0] / 255)
        return f"{gray:02x}" * 3
    while _contrast(rgb, [_DARK_PAPER] * 3) < _LEAST_CONTRAST:
        rgb = [round(value + 0.1 * (255 - value)) + 1 for value in rgb]
    return "".join(f"{value:02x}" for value in rgb)


def _contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """Return the contrast of two colors (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: Sequence[int]) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
