"""Advice is given if a threshold is crossed, and only then."""

from __future__ import annotations

from mlpcli.training.health import advise

WELL = {"dead": [0.1, None, None], "saturated": [None, 0.4, None], "update_ratio": [1e-3, 1e-3, None, 0.05]}


def test_a_healthy_network_gets_no_advice() -> None:
    assert advise(WELL) == []


def test_each_problem_has_its_own_advice() -> None:
    assert advise({**WELL, "dead": [None, 0.43, None]}) == [
        "layer 2: 43% of its ReLUs are dead; lower optimizer.learning_rate or use leaky_relu"
    ]
    (line,) = advise({**WELL, "saturated": [0.9, None, None]})
    assert line.startswith("layer 1: 90% of its outputs are saturated; lower")
    (line,) = advise({**WELL, "update_ratio": [1e-3, 1e-3, 1e-3, 0.4]})
    assert line.startswith("layer 4: a step changes its weights by 40%")
    (line,) = advise({**WELL, "update_ratio": [1e-3, 1e-3, 1e-3, 49621.6]})
    assert line.startswith("layer 4: a step changes its weights by more than 1000%")


def test_beside_a_linear_path_a_layer_may_have_nothing_to_do() -> None:
    idle = {**WELL, "dead": [0.9, None, None], "update_ratio": [1.0, 1.0, 1.0, 1.0]}
    assert advise(idle, has_linear_path=True) == []
    (line,) = advise({**idle, "saturated": [None, 0.9, None]}, has_linear_path=True)
    assert line.startswith("layer 2: 90% of its outputs are saturated")
