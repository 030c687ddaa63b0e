"""Learning rate schedules: the factor that multiplies the learning rate as training proceeds.

Each entry of ``SCHEDULES`` makes a `Schedule` from its settings. ``factor(epoch, epochs)`` depends only on
the progress: ``epoch`` counts from 0, with a fraction for the batches done, and ``epochs`` is the total.
Resuming therefore needs no replay. The plateau schedule also depends on the validation scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, log2, pi

__all__ = ["SCHEDULES", "Schedule", "warm"]


@dataclass(frozen=True)
class Schedule:
    """A factor by time, multiplied by ``shrink`` after every ``patience`` epochs without a better score."""

    factor: Callable[[float, float], float]
    patience: int | None = None
    shrink: float = 1.0


def constant() -> Schedule:
    """1 in every epoch."""
    return Schedule(lambda epoch, epochs: 1.0)  # noqa: ARG005


def step(every: int, shrink: float) -> Schedule:
    """shrink**(epoch // every)."""
    return Schedule(lambda epoch, epochs: shrink ** (epoch // every))  # noqa: ARG005


def exponential(shrink: float) -> Schedule:
    """shrink**epoch."""
    return Schedule(lambda epoch, epochs: shrink**epoch)  # noqa: ARG005


def cosine(final: float) -> Schedule:
    """Half a cosine from 1 to final (Loshchilov & Hutter, 2017, without restarts).

    final + (1 - final) (1 + cos(pi epoch / epochs)) / 2.
    """
    return Schedule(lambda epoch, epochs: _glide(1.0, final, epoch / epochs))


def coslog4() -> Schedule:
    """Four cycles from 0 to 1 and back, each twice as long as the one before it (Holzmüller et al., 2024).

    (1 - cos(2 pi log2(1 + 15 epoch / epochs))) / 2.
    """
    return Schedule(lambda epoch, epochs: (1 - cos(2 * pi * log2(1 + 15 * min(epoch / epochs, 1.0)))) / 2)


def one_cycle(rise: float, start: float, final: float) -> Schedule:
    """From ``start`` up to 1 during the share ``rise`` of training, then down to ``final``.

    Each phase follows half a cosine (Smith & Topin, 2018).
    """

    def factor(epoch: float, epochs: float) -> float:
        done = epoch / epochs
        if done < rise:
            return _glide(start, 1.0, done / rise)
        return _glide(1.0, final, (done - rise) / (1 - rise))

    return Schedule(factor)


def plateau(patience: int, shrink: float) -> Schedule:
    """1, multiplied by ``shrink`` after every ``patience`` epochs without a better validation score."""
    return Schedule(lambda epoch, epochs: 1.0, patience, shrink)  # noqa: ARG005


def _glide(a: float, b: float, t: float) -> float:
    """Return a value that goes from a to b along half a cosine as t goes from 0 to 1."""
    return b + (a - b) * (1 + cos(pi * min(t, 1.0))) / 2


def warm(epoch: float, warmup: float) -> float:
    """Return the factor of a warm-up over ``warmup`` epochs: a straight line from 0 to 1, then 1."""
    return min(1.0, epoch / warmup) if warmup else 1.0


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "coslog4": coslog4,
    "one_cycle": one_cycle,
    "plateau": plateau,
}
