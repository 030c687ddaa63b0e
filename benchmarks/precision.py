"""``python -m benchmarks.precision``: test scores in bfloat16 beside those in float32, config by config.

Both are trained from the same seeds, which decide the splits, too. Noise is how much the scores in float32
vary from seed to seed.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from typing import Any

from mlpcli.blas import prepare_blas

__all__ = ["CONFIGS", "Compared", "compare", "rows"]

# All that come with mlp; cifar10 needs its data, takes minutes, and is asked for by its name.
CONFIGS = ("blobs", "circles", "digits", "iris", "moons", "peaks", "penguins", "sine", "spiral", "xor")
HEADER = ("config", "score", "float32", "bfloat16", "difference", "within noise")


@dataclass(frozen=True)
class Compared:
    """The scores of a config on its test split, seed by seed, in both precisions."""

    config: str
    measure: str
    float32: list[float]
    bfloat16: list[float]

    @property
    def differences(self) -> list[float]:
        """What bfloat16 scored more, seed by seed."""
        return [b - a for a, b in zip(self.float32, self.bfloat16, strict=True)]

    @property
    def is_within_noise(self) -> bool:
        """Whether bfloat16 changes the mean by no more than what another seed changes: the deviation."""
        return abs(statistics.fmean(self.differences)) <= statistics.stdev(self.float32)


def compare(config: str, seeds: int, **overrides: Any) -> Compared:
    """Train a config from each seed in both precisions."""
    import mlpcli

    found: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    measure = ""
    for seed in range(seeds):
        for precision, scores in found.items():
            changes = {"training.seed": seed, "training.precision": precision, **overrides}
            score = mlpcli.train(config, **changes).score_best()["test"]
            measure = next(name for name in ("accuracy", "r2") if name in score)
            scores.append(score[measure] or 0.0)
    return Compared(config, measure, **found)


def rows(compared: list[Compared]) -> list[list[str]]:
    """Return the rows of the table, the header first: means and standard deviations."""
    table = [list(HEADER)]
    for each in compared:
        parts = (each.float32, each.bfloat16, each.differences)
        told = [f"{statistics.fmean(part):.4f} ± {statistics.stdev(part):.4f}" for part in parts]
        table.append([each.config, each.measure, *told, "yes" if each.is_within_noise else "no"])
    return table


def main() -> None:
    """Parse the command line, train and print the table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("configs", nargs="*", metavar="CONFIG", help=f"default: {', '.join(CONFIGS)}")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of each, at least 2 (default 10)")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds: must be at least 2")
    prepare_blas()
    table = rows([compare(config, arguments.seeds) for config in arguments.configs or CONFIGS])
    print(f"| {' | '.join(table[0])} |\n| --- | --- |{' ---: |' * 3} --- |")
    for cells in table[1:]:
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
