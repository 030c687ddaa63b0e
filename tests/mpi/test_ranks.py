"""Processes of MPI leave the bytes of one process, and sum in the order of the tree."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("program.py")
TIMES = ("seconds", "examples_per_second")
Together = Callable[..., subprocess.CompletedProcess[str]]


def left(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of runs, without times."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("run.log", "metrics.jsonl")
    }
    for path in folder.rglob("metrics.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [{key: value for key, value in row.items() if key not in TIMES} for row in rows]
        files[str(path.relative_to(folder))] = json.dumps(kept).encode()
    return files


def trained(
    together: Together, tmp_path: Path, images: Path, processes: int, shards: int
) -> dict[str, bytes]:
    folder = tmp_path / f"{processes}"
    done = together(processes, PROGRAM, folder, shards, MLP_DATA=str(images))
    assert done.returncode == 0, done.stderr
    return left(folder)


@pytest.mark.parametrize(
    ("shards", "processes"),
    [
        pytest.param(4, [2, 4], marks=pytest.mark.exhaustive),
        pytest.param(6, [3], marks=pytest.mark.exhaustive),
        pytest.param(6, [6], marks=pytest.mark.slow),
    ],
)
def test_any_number_of_processes_leaves_the_bytes_of_one(
    together: Together,
    tmp_path: Path,
    make_cifar10: Callable[..., object],
    shards: int,
    processes: list[int],
) -> None:
    X = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
    for name, array in {"X": X, "y": X[:, 0] + X[:, 1] > 0, "weights": np.arange(400) % 3 + 1}.items():
        np.save(tmp_path / f"{name}.npy", array)
    images = tmp_path / "images"
    make_cifar10(images, n=7)
    alone = trained(together, tmp_path, images, 1, shards)
    assert sum(name.endswith(".npz") for name in alone) >= 8
    for n in processes:
        shared = trained(together, tmp_path, images, n, shards)
        assert shared.keys() == alone.keys()
        assert [name for name in alone if shared[name] != alone[name]] == []
