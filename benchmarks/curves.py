"""``python -m benchmarks.curves CONFIG``: accuracy over time of a recipe for CIFAR-10, in mlp and in PyTorch.

Both train epoch by epoch in turn, each in a process of its own, so that other load on the machine affects
them equally. The time is that of the epochs, with what scores the validation split after each, and without
what comes before the first one, such as reading the images.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.timing import describe_machine, limit_cores
from mlpcli.blas import prepare_blas

__all__ = ["CONTENDERS", "curves", "seconds_to", "table"]

Point = tuple[float, float]  # seconds since the beginning, accuracy on the validation split


def mlp(config: str, changes: dict[str, Any]) -> Iterator[float]:
    """Yield 0 once all is ready, then train, and yield the validation accuracy after each epoch."""
    prepare_blas()
    from mlpcli.config.loader import make_experiment
    from mlpcli.training.run import Run

    run = Run(make_experiment(config, changes))
    yield 0.0
    for epoch in run.trainer.epochs():
        yield epoch.metrics["val_accuracy"]


def pytorch(config: str, changes: dict[str, Any]) -> Iterator[float]:
    """Do the same with PyTorch."""
    prepare_blas()
    from benchmarks.recipe_pytorch import epochs
    from mlpcli.config.loader import make_experiment

    return epochs(make_experiment(config, changes))


# Of each, the package that it needs, and what trains.
CONTENDERS: dict[str, tuple[str, Callable[[str, dict[str, Any]], Iterator[float]]]] = {
    "mlp": ("mlpcli", mlp),
    "PyTorch": ("torch", pytorch),
}


def _work(contender: str, config: str, changes: dict[str, Any], pipe: Connection) -> None:
    """For each question train an epoch, and answer with its seconds and the accuracy, or None at the end."""
    training = CONTENDERS[contender][1](config, changes)
    next(training)
    while pipe.recv():
        start = time.perf_counter()
        accuracy = next(training, None)
        pipe.send(None if accuracy is None else (time.perf_counter() - start, accuracy))


def curves(config: str, changes: dict[str, Any]) -> dict[str, list[Point]]:
    """Train in turn, and return the curve of each contender that is installed, a point for each epoch."""
    names = [name for name, (package, _) in CONTENDERS.items() if find_spec(package) is not None]
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    found: dict[str, list[Point]] = {name: [(0.0, 0.0)] for name in names}
    for name in names:
        pipes[name], theirs = context.Pipe()
        context.Process(target=_work, args=(name, config, changes, theirs), daemon=True).start()
        theirs.close()  # else nobody notices that the process has failed
    while pipes:
        for name, pipe in list(pipes.items()):
            pipe.send(True)
            answer = pipe.recv()
            if answer is None:
                pipe.send(False)
                del pipes[name]
            else:
                found[name].append((found[name][-1][0] + answer[0], answer[1]))
    return {name: points[1:] for name, points in found.items()}


def seconds_to(points: list[Point], accuracy: float) -> float | None:
    """Return the time after which a curve has reached an accuracy for the first time, None if never."""
    return next((seconds for seconds, reached in points if reached >= accuracy), None)


def table(found: dict[str, list[Point]], goal: float) -> list[str]:
    """Return the rows of a table in Markdown: epochs, and for each contender seconds and accuracy."""
    lines = [
        f"| epoch | {' | '.join(f'{name}, s | accuracy' for name in found)} |",
        f"| ---: |{' ---: | ---: |' * len(found)}",
    ]
    for epoch, points in enumerate(zip(*found.values(), strict=True), 1):
        cells = [f"{seconds:.1f} | {accuracy:.2%}" for seconds, accuracy in points]
        lines.append(f"| {epoch} | {' | '.join(cells)} |")
    reached = {name: seconds_to(points, goal) for name, points in found.items()}
    told = [f"{name} {'never' if at is None else f'after {at:.1f} s'}" for name, at in reached.items()]
    return [*lines, "", f"{goal:.0%}: {', '.join(told)}"]


def main() -> None:
    """Parse the command line, train, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    parser.add_argument("config", metavar="CONFIG", help="a config for CIFAR-10, such as cifar10/fast")
    parser.add_argument("--epochs", type=int, help="how many, where it is not as the config says")
    parser.add_argument("--seed", type=int, default=0, help="of both (default 0)")
    parser.add_argument("--to", type=float, default=0.6, help="accuracy to be reached (default 0.6)")
    arguments = parser.parse_args()
    changes: dict[str, Any] = {"training.seed": arguments.seed}
    if arguments.epochs is not None:
        changes["training.epochs"] = arguments.epochs
    limit_cores()
    for name, value in describe_machine().items():
        print(f"{name}: {value}", flush=True)
    print()
    print("\n".join(table(curves(arguments.config, changes), arguments.to)))


if __name__ == "__main__":
    main()
