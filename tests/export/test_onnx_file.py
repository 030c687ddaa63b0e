"""ONNX: onnxruntime predicts what the network does, for all that networks are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mlpcli
from mlpcli.config.plan import NORMS, UNITS
from mlpcli.data.scaling import SCALINGS
from mlpcli.data.target_transform import BENDS
from mlpcli.export.graph import build_graph
from mlpcli.export.onnx_file import onnx_bytes
from mlpcli.nn.losses import LOSSES
from mlpcli.terms import TERMS
from mlpcli.training.model import Model

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

DATASETS = Path(__file__).parents[2] / "datasets"
RNG = np.random.default_rng(7)
X = (RNG.normal(size=(60, 3)) * [1, 20, 0.01] + [0, 100, 5]).astype(np.float32)
THREE = np.digitize(X[:, 0] + X[:, 1] / 20, [4.5, 5.5])
AMOUNT = np.exp(X[:, 0] + (X[:, 2] - 5) * 30)


def trained(y: Any, **config: Any) -> Model:
    """Return a network that has learned a little."""
    config = {"model": {"hidden": [6, 5]}, "training": {"epochs": 2}, **config}
    return mlpcli.train(config, X=X, y=y).best


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


def require_same(model: Model, rows: NDArray[Any] = X) -> None:
    """Compare labels, and probabilities, scores or values."""
    found = outputs(model, X=rows)
    if model.classes is None:
        expected = np.reshape(model.predict(rows), (len(rows), -1))
        assert found.keys() == {"variable"}
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found["variable"] / scale, expected / scale, atol=1e-5)
        return
    assert list(map(str, found["label"])) == list(map(str, model.predict(rows)))
    if model.loss.outputs == "probabilities":
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(rows), atol=1e-5)
    else:
        logits = model.scores(rows)
        both = np.hstack([-logits, logits]) if model.loss.binary else logits
        np.testing.assert_allclose(found["scores"], both, atol=1e-5)


@pytest.mark.parametrize("activation", UNITS)
def test_activations(activation: str) -> None:
    require_same(trained(THREE, model={"hidden": [6, 5], "activation": activation}))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_norms_and_residual_connections(norm: str, residual: bool) -> None:
    hidden = [{"units": 6, "residual": residual}, {"units": 6, "residual": residual, "dropout": 0.5}]
    require_same(trained(THREE, model={"hidden": hidden, "norm": norm, "input_noise": 0.1}))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str, members: int) -> None:
    y: Any = AMOUNT if loss in ("mse", "mae", "huber") else THREE
    if loss.startswith("binary"):
        y = np.where(THREE == 1, "yes", "no")
    model = {"hidden": [6], "members": members, "linear_path": "learned"}
    require_same(trained(y, loss=loss, model=model))


@pytest.mark.parametrize("activation", [name for name in UNITS if name != "prelu"])
def test_members(activation: str) -> None:
    model = {"hidden": [6, 5], "members": 2, "activation": activation, "linear_path": "fitted"}
    require_same(trained(THREE, model=model))


@pytest.mark.parametrize("transform", ["none", *BENDS])
@pytest.mark.parametrize("clip", [False, True])
def test_targets(transform: str, clip: bool) -> None:
    """Also of rows that lie far out, and of two targets at once."""
    y = np.stack([AMOUNT, AMOUNT * 1000], axis=1)
    data = {"target_transform": transform}
    model = trained(y, loss="mse", data=data, model={"hidden": [5], "clip_outputs": clip})
    require_same(model, np.concatenate([X, X * 3, X - [30, 0, 0]]).astype(np.float32))


@pytest.mark.parametrize("term", [[name] for name in TERMS] + [list(TERMS)], ids="-".join)
def test_terms(term: list[str]) -> None:
    require_same(trained(THREE, data={"terms": term}))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_scalings_and_bins(scaling: str) -> None:
    require_same(trained(THREE, data={"scaling": scaling, "bins": 4}))


def test_missing_cells() -> None:
    """The second column has gaps from the beginning, the third has one only in new rows."""
    gaps = X.copy()
    gaps[::5, 1] = np.nan
    config = {"data": {"bins": 3, "terms": ["product"]}, "training": {"epochs": 2}}
    model = mlpcli.train(config, X=gaps, y=THREE).best
    gaps[3, 2] = np.nan
    require_same(model, gaps)


def test_numbers_that_float32_would_not_tell_apart() -> None:
    seconds = 1.7e9 + np.arange(60.0)[:, None]
    model = mlpcli.train({"training": {"epochs": 2}}, X=seconds, y=seconds[:, 0] > 1.7e9 + 30).best
    require_same(model, seconds)


def test_a_cross_validation_is_one_model() -> None:
    config = {"model": {"hidden": [5]}, "training": {"epochs": 2}, "data": {"terms": ["square"]}}
    for y in (THREE, AMOUNT):
        validated = mlpcli.cross_validate(config, X=X, y=y, folds=3)
        require_same(validated.model)


TABLE = """age,smoker,city,when,risk
{}
"""


def table(tmp_path: Path) -> Path:
    """Write a table with a number, a boolean, a category and a date, some of them missing."""
    lines = []
    for i in range(80):
        age = "" if i % 9 == 4 else f"{20 + i % 37}.5"
        smoker = "" if i % 13 == 5 else ["yes", "No", "no"][i % 3]
        city = ["Köln", "NA", "Rom", " Oslo ", "Rom", "Köln", "Oslo"][i % 7] if i else "Paris"
        lines.append(f"{age},{smoker},{city},2024-0{1 + i % 9}-1{i % 10},{['low', 'high'][i % 5 < 2]}")
    path = tmp_path / "table.csv"
    path.write_text(TABLE.format("\n".join(lines)), encoding="utf-8")
    return path


def test_a_table_of_words(tmp_path: Path) -> None:
    """The cells go in as they are written, but for blanks; a text that was never seen, too."""
    from mlpcli.data.new_rows import read_rows
    from mlpcli.training.apply import _wanted, predict_rows

    path = table(tmp_path)
    data = {"name": "csv", "path": str(path), "target": "risk", "columns": {"when": "date"}}
    config = {"data": data, "recipe": "table", "training": {"epochs": 2}}
    models = [mlpcli.train(config).best, mlpcli.cross_validate(config, folds=3).model]
    path.write_text(path.read_text(encoding="utf-8") + "n/a,YES,Lima,2025-01-01,low\n", encoding="utf-8")
    rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    written = {
        name: np.array([[row[i].strip()] for row in rows[1:]], object) for i, name in enumerate(rows[0])
    }
    for model in models:
        checkpoint = model.checkpoint
        numbers, _ = read_rows(_wanted(checkpoint), path)
        columns = {name: numbers[:, [j]] for j, name in enumerate(checkpoint.columns)}
        found = outputs(model, **(columns | {name: written[name] for name in ("smoker", "city")}))
        expected = predict_rows(checkpoint, path)
        assert found["label"].tolist() == expected.labels
        np.testing.assert_allclose(found["probabilities"], expected.values, atol=1e-5)
