"""Which keys decide whether a run is among the best."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from mlpcli.errors import UsageError
from mlpcli.sweep.groups import Result
from mlpcli.sweep.importance import LEAST_RUNS, SEED, key_importances


def results(scores: dict[Any, float], seeds: int, noise: float = 0.01) -> list[Result]:
    """Return runs whose score depends on the learning rate, not on the activation, and a little on luck."""
    rng = random.Random(0)
    return [
        Result(
            f"{rate}, {name}, {seed}",
            {"optimizer.learning_rate": rate, "model.activation": name, SEED: seed},
            score + rng.gauss(0, noise),
            {},
        )
        for rate, score in scores.items()
        for name in ("relu", "tanh")
        for seed in range(seeds)
    ]


def test_the_key_that_decides_is_the_first_and_all_add_up_to_one() -> None:
    found = key_importances(results({0.01: 0.7, 0.1: 0.9, 1: 0.5}, 5), "val_accuracy")
    assert next(iter(found)) == "optimizer.learning_rate"
    assert found.keys() == {"optimizer.learning_rate", "model.activation", SEED}
    assert sum(found.values()) == pytest.approx(1)
    assert found["optimizer.learning_rate"] > 0.6


def test_where_all_is_luck_no_key_stands_out_from_the_seed() -> None:
    found = key_importances(results({0.01: 0.7, 0.1: 0.7}, 10, noise=0.1), "val_accuracy")
    assert max(found["optimizer.learning_rate"], found["model.activation"]) <= found[SEED]


def test_where_lower_is_better_the_lowest_are_the_best() -> None:
    """The loss is low in one corner alone: for the best, both keys matter; for the worst, neither."""
    runs = [
        Result(str(i), {"a": i % 4, "b": i // 4 % 4, SEED: 0}, 0.0 if i % 16 == 0 else 1.0 + i / 1000, {})
        for i in range(64)
    ]
    found = key_importances(runs, "val_loss")
    assert found.keys() == {"a", "b"}
    assert min(found.values()) > 0.2


def test_ranges_of_numbers_and_lists_are_keys() -> None:
    rng = random.Random(1)
    runs = []
    for i in range(60):
        rate, hidden = 10 ** rng.uniform(-4, 0), rng.choice([[3], [20, 20]])
        score = -abs(rate**0.1 - 0.6) + rng.gauss(0, 0.005)
        runs.append(Result(str(i), {"rate": rate, "hidden": hidden, SEED: 0}, score, {}))
    found = key_importances(runs, "val_r2")
    assert next(iter(found)) == "rate"
    assert key_importances(runs, "val_r2") == found


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (results({0.1: 0.5}, 3), rf"6 runs finished, and it takes {LEAST_RUNS} or more"),
        (
            [Result(str(i), {"a": 1, SEED: i}, i / 30, {}) for i in range(30)],
            "all runs have the same values",
        ),
        ([Result(str(i), {"a": i % 3, SEED: 0}, i / 30, {}) for i in range(30)], "only one key was swept"),
    ],
)
def test_where_it_cannot_be_measured(runs: list[Result], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        key_importances(runs, "val_accuracy")


def test_without_optuna_the_error_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"Optuna; install it with\n.*mlpcli\[sweep\]"):
        key_importances(results({0.01: 0.7, 0.1: 0.9}, 5), "val_accuracy")
