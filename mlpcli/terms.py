"""The terms that may be added to the inputs of a network: how many there are, and their names; no NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

__all__ = ["TERMS", "Term", "count_terms", "name_terms"]


class Term(NamedTuple):
    """A function of ``takes`` different inputs, whose names make its own in the ``title``."""

    takes: int
    title: str


# The functions themselves stand in `mlpcli.data.terms.FUNCTIONS`.
TERMS = {
    "square": Term(1, "{}^2"),
    "product": Term(2, "{} * {}"),
    "sine": Term(1, "sin(pi {})"),
}


def count_terms(inputs: int, terms: Iterable[str]) -> int:
    """Return how many numbers the ``terms`` of so many inputs are."""
    return sum(comb(inputs, TERMS[name].takes) for name in terms)


def name_terms(inputs: Sequence[str], terms: Iterable[str]) -> list[str]:
    """Return the names of the ``terms`` of inputs with these names."""
    return [
        TERMS[name].title.format(*some) for name in terms for some in combinations(inputs, TERMS[name].takes)
    ]
