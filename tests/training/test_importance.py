"""Permutation importance: columns that decide, columns that do not, and where it cannot be measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import mlpcli
from mlpcli.errors import DataError
from mlpcli.training.apply import find_rows
from mlpcli.training.importance import MOST_ROWS, measure_importance, report_importance
from mlpcli.training.run import Run


@pytest.fixture(scope="module")
def run() -> Run:
    """Return a regression on y = 3 a + b, with a column c that says nothing."""
    X = np.random.default_rng(0).standard_normal((2000, 3))
    config: dict[str, Any] = {"data": {"name": "npz", "path": "x"}, "loss": "mse"}
    config |= {"model": {"hidden": [16]}, "training": {"epochs": 40}}
    return mlpcli.train(config, X=X, y=3 * X[:, 0] + X[:, 1])


def test_the_loss_is_that_of_the_variance_which_a_column_explains(run: Run) -> None:
    """Without a, y loses its variance of 9 and gains the same again from the shuffled cells: 2 x 9 / 10."""
    found = measure_importance(run.best.checkpoint, run.splits.parts["train"], "train", 20)
    assert found.measure == "r2"
    assert found.score > 0.99
    np.testing.assert_allclose(found.means, [1.8, 0.2, 0], atol=0.06)
    assert found.spreads.max() < 0.06
    assert found.order.tolist() == [0, 1, 2]


def test_it_is_the_mean_of_independent_permutations(run: Run) -> None:
    split = run.splits.parts["val"]
    first = measure_importance(run.best.checkpoint, split, "val", 3)
    again = measure_importance(run.best.checkpoint, split, "val", 3)
    np.testing.assert_array_equal(first.losses, again.losses)
    assert len(set(first.losses[0])) == 3
    one = measure_importance(run.best.checkpoint, split, "val", 1)
    np.testing.assert_array_equal(one.losses, first.losses[:, :1])
    np.testing.assert_array_equal(one.spreads, 0)


def test_the_data_stay_as_they_were(run: Run) -> None:
    split = run.splits.parts["val"]
    before = split.X.copy()
    measure_importance(run.best.checkpoint, split, "val", 2)
    np.testing.assert_array_equal(split.X, before)


def test_a_lower_score_that_is_better_loses_too() -> None:
    X = np.random.default_rng(0).standard_normal((400, 2))
    run = mlpcli.train({"training": {"epochs": 20, "monitor": "log_loss"}}, X=X, y=(X[:, 0] > 0).astype(int))
    found = measure_importance(run.best.checkpoint, run.splits.parts["val"], "val")
    assert found.measure == "log_loss"
    assert found.means[0] > 0.3 > abs(found.means[1])


def test_categories_and_missing_cells_are_shuffled_as_they_are(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (["red", "blue", "", "green"][k], f"{v:.3f}" if v < 1 else "", "yes" if k < 2 else "no")
        for k, v in zip(rng.integers(0, 4, 400), rng.standard_normal(400), strict=True)
    ]
    (tmp_path / "t.csv").write_text("colour,size,y\n" + "".join(",".join(row) + "\n" for row in rows))
    run = mlpcli.train(
        {"data": {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y"}, "training": {"epochs": 20}}
    )
    found = measure_importance(run.best.checkpoint, run.splits.parts["test"], "test")
    assert dict(zip(found.columns, found.means > 0.2, strict=True)) == {"colour": True, "size": False}


def test_weights_of_rows_count_for_the_score_and_what_it_loses(run: Run) -> None:
    split = run.splits.parts["val"]
    twice = np.concatenate([split.rows, split.rows[:50]])
    weights = np.ones(len(split.y))
    weights[split.rows[:50]] = 2
    weighted = measure_importance(run.best.checkpoint, replace(split, weights=weights), "val", 1)
    repeated = measure_importance(run.best.checkpoint, replace(split, rows=twice), "val", 1)
    assert weighted.score == pytest.approx(repeated.score, rel=1e-9)
    plain = measure_importance(run.best.checkpoint, split, "val", 1)
    assert weighted.means[0] != plain.means[0]


def test_many_rows_are_sampled(run: Run) -> None:
    split = run.splits.parts["train"]
    many = split.__class__(split.X, split.y, np.resize(split.rows, MOST_ROWS + 1))
    assert measure_importance(run.best.checkpoint, many, "train", 1).rows == MOST_ROWS


def test_a_report_has_the_most_important_column_first(tmp_path: Any) -> None:
    run = mlpcli.train("iris", out=tmp_path / "run", training={"epochs": 30})
    report = report_importance(tmp_path / "run", None, None, 3)
    assert (report["split"], report["n"], report["repeats"]) == ("test", 30, 3)
    means = [row["importance"] for row in report["columns"]]
    assert means == sorted(means, reverse=True)
    assert {row["column"] for row in report["columns"]} == set(run.splits.columns)
    head, _ = find_rows(tmp_path / "run/best.npz", run.best.checkpoint, "val", None)
    assert report_importance(tmp_path / "run/best.npz", "val", None, 1)["data"] == head["data"]


def test_a_score_without_a_value_is_an_error(tmp_path: Any) -> None:
    mlpcli.train("iris", out=tmp_path / "run", training={"epochs": 1, "monitor": "roc_auc"})
    (tmp_path / "one.csv").write_text(
        "sepal_length,sepal_width,petal_length,petal_width,species\n5,3,1,0.2,setosa\n5,4,1,0.3,setosa\n"
    )
    with pytest.raises(DataError, match=r"one\.csv: roc_auc is not defined for these rows, as only one"):
        report_importance(tmp_path / "run", None, tmp_path / "one.csv", 1)
