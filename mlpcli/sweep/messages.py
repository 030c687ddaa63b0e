"""What a sweep and the processes that train its runs tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from mlpcli.config.schema import Experiment

__all__ = ["Ending", "Outcome", "Progress", "Rung", "Stop", "Task"]

Ending: TypeAlias = Literal["finished", "pruned", "failed", "stopped"]


@dataclass(frozen=True)
class Task:
    """A run to train in a directory, or to go on with if that holds it; ``prunes`` asks after each rung.

    A process is sent a list of them, which it trains side by side as far as the memory has room for them.
    """

    run: int
    experiment: Experiment
    directory: Path
    prunes: bool = False
    force_memory: bool = False


@dataclass(frozen=True)
class Stop:
    """Asks a worker to save the runs at hand, and to end them."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come; ``score`` is the best so far."""

    run: int
    epoch: int
    epochs: int
    score: float | None


@dataclass(frozen=True)
class Rung:
    """The best score of a run so far, at the end of a rung; the answer is whether the run is to end here."""

    run: int
    step: int
    score: float


@dataclass(frozen=True)
class Outcome:
    """How a run has ended; what `SweepRow` has of it.

    Of the time that runs take which are trained side by side, each has its share in its ``seconds``.
    """

    run: int
    status: Ending
    best_epoch: int | None = None
    epochs: int = 0
    best: dict[str, float | None] = field(default_factory=dict)
    last: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    message: str = ""
