"""Trains the runs of a figure of the notes, and draws it."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from matplotlib.figure import Figure

from mlpcli.config.loader import load_experiment
from mlpcli.errors import UsageError
from mlpcli.figures.notes.table import FIGURES
from mlpcli.figures.style import styled
from mlpcli.training.finished import FinishedRun
from mlpcli.training.start import train_run

__all__ = ["check_configs", "draw_notes"]

_LETTERS = 11  # of a title in a hundred pixels


def check_configs(names: Iterable[str], folder: Path) -> None:
    """Raise UsageError unless ``folder`` has all configs of the figures ``names``."""
    for name in names:
        for config in FIGURES[name].trains:
            path = folder / f"{config}.yaml"
            if not path.is_file():
                raise UsageError(
                    f"{path}: no such file; draw the figures of the notes in the project's folder, which "
                    "contains configs/notes"
                )


def draw_notes(name: str, folder: Path, say: Callable[[str], object]) -> Figure:
    """Train the runs of a figure, from the configs in ``folder``, and draw it; ``say`` gets a line per run.

    Raises UsageError if a config does not exist.
    """
    check_configs([name], folder)
    figure = FIGURES[name]
    planned = [
        (folder / f"{config}.yaml", list(overrides))
        for config, variants in figure.trains.items()
        for overrides in variants
    ]
    runs = []
    for number, (path, overrides) in enumerate(planned, start=1):
        options = "".join(f" --set {shlex.quote(option)}" for option in overrides)
        say(f"{name}, {number} of {len(planned)}: mlp train {shlex.quote(str(path))}{options}")
        runs.append(FinishedRun.of(train_run(load_experiment(path, overrides))))
    drawn = figure.draw(runs)
    _add_title(drawn, figure.claim)
    return drawn


@styled
def _add_title(figure: Figure, claim: str) -> None:
    figure.suptitle(textwrap.fill(claim, int(_LETTERS * figure.get_figwidth())), fontsize=13)
