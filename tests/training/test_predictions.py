"""Checkpoints that predict for the rows of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli import train
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.predictions import predict_rows

Trained = Callable[..., RunDirectory]
IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"
EPOCHS = "training.epochs=20"


def answers(best: Path, folder: Path, rows: str) -> Any:
    (folder / "new.csv").write_text(rows)
    return predict_rows(load_checkpoint(best), folder / "new.csv")


def test_classes_are_predicted_by_name_with_a_probability_for_each(tmp_path: Path, trained: Trained) -> None:
    text = IRIS.read_text()
    found = answers(trained("iris", EPOCHS).best, tmp_path, text)
    names = ["setosa", "versicolor", "virginica"]
    assert found.columns == [f"probability_{name}" for name in names]
    np.testing.assert_allclose(found.values.sum(axis=1), 1, rtol=1e-5)
    assert found.labels == [names[i] for i in found.values.argmax(axis=1)]
    assert (
        np.mean([a == row.split(",")[-1] for a, row in zip(found.labels, text.split()[1:], strict=True)])
        > 0.9
    )


def test_new_rows_need_the_columns_alone_and_get_the_same_terms(tmp_path: Path, trained: Trained) -> None:
    run = trained("circles", "model.hidden=[]", "training.epochs=60", "data.terms=[square]")
    found = answers(run.best, tmp_path, "x2,x1\n0,0.1\n-0.5,0.1\n0.7,0.7\n0,-1\n")
    assert found.labels == ["1", "1", "0", "0"]


def test_an_svm_predicts_scores(tmp_path: Path, trained: Trained) -> None:
    found = answers(trained("iris", EPOCHS, "loss=hinge").best, tmp_path, IRIS.read_text())
    assert found.columns == ["score_setosa", "score_versicolor", "score_virginica"]


def test_a_regression_predicts_values_in_their_own_units(tmp_path: Path) -> None:
    rows = "".join(f"{i % 9},{i % 7},{1000 * (i % 9) + 500 * (i % 7)}\n" for i in range(90))
    (tmp_path / "t.csv").write_text(f"u,v,price\n{rows}")
    data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "price"}
    train({"data": data, "loss": "mse", "training": {"epochs": 200}}, out=tmp_path / "run")
    found = answers(tmp_path / "run" / "best.npz", tmp_path, "v,ignored,u\n4,x,2\n0,x,8\n")
    assert (found.columns, found.labels) == (["price"], None)
    np.testing.assert_allclose(found.values[:, 0], [4000, 8000], atol=500)
