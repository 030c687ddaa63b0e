"""Experiments for Python callers: from a path, a name or dicts, with overrides as dicts or dotted names."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from mlpcli.config.loader import load_experiment, make_experiment, validate_experiment
from mlpcli.config.schema import data_sections, to_plain
from mlpcli.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
DATA_SETS = ", ".join(sorted(data_sections()))
SGD = {"data": "spiral", "optimizer": {"name": "sgd", "learning_rate": 1.0, "momentum": 0.9}}


def lookup(plain: Any, key: str) -> Any:
    for part in key.split("."):
        plain = plain[int(part) if isinstance(plain, list) else part]
    return plain


@pytest.mark.parametrize("kind", [str, Path], ids=["str", "Path"])
def test_a_file(tmp_path: Path, kind: Callable[[Path], Any]) -> None:
    (tmp_path / "my.yaml").write_text("data: {name: npz, path: my.npz}\n")
    expected = load_experiment(tmp_path / "my.yaml")
    assert make_experiment(kind(tmp_path / "my.yaml")) == expected
    assert to_plain(expected)["data"]["path"] == str(tmp_path.resolve() / "my.npz")


def test_a_config_that_comes_with_mlp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_experiment("spiral") == load_experiment(CONFIGS / "spiral.yaml")


def test_a_dict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {"data": {"name": "csv", "path": "my.csv", "target": "y"}, "loss": "mse"}
    assert make_experiment(config) == validate_experiment(config, tmp_path)
    assert make_experiment(MappingProxyType(config)) == validate_experiment(config, tmp_path)


# Overrides: the config, what is changed, a key, and its value then.
OVERRIDES: dict[str, tuple[dict[str, Any], dict[str, Any], str, Any]] = {
    "nested": (SGD, {"optimizer": {"learning_rate": 0.5}}, "optimizer.learning_rate", 0.5),
    "the other keys stay": (SGD, {"optimizer": {"learning_rate": 0.5}}, "optimizer.momentum", 0.9),
    "dotted": (SGD, {"optimizer.learning_rate": 0.5}, "optimizer.learning_rate", 0.5),
    "dotted inside nested": (
        SGD,
        {"optimizer": {"schedule.name": "cosine", "schedule": {"final": 0.5}}},
        "optimizer.schedule",
        {"name": "cosine", "warmup": 0.0, "final": 0.5},
    ),
    "the last one counts": (SGD, {"training.epochs": 5, "training": {"epochs": 6}}, "training.epochs", 6),
    "a new section": (SGD, {"training": {"epochs": 5}}, "training.epochs", 5),
    "nothing": (SGD, {"optimizer": {}}, "optimizer.momentum", 0.9),
    "none is null": (SGD, {"training": {"patience": None}}, "training.patience", None),
    "none for a section": (SGD, {"optimizer": None}, "optimizer.name", "adam"),
    "a name": (SGD, {"loss": "hinge"}, "loss.name", "hinge"),
    "a name in a dict": (SGD, {"loss": {"name": "hinge", "delta": 2}}, "loss.delta", 2.0),
    "the same name keeps the keys": (
        SGD,
        {"optimizer": {"name": "sgd", "momentum": 0.5}},
        "optimizer.learning_rate",
        1.0,
    ),
    "another name begins anew": (
        SGD,
        {"optimizer": {"name": "adam", "beta1": 0.5}},
        "optimizer.learning_rate",
        3e-3,
    ),
    "another name for a word": (
        {"data": "spiral"},
        {"data": {"name": "moons", "points": 50}},
        "data.points",
        50,
    ),
    "the same name as a word": (
        {"data": "spiral"},
        {"data": {"name": "spiral", "points": 50}},
        "data.points",
        50,
    ),
    "another name, dotted": ({"data": "spiral"}, {"data.name": "moons"}, "data.name", "moons"),
    "a list": (SGD, {"model": {"hidden": [3, {"units": 4, "activation": "tanh"}]}}, "model.hidden.0", 3),
    "a tuple": (SGD, {"model": {"hidden": (3, 4)}}, "model.hidden", [3, 4]),
    "an entry": (SGD | {"model": {"hidden": [8, 8]}}, {"model.hidden.1.dropout": 0.5}, "model.hidden.0", 8),
    "numbers of NumPy": (SGD, {"training": {"epochs": np.int64(7)}}, "training.epochs", 7),
    "fractions of NumPy": (SGD, {"optimizer.momentum": np.float32(0.5)}, "optimizer.momentum", 0.5),
    "truths of NumPy": (SGD, {"model.residual": np.True_}, "model.residual", True),
    "an array": (SGD, {"model.hidden": np.array([3, 4])}, "model.hidden", [3, 4]),
}


@pytest.mark.parametrize(("config", "overrides", "key", "expected"), OVERRIDES.values(), ids=OVERRIDES)
def test_overrides(config: dict[str, Any], overrides: dict[str, Any], key: str, expected: Any) -> None:
    kept = copy.deepcopy((config, overrides))
    value = lookup(to_plain(make_experiment(config, overrides)), key)
    assert value == expected
    assert type(value) is type(expected)
    for given, before in zip((config, overrides), kept, strict=True):  # neither is changed
        assert repr(given) == repr(before)


LEARNING_RATE = "optimizer.learning_rate: -1 is not a number above 0"

# What is refused: the config, the overrides, and the whole message.
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a value": ({"data": "spiral", "optimizer": {"learning_rate": -1}}, {}, LEARNING_RATE),
    "a value of an override": (SGD, {"optimizer": {"learning_rate": -1}}, LEARNING_RATE),
    "several": (
        {"data": "spiral", "optimizer": {"learning_rate": -1}, "trainin": {}},
        {},
        f"2 problems in the config:\n\n{LEARNING_RATE}\n\n"
        'trainin: unknown key "trainin"; did you mean "training"? '
        "(allowed: base, data, recipe, model, loss, optimizer, regularization, training, sweep)",
    ),
    "no data": (
        {"loss": "hinge"},
        {},
        'key "data" is missing; it must be one of ' + DATA_SETS,
    ),
    "an unknown name": (
        {"data": "spirla"},
        {},
        f'data: unknown name "spirla"; did you mean "spiral"? (allowed: {DATA_SETS})',
    ),
    "a loss that does not fit": (
        SGD,
        {"loss": "mse"},
        "loss: mse does not fit spiral, whose targets are classes; use cross_entropy",
    ),
    "a setting of another name": (
        SGD,
        {"optimizer.name": "adagrad"},
        'optimizer.momentum: unknown key "momentum"; it is a key of momentum, nesterov, sgd (allowed: '
        "name, schedule, clip_norm, learning_rate, eps)\n"
        'The config sets this key for another name; replace the whole section: optimizer="adagrad"',
    ),
    "a key of a number": (
        SGD | {"training": {"epochs": 3}},
        {"training": {"epochs": {"units": 3}}},
        "training.epochs.units: training.epochs is 3, which has no keys",
    ),
    "an entry that is not there": (
        SGD | {"model": {"hidden": [8]}},
        {"model.hidden.1": 3},
        "model.hidden.1: model.hidden is a list of length 1, numbered from 0; it has no entry '1'",
    ),
    "half a key": (
        SGD,
        {"training.": 3},
        "'training.' is not a key; write keys as in optimizer.learning_rate",
    ),
    "a key that is not a string": (
        SGD,
        {"training": {1: 3}},
        "training: a key is of type int; keys are strings",
    ),
    "NaN": (SGD, {"optimizer.learning_rate": np.nan}, "optimizer.learning_rate: NaN is not a number above 0"),
    "a number that is too long": (
        SGD,
        {"training.epochs": 10**100},
        "training.epochs: a number of more than 100 digits",
    ),
    "a truth for a number": (
        SGD,
        {"training.epochs": True},
        "training.epochs: true is not a whole number from 1 to 10,000,000",
    ),
    "a fraction for a whole number": (
        SGD,
        {"training.epochs": 5.0},
        "training.epochs: 5.0 is not a whole number from 1 to 10,000,000; write 5",
    ),
    "a set": (
        SGD,
        {"model": {"hidden": [{3}]}},
        "model.hidden.0: the value is of type set; "
        "a config holds numbers, strings, True, False, None, lists and dicts",
    ),
    "a config that is none": (
        3,
        {},
        "a config is a path, the name of a config that comes with mlp, or a dict; this is of type int",
    ),
}


@pytest.mark.parametrize(("config", "overrides", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(config: Any, overrides: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(config, overrides)
    assert str(caught.value) == expected


def test_a_dict_that_holds_itself() -> None:
    config: dict[str, Any] = {"data": "spiral"}
    config["model"] = config
    with pytest.raises(ConfigError, match="nested deeper than 64 levels"):
        make_experiment(config)


def test_problems_of_a_file_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("data: spiral\ntraining: {epochs: -1}\n")
    with pytest.raises(ConfigError) as caught:
        make_experiment(tmp_path / "my.yaml", {"training.seed": -1})
    first, second = str(caught.value).split("\n\n")[1:]
    assert first == "training.seed: -1 is not a whole number, 0 or more and below 4,294,967,296"
    assert second.startswith(f"{tmp_path / 'my.yaml'}:2:20: training.epochs: -1 is not ")


# Arrays that are handed in

ARRAYS = {
    "name": "arrays",
    "train_size": None,
    "val_size": 0.2,
    "scaling": "standardize",
    "test_size": 0,
    "missing": "fill",
    "bins": 0,
    "terms": [],
    "target_transform": "none",
    "split_by": "random",
    "columns": {},
}


@pytest.mark.parametrize(
    ("config", "overrides", "expected"),
    [
        ({}, {}, {}),
        ({"data": "arrays"}, {}, {}),
        ({"data": None}, {}, {}),
        ({"data": {"val_size": 10, "test_size": 0.5}}, {}, {"val_size": 10, "test_size": 0.5}),
        ({"data": "spiral"}, {}, {}),
        (
            {"data": {"name": "spiral", "points": 50, "test_size": 0.4, "scaling": "none"}},
            {},
            {"scaling": "none"},
        ),
        ({"data": "spiral"}, {"data": {"scaling": "range"}}, {"scaling": "range"}),
        ({}, {"data.val_size": 0}, {"val_size": 0}),
    ],
)
def test_arrays_need_no_section_data(
    config: dict[str, Any], overrides: dict[str, Any], expected: dict[str, Any]
) -> None:
    experiment = make_experiment(config, overrides, arrays=True)
    assert to_plain(experiment)["data"] == ARRAYS | expected
    assert experiment.widths(4, 3) == (4, 100, 3)
    assert experiment.widths() is None


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "binary_hinge"])
def test_arrays_suit_every_task(loss: str) -> None:
    assert make_experiment({"loss": loss}, arrays=True).loss.name == loss


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"data": "moons"}, "data.name: moons cannot be used with arrays that are handed in"),
        (
            {"data.points": 50},
            'data.points: unknown key "points"; it is a key of blobs, circles, moons, ... (allowed: name, ',
        ),
    ],
)
def test_what_does_not_fit_arrays(overrides: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment("spiral", overrides, arrays=True)
    assert str(caught.value).startswith(expected)


def test_columns_are_named_in_normal_form(tmp_path: Path) -> None:
    section = {"name": "csv", "path": "a.csv", "target": "espe\u0300ce", "features": ["e\u0301te\u0301", "x"]}
    experiment = validate_experiment({"data": section}, tmp_path)
    plain = to_plain(experiment)["data"]
    assert (plain["target"], plain["features"]) == ("esp\xe8ce", ["\xe9t\xe9", "x"])


def test_settings_of_the_default_loss_need_no_name() -> None:
    experiment = make_experiment({"data": "spiral", "loss": {"class_weights": [1, 2, 3]}})
    assert experiment == make_experiment(
        {"data": "spiral", "loss": {"name": "cross_entropy", "class_weights": [1, 2, 3]}}
    )
    assert make_experiment({"data": "spiral"}, {"loss.class_weights": [1, 2, 3]}) == experiment
    with pytest.raises(ConfigError, match='key "name" is missing; it must be one of'):
        make_experiment({"data": "spiral", "loss": {"delta": 2.0}})
    with pytest.raises(ConfigError, match=r'loss\.class_weights: unknown key "class_weights"'):
        make_experiment({"data": "sine", "loss": {"class_weights": [1, 2, 3]}})
