"""The schema: what is left out is filled in, short forms are spelled out, a config reads back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.loader import parse_experiment, validate_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.schema.training import Training
from mlpcli.config.yaml12 import write_yaml
from mlpcli.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
SCHEMA = Experiment.model_json_schema()
FILES = {"csv": {"path": "table.csv", "target": "kind"}, "npz": {"path": "arrays.npz"}}
NEEDED = {"path": "table", "target": "kind", "X": "X.npy", "y": "y.npy"}
FITTING = {
    "sine": "mse",
    **dict.fromkeys(["mse", "mae", "huber"], "sine"),
    "binary_hinge": "moons",
    "binary_cross_entropy": "moons",
}


def experiment(**sections: Any) -> Experiment:
    return validate_experiment({"data": "spiral", **sections}, Path("/configs"))


def names(section: dict[str, Any]) -> list[str]:
    """Read the names to choose from off the schema."""
    return list(section["discriminator"]["mapping"])


def one_of_each() -> Iterator[tuple[str, dict[str, Any]]]:
    """Make a config for every name that the schema knows."""
    top, model = SCHEMA["properties"], SCHEMA["$defs"]["Model"]["properties"]
    for name, definition in top["data"]["discriminator"]["mapping"].items():
        needed = SCHEMA["$defs"][definition.rpartition("/")[2]]["required"]
        yield (
            f"data {name}",
            {"data": {"name": name, **{key: NEEDED[key] for key in needed if key != "name"}}},
        )
    for name in names(top["loss"]):
        yield f"loss {name}", {"data": FITTING.get(name, "spiral"), "loss": name}
    for name in names(top["optimizer"]):
        yield f"optimizer {name}", {"optimizer": name}
    for name in names(model["activation"]):
        yield (
            f"activation {name}",
            {"model": {"activation": name, "hidden": [{"units": 3, "activation": name}]}},
        )
    for name in names(model["init"]):
        yield f"init {name}", {"model": {"init": name, "hidden": [5, {"units": 3, "init": name}]}}


CASES = {
    **dict(one_of_each()),
    "settings": {
        "data": {
            "name": "csv",
            "path": "/x.csv",
            "target": "on",
            "features": ["1e-3", "~"],
            "delimiter": "\t",
        },
        "model": {"activation": {"name": "leaky_relu", "alpha": 0.2}, "hidden": []},
        "loss": {"name": "hinge", "delta": 2},
        "optimizer": {"name": "adam", "eps": 1e-30},
    },
    "sizes": {"data": {"name": "moons", "train_size": 0.5, "val_size": 0, "test_size": 100}},
    "fold": {"data": {"name": "moons", "test_size": 0.9, "fold": {"number": 2, "of": 5}}},
    "cifar10": {"data": {"name": "cifar10", "root": "datasets", "test_size": 0.5}, "model": {"inputs": 3072}},
}


@pytest.mark.parametrize("sections", CASES.values(), ids=CASES)
def test_a_config_reads_back_as_it_was(sections: dict[str, Any]) -> None:
    config = experiment(**sections)
    plain = to_plain(config)
    assert validate_experiment(plain, Path("/elsewhere")) == config
    assert parse_experiment(write_yaml(plain), "config.yaml", Path("/elsewhere")) == config
    assert to_plain(validate_experiment(plain, Path("/elsewhere"))) == plain


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_configs_that_come_along_are_valid(path: Path) -> None:
    config = parse_experiment(path.read_text(encoding="utf-8"), str(path), path.parent)
    assert validate_experiment(to_plain(config), Path("/elsewhere")) == config
    assert config.widths() is not None or config.data.is_file()


def test_a_resolved_config_is_complete_and_short() -> None:
    config = experiment(model={"hidden": [{"units": 8}, {"units": 4, "activation": {"name": "tanh"}}]})
    assert to_plain(config) == {
        "data": {
            "name": "spiral",
            "points": 300,
            "classes": 3,
            "noise": 0.2,
            "angle": 4.0,
            "train_size": None,
            "val_size": 0.2,
            "test_size": 0.2,
            "scaling": "standardize",
            "terms": [],
        },
        "recipe": "plain",
        "model": {
            "hidden": [8, {"units": 4, "activation": "tanh"}],
            "activation": "relu",
            "init": {
                "name": "auto",
                "gain": 1.0,
                "bias": 0.0,
                "bias_spread": 0.0,
                "distribution": "normal",
            },
            "output_gain": 1.0,
            "norm": "none",
            "residual": False,
            "members": 1,
            "linear_path": "none",
            "clip_outputs": False,
            "dropout": 0.0,
            "input_dropout": 0.0,
            "input_noise": 0.0,
            "inputs": None,
            "outputs": None,
        },
        "loss": {"name": "cross_entropy", "label_smoothing": 0.0, "class_weights": None},
        "optimizer": {
            "name": "adam",
            "learning_rate": 3e-3,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
            "schedule": {"name": "constant", "warmup": 0.0},
            "clip_norm": None,
        },
        "regularization": {"l1": 0.0, "l2": None, "weight_decay": None, "max_norm": None},
        "training": {
            "epochs": 100,
            "batch_size": 32,
            "patience": None,
            "monitor": None,
            "validation": "split",
            "precision": "float32",
            "seed": 0,
            "start_from": None,
            "shards": None,
            "shard_sum": "in_order",
            "checkpoint_every": None,
            "snapshots": None,
            "tensorboard": False,
        },
    }
    assert next(iter(to_plain(config)["data"])) == "name"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"data": "spiral"}, {"data": {"name": "spiral"}}),
        ({"loss": "hinge"}, {"loss": {"name": "hinge", "delta": 1.0}}),
        ({"optimizer": "sgd"}, {"optimizer": {"name": "sgd"}}),
        ({"optimizer": {"learning_rate": 0.5}}, {"optimizer": {"name": "adam", "learning_rate": 0.5}}),
        ({"model": {"hidden": [7]}}, {"model": {"hidden": [{"units": 7}]}}),
        ({"model": {"activation": "tanh"}}, {"model": {"activation": {"name": "tanh"}}}),
        (
            {"model": {"activation": {"alpha": 0.5}}},
            {"model": {"activation": {"name": "leaky_relu", "alpha": 0.5}}},
        ),
        ({"model": None, "loss": None, "training": None, "optimizer": None, "regularization": None}, {}),
        ({"model": {}, "training": {}, "optimizer": {}, "regularization": {}}, {}),
        ({"data": "sine"}, {"data": "sine", "loss": "mse"}),
        ({"model": {"linear_path": True}}, {"model": {"linear_path": "learned"}}),
        ({"model": {"linear_path": False}}, {}),
        ({"data": "spiral"}, {"loss": "cross_entropy"}),
        ({"optimizer": {"learning_rate": 1}}, {"optimizer": {"learning_rate": 1.0}}),
    ],
)
def test_short_forms(short: dict[str, Any], long: dict[str, Any]) -> None:
    assert experiment(**short) == experiment(**long)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("table.npz", "configs/table.npz"),
        ("./sets//table.npz", "configs/sets/table.npz"),
        ("../sets/table.npz", "sets/table.npz"),
        ("~/table.npz", "home/table.npz"),
        ("/sets/table.npz", "/sets/table.npz"),
    ],
)
def test_paths_start_at_the_folder_of_the_config(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, expected: str
) -> None:
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path / "home"))
    for folder in (tmp_path / "configs", Path("configs")):  # however the config itself is named
        monkeypatch.chdir(tmp_path)
        for data, key in ({"name": "npz", "path": path}, "path"), ({"name": "cifar10", "root": path}, "root"):
            config = validate_experiment({"data": data}, folder)
            monkeypatch.chdir("/")
            assert to_plain(config)["data"][key] == str((tmp_path / expected).resolve())
            monkeypatch.chdir(tmp_path)
    assert to_plain(experiment(data="cifar10"))["data"]["root"] is None


CSV = {"name": "csv", **FILES["csv"]}


@pytest.mark.parametrize(
    ("sections", "found", "expected"),
    [
        ({}, (), (2, 100, 3)),
        ({"model": {"hidden": []}}, (), (2, 3)),
        ({"model": {"hidden": [7, {"units": 5}]}, "data": {"name": "blobs", "classes": 9}}, (), (2, 7, 5, 9)),
        ({"data": "xor"}, (), (2, 100, 2)),
        ({"data": "moons", "loss": "binary_hinge"}, (), (2, 100, 1)),
        ({"data": "sine"}, (), (1, 100, 1)),
        ({"data": "cifar10"}, (), (3072, 100, 10)),
        ({"data": CSV}, (), None),
        ({"data": CSV, "model": {"outputs": 3}}, (), None),
        ({"data": CSV, "model": {"inputs": 4}}, (), None),
        ({"data": CSV, "model": {"inputs": 4, "outputs": 3}}, (), (4, 100, 3)),
        ({"data": CSV, "model": {"inputs": 4}, "loss": "mse"}, (), (4, 100, 1)),
        ({"data": CSV, "model": {"inputs": 4}, "loss": "binary_hinge"}, (), (4, 100, 1)),
        ({"data": CSV}, (5, 6), (5, 64, 64, 6)),
        ({"data": CSV, "recipe": "plain"}, (5, 6), (5, 100, 6)),
        ({"data": {"name": "npz", **FILES["npz"]}, "loss": "mse"}, (5, 6), (5, 100, 6)),
        ({"data": {"name": "npz", **FILES["npz"]}, "loss": "binary_hinge"}, (5, 2), (5, 100, 1)),
    ],
)
def test_widths(sections: dict[str, Any], found: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    assert experiment(**sections).widths(*found) == expected


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [("sgd", 0), ({"name": "sgd", "momentum": 0.9}, 1), ("momentum", 1), ("nesterov", 1), ("adam", 2)],
)
def test_what_an_optimizer_keeps_for_each_parameter(optimizer: Any, slots: int) -> None:
    assert experiment(optimizer=optimizer).optimizer.slots == slots


def test_data_have_a_title() -> None:
    assert experiment().data.title == "spiral"
    assert experiment(data=CSV).data.title == "table.csv"


def keys(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk over every key that the schema describes."""
    if isinstance(node, dict):
        for name, item in node.get("properties", {}).items():
            yield f"{path}/{name}", item
        for name, item in node.items():
            if name != "written":  # a schema for editors, whose keys are those beside it
                yield from keys(item, f"{path}/{name}")
    elif isinstance(node, list):
        for item in node:
            yield from keys(item, path)


