"""mlp predict: one line of CSV for each row."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli import train
from mlpcli.cli.predict import _csv
from mlpcli.data.labels import is_missing
from mlpcli.text import nfc
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.model import load_model
from mlpcli.training.predictions import Predictions

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


def test_tta_predicts_with_mirror_images(mlp: Mlp, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in pieces, and the notes say what the rows were taken for."""
    run = trained("digits", "training.epochs=1")
    rows = np.random.default_rng(0).integers(0, 17, (9, 64)).astype(np.float32)
    np.save("rows.npy", rows)
    expected = load_model(run.best).with_tta().predict_proba(rows)
    for _ in range(2):
        code, out, err = mlp("predict", run.best, "rows.npy", "--tta")
        found = [[float(row[f"probability_{i}"]) for i in range(10)] for row in table(out)]
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert (code, err.count("8 x 8 pixels")) == (0, 1)
        monkeypatch.setattr("mlpcli.training.new_rows.LARGE", 1)
        monkeypatch.setattr("mlpcli.training.new_rows._PIECE", 2 * (64 + 280))


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


def test_a_threshold_moves_the_line_between_two_classes(mlp: Mlp, trained: Trained) -> None:
    run = trained("moons", "training.epochs=5")
    np.save("rows.npy", np.random.default_rng(0).uniform(-1, 2, (300, 2)))
    usual = table(mlp("predict", run.best, "rows.npy").out)
    assert table(mlp("predict", run.best, "rows.npy", "--threshold", "0.5").out) == usual
    for threshold in (0, 0.2, 0.9, 1):
        rows = table(mlp("predict", run.best, "rows.npy", "--threshold", str(threshold)).out)
        assert [row["probability_1"] for row in rows] == [row["probability_1"] for row in usual]
        for row in rows:
            assert row["label"] == ("1" if float(row["probability_1"]) >= threshold else "0")


def test_the_threshold_that_eval_names_gives_the_f1_that_it_names(mlp: Mlp, trained: Trained) -> None:
    run = trained("moons", "training.epochs=2", "data.noise=0.4")
    rng = np.random.default_rng(1)
    X, y = rng.uniform(-1, 2, (200, 2)), rng.integers(0, 2, 200)
    np.savez("rows.npz", X=X, y=y)
    best = json.loads(mlp("eval", run.best, "--data", "rows.npz", "--json").out)["threshold"]
    rows = table(mlp("predict", run.best, "rows.npz", "--threshold", str(best["value"])).out)
    named = np.array([row["label"] == "1" for row in rows])
    assert 2 * np.sum(named & (y == 1)) / (named.sum() + y.sum()) == pytest.approx(best["f1"])


