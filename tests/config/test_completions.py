"""What a shell offers after ``--set``: keys with their help, and their values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlpcli.config.changes import read_option
from mlpcli.config.completions import keys, names_of_data, values_of
from mlpcli.config.loader import parse_experiment
from mlpcli.config.schema import data_sections, flatten, to_plain


def test_every_key_of_a_config_is_offered_with_its_help() -> None:
    known = keys()
    for name in ("spiral", "cifar10"):
        whole = flatten(to_plain(parse_experiment(f"data: {name}", "x.yaml", Path("/"))))
        assert {key.removesuffix(".name") for key in whole} <= known.keys()
    assert known["optimizer.learning_rate"] == "step size"
    assert known["data.path"].startswith("the file, relative to the config file")
    assert {"data.standardize", "model.hidden.0.units", "model"}.isdisjoint(known)


@pytest.mark.parametrize(
    ("key", "some"),
    [
        ("data", ["spiral", "moons"]),
        ("loss", ["hinge", "mse"]),
        ("optimizer.schedule", ["cosine"]),
        ("model.activation", ["relu", "maxout"]),
        ("model.residual", ["true", "false"]),
        ("model.linear_path", ["fitted", "true"]),
        ("training.patience", ["null"]),
        ("training.epochs", ["100"]),
        ("optimizer.learning_rate", ["0.003", "0.1"]),
        ("no.such.key", []),
    ],
)
def test_values_of_a_key(key: str, some: list[str]) -> None:
    values = values_of(key)
    assert set(some) <= set(values)
    assert len(values) == len(set(values))
    assert bool(values) == bool(some)


@pytest.mark.parametrize("key", keys())
def test_what_is_offered_reads_as_it_is_meant(key: str) -> None:
    for value in values_of(key):
        assert read_option(f"{key}={value}").key == key


def test_data_sets_are_those_that_need_no_file() -> None:
    assert set(names_of_data()) == {
        name for name, section in data_sections().items() if not section.is_file()
    }


def test_the_models_are_not_loaded() -> None:
    code = (
        "import sys; from mlpcli.config.completions import keys; keys(); assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
