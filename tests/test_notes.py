"""The claims of the CS231n notes, Neural Networks 1, hold for the runs of configs/notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_loss
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment
from mlpcli.config.plan import plan_network
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory

Train = Callable[..., RunDirectory]
Array = NDArray[Any]


def rows(run: RunDirectory) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def epochs_to(accuracy: float, run: RunDirectory) -> float:
    return next((row["epoch"] for row in rows(run) if row["train_accuracy"] >= accuracy), float("inf"))


def score(run: RunDirectory, name: str, part: str = "train") -> float:
    value: float = score_checkpoint(run.last, part, None)[name]
    return value


def training_loss(run: RunDirectory) -> float:
    return score(run, "loss")


def mean_of(value: Callable[[RunDirectory], float], runs: list[RunDirectory]) -> float:
    return float(np.mean([value(run) for run in runs]))


def weights(run: RunDirectory) -> dict[str, Array]:
    with np.load(run.last) as archive:
        return {name: archive[name].astype(np.float64) for name in archive if name[0] in "Wb"}


def size(run: RunDirectory) -> float:
    """Return the norm of all weights."""
    W = weights(run)
    return float(np.hypot(np.linalg.norm(W["W1"]), np.linalg.norm(W["W2"])))


def examples(run: RunDirectory) -> tuple[Array, Array]:
    """Return the scaled training inputs of the network."""
    checkpoint = load_checkpoint(run.last)
    split = load_splits(checkpoint.experiment).train
    return checkpoint.transform.apply(split.X[split.rows]).astype(np.float32), split.y[split.rows]


def reported_dead(run: RunDirectory) -> float:
    share: float = rows(run)[-1]["dead"][0]
    return share


def dead_share(run: RunDirectory) -> float:
    """Return the share of the first layer's ReLUs that no training example activates."""
    X, _ = examples(run)
    W = weights(run)
    return float(np.mean((X @ W["W1"] + W["b1"] <= 0).all(axis=0)))


def stuck_share(run: RunDirectory) -> float:
    """Return the share of the first layer's units, of any kind, whose weights get no gradient."""
    X, _ = examples(run)
    network = load_checkpoint(run.last).network
    layer, units = network.dense[0], network.widths[1]
    rng = np.random.default_rng(0)
    moved = np.zeros(units, bool)
    for start in range(0, len(X), 100):
        logits = network.forward(X[start : start + 100])
        network.backward(rng.standard_normal(logits.shape).astype(np.float32))
        moves = layer.dW.any(axis=0) | (layer.db != 0)
        moved |= moves.reshape(-1, units).any(axis=0)  # maxout has a block for each piece
    return float(np.mean(~moved))


def border_length(run: RunDirectory) -> float:
    """Return the length of the boundary between the classes in a square of side 6 around the scaled data.

    By Crofton's formula: as many times as lines in all directions, here four, cross it.
    """
    n = 200
    axis = np.linspace(-3, 3, n)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    network = load_checkpoint(run.last).network
    label = np.argmax(network.forward(grid.astype(network.dtype)), axis=1).reshape(n, n)
    straight = np.sum(label[1:] != label[:-1]) + np.sum(label[:, 1:] != label[:, :-1])
    diagonal = np.sum(label[1:, 1:] != label[:-1, :-1]) + np.sum(label[1:, :-1] != label[:-1, 1:])
    return float(np.pi / 8 * (straight + diagonal / np.sqrt(2)) * 6 / (n - 1))


# ---------------------------------------------------------------------------------------- one neuron


def neuron(run: RunDirectory) -> tuple[Array, Array, Array, float]:
    """Return the inputs of a neuron with an added 1, its targets -1 or 1, its weights (w1, w2, b), and l2."""
    X, y = examples(run)
    W = weights(run)
    l2 = load_checkpoint(run.last).experiment.l2
    return np.column_stack([X, np.ones(len(X))]), 2.0 * y - 1, np.append(W["W1"][:, 0], W["b1"]), l2


