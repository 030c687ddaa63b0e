"""The boundary at each snapshot of a run: as an animation, or as the frames of a page."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from PIL import Image

from mlpcli.figures import UnfitError
from mlpcli.figures.boundary import redraw_boundary, scores_in_words
from mlpcli.figures.plane import RINGS
from mlpcli.figures.svg import Drawing, fragments, take_apart
from mlpcli.files import make_place, replace_file
from mlpcli.training.finished import FinishedRun

__all__ = ["Frame", "animate_boundary", "draw_frames", "frame_times"]

_FIRST, _USUAL, _LAST = 900, 220, 3000  # milliseconds
_SHRINK = 0.75  # from frame to frame, what is above the usual time


def frame_times(n: int) -> list[int]:
    """Return how long each of ``n`` frames is shown, in milliseconds; the first ones and the last longer."""
    times = [round(_USUAL + (_FIRST - _USUAL) * _SHRINK**i) for i in range(n - 1)]
    return [*times, _LAST]


def animate_boundary(run: FinishedRun, path: Path) -> int:
    """Write the boundary at each of the run's snapshots to ``path`` as a GIF; return the number of frames.

    Raises UnfitError if there are no snapshots, or more than two features.
    """
    epochs = [run.at(file) for file in run.snapshots]
    frames = redraw_boundary(epochs or [run], _image)
    if not epochs:
        raise UnfitError(
            f"{run.directory} has no snapshots to animate; train it with training.snapshots",
            topic="no snapshots",
            config=run.directory / "config.yaml",
        )
    animation = io.BytesIO()  # Pillow itself does not notice if a file takes only a part
    frames[0].save(
        animation,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=frame_times(len(frames)),
        loop=0,
        optimize=False,
    )
    with replace_file(make_place(path)) as stream:
        stream.write(animation.getvalue())
    return len(frames)


def _image(_: FinishedRun, figure: Figure, __: Axes) -> Image.Image:
    canvas: Any = figure.canvas
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    return Image.fromarray(pixels).quantize(128, dither=Image.Dither.NONE)


@dataclass(frozen=True)
class Frame:
    """What the network predicts after an epoch: SVG under and over the examples, and its scores in words."""

    epoch: int
    scores: str
    under: str
    over: str


def draw_frames(run: FinishedRun, most: int) -> tuple[Drawing, list[Frame], int]:
    """Draw the boundary as a page shows it: the picture without predictions, and these as frames.

    There is a frame for the run's own checkpoint, whose position comes last, and for at most ``most`` of its
    snapshots. Raises UnfitError if the data have more than two features.
    """
    files = run.snapshots
    if len(files) > most:
        files = [files[round(i * (len(files) - 1) / (most - 1))] for i in range(most)]
    drawings: list[Drawing] = []
    tinted = run.checkpoint.classes is not None

    def render(then: FinishedRun, figure: Figure, axes: Axes) -> Frame:
        under, over = _predictions(axes)
        for artist in under:
            if isinstance(artist, ContourSet) and artist.filled:
                artist.set_rasterized(True)  # smaller than its outlines
        below, above = fragments(figure, axes, [under, over], "frame", tinted=tinted)
        if not drawings:
            for artist in (*under, *over):
                artist.remove()
            drawings.append(take_apart(figure, "boundary", tinted=tinted))
        return Frame(then.checkpoint.epoch, scores_in_words(then, [*then.splits.parts]), below, above)

    epochs = {then.checkpoint.epoch: then for then in [*map(run.at, files), run]}
    frames = redraw_boundary([epochs[epoch] for epoch in sorted(epochs)], render)
    at = sorted(epochs).index(run.checkpoint.epoch)
    panel = drawings[0].panels[0]
    inner = f'<g id="under">{frames[at].under}</g>{panel.inner}<g id="over">{frames[at].over}</g>'
    return replace(drawings[0], panels=[replace(panel, inner=inner)]), frames, at


def _predictions(axes: Axes) -> tuple[list[Artist], list[Artist]]:
    """Return what changes from epoch to epoch in a panel, under the examples and over them."""
    collections = list(axes.collections)
    contours = [artist for artist in collections if isinstance(artist, ContourSet)]
    rings = [artist for artist in collections if artist.get_gid() == RINGS]
    return [*axes.images, *contours], [*axes.lines, *rings]
