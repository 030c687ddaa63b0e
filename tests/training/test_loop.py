"""The loop: the best epoch, patience, and the meaning of a row of metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.errors import RunError
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import Classified
from mlpcli.training import loop
from mlpcli.training.epoch import Epoch
from mlpcli.training.evaluation import compute_logits
from mlpcli.training.loop import Trainer
from mlpcli.training.run import Run
from mlpcli.training.start import train_run


def trainer(**sections: Any) -> Trainer:
    return Run(validate_experiment({"data": {"name": "spiral", "points": 60}, **sections}, Path())).trainer


def run(trains: Trainer, epochs: int) -> Iterator[Epoch]:
    trains.n_epochs = epochs
    return trains.epochs()


def scripted(monkeypatch: pytest.MonkeyPatch, scores: list[dict[str, float]]) -> None:
    """Make the validation split return these scores, epoch by epoch."""
    script: Iterator[dict[str, float]] = iter(scores)
    monkeypatch.setattr(loop, "quick_scores", lambda *_: next(script))


# scores (accuracy, loss) or (loss,) by epoch; the epochs that are the best so far; how many have passed since
CHOICES = {
    "accuracy before loss": ([(0.5, 1.0), (0.6, 9.0), (0.5, 0.1)], [1, 2], 1),
    "loss at equal accuracy": ([(0.5, 1.0), (0.5, 0.9), (0.5, 0.95)], [1, 2], 1),
    "the first of equals": ([(0.5, 1.0), (0.5, 1.0), (0.5, 1.0)], [1], 2),
    "regression": ([(2.0,), (3.0,), (1.0,), (1.0,)], [1, 3], 1),
    "patience begins anew": ([(0.1, 1.0), (0.0, 1.0), (0.2, 1.0), (0.0, 1.0)], [1, 3], 1),
}


@pytest.mark.parametrize(("scores", "best", "waited"), CHOICES.values(), ids=CHOICES)
def test_the_best_epoch(
    monkeypatch: pytest.MonkeyPatch, scores: list[tuple[float, ...]], best: list[int], waited: int
) -> None:
    kind = "classification" if len(scores[0]) == 2 else "regression"
    names = ("accuracy", "loss") if kind == "classification" else ("loss",)
    scripted(monkeypatch, [dict(zip(names, score, strict=True)) for score in scores])
    trains = trainer(data={"name": "spiral" if kind == "classification" else "sine", "points": 60})
    epochs = list(run(trains, len(scores)))
    assert [epoch.number for epoch in epochs if epoch.is_best] == best
    assert (trains.progress.best_epoch, trains.progress.epochs_since_best) == (best[-1], waited)
    assert [epoch.metrics["val_loss"] for epoch in epochs] == [score[-1] for score in scores]


# The monitor, the scores (monitor, loss) by epoch, and the epochs that are the best so far.
MONITORED = {
    "higher is better": ("roc_auc", [(0.5, 1.0), (0.7, 2.0), (0.6, 0.1)], [1, 2]),
    "loss at equal scores": ("f1", [(0.5, 1.0), (0.5, 0.9), (0.5, 0.95)], [1, 2]),
    "lower is better": ("log_loss", [(0.5, 1.0), (0.7, 0.1), (0.4, 2.0)], [1, 3]),
    "the loss alone": ("loss", [(1.0, 1.0), (1.0, 1.0), (0.5, 0.5)], [1, 3]),
}


@pytest.mark.parametrize(("monitor", "scores", "best"), MONITORED.values(), ids=MONITORED)
def test_the_monitor_chooses_the_best_epoch(
    monkeypatch: pytest.MonkeyPatch, monitor: str, scores: list[tuple[float, float]], best: list[int]
) -> None:
    rows = [{"accuracy": 0.5, "loss": loss} | {monitor: score} for score, loss in scores]
    scripted(monkeypatch, rows)
    trains = trainer(training={"monitor": monitor})
    epochs = list(run(trains, len(scores)))
    assert [epoch.number for epoch in epochs if epoch.is_best] == best
    assert [epoch.metrics[f"val_{monitor}"] for epoch in epochs] == [row[monitor] for row in rows]


def test_without_a_validation_split_the_training_split_is_monitored() -> None:
    whole = {"name": "spiral", "points": 60, "val_size": 0, "test_size": 0}
    trains = trainer(data=whole, training={"monitor": "roc_auc"})
    for epoch in run(trains, 3):
        logits = compute_logits(trains.network, trains.train)
        rows = Classified.of(trains.loss, logits, trains.train.split.y[trains.train.split.rows])
        assert epoch.metrics["train_roc_auc"] == MEASURES["roc_auc"].compute(rows)


@pytest.mark.parametrize("monitor", ["mse", "mae"])
def test_errors_are_monitored_in_the_units_of_the_targets(monitor: str) -> None:
    experiment = validate_experiment(
        {"data": {"name": "sine", "points": 60}, "training": {"monitor": monitor, "epochs": 2}}, Path()
    )
    trained = train_run(experiment)
    split = trained.splits.val
    assert split is not None
    report = trained.last.report(split, "val")
    assert trained.metrics[-1][f"val_{monitor}"] == pytest.approx(report[monitor], rel=1e-5)


def test_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = [1.0, 2.0, 0.5, 3.0, 0.5, 0.1]  # two epochs without a better loss end training
    scripted(monkeypatch, [{"accuracy": 0.5, "loss": loss} for loss in losses])
    trains = trainer(training={"patience": 2})
    assert [epoch.number for epoch in run(trains, 6)] == [1, 2, 3, 4, 5]
    assert trains.out_of_patience
    assert list(run(trains, 6)) == []


def test_metrics_of_one_full_batch() -> None:
    """With one batch per epoch and plain sgd, loss, gradient and update are easy to calculate."""
    trains = trainer(
        data={"name": "sine", "points": 50, "val_size": 0, "test_size": 0},
        model={"hidden": []},
        optimizer={"name": "sgd", "learning_rate": 0.25},
        training={"batch_size": 50},
        regularization={"l2": 0.5},
    )
    split, (layer,) = trains.train.split, trains.network.dense
    X = (split.X - split.X.mean()) / split.X.std()
    w, b = float(layer.W[0, 0]), float(layer.b[0])
    errors = w * X + b - split.y
    dw, db = 2 * float(np.mean(errors * X)) + 0.5 * w, 2 * float(np.mean(errors))
    (epoch,) = run(trains, 1)
    assert epoch.metrics["train_loss"] == pytest.approx(float(np.mean(errors**2)), rel=1e-5)
    assert epoch.metrics["gradient_norm"] == pytest.approx(np.hypot(dw, db), rel=1e-4)
    assert epoch.metrics["gradient_norms"] == pytest.approx([abs(dw)], rel=1e-4)
    assert epoch.metrics["update_ratio"] == pytest.approx([0.25 * abs(dw / w)], rel=1e-4)
    assert (float(layer.W[0, 0]), float(layer.b[0])) == pytest.approx(
        (w - 0.25 * dw, b - 0.25 * db), rel=1e-4, abs=1e-6
    )
    assert epoch.metrics["weight_norm"] == pytest.approx([abs(w - 0.25 * dw)], rel=1e-4)


def test_the_loss_of_an_epoch_is_a_mean_over_examples_not_batches() -> None:
    """With weights that hardly change, a last batch of one example counts as one example."""
    trains = trainer(optimizer={"name": "sgd", "learning_rate": 1e-30}, training={"batch_size": 35})
    X, y = next(trains.train.in_order(60))
    y = y.copy()  # the next batch reuses the buffer
    assert len(y) == 36
    logits = trains.network.forward(X).copy()
    (epoch,) = run(trains, 1)
    assert epoch.metrics["train_loss"] == pytest.approx(trains.loss.evaluate(logits, y, None), rel=1e-5)
    assert epoch.metrics["train_accuracy"] == np.mean(logits.argmax(axis=1) == y)


@pytest.mark.parametrize(
    ("rows", "batch_size", "optimizer", "expected"),
    [
        (2, 1, "adam", "largest v of the optimizer is inf in epoch 1"),
        (40, 40, {"name": "sgd", "learning_rate": 1e-30}, "norm of the gradient is inf in epoch 1"),
    ],
    ids=["its square, once", "its norm at the end"],
)
def test_a_gradient_too_large_for_float32_is_divergence(
    tmp_path: Path, rows: int, batch_size: int, optimizer: Any, expected: str
) -> None:
    """Loss and weights are finite, but last.npz or the row of metrics would contain an infinite number."""
    X, y = np.zeros((40, 2), np.float32), np.arange(40) % 2
    X[:rows] = 1e20  # in both classes, so that one of them is predicted wrongly
    np.savez(tmp_path / "large.npz", X=X, y=y)
    whole = {"scaling": "none", "val_size": 0, "test_size": 0}
    trains = trainer(
        data={"name": "npz", "path": str(tmp_path / "large.npz"), **whole},
        model={"hidden": []},
        loss="hinge",
        optimizer=optimizer,
        training={"batch_size": batch_size},
    )
    with pytest.raises(RunError, match=expected):
        list(run(trains, 1))
    assert trains.progress.epoch == 0
    assert np.isfinite(trains.network.parameters.values).all()


def test_weights_of_zero_have_no_update_ratio() -> None:
    trains = trainer(model={"hidden": []}, training={"batch_size": 1000})
    trains.network.parameters.values[...] = 0
    (epoch,) = run(trains, 1)
    assert epoch.metrics["update_ratio"] == [None]


def rates(trains: Trainer, epochs: int) -> list[float]:
    return [epoch.metrics["learning_rate"] for epoch in run(trains, epochs)]


def test_the_learning_rate_follows_the_schedule() -> None:
    """Rows of metrics have the rate of an epoch's last step; 36 training examples take 4 steps of 9."""
    optimizer = {"name": "sgd", "learning_rate": 0.5, "schedule": {"name": "step", "every": 2, "shrink": 0.1}}
    trains = trainer(optimizer=optimizer, training={"batch_size": 9})
    assert rates(trains, 5) == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])
    optimizer["schedule"] = {"name": "constant", "warmup": 2}
    trains = trainer(optimizer=optimizer, training={"batch_size": 9})
    assert rates(trains, 3) == pytest.approx([0.25, 0.5, 0.5])
    optimizer["schedule"] = "cosine"
    trains = trainer(optimizer=optimizer, training={"batch_size": 9})
    assert rates(trains, 2) == pytest.approx([0.25 * (1 + np.cos(np.pi * done)) for done in (0.375, 0.875)])