def test_a_neuron_with_the_logistic_loss_is_a_softmax_classifier(trained: Train) -> None:
    """Its weights are the optimum that Newton's method finds, its output's sigmoid the probability."""
    run = trained("notes/neuron")
    X, t, found, l2 = neuron(run)
    penalty = l2 * np.diag([1, 1, 0])
    best = np.zeros(3)
    for _ in range(20):
        p = 1 / (1 + np.exp(-X @ best))
        gradient = X.T @ (p - (t > 0)) / len(X) + penalty @ best
        best -= np.linalg.solve((X.T * (p * (1 - p))) @ X / len(X) + penalty, gradient)
    assert found == pytest.approx(best, abs=0.1)
    assert score(run, "accuracy", "test") > 0.85


def test_a_neuron_with_the_hinge_loss_is_an_svm(trained: Train) -> None:
    """Only examples inside the margin hold the line: l2 w is the mean of t x over them, as at the optimum."""
    run = trained("notes/neuron", "loss=binary_hinge")
    X, t, found, l2 = neuron(run)
    inside = t * (X @ found) < 1
    assert 0.1 < inside.mean() < 0.5
    held = (t * inside) @ X / len(X)
    assert held[:2] == pytest.approx(l2 * found[:2], abs=0.04)
    assert abs(held[2]) < 0.1
    assert score(run, "accuracy", "test") > 0.85


# ------------------------------------------------------------------------------ activation functions


@pytest.mark.exhaustive
def test_relu_converges_in_fewer_epochs_than_tanh(trained: Train) -> None:
    relu = trained("notes/relu_against_tanh")
    tanh = trained("notes/relu_against_tanh", "model.activation=tanh")
    assert 1.5 * epochs_to(0.98, relu) < epochs_to(0.98, tanh)
    X, _ = examples(tanh)
    W = weights(tanh)
    assert np.mean(np.abs(np.tanh(X @ W["W1"] + W["b1"])) > 0.95) > 0.5  # the reason: they saturate


@pytest.mark.exhaustive
def test_tanh_learns_in_fewer_epochs_than_sigmoid(trained: Train) -> None:
    for rate in ("0.03", "0.1"):
        sigmoid, tanh = (
            trained(
                "notes/all_positive_inputs", f"model.activation={name}", f"optimizer.learning_rate={rate}"
            )
            for name in ("sigmoid", "tanh")
        )
        assert 1.5 * epochs_to(0.9, tanh) < epochs_to(0.9, sigmoid) < float("inf")


@pytest.mark.exhaustive
def test_large_initial_weights_saturate_sigmoids_and_no_gradient_comes_back(trained: Train) -> None:
    small, right, large = (trained("notes/saturation", f"model.init.gain={gain}") for gain in (1, 4, 100))
    last = {run: rows(run)[-1] for run in (small, right, large)}
    assert min(last[large]["saturated"]) > 0.9
    assert max(last[right]["saturated"]) < 0.5
    assert max(last[small]["saturated"]) == 0  # its gradients vanish by slopes of at most 1/4, layer by layer
    for run in (small, large):
        norms = last[run]["gradient_norms"]
        assert norms[0] < 0.01 * norms[-1]
        assert last[run]["train_accuracy"] < 0.2
    norms = last[right]["gradient_norms"]
    assert norms[0] > 0.1 * norms[-1]
    assert last[right]["train_accuracy"] > 0.9


@pytest.mark.exhaustive
def test_a_high_learning_rate_kills_relus_and_a_proper_one_does_not(trained: Train) -> None:
    high = trained("notes/dead_relu")
    less = trained("notes/dead_relu", "optimizer.learning_rate=3e-2")
    proper = trained("notes/dead_relu", "optimizer.learning_rate=3e-3")
    assert dead_share(high) > 0.75
    assert 0.2 < dead_share(less) < 0.6  # "as much as 40%"
    assert dead_share(proper) < 0.15
    assert stuck_share(high) == dead_share(high)
    for run in (high, less, proper):  # metrics.jsonl agrees, although the weights change during the epoch
        assert reported_dead(run) == pytest.approx(dead_share(run), abs=0.05)
    assert score(high, "accuracy") < 0.8
    assert score(proper, "accuracy") > 0.95


@pytest.mark.exhaustive
@pytest.mark.parametrize("activation", ["leaky_relu", "maxout"])
def test_leaky_relu_and_maxout_live_where_relu_dies(trained: Train, activation: str) -> None:
    run = trained("notes/dead_relu", f"model.activation={activation}")
    assert stuck_share(run) == 0
    relu = trained("notes/dead_relu")
    assert score(run, "accuracy") > max(0.75, score(relu, "accuracy") + 0.1)


