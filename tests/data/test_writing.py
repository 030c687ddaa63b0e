"""Cells of CSV: each reads back to the same number or text."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.data.writing import number_cell, text_cell


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_numbers_read_back(kind: Any, data: st.DataObject) -> None:
    number = kind(
        data.draw(st.floats(allow_nan=False, allow_infinity=False, width=32 if kind is np.float32 else 64))
    )
    assert kind(number_cell(number)) == number


CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")  # which no reader of CSV takes before 3.11


@given(texts=st.lists(st.text(CHARACTERS, min_size=1), min_size=1, max_size=4))
@settings(max_examples=examples(200), deadline=None, derandomize=True)
def test_texts_read_back(texts: list[str]) -> None:
    line = ",".join(map(text_cell, texts)) + "\n"
    read = next(csv.reader([line])) if "\n" not in line[:-1] and "\r" not in line else None
    assert read in (None, texts)


def test_cells_are_short() -> None:
    assert number_cell(np.float32(0.1)) == "0.1"
    assert number_cell(np.float64(1e20)) == "1e+20"
    assert text_cell("plain") == "plain"
    assert text_cell('a "b", c') == '"a ""b"", c"'
    assert text_cell("a\rb") == '"a\rb"'
