"""Puts results into groups that differ in nothing but seeds, ranks them, and judges their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from math import isclose
from statistics import fmean, stdev
from typing import Any, Literal, TypeAlias

from mlpcli.config.differences import as_text, find_differences, is_repeated
from mlpcli.sweep.student import Difference, holm, paired, welch

__all__ = ["Contrast", "Group", "Result", "Verdict", "contrast", "group_results"]

_FEW = 3  # groups, of which each is compared with each
_LEAST_PAIRS = 3  # that are worth leaving seeds out that only one group has

Repeat: TypeAlias = str  # the values of all keys that repeat a training, as text
Verdict: TypeAlias = Literal["larger", "by chance", "not told apart", "no spread", "equal", "one run"]


@dataclass(frozen=True)
class Result:
    """What one training came to: its dotted keys, its ``score``, and others that are shown ``beside`` it."""

    name: str
    keys: Mapping[str, Any]
    score: float
    beside: Mapping[str, float | None]

    @cached_property
    def repeat(self) -> Repeat:
        """Its seeds, and its fold in a cross-validation."""
        return as_text({key: value for key, value in self.keys.items() if is_repeated(key)})

    @cached_property
    def group(self) -> str:
        """All its other keys."""
        return as_text({key: value for key, value in self.keys.items() if not is_repeated(key)})


@dataclass(frozen=True)
class Group:
    """Results that differ in nothing but seeds or folds.

    ``name`` is a letter, by rank. ``values`` are those of the keys in which groups differ, as far as this one
    has them.
    """

    name: str
    values: dict[str, Any]
    results: dict[Repeat, Result]

    @cached_property
    def scores(self) -> dict[Repeat, float]:
        """The score for each seed."""
        return {repeat: result.score for repeat, result in self.results.items()}

    @cached_property
    def mean(self) -> float:
        """The mean of the scores."""
        return fmean(self.scores.values())

    @cached_property
    def spread(self) -> float | None:
        """The standard deviation of the scores (that of a sample); None for a single one."""
        return stdev(self.scores.values()) if len(self.scores) > 1 else None

    def mean_beside(self, name: str) -> float | None:
        """Return the mean of another score; None if a result does not have it."""
        values = [result.beside.get(name) for result in self.results.values()]
        known = [value for value in values if value is not None]
        return fmean(known) if len(known) == len(values) else None


@dataclass(frozen=True)
class Contrast:
    """The difference a - b of two groups' scores, and the verdict on it.

    The verdict is "larger" than the spread over seeds, or larger by itself but not among all comparisons that
    were made ("by chance"), or the groups are "not told apart". Where there is nothing to measure the spread
    by, ``interval`` is None, and it is that there is only "one run" in a group, or that the differences have
    "no spread", or that the scores are "equal". ``pairs`` is the number of seeds of both groups whose
    differences were taken; None where it is the difference of the means of all.
    """

    a: Group
    b: Group
    value: float
    interval: Difference | None
    verdict: Verdict
    pairs: int | None = None

    @property
    def is_judged(self) -> bool:
        """Whether both groups have several seeds, so that this is one of those that are judged together."""
        return self.verdict != "one run"


def group_results(
    results: Sequence[Result], *, higher_is_better: bool
) -> tuple[list[str], list[Group], list[tuple[Result, Result]]]:
    """Return the keys in which groups differ, the groups, best first, and each result that is there twice.

    Of those with the same keys and seeds, the first by name counts. The order of the results does not matter.
    """
    groups: dict[str, dict[Repeat, Result]] = {}
    twice = []
    for result in sorted(results, key=lambda result: result.name):
        members = groups.setdefault(result.group, {})
        if result.repeat in members:
            twice.append((members[result.repeat], result))
        else:
            members[result.repeat] = result
    one_of_each = [next(iter(members.values())).keys for members in groups.values()]
    keys = [key for key in find_differences(one_of_each) if not is_repeated(key)]
    sign = -1 if higher_is_better else 1

    def rank(group: str) -> tuple[float, str]:
        return sign * fmean(result.score for result in groups[group].values()), group

    ranked = [
        Group(
            _letters(i),
            {key: first.keys[key] for key in keys if key in first.keys},
            dict(sorted(groups[group].items())),
        )
        for i, group in enumerate(sorted(groups, key=rank))
        for first in [next(iter(groups[group].values()))]
    ]
    return keys, ranked, twice


def _letters(i: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    return (_letters(i // 26 - 1) if i >= 26 else "") + chr(ord("A") + i % 26)


def contrast(groups: Sequence[Group]) -> list[Contrast]:
    """Return the differences of up to three groups, each against each, or of the first against all others.

    Which of them are larger than the spread is decided for all of them together, by `holm`. One without a
    spread is no evidence, but was looked at, too, and counts with p = 1.
    """
    pairs = combinations(groups, 2) if len(groups) <= _FEW else ((groups[0], other) for other in groups[1:])
    found = [_measure(a, b) for a, b in pairs]
    held = iter(holm([1.0 if one.interval is None else one.interval.p for one in found if one.is_judged]))
    return [_judge(one, held=next(held)) if one.is_judged else one for one in found]


def _judge(one: Contrast, *, held: bool) -> Contrast:
    if one.interval is None:
        return one
    if held:
        return replace(one, verdict="larger")
    is_beside_zero = one.interval.low > 0 or one.interval.high < 0
    return replace(one, verdict="by chance" if is_beside_zero else "not told apart")


def _measure(a: Group, b: Group) -> Contrast:
    """Return the difference of two groups, in pairs if at least three seeds agree, or all of one group."""
    common = [repeat for repeat in a.scores if repeat in b.scores]
    fewer = min(len(a.scores), len(b.scores))
    if fewer < 2:
        return Contrast(a, b, a.mean - b.mean, None, "one run")
    pairs = len(common) if len(common) >= _LEAST_PAIRS or len(common) == fewer else None
    if pairs is not None:
        differences = [a.scores[repeat] - b.scores[repeat] for repeat in common]
        interval = paired(differences)
        is_constant = _are_close(differences)
    else:
        ours, theirs = list(a.scores.values()), list(b.scores.values())
        interval = welch(ours, theirs)
        is_constant = _are_close(ours) and _are_close(theirs)
    if is_constant:
        equal = isclose(interval.value, 0, abs_tol=1e-12)
        return Contrast(a, b, interval.value, None, "equal" if equal else "no spread", pairs)
    return Contrast(a, b, interval.value, interval, "not told apart", pairs)


def _are_close(values: Sequence[float]) -> bool:
    """Return whether values are the same but for their last digits."""
    return all(isclose(value, values[0], rel_tol=1e-9, abs_tol=1e-12) for value in values)
