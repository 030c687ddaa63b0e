"""ONNX: onnxruntime predicts what the network does, for all that networks are made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_networks import NETWORKS, TABLE, network, require_same
from usual import some

import mlpcli
from mlpcli.data.table.dates import DATE_PARTS, Dates
from mlpcli.errors import UsageError
from mlpcli.export.formats import export_checkpoint
from mlpcli.export.graph import Graph, build_graph
from mlpcli.export.onnx_file import onnx_bytes
from mlpcli.export.symbols import step
from mlpcli.training.directory import RunDirectory
from mlpcli.training.model import Model
from mlpcli.training.new_rows import read_new_rows
from mlpcli.training.predictions import predict_rows

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def outputs(model: Model, **columns: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what onnxruntime makes of the file."""
    data = onnx_bytes(build_graph(model.checkpoint), {"mlp": "0"})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": object}
    feeds = {each.name: columns[each.name].astype(types[each.type]) for each in session.get_inputs()}
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


@pytest.mark.parametrize("name", some(NETWORKS, 2))
def test_onnxruntime_agrees(name: str) -> None:
    model, rows = network(name)
    require_same(model, rows, outputs(model, X=rows))


def test_a_table_of_words(tmp_path: Path) -> None:
    """The cells go in as they are written, but for blanks; a text that was never seen, too."""
    path = tmp_path / "table.csv"
    path.write_text("\n".join(TABLE), encoding="utf-8")
    data = {"name": "csv", "path": str(path), "target": "risk", "columns": {"when": "date"}}
    config = {"data": data, "recipe": "table", "training": {"epochs": 2}}
    models = [mlpcli.train(config).best, mlpcli.cross_validate(config, folds=3).model]
    lines = [*TABLE, "n/a,YES,Lima,2025-01-01,low"]
    path.write_text("\n".join(lines), encoding="utf-8")
    names, *rows = (line.split(",") for line in lines)
    cells = {name: np.array([[row[i].strip()] for row in rows], object) for i, name in enumerate(names)}
    for model in models:
        checkpoint = model.checkpoint
        numbers, _ = read_new_rows(checkpoint, path)
        columns = {name: numbers[:, [j]] for j, name in enumerate(checkpoint.columns)}
        found = outputs(model, **(columns | {name: cells[name] for name in ("smoker", "city")}))
        expected = predict_rows(checkpoint, path)
        assert found["label"].tolist() == expected.labels
        np.testing.assert_allclose(found["probabilities"], expected.values, atol=1e-5)


def test_a_column_may_have_the_name_of_an_output_or_of_a_step(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["label,label_,X,x,y", *["a,1,2,p,0", "b,2,1,q,1", "b,2.5,4,q,1"] * 15]))
    data = {"name": "csv", "path": str(path), "target": "y"}
    model = mlpcli.train({"data": data, "training": {"epochs": 1}}).best
    found = outputs(
        model,
        label__=np.array([["a"], ["b"]], object),
        label_=np.array([[1.0], [2.0]]),
        X=np.array([[2.0], [1.0]]),
        x=np.array([["p"], ["q"]], object),
    )
    expected = predict_rows(model.checkpoint, path).values[:2]
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


PENGUINS = Path(__file__).parents[2] / "datasets" / "penguins.csv"


def test_the_code_of_the_page_runs(
    trained: Callable[..., RunDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of code about ONNX, one after the other."""
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    numbers, words, dates = re.findall(
        r"^```python\n(.*?)^```", page.split("## Python")[0], re.DOTALL | re.MULTILINE
    )
    monkeypatch.chdir(tmp_path)
    export_checkpoint(trained("iris", "training.epochs=5").path, Path("model.onnx"), "onnx")
    found: dict[str, Any] = {}
    exec(numbers, found)
    assert found["probabilities"].shape == (1, 3)
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    export_checkpoint(trained("penguins", "training.epochs=1").path, Path("penguins.onnx"), "onnx")
    Path("penguins.csv").write_bytes(PENGUINS.read_bytes())
    exec(words, found)
    assert found["probabilities"].shape == (344, 3)
    exec(dates, found)
    texts = ["31.05.2024 13:45", None, "01.02.1969 00:00"]
    made = found["with_parts"](pandas.DataFrame({"when": texts}), "when", "%d.%m.%Y %H:%M")
    expected, _ = Dates().read([text or "" for text in texts], [2, 3, 4])
    names = [f"when {part}" for part in DATE_PARTS]
    np.testing.assert_array_equal(made[names].to_numpy(float).T, expected)


def test_what_onnx_has_no_operator_for() -> None:
    symbol = step("input", [], (1, 2), np.float32).named("X")
    graph = Graph(
        {"X": symbol}, {"variable": step("spence", [symbol], (1, 2), np.float32)}, {"X": ("a", "b")}
    )
    with pytest.raises(
        UsageError, match=r"computes spence, which has no operator of ONNX .* export it to \.py"
    ):
        onnx_bytes(graph, {"mlp": "0"})
