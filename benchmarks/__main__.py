"""``python -m benchmarks``: a training epoch of mlp, of its peers and of the bare matrix products, in turn.

All get the same bytes, widths, batch size, threads and float32, and do what their users run: shuffling,
gathering and scaling batches, forward, loss, backward, update. Rounds are interleaved, A B A B, and medians
told, so that a busy machine is busy for all. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from mlpcli.blas import describe_blas, prepare_blas, thread_count

prepare_blas()  # as the command does, before NumPy

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from mlpcli.config.loader import validate_experiment  # noqa: E402
from mlpcli.training.run import Run  # noqa: E402

WIDTHS = (3072, 512, 256, 10)
EXAMPLES = 12_800
RATE, MOMENTUM = 1e-3, 0.9
Epoch: TypeAlias = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """Images X (n, 3072) uint8 and classes y (n,), and how to train on them."""

    X: NDArray[np.uint8]
    y: NDArray[np.int64]
    optimizer: str
    batch_size: int


def mlp(work: Work) -> Epoch:
    """Return an epoch of the product's own loop, with metrics and unit health."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        np.savez(path, X=work.X, y=work.y)
        sections = {
            "data": {"name": "npz", "path": str(path), "val_size": 0, "test_size": 0},
            "model": {"hidden": list(WIDTHS[1:-1])},
            "optimizer": {"name": work.optimizer, "learning_rate": RATE},
            "regularization": {"l2": 0.0},
            "training": {"epochs": 1000, "batch_size": work.batch_size},
        }
        epochs = Run(validate_experiment(sections, Path())).trainer.epochs()
    return lambda: next(epochs)


def floor(work: Work) -> Epoch:
    """Return the matrix products of an epoch's steps alone, on arrays that are there already."""
    rng = np.random.default_rng(0)
    shapes = list(itertools.pairwise(WIDTHS))
    W = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    dW = [np.empty_like(w) for w in W]
    A = [rng.standard_normal((work.batch_size, units)).astype(np.float32) for units in WIDTHS]
    out = [np.empty_like(a) for a in A]

    def epoch() -> None:
        for _ in range(len(work.X) // work.batch_size):
            for i in range(len(W)):
                np.matmul(A[i], W[i], out=out[i + 1])
            for i in reversed(range(len(W))):
                np.matmul(A[i].T, A[i + 1], out=dW[i])
                if i:
                    np.matmul(A[i + 1], W[i].T, out=out[i])

    return epoch


def pytorch(work: Work) -> Epoch:
    """Return an eager PyTorch epoch with the fused optimizer."""
    import torch

    torch.set_num_threads(thread_count())
    torch.manual_seed(0)
    X, y = torch.from_numpy(work.X), torch.from_numpy(work.y)
    shift, scale = (torch.from_numpy(a) for a in _statistics(work.X))
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(WIDTHS):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    kinds = {
        "momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=MOMENTUM, fused=True),
        "adam": lambda p: torch.optim.Adam(p, lr=RATE, fused=True),
    }
    optimizer, criterion = kinds[work.optimizer](model.parameters()), torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        for rows in torch.randperm(len(X)).split(work.batch_size):
            batch = X[rows].float().sub_(shift).mul_(scale)
            optimizer.zero_grad(set_to_none=True)
            criterion(model(batch), y[rows]).backward()
            optimizer.step()

    return epoch


def scikit_learn(work: Work) -> Epoch:
    """Return an epoch of MLPClassifier, which gets its images scaled before the clock starts."""
    from sklearn.neural_network import MLPClassifier

    shift, scale = _statistics(work.X)
    X = (work.X - shift) * scale
    solver = "sgd" if work.optimizer == "momentum" else "adam"
    model = MLPClassifier(
        WIDTHS[1:-1],
        solver=solver,
        alpha=0.0,
        learning_rate_init=RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        batch_size=work.batch_size,
        max_iter=1,
        warm_start=True,
        random_state=0,
    )

    def epoch() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch does not converge
            model.fit(X, work.y)

    return epoch


def _statistics(X: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return X.mean(axis=0).astype(np.float32), (1 / X.std(axis=0)).astype(np.float32)


CONTENDERS: dict[str, tuple[str | None, Callable[[Work], Epoch]]] = {
    "mlp": (None, mlp),
    "matrix products": (None, floor),
    "PyTorch": ("torch", pytorch),
    "scikit-learn": ("sklearn", scikit_learn),
}


def measure(works: dict[str, Work], rounds: int) -> list[dict[str, Any]]:
    """Return a row for each work and contender: median seconds a step and examples a second."""
    rows = []
    for title, work in works.items():
        epochs = {
            name: make(work)
            for name, (module, make) in CONTENDERS.items()
            if module is None or importlib.util.find_spec(module)
        }
        seconds: dict[str, list[float]] = {name: [] for name in epochs}
        for turn in range(rounds + 1):
            for name, epoch in epochs.items():
                start = time.perf_counter()
                epoch()
                if turn:  # the first one warms up
                    seconds[name].append(time.perf_counter() - start)
        own = statistics.median(seconds["mlp"])
        for name, times in seconds.items():
            median = statistics.median(times)
            rows.append(
                {
                    "work": title,
                    "contender": name,
                    "seconds_per_step": median * work.batch_size / len(work.X),
                    "examples_per_second": len(work.X) / median,
                    "mlp_speedup": median / own,
                }
            )
    return rows


def describe_machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    packages = [name for name in ("torch", "scikit-learn") if importlib.util.find_spec(_module(name))]
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "blas": describe_blas(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", *packages)},
    }


def _module(package: str) -> str:
    return {"scikit-learn": "sklearn"}.get(package, package)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take the median of")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (EXAMPLES, WIDTHS[0]), np.uint8)
    y = rng.integers(0, WIDTHS[-1], EXAMPLES)
    works = {
        f"{optimizer}, batch {batch_size}": Work(X, y, optimizer, batch_size)
        for optimizer in ("momentum", "adam")
        for batch_size in (128, 512)
    }
    machine, rows = describe_machine(), measure(works, arguments.rounds)
    if arguments.json:
        print(json.dumps({"machine": machine, "rows": rows}))
        return
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    for title in works:
        print(f"\n{'-'.join(map(str, WIDTHS))}, {title}")
        for row in (row for row in rows if row["work"] == title):
            print(
                f"  {row['contender']:<16}{1e3 * row['seconds_per_step']:8.2f} ms a step"
                f"{row['examples_per_second']:10,.0f} examples/s   mlp is {row['mlp_speedup']:.2f} x as fast"
            )


if __name__ == "__main__":
    main()
