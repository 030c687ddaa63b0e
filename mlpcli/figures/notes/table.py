"""The table of the figures of the notes: what each claims, which runs it trains, and what draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from mlpcli.figures.boundary import draw_boundary
from mlpcli.figures.curves import draw_curves
from mlpcli.figures.notes.activations import draw_activations, draw_dead_relu
from mlpcli.figures.notes.sizes import draw_spread
from mlpcli.training.finished import FinishedRun

__all__ = ["FIGURES", "NotesFigure"]

_Draw = Callable[[Sequence[FinishedRun], str], Figure]


@dataclass(frozen=True)
class NotesFigure:
    """A figure of the notes; ``draw`` gets its runs, in the order of ``trains``, and its claim.

    ``trains`` has for each config, a file in configs/notes without its ending, the ``--set`` options of each
    run. A figure that trains nothing leaves it out; ``draw`` then gets no runs.
    """

    claim: str
    draw: _Draw
    trains: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)


def _titled(draw: Callable[[Sequence[FinishedRun]], Figure]) -> _Draw:
    """Return a function that draws a kind of picture with the claim as its title."""

    def drawn(runs: Sequence[FinishedRun], claim: str) -> Figure:
        figure = draw(runs)
        figure.suptitle(claim, fontsize=11)
        return figure

    return drawn


def _untrained(draw: Callable[[str], Figure]) -> _Draw:
    """Return a function that draws a figure without runs."""
    return lambda _, claim: draw(claim)


def _hidden(*sizes: str) -> list[list[str]]:
    return [[f"model.hidden=[{size}]"] for size in sizes]


# In the order of the notes.
FIGURES: dict[str, NotesFigure] = {
    "activations": NotesFigure("Activation functions and their derivatives", _untrained(draw_activations)),
    "relu_against_tanh": NotesFigure(
        "ReLU converges in fewer epochs than tanh",
        _titled(draw_curves),
        {"relu_against_tanh": [[f"model.activation={name}"] for name in ("relu", "tanh")]},
    ),
    "dead_relu": NotesFigure(
        "A learning rate that is too high kills ReLUs",
        draw_dead_relu,
        {
            "dead_relu": [
                [f"optimizer.learning_rate={rate}", f"training.seed={seed}"]
                for rate in ("1e-3", "3e-3", "1e-2", "3e-2", "0.1", "0.3")
                for seed in range(3)
            ]
        },
    ),
    "universal_approximator": NotesFigure(
        "More units in one hidden layer approximate a function more closely",
        _titled(draw_boundary),
        {"universal_approximator": _hidden("", "2", "5", "20")},
    ),
    "layer_sizes": NotesFigure(
        "More units express more complicated functions",
        _titled(draw_boundary),
        {"layer_sizes": _hidden("3", "6", "20")},
    ),
    "spread_of_loss": NotesFigure(
        "The final loss of a small network is a matter of luck, that of a large one is not",
        draw_spread,
        {
            "spread_of_loss": [
                [*hidden, f"training.seed={seed}"]
                for hidden in _hidden("3", "10", "30", "100")
                for seed in range(10)
            ]
        },
    ),
    "l2_strength": NotesFigure(
        "Stronger regularization gives a smoother boundary",
        _titled(draw_boundary),
        {"l2_strength": [[f"regularization.l2={l2}"] for l2 in ("0.001", "0.01", "0.1")]},
    ),
}
