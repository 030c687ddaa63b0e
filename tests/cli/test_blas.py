"""Commands that compute choose the BLAS's kernel and threads before they import NumPy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from usual import only

from mlpcli.cli import cli
from mlpcli.cli.data import data

SPIRAL = str(Path(__file__).parents[2] / "configs" / "spiral.yaml")
COMPUTING = {
    "init": ["init", "--data", "best.npz"],
    "train": ["train", SPIRAL],
    "sweep": ["sweep", SPIRAL, "--seeds", "2"],
    "check": ["check", SPIRAL],
    "eval": ["eval", "best.npz"],
    "predict": ["predict", "best.npz", "rows.csv"],
    "explain": ["explain", "best.npz", "1"],
    "importance": ["importance", "best.npz"],
    "plot": ["plot", "run"],
    "compare": ["compare", "run", "other"],
    "report": ["report", "run"],
    "export": ["export", "best.npz", "model.onnx"],
    "play": ["play"],
    "count-params": ["count-params", "best.npz"],
    "data describe": ["data", "describe", SPIRAL],
    "data draw": ["data", "draw", "spiral"],
    "data convert": ["data", "convert", "t.csv", "--out", "converted", "--target", "y"],
}
OTHERS = {"data list", "data fetch", "schema", "completion"}

# Ends at the first import of NumPy, with 0 where the environment was prepared by then.
PROGRAM = """
import os, sys
class AtNumPy:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            os._exit(0 if "OPENBLAS_THREAD_TIMEOUT" in os.environ else 1)
sys.meta_path.insert(0, AtNumPy())
from mlpcli.cli import run
print(run(sys.argv[1:]))
os._exit(2)
"""


def test_each_command_is_looked_at() -> None:
    names = {name for name in cli.commands if name != "data"} | {f"data {name}" for name in data.commands}
    assert names == COMPUTING.keys() | OTHERS


@pytest.mark.parametrize("name", only({"train", "predict"}, COMPUTING))
def test_the_blas_is_prepared_before_numpy_is_imported(name: str, tmp_path: Path) -> None:
    (tmp_path / "best.npz").write_bytes(b"PK")
    env = {key: value for key, value in os.environ.items() if key != "OPENBLAS_THREAD_TIMEOUT"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *COMPUTING[name]],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
