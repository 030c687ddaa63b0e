"""Squares, products and sines of scaled numbers, as further inputs of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.scaling import Scaling
from mlpcli.errors import DataError
from mlpcli.terms import TERMS, count_terms

__all__ = ["FUNCTIONS", "MOST_TERMS", "Terms", "require_few_terms"]

MOST_TERMS = 10_000
_ROUNDING = 1e-12  # scaled numbers are about 1, and so are terms: what differs by less is like sin(pi), no 0

Numbers = NDArray[np.float64]

# The functions of scaled numbers; each takes as many arrays as its entry in `mlpcli.terms.TERMS` says.
FUNCTIONS: dict[str, Callable[..., Numbers]] = {
    "square": np.square,
    "product": np.multiply,
    "sine": lambda z: np.sin(np.pi * z),  # standardized numbers reach from about -2 to 2: two periods
}


def require_few_terms(columns: int, names: Sequence[str]) -> int:
    """Return how many terms so many columns of numbers have; raises DataError if they are too many."""
    total = count_terms(columns, names)
    if total > MOST_TERMS:
        each = {name: count_terms(columns, [name]) for name in names}
        most = max(each, key=lambda name: each[name])
        raise DataError(
            f"data.terms: {most} of {columns:,} columns of numbers makes {each[most]:,} further inputs"
            + (f", of {total:,} in all" if total > each[most] else "")
            + f"; at most {MOST_TERMS:,} are allowed. Leave it out, or use fewer columns."
        )
    return total


@dataclass(frozen=True)
class Terms:
    """The terms called ``names`` of n scaled numbers, scaled in their turn by ``scaling``.

    A square has no mean of 0 where its number has one, so that the terms need a scaling of their own, by
    statistics of the same rows.
    """

    names: tuple[str, ...]
    scaling: Scaling

    @classmethod
    def fit(
        cls,
        kind: str,
        names: Sequence[str],
        n: int,
        scaled: Callable[[NDArray[np.intp]], Numbers],
        rows: NDArray[np.intp],
        weights: Numbers | None = None,
    ) -> Terms:
        """Measure the terms of some rows, of which ``scaled`` returns the n numbers (rows, n).

        ``kind`` and ``weights`` are as in `Scaling.fit`. Raises DataError if the terms are too many.
        """
        width = require_few_terms(n, names)
        fitted = Scaling.fit(kind, _Computed(names, width, scaled), rows, weights)
        return cls.measured(names, fitted.shift, fitted.scale)

    @classmethod
    def measured(cls, names: Sequence[str], shift: Numbers, scale: Numbers) -> Terms:
        """Return the terms with this middle and spread of each; what is constant is not divided."""
        scaling = Scaling.measured(shift, scale)
        scaling.scale[scaling.scale < _ROUNDING] = 1
        return cls(tuple(names), scaling)

    def apply(self, z: Numbers) -> Numbers:
        """Return the terms (m, terms) of scaled numbers z (m, n)."""
        values = _compute(self.names, z)
        values -= self.scaling.shift
        values /= self.scaling.scale
        return values


@dataclass(frozen=True)
class _Computed:
    """The terms of all rows as a matrix of which rows are computed when they are asked for."""

    names: Sequence[str]
    width: int
    scaled: Callable[[NDArray[np.intp]], Numbers]

    @property
    def shape(self) -> tuple[int, ...]:
        return (0, self.width)

    def __getitem__(self, rows: Any) -> Numbers:
        return _compute(self.names, self.scaled(rows))


def _compute(names: Sequence[str], z: Numbers) -> Numbers:
    """Return the terms (m, terms) of scaled numbers z (m, n), before they are scaled."""
    n = z.shape[1]
    values = np.empty((len(z), count_terms(n, names)))
    start = 0
    for name in names:
        places = _places(n, TERMS[name].takes)
        end = start + places.shape[1]
        values[:, start:end] = FUNCTIONS[name](*(z[:, some] for some in places))
        start = end
    return values


@cache
def _places(n: int, takes: int) -> NDArray[np.intp]:
    """Return the places (takes, combinations) of different numbers out of n."""
    found: NDArray[np.intp] = np.array([*combinations(range(n), takes)], np.intp).reshape(-1, takes).T
    return found
