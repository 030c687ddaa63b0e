"""The table of the figures of the notes: what each claims, which runs it trains, and what draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from mlpcli.figures.curves import draw_curves
from mlpcli.figures.notes.activations import draw_activations
from mlpcli.figures.notes.bumps import draw_bumps
from mlpcli.figures.notes.failing import draw_dead_relu, draw_saturation
from mlpcli.figures.notes.neuron import draw_neuron
from mlpcli.figures.notes.regularization import draw_forgetting, draw_large, draw_others, draw_strengths
from mlpcli.figures.notes.sizes import draw_approximations, draw_depth, draw_sizes, draw_spread
from mlpcli.figures.notes.zigzag import draw_zigzag
from mlpcli.training.finished import FinishedRun

__all__ = ["FIGURES", "NotesFigure"]

_SEEDS = range(5)
_Draw = Callable[[Sequence[FinishedRun]], Figure]


@dataclass(frozen=True)
class NotesFigure:
    """A figure of the notes; its claim is its title, and ``draw`` gets its runs, in the order of ``trains``.

    ``trains`` has for each config, a file in configs/notes without its ending, the ``--set`` options of each
    run. A figure that trains nothing leaves it out; ``draw`` then gets no runs.
    """

    claim: str
    draw: _Draw
    trains: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)


def _untrained(draw: Callable[[], Figure]) -> _Draw:
    """Return a function that draws a figure without runs."""
    return lambda _: draw()


def _hidden(*sizes: str) -> list[list[str]]:
    return [[f"model.hidden=[{size}]"] for size in sizes]


# In the order of the notes.
FIGURES: dict[str, NotesFigure] = {
    "neuron": NotesFigure(
        "A single neuron classifies: its loss makes it a softmax classifier or an SVM",
        draw_neuron,
        {"neuron": [[f"loss=binary_{loss}"] for loss in ("cross_entropy", "hinge")]},
    ),
    "forgetting": NotesFigure(
        "Regularization is gradual forgetting: each step shrinks the weights a little",
        draw_forgetting,
        {"forgetting": [[f"regularization.l2={l2}"] for l2 in ("0", "0.001", "0.01", "0.1")]},
    ),
    "activations": NotesFigure(
        "tanh is a stretched sigmoid; ReLU and leaky ReLU are special cases of maxout",
        _untrained(draw_activations),
    ),
    "saturation": NotesFigure(
        "Initial weights that are too large saturate sigmoids, and no gradient comes back",
        draw_saturation,
        {
            "saturation": [
                [f"model.init.gain={gain}", f"training.seed={seed}"]
                for gain in (1, 4, 100)
                for seed in range(3)
            ]
        },
    ),
    "zigzag": NotesFigure(
        "With inputs that are all positive, the weights of a neuron zig-zag",
        draw_zigzag,
        {"zigzag": [[f"data.scaling={scaling}"] for scaling in ("none", "center")]},
    ),
    "relu_against_tanh": NotesFigure(
        "ReLU converges in fewer epochs than tanh, on raw pixels (0 to 16)",
        draw_curves,
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
        "With enough units, one hidden layer approximates any continuous function: here a sine",
        draw_approximations,
        {"universal_approximator": _hidden("", "2", "5", "20")},
    ),
    "bumps": NotesFigure(
        "A sum of bumps, each of two sigmoids, approximates a sine: twice the bumps, half the error",
        _untrained(draw_bumps),
    ),
    "layer_sizes": NotesFigure(
        "More hidden units bend the boundary more: 20 fit every training point",
        draw_sizes,
        {"layer_sizes": _hidden("3", "6", "20")},
    ),
    "l2_strength": NotesFigure(
        "Stronger regularization: smaller weights, a smoother boundary, a better test score (up to a point)",
        draw_strengths,
        {"l2_strength": [[f"regularization.l2={l2}"] for l2 in ("0", "0.001", "0.01", "0.1")]},
    ),
    "large_regularized": NotesFigure(
        "Take the larger network and regularize it",
        draw_large,
        {
            "large_regularized": [
                [*hidden, f"regularization.l2={l2}", f"training.seed={seed}"]
                for l2 in ("0", "0.01")
                for hidden in _hidden("2", "3", "5", "10", "20", "50", "100")
                for seed in _SEEDS
            ]
        },
    ),
    "dropout_noise": NotesFigure(
        "Dropout and noise on the inputs work against overfitting, too",
        draw_others,
        {
            "dropout_noise": [
                [setting, f"training.seed={seed}"]
                for setting in ("model.dropout=0", "model.dropout=0.5", "model.input_noise=0.5")
                for seed in _SEEDS
            ]
        },
    ),
    "spread_of_loss": NotesFigure(
        "The final loss depends on luck in small networks, hardly in large ones",
        draw_spread,
        {
            "spread_of_loss": [
                [*hidden, f"training.seed={seed}"]
                for hidden in _hidden("3", "10", "30", "100")
                for seed in _SEEDS
            ]
        },
    ),
    "depth": NotesFigure(
        "Three layers beat two; more seldom help much",
        draw_depth,
        {
            "depth": [
                [*hidden, f"training.seed={seed}"]
                for hidden in _hidden("166", "28,28", "20,20,20", "16,16,16,16", "14,14,14,14,14")
                for seed in _SEEDS
            ]
        },
    ),
}
