"""The linear path is fitted before training: the network starts as a linear model, and may stay one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment
from mlpcli.nn.linear import fit_linear
from mlpcli.training import memory
from mlpcli.training.evaluation import compute_logits
from mlpcli.training.finished import FinishedRun
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

MODEL = {"hidden": [8], "linear_path": "fitted", "output_gain": 0.0}


def experiment(**sections: Any) -> Experiment:
    sections = {"data": "moons", "training": {"epochs": 2}, "model": MODEL, **sections}
    return validate_experiment(sections, Path())


def inputs(run: Run) -> tuple[Any, Any]:
    batches = run.trainer.train
    X, y = batches.examples(np.arange(len(batches)))
    return X.astype(np.float64), y.copy()


@pytest.mark.parametrize(
    ("data", "loss"),
    [("moons", "cross_entropy"), ("moons", "binary_cross_entropy"), ("spiral", "hinge"), ("sine", "mse")],
)
def test_the_network_starts_as_a_linear_model(data: str, loss: str) -> None:
    run = Run(experiment(data=data, loss=loss))
    X, y = inputs(run)
    V, b = fit_linear(X, y, None if loss == "mse" else {"moons": 2, "spiral": 3}[data])
    expected = X @ V + b
    if run.loss.binary:
        expected = expected[:, 1:] - expected[:, :1]
    np.testing.assert_allclose(compute_logits(run.network, run.trainer.train), expected, rtol=1e-4, atol=1e-5)


def test_each_member_starts_with_the_fit_of_its_own_examples() -> None:
    run = Run(experiment(model={**MODEL, "members": 4}, training={"epochs": 1, "validation": "folds"}))
    path = run.network.path
    assert path is not None
    assert len(np.unique(path.V[:, 0, 0])) == 4
    same = Run(experiment(model={**MODEL, "members": 4}))
    assert same.network.path is not None
    assert len(np.unique(same.network.path.V[:, 0, 0])) == 1


def test_training_does_not_change_it(tmp_path: Path) -> None:
    run = Run(experiment())
    assert run.network.path is not None
    before = run.network.path.V.copy()
    list(run.epochs())
    np.testing.assert_array_equal(run.network.path.V, before)
    assert np.count_nonzero(run.last.layers["V"])


def test_a_learned_one_starts_at_0_and_learns() -> None:
    run = Run(experiment(model={"hidden": [8], "linear_path": "learned"}))
    assert run.network.path is not None
    assert not run.network.path.V.any()
    list(run.epochs())
    assert run.network.path.V.all()


@pytest.mark.parametrize("folder", [None, "run"])
def test_the_linear_model_stays_the_best_if_training_makes_it_worse(
    folder: str | None, tmp_path: Path
) -> None:
    wild = {"name": "sgd", "learning_rate": 10.0, "clip_norm": 1.0}
    data = {"name": "sine", "points": 60}
    directory = None if folder is None else take_directory("run", tmp_path / folder)
    run = train_run(experiment(data=data, optimizer=wild), directory)
    assert run.trainer.progress.best_epoch == 0
    assert run.best.epoch == 0
    assert [row["epoch"] for row in run.metrics] == [1, 2]
    network = run.best.checkpoint.network
    X, y = inputs(run)
    V, b = fit_linear(X, y, None)
    np.testing.assert_allclose(network.predict(X.astype(np.float32)), X @ V + b, rtol=1e-4, atol=1e-5)
    if folder is not None:
        assert FinishedRun.open(tmp_path / folder).best_epoch == 0


def test_of_a_large_table_a_part_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    config = experiment(data={"name": "moons", "points": 2000})
    whole = Run(config)
    assert not any("linear path" in note for note in whole.notes)
    monkeypatch.setattr(memory, "_MOST_CELLS", 1000)
    part = Run(config)
    assert "The linear path was fitted to 500 of 1,200 training examples." in part.notes
    assert whole.network.path is not None
    assert part.network.path is not None
    assert not np.array_equal(part.network.path.V, whole.network.path.V)
    np.testing.assert_allclose(part.network.path.V, whole.network.path.V, atol=0.3)


def test_where_the_fit_would_take_long_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST_STEPS", 1)
    run = Run(experiment())
    assert "The linear path stays 0: 2 features and 2 classes would take its fit long." in run.notes
    assert run.network.path is not None
    assert not run.network.path.V.any()


def test_weights_of_classes_count() -> None:
    """A class that counts three times as much is predicted more often at first."""
    runs = [
        Run(experiment(loss={"name": "cross_entropy", "class_weights": weights}))
        for weights in (None, [1, 3])
    ]
    shares = [np.mean(compute_logits(run.network, run.trainer.train).argmax(axis=1)) for run in runs]
    assert shares[1] > shares[0] + 0.05
