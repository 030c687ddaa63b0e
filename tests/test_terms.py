"""The terms of inputs: their names and counts, the same in the schema, the table and the functions."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest

from mlpcli.config.schema.data.columns import TermName
from mlpcli.data.terms import FUNCTIONS
from mlpcli.terms import TERMS, count_terms, name_terms


def test_the_schema_and_the_tables_have_the_same_names() -> None:
    assert set(get_args(get_args(TermName)[0])) == TERMS.keys() == FUNCTIONS.keys()


def test_names_of_two_inputs() -> None:
    """Those of TensorFlow Playground, in its order."""
    assert name_terms(["x1", "x2"], ["square", "product", "sine"]) == [
        *("x1^2", "x2^2"),
        "x1 * x2",
        *("sin(pi x1)", "sin(pi x2)"),
    ]


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("inputs", [0, 1, 2, 5])
def test_there_are_as_many_as_there_are_ways_to_choose_their_inputs(name: str, inputs: int) -> None:
    columns = [f"{{x{i}}}" for i in range(inputs)]  # braces of a user's name mean nothing
    found = name_terms(columns, [name])
    assert len(found) == len(set(found)) == count_terms(inputs, [name])
    for title, some in zip(found, combinations(columns, TERMS[name].takes), strict=True):
        assert all(column in title for column in some)


def test_images_have_millions_of_products() -> None:
    assert count_terms(3072, ["square", "product"]) == 3072 + 3072 * 3071 // 2
