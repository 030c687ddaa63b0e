"""Draws the regions of classes over a plane, in stronger tints where the network is surer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from mlpcli.figures.style import INK, class_colour, label
from mlpcli.training.finished import FinishedRun
from mlpcli.training.plane import grid_of

__all__ = ["Scale", "draw_regions"]

_POINTS = 300  # of the grid, along each axis
_GREY = "#555555"
# Where one tint ends and the next begins: in probabilities, or in leads over the next score, in margins.
_PROBABILITIES, _LEADS = (0.5, 0.6, 0.7, 0.8, 0.9), (0.5, 1.0, 1.5)
_PALEST, _STRONGEST = 0.05, 0.45  # shares of a class's colour in the tints of its region


@dataclass(frozen=True)
class Scale:
    """What the tints of regions mean; runs with the same classes and the same loss have the same scale.

    A network with probabilities is as sure as the largest of them. An SVM is as sure as its largest score is
    ahead of the next; ``margin`` is the lead that its loss asks for, or None with probabilities. A network
    with one output has the two scores -z and z (``binary``).
    """

    classes: tuple[str, ...]
    margin: float | None
    binary: bool

    @classmethod
    def of(cls, run: FinishedRun) -> Scale:
        """Return what the tints of a run's regions mean."""
        classes, loss = run.checkpoint.classes, run.loss
        assert classes is not None
        margin = None
        if loss.outputs == "scores":
            margin = 2.0 if loss.binary else float(getattr(run.experiment.loss, "delta", 1.0))
        return cls(tuple(classes), margin, loss.binary)

    def sureness(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Return how sure a network with these scores (n, classes) is (n,).

        That is the largest probability, or the lead of the largest score in margins.
        """
        ranked = np.sort(scores.astype(np.float64), axis=1)
        if self.margin is None:
            return ranked[:, -1]
        return (ranked[:, -1] - ranked[:, -2]) / self.margin

    def tints(self, labels: NDArray[Any], sureness: NDArray[Any]) -> NDArray[np.float64]:
        """Return the colours (n, 3) of points with these labels (n,) and this sureness (n,)."""
        colours = np.array([to_rgb(class_colour(i)) for i in range(len(self.classes))])
        return np.asarray(1 - self._strengths(np.digitize(sureness, self._steps)) * (1 - colours[labels]))

    def lines(self) -> list[Line2D]:
        """Return the legend's entries for the lines of an SVM with two classes."""
        if self.margin is None or len(self.classes) != 2:
            return []
        at = self.margin / (2 if self.binary else 1)
        return [
            Line2D([], [], color=INK, linewidth=1.2, label=f"{'score' if self.binary else 'lead'} 0"),
            Line2D([], [], color=INK, linewidth=0.9, linestyle="--", label=f"margin, −{at:g} and {at:g}"),
        ]

    def bar(self, figure: Figure, axes: Any, location: str = "right") -> None:
        """Draw the scale at ``axes``: from one class to the other, or in grey if there are more."""
        edges, full, levels = self._pair() if len(self.classes) == 2 else self._grey()
        # Transparent colours look like the tints on white, and follow the page of a report if that is dark.
        colours = np.hstack([full, self._strengths(levels)])
        tints = ListedColormap(colours).with_extremes(under=colours[0], over=colours[-1])
        extend = "neither" if self.margin is None else "both" if len(self.classes) == 2 else "max"
        bar = figure.colorbar(
            ScalarMappable(BoundaryNorm(edges, len(colours)), tints),
            ax=axes,
            extend=extend,
            spacing="proportional",
            label=self._name,
            location=location,
            format=None if self.margin is not None else FuncFormatter(lambda value, _: f"{100 * value:.0f}%"),
            aspect=28,
            fraction=0.08,
            pad=0.02,
        )
        bar.outline.set_visible(False)
        if self.margin is None:
            low = edges[0]
            bar.set_ticks([low, *(tick for tick in (0.25, 0.5, 0.75, 1) if tick > low + 0.05)])
        else:
            bar.set_ticks(edges[::2])
        bar.ax.minorticks_off()
        bar.ax.tick_params(length=0)

    @property
    def _steps(self) -> tuple[float, ...]:
        return _PROBABILITIES if self.margin is None else _LEADS

    @property
    def _name(self) -> str:
        if len(self.classes) > 2:
            return "probability of the class shown" if self.margin is None else "lead over the next score"
        second = label(self.classes[1])
        second = f"class {second}" if second.isdecimal() else second
        if self.margin is None:
            return f"probability of {second}"
        return f"score; above 0: {second}" if self.binary else f"lead of the score of {second}"

    def _strengths(self, levels: NDArray[Any]) -> NDArray[np.float64]:
        """Return the shares (n, 1) of a colour in tints of these levels (n,), of which 0 is the palest."""
        strengths = np.linspace(_PALEST, _STRONGEST, len(self._steps) + 1)
        return np.asarray(strengths[levels][:, None])

    def _grey(self) -> tuple[list[float], NDArray[Any], NDArray[Any]]:
        """Return the edges of the tints of many classes, and the full colour and the level of each tint."""
        steps = list(self._steps)
        n = len(steps) + 1
        colours = np.tile(to_rgb(_GREY), (n, 1))
        if self.margin is None:
            return [1 / len(self.classes), *steps, 1.0], colours, np.arange(n)
        return [self.margin * step for step in (0, *steps, 2.0)], colours, np.arange(n)

    def _pair(self) -> tuple[list[float], NDArray[Any], NDArray[Any]]:
        """Return the edges of the tints of two classes, and the full colour and the level of each tint."""
        if self.margin is None:
            edges = [i / 10 for i in range(11)]
            middles = np.array(edges[:-1]) + 0.05
            sureness = np.maximum(middles, 1 - middles)
        else:
            unit = self.margin / (2 if self.binary else 1)  # z is half of the lead of z over -z
            edges = [unit * i / 2 for i in range(-4, 5)]
            sureness = np.abs((np.array(edges[:-1]) + unit / 4) / unit)
        half = len(sureness) // 2
        colours = np.array([to_rgb(class_colour(i)) for i in (0, 1)]).repeat(half, axis=0)
        return edges, colours, np.digitize(sureness, self._steps)


def draw_regions(axes: Axes, run: FinishedRun, ranges: list[tuple[float, float]]) -> None:
    """Draw the region of each class over a plane of these ranges, and the lines between them.

    With two classes and an SVM, the two dashed lines are its margin.
    """
    scale = Scale.of(run)
    x, y, points = grid_of(ranges, _POINTS)
    logits = run.predict_logits(points)
    labels, scores = run.loss.classify(logits), run.loss.predict(logits).astype(np.float64)
    axes.imshow(
        scale.tints(labels, scale.sureness(scores)).reshape(_POINTS, _POINTS, 3),
        extent=(*ranges[0], *ranges[1]),
        origin="lower",
        aspect="auto" if axes.get_aspect() == "auto" else "equal",
        interpolation="nearest",
        zorder=0,
    )
    for index in np.unique(labels)[1:]:  # the boundary between one class and all others
        others = np.delete(scores, index, axis=1).max(axis=1)
        lead = (scores[:, index] - others).reshape(_POINTS, _POINTS)
        axes.contour(x, y, lead, levels=[0], colors=INK, linewidths=1.2, zorder=1)
        if scale.margin is not None and len(scale.classes) == 2:
            levels = [-scale.margin, scale.margin]
            axes.contour(x, y, lead, levels=levels, colors=INK, linewidths=0.9, linestyles="--", zorder=1)
