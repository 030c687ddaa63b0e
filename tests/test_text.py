"""Tables, sizes and words in text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.text import (
    clip,
    columns,
    count,
    escaped,
    listed,
    memory,
    nfc,
    percent,
    printable,
    repeated,
    rounded,
    shell_path,
    shortened,
    some,
)


def test_columns_are_aligned_and_leave_no_space_at_the_end() -> None:
    assert columns([["", "n"], ["abc", "1"], ["d", "100"]], "<>") == "       n\nabc    1\nd    100"
    assert columns([["a", ""], ["b", "long"]], "<<") == "a\nb  long"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1233240, "1.23 MB"),
        (999_600, "1,000 kB"),
        (5 * 10**12, "5,000 GB"),
    ],
)
def test_memory(size: int, expected: str) -> None:
    assert memory(size) == expected


def test_small_words() -> None:
    assert (count(1, "feature"), count(2000, "feature")) == ("1 feature", "2,000 features")
    assert (percent(0.5), percent(None)) == ("50.00%", "-")
    assert (clip("setosa", 6), clip("versicolor", 6)) == ("setosa", "ver~or")
    assert clip("\x1b[2J", 10) == "\\x1b[2J"


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("a/b.csv", "a/b.csv"),
        ("-a.csv", "./-a.csv"),
        ("-a b", "'./-a b'"),
        ("a'b", "'a'\"'\"'b'"),
        ("", "''"),
    ],
)
def test_a_path_as_an_argument(path: str, argument: str) -> None:
    assert shell_path(path) == argument


@pytest.mark.parametrize(
    ("names", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b, ...")]
)
def test_of_many_names_the_first(names: list[str], expected: str) -> None:
    assert some(names, 2) == expected


def test_texts_of_files_are_quoted_on_one_short_line() -> None:
    assert shortened("a\nb") == r"'a\nb'"
    assert shortened("x" * 50) == repr("x" * 50)
    assert shortened("x" * 51) == repr("x" * 47 + "...")
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed([str(i) for i in range(1000)]).endswith("'9', ... (1,000 in all)")


# Letters, marks and emoji of every kind: a joiner shapes what stands around it.
KEPT = {
    "accents": "na\u00efve e\u0301",
    "Arabic": "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Devanagari": "\u0915\u094d\u200d\u0937",
    "Chinese": "\u9e22\u5c3e",
    "a variant": "\u845b\U000e0100",
    "emoji": "\U0001f600",
    "a heart": "\u2764\ufe0f",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a skin": "\U0001f44d\U0001f3fd",
}
UNSEEN = {
    "NUL": "\0",
    "BEL": "\a",
    "ESC": "\x1b",
    "carriage return": "\r",
    "backspace": "\b",
    "DEL": "\x7f",
    "C1's CSI": "\x9b",
    "soft hyphen": "\xad",
    "right to left": "\u202e",
    "isolate": "\u2066",
    "mark": "\u200f",
    "Arabic mark": "\u061c",
    "zero width": "\u200b",
    "joiner between ASCII": "\u200d",
    "byte order mark": "\ufeff",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "tag": "\U000e0041",
    "half a pair": "\ud800",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == escaped(text) == clip(text, 20) == text
    assert shortened(text) == f"'{text}'"


@pytest.mark.parametrize("sign", UNSEEN.values(), ids=UNSEEN)
def test_what_nobody_sees_is_escaped(sign: str) -> None:
    text = f"a{sign}b"
    assert printable(text) == (f"a\\u{ord(sign):04x}b" if ord(sign) < 0x10000 else f"a\\U{ord(sign):08x}b")
    assert escaped(text) == clip(text, 20) == repr(text)[1:-1]
    assert shortened(text) == repr(text)


def test_lines_and_tabs_are_printable() -> None:
    assert printable("a\n\tb\n") == "a\n\tb\n"
    assert escaped("a\n\tb\xa0c") == r"a\n\tb\xa0c"


@given(st.text(max_size=60))
def test_any_text_can_be_shown(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    assert printable(escaped(text)) == escaped(text)
    assert "\n" not in escaped(text)
    if len(text) <= 50 and escaped(text) == repr(text)[1:-1]:
        assert shortened(text) == repr(text) or len(repr(text)) > 100
    assert len(shortened(text)) <= 102


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x1b" * 1_000_000, "\U000e0041" * 1_000_000])
def test_a_megabyte_is_short(text: str) -> None:
    assert len(clip(text, 40)) == 40
    assert len(shortened(text)) < 150
    assert shortened(text).endswith("...' (1,000,000 characters)")


def test_the_first_name_that_occurs_twice() -> None:
    assert repeated(["a", "b", "b", "a"]) == "b"
    assert repeated(["a", "b"]) is None


def test_one_text_has_one_spelling() -> None:
    assert nfc("e\u0301te\u0301") == nfc("\xe9te\u0301") == "\xe9t\xe9"
    began = time.perf_counter()
    assert len(nfc("a" + "\u0315\u0300" * 60_000)) == 120_001
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.12649, "0.126"), (2, "2"), (999.4, "999"), (999.6, "1,000"), (-1445.2, "-1,445"), (2e13, "2e+13")],
)
def test_a_number_of_a_sentence(value: float, expected: str) -> None:
    assert rounded(value) == expected
