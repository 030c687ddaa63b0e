"""What all pictures share: their style, colors that color-blind readers can tell apart, and saving."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from math import log10
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from mlpcli.colours import CLASS_COLOURS
from mlpcli.files import make_place, replace_file
from mlpcli.text import escaped

__all__ = [
    "CLASS_COLOURS",
    "INK",
    "LINE_COLOURS",
    "MARKERS",
    "ON_COLOUR",
    "class_colour",
    "count_axis",
    "label",
    "line_colours",
    "log_axis",
    "new_figure",
    "number_axis",
    "percent_axis",
    "save",
    "styled",
    "write",
]

INK = "#222222"
ON_COLOUR = "#FEFEFF"  # text on a strong color; no gray, which a dark page would turn around
MARKERS = "os^DvPX*<"  # matplotlib's names of CLASS_SHAPES, in their order
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
_DPI = 100
_MAX_LENGTH = 24  # characters of a name in a picture

_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.formatter.use_mathtext": False,
    "text.color": INK,
    "text.parse_math": False,  # names may contain dollar signs
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "mlp",  # the same picture gives the same bytes
}

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def _style() -> Iterator[None]:
    """Use the style of this project, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that makes or saves a picture, so that it uses the project's style."""

    @wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        with _style():
            return draw(*args, **kwargs)

    return inner


class ShownFigure(Figure):
    """A figure that a notebook shows; one of pyplot's it would show only if pyplot has been imported."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        _write_small(self, stream)
        return stream.getvalue()


def new_figure(width: float, height: float, title: str | None = None) -> Figure:
    """Return an empty picture; ``width`` and ``height`` are in hundreds of pixels."""
    figure = ShownFigure(figsize=(width, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def save(figure: Figure, path: Path, *, small: bool = False) -> None:
    """Write a picture completely or not at all, as PNG or SVG by the suffix of ``path``; make its folder.

    A ``small`` PNG has 256 colors, which makes it a third as large; its lines and tints look the same.
    """
    kind = path.suffix[1:].lower()
    with replace_file(make_place(path)) as stream:
        if small and kind == "png":
            _write_small(figure, stream)
        else:
            write(figure, stream, kind)


def _write_small(figure: Figure, stream: IO[bytes]) -> None:
    from PIL import Image

    whole = io.BytesIO()
    write(figure, whole, "png")
    with Image.open(whole) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(stream, "png", optimize=True)


@styled
def write(figure: Figure, stream: IO[bytes], kind: str, *, for_page: bool = False) -> None:
    """Write a picture as png or svg; an svg ``for_page`` has text as text, no background and finer images."""
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # it is drawn as a box
        if kind == "png":
            canvas: Any = FigureCanvasAgg(figure)
            canvas.print_png(stream, metadata=metadata)  # savefig would draw it twice
        elif for_page:
            mpl.rcParams["svg.fonttype"] = "none"
            figure.savefig(stream, format=kind, metadata=metadata, transparent=True, dpi=2 * _DPI)
        else:
            figure.savefig(stream, format=kind, metadata=metadata)


def label(name: str, max_length: int = _MAX_LENGTH) -> str:
    """Return a name from a file in a form that can be shown: on one line, and not too long."""
    shown = escaped(name[: max_length + 1])
    return shown if len(shown) <= max_length else f"{shown[: max_length - 1]}…"


def class_colour(index: int) -> str:
    """Return the color of a class; with more than ten classes, the colors repeat."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def line_colours(n: int) -> list[Any]:
    """Return a color for each of ``n`` lines; many lines get a scale from dark to light."""
    if n <= len(LINE_COLOURS):
        return list(LINE_COLOURS[:n])
    viridis = mpl.colormaps["viridis"]
    return [viridis(0.92 * i / (n - 1)) for i in range(n)]


def count_axis(axis: Any) -> None:
    """Label an axis with whole numbers, with commas."""
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def number_axis(axis: Any) -> None:
    """Label an axis with a few numbers, with commas and room between them; call it after drawing."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(
        MaxNLocator(nbins=3 if max(abs(low), abs(high)) >= 1e6 else 5, steps=[1, 2, 2.5, 5, 10])
    )
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.9g}".replace("-", "−")))


def percent_axis(axis: Any) -> None:
    """Label an axis of shares with percentages."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))


def log_axis(axes: Axes, which: str) -> None:
    """Make the axis ``which``, x or y, logarithmic, with plain numbers; call it after drawing everything."""
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    set_scale("log")
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    decades = log10(high / low)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2 else (1, 3) if decades < 3.5 else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())  # ticks take more time than anything else in a picture
