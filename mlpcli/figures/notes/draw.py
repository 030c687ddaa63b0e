"""Trains the runs of a figure of the notes, and draws it."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from mlpcli.cohort.cohort import train_together
from mlpcli.config.loader import load_experiment
from mlpcli.figures.notes.table import FIGURES
from mlpcli.figures.style import styled
from mlpcli.training.finished import FinishedRun
from mlpcli.training.start import start_run

__all__ = ["draw_notes"]

_LETTERS = 11  # of a title in a hundred pixels


def draw_notes(name: str, say: Callable[[str], object] | None = None) -> Figure:
    """Train the runs of a figure, from the configs that come with mlp, and draw it.

    ``say`` gets a line for each run, with the command that trains it.
    """
    figure = FIGURES[name]
    planned = [
        (f"notes/{config}", list(overrides))
        for config, variants in figure.trains.items()
        for overrides in variants
    ]
    runs = []
    for number, (config, overrides) in enumerate(planned, start=1):
        options = "".join(f" --set {shlex.quote(option)}" for option in overrides)
        if say is not None:
            say(f"{name}, {number} of {len(planned)}: mlp train {config}{options}")
        runs.append(start_run(load_experiment(Path(config), overrides)))
    train_together(runs)
    drawn = figure.draw([FinishedRun.of(run) for run in runs])
    _add_title(drawn, figure.claim)
    return drawn


@styled
def _add_title(figure: Figure, claim: str) -> None:
    figure.suptitle(textwrap.fill(claim, int(_LETTERS * figure.get_figwidth())), fontsize=13)
