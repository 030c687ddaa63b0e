"""Makes the directory of a sweep, with its runs and its table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlpcli
from mlpcli.sweep.record import SweepRecord, SweepRow, write_record


def make_sweep(
    place: Path, grid: dict[str, Sequence[Any]], seeds: int, config: str = "moons", epochs: int = 3
) -> Path:
    """Train a run for each combination of the ``grid`` and each seed; a run that diverges has failed."""
    place.mkdir(parents=True)
    rows: list[SweepRow] = []
    names: tuple[str, ...] = ()
    for values in itertools.product(*grid.values()):
        for seed in range(seeds):
            number, keys = len(rows) + 1, dict(zip(grid, values, strict=True))
            folder = f"run-{number:02}"
            changes = {**keys, "training.seed": seed, "training.epochs": epochs}
            try:
                run = mlpcli.train(config, out=place / folder, **changes)
            except mlpcli.RunError as error:
                rows.append(SweepRow(number, "failed", seed, keys, None, {}, {}, 0.1, folder, str(error)))
                continue
            best = run.best.checkpoint
            monitored = f"val_{run.experiment.monitor}"
            names = (monitored, *(name for name in best.scores if name != monitored))
            last = {name: run.metrics[-1][name] for name in names}
            scores: dict[str, float | None] = dict(best.scores)
            rows.append(SweepRow(number, "finished", seed, keys, best.epoch, scores, last, 0.1, folder))
    write_record(place / "sweep.csv", SweepRecord(tuple(grid), names, rows))
    return place
