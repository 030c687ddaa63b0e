"""What columns of text hold, part by part."""

from __future__ import annotations

import pytest

from mlpcli.data.table.guesses import Guess, guess, joined


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("1 2.5 -3e2 +4 .5", "number"),
        ("1 ? NA", "number"),
        ("? NA nan", "empty"),
        ("True FALSE", "boolean"),
        ("yes no NA", "boolean"),
        ("0 1", "number"),
        ("1 true", "category"),
        ("2024-05-31 NA", "date"),
        ("2024-05-31T10:00 2024-06-01", "date"),
        ("2024-05-31 soon", "category"),
        ("oak", "category"),
        ("1_000", "category"),
    ],
)
def test_a_guess(cells: str, expected: Guess) -> None:
    assert guess(cells.split()) == expected
    assert guess([f" {cell} " for cell in reversed(cells.split())]) == expected


KINDS: list[Guess] = ["empty", "number", "boolean", "date", "category"]


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("then", KINDS)
def test_two_guesses_in_one(first: Guess, then: Guess) -> None:
    assert joined(first, then) == joined(then, first)
    assert joined(first, first) == first
    assert joined(first, "empty") == first
    assert joined(first, "category") == "category"
    assert joined(joined(first, then), then) == joined(first, then)
