"""Faults are reported in the order of lines, the first few of them."""

from __future__ import annotations

import pytest

from mlpcli.data.table.faults import Faults
from mlpcli.errors import DataError


def test_no_faults_are_no_error() -> None:
    Faults("t.csv:{}".format).report()


def test_the_first_faults_are_shown_with_each_hint_once() -> None:
    faults = Faults("t.csv:{}".format)
    for line in (9, 2, 7):
        faults.add(line, "is odd", "Mend it.", f"Hint {line % 2}.")
    with pytest.raises(DataError) as caught:
        faults.report()
    assert str(caught.value).splitlines() == [
        "t.csv:2: is odd",
        "t.csv:7: is odd",
        "t.csv:9: is odd",
        "Mend it.",
        "Hint 0.",
        "Hint 1.",
    ]
    for line in range(10, 20):
        faults.add(line, "is odd")
    with pytest.raises(DataError, match="At most 5 faults are shown at a time") as caught:
        faults.report()
    assert str(caught.value).count("is odd") == 5


def test_a_fault_of_many_rows_leaves_room_for_others() -> None:
    faults = Faults("t.csv:{}".format)
    for line in (9, 3, 5, 7):
        faults.add(line, "column 'y' is 'NA'", "Fill it in.")
    faults.add(4, "column 'x' is empty")
    with pytest.raises(DataError) as caught:
        faults.report()
    assert str(caught.value).splitlines()[:3] == [
        "t.csv:3: column 'y' is 'NA', and so are 3 rows below",
        "t.csv:4: column 'x' is empty",
        "Fill it in.",
    ]
