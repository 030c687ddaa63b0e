"""What a key may be, in words: types, ranges and names, read from a small model of every kind of key."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from mlpcli.config.allowed import choice_names, dereference, describe, json_schema, section_keys


class Cat(BaseModel):
    lives: int
    name: Literal["cat"]


class Dog(BaseModel):
    name: Literal["dog"]


class Old(BaseModel):
    model_config = {"json_schema_extra": {"offered": False}}

    name: Literal["old"]


class Keys(BaseModel):
    whole: int
    number: float
    positive: Annotated[float, Field(gt=0)]
    at_least: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(ge=0, lt=1)]
    between: Annotated[int, Field(ge=0, le=1000)]
    at_most: Annotated[float, Field(gt=0, le=1)]
    switch: bool
    one_of: Literal["red", "green"]
    text: str
    some_text: Annotated[str, Field(min_length=1)]
    sign: Annotated[str, Field(min_length=1, max_length=1)]
    words: list[str]
    some_cats: Annotated[list[Cat], Field(min_length=1)]
    colours: dict[str, Literal["red", "green"]]
    section: Cat
    choice: Annotated[Cat | Dog | Old, Field(discriminator="name")]
    or_null: Annotated[int, Field(ge=1)] | None
    in_its_own_words: Annotated[int, Field(json_schema_extra={"allowed": "what you like"})]


WORDS = {
    "whole": "a whole number",
    "number": "a number",
    "positive": "a number above 0",
    "at_least": "a whole number, 1 or more",
    "share": "a number, 0 or more and below 1",
    "between": "a whole number from 0 to 1,000",
    "at_most": "a number above 0 and up to 1",
    "switch": "true or false",
    "one_of": "one of red, green",
    "text": "a string",
    "some_text": "a string of one or more characters",
    "sign": "a single character",
    "words": "a list, as in [a, b]",
    "some_cats": "a list, as in [100, 50], with one or more entries",
    "colours": "a mapping, each value one of red, green",
    "section": "a mapping with name, lives",
    "choice": "one of cat, dog",
    "or_null": "a whole number, 1 or more, or null",
    "in_its_own_words": "what you like",
}


@pytest.mark.parametrize("key", Keys.model_fields)
def test_what_a_key_may_be(key: str) -> None:
    schema = json_schema(Keys)
    assert describe(dereference(schema["properties"][key], schema), schema) == WORDS[key]


def test_the_name_of_a_section_comes_first() -> None:
    assert section_keys(json_schema(Cat)) == ["name", "lives"]


def test_what_is_no_longer_offered_is_not_named() -> None:
    schema = json_schema(Keys)
    assert choice_names(schema["properties"]["choice"], schema) == ["cat", "dog"]


def test_a_reference_keeps_what_is_said_beside_it() -> None:
    schema = {"$defs": {"A": {"$ref": "#/$defs/B", "title": "a"}, "B": {"type": "integer", "title": "b"}}}
    assert dereference({"$ref": "#/$defs/A", "description": "c"}, schema) == {
        "type": "integer",
        "title": "a",
        "description": "c",
    }