def test_a_plateau_shrinks_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = [1.0, 1.1, 1.2, 1.3, 1.4, 0.5, 0.6, 0.7]
    scripted(monkeypatch, [{"accuracy": 0.5, "loss": loss} for loss in losses])
    schedule = {"name": "plateau", "patience": 2, "shrink": 0.1}
    trains = trainer(optimizer={"name": "sgd", "learning_rate": 1.0, "schedule": schedule})
    # no better epoch among 2 and 3, 4 and 5, and 7 and 8
    assert rates(trains, 8) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.01])
    assert trains.progress.plateaus == 3


def test_only_a_long_gradient_is_clipped() -> None:
    norms = []
    for clip_norm in (None, 0.01, 1e6):
        optimizer = {"name": "sgd", "learning_rate": 0.1, "clip_norm": clip_norm}
        trains = trainer(optimizer=optimizer, training={"batch_size": 36})
        before = trains.network.parameters.values.copy()
        (epoch,) = run(trains, 1)
        norms.append(epoch.metrics["gradient_norm"])
        moved = float(np.linalg.norm(trains.network.parameters.values - before))
        expected = norms[0] if clip_norm is None else min(norms[0], clip_norm)
        assert moved == pytest.approx(0.1 * expected, rel=1e-3)
    assert norms[0] == norms[1] == norms[2] > 0.01  # before clipping


