"""What a network makes of an example: which row it is, its true class, and the prediction of the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlpcli
from mlpcli.config.loader import parse_experiment
from mlpcli.errors import DataError, UsageError
from mlpcli.training.directory import RunDirectory
from mlpcli.training.explanation import explain_example
from mlpcli.training.finished import FinishedRun
from mlpcli.training.start import take_directory, train_run

TABLE = "red,size,kind\n" + "".join(
    f"{'yes' if i % 2 else 'no'},{i}.5,{'ab'[i % 3 > 0]}\n" for i in range(40)
)


def train(folder: Path, config: str, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    out = folder / "run"
    train_run(parse_experiment(config, "test", folder), take_directory("run", out))
    return out


def table_run(folder: Path, table: str = TABLE, more: str = "") -> Path:
    data = f"data: {{name: csv, path: t.csv, target: kind{more}}}"
    return train(folder, f"{data}\nmodel: {{hidden: [3]}}\ntraining: {{epochs: 2}}", t=table)


def test_rows_are_those_of_the_splits(trained: Callable[..., RunDirectory]) -> None:
    path = trained("spiral", "training.epochs=2").path
    splits = FinishedRun.open(path).splits
    for part, split in splits.parts.items():
        for place in split.rows[:3].tolist():
            found = explain_example(path, place + 1)
            assert (found.row, found.part) == (place + 1, part)
            assert found.source == f"row {place + 1} of spiral"
            assert np.array_equal(found.raw, split.X[place])
            assert found.truth == [splits.classes[split.y[place]]]  # type: ignore[index]
            logits = FinishedRun.open(path).predict_logits(split.X[[place]])
            assert found.forward.logits == pytest.approx(logits[0], rel=1e-5, abs=1e-6)


def test_rows_are_numbered_as_in_their_file(tmp_path: Path) -> None:
    """As in out_of_fold.csv: a row that was left out keeps its number."""
    lines = TABLE.splitlines()
    lines[5] = "yes,4.5,"
    path = table_run(tmp_path, "\n".join(lines) + "\n")
    for row in (1, 4, 6, 40):
        found = explain_example(path, row)
        red, size, kind = lines[row].split(",")
        report = found.report()
        assert [cell["value"] for cell in report["columns"]] == [red == "yes", float(size)]
        assert (report["true"], report["row"]) == (kind, row)
    with pytest.raises(DataError, match=r"^row 5 of t\.csv was left out when the data were read"):
        explain_example(path, 5)


def test_rows_of_a_test_set_of_its_own_follow(
    tmp_path: Path, make_cifar10: Callable[..., dict[str, Any]]
) -> None:
    batches = make_cifar10(tmp_path / "cifar-10-batches-bin", n=4)
    data = "data: {name: cifar10, root: ., val_size: 5}"
    path = train(tmp_path, f"{data}\nmodel: {{hidden: [3]}}\ntraining: {{epochs: 1}}")
    for row, batch, place in ((1, "data_batch_1", 0), (20, "data_batch_5", 3), (21, "test_batch", 0)):
        found = explain_example(path, row)
        assert np.array_equal(found.raw, batches[batch][0][place])
        assert (found.part == "test") == (batch == "test_batch")
    with pytest.raises(
        UsageError, match=r"^there is no row 25 in cifar10: its rows are numbered from 1 to 24$"
    ):
        explain_example(path, 25)


def test_rows_of_another_file(tmp_path: Path) -> None:
    path = table_run(tmp_path)
    new = tmp_path / "new.csv"
    new.write_text("kind,size,red\nb,3,yes\n,99,no\n", encoding="utf-8")
    first, second = (explain_example(path, row, new) for row in (1, 2))
    assert (first.source, first.part, first.truth) == (f"row 1 of {new}", None, ["b"])
    assert first.raw.tolist() == [1, 3]
    assert (second.truth, second.raw.tolist()) == (None, [0, 99])
    new.write_text("size,red\n3,\n", encoding="utf-8")
    found = explain_example(path, 1, new)
    assert found.truth is None
    assert found.report()["columns"] == [{"column": "red", "value": None}, {"column": "size", "value": 3}]
    assert "missing" in found.notes[0]
    new.write_text("size\n3\n", encoding="utf-8")
    with pytest.raises(DataError, match="'red'"):
        explain_example(path, 1, new)
    np.save(tmp_path / "new.npy", np.array([[1, 3], [0, 4]]))
    assert explain_example(path, 2, tmp_path / "new.npy").raw.tolist() == [0, 4]


def test_values_that_are_given(tmp_path: Path) -> None:
    path = table_run(tmp_path)
    found = explain_example(path, None, None, ["yes", " 3"])
    assert (found.source, found.row, found.truth) == ("the given values", None, None)
    assert found.outputs == pytest.approx(mlpcli.load(path).predict_proba([["yes", "3"]])[0])
    with pytest.raises(UsageError, match=r"^3 values are given, and the network takes 2: 'red', 'size'$"):
        explain_example(path, None, None, ["yes", "3", "4"])
    with pytest.raises(DataError, match=r"^the given values: column 'size' is 'x', not a number"):
        explain_example(path, None, None, ["yes", "x"])


def test_each_of_several_networks_can_be_followed(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.where(X[:, 0] > X[:, 1], "a", "b")
    config: dict[str, Any] = {"model": {"hidden": [3], "members": 2}, "training": {"epochs": 2}}
    model = mlpcli.cross_validate(config, X=X, y=y, folds=3).model
    model.save(tmp_path / "all.npz")
    probabilities = model.predict_proba(X[:1])[0]
    for member in range(6):
        found = explain_example(tmp_path / "all.npz", None, None, list(map(str, X[0])), member)
        assert found.each.shape == (6, 2)
        assert found.each.mean(axis=0) == pytest.approx(probabilities, abs=1e-5)
        assert found.outputs == pytest.approx(probabilities, abs=1e-5)
        own = np.exp(found.forward.logits) / np.exp(found.forward.logits).sum()
        assert own == pytest.approx(found.each[member], abs=1e-5)
        assert found.report()["member"] == member + 1
    with pytest.raises(
        UsageError, match=r"^there is no network 7: the checkpoint has 6 networks, from 1 to 6$"
    ):
        explain_example(tmp_path / "all.npz", None, None, ["0", "0"], 6)


def test_the_report_is_a_forward_pass_that_anyone_can_follow(tmp_path: Path) -> None:
    """The numbers of the JSON, multiplied out in plain Python, give its outputs."""
    config = "data: {name: sine}\nmodel: {hidden: [4, 3], activation: tanh, linear_path: fitted}\n"
    path = train(tmp_path, f"{config}training: {{epochs: 3}}")
    report = json.loads(json.dumps(explain_example(path, 7).report()))
    x = inputs = [each["x"] for each in report["inputs"]]
    for layer in report["layers"]:
        W, b = layer["W"], layer["b"]
        z = [sum(x[i] * W[i][j] for i in range(len(x))) + b[j] for j in range(len(b))]
        assert z == pytest.approx(layer["z"], abs=1e-5)
        x = layer["output"]
        assert x == pytest.approx(np.tanh(z) if layer["steps"] else z, abs=1e-5)
    V = report["linear_path"]["V"]
    logit = x[0] + sum(inputs[i] * V[i][0] for i in range(len(inputs)))
    assert report["logits"] == pytest.approx([logit], abs=1e-5)
    (value,) = mlpcli.load(path).predict([[report["columns"][0]["value"]]])
    assert report["values"]["y1"] == pytest.approx(float(value), rel=1e-6)
    assert isinstance(report["true"]["y1"], float)
