"""The words that keys and names of a config have elsewhere lead to keys and names that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlpcli.config.allowed import choice_names, dereference, json_schema
from mlpcli.config.keys import OTHER_KEYS, find_keys, is_list, keys_with_name, names_with_key, other_name
from mlpcli.config.schema import Experiment

SCHEMA = json_schema(Experiment)


def tables(node: Any) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Yield the names of every key that has other names, and these."""
    if isinstance(node, dict):
        if "other_names" in node:
            names = node.get("enum") or choice_names(node, SCHEMA)
            yield tuple(names), node["other_names"]
        for inner in node.values():
            yield from tables(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from tables(inner)


TABLES = dict(tables(SCHEMA))


@pytest.mark.parametrize("names", TABLES, ids=lambda names: names[0])
def test_other_names_stand_for_names_that_there_are(names: tuple[str, ...]) -> None:
    for other, name in TABLES[names].items():
        assert name in names, other
        assert other not in names
        assert other_name(other, names, TABLES[names]) == (name, True)


def test_every_kind_of_name_has_its_other_names() -> None:
    assert len(TABLES) == 14


@pytest.mark.parametrize(("other", "key"), OTHER_KEYS.items())
def test_other_keys_stand_for_keys_that_there_are(other: str, key: str) -> None:
    found = find_keys(other, Experiment)
    assert found
    assert {dotted.rpartition(".")[2] for dotted in found} == {key}


FOUND = {
    "lr": ["optimizer.learning_rate"],
    "learning-rate": ["optimizer.learning_rate"],
    "optimizer.lr": ["optimizer.learning_rate"],
    "learningRate": ["optimizer.learning_rate"],
    "epochs": ["training.epochs"],
    "patience": ["training.patience"],
    "momentum": ["optimizer.momentum"],
    "activation": ["model.activation"],
    "gain": ["model.init.gain"],
    "optimizer": ["optimizer"],
    "model.noise": [],
    "gpu": [],
    "name": [],
    "model": [],
}


@pytest.mark.parametrize("word", FOUND)
def test_a_word_leads_to_the_least_nested_keys_that_end_in_it(word: str) -> None:
    assert find_keys(word, Experiment) == FOUND[word]


def test_every_key_is_found_by_its_dotted_name() -> None:
    for section, node in SCHEMA["properties"].items():
        for key in dereference(node, SCHEMA).get("properties", {}):
            if (section, key) != ("data", "augment"):
                assert find_keys(f"{section}.{key}", Experiment) == [f"{section}.{key}"]


def test_keys_that_are_lists() -> None:
    assert is_list("model.hidden", Experiment)
    assert not is_list("training.epochs", Experiment)
    assert not is_list("no.such.key", Experiment)


def test_a_name_leads_to_its_keys() -> None:
    assert keys_with_name("cosine", Experiment) == ["optimizer.schedule"]
    assert keys_with_name("nothing", Experiment) == []


def test_a_key_leads_to_the_names_that_have_it() -> None:
    found = names_with_key("optimizer", "beta1", Experiment)
    assert {"adam", "adamw", "lion"} <= set(found)
    assert "sgd" not in found
    assert {"cosine", "one_cycle"} <= set(names_with_key("optimizer.schedule", "final", Experiment))
    assert names_with_key("training", "epochs", Experiment) == []


NAMES = ["leaky_relu", "relu", "silu"]
MEANT = {
    "ReLU": ("relu", False),
    "LeakyReLU": ("leaky_relu", False),
    "torch.nn.LeakyReLU()": ("leaky_relu", False),
    "rleu": ("relu", False),
    "Swish": ("silu", True),
    "zzz": (None, False),
}


@pytest.mark.parametrize("word", MEANT)
def test_case_and_spelling_of_names_do_not_count(word: str) -> None:
    assert other_name(word, NAMES, {"swish": "silu"}) == MEANT[word]
