"""Recipes fill in what a config leaves open, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.config.recipes import fit_to_data
from mlpcli.config.schema import Experiment, flatten, to_plain
from mlpcli.errors import ConfigError

CSV = {"name": "csv", "path": "t.csv", "target": "y"}
SETTINGS = {
    "data.bins": 16,
    "model.members": 8,
    "model.linear_path": "fitted",
    "optimizer.name": "adamw",
    "optimizer.beta2": 0.95,
    "regularization.weight_decay": 0.02,
    "training.validation": "folds",
    "training.monitor": "loss",
}


def settings(**sections: Any) -> dict[str, Any]:
    return flatten(to_plain(validate_experiment(sections, Path())))


@pytest.mark.parametrize(
    ("sections", "recipe"),
    [
        ({"data": CSV}, "table"),
        ({"data": CSV, "training": {"epochs": 3}, "loss": "hinge"}, "table"),
        ({"data": CSV, "model": None, "optimizer": {}}, "table"),
        ({"data": CSV, "model": {"hidden": [9]}}, "plain"),
        ({"data": CSV, "optimizer": "sgd"}, "plain"),
        ({"data": CSV, "regularization": {"l2": 0}}, "plain"),
        ({"data": CSV, "recipe": "plain"}, "plain"),
        ({"data": CSV, "recipe": None}, "table"),
        ({"data": "spiral"}, "plain"),
        ({"data": {"name": "npz", "path": "t.npz"}}, "plain"),
        ({"data": {"name": "npz", "path": "t.npz"}, "recipe": "table"}, "table"),
    ],
)
def test_a_table_gets_its_recipe_where_nothing_is_said_of_the_network(
    sections: dict[str, Any], recipe: str
) -> None:
    found = settings(**sections)
    assert found["recipe"] == recipe
    assert {found.get(key) == value for key, value in SETTINGS.items()} == {recipe == "table"}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"model": {"hidden": [9]}}, {"model.hidden": [9], "model.members": 8}),
        ({"model": {"members": 1}}, {"model.members": 1, "training.validation": "split"}),
        ({"optimizer": "sgd"}, {"optimizer.learning_rate": 0.1, "optimizer.schedule": "constant"}),
        ({"optimizer": {"name": "adamw", "beta2": 0.9}}, {"optimizer.beta2": 0.9}),
        ({"optimizer": {"name": "adamw", "beta2": 0.9}}, {"optimizer.learning_rate": 0.004}),
        ({"training": {"monitor": "accuracy"}}, {"training.monitor": "accuracy"}),
        ({"data": {**CSV, "bins": 0}}, {"data.bins": 0}),
        ({"data": "moons"}, {"model.members": 8, "data.points": 300}),
    ],
)
def test_what_the_config_says_stands(sections: dict[str, Any], expected: dict[str, Any]) -> None:
    found = settings(**{"data": CSV, "recipe": "table", **sections})
    assert {key: found.get(key, found.get(f"{key}.name")) for key in expected} == expected


def test_the_weights_of_a_table_are_shrunk_in_one_way() -> None:
    assert validate_experiment({"data": CSV}, Path()).l2 == 0


@pytest.mark.parametrize("recipe", ["table", "plain"])
def test_a_resolved_config_stays_as_it_is(recipe: str) -> None:
    once = validate_experiment({"data": CSV, "recipe": recipe}, Path())
    assert isinstance(once, Experiment)
    assert validate_experiment(to_plain(once), Path()) == once


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs"),
    [(1, 32, 150), (275, 32, 89), (2_000, 128, 50), (5_000, 256, 100), (50_000, 256, 20)],
)
def test_batches_and_epochs_fit_the_number_of_rows(rows: int, batch_size: int, epochs: int) -> None:
    fitted = fit_to_data(rows, regression=True)
    assert fitted["training"] == {"batch_size": batch_size, "epochs": epochs}
    assert fitted["model"]["clip_outputs"]
    assert not fit_to_data(rows, regression=False)["model"]["clip_outputs"]


@pytest.mark.parametrize(
    "sections",
    [
        {"recipe": False},
        {"recipe": "tables"},
        {"recipe": "table", "model": 3},
        {"recipe": "table", "training": []},
    ],
    ids=str,
)
def test_what_is_no_recipe_and_no_section_is_refused(sections: dict[str, Any]) -> None:
    key = list(sections)[-1]
    with pytest.raises(ConfigError, match=f"^{key}: .* is not "):
        validate_experiment({"data": "spiral", **sections}, Path("/configs"))
