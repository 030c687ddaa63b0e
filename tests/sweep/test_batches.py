"""Which runs train side by side, and that all workers have about as much to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.cohort.group import shape_of
from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.sweep.batches import kind_of, most_at_once, share
from mlpcli.training.run import Run


def experiment(**sections: Any) -> Experiment:
    config: dict[str, Any] = {"data": {"name": "moons", "points": 60}, "model": {"hidden": [4]}}
    for name, section in sections.items():
        config[name] = {**config.get(name, {}), **section}
    return validate_experiment(config, Path())


ALIKE: list[dict[str, Any]] = [
    {"training": {"seed": 1, "epochs": 3, "patience": 2}},
    {"optimizer": {"learning_rate": 0.3, "schedule": "cosine", "clip_norm": 1.0}},
    {"regularization": {"l1": 0.1, "l2": 0.2, "max_norm": 2.0, "weight_decay": 0.1}},
    {"model": {"init": "xavier", "output_gain": 0.1}},
    {"data": {"split_seed": 3, "points_seed": 4, "noise": 0.3}},
]
UNLIKE: list[dict[str, Any]] = [
    {"model": {"hidden": [5]}},
    {"model": {"dropout": 0.5}},
    {"optimizer": {"name": "sgd"}},
    {"training": {"batch_size": 8}},
    {"loss": {"name": "hinge"}},
]


@pytest.mark.parametrize("sections", ALIKE)
def test_runs_that_differ_in_values_alone_train_together(sections: dict[str, Any]) -> None:
    one, other = experiment(), experiment(**sections)
    assert kind_of(one) == kind_of(other)
    assert repr(shape_of(Run(one))) == repr(shape_of(Run(other)))


@pytest.mark.parametrize("sections", UNLIKE)
def test_runs_of_another_shape_do_not(sections: dict[str, Any]) -> None:
    assert kind_of(experiment()) != kind_of(experiment(**sections))


def test_large_networks_and_batches_in_parts_train_one_by_one() -> None:
    assert most_at_once(experiment(model={"hidden": [100]}), 2, 2) > 20
    assert most_at_once(experiment(model={"hidden": [1000, 1000]}), 2, 2) == 1
    assert most_at_once(experiment(training={"shards": 2}), 2, 2) == 1


@pytest.mark.parametrize("runs", [1, 2, 3, 7, 12, 40, 101])
@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_workers_that_begin_together_have_about_as_many(runs: int, workers: int) -> None:
    taken: list[int] = []
    while sum(taken) < runs:
        waiting = runs - sum(taken)
        taken.append(min(waiting, share(waiting, sum(taken), workers)))
    assert len(taken) <= workers
    assert max(taken) == -(-runs // workers)


def test_a_worker_leaves_half_to_one_that_is_about_to_end() -> None:
    assert share(4, 4 * 0.1, 2) == 2
    assert share(4, 4 * 0.6, 2) == 3  # the other is in the middle of four
    assert share(1, 0.0, 8) == 1
