"""What a Python caller gives becomes plain values: copies, and nothing that a YAML file cannot hold."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.config.values import copy_value
from mlpcli.errors import ConfigError

PLAIN: dict[str, tuple[Any, Any]] = {
    "None": (None, None),
    "a truth": (True, True),
    "a string": ("on", "on"),
    "the longest number": (10**100 - 1, 10**100 - 1),
    "a tuple": ((1, (2, 3)), [1, [2, 3]]),
    "a mapping": (OrderedDict(a=1), {"a": 1}),
    "a path": (Path("a") / "b", str(Path("a") / "b")),
    "an integer of NumPy": (np.uint8(3), 3),
    "a float of NumPy": (np.float64(0.1), 0.1),
    "a truth of NumPy": (np.bool_(False), False),
    "a string of NumPy": (np.str_("relu"), "relu"),
    "an array": (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "an array of no dimension": (np.array(0.5), 0.5),
}


@pytest.mark.parametrize(("value", "expected"), PLAIN.values(), ids=PLAIN)
def test_plain_values(value: Any, expected: Any) -> None:
    copied = copy_value({"key": value})["key"]
    assert copied == expected
    assert type(copied) is type(expected)


def test_nothing_is_shared() -> None:
    given: dict[str, Any] = {"a": {"b": [1, {"c": 2}]}}
    copied = copy_value(given)
    assert copied == given
    copied["a"]["b"][1]["c"] = 3
    copied["a"]["b"].append(4)
    assert given == {"a": {"b": [1, {"c": 2}]}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [0, {1}]}, r"^a\.1: the value is of type set; a config holds numbers, strings, True, False, "),
        ({"a": b"bytes"}, r"^a: the value is of type bytes; "),
        ({"a": 1j}, r"^a: the value is of type complex; "),
        ({"a": np.datetime64("2020-01-01")}, r"^a: the value is of type date; "),
        ({"a": {None: 1}}, r"^a: a key is of type NoneType; keys are strings$"),
        ({3: 1}, r"^a key is of type int; keys are strings$"),
        ({"a": -(10**100)}, r"^a: a number of more than 100 digits$"),
    ],
)
def test_what_no_config_can_hold(value: Any, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        copy_value(value)