def test_weights_of_a_unit_stay_within_the_max_norm() -> None:
    trains = trainer(regularization={"max_norm": 0.5}, optimizer={"name": "sgd", "learning_rate": 0.5})
    list(run(trains, 5))
    longest = []
    for layer in trains.network.dense:
        norms = np.linalg.norm(layer.W, axis=0)
        assert (norms <= 0.5 * (1 + 1e-6)).all()
        longest.append(norms.max())
    assert max(longest) == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize("limit", [3.4e38, 1e39, 1e308])
def test_a_max_norm_that_nothing_reaches_changes_nothing(limit: float) -> None:
    values = []
    for max_norm in (None, limit):
        trains = trainer(regularization={"max_norm": max_norm})
        list(run(trains, 2))
        values.append(trains.network.parameters.values.copy())
    np.testing.assert_array_equal(*values)


def test_a_max_norm_below_all_numbers_leaves_weights_that_are_numbers() -> None:
    trains = trainer(regularization={"max_norm": 1e-308})
    for layer in trains.network.dense:
        layer.W[...] = 0  # and so they stay, where no gradient comes
    list(run(trains, 2))
    assert np.isfinite(trains.network.parameters.values).all()


def test_dropout_is_drawn_from_its_own_stream() -> None:
    """Weights and shuffling are the same with and without dropout."""
    seen = []
    for dropout in (0.0, 0.5):
        trains = trainer(model={"hidden": [20], "dropout": dropout}, training={"batch_size": 1000})
        seen.append(trains.network.parameters.values.copy())
        (epoch,) = run(trains, 1)
        seen.append(epoch.metrics["train_loss"])
    np.testing.assert_array_equal(seen[0], seen[2])
    assert seen[1] != seen[3]


