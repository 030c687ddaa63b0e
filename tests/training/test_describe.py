"""The description of a data set agrees with its contents, calculated in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import load_experiment, parse_experiment
from mlpcli.errors import DataError
from mlpcli.training.describe import describe_data

CONFIGS = Path(__file__).parents[2] / "configs"


def describe(text: str, folder: Path = Path()) -> dict[str, Any]:
    report = describe_data(parse_experiment(text, "test.yaml", folder))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    return report


def assert_range(row: dict[str, Any], values: Any) -> None:
    values = np.asarray(values, np.float64)
    assert (row["min"], row["max"]) == (values.min(), values.max())
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-6, abs=1e-9)
    assert row["std"] == pytest.approx(values.std(), rel=1e-6, abs=1e-9)


def test_a_table_of_classes() -> None:
    report = describe_data(load_experiment(CONFIGS / "iris.yaml"))
    assert report["data"] == "iris.csv"
    assert Path(report["source"]) == (CONFIGS.parent / "datasets" / "iris.csv").resolve()
    assert (report["examples"], report["inputs"], report["dtype"]) == (150, 4, "float32")
    assert report["splits"] == {"train": 90, "val": 30, "test": 30}
    assert report["classes"] == [
        {"class": name, "train": 30, "val": 10, "test": 10} for name in ("setosa", "versicolor", "virginica")
    ]
    assert [row["feature"] for row in report["features"]] == [
        "sepal_length",
        "sepal_width",
        "petal_length",
        "petal_width",
    ]
    assert "targets" not in report


def test_terms_are_named() -> None:
    report = describe("data: {name: moons, terms: [square, product]}")
    assert (report["inputs"], len(report["features"])) == (5, 2)
    assert report["terms"] == ["x1^2", "x2^2", "x1 * x2"]
    assert "terms" not in describe("data: moons")


def test_ranges_are_those_of_the_training_examples(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(1e3, 1, (3000, 3)).astype(np.float32), rng.normal(size=(3000, 2)).astype(np.float32)
    X[:, 1] = 7
    np.savez(tmp_path / "a.npz", X=X, y=y)
    config = "data: {name: npz, path: a.npz, train_size: 1500, val_size: 0, test_size: 0}\nloss: mse"
    report = describe(config, tmp_path)
    assert report["splits"] == {"train": 1500}
    assert report["examples"] == 3000
    assert report["bytes"] == X.nbytes
    # The test does not know which rows were drawn, so all rows are in the training split.
    report = describe(config.replace("train_size: 1500, ", ""), tmp_path)
    for j, row in enumerate(report["features"]):
        assert row["feature"] == f"x{j + 1}"
        assert_range(row, X[:, j])
    assert report["features"][1]["std"] == 0
    assert_range(report["all_features"], X)
    assert [(row["target"], row["split"]) for row in report["targets"]] == [("y1", "train"), ("y2", "train")]
    for j, row in enumerate(report["targets"]):
        assert_range(row, y[:, j])


def test_no_held_out_example_is_in_the_ranges(tmp_path: Path) -> None:
    X, y = np.zeros((100, 1), np.float32), np.arange(100, dtype=np.float32)
    X[:, 0] = y
    np.savez(tmp_path / "a.npz", X=X, y=y)
    report = describe("data: {name: npz, path: a.npz, test_size: 0.5}\nloss: mse", tmp_path)
    (feature,) = report["features"]
    by_split = {row["split"]: row for row in report["targets"]}
    assert by_split.keys() == {"train", "val", "test"}
    assert {key: feature[key] for key in ("min", "mean", "max", "std")} == {
        key: by_split["train"][key] for key in ("min", "mean", "max", "std")
    }
    sizes = report["splits"]
    whole = sum(by_split[part]["mean"] * n for part, n in sizes.items())
    assert whole == pytest.approx(y.sum())


def test_a_toy_set_is_drawn_with_the_seed() -> None:
    one, same = describe("data: moons"), describe("data: moons")
    other = describe("data: moons\ntraining: {seed: 1}")
    assert one == same
    assert one["features"] != other["features"]
    assert (one["source"], one["seed"], other["seed"]) == (None, 0, 1)
    assert [row["class"] for row in one["classes"]] == ["0", "1"]


def test_images_have_a_range_for_each_colour(
    tmp_path: Path, make_cifar10: Callable[..., dict[str, Any]]
) -> None:
    batches = make_cifar10(tmp_path / "cifar-10-batches-bin", n=20)
    report = describe("data: {name: cifar10, root: ., val_size: 0}", tmp_path)
    *train, (_, test_labels) = batches.values()
    images = np.concatenate([X for X, _ in train]).reshape(-1, 3, 1024)
    assert report["image"] == [3, 32, 32]
    assert report["splits"] == {"train": 100, "test": 20}
    assert report["examples"] == 120
    assert report["bytes"] == 120 * 3072
    assert Path(report["source"]).name == "cifar-10-batches-bin"
    assert [row["feature"] for row in report["features"]] == ["red", "green", "blue"]
    for i, row in enumerate(report["features"]):
        assert_range(row, images[:, i])
    assert_range(report["all_features"], images)
    assert [row["test"] for row in report["classes"]] == np.bincount(test_labels, minlength=10).tolist()


def test_missing_data_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"CIFAR-10 was not found"):
        describe("data: {name: cifar10, root: .}", tmp_path)
