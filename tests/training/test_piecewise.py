"""Large files are scored piece by piece: with the scores of all rows at once, and the same errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from mlpcli import train
from mlpcli.cli import run as command
from mlpcli.training import piecewise

Mlp = Callable[..., Any]
CLASSES = {2: ["no", "yes"], 3: ["ash", "elm", "oak"]}


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def mlp(capsys: pytest.CaptureFixture[str]) -> Mlp:
    def run(*arguments: str) -> Result:
        capsys.readouterr()
        code = command([*arguments])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def begin_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each file be large, and a piece be a few rows."""
    monkeypatch.setattr("mlpcli.training.new_rows.LARGE", 0)
    monkeypatch.setattr("mlpcli.training.new_rows._PIECE", 400)
    monkeypatch.setattr("mlpcli.data.table.blocks.BLOCK", 300)


def write_table(kind: str, ending: str, *, weights: bool = False) -> str:
    """Write 120 rows, of which some have no target, and return the section `data`."""
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, (120, 2)).round(2)
    place = (X.sum(axis=1) + rng.normal(size=120) > 6).astype(int) + (X[:, 0] > 5) * (kind == "three")
    w = np.where(np.arange(120) < 40, 0.0, rng.integers(0, 3, 120))  # a piece of zeros
    two = kind == "two targets"
    values = (
        [f"{v:.2f}" for v in X @ [1, 2] + rng.normal(size=120)] if kind != "two" and kind != "three" else None
    )
    names = [values[i] if values else CLASSES[2 + (kind == "three")][place[i]] for i in range(120)]
    names = ["" if i in (3, 50) else name for i, name in enumerate(names)]
    header = "a,b,y" + (",z" if two else "") + (",w" if weights else "")
    lines = [
        f"{a},{b},{names[i]}" + (f",{a * b:.2f}" if two else "") + (f",{w[i]:g}" if weights else "")
        for i, (a, b) in enumerate(X)
    ]
    Path("t.csv").write_text("\n".join([header, *lines]) + "\n")
    if ending == "npz":
        y = np.array([float(name or "nan") for name in names]) if values else np.array(names)
        np.savez("t.npz", X=X.astype(np.float32), y=y, **({"w": w} if weights else {}))
    data: dict[str, Any] = {"name": ending, "path": f"t.{ending}"}
    if ending == "csv":
        data["target"] = ["y", "z"] if two else "y"
    return json.dumps(data | ({"weight": "w"} if weights else {}))


def report_of(mlp: Mlp, file: str) -> dict[str, Any]:
    code, out, err = mlp("eval", "run", "--data", file, "--json")
    assert code == 0, err
    report: dict[str, Any] = json.loads(out)
    return report