def test_the_most_probable_classes(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    whole = table(mlp("predict", run.best, DATASETS / "iris.csv").out)
    rows = table(mlp("predict", run.best, DATASETS / "iris.csv", "--top", "2").out)
    assert list(rows[0]) == ["label_1", "probability_1", "label_2", "probability_2"]
    for row, all_of_it in zip(rows, whole, strict=True):
        assert row["label_1"] == all_of_it["label"]
        for i in ("1", "2"):
            assert row[f"probability_{i}"] == all_of_it[f"probability_{row[f'label_{i}']}"]
        probabilities = sorted((float(v) for k, v in all_of_it.items() if k != "label"), reverse=True)
        assert [float(row["probability_1"]), float(row["probability_2"])] == probabilities[:2]


def test_columns_are_carried_along_as_they_are_written(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    header, *lines = (DATASETS / "iris.csv").read_text().splitlines()
    ids = ["0012", '"a, ""b"""', "1e5", ""]
    text = "\n".join(f"{line},{name},5" for line, name in zip(lines[48:52], ids, strict=True))
    Path("rows.csv").write_text(f"{header},id,\n{text}\n")
    plain = table(mlp("predict", run.best, "rows.csv").out)
    code, out, err = mlp("predict", run.best, "rows.csv", "--keep", "id, species")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("id,species,label,probability_setosa")
    rows = table(out)
    assert [row["id"] for row in rows] == ["0012", 'a, "b"', "1e5", ""]
    assert [row["species"] for row in rows] == ["setosa"] * 2 + ["versicolor"] * 2
    assert [{key: row[key] for key in plain[0]} for row in rows] == plain
    every = mlp("predict", run.best, "rows.csv", "--keep", "all").out
    names = 'sepal_length,sepal_width,petal_length,petal_width,species,id,"",label'
    assert every.splitlines()[0].startswith(names)
    top = mlp("predict", run.best, "rows.csv", "--keep", "id", "--top", "1").out
    assert top.splitlines()[0] == "id,label_1,probability_1"


def test_a_prediction_has_a_name_of_its_own_beside_the_column_that_is_kept(mlp: Mlp) -> None:
    Path("table.csv").write_text("a,price\n" + "".join(f"{i},{2 * i}.5\n" for i in range(40)))
    Path("c.yaml").write_text(
        "data: {name: csv, path: table.csv, target: price, features: [a]}\nloss: mse\ntraining: {epochs: 1}\n"
    )
    assert mlp("train", "c.yaml", "--quiet").code == 0
    out = mlp("predict", "runs/c", "table.csv", "--keep", "price").out
    assert out.splitlines()[0] == "price,predicted_price"
    assert [row["price"] for row in table(out)] == [f"{2 * i}.5" for i in range(40)]


ASKED = {
    "a threshold of three classes": (
        "iris",
        ["--threshold", "0.3"],
        "is for two classes, and the network has 3",
    ),
    "a threshold of an SVM": ("xor", ["--threshold", "0.3"], "trained with binary_hinge gives scores"),
    "a threshold of values": ("sine", ["--threshold", "0.3"], "predicts values, and no classes"),
    "classes of values": ("sine", ["--top", "2"], "predicts values, and no classes"),
    "more classes than there are": (
        "iris",
        ["--top", "4"],
        "has 3 classes; ask for at most so many, not for 4",
    ),
    "both": ("moons", ["--top", "2", "--threshold", "0.3"], "--threshold chooses a label and --top writes"),
    "a column that is not there": ("iris", ["--keep", "specie"], "has no column 'specie'"),
    "a file without names": ("xor", ["--keep", "all"], "an .npy file has no columns with names"),
}


@pytest.mark.parametrize(("config", "options", "expected"), ASKED.values(), ids=ASKED)
def test_what_a_network_cannot_give_is_said(
    mlp: Mlp, trained: Trained, config: str, options: list[str], expected: str
) -> None:
    run = trained(config, "training.epochs=1")
    np.save("rows.npy", np.zeros((3, {"iris": 4, "sine": 1}.get(config, 2))))
    rows = DATASETS / "iris.csv" if config == "iris" else "rows.npy"
    code, out, err = mlp("predict", run.best, rows, *options)
    assert (code != 0, out) == (True, "")
    assert expected in err


def test_rows_come_from_stdin(mlp: Mlp, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained("iris", "training.epochs=20")
    whole = mlp("predict", run.best, DATASETS / "iris.csv", "--keep", "species").out
    for text, code, expected in (
        ((DATASETS / "iris.csv").read_bytes(), 0, ""),
        (b"sepal_length,sepal_width\n1,2\n", 1, "Error: stdin: has no columns 'petal_length', 'petal_width'"),
        (b"", 1, "Error: stdin"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        done = mlp("predict", run.best, "-", "--keep", "species")
        assert (done.code, done.out) == (code, "" if code else whole)
        assert done.err.startswith(expected)


def test_answers_go_to_a_file(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    printed = mlp("predict", run.best, DATASETS / "iris.csv").out
    assert mlp("predict", run.best, DATASETS / "iris.csv", "--out", "answers.csv") == (0, "", "")
    assert Path("answers.csv").read_text() == printed
    assert [path.name for path in Path().iterdir()] == ["answers.csv"]


BAD = {
    "missing": ("nope.csv", None, "nope.csv: no such file"),
    "no kind we know": ("rows.yaml", "a: 1", "rows.yaml: has the ending .yaml; .csv, .tsv, .txt, .npz"),
    "gzip": ("rows.csv.gz", "", "rows.csv.gz: is empty"),
    "other columns": ("rows.csv", "a,b\n1,2\n", "has no columns 'sepal_length'"),
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


def test_what_may_not_be_written_over(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    shutil.copy(DATASETS / "iris.csv", "data.csv")
    shutil.copy(run.best, "best.npz")
    Path("link.csv").symlink_to("data.csv")
    os.mkfifo("pipe.csv")
    Path("folder").mkdir()
    for out, expected in (
        ("data.csv", "--out data.csv is the data; name another file"),
        ("link.csv", "--out link.csv is the data"),
        ("best.npz", "--out best.npz is the checkpoint"),
        ("pipe.csv", "--out pipe.csv is not a regular file"),
        ("folder", "--out folder is not a regular file"),
        ("nowhere/answers.csv", "--out nowhere/answers.csv: there is no folder nowhere"),
    ):
        code, printed, err = mlp("predict", "best.npz", "data.csv", "--out", out)
        assert (code, printed) == (2, "")
        assert expected in err
    assert Path("data.csv").read_bytes() == (DATASETS / "iris.csv").read_bytes()
    assert Path("best.npz").read_bytes() == run.best.read_bytes()


def test_older_answers_are_written_over_where_a_link_leads(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    Path("old.csv").write_text("old")
    Path("link.csv").symlink_to("old.csv")
    assert mlp("predict", run.best, DATASETS / "iris.csv", "--out", "link.csv").code == 0
    assert Path("link.csv").is_symlink()
    assert Path("old.csv").read_text().startswith("label,")


def test_new_rows_may_have_another_delimiter(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    for delimiter in (";", "\t"):
        Path("other.csv").write_text((DATASETS / "iris.csv").read_text().replace(",", delimiter))
        assert (
            mlp("predict", run.best, "other.csv").out == mlp("predict", run.best, DATASETS / "iris.csv").out
        )
        code, out, _ = mlp("eval", run.best, "--data", "other.csv", "--json")
        assert (code, json.loads(out)["n"]) == (0, 150)


def test_a_regression_learns_targets_of_any_size(mlp: Mlp) -> None:
    """Prices of hundred thousands with the defaults: what a network on raw targets does not learn."""
    rng = np.random.default_rng(0)
    rooms, size = rng.integers(1, 7, 300), rng.uniform(30, 200, 300)
    price = 20_000 * rooms + 900 * size + rng.normal(0, 5_000, 300)
    lines = [f"{r},{s:.1f},{p:.0f}" for r, s, p in zip(rooms, size, price, strict=True)]
    Path("houses.csv").write_text("rooms,size,price\n" + "\n".join(lines))
    Path("houses.yaml").write_text("data: {name: csv, path: houses.csv, target: price}\nloss: mse\n")
    code, out, _ = mlp("train", "houses.yaml", "--quiet")
    assert code == 0
    assert "R2" in out
    report = json.loads(mlp("eval", "runs/houses/best.npz", "--json").out)
    assert report["r2"] > 0.97
    assert 3_000 < report["mae"] < 8_000  # in its own unit; the noise has a mean size of 4,000
    Path("new.csv").write_text("size,rooms\n100,3\n")
    (row,) = table(mlp("predict", "runs/houses/best.npz", "new.csv").out)
    assert float(row["price"]) == pytest.approx(150_000, rel=0.05)


def is_label(text: str) -> bool:
    return text == nfc(text).strip() and not is_missing(text) and "\0" not in text


NUMBERS = st.from_regex(r"[+-]?0{0,2}[0-9]{1,20}(\.[0-9]{1,3})?(E2)?", fullmatch=True)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
LABELS = st.one_of(*(st.lists(kind, min_size=2, max_size=5, unique=True) for kind in (NUMBERS, WORDS)))


@given(
    labels=LABELS.map(lambda labels: list(filter(is_label, labels))).filter(lambda labels: len(labels) > 1)
)
@example(labels=["987654321098765432", "987654321098765431", "987654321098765433"])
@example(labels=["02134", "2134", "1E2", "100", "100.0"])
@example(labels=["a\rb", 'a"b', "a,b", "a\nb"])
@settings(
    max_examples=examples(10),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_labels_go_through_training_checkpoint_and_predictions(mlp: Mlp, labels: list[str]) -> None:
    columns = [f"x{i}" for i in range(len(labels))]
    rows = [[*map(int, np.eye(len(labels))[i]), label] for i, label in enumerate(labels)] * 10
    with Path("table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([[*columns, "kind"], *rows])
    config = {
        "data": {"name": "csv", "path": "table.csv", "target": "kind"},
        "model": {"hidden": []},
        "optimizer": {"name": "adam", "learning_rate": 0.3},
    }
    shutil.rmtree("run", ignore_errors=True)
    train(config, training={"epochs": 20}, out="run")
    assert set(load_checkpoint(Path("run/last.npz")).classes or ()) == set(labels)
    assert mlp("predict", "run/last.npz", "table.csv", "--out", "answers.csv") == (0, "", "")
    answers = list(csv.reader(io.StringIO(Path("answers.csv").read_bytes().decode(), newline="")))
    assert [row[0] for row in answers[1:]] == labels * 10
    Path("answers.csv").unlink()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_numbers_read_back_exactly(data: st.DataObject, dtype: type[np.floating[Any]]) -> None:
    width = np.dtype(dtype).itemsize * 8
    number = data.draw(st.floats(width=width, allow_nan=False, allow_infinity=False))  # type: ignore[arg-type]
    text = _csv(Predictions(["y"], np.array([[number]], dtype), None))
    assert text.startswith("y\n")
    assert dtype(text[2:-1]) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1200943.8, "1200943.8"),
        (-0.5, "-0.5"),
        (3, "3"),
        (16777216, "16777216"),
        (1e-8, "1e-08"),
        (1e20, "1e+20"),
    ],
)
def test_numbers_are_readable(number: float, text: str) -> None:
    assert _csv(Predictions(["y"], np.array([[number]], np.float32), None)) == f"y\n{text}\n"


@pytest.mark.exhaustive
def test_predictions_are_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    X, y = np.tile(np.eye(2), (20, 1)), ["ch\xeane", "\u6a2b"] * 20
    train({"model": {"hidden": []}}, X=X, y=y, training={"epochs": 1}, out=tmp_path / "run")
    np.save(tmp_path / "rows.npy", X)
    out = subprocess.run(
        [sys.executable, "-m", "mlpcli", "predict", tmp_path / "run/best.npz", tmp_path / "rows.npy"],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=True,
    ).stdout
    assert out.decode().startswith("label,probability_ch\xeane,probability_\u6a2b\n")


def test_cells_that_training_did_not_know_are_counted(mlp: Mlp, tmp_path: Path) -> None:
    towns = ["Ulm", "Rom", "Lyon"]
    rows = "".join(f"{i % 7},{towns[i % 3]},{'yes' if i % 3 else 'no'}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"age,town,y\n{rows}")
    config = tmp_path / "t.yaml"
    config.write_text("data: {name: csv, path: t.csv, target: y}\ntraining: {epochs: 2}")
    assert mlp("train", config, "--out", tmp_path / "run", "-q").code == 0
    (tmp_path / "new.csv").write_text("age,town\n3,Nice\nNA,Rom\n?,Oslo\n5,\n")
    result = mlp("predict", tmp_path / "run" / "best.npz", tmp_path / "new.csv")
    assert result.code == 0
    assert len(result.out.splitlines()) == 5
    assert result.err.splitlines() == [
        "'age': 2 cells are missing, which none was in the training split; filled with the median.",
        "'town': 2 cells hold texts that the training split had not; read as another one.",
        "'town': 1 cell is missing, which none was in the training split; read as another text.",
    ]


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that lets each file be large, and a piece be a few rows."""

    def begin() -> None:
        monkeypatch.setattr("mlpcli.training.new_rows.LARGE", 0)
        monkeypatch.setattr("mlpcli.training.new_rows._PIECE", 200)
        monkeypatch.setattr("mlpcli.data.table.blocks.BLOCK", 300)

    return begin


@pytest.mark.parametrize("options", ["", "--keep all", "--keep species,island", "--top 2"])
def test_a_large_table_is_predicted_row_by_row(
    mlp: Mlp, trained: Trained, in_pieces: Callable[[], None], options: str
) -> None:
    run = trained("penguins", "training.epochs=2")
    rows = DATASETS / "penguins.csv"
    whole = mlp("predict", run.best, rows, *options.split())
    in_pieces()
    pieces = mlp("predict", run.best, rows, *options.split())
    assert pieces.err == whole.err
    assert len(pieces.out.splitlines()) == 345
    for one, other in zip(table(pieces.out), table(whole.out), strict=True):
        assert one.keys() == other.keys()
        for (name, cell), expected in zip(one.items(), other.values(), strict=True):
            if name.startswith("probability"):
                assert float(cell) == pytest.approx(float(expected), abs=1e-6)
            else:
                assert cell == expected
    assert mlp("predict", run.best, rows, *options.split(), "--out", "p.csv").code == 0
    assert Path("p.csv").read_text() == pieces.out


def test_a_large_array_is_predicted_row_by_row(
    mlp: Mlp, trained: Trained, in_pieces: Callable[[], None]
) -> None:
    run = trained("iris", "training.epochs=2")
    np.save("rows.npy", np.random.default_rng(0).normal(3, 1, (100, 4)))
    whole = mlp("predict", run.best, "rows.npy")
    in_pieces()
    pieces = mlp("predict", run.best, "rows.npy")
    assert [row["label"] for row in table(pieces.out)] == [row["label"] for row in table(whole.out)]
    np.save("rows.npy", np.where(np.arange(400).reshape(100, 4) == 300, np.inf, 1.0))
    failed = mlp("predict", run.best, "rows.npy", "--out", "p.csv")
    assert failed.code == 1
    assert "rows.npy: row 75, column 0 (from 0) is inf. Numbers are kept in 32 bits" in failed.err
    assert not list(Path().glob("*p.csv*"))


def test_unknown_cells_of_all_pieces_are_counted_together(mlp: Mlp, in_pieces: Callable[[], None]) -> None:
    Path("t.csv").write_text("a,kind,y\n" + "".join(f"{i},{'uvw'[i % 3]},{i % 2}\n" for i in range(60)))
    Path("new.csv").write_text("a,kind\n" + "".join(f"{i},{'ux'[i % 2]}\n" for i in range(300)))
    run = train({"data": {"name": "csv", "path": "t.csv", "target": "y"}, "training": {"epochs": 1}})
    run.best.save("m.npz")
    in_pieces()
    assert "'kind': 150 cells hold texts that the training split had not" in " ".join(
        mlp("predict", "m.npz", "new.csv").err.split()
    )
