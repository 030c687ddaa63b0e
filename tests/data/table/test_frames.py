"""Data frames are sources like files, by what their columns hold."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from mlpcli.data.table.faults import Faults
from mlpcli.data.table.frames import FrameSource, UnnamedColumns


class Frame:
    """A data frame: columns by name, each an array."""

    def __init__(self, columns: dict[Any, Any]) -> None:
        self.columns = list(columns)
        self._values = columns

    def __getitem__(self, name: Any) -> Any:
        return self._values[name]

    def __len__(self) -> int:
        return len(next(iter(self._values.values())))


class NotAvailable:
    """What pandas has for a missing value: it is not even equal to itself, or not."""

    def __eq__(self, other: object) -> Any:
        return self

    def __ne__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise TypeError


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        (np.array([1, 2]), ["1", "2"]),
        (np.array([1.5, np.nan]), ["1.5", ""]),
        (np.array([True, False]), ["True", "False"]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["a", None], object), ["a", ""]),
        (np.array([NotAvailable(), 7], object), ["", "7"]),
        (np.array(["2024-05-31", "NaT"], "M8[D]"), ["2024-05-31", ""]),
        (np.array(["2024", "2025"], "M8[Y]"), ["2024-01-01", "2025-01-01"]),
        (
            np.array([datetime(2024, 5, 31, 12), date(2024, 6, 1)], object),
            ["2024-05-31T12:00:00", "2024-06-01"],
        ),
    ],
)
def test_values_as_text(values: Any, cells: list[str]) -> None:
    source = FrameSource(Frame({"x": values, 7: [0, 1]}))
    assert source.names == ["x", "7"]
    (rows,) = source.blocks(Faults(source.place))
    assert rows.column(0) == rows.texts(0) == cells
    assert [rows.cell(i, 0) for i in range(2)] == cells
    assert [source.place(line) for line in rows.lines] == ["X: row 0 (from 0)", "X: row 1 (from 0)"]


def test_numbers_of_several_columns() -> None:
    source = FrameSource(Frame({"a": [1, 2, 3], "b": ["4", "x", "6"], "c": np.array([7, np.inf, np.nan])}))
    (rows,) = source.blocks(Faults(source.place))
    numbers, odd = rows.numbers([2, 0, 1])
    assert odd.tolist() == [1, 2, 7]
    assert numbers[0, 0] == 7
    assert numbers[1].tolist() == [1, 2, 3]
    assert numbers[2, [0, 2]].tolist() == [4, 6]


def test_the_columns_of_an_array_get_names() -> None:
    source = FrameSource(UnnamedColumns(np.array([["a", 1], ["b", 2]], object), ["x1", "x2"]))
    assert (source.names, source.rows, source.is_unnamed) == (["x1", "x2"], 2, True)
    assert source.array(1).tolist() == [1, 2]


def test_columns_with_a_type_of_numbers_are_not_guessed_from_their_text() -> None:
    columns = {"a": np.array([1.5, np.nan]), "b": np.array([1, 2]), "c": ["1", "2"], "d": np.ones(2, bool)}
    (rows,) = FrameSource(Frame(columns)).blocks(Faults(str))
    assert [rows.is_numeric(place) for place in range(4)] == [True, True, False, False]
