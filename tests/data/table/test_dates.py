"""ISO dates are taken apart as the calendar has them."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data.table.dates import DATE_PARTS, date_of, take_apart


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("1970-01-01", [1970, 1, 3, 0, 0]),
        ("2024-05-31T13:45:30", [2024, 5, 4, 13, 1717163130]),
        (" 2024-05-31 13:45 ", [2024, 5, 4, 13, 1717163100]),
        ("2024-05-31T13:45:30.25Z", [2024, 5, 4, 13, 1717163130.25]),
        ("2024-05-31T13:45:30,25", [2024, 5, 4, 13, 1717163130.25]),
        ("2024-05-31T13:45:30+02:00", [2024, 5, 4, 13, 1717155930]),
        ("2024-05-31T13:45:30-0130", [2024, 5, 4, 13, 1717168530]),
        ("2024-05-31 13:45:30 UTC", [2024, 5, 4, 13, 1717163130]),
        ("NA", [np.nan] * 5),
        ("", [np.nan] * 5),
    ],
)
def test_dates(cell: str, parts: list[float]) -> None:
    found, odd = take_apart([cell, "2000-01-01"])
    np.testing.assert_array_equal(found[:, 0], parts)
    assert odd == []


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda d: d.replace(microsecond=0)))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_date_is_that_of_the_calendar(when: datetime) -> None:
    (found,) = take_apart([when.isoformat()])[0].T
    seconds = when.replace(tzinfo=timezone.utc).timestamp()
    assert found.tolist() == [when.year, when.month, when.weekday(), when.hour, seconds]


@pytest.mark.parametrize(
    "cell",
    ["2024-02-30", "2024-13-01", "31.05.2024", "12", "soon", "2024-05-31 25:00", "0000-01-01"],
)
def test_what_is_no_date_is_named_by_its_place(cell: str) -> None:
    assert take_apart(["2024-05-31", cell])[1] == [1]


def test_the_columns_of_a_date() -> None:
    assert [date_of(f"due at {part}") for part in DATE_PARTS] == ["due at"] * 5
    assert date_of("seconds") is None or date_of("seconds") == ""
    assert date_of("due day") is None
