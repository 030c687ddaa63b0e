"""Parameters of scikit-learn and of mlp become one config."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")

from mlpcli import ConfigError
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.sklearn import MLPClassifier
from mlpcli.sklearn.parameters import experiment_of


def made(*, class_weights: Any = None, partial: bool = False, **parameters: Any) -> Experiment:
    given = MLPClassifier(**{"random_state": 0, **parameters}).get_params()
    return experiment_of(given, class_weights, None, partial=partial)


def value(experiment: Experiment, key: str) -> Any:
    found = to_plain(experiment)
    for part in key.split("."):
        found = found[part]
    return found


@pytest.mark.parametrize(
    ("parameters", "key", "expected"),
    [
        ({}, "recipe", "table"),
        ({}, "model.members", 8),
        ({"max_iter": 7}, "recipe", "table"),
        ({"max_iter": 7}, "training.epochs", 7),
        ({"hidden_layer_sizes": (64, 32)}, "recipe", "plain"),
        ({"hidden_layer_sizes": (64, 32)}, "model.hidden", [64, 32]),
        ({"hidden_layer_sizes": 5}, "model.hidden", [5]),
        ({"hidden_layer_sizes": ()}, "model.hidden", []),
        ({"alpha": 0.5}, "regularization.l2", 0.5),
        ({"alpha": 0.5, "recipe": "table"}, "model.members", 8),
        ({"activation": "logistic"}, "model.activation", "sigmoid"),
        ({"activation": {"name": "elu", "alpha": 2}}, "model.activation", {"name": "elu", "alpha": 2}),
        ({"loss": "log_loss"}, "loss.name", "cross_entropy"),
        ({"loss": {"name": "huber", "delta": 2}}, "loss.delta", 2),
        ({"solver": "sgd"}, "optimizer.name", "nesterov"),
        ({"solver": "sgd"}, "optimizer.momentum", 0.9),
        ({"solver": "sgd", "nesterovs_momentum": False}, "optimizer.name", "momentum"),
        ({"solver": "sgd", "momentum": 0}, "optimizer.name", "sgd"),
        ({"solver": "momentum", "momentum": 0.5}, "optimizer.momentum", 0.5),
        ({"solver": "lion", "learning_rate_init": 0.01}, "optimizer.learning_rate", 0.01),
        (
            {"solver": "sgd", "config": {"optimizer": {"name": "adam", "beta1": 0.5}}},
            "optimizer.name",
            "nesterov",
        ),
        ({"schedule": {"name": "cosine", "final": 0.1}}, "optimizer.schedule.final", 0.1),
        ({"batch_size": 20}, "training.batch_size", 20),
        ({"norm": "batch", "residual": True}, "model.residual", True),
        ({"random_state": None, "config": {"training": {"seed": 3}}}, "training.seed", 3),
        ({"dropout": 0.5, "config": {"model": {"dropout": 0.1, "norm": "layer"}}}, "model.dropout", 0.5),
        ({"dropout": 0.5, "config": {"model": {"dropout": 0.1, "norm": "layer"}}}, "model.norm", "layer"),
        ({"config": "spiral"}, "training.monitor", "loss"),
        # Rows are held out only to stop early, or if the config says so.
        ({"hidden_layer_sizes": 5}, "data.val_size", 0),
        ({"hidden_layer_sizes": 5, "early_stopping": True}, "data.val_size", 0.1),
        ({"hidden_layer_sizes": 5, "early_stopping": True}, "training.patience", 10),
        ({"hidden_layer_sizes": 5, "early_stopping": True}, "training.monitor", None),
        ({"hidden_layer_sizes": 5}, "training.patience", None),
        ({"hidden_layer_sizes": 5, "config": {"data": {"val_size": 0.3}}}, "data.val_size", 0.3),
        ({"early_stopping": True}, "training.validation", "folds"),
        ({"early_stopping": True}, "training.patience", 10),
        # A partial fit is one epoch of all rows.
        ({"partial": True}, "recipe", "plain"),
        ({"partial": True, "recipe": "table"}, "training.validation", "split"),
        ({"partial": True, "recipe": "table"}, "optimizer.schedule.name", "constant"),
        ({"partial": True, "early_stopping": True, "max_iter": 9}, "training.epochs", 1),
        ({"partial": True, "config": {"data": {"val_size": 0.3}}}, "data.val_size", 0),
        ({"class_weights": [1, 2]}, "loss.class_weights", [1, 2]),
    ],
    ids=str,
)
def test_a_parameter_sets_a_key(parameters: dict[str, Any], key: str, expected: Any) -> None:
    assert value(made(**parameters), key) == expected


@pytest.mark.parametrize(
    ("parameters", "l2"),
    [
        ({"solver": "adam"}, 1e-4),
        ({"solver": "adamw"}, 0),
        ({"solver": "adamw", "alpha": 1e-3}, 1e-3),
        ({"alpha": 0, "solver": "adam"}, 0),
        ({}, 0),
    ],
    ids=str,
)
def test_without_alpha_the_solver_says_how_the_weights_are_shrunk(
    parameters: dict[str, Any], l2: float
) -> None:
    assert made(**parameters).l2 == l2


def test_random_states_are_those_of_scikit_learn() -> None:
    def seed(state: Any) -> Any:
        return value(made(random_state=state), "training.seed")

    assert seed(3) == seed(3) != seed(4)
    state = np.random.RandomState(3)
    assert seed(state) == seed(3) != seed(state)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1}, "alpha: -1 is not"),
        ({"hidden_layer_sizes": (8, -1)}, "hidden_layer_sizes.1.units: -1 is not"),
        ({"solver": "lbfgs"}, 'solver: unknown name "lbfgs"'),
        ({"activation": "rellu"}, 'activation: unknown name "rellu"; did you mean "relu"?'),
        ({"loss": "hinge", "class_weights": "balanced"}, "class_weight: unknown key"),
        ({"norm": "batch", "members": 2}, "norm: members: 2 does not go with norm: batch"),
        ({"early_stopping": "no"}, "early_stopping: 'no' is not True or False"),
        ({"recipe": "best"}, 'recipe: "best" is not one of table, plain'),
        ({"config": {"model": {"hiden": 3}}}, 'model.hiden: unknown key "hiden"; did you mean "hidden"?'),
        ({"config": {"regularization": {"l2": -1}}}, "regularization.l2: -1 is not"),
        ({"config": 3}, "a config is a path"),
        (
            {"hidden_layer_sizes": 5, "early_stopping": True, "validation_fraction": 1.5},
            "validation_fraction: 1.5 is not a fraction",
        ),
        ({"config": {"data": {"val_size": float("nan")}}}, "data.val_size: NaN is not a fraction"),
    ],
)
def test_a_wrong_one_is_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(**parameters)
    assert str(caught.value).startswith(message)
