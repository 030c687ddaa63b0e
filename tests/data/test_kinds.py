"""Kinds of columns are plain values, so that data sets and checkpoints can be compared."""

from __future__ import annotations

from mlpcli.data.kinds import BOOLEAN, Kind, category, cell_text


def test_kinds_with_the_same_levels_are_equal() -> None:
    assert category(("no", "yes")) == Kind("category", ("no", "yes")) != category(("yes", "no"))
    assert BOOLEAN.levels == ()


def test_booleans_are_written_as_true_and_false() -> None:
    assert [cell_text(value, BOOLEAN) for value in (0.0, 1.0)] == ["false", "true"]
