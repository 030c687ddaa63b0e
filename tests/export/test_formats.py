"""Files that are written whole or not at all, and the tables of their kinds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import mlpcli
from mlpcli.errors import RunError
from mlpcli.export import FORMATS
from mlpcli.export.formats import WRITERS, export_checkpoint, export_loaded
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory

Trained = Callable[..., RunDirectory]


def test_the_command_and_the_table_have_the_same_names() -> None:
    assert list(FORMATS) == list(WRITERS)


def test_the_metadata_of_onnx(trained: Trained, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
    run = trained("spiral", "training.epochs=1").path
    found = export_checkpoint(run, tmp_path / "new" / "model.onnx", "onnx")
    model = onnx.load(tmp_path / "new" / "model.onnx")
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about["classes"]) == ["0", "1", "2"]
    assert json.loads(about["columns"]) == ["x1", "x2"]
    assert json.loads(about["config"])["data"]["name"] == "spiral"
    assert about["checkpoint_sha256"] == hashlib.sha256((run / "best.npz").read_bytes()).hexdigest()
    assert (model.ir_version, {each.domain: each.version for each in model.opset_import}) == (
        8,
        {"": 17, "ai.onnx.ml": 3},
    )
    assert found.outputs == ("label", "probabilities")
    assert found.files == {tmp_path / "new" / "model.onnx": (tmp_path / "new" / "model.onnx").stat().st_size}


@pytest.mark.parametrize("to", FORMATS)
def test_equal_networks_give_equal_bytes(to: str, trained: Trained, tmp_path: Path) -> None:
    pytest.importorskip(to if to in ("onnx", "torch") else "numpy")
    run = trained("spiral", "training.epochs=1").path
    files = [tmp_path / f"{i}{FORMATS[to]}" for i in (1, 2)]
    for file in files:
        export_checkpoint(run, file, to)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_file_that_cannot_be_written_leaves_the_old_one(trained: Trained, tmp_path: Path) -> None:
    run = trained("spiral", "training.epochs=1").path
    (tmp_path / "file").write_text("old")
    with pytest.raises(RunError, match="cannot be written"):
        export_checkpoint(run, tmp_path / "file" / "model.npz", "npz")
    assert (tmp_path / "file").read_text() == "old"


def test_a_note_on_dates(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["when,y", *(f"2024-{1 + i % 9}-0{1 + i % 7},{i % 2}" for i in range(40))]))
    data = {"name": "csv", "path": str(table), "target": "y", "columns": {"when": "date"}}
    mlpcli.train({"data": data, "training": {"epochs": 1}}, out=tmp_path / "run")
    (note,) = export_checkpoint(tmp_path / "run", tmp_path / "model.py", "python").notes
    assert note.startswith(
        "'when' is a date: `python model.py TABLE` reads it, and `predict` in the file takes its parts"
    )


@pytest.mark.parametrize("key", ["path", "several", "split"])
def test_no_folder_of_the_table_is_in_an_onnx_file(key: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    files = [tmp_path / "secret" / name for name in ("a.csv", "b.csv")]
    files[0].parent.mkdir()
    for file in files:
        file.write_text("x,y\n" + "1,a\n2,b\n" * 20)
    a, b = map(str, files)
    which = {"path": {"path": a}, "several": {"path": [a, b]}, "split": {"split": {"train": a, "test": b}}}[
        key
    ]
    run = mlpcli.train({"data": {"name": "csv", "target": "y", **which}, "training": {"epochs": 1}}).best
    run.export(tmp_path / "model.onnx")
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert "a.csv" in metadata["config"]
    assert str(tmp_path) not in metadata["config"]


@pytest.mark.parametrize("to", FORMATS)
def test_a_checkpoint_in_memory_gives_the_bytes_of_its_file(
    to: str, trained: Trained, tmp_path: Path
) -> None:
    pytest.importorskip(to if to in ("onnx", "torch") else "numpy")
    run = trained("spiral", "training.epochs=1")
    files = [tmp_path / folder / f"model{FORMATS[to]}" for folder in "ab"]
    export_checkpoint(run.path, files[0], to)
    export_loaded(load_checkpoint(run.best), files[1], to)
    assert files[0].read_bytes() == files[1].read_bytes()