@pytest.mark.parametrize("key", [pytest.param(item, id=path) for path, item in keys(SCHEMA)])
def test_every_key_is_described(key: dict[str, Any]) -> None:
    assert len(key["description"]) > 1
    assert key["description"].isprintable()


def test_an_experiment_cannot_be_changed() -> None:
    config = experiment()
    with pytest.raises(ValueError, match="frozen"):
        config.training.epochs = 3


def test_snapshots_are_in_geometric_steps() -> None:
    def kept(epochs: int, snapshots: int | None) -> list[int]:
        return Training(epochs=epochs, snapshots=snapshots).snapshot_epochs

    assert kept(100, None) == []
    assert kept(100, 5) == [1, 3, 10, 32, 100]  # the square root of 10 each, rounded
    assert kept(89, 8) == [1, 2, 4, 7, 13, 25, 47, 89]
    for epochs in (1, 2, 3, 7, 30, 31, 200, 12_345):
        for snapshots in (2, 3, 30, 200):
            found = kept(epochs, snapshots)
            assert len(found) == min(snapshots, epochs)
            assert (found[0], found[-1]) == (1, epochs)
            assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("data", "features", "shape"),
    [
        ("cifar10", 3072, (3, 32, 32)),
        ({"name": "npz", "path": "a.npz"}, 64, (1, 8, 8)),
        ({"name": "npz", "path": "a.npz"}, 65, None),  # not a square
        ({"name": "npz", "path": "a.npz"}, 9, None),  # 3 x 3 pixels are too few
        ({"name": "csv", "path": "a.csv", "target": "y"}, 64, None),  # its columns have names
    ],
)
def test_which_examples_are_images(data: Any, features: int, shape: tuple[int, int, int] | None) -> None:
    assert validate_experiment({"data": data}, Path()).data.image(features) == shape


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            "{name: moons, scaling: whiten}",
            "data.scaling: whiten is for images: those of cifar10, and rows of",
        ),
        (
            "{name: csv, path: a, target: y, scaling: zca}",
            "data.scaling: zca is for images: those of cifar10",
        ),
        ("{name: npy, X: a, y: b, scaling: whiten}", "data.scaling: whiten is for images: those of cifar10"),
        (
            "{name: npz, path: a, scaling: whiten, terms: [sine]}",
            "data.terms: images that are whitened have no",
        ),
        (
            "{name: npz, path: a, scaling: whiten, bins: 4}",
            "data.bins: images that are whitened have no bins",
        ),
    ],
)
def test_only_images_are_whitened(data: str, expected: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_experiment(f"data: {data}", "my.yaml", Path())
    assert expected in str(refusal.value)
