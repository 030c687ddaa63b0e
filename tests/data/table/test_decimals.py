"""Cells become the numbers that Python reads in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.data.table.decimals import find_fields, has_code, have_codes, is_code, parse_decimals

NO_NUMBERS = [
    "",
    " ",
    "x",
    "1_000",
    "1,5",
    "0x10",
    "1e",
    ".",
    "-",
    "e5",
    "1.2.3",
    "--1",
    "NA",
    "1 2",
    "\u00a0",
]
TOO_LARGE = ["inf", "-inf", "nan", "1e39", "1e999", "9" * 400]


@pytest.mark.parametrize("odd", [*NO_NUMBERS, *TOO_LARGE])
def test_what_is_no_number_is_named_by_its_place(odd: str) -> None:
    numbers, places = parse_decimals(["1", "2.5", odd, "3", odd])
    assert places.tolist() == [2, 4]
    assert numbers[[0, 1, 3]].tolist() == [1, 2.5, 3]


SHAPES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-3e38, max_value=3e38).map(repr),
    st.integers(-(10**25), 10**25).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12).map(str),
    st.from_regex(r"[+-]?[0-9]{0,20}[.]?[0-9]{0,22}(e[+-]?[0-9]{1,2})?", fullmatch=True),
    st.text("0123456789.-+e ", max_size=12),
)


@given(st.lists(SHAPES, min_size=1, max_size=30))
@settings(max_examples=examples(500), deadline=None, derandomize=True)
def test_numbers_are_those_that_python_reads(cells: list[str]) -> None:
    numbers, places = parse_decimals(cells)
    for i, cell in enumerate(cells):
        try:
            expected = float(cell)
        except ValueError:
            expected = np.nan
        if abs(expected) <= float(np.finfo(np.float32).max):
            assert i not in places
            assert numbers[i].tobytes() == np.float64(expected).tobytes()
        else:
            assert i in places


def test_a_million_digits_are_read_as_python_reads_them() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [
            rng.normal(size=20_000),
            rng.normal(size=20_000) * 10.0 ** rng.integers(-30, 30, 20_000),
            rng.integers(-(2**62), 2**62, 10_000).astype(float),
            np.round(rng.normal(size=20_000), 3),
        ]
    )
    numbers, places = parse_decimals(list(map(repr, values.tolist())))
    assert not len(places)
    np.testing.assert_array_equal(numbers, values)


@pytest.mark.parametrize("cell", ["007", "02134", " 00 ", "01e5", "\t09"])
def test_a_leading_zero_makes_a_code(cell: str) -> None:
    assert is_code(cell)


@pytest.mark.parametrize("cell", ["0", "0.5", "-0.3", "10", "-07", "00.5", "0e3", "", "NA", "x07"])
def test_other_zeros_make_none(cell: str) -> None:
    assert not is_code(cell)


CELLS = st.one_of(SHAPES, st.from_regex(r" *0{0,3}[0-9]{0,4}[.]?[0-9]? *", fullmatch=True))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
@settings(max_examples=examples(300), deadline=None, derandomize=True)
def test_codes_are_found_in_all_cells_at_once(rows: list[tuple[str, str]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    expected = [any(map(is_code, column)) for column in columns]
    assert list(map(has_code, columns)) == expected
    fields = find_fields("\n".join(columns[0] + columns[1]).encode(), "\n")
    assert have_codes(fields, 2).tolist() == expected
