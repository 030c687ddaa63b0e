"""mlp explain: a row's forward pass as text, JSON and picture; the worked examples of the CS231n notes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
PAGE = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")


@pytest.fixture
def notes(tmp_path: Path, mlp: Mlp) -> dict[str, Any]:
    """Return the names of the code of docs/explain.md, which saves neuron.npz and three_layers.npz."""
    names: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(code, "docs/explain.md", "exec"), names)
    return names


def test_the_sigmoid_neuron_of_the_notes(mlp: Mlp, notes: dict[str, Any]) -> None:
    """Backpropagation, "Sigmoid example": w = [2, -3, -3] and x = [-1, -2] give 1.00 and 0.73."""
    code, out, err = mlp("explain", "neuron.npz", "--values", "-1,-2")
    assert (code, err) == (0, "")
    w, x = [2, -3, -3], [-1, -2]
    dot = w[0] * x[0] + w[1] * x[1] + w[2]
    f = 1.0 / (1 + math.exp(-dot))
    assert (dot, round(f, 2)) == (1, 0.73)
    assert "unit 1  z = -1 * 2 + (-2) * (-3) - 3 = 1\n" in out
    assert f"= 1 / (1 + exp(-z)) = 1 / (1 + exp(-1))  = {f:.4f}\n" in out
    assert f" = {f:.2f}\n" in mlp("explain", "neuron.npz", "--values", "-1,-2", "--digits", "2").out
    report = json.loads(mlp("explain", "neuron.npz", "--values", "-1,-2", "--json").out)
    assert (report["logits"], report["probabilities"]["1"]) == ([1], pytest.approx(f, abs=1e-7))


def test_the_three_layers_of_the_notes(mlp: Mlp, notes: dict[str, Any]) -> None:
    """Neural Networks 1, "Example feed-forward computation", in plain Python and in its own order."""
    x = [0.5, -1.0, 2.0]
    for digits in (3, 4, 5):
        out = mlp("explain", "three_layers.npz", "--values", "0.5,-1,2", "--digits", digits).out
        h = x
        for number, (W, b) in enumerate(
            ((notes[f"W{number}"], notes[f"b{number}"]) for number in (1, 2, 3)), 1
        ):
            layer = re.findall(rf"^layer {number}: .*?(?=^$)", out, re.DOTALL | re.MULTILINE)[0]
            z = [sum(float(W[i][j]) * h[i] for i in range(len(h))) + float(b[j]) for j in range(len(b))]
            h = [1.0 / (1.0 + math.exp(-sum_)) for sum_ in z] if number < 3 else z
            totals = [float(text) for text in re.findall(r"= (-?[\d.]+)$", layer, re.MULTILINE)]
            expected = [part for pair in zip(z, h, strict=True) for part in pair] if number < 3 else z
            assert totals == [round(part, digits) for part in expected]
        assert re.search(rf"predicted +{h[0]:.{digits}f}\n", out)
    assert notes["out"] == pytest.approx(h[0])


def test_the_page_shows_what_is_printed(mlp: Mlp, notes: dict[str, Any]) -> None:
    shown = re.findall(r"^\$ mlp (explain \w+\.npz .*)\n((?:.*\n)*?)(?=\$|```)", PAGE, re.MULTILINE)
    assert len(shown) == 2
    for command, output in shown:
        assert mlp(*command.split()).out == output


def test_help_says_from_which_number_rows_count(mlp: Mlp) -> None:
    assert "The first row is number 1" in mlp("explain", "--help").out


def test_a_picture_takes_the_place_of_the_text(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    run = trained("iris", "training.epochs=2").path
    assert mlp("explain", run, 3, "--out", "new/row.png") == (0, "new/row.png\n", "")
    with Image.open("new/row.png") as image:
        assert image.format == "PNG"
    assert mlp("explain", run, 3, "--out", "row.svg").out == "row.svg\n"
    assert "versicolor" in Path("row.svg").read_text(encoding="utf-8")


def test_json_is_one_object(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    code, out, err = mlp("explain", trained("iris", "training.epochs=2").path, 3, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["row"], report["true"]) == (3, "setosa")
    assert [len(layer["W"]) for layer in report["layers"]] == [4, 16]
    assert sum(report["probabilities"].values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["0"], 2, "ROW 0: '0' is not a whole number, 1 or more"),
        (["-1"], 2, "ROW -1: rows are numbered from 1"),
        (["first"], 2, "ROW first: 'first' is not a whole number, 1 or more"),
        (["1.5"], 2, "ROW 1.5: '1.5' is not a whole number, 1 or more"),
        (["151"], 2, "there is no row 151 in iris.csv: its rows are numbered from 1 to 150"),
        (["9" * 30], 2, "in iris.csv: its rows are numbered from 1 to 150"),
        ([], 2, "name one example: a row by its number, or the cells with --values"),
        (["1", "--values", "1,2,3,4"], 2, "give a row or --values, not both"),
        (["--values", "1,2,3"], 2, "3 values are given, and the network takes 4: 'sepal_length', "),
        (["--values", ""], 2, "0 values are given"),
        (["--values", "1\r2"], 2, "--values is not one line of CSV"),
        (["--values", "1,2,x,4"], 1, "the given values: column 'petal_length' is 'x', not a number"),
        (["--values", "1,2,3,4", "--data", "t.csv"], 2, "leave out one of them"),
        (["1", "--data", "none.csv"], 1, "none.csv"),
        (["1", "--data", "other.csv"], 1, "other.csv"),
        (["1", "--member", "2"], 2, "there is no network 2: the checkpoint has one network"),
        (["1", "--digits", "0"], 2, "--digits 0: '0' is not a whole number from 1 to 9"),
        (
            ["1", "--out", "row.txt"],
            2,
            "--out row.txt: .txt is not supported; its name has to end in .png or .svg",
        ),
        (["--values", "1e38,1e38,1e38,1e38"], 1, "past what 32 bits can hold"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(
    mlp: Mlp, trained: Callable[..., RunDirectory], args: list[str], code: int, said: str
) -> None:
    Path("other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    ended = mlp("explain", trained("iris", "training.epochs=2").path, *args)
    assert (ended.code, ended.out) == (code, "")
    assert said in " ".join(ended.err.split())
    assert {path.name for path in Path().iterdir()} == {"other.csv"}


def test_names_from_files_are_shown_and_not_obeyed(mlp: Mlp, tmp_path: Path) -> None:
    rows = "".join(f"{'a' if i % 3 else 'x' * 200},{i},{'p' if i % 2 else 'q' * 100}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"\x1b[31mred,{'s' * 300},\u202ekind\n{rows}", encoding="utf-8")
    config = 'data: {name: csv, path: t.csv, target: "\\u202ekind"}\nmodel: {hidden: [2]}\n'
    (tmp_path / "c.yaml").write_text(f"{config}training: {{epochs: 2}}\n", encoding="utf-8")
    assert mlp("train", "c.yaml", "--quiet").code == 0
    code, out, _ = mlp("explain", "runs/c", 4)
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[31mred" in out
    assert max(map(len, out.splitlines())) <= 80
    assert mlp("explain", "runs/c", 4, "--out", "p.png").code == 0


def test_a_note_says_which_cells_are_filled(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    run = trained("iris", "training.epochs=2").path
    code, out, err = mlp("explain", run, "--values", "5.1,,1.4,0.2")
    assert code == 0
    assert re.search(r"sepal_width +missing ", out)
    assert "sepal_width is missing: 3, the median, takes its place" in out
    assert "'sepal_width': 1 cell is missing" in err


def test_rows_agree_with_predict(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    """Row n of a file is line n of the predictions."""
    run = trained("iris", "training.epochs=2").path
    X = np.random.default_rng(0).uniform(1, 6, (20, 4)).round(2)
    np.save("rows.npy", X)
    labels = [line.split(",")[0] for line in mlp("predict", run, "rows.npy").out.splitlines()[1:]]
    for row in (1, 7, 20):
        assert f"predicted  {labels[row - 1]}, " in mlp("explain", run, row, "--data", "rows.npy").out
