"""Runs that are killed at random moments, again and again, end in the bytes of an unbroken run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from usual import only

if not hasattr(__import__("os"), "fork"):
    pytest.skip("the runs are forked", allow_module_level=True)

WORKER = Path(__file__).with_name("worker.py")
IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"
FILES = {"config.yaml", "metrics.jsonl", "best.npz", "last.npz", "run.log"}

# Everything that has a state which must come back: optimizers' slots, schedules and plateaus, patience, batch
# norm's statistics, learned slopes, dropout, noise (drawn and from the pool), augmentation, dead units.
CONFIGS = {
    "plateau": """
data: {name: spiral, points: 300}
model: {hidden: [20, 10], activation: prelu, batch_norm: true, dropout: 0.2, input_noise: 0.1}
optimizer:
  {name: momentum, learning_rate: 0.1, clip_norm: 1, schedule: {name: plateau, patience: 2, warmup: 1.5}}
regularization: {l1: 1e-4, l2: 1e-3, max_norm: 3}
training: {epochs: 12, batch_size: 30, patience: 8, checkpoint_every: 2}
""",
    "images": """
data:
  {name: cifar10, root: ROOT, val_size: 6, augment: {flip: true, rotate: 9, crop: 2, cutout: 4, mixup: 0.2}}
model: {hidden: [8], input_noise: 0.1, input_dropout: 0.1}
optimizer: {name: adamw, schedule: cosine}
training: {epochs: 4, batch_size: 7, checkpoint_every: 1}
""",
    "regression": """
data: {name: sine, points: 200, val_size: 0}
model: {hidden: [{units: 30, activation: tanh}, {units: 10, activation: maxout, dropout: 0.1}]}
optimizer: {name: rmsprop, schedule: {name: one_cycle}}
training: {epochs: 12, batch_size: 64}
""",
    "table": """
data: {name: csv, path: IRIS, target: species}
model: {hidden: [100], activation: relu, init: {name: he, bias: -3}}  # active on few examples
loss: {name: cross_entropy, class_weights: balanced, label_smoothing: 0.1}
optimizer: {name: lion, learning_rate: 1e-2, schedule: {name: step, every: 3}}
training: {epochs: 12, batch_size: 16, checkpoint_every: 3}
""",
}

Mlp = Callable[..., int]


@pytest.fixture(scope="module")
def mlp() -> Iterator[Mlp]:
    """Return a function that carries out a command line, and kills it after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def mlp(*args: object, kill_after: float | None = None, save_every: float = 1.0) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        task = {"args": list(map(str, args)), "kill_after": kill_after, "save_every": save_every}
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield mlp
    process.stdin.close()
    process.wait()
    process.stdout.close()


def outcome(directory: Path) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return all that a run leaves but its log and its timings; nothing else may be there."""
    assert {path.name for path in directory.iterdir()} == FILES
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"], row["examples_per_second"]
    return {name: (directory / name).read_bytes() for name in ("config.yaml", "best.npz", "last.npz")}, rows


def kill_and_resume(
    mlp: Mlp, tmp_path: Path, make_cifar10: Callable[..., Any], name: str, kills: int, seed: int
) -> int:
    """Kill runs of a config until ``kills`` have been hit; return the number of runs that were compared."""
    make_cifar10(tmp_path / "cifar-10-batches-bin", n=6)
    config, unbroken, broken = (tmp_path / part for part in ("c.yaml", "unbroken", "broken"))
    config.write_text(CONFIGS[name].replace("ROOT", str(tmp_path)).replace("IRIS", str(IRIS)))
    durations = []
    for again in range(3):  # the machine may have other work
        start = time.perf_counter()
        assert mlp("train", config, "--out", unbroken, "--quiet", *["--force"] * bool(again)) == 0
        durations.append(time.perf_counter() - start)
    duration = min(durations)
    expected = outcome(unbroken)
    rng, runs, hit = random.Random(f"{name} {seed}"), 0, 0
    while hit < kills:
        code = -9
        while code == -9:
            # Some at once, some when there is much to lose, most of them anywhere.
            patience = rng.choice(
                [rng.uniform(0, 1.1), rng.uniform(0, 0.3), None if runs % 3 == 2 else rng.uniform(0.5, 1)]
            )
            after = None if hit >= kills or patience is None else patience * duration
            every = rng.choice([0.0, 0.0, 0.2 * duration, 1.0])  # these runs are too short for a second
            again = ("train", config, "--out", broken, "--resume", "--quiet")
            code = mlp(*again, kill_after=after, save_every=every)
            hit += code == -9
            assert len(list(broken.rglob("*.tmp"))) <= 1
        assert code == 0
        assert outcome(broken) == expected
        for path in broken.iterdir():
            path.unlink()
        broken.rmdir()
        runs += 1
    return runs


@pytest.mark.parametrize("name", only({"table"}, CONFIGS))
def test_killed_runs_go_on_to_the_same_bytes(
    mlp: Mlp, tmp_path: Path, make_cifar10: Callable[..., Any], name: str
) -> None:
    assert kill_and_resume(mlp, tmp_path, make_cifar10, name, kills=4, seed=0) >= 1


@pytest.mark.exhaustive
def test_killed_cross_validations_go_on_to_the_same_bytes(mlp: Mlp, tmp_path: Path) -> None:
    config, unbroken, broken = (tmp_path / part for part in ("c.yaml", "unbroken", "broken"))
    config.write_text(CONFIGS["table"].replace("IRIS", str(IRIS)))
    command = ("train", config, "--folds", 3, "--repeats", 2, "--quiet", "--out")
    start = time.perf_counter()
    assert mlp(*command, unbroken) == 0
    duration = time.perf_counter() - start
    rng, code, kills = random.Random("folds"), -9, 0
    while code == -9:
        after = None if kills == 8 else rng.uniform(0, 0.6) * duration
        code = mlp(*command, broken, "--resume", kill_after=after, save_every=rng.choice([0.0, 1.0]))
        kills += code == -9
    assert code == 0
    left = [
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name not in ("run.log", "metrics.jsonl")
        }
        for folder in (unbroken, broken)
    ]
    assert left[0] == left[1]
    assert len(left[0]) == 3 + 6 * 3  # nothing else is there


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("name", CONFIGS)
def test_killed_runs_go_on_to_the_same_bytes_every_time(
    mlp: Mlp, tmp_path: Path, make_cifar10: Callable[..., Any], name: str, seed: int
) -> None:
    """In all 4 x 5 x 20 = 400 kills."""
    kill_and_resume(mlp, tmp_path, make_cifar10, name, kills=20, seed=seed)
