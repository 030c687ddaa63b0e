"""The file of plain NumPy: it predicts what the network does, where there is no mlp."""

from __future__ import annotations

import gzip
import re
import runpy
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_networks import NETWORKS, TABLE, network, require_same
from usual import some

import mlpcli
from mlpcli.data.writing import number_cell
from mlpcli.export.graph import build_graph
from mlpcli.export.python_file import python_text
from mlpcli.training.model import Model
from mlpcli.training.predictions import predict_rows

# Runs a file as a program, with mlpcli out of reach.
PROGRAM = (
    "import runpy, sys; sys.modules['mlpcli'] = None; sys.argv[:] = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def text_of(model: Model) -> str:
    about = {"mlp": "0", "checkpoint_sha256": "f00"}
    return python_text(build_graph(model.checkpoint), model.checkpoint, about)


@pytest.mark.parametrize("name", some(NETWORKS, 2))
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


def _cells(form: str) -> str:
    """Return 48 rows of the columns n, d, w and y, in which a format string writes n and the day d."""
    days = [datetime(2019 + i % 4, 1 + i % 12, 1 + i % 28, i % 24, 7 * i % 60) for i in range(48)]
    rows = (
        form.format(n=100 * i + i / 8, d=day, w="pqr"[i % 3], y=["no", "yes"][i % 5 < 2])
        for i, day in enumerate(days)
    )
    return "\n".join(rows) + "\n"


# By what is special: how a row is written, the settings of the section `data`, and the encoding.
KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "ISO dates": ("{n},{d},{w},{y}", {}, "utf-8"),
    "ISO dates, one digit": ("{n},{d.year}/{d.month}/{d.day},{w},{y}", {}, "utf-8"),
    "day first, points": ("{n},{d:%d.%m.%Y},{w},{y}", {}, "utf-8"),
    "day first, slashes": ("{n},{d:%d/%m/%Y %H:%M},{w},{y}", {}, "utf-8"),
    "month first": ("{n},{d:%m/%d/%Y %I:%M %p},{w},{y}", {}, "utf-8"),
    "names of months": ("{n},{d:%d %B %Y},{w},{y}", {}, "utf-8"),
    "months first by name": ('{n},"{d:%b %d, %Y}",{w},{y}', {}, "utf-8"),
    "offsets from UTC": ("{n},{d:%Y-%m-%dT%H:%M:%S.25+02:00},{w},{y}", {}, "utf-8"),
    "no dates that depend on an order": ("{n},{d.month}/{d.month}/{d.year},{w},{y}", {}, "utf-8"),
    "semicolons, decimal commas": ("{n};{d:%d.%m.%Y};{w};{y}", {"decimal": ","}, "utf-8-sig"),
    "thousands with commas": ('"{n:,}",{d},{w},{y}', {"thousands": ","}, "utf-8"),
    "thousands with blanks": ("{n:_}\t{d}\t{w}\t{y}", {"decimal": ",", "thousands": " "}, "utf-8"),
    "both found out": ("{n:_};{d};{w};{y}", {}, "utf-8"),
    "cp1252, trailing delimiters": ("{n};{d};{w}ü;{y};", {"encoding": "cp1252"}, "cp1252"),
    "UTF-16": ("{n},{d},{w}ü,{y}", {}, "utf-16"),
    "packed": ("{n},{d},{w},{y}", {}, "gzip"),
    "Excel's first line": ("{n}|{d}|{w}|{y}", {}, "sep"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_the_table_of_its_training(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    form, settings, encoding = KINDS[kind]
    mark = next(mark for mark in ";\t|," if mark in form)
    rows = _cells(form)
    if settings.get("decimal") == "," or kind == "both found out":
        rows = re.sub(r"(?m)^[\d_.]+", lambda found: found[0].replace(".", ",").replace("_", "."), rows)
    if settings.get("thousands") == " ":
        rows = re.sub(r"(?m)^[\d.,]+", lambda found: found[0].replace(".", "\u202f"), rows)
    text = mark.join("ndwy") + "\n" + rows
    if encoding == "sep":
        text, encoding = f"sep={mark}\n{text}", "utf-8"
    data = gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding)
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    section = {"name": "csv", "path": str(path), "target": "y", "columns": {"d": "date"}, **settings}
    model = mlpcli.train({"data": section, "model": {"hidden": [4]}, "training": {"epochs": 2}}).best
    file = tmp_path / "model.py"
    file.write_text(text_of(model), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(file), str(path)])
    runpy.run_path(str(file), run_name="__main__")
    require_same_lines(capsys.readouterr().out, model, path)
    assert set(model.checkpoint.kinds) == {"w"}  # n is read as numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("n,d,w\n1,31.12.2024,p\n2,30.2.2024,q\n", "line 3, column 'd': '30.2.2024' is not a date"),
        ("n,d,w\n1,5/6/2024,p\n", "line 2, column 'd': '5/6/2024' may have the day or the month first"),
        ("n,d,w\n'137,2',2024-01-01,p,x\n", "line 2 has 5 cells, and the header 3"),
        ('n,d,w\n"137,2",2024-01-01,p\n', "line 2, column 'n': '137,2' is not a number as 1234.5"),
        ("n,w\n1,p\n", "it has no column 'd'"),
        ("", "it has no column 'n'"),
        (
            "n,d,w\n1,2024-01-01,\xff\n",
            "it is not UTF-8; save it as UTF-8 ('CSV UTF-8' in Excel), or recode it with iconv",
        ),
        ('n,d,w\n1,2024-01-01,"p\n', "unexpected end of data"),
        (None, "No such file"),
    ],
)
def test_a_wrong_table_is_refused_in_a_line(
    text: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _of_iso_dates(tmp_path)
    file, rows = tmp_path / "model.py", tmp_path / "rows.csv"
    file.write_text(text_of(model), encoding="utf-8")
    if text is not None:
        rows.write_bytes(text.encode("latin-1"))
    monkeypatch.setattr(sys, "argv", [str(file), str(rows)])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(file), run_name="__main__")
    message = str(stopped.value)
    assert message.startswith(f"{rows}: ")
    assert said in message
    assert "\n" not in message


def test_a_reader_may_stop_early(tmp_path: Path) -> None:
    model = _of_iso_dates(tmp_path)
    file, rows = tmp_path / "model.py", tmp_path / "rows.csv"
    file.write_text(text_of(model), encoding="utf-8")
    rows.write_text("n,d,w\n" + "1,2024-01-01,p\n" * 5000)
    started = subprocess.Popen(
        [sys.executable, str(file), str(rows)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with started as done:
        assert done.stdout is not None
        assert done.stderr is not None
        assert done.stdout.readline().startswith(b"label,")
        done.stdout.close()
        assert done.stderr.read() == b""


def _of_iso_dates(folder: Path) -> Model:
    path = folder / "table.csv"
    path.write_text("n,d,w,y\n" + _cells("{n},{d},{w},{y}"))
    data = {"name": "csv", "path": str(path), "target": "y", "columns": {"d": "date"}}
    return mlpcli.train({"data": data, "model": {"hidden": []}, "training": {"epochs": 1}}).best


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
