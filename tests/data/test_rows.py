"""What is said of rows: weights that are numbers, one for each row, finite, not below 0 and not all 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.data.rows import DROPPED, NAMELESS, ROLES, Role, facts_of, how_to_keep, read_weights
from mlpcli.errors import DataError


@pytest.mark.parametrize("values", [[1, 0, 2], [[1], [0], [2]], [True, False, True], [0.5, 0, 1e9]])
def test_weights(values: Any) -> None:
    weights = read_weights("w", np.array(values), 3)
    assert weights.dtype == np.float64
    np.testing.assert_array_equal(weights, np.ravel(values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "2", "3"], "w: has dtype <U1; weights are numbers"),
        ([1, 2], r"w: has shape \(2,\); there is one weight for each of 3 rows"),
        ([1, -0.5, 2], r"w\[1\] is -0.5; weights are finite numbers, 0 or more"),
        ([1, 2, np.nan], r"w\[2\] is nan; weights are finite"),
        ([np.inf, 2, 1], r"w\[0\] is inf; weights are finite"),
        ([0, 0, 0], "w: all weights are 0, so that no row counts"),
    ],
)
def test_what_are_no_weights(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        read_weights("w", np.array(values), 3)


def test_groups_splits_and_times() -> None:
    facts = facts_of(
        {
            "group": ("g", np.array(["b", "a", "b"])),
            "split": ("s", np.array(["train", "test", "val"])),
            "time": ("t", np.array(["2024-05-02", "2024-05-01", "2024-05-03"], "datetime64[D]")),
        },
        3,
    )
    assert facts.groups is not None
    assert facts.parts is not None
    assert facts.times is not None
    assert facts.groups.tolist() == [1, 0, 1]
    assert facts.parts.tolist() == [0, 2, 1]
    assert np.argsort(facts.times).tolist() == [1, 0, 2]
    assert len(facts.arrays()) == 3


@pytest.mark.parametrize(
    ("role", "values", "message"),
    [
        ("group", [1.0, np.nan, 2.0], r"c\[1\] is nan; each row has a group"),
        ("group", [1, 2], r"c: has shape \(2,\); there is one group for each of 3 rows"),
        (
            "split",
            ["train", "valid", "Test"],
            "c: holds 'Test', 'valid'; the split of a row is train, val",
        ),
        ("time", ["a", "b", "c"], "c: has dtype <U1; times are numbers or datetime64"),
        ("time", [1.0, np.inf, 2.0], r"c\[1\] is inf; each row has a time"),
    ],
)
def test_what_is_no_group_split_or_time(role: Role, values: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        facts_of({role: ("c", np.array(values))}, 3)


@pytest.mark.parametrize(
    ("dropped", "columns", "kept"),
    [
        ({"u": "holds 1 in every row"}, ["x"], True),
        ({"u": DROPPED, "(column 1)": NAMELESS, "w": ROLES["weight"]}, ["x"], False),
        ({"d year": "holds 1", "d hour": "holds 0"}, ["d month", "d weekday", "d seconds"], False),
        ({"sales year": "holds 1"}, ["x"], True),
        ({}, ["x"], False),
    ],
)
def test_how_columns_are_kept_is_said_of_those_that_can_be(
    dropped: dict[str, str], columns: list[str], kept: bool
) -> None:
    assert how_to_keep(dropped, columns).startswith("To keep a column") == kept
