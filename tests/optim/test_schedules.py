"""Schedules: known values; and every schedule stays between 0 and the learning rate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from mlpcli.build.parts import build_schedule
from mlpcli.config.loader import validate_experiment
from mlpcli.optim.schedules import SCHEDULES, warm

# settings, number of epochs, epoch: factor
KNOWN: dict[str, tuple[dict[str, Any], float, dict[float, float]]] = {
    "constant": ({}, 10, {0: 1, 9.9: 1}),
    "step": ({"every": 3, "shrink": 0.5}, 10, {0: 1, 2.99: 1, 3: 0.5, 5.5: 0.5, 6: 0.25, 9.9: 0.125}),
    "exponential": ({"shrink": 0.81}, 10, {0: 1, 0.5: 0.9, 1: 0.81, 2: 0.6561}),
    "cosine": ({"final": 0.2}, 10, {0: 1, 5: 0.6, 10: 0.2, 10 / 3: 0.2 + 0.8 * 0.75}),
    # 1 + 15 t is a power of 2 where a cycle ends, and the square root of 2 times that in its middle.
    "coslog4": (
        {},
        15,
        {0: 0, 1: 0, 3: 0, 7: 0, 15: 0, 2**0.5 - 1: 1, 8 * 2**0.5 - 1: 1, 8 * 2**0.25 - 1: 0.5, 16: 0},
    ),
    "one_cycle": (
        {"rise": 0.4, "start": 0.1, "final": 0.0},
        10,
        {0: 0.1, 2: 0.55, 4: 1, 7: 0.5, 10: 0, 6: (1 + math.sqrt(0.25)) / 2},
    ),
    "plateau": ({"patience": 3, "shrink": 0.5}, 10, {0: 1, 9.9: 1}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_known_values(name: str) -> None:
    settings, epochs, factors = KNOWN[name]
    schedule = SCHEDULES[name](**settings)
    for epoch, factor in factors.items():
        assert schedule.factor(epoch, epochs) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_defaults_stay_between_zero_and_the_learning_rate(name: str) -> None:
    config = {"data": "spiral", "optimizer": {"schedule": {"name": name, "warmup": 2.5}}}
    schedule, warmup = build_schedule(validate_experiment(config, Path()))
    factors = [schedule.factor(epoch / 7, 100) for epoch in range(700)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert all(factors) or name == "coslog4"
    assert max(factors) > 0.999
    assert warmup == 2.5
    assert (schedule.patience is not None) == (name == "plateau")


def test_a_warmup_is_a_straight_line() -> None:
    assert [warm(epoch, 4) for epoch in (1, 2, 4, 9)] == [0.25, 0.5, 1, 1]
    assert warm(0.5, 0) == 1