def require_equal(found: Any, expected: Any, where: str = "") -> None:
    """Require the same numbers to nine digits, and all else to be equal."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key, value in expected.items():
            require_equal(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for i, value in enumerate(expected):
            require_equal(found[i], value, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-5), where
        assert isinstance(found, float)
    else:
        assert found == expected, where


@pytest.mark.parametrize(
    ("kind", "ending", "weights", "loss"),
    [
        ("two", "csv", False, "cross_entropy"),
        ("two", "csv", True, "binary_cross_entropy"),
        ("three", "csv", False, "hinge"),
        ("three", "npz", True, "{name: cross_entropy, class_weights: balanced}"),
        ("value", "csv", True, "huber"),
        ("value", "npz", False, "mse"),
        ("two targets", "csv", False, "mse"),
    ],
)
def test_the_report_is_that_of_all_rows_at_once(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, kind: str, ending: str, weights: bool, loss: str
) -> None:
    data = write_table(kind, ending, weights=weights)
    Path("c.yaml").write_text(f"data: {data}\nloss: {loss}\nmodel: {{hidden: [4]}}\ntraining: {{epochs: 2}}")
    assert mlp("train", "c.yaml", "--out", "run", "-q").code == 0
    whole = report_of(mlp, f"t.{ending}")
    assert whole["notes"][0].startswith("2 of 120 rows have no ")
    assert whole["n"] == 118
    begin_pieces(monkeypatch)
    pieces = report_of(mlp, f"t.{ending}")
    require_equal(pieces, whole)


def test_it_is_read_in_pieces(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_table("two", "csv")
    Path("c.yaml").write_text(f"data: {data}\nmodel: {{hidden: [4]}}\ntraining: {{epochs: 1}}")
    assert mlp("train", "c.yaml", "--out", "run", "-q").code == 0
    begin_pieces(monkeypatch)
    sizes: list[int] = []
    add = piecewise.PiecewiseScores.add
    monkeypatch.setattr(
        piecewise.PiecewiseScores, "add", lambda self, split: (sizes.append(len(split)), add(self, split))
    )
    assert report_of(mlp, "t.csv")["n"] == sum(sizes) == 118
    assert max(sizes) < 40


def test_what_ranks_takes_a_part_and_says_so(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_table("two", "csv")
    Path("c.yaml").write_text(f"data: {data}\nmodel: {{hidden: [4]}}\ntraining: {{epochs: 5}}")
    assert mlp("train", "c.yaml", "--out", "run", "-q").code == 0
    whole = report_of(mlp, "t.csv")
    begin_pieces(monkeypatch)
    monkeypatch.setattr("mlpcli.training.piecewise.ranked_rows", lambda _: 80)
    pieces = report_of(mlp, "t.csv")
    assert pieces["notes"][1:] == [
        "All 118 rows are scored; ROC AUC, PR AUC and the threshold are those of 80 of them, drawn at random."
    ]
    assert pieces == report_of(mlp, "t.csv")
    for name in ("roc_auc", "pr_auc"):
        for found, expected in ((pieces, whole), *((r["baselines"]["linear"] for r in (pieces, whole)),)):
            assert found[name] == pytest.approx(expected[name], abs=0.15)
            assert found[name] != expected[name]
    for name in ("accuracy", "log_loss", "brier", "ece", "f1", "balanced_accuracy", "loss"):
        assert pieces[name] == pytest.approx(whole[name])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n" + "1,2,no\n" * 90 + "1,2,maybe\n", "t.csv:92: unknown label 'maybe'"),
        ("a,b,y\n" + "1,2,no\n" * 90 + "1,x,no\n", "t.csv:92: column 'b' is 'x', not a number"),
        ("a,b,y\n" + "1,2,\n" * 90, "t.csv: no row has 'y'; there is nothing to score"),
        ("a,b,y\n" + "1,2,no\n" * 90 + "1,3e38,no\n", "t.csv: example 91 drives the network past"),
        ("a,b\n" + "1,2\n" * 90, "t.csv: has no column 'y'"),
        ("a,b,y\n", "t.csv: has a header, but no rows"),
    ],
    ids=["label", "cell", "no target", "overflow", "no column", "no rows"],
)
def test_errors_are_those_of_all_rows_at_once(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    data = write_table("two", "csv")
    Path("c.yaml").write_text(f"data: {data}\nmodel: {{hidden: [4]}}\ntraining: {{epochs: 1}}")
    assert mlp("train", "c.yaml", "--out", "run", "-q").code == 0
    if "3e38" in text:
        with np.load("run/best.npz") as stored:
            arrays = dict(stored)
        arrays["W1"] *= 1e30
        np.savez("run/best.npz", **arrays)
    Path("t.csv").write_text(text)
    whole = mlp("eval", "run", "--data", "t.csv")
    assert said in whole.err
    begin_pieces(monkeypatch)
    pieces = mlp("eval", "run", "--data", "t.csv")
    assert (pieces.code, pieces.err) == (whole.code, whole.err)


def test_weights_of_0_in_all_rows_are_refused(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_table("two", "csv", weights=True)
    Path("c.yaml").write_text(f"data: {data}\nmodel: {{hidden: [4]}}\ntraining: {{epochs: 1}}")
    assert mlp("train", "c.yaml", "--out", "run", "-q").code == 0
    Path("t.csv").write_text("a,b,y,w\n" + "1,2,no,0\n" * 90)
    begin_pieces(monkeypatch)
    assert "t.csv: all weights are 0, so that no row counts" in mlp("eval", "run", "--data", "t.csv").err


def test_the_mean_of_several_networks_is_scored_in_pieces(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table("value", "csv")
    data = {"name": "csv", "path": "t.csv", "target": "y"}
    Path("c.yaml").write_text(f"data: {json.dumps(data)}\nmodel: {{hidden: [4]}}\ntraining: {{epochs: 1}}")
    assert mlp("train", "c.yaml", "--folds", "3", "--out", "run", "-q").code == 0
    whole = report_of(mlp, "t.csv")
    begin_pieces(monkeypatch)
    require_equal(report_of(mlp, "t.csv"), whole)


def test_predictions_of_an_archive_come_in_pieces(mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(90, 2))
    run = train({"training": {"epochs": 1}}, X=X, y=X[:, 0] > 0)
    run.best.save("m.npz")
    np.savez("rows.npz", X=X)
    np.savez("columns.npz", X=np.asfortranarray(X))  # which are read at once
    whole = mlp("predict", "m.npz", "rows.npz").out.splitlines()
    begin_pieces(monkeypatch)
    for name in ("rows.npz", "columns.npz"):
        pieces = mlp("predict", "m.npz", name).out.splitlines()
        assert [line.split(",")[0] for line in pieces] == [line.split(",")[0] for line in whole]


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_mirror_images(kind: str, mlp: Mlp, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((40, 16)).round(3)
    y = X[:, 0] * 10 if kind == "values" else np.arange(40) % 2
    np.savez("t.npz", X=X.astype(np.float32), y=y)
    train({"data": {"name": "npz", "path": "t.npz"}, "training": {"epochs": 2}}, out="run")
    lines = [",".join(map(str, [*row, target])) for row, target in zip(X, y, strict=True)]
    Path("t.csv").write_text("\n".join([",".join([*(f"x{i}" for i in range(1, 17)), "y"]), *lines]) + "\n")

    def report(*options: str) -> dict[str, Any]:
        code, out, err = mlp("eval", "run", "--data", "t.csv", "--json", *options)
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    whole, plain = report("--tta"), report()
    begin_pieces(monkeypatch)
    found = report("--tta")
    assert found["tta"] is True
    assert "tta" not in plain
    assert found["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert found["loss"] != pytest.approx(plain["loss"], rel=1e-5)
    assert found["notes"][-1:] == whole["notes"][-1:]
    assert found["notes"][-1].startswith("Each row is taken for a gray image of 4 x 4 pixels")
