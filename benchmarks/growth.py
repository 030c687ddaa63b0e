"""Measures how the cost of training grows with width, depth and batch size, next to bare matrix products.

    python -m benchmarks.growth                            prints a table
    python -m benchmarks.growth --markdown                 prints it as in docs/speed.md
    python -m benchmarks.growth --picture docs/speed.svg   also draws it (needs matplotlib)

One of the three changes at a time; the others stay at a network for CIFAR-10 with two hidden layers of 512
units, and batches of 128. The optimizer is SGD with momentum.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.timing import describe_machine, limit_cores, time_race
from benchmarks.works import Entry, Race, Work
from mlpcli.config.plan import plan_widths
from mlpcli.specs import NetworkSpec
from mlpcli.text import columns

WIDTH, DEPTH, BATCH = 512, 2, 128
SWEEPS: dict[str, Sequence[int]] = {
    "width": (64, 128, 256, 512, 1024, 2048, 4096),
    "depth": (1, 2, 3, 4, 6, 8),
    "batch size": (16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
}
FLOP = 50e9  # per turn: enough to be timed, but not too slow
MIN_STEPS, EXAMPLES = 20, 50_000  # the smallest and largest size of a turn, which is an epoch
HEADER = ("", "", "parameters", "ms a step", "examples/s", "GFLOP/s", "of the floor")


@dataclass(frozen=True)
class Point:
    """The time of a training step of ``network`` and of its matrix products alone, in seconds."""

    sweep: str
    value: int
    batch_size: int
    network: NetworkSpec
    seconds: float
    floor: float

    @property
    def gflops(self) -> tuple[float, float]:
        """GFLOP/s of mlp and of the matrix products, counted as in ``mlp count-params``."""
        flop = self.network.step_flops * self.batch_size / 1e9
        return flop / self.seconds, flop / self.floor

    def cells(self) -> tuple[str, ...]:
        """Return the point as a row below ``HEADER``; its last cell is the share of products in a step."""
        return (
            self.sweep,
            f"{self.value:,}",
            f"{self.network.count():,}",
            f"{1e3 * self.seconds:.2f}",
            f"{self.batch_size / self.seconds:,.0f}",
            f"{self.gflops[0]:,.0f}",
            f"{self.floor / self.seconds:.0%}",
        )


def measure(rounds: int, sweeps: dict[str, Sequence[int]]) -> Iterator[Point]:
    """Time every point of the sweeps, mlp and the matrix products in turn."""
    for sweep, values in sweeps.items():
        for value in values:
            width = value if sweep == "width" else WIDTH
            depth = value if sweep == "depth" else DEPTH
            batch = value if sweep == "batch size" else BATCH
            widths = (3072, *itertools.repeat(width, depth), 10)
            network = plan_widths(widths)
            steps = min(max(int(FLOP / (network.step_flops * batch)), MIN_STEPS), EXAMPLES // batch)
            work = Work(widths, batch, batch * steps)
            entries = tuple(Entry(name, work, None, name) for name in ("mlp", "matrix products"))
            mlp, floor = time_race(Race(f"{sweep} {value}", "step", entries), rounds)
            yield Point(sweep, value, batch, network, mlp.seconds / steps, floor.seconds / steps)


def as_text(points: Sequence[Point]) -> str:
    """Return a table for the terminal."""
    return columns([HEADER, *(point.cells() for point in points)], "<>>>>>>")


def as_markdown(points: Sequence[Point]) -> str:
    """Return a table in Markdown, with each sweep named once."""
    lines = [f"| {' | '.join(HEADER)} |", "| --- |" + " ---: |" * 6]
    last = ""
    for point in points:
        sweep, *cells = point.cells()
        lines.append(f"| {'' if sweep == last else sweep} | {' | '.join(cells)} |")
        last = sweep
    return "\n".join(lines)


def draw(points: Sequence[Point], machine: str, path: Path) -> None:
    """Draw the GFLOP/s of mlp and of the matrix products, with a panel for each sweep."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "mlp", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    sweeps = list(dict.fromkeys(point.sweep for point in points))
    figure, axes = pyplot.subplots(1, len(sweeps), figsize=(9, 3), sharey=True, squeeze=False)
    for axis, sweep in zip(axes[0], sweeps, strict=True):
        here = [point for point in points if point.sweep == sweep]
        values = [point.value for point in here]
        axis.plot(values, [point.gflops[1] for point in here], "s--", color="0.6", label="matrix products")
        axis.plot(
            values, [point.gflops[0] for point in here], "o-", color="tab:blue", label="mlp, whole step"
        )
        axis.set_xscale("log", base=2)
        axis.set_xticks(values[:: max(1, len(values) // 4)])
        axis.xaxis.set_major_formatter("{x:.0f}")
        axis.set_xlabel(sweep)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].set_ylim(bottom=0)  # shared by all panels, after drawing them
    axes[0][0].set_ylabel("GFLOP/s")
    axes[0][0].legend(frameon=False)
    figure.suptitle(machine, fontsize=8, color="0.4")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Parse the command line, measure, print and draw."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds to take the median of (default 3)")
    parser.add_argument("--markdown", action="store_true", help="print the table as in docs/speed.md")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw an SVG picture")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: must be at least 1")
    if arguments.picture is not None and find_spec("matplotlib") is None:
        parser.error("--picture needs matplotlib: pip install matplotlib")
    limit_cores()
    machine = describe_machine()
    points = list(measure(arguments.rounds, SWEEPS))
    title = f"{machine['cpu']}; {machine['blas']}; NumPy {machine['numpy']}"
    print(f"{title}\n")
    print(as_markdown(points) if arguments.markdown else as_text(points))
    if arguments.picture is not None:
        draw(points, title, arguments.picture)


if __name__ == "__main__":
    main()
