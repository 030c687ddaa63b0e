"""A model of the time of a training step that several processes share, fitted to measured steps.

    python -m benchmarks.scaling                     prints the tables of docs/scaling.md
    python -m benchmarks.scaling docs/scaling.md     writes them into the page
    python -m benchmarks.scaling --measure           measures the steps of MEASURED here, with mpiexec

A process that computes n of the B examples of a batch, of a network with P parameters and F multiplications
and additions for an example, takes

    compute = n (F flop + row) + P weight
    update  = P rule / R                                   where R processes share the step
    add     = P add 2 (R - 1) / R                          sums, and copies in memory
    link    = 2 (R - 1) / R 4 P / bandwidth + 3 ceil(log2 R) latency

The first three are fitted to what was measured on one machine, where `add` also holds the way through its
memory, and may be divided by the speed of another machine. The last is what a network between machines adds.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).with_name("scripts") / "shared_step.py"
INPUTS, CLASSES = 3072, 10


@dataclass(frozen=True)
class Net:
    """A network of images of CIFAR-10, by the widths of its hidden layers."""

    hidden: tuple[int, ...]

    @property
    def _matrices(self) -> list[int]:
        widths = (INPUTS, *self.hidden, CLASSES)
        return [a * b for a, b in pairwise(widths)]

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return sum(self._matrices) + sum(self.hidden) + CLASSES

    @property
    def flops(self) -> int:
        """Multiplications and additions for an example: forward, dW, and dX but for the inputs."""
        return 6 * sum(self._matrices) - 2 * self._matrices[0]

    def __str__(self) -> str:
        return "-".join(map(str, (INPUTS, *self.hidden, CLASSES)))


@dataclass(frozen=True)
class Step:
    """The milliseconds of a step of ``ranks`` processes, and of its exchange and its update."""

    ranks: int
    batch: int
    net: Net
    total: float
    exchange: float
    update: float

    @property
    def compute(self) -> float:
        """The milliseconds of all else."""
        return self.total - self.exchange - self.update


SMALL, MIDDLE, LARGE, WIDE = Net((100,)), Net((512, 256)), Net((2048, 1024)), Net((4096, 4096))
GRID = [
    (512, MIDDLE),
    (128, MIDDLE),
    (2048, MIDDLE),
    (32, MIDDLE),
    (512, SMALL),
    (64, SMALL),
    (512, LARGE),
    (128, LARGE),
]
# On two cores of an AMD EPYC (family 25, model 17), 2026-11-27, one thread each, NumPy 2.4.6 with its
# OpenBLAS, MPICH 5.0.2, nesterov and l2; medians of one to four seconds of steps.
MEASURED = [
    Step(1, 512, MIDDLE, 40.38, 0, 1.98),
    Step(2, 512, MIDDLE, 22.84, 1.70, 1.02),
    Step(1, 128, MIDDLE, 12.57, 0, 1.98),
    Step(2, 128, MIDDLE, 8.86, 1.46, 1.03),
    Step(1, 2048, MIDDLE, 155.14, 0, 1.48),
    Step(2, 2048, MIDDLE, 82.08, 2.16, 0.99),
    Step(1, 32, MIDDLE, 5.92, 0, 2.19),
    Step(2, 32, MIDDLE, 5.25, 1.42, 1.02),
    Step(1, 512, SMALL, 9.03, 0, 0.40),
    Step(2, 512, SMALL, 5.58, 0.47, 0.23),
    Step(1, 64, SMALL, 1.34, 0, 0.23),
    Step(2, 64, SMALL, 0.99, 0.18, 0.13),
    Step(1, 512, LARGE, 211.41, 0, 9.01),
    Step(2, 512, LARGE, 119.83, 6.70, 5.31),
    Step(1, 128, LARGE, 66.27, 0, 8.96),
    Step(2, 128, LARGE, 47.40, 7.03, 5.49),
]


@dataclass(frozen=True)
class Costs:
    """The milliseconds of a flop, of a row, and of a parameter for weights, rule and sums."""

    flop: float
    row: float
    weight: float
    rule: float
    add: float


@dataclass(frozen=True)
class Link:
    """What lies between machines: bytes for each millisecond, and milliseconds for a message."""

    name: str
    bandwidth: float
    latency: float


# Nine tenths of the nominal bandwidth; latencies of TCP and of RDMA as they are usual.
SLOW, FAST = Link("10 Gb/s", 0.9 * 1.25e6, 0.030), Link("100 Gb/s", 0.9 * 12.5e6, 0.005)
MEMORY = Link("memory", math.inf, 0.0)
# Steps of two processes of Open MPI 5.0.11 on the same machine, over TCP through a loopback device that `tc`
# holds to twice the bandwidth (tbf, bursts of half a megabyte to four), since both directions go through it.
EMULATED = [(512, MIDDLE, SLOW, 29.8), (512, MIDDLE, Link("1 Gb/s", 0.9 * 0.125e6, 0.030), 73.5)]


def fit(steps: Sequence[Step] = MEASURED) -> Costs:
    """Return the costs with the least squares of relative errors."""

    def solve(rows: list[list[float]], times: list[float]) -> list[float]:
        weights = 1 / np.array(times)
        found: list[float] = np.linalg.lstsq(np.array(rows) * weights[:, None], np.ones(len(times)))[
            0
        ].tolist()
        return found

    rows = [s.batch / s.ranks for s in steps]
    compute = solve(
        [[n * s.net.flops, n, s.net.parameters] for n, s in zip(rows, steps, strict=True)],
        [s.compute for s in steps],
    )
    (rule,) = solve([[s.net.parameters / s.ranks] for s in steps], [s.update for s in steps])
    shared = [s for s in steps if s.ranks > 1]
    (add,) = solve([[s.net.parameters * _moved(s.ranks)] for s in shared], [s.exchange for s in shared])
    return Costs(*compute, rule, add)


def _moved(ranks: int) -> float:
    """Return how often the gradient goes out of each process: there and back, but for the own piece."""
    return 2 * (ranks - 1) / ranks


def time_of_step(
    costs: Costs, net: Net, batch: float, ranks: int = 1, link: Link = MEMORY, speed: float = 1
) -> float:
    """Return the milliseconds of a step on machines that are ``speed`` times as fast as the measured core."""
    n, P = batch / ranks, net.parameters
    compute = n * (net.flops * costs.flop + costs.row) + P * costs.weight
    local = compute + P * costs.rule / ranks + P * costs.add * _moved(ranks)
    messages = 3 * math.ceil(math.log2(ranks))
    return local / speed + _moved(ranks) * 4 * P / link.bandwidth + messages * link.latency


def efficiency(costs: Costs, net: Net, batch: float, ranks: int, link: Link, speed: float) -> float:
    """Return how much of the time of ``ranks`` machines is used, by the time of one that is alone."""
    alone = time_of_step(costs, net, batch, speed=speed)
    return alone / (ranks * time_of_step(costs, net, batch, ranks, link, speed))


def least_batch(costs: Costs, net: Net, ranks: int, link: Link, speed: float, wanted: float) -> int:
    """Return the smallest number of examples for each machine with which its efficiency is ``wanted``."""
    low, high = 1, 1 << 24
    while low < high:
        middle = (low + high) // 2
        if efficiency(costs, net, middle * ranks, ranks, link, speed) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


CLUSTERS = [(8, SLOW), (64, FAST), (1024, FAST)]
SPEEDS = [(2, "2 cores"), (24, "32 cores")]


def fitted_table(costs: Costs) -> str:
    """Return what was measured, beside the model."""
    rows = [["network", "batch", "1 process", "model", "2 processes", "model", "efficiency"]]
    for batch, net in GRID:
        one, two = (next(s for s in MEASURED if (s.ranks, s.batch, s.net) == (r, batch, net)) for r in (1, 2))
        models = [time_of_step(costs, net, batch, ranks) for ranks in (1, 2)]
        rows.append(
            [
                str(net),
                f"{batch:,}",
                f"{one.total:.1f} ms",
                f"{models[0]:.1f}",
                f"{two.total:.1f} ms",
                f"{models[1]:.1f}",
                f"{one.total / (2 * two.total):.0%}",
            ]
        )
    return _markdown(rows)


def costs_table(costs: Costs) -> str:
    """Return the fitted costs in the units that one knows."""
    return _markdown(
        [
            ["what", "cost"],
            ["products", f"{1e-6 / costs.flop:.0f} billion multiplications and additions a second"],
            ["an example that is gathered and scaled", f"{1e3 * costs.row:.1f} us"],
            ["a parameter, for the products to read and write it", f"{1e6 * costs.weight:.2f} ns"],
            ["a parameter, for the update", f"{1e6 * costs.rule:.2f} ns"],
            ["a parameter that goes out or comes back, with its sum", f"{1e6 * costs.add:.2f} ns"],
        ]
    )


def links_table(costs: Costs) -> str:
    """Return what was measured over links that were made slow, beside the model."""
    rows = [["network", "batch", "link", "2 processes", "model"]]
    for batch, net, link, time in EMULATED:
        model = time_of_step(costs, net, batch, 2, link)
        rows.append([str(net), f"{batch:,}", link.name, f"{time:.1f} ms", f"{model:.1f}"])
    return _markdown(rows)


def clusters_table(costs: Costs) -> str:
    """Return the speed-up of clusters, with one batch for all of them and with 512 examples for each."""
    rows = [
        [
            "machines",
            "network",
            "each machine",
            "one batch",
            "a step",
            "speed-up",
            "512 each",
            "a step",
            "speed-up",
        ]
    ]
    for ranks, link in CLUSTERS:
        for net in (MIDDLE, WIDE):
            for speed, name in SPEEDS:
                row = [f"{ranks:,} on {link.name}", str(net), name]
                for batch in (512 if ranks == 8 else 4096, 512 * ranks):
                    time = time_of_step(costs, net, batch, ranks, link, speed)
                    gain = ranks * efficiency(costs, net, batch, ranks, link, speed)
                    row += [f"{batch:,}", f"{time:.1f} ms", f"{gain:,.1f}"]
                rows.append(row)
    return _markdown(rows)


def batches_table(costs: Costs) -> str:
    """Return how many examples each machine needs to be used well, and how large the batch then is."""
    rows = [
        ["machines", "network", "each machine", "examples for 50 %", "the batch", "for 80 %", "the batch"]
    ]
    for ranks, link in CLUSTERS:
        for net in (MIDDLE, WIDE):
            for speed, name in SPEEDS:
                found = [least_batch(costs, net, ranks, link, speed, share) for share in (0.5, 0.8)]
                numbers = [f"{n:,}" for each in found for n in (each, each * ranks)]
                rows.append([f"{ranks:,} on {link.name}", str(net), name, *numbers])
    return _markdown(rows)


TABLES: dict[str, Callable[[Costs], str]] = {
    "costs": costs_table,
    "fitted": fitted_table,
    "links": links_table,
    "clusters": clusters_table,
    "batches": batches_table,
}


def _markdown(rows: list[list[str]]) -> str:
    head, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *others])


def write(page: str) -> str:
    """Return the page with the tables as they are computed now, each between its two comments."""
    costs = fit()
    for name, table in TABLES.items():
        marks = rf"(<!-- {name}: .*?-->\n).*?(\n<!-- end -->)"
        page, n = re.subn(marks, lambda found: found[1] + table(costs) + found[2], page, flags=re.DOTALL)  # noqa: B023
        assert n == 1, name
    return page


def measure() -> list[Step]:
    """Time the steps of the grid in one process and in two."""
    launcher = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or "mpiexec"
    steps = []
    for batch, net in GRID:
        for ranks in (1, 2):
            command = [sys.executable, str(SCRIPT), str(batch), "2", *map(str, net.hidden)]
            before = [launcher, "-n", str(ranks)] if ranks > 1 else []
            done = subprocess.run([*before, *command], capture_output=True, text=True, check=True)
            found = json.loads(done.stdout)
            steps.append(Step(ranks, batch, net, found["step"], found["exchange"], found["optimizer"]))
    return steps


def main() -> None:
    """Print the tables, write them into a page, or measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("page", nargs="?", type=Path)
    parser.add_argument("--measure", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        for step in measure():
            times = " ".join(f"{time:.2f}" for time in (step.total, step.exchange, step.update))
            print(f"{step.ranks} {step.batch:,} {step.net}: {times}")
    elif arguments.page is not None:
        arguments.page.write_text(write(arguments.page.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        for table in TABLES.values():
            print(table(fit()), end="\n\n")


if __name__ == "__main__":
    main()
