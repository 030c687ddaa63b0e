"""The gradient check: backward against what the objective itself does when a parameter moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.parameters import Parameters

__all__ = ["TOLERANCE", "GroupCheck", "check_gradients"]

TOLERANCE = 1e-5  # relative; the notes are happy below 1e-7, with kinks below 1e-4
_STEPS = (1e-5, 1e-6, 1e-7)


@dataclass(frozen=True)
class GroupCheck:
    """What came of the parameter ``name``: the worst relative ``error`` of ``checked`` entries.

    ``kinks`` more lie at a kink (of a ReLU, a hinge, ...), where there is no one slope to compare with.
    """

    name: str
    error: float
    checked: int
    kinks: int


def check_gradients(
    objective: Callable[[], float],
    parameters: Parameters,
    gradient: NDArray[Any],
    rng: np.random.Generator,
    most: int = 10,
) -> list[GroupCheck]:
    """Compare ``gradient``, flat like ``parameters.values`` (float64), with central differences.

    dL/dw is about (L(w + h) - L(w - h)) / 2h (CS231n notes, Neural Networks 3, "Gradient checks"). Of each
    parameter array up to ``most`` entries are tried: those of the largest gradient, and random ones. The
    error is relative to the two slopes' sizes, or to a thousandth of the largest gradient of all where
    they are smaller than that, which rounding would drown.
    """
    floor = max(1e-3 * float(np.abs(gradient).max(initial=0)), 1e-12)
    checks = []
    for name in parameters.shapes:
        span = parameters.span(name)
        entries = np.arange(span.start, span.stop)
        if len(entries) > most:
            largest = entries[np.argsort(-np.abs(gradient[span]), kind="stable")[: most // 2]]
            others = rng.choice(np.setdiff1d(entries, largest), most - len(largest), replace=False)
            entries = np.concatenate([largest, others])
        errors = [_error(objective, parameters.values, int(i), float(gradient[i]), floor) for i in entries]
        smooth = [error for error in errors if error is not None]
        checks.append(GroupCheck(name, max(smooth, default=0.0), len(smooth), len(errors) - len(smooth)))
    return checks


def _error(
    objective: Callable[[], float], w: NDArray[Any], i: int, gradient: float, floor: float
) -> float | None:
    """Return the relative error at entry i, the best of several steps; None at a kink."""
    middle, old = objective(), w[i]
    best = np.inf
    for h in _STEPS:
        w[i] = old + h
        right = (objective() - middle) / h
        w[i] = old - h
        left = (middle - objective()) / h
        w[i] = old
        slope = (left + right) / 2
        best = min(best, abs(gradient - slope) / max(abs(gradient) + abs(slope), floor))
        if best <= TOLERANCE:
            return best
    # A kink lies within even the smallest step: it has two slopes, and the gradient is one, or between.
    slack = 1e-4 * max(abs(left), abs(right), floor)
    apart = abs(right - left) > 100 * slack
    return None if apart and min(left, right) - slack <= gradient <= max(left, right) + slack else float(best)
