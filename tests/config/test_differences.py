"""The keys in which configs differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.config.differences import find_differences, in_force, is_repeated
from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import Experiment, flatten, to_plain


def experiment(*lines: str) -> Experiment:
    return parse_experiment("data: moons\n" + "\n".join(lines), "test", Path())


def flat(*lines: str) -> dict[str, object]:
    return flatten(to_plain(experiment(*lines)))


def test_keys_with_other_values_are_found() -> None:
    assert find_differences([flat(), flat("regularization: {l2: 0.5}")]) == ["regularization.l2"]
    assert find_differences([flat(), flat()]) == []


def test_keys_that_do_not_affect_what_is_learned_are_not() -> None:
    assert find_differences([flat(), flat("training: {snapshots: 5, checkpoint_every: 9}")]) == []


def test_settings_that_one_name_has_and_the_other_has_not_follow_from_the_name() -> None:
    sgd, adam = (flat(f"optimizer: {{name: {name}, learning_rate: 0.1}}") for name in ("sgd", "adam"))
    assert find_differences([sgd, adam]) == ["optimizer.name"]
    slow = flat("optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.5}")
    assert find_differences([sgd, slow, adam]) == ["optimizer.name", "optimizer.momentum"]


def test_they_are_found_where_nothing_else_tells_configs_apart() -> None:
    one, other = flat(), {**flat(), "data.fold.of": 3}
    assert find_differences([one, other]) == ["data.fold.of"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["optimizer: adam", "optimizer: adamw"], [{}, {}]),
        (
            ["optimizer: adam", "optimizer: adamw", "regularization: {l2: 0.5}"],
            [{"regularization.l2": 1e-4}, {"regularization.l2": 0}, {"regularization.l2": 0.5}],
        ),
        (
            ["optimizer: adamw", "regularization: {weight_decay: 0.1}"],
            [{"regularization.weight_decay": 0.01}, {"regularization.weight_decay": 0.1}],
        ),
    ],
    ids=str,
)
def test_what_only_some_configs_leave_open_is_compared_as_it_is_in_force(
    lines: list[str], expected: list[dict[str, float]]
) -> None:
    assert in_force([experiment(line) for line in lines]) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("training.seed", True),
        ("data.seed", True),
        ("data.split_seed", True),
        ("data.fold.number", True),
        ("data.fold.of", False),
        ("optimizer.learning_rate", False),
    ],
)
def test_what_repeats_a_training(key: str, *, expected: bool) -> None:
    assert is_repeated(key) is expected
