"""What is said of differences, in words and short numbers."""

from __future__ import annotations

from typing import Any

import pytest

from mlpcli.sweep.groups import Contrast, Group, Result
from mlpcli.sweep.student import Difference
from mlpcli.sweep.wording import judge, score_cell, short_names, unit_of, value_text


def difference(
    n: int, m: int, verdict: Any, interval: Difference | None, pairs: int | None = None
) -> Contrast:
    a, b = (
        Group(name, {}, {str(i): Result(str(i), {}, 0.5, {}) for i in range(size)})
        for name, size in (("A", n), ("B", m))
    )
    return Contrast(a, b, 0.0125 if interval is None else interval.value, interval, verdict, pairs)


PAIRED = Difference(0.0125, -0.5, 0.0, 0.4)
WELCH = Difference(-0.00004, -2.0, 0.25, 0.4)


@pytest.mark.parametrize(
    ("one", "score", "expected"),
    [
        (
            difference(5, 6, "not told apart", PAIRED, 5),
            "val_accuracy",
            ("+1.25", "-50.00 to 0.00", "5 pairs", "cannot be told apart with 5 seeds"),
        ),
        (
            difference(5, 6, "larger", WELCH),
            "val_loss",
            ("-4e-05", "-2.0000 to +0.2500", "5 and 6", "larger than the spread over seeds"),
        ),
        (
            difference(5, 6, "by chance", WELCH),
            "val_r2",
            ("-4e-05", "-2.0000 to +0.2500", "5 and 6", "may be chance, as one of 7"),
        ),
        (
            difference(5, 1, "one run", None),
            "val_accuracy",
            ("+1.25", "-", "5 and 1", "one seed of B: nothing can be said"),
        ),
        (
            difference(2, 2, "no spread", None),
            "val_accuracy",
            ("+1.25", "-", "2 and 2", "the same with every seed: no spread"),
        ),
        (
            difference(3, 3, "equal", None, 3),
            "val_accuracy",
            ("+1.25", "-", "3 pairs", "the same with every seed"),
        ),
        (
            difference(2, 7, "equal", None, 2),
            "val_accuracy",
            ("+1.25", "-", "2 pairs", "the same with the 2 seeds that both have"),
        ),
        (
            difference(2, 7, "no spread", None, 2),
            "val_accuracy",
            ("+1.25", "-", "2 pairs", "the same with the 2 seeds that both have: no spread"),
        ),
    ],
)
def test_a_difference_in_words(one: Contrast, score: str, expected: tuple[str, ...]) -> None:
    assert judge(one, score, "seed", 7) == expected


def test_shares_are_told_in_percent_and_their_differences_in_points() -> None:
    assert (score_cell("val_accuracy", 0.9), unit_of("val_accuracy")) == ("90.00%", "points")
    assert (score_cell("val_loss", 0.9), unit_of("val_loss")) == ("0.9000", "difference")
    assert score_cell("val_loss", None) == "-"


def test_values_are_those_of_a_config() -> None:
    assert [value_text(value) for value in (0.0, 1e-5, 1 / 3, [100, 20], None, True, "relu")] == [
        *("0", "1e-05", "0.3333333333333333", "[100, 20]", "null", "true", "relu")
    ]


def test_keys_are_short_where_that_is_clear() -> None:
    assert short_names(["model.hidden", "loss.name", "optimizer.name", "data.fold.number"]) == [
        *("hidden", "loss", "optimizer", "fold")
    ]
    keys = ["optimizer.schedule.factor", "model.init.factor"]
    assert short_names(keys) == keys
