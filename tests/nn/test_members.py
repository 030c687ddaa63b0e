"""Members: networks side by side compute, learn and predict as each of them would alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_loss, build_network, build_optimizer, build_penalties
from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import UNITS
from mlpcli.config.schema import Experiment
from mlpcli.errors import ConfigError
from mlpcli.nn.network import Network
from mlpcli.nn.objective import differentiate_objective, evaluate_objective

K, N = 3, 5
LOSSES = ["cross_entropy", "hinge", "binary_cross_entropy", "mse"]


def experiment(loss: str = "cross_entropy", **model: Any) -> Experiment:
    sections = {
        "data": {"name": "npz", "path": "any.npz"},
        "model": {"hidden": [4, 6], **model},
        "loss": loss,
        "regularization": {"l2": 0.1},
        "optimizer": {"name": "adamw", "learning_rate": 0.1},
    }
    return validate_experiment(sections, Path())


def network(config: Experiment) -> Network:
    made = build_network(config, config.widths(2, 2) or (), np.float64)
    made.initialize(np.random.default_rng(0))
    return made


def alone(together: Network, member: int, config: Experiment) -> Network:
    """Return a member of a network as a network of its own."""
    made = network(config)
    for name in made.parameters.shapes:
        made.parameters.view(name)[...] = together.parameters.view(name)[member]
    for name, array in made.state.items():
        array[...] = together.state[name][member]
    return made


def batch(config: Experiment, n: int = K * N) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, 2))
    return X, rng.standard_normal((n, 2)) if config.loss.task == "regression" else rng.integers(0, 2, n)


def of(rows: Any, member: int) -> Any:
    return rows[member * N : (member + 1) * N]


MODELS = [
    *({"activation": name} for name in UNITS if name != "prelu"),
    {"linear_path": "learned"},
    {"linear_path": "fitted"},
    {"hidden": []},
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_each_member_has_the_gradient_that_it_would_have_alone(model: dict[str, Any]) -> None:
    config, single = experiment(members=K, **model), experiment(**model)
    together, (X, y) = network(config), batch(config)
    if together.path is not None:
        together.path.V[...] = np.random.default_rng(2).standard_normal(together.path.V.shape)
    rngs = {name: np.random.default_rng(3) for name in ("dropout", "noise")}
    loss, penalties = build_loss(config), build_penalties(config)
    objective = evaluate_objective(together, loss, penalties, X, y, rngs)
    gradient = differentiate_objective(together, loss, penalties, X, y, rngs)
    expected = 0.0
    for member in range(K):
        one = alone(together, member, single)
        expected += evaluate_objective(one, loss, penalties, of(X, member), of(y, member), rngs)
        flat = differentiate_objective(one, loss, penalties, of(X, member), of(y, member), rngs)
        for name in one.parameters.shapes:
            np.testing.assert_allclose(
                together.parameters.view(name, gradient)[member],
                one.parameters.view(name, flat),
                rtol=1e-9,
                atol=1e-12,
            )
    assert objective == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("path", ["none", "fitted"])
def test_a_prediction_is_the_mean_of_the_members(loss: str, path: str) -> None:
    """Of probabilities, scores or values; in training, and where examples are left out, each is alone."""
    config = experiment(loss, members=K, linear_path=path)
    together, (X, _) = network(config), batch(config)
    rule = build_loss(config)
    parts = [
        rule.predict(alone(together, j, experiment(loss, linear_path=path)).predict(X)) for j in range(K)
    ]
    np.testing.assert_allclose(rule.predict(together.predict(X)), np.mean(parts, axis=0))
    tiled = together.forward(np.tile(X, (K, 1)))
    np.testing.assert_allclose(rule.predict(tiled), np.concatenate(parts))


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "mse"])
def test_averages_of_extreme_logits(loss: str) -> None:
    """One member is certain of each class; their mean is as certain of both."""
    rule = build_loss(experiment(loss))
    width = 1 if rule.binary else 2
    logits = np.full((2, 1, width), 1e4, np.float32)
    logits[0, 0, 0] = -1e4
    if width == 2:
        logits[1, 0, 1] = -1e4
    average = rule.average(logits)
    assert average.dtype == np.float32
    np.testing.assert_allclose(average[0, 0], average[0, -1] if width == 2 else 0, atol=1e-6)


def test_members_learn_as_if_they_were_alone() -> None:
    """Ten steps of AdamW, with a penalty and weight decay."""
    config, single = experiment(members=K), experiment()
    together = network(config)
    ones = [alone(together, member, single) for member in range(K)]
    X, y = batch(config)
    rngs = {name: np.random.default_rng(3) for name in ("dropout", "noise")}
    for net, rows, targets in [(together, X, y), *((one, of(X, j), of(y, j)) for j, one in enumerate(ones))]:
        loss, optimizer = build_loss(config), build_optimizer(config, net)
        for _ in range(10):
            differentiate_objective(net, loss, [], rows, targets, rngs)
            optimizer.step()
    for member, one in enumerate(ones):
        for name in one.parameters.shapes:
            np.testing.assert_allclose(
                together.parameters.view(name)[member], one.parameters.view(name), rtol=1e-9, atol=1e-12
            )


def test_members_start_differently_and_a_gain_of_0_starts_with_the_biases() -> None:
    together = network(experiment(members=K, output_gain=0.0, init={"bias": 0.5}))
    W = together.parameters.view("W1")
    assert len(np.unique(W)) == W.size
    assert not together.parameters.view("W3").any()
    np.testing.assert_array_equal(together.predict(np.ones((4, 2))), np.log(np.full((4, 2), 0.5)))


@pytest.mark.parametrize(
    ("key", "value"), [("norm", "batch"), ("norm", "layer"), ("residual", True), ("activation", "prelu")]
)
def test_what_members_would_have_to_share_is_refused(key: str, value: Any) -> None:
    shown = str(value).lower()
    with pytest.raises(ConfigError, match=f"members: 3 does not go with {key}: {shown}"):
        experiment(members=K, **{key: value})
    with pytest.raises(ConfigError, match=f"members: 3 does not go with {key}: {shown}"):
        experiment(members=K, hidden=[4, {"units": 3, key: value}])
