"""The objective: a loss worked out by hand, and the penalties on the weights alone."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.plan import plan_widths
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.network import Network
from mlpcli.nn.objective import differentiate_objective, evaluate_objective
from mlpcli.nn.penalties import PENALTIES

X = np.array([[1.0, -1.0], [3.0, 0.0]])
Y = np.array([[-0.5], [8.5]])


@pytest.fixture
def line() -> Network:
    """Return z = 2 x1 - x2 + 0.5, which gives 3.5 and 6.5 for X."""
    network = Network(plan_widths((2, 1)), np.float64)
    network.parameters.values[...] = [2, -1, 0.5]
    return network


# The mean of squares is ((3.5 + 0.5)**2 + (6.5 - 8.5)**2) / 2 = 10; its gradient by z (4, -2), by w (-2, -4),
# by b 2.
KNOWN = {
    "no penalty": ({}, 10, [-2, -4, 2]),
    "l2": ({"l2": 3.0}, 10 + 0.5 * 3 * 5, [-2 + 3 * 2, -4 - 3, 2]),
    "l1": ({"l1": 3.0}, 10 + 3 * 3, [-2 + 3, -4 - 3, 2]),
    "both": ({"l1": 1.0, "l2": 1.0}, 10 + 3 + 2.5, [-2 + 1 + 2, -4 - 1 - 1, 2]),
}


@pytest.mark.parametrize(("strengths", "value", "gradient"), KNOWN.values(), ids=KNOWN)
def test_it_is_as_worked_out_by_hand(
    line: Network, strengths: dict[str, float], value: float, gradient: list[float]
) -> None:
    of = line, LOSSES["mse"](), [(PENALTIES[name], by) for name, by in strengths.items()], X, Y, {}
    assert evaluate_objective(*of) == pytest.approx(value)
    np.testing.assert_allclose(differentiate_objective(*of), gradient)


def test_the_gradient_is_the_callers_own(line: Network) -> None:
    gradient = differentiate_objective(line, LOSSES["mse"](), [], X, Y, {})
    line.parameters.gradients[...] = 0
    assert gradient[0] == -2
