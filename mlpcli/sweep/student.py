"""Student's t: intervals of means and of differences of means, from a handful of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p, sqrt
from statistics import fmean, variance

__all__ = ["LEVEL", "Difference", "holm", "paired", "quantile", "two_sided", "welch"]

LEVEL = 0.95  # of every interval
_HALVINGS = 200  # more than a float has bits


@dataclass(frozen=True)
class Difference:
    """A difference of two means, its interval from ``low`` to ``high``, and the ``p`` of its t test."""

    value: float
    low: float
    high: float
    p: float


def paired(differences: Sequence[float]) -> Difference:
    """Return the mean of ``differences`` (n,), at least two, with its interval: mean +- t(n - 1) s / sqrt(n).

    Without a spread, the interval is the mean alone, and p is 0, or 1 for a mean of 0.
    """
    n = len(differences)
    return _difference(fmean(differences), sqrt(variance(differences) / n), n - 1)


def welch(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Return mean(a) - mean(b) with its interval; each has at least two values, and a spread of its own.

    The degrees of freedom are those of Welch and Satterthwaite (Welch, Biometrika 34, 1947):
    (u + v)^2 / (u^2 / (n - 1) + v^2 / (m - 1)), where u = s_a^2 / n and v = s_b^2 / m.
    """
    u, v = variance(a) / len(a), variance(b) / len(b)
    parts = u**2 / (len(a) - 1) + v**2 / (len(b) - 1)
    degrees = (u + v) ** 2 / parts if parts else 1.0
    return _difference(fmean(a) - fmean(b), sqrt(u + v), degrees)


def _difference(value: float, error: float, degrees: float) -> Difference:
    """Return a difference whose standard error is ``error``."""
    half = quantile(degrees) * error
    t = abs(value) / error if error else inf if value else 0.0
    return Difference(value, value - half, value + half, two_sided(t, degrees))


def holm(p: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which of several tests hold when all are looked at together (Holm, Scand. J. Statist. 6, 1979).

    The smallest p of m is compared with (1 - level) / m, the next one with (1 - level) / (m - 1), and so on;
    the first that is larger ends it.
    """
    held = [False] * len(p)
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[i] > (1 - level) / (len(p) - rank):
            break
        held[i] = True
    return held


def two_sided(t: float, degrees: float) -> float:
    """Return the probability that Student's t is further from 0 than ``t``, which is not negative."""
    if t == inf:
        return 0.0
    x = t * t / (degrees + t * t)
    return _beta(degrees / 2, 0.5, 1 - x) if x > 0.5 else 1 - _beta(0.5, degrees / 2, x)


def quantile(degrees: float, level: float = LEVEL) -> float:
    """Return the t that is exceeded on either side with the probability 1 - ``level``."""
    low, high = 0.0, 1.0
    while two_sided(high, degrees) > 1 - level:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if two_sided(middle, degrees) > 1 - level:
            low = middle
        else:
            high = middle
    return high


def _beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b) for x up to 1/2.

    It is x^a (1 - x)^b / (a B(a, b)) times the sum of the products of (a + b + k) / (a + 1 + k) x
    (Abramowitz and Stegun, 26.5.4), whose terms are all positive.
    """
    if x <= 0:
        return 0.0
    term = total = 1.0
    k = 0
    while term > total * 1e-17:
        term *= (a + b + k) / (a + 1 + k) * x
        total += term
        k += 1
    factor = a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)
    return min(1.0, exp(factor) * total / a)
