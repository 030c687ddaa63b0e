"""YAML 1.2: scalars mean what the specification says, and any text ends in a value or a YamlError."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples, some

from mlpcli.config.yaml12 import MAX_DEPTH, Mark, YamlError, read_yaml, write_yaml

quickly = settings(max_examples=examples(200), deadline=None, derandomize=True)

SCALARS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "nULL": "nULL",
    "none": "none",
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "tRUE": "tRUE",
    **{word: word for word in ("on", "off", "yes", "no", "y", "n", "On", "YES", "inf", "nan", "e", "=")},
    "0": 0,
    "-0": 0,
    "+7": 7,
    "-19": -19,
    "010": 10,
    "00": 0,
    "0o10": 8,
    "0o8": "0o8",
    "0x1F": 31,
    "0X1F": "0X1F",
    "-0x1F": "-0x1F",
    "0b11": "0b11",
    "1_000": "1_000",
    "1,000": "1,000",
    "12:30:45": "12:30:45",
    "1:30": "1:30",
    "١٢": "١٢",  # digits, but not ASCII ones
    "9" * 100: int("9" * 100),
    "1e-3": 1e-3,
    "1E+3": 1000.0,
    "-1e3": -1000.0,
    "1.5": 1.5,
    "1.": 1.0,
    ".5": 0.5,
    "-.5e1": -5.0,
    "1e": "1e",
    ".": ".",
    "1.2.3": "1.2.3",
    "1e5x": "1e5x",
    "2001-01-01": "2001-01-01",
    "2001-12-14 21:59:43": "2001-12-14 21:59:43",
    "a # comment": "a",
    "a#b": "a#b",
    "C:\\data": "C:\\data",
    '"1"': "1",
    "'true'": "true",
    '""': "",
    "'~'": "~",
    "'it''s'": "it's",
    r'"\t\x41\u00e9\U0001F600"': "\tAé\U0001f600",
    "\U0001f600": "\U0001f600",
    "[1, on, [~]]": [1, "on", [None]],
    "{a: 1, on: {}}": {"a": 1, "on": {}},
    "<<": "<<",
    "|\n  two\n  lines\n": "two\nlines\n",
    ">-\n  one\n  line\n": "one line",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=map(ascii, SCALARS))
def test_values(text: str, value: Any) -> None:
    for read in (read_yaml(text).data, read_yaml(f"key: {text}\n").data["key"]):
        assert read == value
        assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: .nan", ".nan is not a finite number"),
        ("a: .NaN", ".NaN is not a finite number"),
        ("a: .inf", ".inf is not a finite number"),
        ("a: +.Inf", "+.Inf is not a finite number"),
        ("a: -.INF", "-.INF is not a finite number"),
        ("a: 1e999", "1e999 is too large for a number"),
        ("a: " + "9" * 101, "a number of 101 characters (9999999999...)"),
    ],
)
def test_what_no_config_can_mean(text: str, expected: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)
    assert (caught.value.message, caught.value.mark) == (expected, Mark(1, 4))


def test_every_part_knows_its_place() -> None:
    document = read_yaml('# a comment\nü:\n  - {b: 1, "c d": [x]}\n  -\n')
    assert document.data == {"ü": [{"b": 1, "c d": ["x"]}, None]}
    assert document.keys == {("ü",): Mark(2, 1), ("ü", 0, "b"): Mark(3, 6), ("ü", 0, "c d"): Mark(3, 12)}
    assert document.values[()] == Mark(2, 1)
    assert document.values["ü", 0, "c d", 0] == Mark(3, 20)
    assert document.values["ü", 1] == Mark(4, 4)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028"], ids=ascii)
def test_every_line_break_counts(line_break: str) -> None:
    text = f"a: 1{line_break}b: 2{line_break}"
    assert read_yaml(text).keys["b",] == Mark(2, 1)
    with pytest.raises(YamlError, match="U\\+0007") as caught:
        read_yaml(text + "c: \a")
    assert caught.value.mark == Mark(3, 4)


def test_nesting_has_a_limit() -> None:
    inside = MAX_DEPTH - 1  # lists; the innermost scalar is a level too
    assert read_yaml("[" * inside + "1" + "]" * inside).data
    with pytest.raises(YamlError, match="nested deeper than 64 levels"):
        read_yaml("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)


BOMBS = ["[", "{", "a: ", "- ", "? ", '"', "9", "a:\n", "&a ", "a: ["]


@pytest.mark.parametrize("unit", some(BOMBS, 6))
def test_bombs(unit: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(unit * (1_000_000 // len(unit)))
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "text", ["&{} a", "*{}", "!{} a", "!{}!b a", '{{"{}": 1, "{}": 2}}', "%YAML 1.{}\n--- a"]
)
def test_messages_are_short(text: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text.replace("{}", "1" * 9999).replace("{{", "{").replace("}}", "}"))
    assert len(caught.value.message) < 300


TOKENS = [
    *"[]{}:,-?&*!|>'\"%@`#\\ \t\n\r\0~<=.019exo\ufeff\x85\u2028\ud800é",
    *["a: ", "\n  ", "- ", "? ", "---\n", "...\n", "%YAML ", "%TAG ", "!!str ", "\\x", "\\UFFFFFFFF", ".nan"],
]


@given(st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(TOKENS)).map("".join))
@settings(quickly, max_examples=examples(600))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(YamlError):
        read_yaml(text)


plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([".nan", "1e999", *filter(str.isprintable, SCALARS)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(TOKENS[:30]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain_data)
@quickly
def test_what_is_written_is_read_back(data: Any) -> None:
    assert repr(read_yaml(write_yaml(data)).data) == repr(
        data
    )  # repr tells 1 from 1.0 and from True, and -0.0


def test_written_text_is_for_people() -> None:
    data = {
        "b": {"hidden": [16, 8], "on": "1e-3", "path": "größe.csv"},
        "a": [{"units": 3}],
        "text": "x " * 99,
    }
    assert write_yaml(data).startswith(
        "b:\n  hidden: [16, 8]\n  'on': \"1e-3\"\n  path: größe.csv\na:\n- units: 3\ntext: "
    )
    assert read_yaml(write_yaml(data)).data == data
