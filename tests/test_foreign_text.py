"""Texts from files and command lines: a terminal shows them, in short lines, and obeys none of them.

Control characters, signs that turn text around, and a megabyte are put into the fields of each kind of file,
and commands are given that file.
"""

from __future__ import annotations

import copy
import csv
import json
import pickle
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.dom import minidom

import click
import numpy as np
import pytest
from usual import only

from mlpcli.cli import cli, run
from mlpcli.config.yaml12 import write_yaml
from mlpcli.errors import MlpError
from mlpcli.npz import NpzFile, write_npz
from mlpcli.training.checkpoints.meta import Meta

SIGNS = "a\x1b[31m\x07\u202e\x7f\x9b\u2028\u2066\u200b\r\x08b"
TEXTS = {"signs": SIGNS, "NUL": "a\0b", "long": "x" * 1_000_000}
LONGEST = 1000  # characters of a line
CONFIG: dict[str, Any] = {
    "data": {"name": "csv", "path": "table.csv", "target": "kind"},
    "model": {"hidden": [3]},
    "training": {"epochs": 2},
}


def unseen(text: str) -> set[str]:
    """Return what a terminal obeys or does not show, by Unicode's categories."""
    return {c for c in set(text) - set("\n\t") if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


class Mlp:
    """Runs command lines and looks at what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *args: object, longest: int = LONGEST) -> int:
        code = run(list(map(str, args)))
        for text in self._capsys.readouterr():
            assert not unseen(text), text[:500]
            if not text.startswith("{"):  # JSON is one line
                line = max(text.split("\n"), key=len)
                assert len(line) <= longest, f"{len(line):,} characters in a line: {line[:300]}"
            for sign in ("Traceback", "a bug in mlp", "out of memory"):
                assert sign not in text, text[:500]
        assert code in (0, 1, 2)
        return code


@pytest.fixture
def mlp(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mlp:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return Mlp(capsys)


def write_table(path: Path, names: list[str], classes: list[str], levels: list[str]) -> None:
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for i in range(48):
            level, label = levels[i % len(levels)], classes[i // 2 % len(classes)]
            writer.writerow([round(rng.normal(), 3), level, label])


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that returns a folder with a table whose names hold a text, a config and a run.

    The folder is not to be changed.
    """

    @cache
    def train(text: str) -> Path:
        folder = tmp_path_factory.mktemp("sound")
        names = ["height" + text, "colour" + text, "kind" + text]
        write_table(folder / "table.csv", names, ["yes" + text, "no" + text], ["red" + text, "green" + text])
        config = copy.deepcopy(CONFIG)
        config["data"]["target"] = names[2]
        (folder / "c.yaml").write_text(write_yaml(config), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert run(["train", "c.yaml", "-q", "--out", "r"]) == 0
        return folder

    return train


@pytest.fixture
def there(trained_on: Callable[[str], Path], mlp: Mlp, tmp_path: Path) -> Path:
    """Return a copy of a folder with a table, a config and a run, the working directory."""
    shutil.copytree(trained_on(""), tmp_path, dirs_exist_ok=True)
    return tmp_path


# ---------------------------------------------------------------------------------------- checkpoints

Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each value in a meta; of a list that of its first one."""
    yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*place, 0))


def changed(meta: Any, place: Place, text: str) -> Any:
    """Return a meta with the text as a value."""
    if not place:
        return text
    meta = copy.deepcopy(meta)
    at = meta
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = text
    return meta


def renamed(meta: Any, place: Place, text: str) -> Any:
    """Return a meta with the text as a key, or in a list as a value."""
    if not place or isinstance(place[-1], int):
        return changed(meta, place, text)
    meta = copy.deepcopy(meta)
    at = meta
    for key in place[:-1]:
        at = at[key]
    at[text] = at.pop(place[-1], None)
    return meta


def arrays_of(path: Path) -> dict[str, Any]:
    with NpzFile(path, MlpError) as archive:
        return {name: archive.read(name) for name in archive.names}


def write_checkpoint(path: Path, arrays: dict[str, Any], meta: Any) -> None:
    with path.open("wb") as stream:
        write_npz(stream, {**arrays, "meta": np.array(json.dumps(meta).encode())})


ON_RUN = {
    "eval": ["eval", "r"],
    "eval as JSON": ["eval", "r", "--json"],
    "predict": ["predict", "r", "table.csv", "--out", "p.csv"],
    "keep": ["predict", "r", "table.csv", "--keep", "nothing", "--out", "p.csv"],
    "explain": ["explain", "r", "1"],
    "explain as JSON": ["explain", "r", "1", "--json"],
    "explain as a picture": ["explain", "r", "1", "--out", "p.png"],
    "importance": ["importance", "r", "--repeats", "1"],
    "count-params": ["count-params", "r/best.npz"],
    "text": ["plot", "r", "--text"],
    "plot": ["plot", "r"],
    "report": ["report", "r"],
    "resume": ["train", "--resume", "r", "--set", "training.epochs=3"],
}


def spoil(folder: Path, how: Callable[[Any, Place, str], Any], field: str, text: str) -> Iterator[Place]:
    """Put the text into each value of a field of both checkpoints of a run, one after the other."""
    sound = {path: arrays_of(path) for path in (folder / "r/best.npz", folder / "r/last.npz")}
    metas = {path: json.loads(arrays["meta"].item()) for path, arrays in sound.items()}
    for place in places(metas[folder / "r/last.npz"].get(field), (field,)):
        for path, meta in metas.items():
            if len(place) == 1 or place in places(meta[field], (field,)):  # best.npz has no progress
                write_checkpoint(path, sound[path], how(meta, place, text))
        yield place


@pytest.mark.parametrize("text", only({SIGNS}, [SIGNS, TEXTS["long"]]), ids=["signs", "long"])
@pytest.mark.parametrize("field", [name for name in Meta.model_fields if name != "config"])
def test_fields_of_checkpoints(mlp: Mlp, there: Path, field: str, text: str) -> None:
    for how in (changed, renamed):
        for _ in spoil(there, how, field, text):
            mlp(*ON_RUN["eval"])


def test_the_config_of_a_checkpoint(mlp: Mlp, there: Path) -> None:
    for _ in spoil(there, changed, "config", SIGNS):
        mlp(*ON_RUN["count-params"])


@pytest.mark.slow
@pytest.mark.parametrize("how", [changed, renamed])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("command", ON_RUN)
@pytest.mark.parametrize("field", Meta.model_fields)
def test_fields_of_checkpoints_and_all_commands(
    mlp: Mlp, there: Path, field: str, command: str, text: str, how: Callable[[Any, Place, str], Any]
) -> None:
    for _ in spoil(there, how, field, text):
        mlp(*ON_RUN[command])


@pytest.mark.parametrize("text", [SIGNS, "x" * 60_000], ids=["signs", "long"])
def test_names_of_arrays(mlp: Mlp, there: Path, text: str) -> None:
    arrays = arrays_of(there / "r/best.npz")
    meta = json.loads(arrays.pop("meta").item())
    listed = {**meta, "shapes": {**meta["shapes"], text: [1]}}
    for shapes in (meta, listed):
        write_checkpoint(there / "r/best.npz", {**arrays, text: np.zeros(1, np.float32)}, shapes)
        assert mlp("eval", "r") == 1
    np.savez(there / "data.npz", **{text: np.zeros((3, 2)), "y": np.array([text, "b", "c"])})
    assert mlp("train", "data.npz") == 2
    assert mlp("predict", "r", "data.npz") == 1
    assert mlp("train", "c.yaml", "--set", "data={name: npz, path: data.npz}") == 1


@pytest.mark.parametrize("kind", ["<f4" + SIGNS, "x" * 900, "|O" + SIGNS])
@pytest.mark.parametrize("shape", ["(3,)", f"(3,{SIGNS})", f"({'1,' * 200})", f"({'9' * 300},)"])
def test_headers_of_arrays(mlp: Mlp, there: Path, kind: str, shape: str) -> None:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".encode("latin-1", "replace")
    content = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header
    (there / "rows.npy").write_bytes(content + bytes(12))
    assert mlp("predict", "r", "rows.npy") == 1


# --------------------------------------------------------------------------------------------- tables

DRAWING = ("plot", "report", "draw")
ON_TABLE = ON_RUN | {
    "train": ["train", "c.yaml", "--out", "r2"],
    "folds": ["train", "c.yaml", "--folds", "2", "--out", "f"],
    "dry run": ["train", "c.yaml", "--dry-run"],
    "no config": ["train", "table.csv"],
    "check": ["check", "c.yaml"],
    "describe": ["data", "describe", "c.yaml"],
    "describe as JSON": ["data", "describe", "c.yaml", "--json"],
    "draw": ["data", "draw", "c.yaml"],
    "target": ["train", "c.yaml", "--set", "data.target=nothing"],
    "other data": ["eval", "r", "--data", "other.csv"],
    "other rows": ["predict", "r", "other.csv", "--out", "p.csv"],
    "other columns": ["predict", "r", "few.csv"],
}


@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=[pytest.mark.slow] if name in DRAWING else []) for name in ON_TABLE],
)
@pytest.mark.parametrize(
    "text", only({SIGNS}, [SIGNS, "x" * 900, "$x^2$ $ _{"]), ids=["signs", "long", "dollars"]
)
def test_names_of_columns_classes_and_categories(
    trained_on: Callable[[str], Path], mlp: Mlp, tmp_path: Path, text: str, command: str
) -> None:
    shutil.copytree(trained_on(text), tmp_path, dirs_exist_ok=True)
    names = ["height" + text, "colour" + text, "kind" + text]
    write_table(tmp_path / "other.csv", names, [text, "no" + text], [text, "other" + text])
    (tmp_path / "few.csv").write_text("a,b\n1,2\n")
    mlp(*ON_TABLE[command], longest=1000 if command != "dry run" else 1100)


@pytest.mark.exhaustive
def test_pictures_and_pages(trained_on: Callable[[str], Path], mlp: Mlp, tmp_path: Path) -> None:
    shutil.copytree(trained_on(f"$x^2$ $ _{{<b>-->{SIGNS}"), tmp_path, dirs_exist_ok=True)
    assert mlp("plot", "r", "--kind", "importance", "--out", "p.svg") == 0
    assert mlp("report", "r") == 0
    picture, page, log = (
        Path(name).read_text(encoding="utf-8") for name in ("p.svg", "r/report.html", "r/run.log")
    )
    minidom.parseString(picture)
    assert "height$x^2$ $ _{" in picture  # which stands there in comments
    assert not unseen(picture) | unseen(page) | unseen(log)
    assert "<b>-->" not in picture + page


CELLS = {
    "number": "{name: csv, path: t.csv, target: y, columns: {h: number}}",
    "boolean": "{name: csv, path: t.csv, target: y, columns: {h: boolean}}",
    "date": "{name: csv, path: t.csv, target: y, columns: {h: date}}",
    "category": "{name: csv, path: t.csv, target: y, columns: {h: category}}",
    "target": "{name: csv, path: t.csv, target: h, columns: {h: number}}",
    "class": "{name: csv, path: t.csv, target: h}",
    "weight": "{name: csv, path: t.csv, target: y, weight: h}",
    "split": "{name: csv, path: t.csv, target: y, split: h}",
    "group": "{name: csv, path: t.csv, target: y, group: h}",
}


@pytest.mark.parametrize("cell", [SIGNS, "a\0b", "x" * 100_000], ids=["signs", "NUL", "long"])
@pytest.mark.parametrize("section", CELLS.values(), ids=CELLS)
def test_cells(mlp: Mlp, there: Path, section: str, cell: str) -> None:
    body = f'h,a,y\n1,1,2\n"{cell}",2,3\n4,3,5\n"{cell}",2,1\n'
    (there / "t.csv").write_text(body, encoding="utf-8")
    mlp("train", "c.yaml", "--out", "r2", "--set", f"data={section}")


@pytest.mark.parametrize(
    "name", only({f"t{SIGNS}.csv"}, [f"t{SIGNS}.csv", f"{'x' * 200}.csv"]), ids=["signs", "long"]
)
def test_names_of_files(mlp: Mlp, there: Path, name: str) -> None:
    (there / "table.csv").rename(there / name)
    (there / "c.yaml").write_text(write_yaml(CONFIG | {"data": {**CONFIG["data"], "path": name}}), "utf-8")
    assert mlp("train", "c.yaml", "--out", "r" + SIGNS) == 0
    assert mlp("eval", "r" + SIGNS) == 0
    assert mlp("train", name) == 2
    for command in (["eval", "r"], ["predict", "r", name], ["check", "c.yaml"]):
        mlp(*command)


# ------------------------------------------------------------------------------------ configs, options

YAML = {
    "path": "data: {name: csv, path: %, target: kind}",
    "target": "data: {name: csv, path: table.csv, target: %}",
    "features": "data: {name: csv, path: table.csv, target: kind, features: [%]}",
    "columns": "data: {name: csv, path: table.csv, target: kind, columns: {%: number}}",
    "kind of column": "data: {name: csv, path: table.csv, target: kind, columns: {colour: %}}",
    "separator": "data: {name: csv, path: table.csv, target: kind, thousands: %}",
    "file of a split": "data: {name: csv, path: {train: %}, target: kind}",
    "root": "data: {name: cifar10, root: %}",
    "whole": "%",
    "key": "%: 1",
    "repeated key": "data: spiral\n%: 1\n%: 2",
    "nested key": "data: spiral\nmodel: {%: 3}",
    "tag": "data: !!% x",
    "alias": "data: *%",
    "anchor": "data: &% x",
    "comment": "# %\ndata: nothing",
    "loss": "data: spiral\nloss: %",
    "units": "data: spiral\nmodel: {hidden: [{units: %}]}",
    "class": "data: spiral\nloss: {name: cross_entropy, class_weights: {%: 1}}",
    "open": "data: '%",
}


@pytest.mark.parametrize("text", [*TEXTS.values(), "a\ud800b"], ids=[*TEXTS, "half"])
@pytest.mark.parametrize("where", YAML)
def test_configs(mlp: Mlp, there: Path, where: str, text: str) -> None:
    for shown in (text, json.dumps(text)):
        content = YAML[where].replace("%", shown).encode(errors="surrogatepass")
        (there / "b.yaml").write_bytes(content)
        mlp("train", "b.yaml", "--out", "r2")


NOT_GIVEN = {("train", "--out"), ("data fetch", "--root")}  # which would train, and download
COMMANDS = {name: [name] for name in cli.commands if name != "data"} | {
    f"data {name}": ["data", name]
    for name in cli.commands["data"].commands  # type: ignore[attr-defined]
}
GIVEN = {
    **{name: ["c.yaml"] for name in ("train", "check", "count-params")},
    **{name: ["r"] for name in ("eval", "importance", "report")},
    **{
        "predict": ["r", "table.csv"],
        "explain": ["r", "1"],
        "plot": ["r", "--text"],
        "play": ["nothing.yaml"],
        "data fetch": ["cifar10"],
        "data list": [],
    },
    **{name: ["spiral"] for name in ("data describe", "data draw")},
}


@pytest.mark.parametrize(
    "text", only({SIGNS}, [SIGNS, "a\udcffb", "x" * 100_000]), ids=["signs", "no UTF-8", "long"]
)
@pytest.mark.parametrize("name", COMMANDS)
def test_command_lines(mlp: Mlp, there: Path, name: str, text: str) -> None:
    words, given = COMMANDS[name], GIVEN.get(name, ["r"])
    command: Any = cli
    for word in words:
        command = command.commands[word]
    options = [p.opts[0] for p in command.params if isinstance(p, click.Option) and not p.is_flag]
    lines = [[*given[:i], text, *given[i + 1 :]] for i in range(len(given))]
    lines += [[*given, option, text] for option in options if (name, option) not in NOT_GIVEN]
    lines += [[*given, "--set", f"{text}={text}"], [*given, f"--{text}"], [*given, *given, text]]
    for line in lines:
        mlp(*words, *line, longest=2100)
    mlp(text, longest=2100)


# ---------------------------------------------------------------------------------------- other files


@pytest.mark.parametrize("command", ["text", "plot", "resume"])
@pytest.mark.parametrize("text", [SIGNS, "x" * 100_000], ids=["signs", "long"])
def test_rows_of_metrics(mlp: Mlp, there: Path, text: str, command: str) -> None:
    path = there / "r/metrics.jsonl"
    first, *rows = path.read_text().splitlines()
    for spoiled in (text, json.dumps({text: 1}), json.dumps({**json.loads(first), "train_loss": text})):
        path.write_text("\n".join([spoiled, *rows, ""]), encoding="utf-8")
        mlp(*ON_RUN[command], *(["--kind", "curves"] if command == "plot" else []))


@pytest.mark.parametrize("text", [SIGNS, "x" * 100_000], ids=["signs", "long"])
def test_pickles_of_cifar10(mlp: Mlp, there: Path, text: str, make_cifar10: Callable[..., Any]) -> None:
    class Asks:
        def __reduce__(self) -> tuple[Any, ...]:
            return eval, (text,)

    folder = there / "c/cifar-10-batches-py"
    for content in ({text: 1}, {b"data": text, b"labels": [1]}, text, [text], Asks(), {b"labels": [text]}):
        make_cifar10(folder, "")
        (folder / "data_batch_1").write_bytes(pickle.dumps(content, protocol=2))
        assert mlp("train", "cifar10", "--set", "data.root=c", "--out", "r2") == 1


@pytest.mark.parametrize("text", [SIGNS, "x" * 100_000], ids=["signs", "long"])
def test_parquet(mlp: Mlp, there: Path, text: str) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {f"h{text}": [1.0, 2.0, 3.0, 4.0], text: ["a", text, "b", text], "y": ["a", text] * 2}
    table = pa.table(columns).replace_schema_metadata({text: text})
    parquet.write_table(table, there / "t.parquet")
    section = "data={name: csv, path: t.parquet, target: y}"
    mlp("train", "c.yaml", "--out", "r2", "--set", section)
    mlp("train", "c.yaml", "--out", "r3", "--set", section.replace("y}", "z}"))
    assert mlp("eval", "r", "--data", "t.parquet") == 1
