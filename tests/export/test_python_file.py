"""The file of plain NumPy: it predicts what the network does, where there is no mlp."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_networks import NETWORKS, TABLE, network, require_same

import mlpcli
from mlpcli.data.writing import number_cell
from mlpcli.export.graph import build_graph
from mlpcli.export.python_file import python_text
from mlpcli.training.apply import predict_rows
from mlpcli.training.model import Model

# Runs a file as a program, with mlpcli out of reach.
PROGRAM = (
    "import runpy, sys; sys.modules['mlpcli'] = None; sys.argv[:] = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def text_of(model: Model) -> str:
    about = {"mlp": "0", "checkpoint_sha256": "f00"}
    return python_text(build_graph(model.checkpoint), model.checkpoint, about)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_predicts_the_same(name: str) -> None:
    model, rows = network(name)
    found: dict[str, Any] = {}
    exec(compile(text_of(model), name, "exec"), found)
    outputs = found["predict"](rows)
    names = ("variable",) if model.classes is None else ("label", model.loss.outputs)
    require_same(model, rows, dict(zip(names, outputs if len(names) > 1 else [outputs], strict=True)))


def run(model: Model, folder: Path, rows: Path) -> str:
    file = folder / "model.py"
    file.write_text(text_of(model), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file), str(rows)],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def require_same_lines(printed: str, model: Model, rows: Path) -> None:
    """Compare the CSV with what mlp predicts for the file."""
    expected = predict_rows(model.checkpoint, rows)
    header, *lines = (line.split(",") for line in printed.splitlines())
    if expected.labels is not None:
        assert header.pop(0) == "label"
        assert [line.pop(0) for line in lines] == expected.labels
    assert header == expected.columns
    np.testing.assert_allclose(np.array(lines, float), expected.values, rtol=1e-5, atol=1e-5)


def test_a_table_of_words_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(TABLE), encoding="utf-8")
    data = {"name": "csv", "path": str(path), "target": "risk", "columns": {"when": "date"}}
    model = mlpcli.train({"data": data, "recipe": "table", "training": {"epochs": 2}}).best
    path.write_text(
        "\n".join([*TABLE, "n/a,YES,Lima,2025-01-01 12:30,low", "30,no,Rom,NA,low"]), encoding="utf-8"
    )
    require_same_lines(run(model, tmp_path, path), model, path)


@pytest.mark.parametrize(
    "lines",
    [
        ["label,label_,X,x,y", *["a,1,2,p,0", "b,2,1,q,1", "b,2.5,4,q,1"] * 15],
        ["X,y", *["p,0", "q,1", "q,1"] * 15],
    ],
    ids=["of outputs and steps", "of the matrix"],
)
def test_columns_may_have_the_names(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    data = {"name": "csv", "path": str(path), "target": "y"}
    model = mlpcli.train({"data": data, "training": {"epochs": 1}}).best
    require_same_lines(run(model, tmp_path, path), model, path)


def test_values_and_numbers_with_a_comma_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    lines = [f"{i % 7},5;{i}.000,25;{i % 3},5" for i in range(40)]
    path.write_text("\n".join(["a;b;c", *lines]), encoding="utf-8")
    data = {
        "name": "csv",
        "path": str(path),
        "target": "c",
        "delimiter": ";",
        "decimal": ",",
        "thousands": ".",
    }
    model = mlpcli.train({"data": data, "loss": "mse", "training": {"epochs": 2}}).best
    require_same_lines(run(model, tmp_path, path), model, path)


def test_the_forward_pass_reads_like_the_notes() -> None:
    model, _ = network("activation relu")
    text = text_of(model)
    for line in ("z1 = x @ W1 + b1", "h1 = np.maximum(z1, 0)  # relu", "z2 = h1 @ W2 + b2"):
        assert f"    {line}\n" in text
    assert number_cell(model.layers["W1"][0, 0]) in text


def test_names_are_only_ever_text(tmp_path: Path) -> None:
    """A column or a class that looks like code is data."""
    evil = "\"\"\"\\'); raise SystemExit('evil') #"
    words = np.array([evil, "b"] * 20)
    config = {"model": {"hidden": [3]}, "training": {"epochs": 1}}
    path = tmp_path / "table.csv"
    rows = [f'"{word.replace(chr(34), chr(34) * 2)}",{i},{i % 2}' for i, word in enumerate(words)]
    name = '"' + evil.replace('"', '""') + '"'
    path.write_text("\n".join([f"{name},b,y", *rows]), encoding="utf-8")
    data = {"name": "csv", "path": str(path), "target": "y"}
    model = mlpcli.train({"data": data, **config}).best
    require_same_lines(run(model, tmp_path, path), model, path)
