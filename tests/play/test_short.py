"""A short config holds what the page shows and what is special, and reads back as the whole one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.config.plan import UNITS
from mlpcli.config.schema import to_plain
from mlpcli.data.toy import TOY_SETS
from mlpcli.optim.rules import RULES
from mlpcli.play.settings import KEYS
from mlpcli.play.short import short_config

SPECIAL: list[dict[str, Any]] = [
    {"data": "spiral"},
    {"data": {"name": "moons", "noise": 0.0, "scaling": "none", "fold": {"number": 1, "of": 4}}},
    {"data": "blobs", "loss": {"name": "cross_entropy", "label_smoothing": 0.1}, "model": {"hidden": []}},
    {
        "data": "spiral",
        "model": {"hidden": [{"units": 3, "dropout": 0.5}, 4], "init": {"name": "he", "gain": 2.0}},
    },
    {
        "data": "xor",
        "optimizer": {"name": "adam", "schedule": {"name": "step", "every": 5}, "clip_norm": 1.0},
    },
    {"data": "sine", "regularization": {"max_norm": 3.0}, "training": {"monitor": "mae"}},
    {"data": "spiral", "optimizer": {"learning_rate": 1e6}},
    {
        "data": {"name": "csv", "path": "t.csv", "target": "y", "split": "part"},
        "loss": "mse",
        "recipe": "plain",
    },
    {"data": {"name": "csv", "path": "t.csv", "target": "y"}, "recipe": "table"},
    *({"data": name} for name in TOY_SETS),
    *({"data": "spiral", "model": {"activation": name}} for name in UNITS),
    *({"data": "spiral", "optimizer": name} for name in RULES),
]


@pytest.mark.parametrize("config", SPECIAL, ids=str)
def test_a_short_config_reads_back_as_the_whole_one(config: dict[str, Any], tmp_path: Path) -> None:
    experiment = validate_experiment(config, tmp_path)
    short = short_config(experiment, KEYS)
    expected = to_plain(experiment)
    expected["regularization"]["l2"] = experiment.l2  # the value in force, which the page shows
    assert to_plain(validate_experiment(short, tmp_path)) == expected


def test_it_holds_the_settings_of_the_page_and_what_is_special(tmp_path: Path) -> None:
    special = {
        "data": "spiral",
        "model": {"output_gain": 2.0},
        "optimizer": {"name": "sgd", "learning_rate": 1e6},
    }
    short = short_config(validate_experiment(special, tmp_path), KEYS)
    assert short == {
        "data": {
            **{"name": "spiral", "points": 300, "classes": 3, "noise": 0.2, "angle": 4},
            **{"val_size": 0.2, "test_size": 0.2, "terms": []},
        },
        "model": {"hidden": [100], "activation": "relu", "output_gain": 2, "dropout": 0},
        "loss": "cross_entropy",
        "optimizer": {"name": "sgd", "learning_rate": 1_000_000, "momentum": 0},
        "regularization": {"l1": 0, "l2": 1e-4},
        "training": {"batch_size": 32, "seed": 0},
    }
