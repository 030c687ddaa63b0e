"""The notes' figures of the number of layers and their sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mlpcli.figures.style import INK, LINE_COLOURS, new_figure, styled
from mlpcli.training.finished import FinishedRun

__all__ = ["draw_spread"]


@styled
def draw_spread(runs: Sequence[FinishedRun], claim: str) -> Figure:
    """Draw the final training loss for each seed, over the size of the network."""
    figure = new_figure(6.4, 4.4, claim)
    axes = figure.subplots(1, 1)
    sizes = sorted({run.checkpoint.network.widths[1] for run in runs})
    for place, size in enumerate(sizes):
        losses = [run.rows[-1].train_loss for run in runs if run.checkpoint.network.widths[1] == size]
        spread = np.linspace(-0.18, 0.18, len(losses))
        axes.plot(place + spread, losses, "o", color=LINE_COLOURS[0], markeredgecolor="white", markersize=7)
        axes.plot([place - 0.3, place + 0.3], [np.mean(losses)] * 2, color=INK, linewidth=1.2)
        axes.annotate(
            f"standard deviation\n{np.std(losses):.2g}",
            (place, max(losses)),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.set_xticks(range(len(sizes)), [f"{size} units" for size in sizes])
    axes.set_xlim(-0.5, len(sizes) - 0.5)
    axes.set_ylim(0, 1.25 * max(run.rows[-1].train_loss for run in runs))
    axes.set_xlabel(
        f"hidden layer; a point for each of {len(runs) // len(sizes)} seeds, a line for their mean"
    )
    axes.set_ylabel("final training loss (nats per example)")
    return figure
