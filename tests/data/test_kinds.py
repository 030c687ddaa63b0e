"""Kinds of columns are plain values, so that data sets and checkpoints can be compared."""

from __future__ import annotations

import math

from mlpcli.data.kinds import BOOLEAN, Kind, category, cell_text


def test_kinds_with_the_same_levels_are_equal() -> None:
    assert category(("no", "yes")) == Kind("category", ("no", "yes")) != category(("yes", "no"))
    assert BOOLEAN.levels == ()


def test_booleans_are_written_as_true_and_false() -> None:
    assert [cell_text(value, BOOLEAN) for value in (0.0, 1.0)] == ["false", "true"]


def test_whole_numbers_are_written_whole() -> None:
    cells = {1180.0: "1180", -3.0: "-3", 1234.56: "1,235", 0.12345: "0.123", math.nan: "missing"}
    assert [cell_text(value, None) for value in cells] == list(cells.values())
