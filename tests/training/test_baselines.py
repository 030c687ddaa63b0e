"""Baselines: what they are fitted to, what they score, and that they stay with the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlpcli
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.linear import fit_linear
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import Classified, Regressed
from mlpcli.training.baselines import Fitted, fit_baselines, report_baselines
from mlpcli.training.checkpoints import load_checkpoint, save_checkpoint
from mlpcli.training.memory import baseline_rows
from mlpcli.training.run import Run
from mlpcli.training.start import train_run


def make(**sections: Any) -> Run:
    sections["training"] = {"epochs": 1, **sections.get("training", {})}
    return Run(validate_experiment({"data": "spiral", **sections}, Path()))


def inputs(run: Run, part: str) -> Any:
    split = run.splits.parts[part]
    return run.transform.apply(split.X[split.rows].astype(np.float64))


def test_the_most_frequent_class_is_that_of_the_training_split() -> None:
    run = mlpcli.train(
        {"model": {"hidden": [2]}, "training": {"epochs": 1}},
        X=np.arange(20.0)[:, None],
        y=[0] * 12 + [1] * 8,
        validation=(np.arange(4.0)[:, None], [1, 1, 1, 0]),
    )
    scores = run.score_baselines()
    assert scores["train"]["most_frequent"] == {"accuracy": 12 / 20}
    assert scores["val"]["most_frequent"] == {"accuracy": 1 / 4}
    report = run.best.evaluate(np.arange(4.0)[:, None], [1, 1, 1, 0])["baselines"]["most_frequent"]
    assert (report["balanced_accuracy"], report["roc_auc"], report["f1"]) == (0.5, 0.5, 0)
    assert report["log_loss"] == pytest.approx(-(3 * np.log(8 / 20) + np.log(12 / 20)) / 4)


def test_the_mean_is_that_of_the_training_split() -> None:
    run = train_run(make(data={"name": "sine", "points": 60}).experiment)
    train, val = run.splits.parts["train"], run.splits.parts["val"]
    y, mean = val.y[val.rows].astype(np.float64), train.y[train.rows].mean(dtype=np.float64)
    report = run.best.report(val, "val")["baselines"]["mean"]
    assert report["mse"] == pytest.approx(np.mean((y - mean) ** 2))
    assert report["r2"] == pytest.approx(1 - np.mean((y - mean) ** 2) / y.var())


def test_the_linear_model_is_one_of_the_inputs_of_the_network() -> None:
    run = make(data={"name": "moons", "points": 200})
    train, val = run.splits.parts["train"], run.splits.parts["val"]
    V, b = fit_linear(inputs(run, "train"), train.y[train.rows], 2)
    logits, y = inputs(run, "val") @ V + b, val.y[val.rows]
    rows = Classified(y, logits.argmax(axis=1), logits, True)
    report = report_baselines([Fitted(run.baselines, run.transform, None)], val)["linear"]
    for name in ("accuracy", "log_loss", "roc_auc"):
        assert report[name] == pytest.approx(MEASURES[name].compute(rows), rel=1e-4)
    assert run.baselines.note is None


def test_a_linear_relation_is_found_in_the_units_of_the_targets() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)) * [1, 100, 0.01]
    y = X @ [[5, 0], [0.2, 30], [100, 1]] + [1000, -20]
    run = mlpcli.train(
        {
            "loss": "mse",
            "model": {"hidden": [2]},
            "training": {"epochs": 1},
            "data": {"name": "csv", "path": "x", "target": "y"},
        },
        X=X,
        y=y,
    )
    val = run.splits.parts["val"]
    report = run.best.report(val, "val")
    assert report["baselines"]["linear"]["r2"] > 0.999999
    assert report["baselines"]["linear"]["mse"] < 1e-3
    assert run.score_baselines()["val"]["linear"]["r2"] > report["r2"]
    true = val.y[val.rows].astype(np.float64)
    means = np.broadcast_to(run.baselines.constant, true.shape)
    assert report["baselines"]["mean"]["mae"] == pytest.approx(
        MEASURES["mae"].compute(Regressed(true, means))
    )


def test_class_weights_count_for_the_linear_model_too() -> None:
    """Where classes are weighted, an unweighted model would miss the rare class, and lose unfairly."""
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.05).astype(int)
    X = rng.standard_normal((2000, 2)) + y[:, None]
    recalls = {}
    for weights in (None, "balanced"):
        loss = {"name": "cross_entropy", "class_weights": weights}
        run = mlpcli.train(
            {
                "model": {"hidden": [2]},
                "loss": loss,
                "training": {"epochs": 1, "monitor": "balanced_accuracy"},
            },
            X=X,
            y=y,
        )
        recalls[weights] = run.score_baselines()["val"]["linear"]["balanced_accuracy"]
    assert recalls[None] < 0.6
    assert recalls["balanced"] > 0.7


# rows, features, classes (0 for a regression), and how many rows are taken
SIZES = [
    (100, 5, 3, 100),
    (100_000, 5, 3, 20_000),
    (1000, 500, 0, 1000),
    (100_000, 1000, 0, None),
    (50_000, 3072, 10, None),
    (50, 2000, 0, 50),
    (100_000, 784, 10, None),
    (200, 15, 200, None),
    (200, 15, 100, 200),
]


@pytest.mark.parametrize(("n", "features", "classes", "rows"), SIZES)
def test_a_large_fit_takes_a_part_of_the_rows_or_is_left_out(
    n: int, features: int, classes: int, rows: int | None
) -> None:
    assert baseline_rows(n, features, classes) == rows


def test_what_is_left_out_is_said() -> None:
    wide = make(data={"name": "blobs", "points": 60, "classes": 3})
    splits, few = wide.splits, wide.splits.train
    many = np.random.default_rng(0).standard_normal((60, 3000))
    wide.splits = replace(splits, train=replace(few, X=many))
    transform = wide.transform.fit("standardize", many, few.rows)
    baselines = fit_baselines(wide.splits, transform, None, 0)
    assert baselines.V is None
    assert (
        baselines.note == "No linear model to compare with: 3,000 features and 3 classes would take it long."
    )
    assert set(report_baselines([Fitted(baselines, transform, None)], wide.splits.train)) == {"most_frequent"}


def test_a_part_of_the_rows_is_said_and_drawn_from_the_seed() -> None:
    run = make(data={"name": "spiral", "points": 60_000, "test_size": 0})
    assert run.baselines.note == "The linear model was fitted to 20,000 of 48,000 training examples."
    again = fit_baselines(run.splits, run.transform, None, 0)
    other = fit_baselines(run.splits, run.transform, None, 1)
    assert run.baselines.V is not None
    assert np.array_equal(again.V, run.baselines.V)  # type: ignore[arg-type]
    assert not np.array_equal(other.V, run.baselines.V)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", ["iris", "sine"])
def test_a_checkpoint_keeps_them(tmp_path: Path, data: str) -> None:
    run = mlpcli.train(data, training={"epochs": 1})
    val = run.splits.parts["val"]
    run.best.save(tmp_path / "a.npz")
    loaded = mlpcli.load(tmp_path / "a.npz")
    assert loaded.report(val, "val") == run.best.report(val, "val")
    assert loaded.checkpoint.baselines is not None
    assert loaded.checkpoint.baselines.to_arrays().keys() == run.baselines.to_arrays().keys()


def test_a_checkpoint_without_them_is_read_and_shows_none(tmp_path: Path) -> None:
    run = mlpcli.train("iris", training={"epochs": 1})
    checkpoint = run.best.checkpoint
    save_checkpoint(tmp_path / "old.npz", replace(checkpoint, baselines=None, resume=None))
    old = load_checkpoint(tmp_path / "old.npz")
    assert old.baselines is None
    assert "baselines" not in mlpcli.load(tmp_path / "old.npz").report(run.splits.parts["val"], "val")
