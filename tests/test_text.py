"""Tables and sizes in text."""

from __future__ import annotations

import pytest

from mlpcli.text import columns, memory


def test_columns_are_aligned_and_leave_no_space_at_the_end() -> None:
    assert columns([["", "n"], ["abc", "1"], ["d", "100"]], "<>") == "       n\nabc    1\nd    100"
    assert columns([["a", ""], ["b", "long"]], "<<") == "a\nb  long"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1233240, "1.23 MB"),
        (999_600, "1,000 kB"),
        (5 * 10**12, "5,000 GB"),
    ],
)
def test_memory(size: int, expected: str) -> None:
    assert memory(size) == expected
