"""Uses what `test_how_to_add.py` has added to a copy of the repository, and prints what happened as JSON.

    python use_additions.py FOLDER

Run in the copy, with a folder to write into.
"""

from __future__ import annotations

import csv
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import mlpcli
from mlpcli.cli import run

CONFIG = """
data: {name: jsonl, path: iris.jsonl, target: species}
model: {hidden: [{units: 8, residual: true}, 5], activation: softsign, norm: rms, inputs: 4, outputs: 3}
optimizer: adamax
training: {epochs: 4}
"""
WRONG = """
data: {name: jsonll, path: x}
model: {activation: softsing, norm: rsm}
optimizer: {name: adamx}
"""


def mlp(*args: object) -> tuple[int, str]:
    """Carry out a command line; return its exit code and what it prints."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = run(list(map(str, args)))
    return code, out.getvalue() + err.getvalue()


def write_inputs(folder: Path) -> None:
    """Write the iris flowers as JSON Lines, a config that uses all that was added, and a wrong one."""
    with (
        Path("datasets", "iris.csv").open(encoding="utf-8") as file,
        (folder / "iris.jsonl").open("w") as out,
    ):
        for row in csv.DictReader(file):
            out.write(json.dumps({k: v if k == "species" else float(v) for k, v in row.items()}) + "\n")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "wrong.yaml").write_text(WRONG)


def use(folder: Path) -> dict[str, Any]:
    """Give every command something of what was added."""
    write_inputs(folder)
    config, rows, whole, stopped = (
        folder / name for name in ("config.yaml", "iris.jsonl", "whole", "stopped")
    )
    best = whole / "best.npz"
    found: dict[str, Any] = {
        "package": mlpcli.__file__,
        "wrong config": mlp("train", folder / "wrong.yaml"),
        "wrong command": mlp("ratse"),
        "rates": mlp("rates", config),
        "data list": mlp("data", "list"),
        "count-params": mlp("count-params", config, "--json"),
        "check": mlp("check", config),
        "train": mlp("train", config, "--out", whole, "--quiet"),
        "eval": mlp("eval", best, "--json"),
        "eval of rows": mlp("eval", best, "--data", rows, "--json"),
        "predict": mlp("predict", best, rows),
        "export": mlp("export", best, folder / "model.py"),
    }
    begun = mlpcli.train(config, out=stopped, progress=lambda run: len(run.metrics) == 2 and run.stop())
    found["epochs before it was resumed"] = len(begun.metrics)
    found["resume"] = mlp("train", config, "--out", stopped, "--resume", "--quiet")
    found["same bytes"] = [
        (whole / name).read_bytes() == (stopped / name).read_bytes() for name in ("best.npz", "last.npz")
    ]
    if find_spec("onnx"):
        found["export to ONNX"] = mlp("export", best, folder / "model.onnx")
    if find_spec("matplotlib") and find_spec("jinja2"):
        found["plot"] = mlp("plot", whole, "--kind", "health", "--out", folder / "health.svg")
        found["report"] = mlp("report", whole)
        found["page"] = (whole / "report.html").read_text(encoding="utf-8")
    return found


if __name__ == "__main__":
    print(json.dumps(use(Path(sys.argv[1]))))
