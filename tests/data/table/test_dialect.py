"""Numbers of other countries are read by what the config says, or by what whole columns show."""

from __future__ import annotations

import pytest

from mlpcli.data.table.dialect import (
    Dialect,
    guess_numerals,
    how_to_write,
    look_like_dates,
    looks_foreign,
    odd_one,
    question_of,
)

EUROPEAN, SWISS, ENGLISH = Dialect(decimal=",", thousands="."), Dialect(thousands="'"), Dialect(thousands=",")
COMMA, SPACED = Dialect(decimal=","), Dialect(decimal=",", thousands=" ")


@pytest.mark.parametrize(
    ("dialect", "cell", "number"),
    [
        (COMMA, "1,5", "1.5"),
        (COMMA, "-,5", "-.5"),
        (COMMA, " 12 ", "12"),
        (COMMA, "1,5e-3", "1.5e-3"),
        (EUROPEAN, "1.234.567,89", "1234567.89"),
        (EUROPEAN, "1234,5", "1234.5"),
        (EUROPEAN, "-12", "-12"),
        (SWISS, "1'234.5", "1234.5"),
        (ENGLISH, "1,234", "1234"),
        (ENGLISH, "+12,345.6", "+12345.6"),
        (SPACED, "1 234,5", "1234.5"),
        (SPACED, "1\u202f234\u00a0567,5", "1234567.5"),
    ],
)
def test_numbers_are_rewritten(dialect: Dialect, cell: str, number: str) -> None:
    assert dialect.rewrite is not None
    assert dialect.rewrite(cell) == number


@pytest.mark.parametrize("dialect", [COMMA, EUROPEAN, SWISS, ENGLISH, SPACED])
@pytest.mark.parametrize("cell", ["", "NA", "oak, ash", "1,2,3", "12,34,567", "1..2", "-", ",", "1'2"])
def test_what_is_no_number_stays(dialect: Dialect, cell: str) -> None:
    assert dialect.rewrite is not None
    assert dialect.rewrite(cell) == cell


def test_nothing_is_rewritten_without_need() -> None:
    assert Dialect().rewrite is None
    assert Dialect(decimal=".").rewrite is None


@pytest.mark.parametrize(
    ("columns", "decimal", "thousands"),
    [
        (["1,5 2 -3,25"], ",", None),
        (["0,125 0,250"], ",", None),
        (["1,5 2", "a,b c"], ",", None),
        (["1,5 NA ?", "1,234"], ",", None),
        (["1.234,5 12"], ",", "."),
        (["1.234,5 12", "0,5"], ",", "."),
        (["1,234,567 12"], ".", ","),
        (["1,234.5 12", "1.5"], ".", ","),
        (["1,234 5,678"], None, None),
        (["1,5", "1.5"], None, None),
        (["1.5 2"], None, None),
        (["1 2", "a b"], None, None),
        (["1,2,3 4"], None, None),
        (["NA"], None, None),
    ],
)
def test_columns_show_how_numbers_are_written(
    columns: list[str], decimal: str | None, thousands: str | None
) -> None:
    found = guess_numerals(Dialect(";"), [cells.split() for cells in columns])
    assert found == Dialect(";", None, decimal, thousands)


def test_columns_that_are_not_clear() -> None:
    assert looks_foreign(["1,234", "5,678"])
    assert looks_foreign(["1,5", "2"])
    assert not looks_foreign(["1,5", "oak"])
    assert not looks_foreign(["1.5"])
    assert looks_foreign(["1.5"], ",.")


@pytest.mark.parametrize(
    ("texts", "cell", "said"),
    [
        ("529 2,431", "2,431", "Is the comma a decimal point or a separator"),
        ("529 2,431 1,5", "1,5", "The comma is the decimal point"),
        ("529 2,431.5", "2,431.5", "The comma separates thousands"),
        ("1,5 2,431.5", "1,5", "no separator of thousands as in 2,431.5"),
        ("1,5 2.5", "2.5", "Other numbers have a comma"),
        ("950 2.100", "2.100", "If the point separates thousands, set both"),
        ("950 2.5", "2.5", "Other numbers have a comma"),
    ],
)
def test_a_question_about_a_number_shows_one_that_it_is_about(texts: str, cell: str, said: str) -> None:
    shown, question = question_of(texts.split())
    assert shown == cell
    assert said in question


def test_a_point_that_means_nothing_is_no_number() -> None:
    for dialect in (COMMA, EUROPEAN):
        assert dialect.rewrite is not None
        assert dialect.rewrite("1.5") == "1.5 with another decimal point"


def test_numbers_with_a_sign_of_their_own_are_amounts() -> None:
    assert how_to_write(["$1,200.50", "-$3", "€ 7", "12%", "12,5 %", "9€"])
    assert not how_to_write(["12%", "oak"])
    assert not how_to_write(["12", "$"])


def test_numbers_with_one_unit_or_a_printed_minus_are_amounts() -> None:
    assert how_to_write(["12 kg", "1,200.5 kg", "3kg"])
    assert how_to_write(["(12)", "7", "(1,200)"])
    assert how_to_write(["\u22125", "7"])
    assert not how_to_write(["12 kg", "5 lb"])
    assert not how_to_write(["1.2.3", "1.10.3"])
    assert not how_to_write(["555-1234", "555-4321"])


@pytest.mark.parametrize(
    ("texts", "advice"),
    [
        (["1474-", "65"], "with a plain minus"),
        (["2\u202f642,86", "617,14"], "set `data.decimal: ','` and `data.thousands: \" \"`"),
        (["2\u00a0642", "617"], 'set `data.thousands: " "`'),
        (["5'524.29", "11'207.14"], 'set `data.thousands: "\'"`'),
        (["27,71,271", "3,35,035", "12,000"], "without commas between groups"),
        (["10.5K", "3M"], "a unit"),
        (["10:30", "9:15"], "Write times and durations as numbers"),
        (["00:39:56", "00:01:00"], "Write times and durations as numbers"),
        (["555 123 456", "555 654 321"], None),
        (["1,234", "12"], None),
        (["1234", "12.5"], None),
        (["3:1", "2:2"], None),
        ([], None),
    ],
)
def test_numbers_written_with_more_than_digits(texts: list[str], advice: str | None) -> None:
    found = how_to_write(texts)
    assert (found is None) if advice is None else (advice in str(found))


def test_a_cell_is_shown_that_is_no_number() -> None:
    assert odd_one(["65", "1474-"]) == "1474-"
    assert odd_one(["1,2", "65"]) == "1,2"


def test_dates_that_are_not_iso() -> None:
    assert look_like_dates(["3/14/2024", "14.03.24", "14-3-2024 10:30", "2024/03/14"])
    assert not look_like_dates(["3/14/2024", "3/14.2024"])
    assert not look_like_dates(["1.5", "3/4"])
