"""Checks of the network before it learns: its first loss, its penalties and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.build.parts import build_penalties
from mlpcli.nn.gradient_check import TOLERANCE, check_gradients
from mlpcli.nn.network import Network
from mlpcli.nn.objective import differentiate_objective, evaluate_objective
from mlpcli.streams import stream
from mlpcli.training.check.samples import Finding, streams_of
from mlpcli.training.run import Run

__all__ = ["CHANCE", "check_first_loss", "check_gradient", "check_penalties"]

# The loss of logits that are all 0, from (section, classes, y): what a network that knows nothing has to pay.
CHANCE: dict[str, tuple[str, Callable[[Any, int, NDArray[Any]], float]]] = {
    "cross_entropy": ("log C", lambda section, classes, y: log(classes)),  # noqa: ARG005
    "hinge": (
        "(C - 1) delta",
        lambda section, classes, y: (classes - 1) * section.delta ** (2 if section.squared else 1),  # noqa: ARG005
    ),
    "binary_cross_entropy": ("log 2", lambda section, classes, y: log(2)),  # noqa: ARG005
    "binary_hinge": ("the margin", lambda section, classes, y: 1.0),  # noqa: ARG005
    "mse": ("the variance", lambda section, classes, y: float(np.mean(y**2))),  # noqa: ARG005
    "mae": ("mean |y|", lambda section, classes, y: float(np.mean(np.abs(y)))),  # noqa: ARG005
    "huber": (
        "mean huber(y)",
        lambda section, classes, y: float(  # noqa: ARG005
            np.mean(
                np.where(
                    np.abs(y) <= section.delta, y**2 / 2, section.delta * (np.abs(y) - section.delta / 2)
                )
            )
        ),
    ),
}


def check_first_loss(run: Run, network: Network, X: NDArray[Any], y: NDArray[Any]) -> Finding:
    """Compare the loss of the initial weights, and that of logits of 0, with what theory says."""
    section, split = run.experiment.loss, run.trainer.train.split
    all_y = split.y[split.rows]
    logits = np.zeros((len(all_y), network.widths[-1]))
    words, theory = CHANCE[section.name]
    chance = theory(section, run.splits.targets, all_y)
    found = run.loss.evaluate(logits, all_y, None)
    first = run.loss.evaluate(network.forward(X, streams_of(run)), y, None)
    path = run.network.path if run.experiment.model.linear_path == "fitted" else None
    fitted = path is not None and bool(path.V.any() or run.network.dense[-1].b.any())
    begun = run.experiment.training.start_from is not None
    weights = "weights it begins with" if begun else "fitted linear model" if fitted else "initial weights"
    text = f"{first:.4g} with the {weights}, {words} = {chance:.4g} by chance"
    if abs(found - chance) > 1e-3 * chance:
        return Finding("first loss", "FAIL", f"logits of 0 cost {found:.4g}, not {words} = {chance:.4g}")
    if not first <= 10 * chance and begun:
        return Finding("first loss", "note", f"{text}: it was trained on quite other data")
    if not first <= 10 * chance and fitted:
        advice = "it guesses wildly, which few or odd rows can cause; model.linear_path: none leaves it out"
        return Finding("first loss", "note", f"{text}: {advice}")
    if not first <= 10 * chance:
        return Finding(
            "first loss",
            "FAIL",
            f"{text}: the first guesses are wild; scale the inputs, lower model.init.gain",
        )
    return Finding("first loss", "pass", text)


def check_penalties(run: Run, network: Network, X: NDArray[Any], y: NDArray[Any]) -> Finding:
    """Check that the penalties raise the objective."""
    penalties = build_penalties(run.experiment)
    if not penalties:
        return Finding("penalties", "pass", "none is set")
    losses = [
        evaluate_objective(
            network, run.loss, [(p, factor * by) for p, by in penalties], X, y, streams_of(run)
        )
        for factor in (0, 1, 10)
    ]
    text = "loss {:.5g}; {:.5g} with them, {:.5g} with ten times as much".format(*losses)
    if losses[0] < losses[1] < losses[2]:
        return Finding("penalties", "pass", text)
    return Finding(
        "penalties", "FAIL", f"{text}: it has to rise; please report this as a bug, with the config"
    )


def check_gradient(run: Run, network: Network, X: NDArray[Any], y: NDArray[Any]) -> Finding:
    """Compare the gradient of the objective with differences of the objective."""
    parameters, penalties = network.parameters, build_penalties(run.experiment)

    def objective() -> float:
        return evaluate_objective(network, run.loss, penalties, X, y, streams_of(run))

    gradient = differentiate_objective(network, run.loss, penalties, X, y, streams_of(run))
    checks = check_gradients(objective, parameters, gradient, stream(run.experiment.training.seed, "check"))
    wrong = [check for check in checks if not check.error <= TOLERANCE]
    worst = max(check.error for check in checks)
    entries, kinks = sum(check.checked for check in checks), sum(check.kinks for check in checks)
    at_kinks = f", {kinks} more at kinks" if kinks else ""
    if wrong:
        names = ", ".join(f"{check.name} {check.error:.1e}" for check in wrong)
        return Finding(
            "gradient", "FAIL", f"wrong in {names} (relative); please report this as a bug, with the config"
        )
    return Finding(
        "gradient",
        "pass",
        f"worst relative error {worst:.0e}; {entries} entries of {len(checks)} arrays{at_kinks}",
    )
