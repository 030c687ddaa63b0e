"""Whether a target holds classes or a quantity, and the reason in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlpcli.data.task import are_a_quantity, are_few, are_numbers, holds_classes, why_classes, why_values

LABELS = {
    "text": (["setosa", "virginica"], False),
    "one text among numbers": (["1", "2.5", "many"], False),
    "booleans": (["True", "False"], False),
    "few whole numbers": (["0", "1", "2"], False),
    "the same as floats": (["0.0", "1.0", "2e0"], False),
    "negative": (["-1", "1"], False),
    "twenty": ([str(i) for i in range(20)], False),
    "twenty-one": ([str(i) for i in range(21)], True),
    "fractions": (["0.5", "1.5"], True),
    "codes with leading zeros": (["02134", "02135", *map(str, range(10_000, 10_030))], False),
    "zero and a fraction": (["0", "0.25"], True),
    "ids of 18 digits": ([str(10**17 + i) for i in range(30)], True),
    "missing ones beside numbers": (["NA", "", "1.5"], True),
    "missing ones beside text": (["NA", "a"], False),
    "nothing but missing ones": ([""], False),
}


@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_a_column(labels: str) -> None:
    texts, expected = LABELS[labels]
    assert are_a_quantity(texts) == expected


@pytest.mark.parametrize(
    ("different", "rows", "expected"),
    [(3, 15, True), (3, 14, False), (20, 100, True), (21, 10_000, False), (1, 5, True), (1, 2, True)],
)
def test_whole_numbers_are_classes_if_they_are_few(different: int, rows: int, expected: bool) -> None:
    assert are_few(different, rows) == expected


ARRAYS: dict[str, tuple[Any, bool]] = {
    "text": (np.array(["a", "b"]), True),
    "text as objects": (np.array(["a", "b"], object), True),
    "booleans": (np.array([True, False]), True),
    "booleans as objects": (np.array([True, False], object), True),
    "few whole numbers": (np.arange(15) % 3, True),
    "few whole numbers as floats": (np.arange(15) % 3.0, True),
    "few whole numbers as objects": ((np.arange(15) % 3).astype(object), True),
    "rare ones": (np.arange(14) % 3, False),
    "in a column": ((np.arange(15) % 3)[:, None], True),
    "bytes": ((np.arange(100) % 20).astype(np.uint8), True),
    "twenty-one": (np.arange(2100) % 21, False),
    "fractions": (np.arange(100) % 2 / 2, False),
    "fractions as objects": ((np.arange(100) % 2 / 2).astype(object), False),
    "missing ones beside whole numbers": (np.array([*[1.0] * 10, np.nan]), True),
    "several numbers": (np.arange(60.0).reshape(20, 3), False),
    "one-hot rows, which have an error of their own": (np.eye(3)[np.arange(15) % 3], True),
    "digits beyond a float": (np.array([10**400, 1], object), False),
}


@pytest.mark.parametrize("y", ARRAYS)
def test_arrays(y: str) -> None:
    array, expected = ARRAYS[y]
    assert holds_classes(array) == expected


def test_numbers_are_told_from_codes() -> None:
    assert are_numbers(["1", "-2.5", "1e3", "0", "0.5", "-0.5"])
    assert not are_numbers(["1", "02"])
    assert not are_numbers(["1_000"])


def test_reasons() -> None:
    assert why_classes("species", ("a", "b"), 10) == "'species' holds text"
    assert why_classes("quality", ("3", "4", "5"), 797) == (
        "'quality' holds only 3 different whole numbers, each in 266 rows on average"
    )
    assert (
        why_values("price", np.arange(2140.0).reshape(-1, 1) % 214) == "'price' holds 214 different numbers"
    )
    assert why_values("y", np.array([[0.5], [1.0]])) == "'y' holds numbers that are not whole"
    assert why_values("y", np.array([[2.0], [1.0]])) == "'y' holds 2 different numbers in only 2 rows"
    assert why_values("y", np.ones((5, 3))) == "'y' holds 3 numbers in each row"