def test_maxout_doubles_the_parameters_of_every_neuron() -> None:
    def hidden_layer(config: str) -> int:
        experiment = load_experiment(Path("notes", config))
        return plan_network(experiment.model, (64, 100, 10)).weight_layers()[0].parameters

    assert hidden_layer("dead_relu") == 64 * 100 + 100
    assert hidden_layer("maxout") == 2 * hidden_layer("dead_relu")


def test_an_all_positive_input_makes_the_gradient_of_one_sign(trained: Train) -> None:
    """It holds for each unit in the second layer and one example; in a batch, signs are mixed."""

    def one_sign(run: RunDirectory, batch_size: int) -> float:
        X, y = examples(run)
        checkpoint = load_checkpoint(run.last)
        network, loss = checkpoint.network, build_loss(checkpoint.experiment)
        shares = []
        for start in range(0, 90, batch_size):
            logits = network.forward(X[start : start + batch_size])
            dlogits = np.empty_like(logits)
            loss.evaluate(logits, y[start : start + batch_size], dlogits)
            network.backward(dlogits)
            dW = network.dense[1].dW  # (inputs, units)
            assert dW.any()
            shares.append(np.mean((dW >= 0).all(axis=0) | (dW <= 0).all(axis=0)))
        return float(np.mean(shares))

    sigmoid = trained("notes/all_positive_inputs")
    tanh = trained("notes/all_positive_inputs", "model.activation=tanh")
    assert one_sign(sigmoid, 1) == 1
    assert one_sign(tanh, 1) < 0.1
    assert one_sign(sigmoid, 30) < 0.9
    assert training_loss(tanh) < 0.5 * training_loss(sigmoid)


# ---------------------------------------------------------------------------- representational power


def test_two_linear_layers_are_one(trained: Train) -> None:
    run = trained("notes/two_linear_layers")
    X, _ = examples(run)
    W = weights(run)
    one_layer = X @ (W["W1"] @ W["W2"]) + (W["b1"] @ W["W2"] + W["b2"])
    np.testing.assert_allclose(load_checkpoint(run.last).network.forward(X), one_layer, atol=1e-4)
    linear = trained("notes/two_linear_layers", "model.hidden=[]")
    assert training_loss(run) == pytest.approx(training_loss(linear), abs=0.05)
    assert score(run, "accuracy") == pytest.approx(score(linear, "accuracy"), abs=0.1)
    relu = trained("notes/two_linear_layers", "model.activation=relu")
    assert score(relu, "accuracy") > score(run, "accuracy") + 0.3


def test_one_hidden_layer_approximates_a_sine(trained: Train) -> None:
    assert score(trained("notes/universal_approximator"), "r2", "test") > 0.99
    line = trained("notes/universal_approximator", "model.hidden=[]")
    # cov(x, sin x) = 1, var x = pi**2 / 3 and var(sin x) = 1 / 2 for x uniform from -pi to pi
    assert score(line, "r2") == pytest.approx(6 / np.pi**2, abs=0.1)


# ----------------------------------------------------------- setting number of layers and their sizes


@pytest.mark.exhaustive
def test_large_networks_end_in_a_narrower_spread_of_loss(trained: Train) -> None:
    def final_losses(units: int) -> list[float]:
        return [
            rows(trained("notes/spread_of_loss", f"model.hidden=[{units}]", f"training.seed={seed}"))[-1][
                "train_loss"
            ]
            for seed in range(5)
        ]

    small, large = final_losses(3), final_losses(100)
    assert np.std(small) > 5 * np.std(large)
    assert np.std(small) / np.mean(small) > 2 * np.std(large) / np.mean(large)
    assert min(small) > max(large)


def seeds_of(trained: Train, config: str, *overrides: str) -> list[RunDirectory]:
    return [trained(f"notes/{config}", *overrides, f"training.seed={seed}") for seed in (1, 2)]


def train_accuracy(run: RunDirectory) -> float:
    return score(run, "accuracy")


def held_out_accuracy(run: RunDirectory) -> float:
    return score(run, "accuracy", "test")


