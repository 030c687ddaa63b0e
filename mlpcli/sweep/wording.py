"""Says in words and short numbers what a comparison of groups has found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

from mlpcli.nn.measures import MEASURES
from mlpcli.sweep.groups import Contrast
from mlpcli.sweep.student import quantile
from mlpcli.text import count, number
from mlpcli.training.evaluation import score_text

if TYPE_CHECKING:
    from mlpcli.sweep.compare import Comparison

__all__ = ["judge", "says_nothing", "score_cell", "short_names", "sum_up", "unit_of", "value_text"]


_FEW = 3  # differences, of which each is told even where nothing can be said


def score_cell(score: str, value: float | None) -> str:
    """Return the value of a score, as val_accuracy, or a dash."""
    return score_text(score.partition("_")[2], value)


def value_text(value: Any) -> str:
    """Return the value of a key as a config has it."""
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short_names(keys: Sequence[str]) -> list[str]:
    """Return the last part of each dotted key; of a name, and where two are the same, the whole key."""

    def last(key: str) -> str:
        section, _, short = key.rpartition(".")
        return section.rpartition(".")[2] if short in ("name", "number") and section else short

    named = Counter(map(last, keys))
    return [last(key) if named[last(key)] == 1 else key for key in keys]


def unit_of(score: str) -> str:
    """Return what differences of a score are called: points, if it is shown in percent."""
    return "points" if _is_share(score) else "difference"


def judge(one: Contrast, score: str, repeated: str, comparisons: int) -> tuple[str, str, str, str]:
    """Return the difference of two groups, its interval, what it is taken from, and a sentence on it.

    ``comparisons`` is how many were judged together.
    """
    is_share = _is_share(score)
    value = _signed(one.value, is_share=is_share)
    n, m = len(one.a.results), len(one.b.results)
    pairs = one.pairs
    by = f"{n} and {m}" if pairs is None else count(pairs, "pair")
    if one.interval is None:
        return value, "-", by, _unmeasured(one, repeated)
    low, high = (_signed(end, is_share=is_share) for end in (one.interval.low, one.interval.high))
    said = {
        "larger": f"larger than the spread over {repeated}s",
        "by chance": f"may be chance, as one of {comparisons}",
        "not told apart": f"cannot be told apart with {by if pairs is None else pairs} {repeated}s",
    }[one.verdict]
    return value, f"{low} to {high}", by, said


def _unmeasured(one: Contrast, repeated: str) -> str:
    n, m = len(one.a.results), len(one.b.results)
    if one.verdict in ("equal", "no spread"):
        is_part = one.pairs is not None and one.pairs < max(n, m)
        which = f"the {one.pairs} {repeated}s that both have" if is_part else f"every {repeated}"
        return f"the same with {which}" + (": no spread" if one.verdict == "no spread" else "")
    if n == m == 1:
        return f"one {repeated} each: nothing can be said"
    return f"one {repeated} of {one.a.name if n == 1 else one.b.name}: nothing can be said"


def _is_share(score: str) -> bool:
    measure = MEASURES.get(score.partition("_")[2])
    return measure is not None and measure.is_share


def _signed(value: float, *, is_share: bool) -> str:
    """Return a difference with its sign: of shares in hundredths, as 1.33 for 0.0133."""
    text = f"{abs(100 * value):.2f}" if is_share else number(abs(value))
    return text if float(text) == 0 else f"{'-' if value < 0 else '+'}{text}"


def says_nothing(found: Comparison) -> bool:
    """Return whether there are many differences, of which no single one can be judged."""
    return len(found.contrasts) > _FEW and all(one.verdict == "one run" for one in found.contrasts)


def sum_up(found: Comparison) -> Iterator[str]:
    """Yield what a reader has to know about the differences."""
    repeated = found.repeated
    if says_nothing(found):
        yield (
            f"There is one {repeated} of each, so nobody can say how much of the differences is luck. Train "
            f"the best ones with five {repeated}s or more."
        )
    elif any(one.verdict == "one run" for one in found.contrasts):
        yield f"Train each group with more {repeated}s, best five or more, to see the spread over them."
    measured = [one for one in found.contrasts if one.interval is not None]
    if any(min(len(one.a.results), len(one.b.results)) == 2 for one in measured):
        yield (
            f"With 2 {repeated}s an interval reaches {_reach(2):.0f} standard deviations to either side, "
            f"with 3 it reaches {_reach(3):.1f}, and with 5 it reaches {_reach(5):.1f}. "
            f"Two {repeated}s say next to nothing."
        )
    if measured and found.judged > 1:
        yield f"Each interval is for itself; the {found.judged} verdicts are for all together (Holm)."
    if len(found.contrasts) > _FEW and not says_nothing(found):
        yield (
            f"{found.groups[0].name} is the best of {len(found.groups)} by these very scores, so its lead "
            f"looks larger than it is; new {repeated}s would show it as it is."
        )


def _reach(n: int) -> float:
    """Return half the width of an interval of n differences, in their standard deviations."""
    return quantile(n - 1) / sqrt(n)
