"""mlp export: which file, which format, and what is said of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.export import FORMATS
from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]


@pytest.fixture
def run(trained: Callable[..., RunDirectory]) -> Path:
    return trained("spiral", "training.epochs=1").path


def test_the_ending_says_the_format(mlp: Mlp, run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    done = mlp("export", run, tmp_path / "model.onnx")
    path, inputs, outputs = done.out.splitlines()
    assert path.startswith(f"{tmp_path / 'model.onnx'}  (")
    assert (inputs, outputs) == ("inputs   X (n, 2): x1, x2", "outputs  label, probabilities")
    assert mlp("export", run, tmp_path / "other", "--to", "npz").code == 0
    assert (tmp_path / "other").read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["model.xyz"], "its ending says no format; let it end in .onnx, .py"),
        (["model"], "or name the format --to names it"),
        (["model.npz", "--to", "onnx"], "is to be onnx, and ends in .npz; let it end in .onnx"),
        (["."], "its ending says no format"),
        ([".", "--to", "npz"], "is a folder; name a file in it, as in model.npz"),
    ],
)
def test_what_is_refused(
    args: list[str], expected: str, mlp: Mlp, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = mlp("export", run, *args)
    assert done.code == 2
    assert expected in " ".join(done.err.split())
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_not_replaced(mlp: Mlp, run: Path) -> None:
    before = (run / "best.npz").read_bytes()
    done = mlp("export", run, run / "best.npz")
    assert (done.code, "is a checkpoint, which it would replace; name another file" in done.err) == (2, True)
    assert (run / "best.npz").read_bytes() == before


def test_a_run_that_is_not_there(mlp: Mlp, tmp_path: Path) -> None:
    done = mlp("export", tmp_path / "none", tmp_path / "model.npz")
    assert (done.code, "there is no such run or checkpoint" in done.err) == (2, True)


def test_without_onnx(mlp: Mlp, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = mlp("export", run, tmp_path / "model.onnx")
    assert done.code == 2
    assert "mlpcli[onnx]" in done.err
    assert not list(tmp_path.iterdir())


def test_many_columns_fit_the_terminal(
    mlp: Mlp, trained: Callable[..., RunDirectory], tmp_path: Path
) -> None:
    done = mlp("export", trained("penguins", "training.epochs=1").path, tmp_path / "model.py")
    _, inputs, _ = done.out.splitlines()
    assert inputs.startswith("inputs   island, bill_length_mm, ")
    assert inputs.endswith(", ... 7 in all")
    assert len(inputs) < 80


def test_the_help_lists_each_format_on_a_line(mlp: Mlp) -> None:
    lines = mlp("export", "--help").out.splitlines()
    for ending in FORMATS.values():
        assert sum(line.startswith(f"  model{ending} ") for line in lines) == 1