@pytest.mark.exhaustive
def test_more_units_bend_the_border_more_and_twenty_fit_every_point(trained: Train) -> None:
    few = seeds_of(trained, "layer_sizes", "model.hidden=[3]")
    many = seeds_of(trained, "layer_sizes")
    assert mean_of(border_length, many) > 1.1 * mean_of(border_length, few)
    assert all(train_accuracy(run) == 1 for run in many)
    assert all(0.8 < train_accuracy(run) < 1 for run in few)
    assert all(held_out_accuracy(run) < 0.87 for run in many)


@pytest.mark.exhaustive
def test_stronger_l2_gives_smaller_weights_a_smoother_border_and_a_better_score(trained: Train) -> None:
    none = seeds_of(trained, "layer_sizes")  # the same network on the same points
    weak, middle, strong = (
        seeds_of(trained, "l2_strength", f"regularization.l2={l2}") for l2 in (0.001, 0.01, 0.1)
    )
    assert (
        mean_of(size, none) > 2 * mean_of(size, weak) > 4 * mean_of(size, middle) > 6 * mean_of(size, strong)
    )
    assert mean_of(border_length, none) > 1.1 * mean_of(border_length, weak)
    assert mean_of(border_length, weak) > 1.1 * mean_of(border_length, middle)
    assert mean_of(held_out_accuracy, middle) > mean_of(held_out_accuracy, none) + 0.015
    assert mean_of(held_out_accuracy, strong) < mean_of(held_out_accuracy, middle)
    assert mean_of(training_loss, none) < mean_of(training_loss, middle) < mean_of(training_loss, strong)


@pytest.mark.exhaustive
def test_the_larger_network_with_regularization_scores_best(trained: Train) -> None:
    small = seeds_of(trained, "large_regularized", "model.hidden=[2]")
    free = seeds_of(trained, "large_regularized", "regularization.l2=0")
    regularized = seeds_of(trained, "large_regularized")
    assert mean_of(held_out_accuracy, regularized) > mean_of(held_out_accuracy, free) + 0.02
    assert mean_of(held_out_accuracy, free) > mean_of(held_out_accuracy, small) + 0.04
    assert mean_of(train_accuracy, free) > mean_of(train_accuracy, regularized) + 0.02


@pytest.mark.exhaustive
def test_regularization_is_gradual_forgetting(trained: Train) -> None:
    """At first the norm shrinks by the factor 1 - learning_rate * l2 in each step; then learning holds it."""

    def norms(l2: float) -> Array:
        run = trained("notes/forgetting", f"regularization.l2={l2}")
        return np.array([np.hypot(*row["weight_norm"]) for row in rows(run)])

    none, weak, strong = norms(0), norms(0.01), norms(0.1)
    assert none[-1] > none[0]
    assert weak[50] / weak[0] == pytest.approx((1 - 0.2 * 0.01) ** 50, abs=0.03)
    assert strong[25] / strong[0] == pytest.approx((1 - 0.2 * 0.1) ** 25, abs=0.05)
    assert 0.1 * strong[0] < strong[-1] < 0.5 * weak[0]
    assert strong[-1] == pytest.approx(strong[-500], rel=0.01)
    assert strong[-1] < 0.8 * weak[-1]
    assert score(trained("notes/forgetting", "regularization.l2=0.1"), "accuracy") > 0.95


@pytest.mark.exhaustive
def test_three_layers_beat_two_and_five_do_not_beat_three_by_much(trained: Train) -> None:
    two, three, five = (
        mean_of(held_out_accuracy, seeds_of(trained, "depth", f"model.hidden={hidden}"))
        for hidden in ("[166]", "[28,28]", "[16,16,16,16]")
    )
    assert three > two + 0.04
    assert abs(five - three) < 0.03


@pytest.mark.exhaustive
def test_dropout_and_input_noise_work_against_overfitting(trained: Train) -> None:
    def last(name: str, *overrides: str) -> float:
        return float(np.mean([rows(run)[-1][name] for run in seeds_of(trained, "dropout_noise", *overrides)]))

    for against in ("model.dropout=0.5", "model.input_noise=0.5"):
        assert last("val_loss") > 1.4 * last("val_loss", against)
        assert last("train_loss") < 0.7 * last("train_loss", against)
