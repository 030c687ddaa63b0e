"""Dates are taken apart as the calendar has them, and no other text is taken for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from usual import examples

from mlpcli.data.table.dates import (
    DATE_PARTS,
    DateOrder,
    Dates,
    columns_of_table,
    date_of,
    is_date,
    settle_orders,
)
from mlpcli.data.table.faults import Faults
from mlpcli.errors import DataError


def take_apart(cells: Sequence[str], order: DateOrder | None = None) -> tuple[NDArray[np.float64], list[int]]:
    return Dates(order).read(cells, range(2, len(cells) + 2))


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
        ("2024/05/31", [2024, 5, 4, 0, 1717113600]),
        ("2024.5.31", [2024, 5, 4, 0, 1717113600]),
        ("31.05.2024", [2024, 5, 4, 0, 1717113600]),
        ("03.05.2024", [2024, 5, 4, 0, 1714694400]),
        ("31/5/2024", [2024, 5, 4, 0, 1717113600]),
        ("5/31/2024", [2024, 5, 4, 0, 1717113600]),
        ("5/31/2024 1:45 PM", [2024, 5, 4, 13, 1717163100]),
        ("5/31/2024 12:00 am", [2024, 5, 4, 0, 1717113600]),
        ("5-31-2024 13:45:30", [2024, 5, 4, 13, 1717163130]),
        ("May 31 2024", [2024, 5, 4, 0, 1717113600]),
        ("May 31, 2024", [2024, 5, 4, 0, 1717113600]),
        ("31 May 2024", [2024, 5, 4, 0, 1717113600]),
        ("31-MAY-2024", [2024, 5, 4, 0, 1717113600]),
        ("31st May 2024", [2024, 5, 4, 0, 1717113600]),
        ("Jan 1 1970", [1970, 1, 3, 0, 0]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", [1970, 1, 3, 0, 0]),
        ("September 1, 1970", [1970, 9, 1, 0, 20995200]),
        ("NA", [np.nan] * 5),
        ("", [np.nan] * 5),
    ],
)
def test_dates(cell: str, parts: list[float]) -> None:
    found, odd = take_apart([cell, "2000-01-01"])
    np.testing.assert_array_equal(found[:, 0], parts)
    assert odd == []


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda d: d.replace(microsecond=0)))
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_any_date_is_that_of_the_calendar(when: datetime) -> None:
    (found,) = take_apart([when.isoformat()])[0].T
    seconds = when.replace(tzinfo=timezone.utc).timestamp()
    assert found.tolist() == [when.year, when.month, when.weekday(), when.hour, seconds]


@pytest.mark.parametrize(
    "cell",
    [
        *("2024-02-30", "2024-13-01", "12", "soon", "2024-05-31 25:00", "0000-01-01", "5.31.2024"),
        *("31.5.24", "2024-05/31", "5/31/2024 13:45 PM", "31 Mai 2024", "May 32 2024", "5550100"),
        *("1/2", "1/2/12", "13/13/2024", "2024", "May 2024", "Maybe 31 2024", "1.2.3", "10-12"),
        *("12:30", "Jan", "1/2/2012x", "192.168.1.2024"),
    ],
)
def test_what_is_no_date_is_named_by_its_place(cell: str) -> None:
    assert take_apart(["2024-05-31", cell])[1] == [1]


def test_the_columns_of_a_date() -> None:
    assert [date_of(f"due at {part}") for part in DATE_PARTS] == ["due at"] * 5
    assert date_of("seconds") is None or date_of("seconds") == ""
    assert date_of("due day") is None


WRITTEN = ["{0}/{1}/{2}", "{0}-{1}-{2}", "{0:02}/{1:02}/{2}"]


@given(
    st.lists(st.dates(datetime(1000, 1, 1).date(), datetime(9999, 12, 31).date()), min_size=1, max_size=9),
    st.sampled_from(WRITTEN),
    st.booleans(),
)
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_a_column_shows_whether_the_day_comes_first(
    dates: list[datetime], form: str, day_first: bool
) -> None:
    """Read as often as it takes, the column has its dates, or says that it cannot know."""
    cells = [form.format(*((d.day, d.month) if day_first else (d.month, d.day)), d.year) for d in dates]
    column, faults = Dates(), Faults("t.csv:{}".format)
    for _ in range(2):
        column.reset()
        parts = [column.read([cell], [i + 2])[0][:, 0] for i, cell in enumerate(cells)]
        if not column.corrected:
            break
    assert not column.corrected
    settle_orders([("when", column)], faults)
    clear = any(d.day > 12 for d in dates) or all(d.day == d.month for d in dates)
    assert (len(faults) == 0) == clear
    if clear:
        assert [part[:3].tolist() for part in parts] == [[d.year, d.month, d.weekday()] for d in dates]


@pytest.mark.parametrize("order", ["dmy", "mdy"])
def test_a_column_that_does_not_show_it_follows_the_others(order: DateOrder) -> None:
    open_one, other, faults = Dates(), Dates(), Faults("t.csv:{}".format)
    open_one.read(["1/2/2012"], [2])
    other.read(["3/14/2012" if order == "mdy" else "14/3/2012"], [2])
    settle_orders([("due", open_one), ("when", other)], faults)
    assert (len(faults), open_one.order, open_one.corrected) == (0, order, order == "mdy")
    assert open_one.read(["1/2/2012"], [2])[0][1].tolist() == [2 if order == "dmy" else 1]


def test_rows_for_a_trained_network_cannot_be_told_the_order() -> None:
    column, faults = Dates(), Faults("t.csv:{}".format)
    column.read(["1/2/2012"], [2])
    settle_orders([("when", column)], faults, known=True)
    with pytest.raises(DataError, match="write dates as 2024-05-31") as found:
        faults.report()
    assert "data.dates" not in str(found.value)


def test_what_nothing_decides_is_refused_with_what_to_write() -> None:
    column, faults = Dates(), Faults("t.csv:{}".format)
    column.read(["2/2/2012", "1/2/2012", "NA"], [2, 3, 4])
    settle_orders([("when", column)], faults)
    with pytest.raises(DataError, match=r"t.csv:3: column 'when' is '1/2/2012', .*\nSet `data.dates`"):
        faults.report()


def test_a_day_that_comes_second_is_no_date_where_it_comes_first() -> None:
    assert take_apart(["31/5/2024", "5/31/2024"])[1] == [1]
    assert take_apart(["31/5/2024"], "mdy")[1] == [0]


@pytest.mark.parametrize("text", ["2024-05-31", "31.5.2024", "1/2/2012", "Jan 1 1970", "1 May 1970 08:30"])
def test_dates_are_known_as_such(text: str) -> None:
    assert is_date(text)


def test_parts_of_a_date_are_one_column_of_the_table() -> None:
    parts = [f"when {part}" for part in DATE_PARTS]
    assert columns_of_table(["x", *parts, "birth year", "end seconds"]) == [
        "x",
        "when",
        "birth year",
        "end seconds",
    ]
    assert columns_of_table(parts[1:]) == ["when"]  # a part that tells nothing is left out
