"""Gradients match central differences in float64: every activation, loss, penalty, norm, dropout."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss, build_network, build_penalties
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.objective import differentiate_objective, evaluate_objective
from mlpcli.nn.penalties import PENALTIES

N, INPUTS, CLASSES = 7, 4, 3


def numeric_gradient(f: Callable[[], float], w: NDArray[np.float64], i: int, h: float) -> float:
    """Central difference: (f(w + h) - f(w - h)) / 2h, of parameter i."""
    old = w[i]
    w[i] = old + h
    above = f()
    w[i] = old - h
    below = f()
    w[i] = old
    return (above - below) / (2 * h)


def relative_error(a: float, b: float) -> float:
    return abs(a - b) / max(1e-3, abs(a) + abs(b))


def streams() -> dict[str, np.random.Generator]:
    """Return the streams of a training step, which draw the same masks every time."""
    return {name: np.random.default_rng(5) for name in ("dropout", "noise")}


def check(
    loss_section: Any, model: dict[str, Any], strengths: dict[str, float], inputs: int = INPUTS
) -> None:
    """Compare the gradient for every parameter with its central difference, to a relative 1e-6."""
    experiment = validate_experiment(
        {
            "data": {"name": "npz", "path": "any.npz"},  # with classes or values, whichever the loss needs
            "loss": loss_section,
            "model": model,
            "regularization": strengths,
        },
        Path(),
    )
    loss, penalties = build_loss(experiment), build_penalties(experiment)
    widths = experiment.widths(inputs, 2 if loss.binary else CLASSES)
    assert widths is not None
    network = build_network(experiment, widths, np.float64)
    rng = np.random.default_rng(1)
    network.initialize(rng)
    parameters = network.parameters
    parameters.values += 0.1 * rng.standard_normal(len(parameters.values))  # biases too
    n, outputs = N * network.members, widths[-1]
    X = rng.standard_normal((n, inputs))
    y = rng.standard_normal((n, outputs)) if loss.outputs == "values" else rng.integers(0, max(2, outputs), n)

    def objective() -> float:
        return evaluate_objective(network, loss, penalties, X, y, streams())

    analytic = differentiate_objective(network, loss, penalties, X, y, streams())
    assert np.count_nonzero(analytic) > len(analytic) / 4
    for i, gradient in enumerate(analytic):
        # A kink (of relu, hinge, ...) may lie within one of the steps, but hardly within both; a wrong
        # gradient fails with both.
        error = relative_error(gradient, numeric_gradient(objective, parameters.values, i, 1e-5))
        if error > 1e-6:
            error = relative_error(gradient, numeric_gradient(objective, parameters.values, i, 1e-6))
        assert error <= 1e-6, i


def covering(every: list[Any], strength: int) -> list[Any]:
    """Return cases that are enough to cover all that any ``strength`` of the axes can be together."""
    seen: set[tuple[tuple[int, Any], ...]] = set()
    needed = []
    for values in random.Random(0).sample(every, len(every)):
        together = set(combinations(enumerate(values), strength))
        if not together <= seen:
            seen |= together
            needed.append(values)
    return needed


def in_pairs(*axes: Iterable[Any]) -> list[Any]:
    """Return cases that cover each three values of the axes; what no pair of them needs is exhaustive."""
    every = list(product(*axes))
    pairs = covering(every, 2)
    more = set(covering(every, 3)).difference(pairs)
    return [*pairs, *(pytest.param(*values, marks=pytest.mark.exhaustive) for values in sorted(more))]


AXES = (UNITS, LOSSES, PENALTIES, ["none", *NORMS], [False, True], [0, 0.3])


@pytest.mark.parametrize(
    ("activation", "loss", "penalty", "norm", "residual", "dropout"),
    in_pairs(*AXES),
)
def test_combinations(
    activation: str, loss: str, penalty: str, norm: str, residual: bool, dropout: float
) -> None:
    """The first residual layer projects its input; the second one adds it unchanged."""
    hidden = [3, 3] if residual else [4, 3]
    model = {
        "hidden": hidden,
        "activation": activation,
        "norm": norm,
        "residual": residual,
        "dropout": dropout,
    }
    check(
        loss,
        {**model, "dropout": dropout, "input_dropout": dropout / 3},
        dict.fromkeys(PENALTIES, 0) | {penalty: 0.3},
    )


@pytest.mark.slow
@pytest.mark.parametrize("activation", UNITS)
def test_every_combination(activation: str) -> None:
    for others in product(*AXES[1:]):
        test_combinations(activation, *others)


@pytest.mark.parametrize("path", ["none", "learned", "fitted"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_members_and_linear_paths(loss: str, members: int, path: str) -> None:
    model = {"hidden": [4], "activation": "mish", "members": members, "linear_path": path}
    check(loss, model, dict.fromkeys(PENALTIES, 0.1))
    check(loss, {**model, "hidden": []}, dict.fromkeys(PENALTIES, 0))


@pytest.mark.parametrize("norm", ["none", *NORMS])
@pytest.mark.parametrize("activation", ["mish", "prelu", "maxout"])
def test_windows(activation: str, norm: str) -> None:
    """Two layers of windows: over 4 x 4 pixels, and over what the first one puts out, 3 x 3 x 2."""
    hidden = [{"units": 2, "window": 2}, {"units": 2, "window": 2, "norm": norm}]
    check(
        "cross_entropy",
        {"hidden": hidden, "activation": activation, "dropout": 0.2},
        dict.fromkeys(PENALTIES, 0.1),
        inputs=16,
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_without_hidden_layers(loss: str) -> None:
    check(loss, {"hidden": []}, dict.fromkeys(PENALTIES, 0))


@pytest.mark.parametrize(
    "section",
    [
        {"name": "cross_entropy", "label_smoothing": 0.2},
        {"name": "cross_entropy", "class_weights": [0.5, 1, 3], "label_smoothing": 0.1},
        {"name": "hinge", "squared": True, "delta": 2.0},
        {"name": "huber", "delta": 0.3},
    ],
    ids=str,
)
def test_settings_of_a_loss(section: dict[str, Any]) -> None:
    check(section, {"hidden": [5]}, dict.fromkeys(PENALTIES, 0))


def test_layers_can_override_the_model() -> None:
    hidden = [{"units": 4, "activation": name} for name in UNITS]
    check("cross_entropy", {"hidden": hidden}, dict.fromkeys(PENALTIES, 0.1))
