"""Which cases of a table the usual suite tests, and how many examples: a part of what CI does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

is_usual = True  # set by conftest.py


def some(cases: Iterable[Any], every: int) -> list[Any]:
    """Return cases as parameters of which the first and each ``every``-th after it are in the usual suite."""
    return [
        pytest.param(case, marks=pytest.mark.exhaustive if i % every else ()) for i, case in enumerate(cases)
    ]


def only(usual: Collection[Any], cases: Collection[Any]) -> list[Any]:
    """Return cases as parameters of which those that are ``usual`` are in the usual suite."""
    assert set(usual) <= set(cases)
    return [pytest.param(case, marks=() if case in usual else pytest.mark.exhaustive) for case in cases]


def examples(n: int) -> int:
    """Return how many examples Hypothesis tries: ``n``, in the usual suite a fifth of them."""
    return max(1, n // 5) if is_usual else n
