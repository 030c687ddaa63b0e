"""Turns the targets of a regression into what the network learns, and its outputs into their units again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.scaling import Scaling
from mlpcli.errors import DataError

__all__ = ["BENDS", "MOST_KNOTS", "Log", "Quantiles", "TargetTransform"]

Arrays = dict[str, NDArray[np.float64]]

MOST_KNOTS = 1000  # of the curve of a target's quantiles
_HIGHEST = 10  # times the largest training target: what an exponential may come to
_LARGEST_LOG = 700.0  # whose exponential a float64 can hold


@dataclass(frozen=True)
class Log:
    """The logarithm of y + offset; each array is (targets,).

    The ``offset`` is 0 if all training targets are above 0; else, as some are 0, it is half of the smallest
    one above 0. ``least`` and ``most`` are the smallest and the largest y + offset of the training split.
    Smaller targets than half of ``least`` are taken for that. Values that are predicted are not below 0, and
    not above ten times the largest of the training split.
    """

    offset: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]

    @classmethod
    def fit(cls, y: NDArray[np.float64]) -> Log:
        """Measure the training targets (n, targets); raises DataError if there are any below 0."""
        low, high = y.min(axis=0), y.max(axis=0)
        if low.min() < 0:
            below = int(np.count_nonzero((y < 0).any(axis=1)))
            raise DataError(
                f"data.target_transform: log is for targets of 0 or more, and {below:,} of the {len(y):,} "
                f"training examples are below, down to {low.min():g}; use quantile or none"
            )
        smallest = np.min(np.where(y > 0, y, np.inf), axis=0)
        smallest[high == 0] = 1  # all of its targets are 0
        offset = np.where(low > 0, 0, smallest / 2)
        return cls(offset, low + offset, high + offset)

    @staticmethod
    def shapes(targets: int, knots: int) -> dict[str, tuple[int, ...]]:  # noqa: ARG004
        """Return the shapes of the arrays of `to_arrays`."""
        return dict.fromkeys(("offset", "least", "most"), (targets,))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Log:
        """Return what `to_arrays` has described; raises ValueError, which begins with an array's name."""
        log = cls(arrays["offset"], arrays["least"], arrays["most"])
        if not np.all((log.least > 0) & (log.most >= log.least)):
            raise ValueError("least and most are not above 0 and in order")
        return log

    def to_arrays(self) -> Arrays:
        """Return the arrays that a checkpoint keeps; they are not copies."""
        return {"offset": self.offset, "least": self.least, "most": self.most}

    def apply(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return the logarithms (n, targets)."""
        logs: NDArray[np.float64] = np.log(np.maximum(y + self.offset, self.least / 2))
        return logs

    def undo(self, logs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the targets that have these logarithms."""
        shifted = np.exp(np.minimum(logs, _LARGEST_LOG, dtype=np.float64))
        values: NDArray[np.float64] = np.minimum(shifted, _HIGHEST * self.most) - self.offset
        np.maximum(values, 0, out=values)
        return values


@dataclass(frozen=True)
class Quantiles:
    """The normal scores of the training split's quantiles, joined by straight lines.

    The score of a value is that number which as large a share of a standard normal distribution lies below as
    of the training targets, where half of those that are equal to the value count (van der Waerden, 1952).
    ``values`` and ``scores`` are (targets, knots); a target with fewer knots repeats its last one. Beyond its
    ends the curve goes on straight, as steep as it is on average over the outermost unit of the score.
    """

    values: NDArray[np.float64]
    scores: NDArray[np.float64]

    @classmethod
    def fit(cls, y: NDArray[np.float64]) -> Quantiles:
        """Measure the training targets (n, targets)."""
        curves = [_curve(column) for column in y.T]
        knots = max(len(values) for values, _ in curves)
        padded = [
            np.array([np.pad(curve[i], (0, knots - len(curve[i])), mode="edge") for curve in curves])
            for i in range(2)
        ]
        return cls(padded[0], padded[1])

    @staticmethod
    def shapes(targets: int, knots: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays of `to_arrays`."""
        return dict.fromkeys(("values", "scores"), (targets, knots))

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Quantiles:
        """Return what `to_arrays` has described; raises ValueError, which begins with an array's name."""
        values, scores = arrays["values"], arrays["scores"]
        rises = np.sign(np.diff(values))
        in_order = np.array_equal(rises, np.sign(np.diff(scores))) and np.all(rises >= 0)
        if not in_order or np.any(np.diff(rises) > 0):  # only the last knot may be repeated
            raise ValueError("values and scores do not rise together")
        return cls(values, scores)

    def to_arrays(self) -> Arrays:
        """Return the arrays that a checkpoint keeps; they are not copies."""
        return {"values": self.values, "scores": self.scores}

    def apply(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scores (n, targets)."""
        columns = zip(y.T, self.curves, strict=True)
        return np.stack([_follow(column, values, scores) for column, (values, scores) in columns], axis=1)

    def undo(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Return the targets that have these scores."""
        columns = zip(scores.T, self.curves, strict=True)
        return np.stack([_follow(column, known, values) for column, (values, known) in columns], axis=1)

    @cached_property
    def curves(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The curve of each target, with a knot beyond each end."""
        return [_extended(values, scores) for values, scores in zip(self.values, self.scores, strict=True)]


def _curve(column: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return some or all of the values that occur, in order, and their normal scores."""
    ordered = np.sort(column)
    starts = np.flatnonzero(np.append(True, ordered[1:] > ordered[:-1]))
    counts = np.diff(np.append(starts, len(ordered)))
    shares = (starts + counts / 2) / len(ordered)
    normal = NormalDist()
    if len(starts) > MOST_KNOTS:  # about evenly spaced scores
        ends = normal.inv_cdf(shares[0]), normal.inv_cdf(shares[-1])
        wanted = np.array([normal.cdf(score) for score in np.linspace(*ends, MOST_KNOTS)])
        chosen = np.zeros(len(starts), bool)
        chosen[np.searchsorted(shares, wanted[1:-1])] = True
        chosen[[0, -1]] = True
        starts, shares = starts[chosen], shares[chosen]
    return ordered[starts], np.array([normal.inv_cdf(share) for share in shares])


def _extended(
    values: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the knots of a curve without repeated ones, and one more at a unit of score from each end."""
    n = 1 + int(np.count_nonzero(np.diff(scores)))
    values, scores = values[:n], scores[:n]
    if n == 1:  # one value is as good as another
        unit = np.array([-1, 0, 1])
        return values + unit, scores + unit
    first, last = values[0], values[-1]
    inner = np.interp([scores[0] + 1, scores[-1] - 1], scores, values)
    return (
        np.concatenate([[first - (inner[0] - first)], values, [last + (last - inner[1])]]),
        np.concatenate([[scores[0] - 1], scores, [scores[-1] + 1]]),
    )


def _follow(x: NDArray[Any], xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the y (n,) of the line through the points of ``xs`` and ``ys``, which goes on at both ends."""
    x = x.astype(np.float64)
    y: NDArray[np.float64] = np.interp(x, xs, ys)
    for end, inner, beyond in ((0, 1, x < xs[0]), (-1, -2, x > xs[-1])):
        slope = (ys[end] - ys[inner]) / (xs[end] - xs[inner])
        y[beyond] = ys[end] + (x[beyond] - xs[end]) * slope
    return y


BENDS: dict[str, type[Log] | type[Quantiles]] = {"log": Log, "quantile": Quantiles}


@dataclass(frozen=True)
class TargetTransform:
    """A fitted transform of targets (n, targets) into what the network learns: bent, and then standardized.

    ``bend`` is None where the targets are only standardized.
    """

    scaling: Scaling
    bend: Log | Quantiles | None = None

    @classmethod
    def fit(
        cls, kind: str, y: NDArray[Any], rows: NDArray[np.intp], weights: NDArray[np.float64] | None = None
    ) -> TargetTransform:
        """Measure the targets y (n, targets) of the training ``rows``; ``kind`` is none, log or quantile.

        ``weights`` (rows,), all above 0, count for their mean and spread, not for the curve of quantiles.
        Raises DataError if there are targets that the transform is not for.
        """
        if kind not in BENDS:
            return cls(Scaling.fit("standardize", y, rows, weights))
        targets = y[rows].astype(np.float64)
        bend = BENDS[kind].fit(targets)
        bent = bend.apply(targets)
        return cls(Scaling.fit("standardize", bent, np.arange(len(rows)), weights), bend)

    @staticmethod
    def shapes(kind: str, targets: int, knots: int = 1) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays of `to_arrays`; ``knots`` is the number of those of a curve."""
        return Scaling.shapes(targets) | (BENDS[kind].shapes(targets, knots) if kind in BENDS else {})

    @classmethod
    def from_arrays(cls, kind: str, arrays: dict[str, NDArray[Any]]) -> TargetTransform:
        """Return the transform that `to_arrays` has described, from finite arrays of the right `shapes`.

        Raises ValueError, whose text begins with the name of an array, where they cannot be applied.
        """
        wide = {name: array.astype(np.float64) for name, array in arrays.items()}
        return cls(Scaling.from_arrays(wide), BENDS[kind].from_arrays(wide) if kind in BENDS else None)

    def to_arrays(self) -> Arrays:
        """Return the arrays that a checkpoint keeps; they are not copies."""
        return self.scaling.to_arrays() | ({} if self.bend is None else self.bend.to_arrays())

    @cached_property
    def exceeds_float32(self) -> bool:
        """Whether the digits of a float32 would not tell values apart that the network does."""
        if self.bend is None:
            return self.scaling.exceeds_float32
        middle = np.zeros((1, len(self.scaling.shift)))
        low, center, high = (self.undo(middle + step)[0] for step in (-1, 0, 1))
        return Scaling(center, high / 2 - low / 2).exceeds_float32

    def apply(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return what the network learns for the targets y (n, targets); `undo` says what is not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.scaling.apply(y if self.bend is None else self.bend.apply(y))

    def undo(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values in the targets' own units for outputs (n, targets) of the network.

        Those that a float64 cannot hold are not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.scaling.undo(outputs)
            return values if self.bend is None else self.bend.undo(values)
