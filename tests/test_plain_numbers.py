"""Every number that leaves the engine is a Python number, also where weights sum to 0, and fits into JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mlpcli
from mlpcli import ConfigError
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.measures import MEASURES
from mlpcli.nn.outcomes import Classified, Regressed, UndefinedError
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.check import check_experiment
from mlpcli.training.evaluation import full_report
from mlpcli.training.importance import report_importance

VALUES = ("mse", "mae", "huber")
BINARY = ("binary_cross_entropy", "binary_hinge")


def require_plain(value: Any, where: str = "") -> None:
    """Check the types of everything in a value, and that it can be written as JSON."""
    if isinstance(value, dict):
        for key, own in value.items():
            assert type(key) is str, where
            require_plain(own, f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for i, own in enumerate(value):
            require_plain(own, f"{where}[{i}]")
    else:
        assert type(value) in (int, float, str, bool, type(None)), f"{where}: {type(value)}"
    json.dumps(value, allow_nan=False)


def rows(loss: str, n: int = 24) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(3)
    X = rng.standard_normal((n, 2))
    if loss in VALUES:
        return X, X @ [1.0, 2.0]
    return X, np.array(["a", "b", "c"])[np.arange(n) % (2 if loss in BINARY else 3)]


# Weights of the examples of each class; the first class may have none.
EXAMPLES = {"no weights": None, "some of weight 0": [0.0, 1.0, 2.0], "one alone": "one"}
CLASSES = {"no weights": None, "weights": [1.0, 2.0, 0.5], "some of weight 0": [0.0, 1.0, 0.0]}
CASES = [
    (loss, examples, classes)
    for loss in LOSSES
    for examples in EXAMPLES
    for classes in (CLASSES if loss == "cross_entropy" else ["no weights"])
]


@pytest.mark.parametrize(("loss", "examples", "classes"), CASES)
@pytest.mark.parametrize("batch_size", [1, pytest.param(5, marks=pytest.mark.exhaustive)])
def test_what_a_training_returns(loss: str, examples: str, classes: str, batch_size: int) -> None:
    X, y = rows(loss)
    weights: Any = EXAMPLES[examples]
    if weights is not None:
        of_rows = np.arange(len(X)) % 3 if loss in VALUES else np.unique(y, return_inverse=True)[1]
        weights = (
            np.where(np.arange(len(X)) == 1, 1.0, 0.0) if weights == "one" else np.array(weights)[of_rows]
        )
    section: dict[str, Any] = {"name": loss}
    if CLASSES[classes] is not None:
        section["class_weights"] = CLASSES[classes]
    run = mlpcli.train(
        {"loss": section, "model": {"hidden": [3]}, "data": {"test_size": 0}},
        X=X,
        y=y,
        sample_weight=weights,
        validation=(X, y) if weights is None else (X, y, weights),
        training={"epochs": 2, "batch_size": batch_size},
    )
    for row in run.metrics:
        require_plain(row)
    require_plain(run.score_best())
    require_plain(run.score_baselines())
    require_plain(run.best.evaluate(X, y, weights))
    require_plain(run.best.evaluate(X[1:2], y[1:2]))
    require_plain(run.best.config)
    require_plain(run.best.checkpoint.class_counts)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("name", MEASURES)
def test_a_measure(name: str, n: int, is_weighted: bool) -> None:
    rng = np.random.default_rng(n)
    weights = np.where(np.arange(n) == 0, float(n), 0.0) if is_weighted else None
    if MEASURES[name].task == "regression":
        found: Any = Regressed.of(rng.standard_normal((n, 2)), rng.standard_normal((n, 2)), weights)
    else:
        loss = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None)
        logits = rng.standard_normal((n, 3)).astype(np.float32)
        found = Classified.of(loss, logits, rng.integers(0, 3, n), weights)
    try:
        require_plain(MEASURES[name].compute(found))
    except UndefinedError as error:
        require_plain(str(error))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("weight", [None, 0.0, 1.0])
def test_a_loss(name: str, n: int, weight: float | None) -> None:
    settings: dict[str, Any] = {
        "cross_entropy": {"label_smoothing": 0.1, "class_weights": [0.0, 1.0]},
        "hinge": {"delta": 1.0, "squared": True},
        "huber": {"delta": 1.0},
    }.get(name, {})
    loss = LOSSES[name](**settings)
    logits = np.ones((n, 1 if loss.binary or loss.outputs == "values" else 2), np.float32)
    y = np.zeros((n, 1), np.float32) if loss.outputs == "values" else np.zeros(n, np.int64)
    weights = None if weight is None else np.full(n, weight, np.float32)
    dlogits = np.full_like(logits, np.nan)
    assert type(loss.evaluate(logits, y, dlogits, weights)) is float
    assert np.isfinite(dlogits).all()
    assert type(loss.evaluate(logits, y, None, weights)) is float
    assert type(loss.count_correct(logits, np.zeros(n, np.int64), weights)) in (int, float)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_what_a_cross_validation_and_importance_return(tmp_path: Path, loss: str) -> None:
    X, y = rows(loss, 30)
    weights = np.where(np.arange(30) % 4 == 0, 0.0, 1.0)
    config = {"loss": loss, "model": {"hidden": [2]}, "training": {"epochs": 1, "batch_size": 1}}
    found = mlpcli.cross_validate(config, X=X, y=y, sample_weight=weights, folds=3)
    require_plain(found.record.model_dump())
    (tmp_path / "rows.csv").write_text(
        "a,b,y\n" + "".join(f"{a},{b},{c}\n" for (a, b), c in zip(X, y, strict=True))
    )
    run = mlpcli.train(
        {**config, "data": {"name": "csv", "path": str(tmp_path / "rows.csv"), "target": "y"}},
        out=tmp_path / "run",
    )
    assert run.directory is not None
    require_plain(report_importance(run.directory / "best.npz", "val", None, 1))
    require_plain(score_checkpoint(run.directory / "best.npz", "val", None))


def zero_weight(**sections: Any) -> dict[str, Any]:
    loss = {"name": "cross_entropy", "class_weights": [0, 1]}
    return {"model": {"hidden": [2]}, "loss": loss, "training": {"epochs": 1}, **sections}


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_split_in_which_no_class_counts_is_refused_early(tmp_path: Path, part: str) -> None:
    lines = ["x,split,y"]
    for i in range(30):
        split = ("train", "val", "test")[i % 3]
        lines.append(f"{i},{split},{'no' if split == part or i % 2 else 'yes'}")
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    data = {"name": "csv", "path": "rows.csv", "target": "y", "split": "split"}
    experiment = validate_experiment(zero_weight(data=data), tmp_path)
    message = f"all 10 examples of the {part} split are of classes with the weight 0"
    with pytest.raises(ConfigError, match=message):
        mlpcli.train(zero_weight(data={**data, "path": str(tmp_path / "rows.csv")}))
    with pytest.raises(ConfigError, match=message):
        list(check_experiment(experiment))


def test_the_loss_of_rows_in_which_no_class_counts_is_undefined() -> None:
    loss = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=[0.0, 1.0])
    logits, y = np.ones((3, 2), np.float32), np.zeros(3, np.int64)
    report = full_report(loss, logits, y, ("a", "b"))
    require_plain(report)
    assert report["loss"] is None
    assert report["undefined"]["loss"] == "all rows are of classes with the weight 0"
    assert report["accuracy"] == 1.0
    far = LOSSES["mse"]()
    report = full_report(far, np.ones((1, 1)), np.full((1, 1), 1e300), None)
    require_plain(report)
    assert report["undefined"]["loss"] == "it is past what 64 bits can hold"
