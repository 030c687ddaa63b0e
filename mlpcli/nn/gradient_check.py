"""Checks the gradients of a backward pass against central differences of the objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.nn.parameters import Parameters

__all__ = ["TOLERANCE", "GroupCheck", "check_gradients"]

TOLERANCE = 1e-5  # relative; the notes accept 1e-7, or 1e-4 if there are kinks
_STEPS = (1e-5, 1e-6, 1e-7)


@dataclass(frozen=True)
class GroupCheck:
    """The result for the parameter ``name``: the largest relative ``error`` among ``checked`` entries.

    Another ``kinks`` entries lie at a kink (of a ReLU, a hinge, ...), where the slope is not defined.
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
    max_entries: int = 10,
) -> list[GroupCheck]:
    """Compare ``gradient``, flat like ``parameters.values`` (float64), with central differences.

    dL/dw is about (L(w + h) - L(w - h)) / 2h (CS231n notes, Neural Networks 3, "Gradient checks"). Up to
    ``max_entries`` entries of each parameter array are checked: half of them those with the largest
    gradients, the others random. The error is relative to the sum of the two slopes' sizes. If that sum is
    below a thousandth of the largest gradient, where rounding dominates, it is relative to the latter.
    """
    floor = max(1e-3 * float(np.abs(gradient).max(initial=0)), 1e-12)
    checks = []
    for name in parameters.shapes:
        span = parameters.span(name)
        entries = np.arange(span.start, span.stop)
        if len(entries) > max_entries:
            largest = entries[np.argsort(-np.abs(gradient[span]), kind="stable")[: max_entries // 2]]
            others = rng.choice(np.setdiff1d(entries, largest), max_entries - len(largest), replace=False)
            entries = np.concatenate([largest, others])
        errors = [_error(objective, parameters.values, int(i), float(gradient[i]), floor) for i in entries]
        smooth = [error for error in errors if error is not None]
        checks.append(GroupCheck(name, max(smooth, default=0.0), len(smooth), len(errors) - len(smooth)))
    return checks


def _error(
    objective: Callable[[], float], w: NDArray[Any], i: int, gradient: float, floor: float
) -> float | None:
    """Return the relative error at entry i, the smallest over several step sizes, or None at a kink."""
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
    # Even the smallest step crosses a kink if the slopes on both sides differ, and the gradient is one of
    # them or lies between them.
    slack = 1e-4 * max(abs(left), abs(right), floor)
    slopes_differ = abs(right - left) > 100 * slack
    lies_between = min(left, right) - slack <= gradient <= max(left, right) + slack
    return None if slopes_differ and lies_between else float(best)
