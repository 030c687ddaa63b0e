"""Numbers and sums as text: rounded, exact where they have fewer digits, and still adding up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.cli.numerals import Show, pack, products, rounded


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (0.0, 4, "0"),
        (-0.0, 4, "0"),
        (1.0, 4, "1"),
        (-2.5, 4, "-2.5"),
        (np.float32(0.1), 4, "0.1"),
        (1 / 3, 4, "0.3333"),
        (1 / 3, 2, "0.33"),
        (2 / 3000, 4, "0.000667"),
        (2e-9 / 3, 4, "6.6667e-10"),
        (1e7 / 3, 4, "3.3333e+06"),
        (123456.789012, 4, "123456.7890"),
        (5e-324, 9, "5e-324"),
    ],
)
def test_numbers(number: Any, digits: int, text: str) -> None:
    assert rounded(number, digits) == text


def test_numbers_behind_operators() -> None:
    show = Show(2)
    assert [show.factor(value) for value in (-0.5, 0.5, 0)] == ["(-0.5)", "0.5", "0"]
    assert [show.signed(value) for value in (-0.5, 0.5, 0)] == ["- 0.5", "+ 0.5", "+ 0"]
    assert show.fixed(1) == "1.00"


def test_the_largest_terms_and_the_others() -> None:
    x, w = np.arange(1.0, 11), np.ones(10)
    terms = products(x, w, -1.0, 54.0, Show(4), whole=False)
    assert terms == [
        *("6 * 1 [6]", "+ 7 * 1 [7]", "+ 8 * 1 [8]", "+ 9 * 1 [9]", "+ 10 * 1 [10]"),
        *("+ 15 [5 others]", "- 1", "= 54"),
    ]
    assert len(products(x, w, -1.0, 54.0, Show(4), whole=True)) == 12
    assert products(np.zeros(9), np.ones(9), None, 0.0, Show(4), whole=False) == ["0 [9 others]", "= 0"]
    seen = products(np.arange(1.0, 10), np.ones(9), None, 11.0, Show(4), whole=False, seen=np.array([1, 8]))
    assert seen == ["2 * 1 [2]", "+ 9 * 1 [9]", "= 11"]
    few = products(np.array([0, 0, -2.0, *[0] * 7]), w, 1.0, -1.0, Show(4), whole=False)
    assert few == ["-2 * 1 [3]", "+ 0 [9 others]", "+ 1", "= -1"]


def test_lines_go_on_behind_their_label() -> None:
    assert pack("z = ", ["1 * 2", "+ 3 * 4", "= 14"], 16) == ["z = 1 * 2", "    + 3 * 4 = 14"]
    assert pack("z = ", ["1 * 2", "+ 3 * 4", "= 14"], 99) == ["z = 1 * 2 + 3 * 4 = 14"]
