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
