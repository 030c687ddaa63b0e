"""mlp predict: one line of CSV for each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
Trained = Callable[..., RunDirectory]
DATASETS = Path(__file__).parents[2] / "datasets"


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_labels_and_probabilities(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    code, out, err = mlp("predict", run.best, DATASETS / "iris.csv")
    assert (code, err) == (0, "")
    rows = table(out)
    classes = ["setosa", "versicolor", "virginica"]
    assert list(rows[0]) == ["label", *(f"probability_{name}" for name in classes)]
    true = [row["species"] for row in table((DATASETS / "iris.csv").read_text())]
    assert np.mean([row["label"] == name for row, name in zip(rows, true, strict=True)]) > 0.9
    for row in rows:
        probabilities = [float(row[f"probability_{name}"]) for name in classes]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        assert row["label"] == classes[int(np.argmax(probabilities))]


def test_an_svm_has_scores(mlp: Mlp, trained: Trained) -> None:
    run = trained("xor", "training.epochs=20")
    np.save("rows.npy", np.array([[0.5, 0.5], [-0.5, 0.5]]))
    rows = table(mlp("predict", run.best, "rows.npy").out)
    assert [row["label"] for row in rows] == ["0", "1"]
    for row in rows:
        assert float(row["score_0"]) == -float(row["score_1"])
        assert row["label"] == ("1" if float(row["score_1"]) > 0 else "0")


def test_a_regression_has_values(mlp: Mlp, trained: Trained) -> None:
    run = trained("sine", "training.epochs=100")
    x = np.linspace(-3, 3, 50)
    np.save("rows.npy", x)
    rows = table(mlp("predict", run.best, "rows.npy").out)
    assert list(rows[0]) == ["y1"]
    assert [float(row["y1"]) for row in rows] == pytest.approx(np.sin(x), abs=0.2)


def test_a_regression_from_a_table_names_its_column(mlp: Mlp) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    lines = [f"{a:.4f},{b:.4f},{3 * a - b:.4f}" for a, b in X]
    Path("table.csv").write_text("a,b,price\n" + "\n".join(lines))
    Path("c.yaml").write_text(
        "data: {name: csv, path: table.csv, target: price}\nloss: mse\nmodel: {hidden: []}\n"
        "optimizer: {learning_rate: 0.05}\nregularization: {l2: 0}\n"
        "training: {epochs: 200}\n"
    )
    assert mlp("train", "c.yaml", "--quiet").code == 0
    Path("new.csv").write_text("b,a\n1,2\n-1,0\n")  # columns are found by name
    rows = table(mlp("predict", "runs/c/best.npz", "new.csv").out)
    assert [float(row["price"]) for row in rows] == pytest.approx([5, 1], abs=0.1)


def test_answers_go_to_a_file(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    printed = mlp("predict", run.best, DATASETS / "iris.csv").out
    assert mlp("predict", run.best, DATASETS / "iris.csv", "--out", "answers.csv") == (0, "", "")
    assert Path("answers.csv").read_text() == printed
    assert [path.name for path in Path().iterdir()] == ["answers.csv"]


BAD = {
    "missing": ("nope.csv", None, "nope.csv: no such file"),
    "no kind we know": ("rows.yaml", "a: 1", ".csv, .npz and .npy can be read"),
    "other columns": ("rows.csv", "a,b\n1,2\n", "has no column 'sepal_length'"),
    "text": ("rows.csv", "sepal_length,sepal_width,petal_length,petal_width\n1,2,3,x\n", "rows.csv:2: "),
    "no rows": ("rows.csv", "sepal_length,sepal_width,petal_length,petal_width\n", "but no rows"),
}


@pytest.mark.parametrize(("name", "content", "expected"), BAD.values(), ids=BAD)
def test_bad_rows(mlp: Mlp, trained: Trained, name: str, content: str | None, expected: str) -> None:
    run = trained("iris", "training.epochs=20")
    if content is not None:
        Path(name).write_text(content)
    code, out, err = mlp("predict", run.best, name, "--out", "answers.csv")
    assert (code, out) == (1, "")
    assert expected in err
    assert not Path("answers.csv").exists()


def test_a_place_that_cannot_be_written(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    code, out, err = mlp("predict", run.best, DATASETS / "iris.csv", "--out", "nowhere/answers.csv")
    assert (code, out) == (1, "")
    assert "nowhere" in err
    assert "No such file or directory" in err