LOST = {
    "inputs": (
        lambda trains: trains.train._inputs.__setitem__((slice(None), 0), np.nan),
        "first in layer 1 of 3",
    ),
    "weights of the second layer": (
        lambda trains: trains.network.dense[1].W.__setitem__((0, 0), np.nan),
        "first in layer 2 of 3",
    ),
    "the loss": (lambda trains: trains.network.dense[2].b.fill(1e30), "first in the loss itself"),
}


@pytest.mark.parametrize(("spoil", "where"), LOST.values(), ids=LOST)
def test_a_loss_that_is_not_finite_says_where_and_leaves_the_weights(spoil: Any, where: str) -> None:
    trains = trainer(data={"name": "sine", "points": 60}, model={"hidden": [4, 4], "activation": "tanh"})
    spoil(trains)
    before = trains.network.parameters.values.copy()
    with pytest.raises(RunError, match=rf"in epoch 1, in batch 1 of 2, {where}: training diverged"):
        next(run(trains, 1))
    np.testing.assert_array_equal(trains.network.parameters.values, before)


def test_a_gradient_that_is_not_finite_says_where_and_leaves_the_weights() -> None:
    trains = trainer(model={"hidden": [4, 4], "activation": "tanh"})
    layer = trains.network.layers[3]  # the second tanh
    backward = layer.backward
    layer.backward = lambda dY: backward(dY) * np.inf  # type: ignore[method-assign]
    before = trains.network.parameters.values.copy()
    with np.errstate(invalid="ignore"), pytest.raises(RunError) as caught:
        next(run(trains, 1))
    assert "the gradient is " in str(caught.value)
    assert "in epoch 1, in batch 1 of 2, first in layer 2 of 3: training diverged" in str(caught.value)
    assert "optimizer.clip_norm" in str(caught.value)
    np.testing.assert_array_equal(trains.network.parameters.values, before)


@pytest.mark.parametrize("every", [1, 2, 3, 100])
def test_it_saves_after_every_few_steps(every: int) -> None:
    trains = trainer(training={"batch_size": 5, "checkpoint_every": every})
    steps: list[int] = []
    trains.n_epochs = 3
    list(
        trains.epochs(
            lambda mid_epoch: steps.append(trains.progress.epoch * trains.batches + mid_epoch.batch)
        )
    )
    assert trains.batches == 8
    # At the end of an epoch everything is saved anyway.
    assert steps == [step for step in range(1, 25) if step % every == 0 and step % 8]


@pytest.mark.parametrize("steps", [1, 4, 5, 12])
def test_single_steps_are_those_of_an_epoch(steps: int) -> None:
    """An epoch of 36 examples in batches of 8 has five steps."""
    settings = {"training": {"batch_size": 8}, "model": {"hidden": [6], "dropout": 0.4}}
    whole, single = trainer(**settings), trainer(**settings)
    going = run(whole, 3)
    epochs = [next(going) for _ in range(3)]
    taken = [single.step() for _ in range(steps)]
    assert single.optimizer.steps == steps
    assert (single.progress.epoch, single.batch) == divmod(steps, 5)
    assert [epoch.number for epoch in taken if epoch is not None] == list(range(1, 1 + steps // 5))
    rest = list(run(single, 3))
    np.testing.assert_array_equal(single.network.parameters.values, whole.network.parameters.values)
    timed = {"seconds", "examples_per_second"}
    for mine, theirs in zip([epoch for epoch in taken if epoch] + rest, epochs, strict=True):
        assert {k: v for k, v in mine.metrics.items() if k not in timed} == {
            k: v for k, v in theirs.metrics.items() if k not in timed
        }


def test_projections_of_residual_layers_stay_within_the_max_norm() -> None:
    trains = trainer(
        model={"hidden": [8, {"units": 4, "residual": True}]},
        regularization={"max_norm": 0.5},
        optimizer={"name": "sgd", "learning_rate": 0.5},
    )
    list(run(trains, 5))
    assert (np.linalg.norm(trains.network.parameters.view("P2"), axis=0) <= 0.5 * (1 + 1e-6)).all()
