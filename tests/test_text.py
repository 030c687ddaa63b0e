"""Tables, sizes and words in text."""

from __future__ import annotations

import time

import pytest

from mlpcli.text import (
    clip,
    columns,
    count,
    listed,
    memory,
    nfc,
    percent,
    plain,
    repeated,
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


def test_a_strangers_text_is_one_short_line() -> None:
    assert plain("a\x1b[2J\nb") == r"a\x1b[2J\nb"
    assert len(plain("word " * 1000)) <= 100


def test_the_first_name_that_occurs_twice() -> None:
    assert repeated(["a", "b", "b", "a"]) == "b"
    assert repeated(["a", "b"]) is None


def test_one_text_has_one_spelling() -> None:
    assert nfc("e\u0301te\u0301") == nfc("\xe9te\u0301") == "\xe9t\xe9"
    began = time.perf_counter()
    assert len(nfc("a" + "\u0315\u0300" * 60_000)) == 120_001
    assert time.perf_counter() - began < 1
