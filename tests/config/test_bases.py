"""A config lies over its base: keys merge, places and paths stay those of the file that has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlpcli.config.bases import MAX_BASES
from mlpcli.config.loader import MAX_BYTES, load_experiment, make_experiment
from mlpcli.config.schema import Experiment, to_plain
from mlpcli.config.schema.paths import FILE_KEYS, FILE_NAME
from mlpcli.config.shipped import shipped_configs
from mlpcli.config.yaml12 import write_yaml
from mlpcli.errors import ConfigError, ConfigWarning

BASE = """\
data: {name: spiral, points: 50, scaling: range}
model:
  hidden: [5, {units: 4, dropout: 0.5}]
  activation: tanh
  norm: layer
loss: hinge
optimizer:
  name: sgd
  momentum: 0.5
training: {epochs: 3}
"""


def write(folder: Path, **files: str) -> Path:
    """Write configs by their names, and return the path of top.yaml."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / "top.yaml"


def load(folder: Path, own: str, *overrides: str, base: str = BASE) -> dict[str, Any]:
    """Return the plain config of ``own`` over ``base``."""
    return to_plain(load_experiment(write(folder, top=f"base: base.yaml\n{own}", base=base), overrides))


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_experiment(path, overrides)
    return str(caught.value).replace(f"{path.parent}/", "")


# What a config says, and what stands in the whole then; the rest is the base's.
MERGED: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("", {}),
    "a key": ("training: {seed: 7}", {"training": {"epochs": 3, "seed": 7}}),
    "a key that the base has": ("training: {epochs: 9}", {"training": {"epochs": 9}}),
    "a list is replaced": ("model: {hidden: [8]}", {"model": {"hidden": [8]}}),
    "a key of the base's name": (
        "optimizer: {learning_rate: 0.3}",
        {"optimizer": {"name": "sgd", "momentum": 0.5, "learning_rate": 0.3}},
    ),
    "the same name again": ("optimizer: {name: sgd}", {"optimizer": {"name": "sgd", "momentum": 0.5}}),
    "another name, with keys": (
        "optimizer: {name: adam, eps: 1e-4}",
        {"optimizer": {"name": "adam", "eps": 1e-4}},
    ),
    "another name alone": ("optimizer: adam", {"optimizer": "adam"}),
    "keys of a name that stands alone": (
        "loss: {delta: 2}\nmodel: {activation: {name: elu, alpha: 2}}",
        {"loss": {"name": "hinge", "delta": 2}, "model": {"activation": {"name": "elu", "alpha": 2}}},
    ),
    "an empty section is left out": ("optimizer:", {"optimizer": None}),
    "the other spelling": ("model: {batch_norm: true}", {"model": {"norm": "batch"}}),
}


@pytest.mark.parametrize("case", MERGED)
def test_mappings_merge_and_everything_else_replaces(case: str, tmp_path: Path) -> None:
    own, changed = MERGED[case]
    whole = {
        "data": {"name": "spiral", "points": 50, "scaling": "range"},
        "model": {"hidden": [5, {"units": 4, "dropout": 0.5}], "activation": "tanh", "norm": "layer"},
        "loss": "hinge",
        "optimizer": {"name": "sgd", "momentum": 0.5},
        "training": {"epochs": 3},
    }
    for section, keys in changed.items():
        merges = section in ("model",)
        whole[section] = {**whole[section], **keys} if merges else keys
    assert load(tmp_path, own) == to_plain(make_experiment(whole))


def test_options_come_last(tmp_path: Path) -> None:
    assert load(tmp_path, "training: {epochs: 9}", "training.epochs=11")["training"]["epochs"] == 11


def test_a_base_may_have_a_base_and_may_come_with_mlp(tmp_path: Path) -> None:
    top = write(
        tmp_path,
        top="base: sub/mid.yaml\ntraining: {epochs: 2}\n",
        sub__mid="base: iris\nmodel: {hidden: [3]}\ntraining: {epochs: 5, batch_size: 7}\n",
    )
    experiment = load_experiment(top)
    iris = load_experiment(Path("iris"))
    assert experiment.data == iris.data  # with the path of its file
    assert Path(experiment.data.path).is_file()
    assert [layer.units for layer in experiment.model.hidden] == [3]
    assert (experiment.training.epochs, experiment.training.batch_size) == (2, 7)
    assert experiment.training.patience == iris.training.patience


def test_paths_start_at_the_folder_of_the_file_that_has_them(tmp_path: Path) -> None:
    base = {
        "data": {"name": "csv", "path": ["a.csv", "/b.csv"], "target": "y"},
        "training": {"start_from": "best.npz"},
    }
    files = {"sub__base": write_yaml(base), "top": "base: sub/base.yaml\n"}
    experiment: Any = load_experiment(write(tmp_path, **files))
    assert experiment.data.path == [str(tmp_path / "sub" / "a.csv"), "/b.csv"]
    assert experiment.training.start_from == str(tmp_path / "sub" / "best.npz")
    files["top"] += "data: {path: a.csv}\n"
    experiment = load_experiment(write(tmp_path, **files))
    assert experiment.data.path == str(tmp_path / "a.csv")
    split = {"name": "csv", "split": {"train": "a.csv", "test": "../b.csv"}, "target": "y"}
    files = {"sub__base": write_yaml({"data": split}), "top": "base: sub/base.yaml\n"}
    experiment = load_experiment(write(tmp_path, **files))
    assert experiment.data.path == [str(tmp_path / "sub" / "a.csv"), str(tmp_path / "b.csv")]
    files["sub__base"] = write_yaml({"data": {**split, "path": "a.csv", "split": "part"}})
    experiment = load_experiment(write(tmp_path, **files))
    assert experiment.data.split == "part"  # the name of a column


def test_all_keys_of_files_are_known() -> None:
    def holds_a_file(node: Any) -> bool:
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        is_file = isinstance(node, dict) and FILE_NAME.items() <= node.items()
        return is_file or any(holds_a_file(part) for part in parts)

    found = set()
    schema = Experiment.model_json_schema()
    for top, node in schema["properties"].items():
        sections = [option["$ref"] for option in node.get("oneOf", [node]) if "$ref" in option]
        for ref in sections:
            keys = schema["$defs"][ref.rpartition("/")[2]]["properties"]
            found |= {(top, key) for key, item in keys.items() if holds_a_file(item)}
    assert found == set(FILE_KEYS)


def test_problems_point_to_the_file_that_holds_the_key(tmp_path: Path) -> None:
    top = write(
        tmp_path,
        top="base: mid.yaml\noptimizer: {momentum: 2}\n",
        mid="base: base.yaml\nmodel: {hidden: [5, six]}\n",
        base=f"{BASE}  seeds: 3\nlose: hinge\n".replace("{epochs: 3}", "\n  epochs: 3"),
    )
    first, *blocks = refusal(top, "loss.delta=-1").split("\n\n")
    assert first == "5 problems in top.yaml and what it extends:"
    assert [re.match(r"(--set )?[^ ]*", block)[0] for block in blocks] == [  # type: ignore[index]
        *("--set loss.delta=-1:", "top.yaml:2:23:", "mid.yaml:2:21:", "base.yaml:12:3:", "base.yaml:13:1:"),
        "5",
    ]
    assert "    seeds: 3\n    ^" in blocks[3]


def test_a_problem_that_is_overwritten_is_none(tmp_path: Path) -> None:
    base = BASE.replace("epochs: 3", "epochs: .nan")
    assert load(tmp_path, "training: {epochs: 4}", base=base)["training"]["epochs"] == 4
    assert "base.yaml:10:20: .nan is not a finite number" in refusal(write(tmp_path, top="base: base.yaml"))


NO_BASE: dict[str, tuple[dict[str, str], str]] = {
    "itself": ({"top": "base: top.yaml"}, 'top.yaml:1:7: base: "top.yaml" leads back to itself'),
    "a circle": ({"top": "base: a.yaml", "a": "base: top.yaml"}, 'a.yaml:1:7: base: "top.yaml" leads back'),
    "no text": ({"top": "base: 3"}, "top.yaml:1:7: base: 3 is not the path of a config"),
    "nothing": ({"top": "base:\ndata: spiral"}, "base: null is not the path of a config"),
    "no such file": (
        {"top": "base: spirl"},
        'there is no config "spirl"; did you mean spiral?',
    ),
    "no config": ({"top": "base: a.yaml", "a": "spiral"}, 'base: "a.yaml" is no config: it has no sections'),
    "no YAML": ({"top": "base: a.yaml", "a": "data: [1"}, "a.yaml:1:9: not readable as YAML"),
    "a large file": ({"top": "base: a.yaml", "a": "#" * (MAX_BYTES + 1)}, "a.yaml is larger than 1 MB"),
    "too many": (
        {"top": "base: c0.yaml", **{f"c{i}": f"base: c{i + 1}.yaml" for i in range(MAX_BASES + 1)}},
        f"more than {MAX_BASES} configs, each of which extends the next",
    ),
}


@pytest.mark.parametrize("case", NO_BASE)
def test_what_is_no_base_is_refused_where_it_is_named(case: str, tmp_path: Path) -> None:
    files, said = NO_BASE[case]
    assert said in refusal(write(tmp_path, **files))


def test_a_base_is_named_in_the_config_alone(tmp_path: Path) -> None:
    assert "the config itself names the base" in refusal(write(tmp_path, top=BASE), "base=spiral")


def test_old_spellings_in_a_base_are_noted_at_their_place(tmp_path: Path) -> None:
    base = BASE.replace("scaling: range", "standardize: scale")
    with pytest.warns(ConfigWarning, match=r"base\.yaml:1:34: data\.standardize: scale is now written"):
        assert load(tmp_path, "data: {noise: 0.1}", base=base)["data"]["scaling"] == "range"
    with pytest.warns(ConfigWarning, match=r"top\.yaml:2:8: data\.standardize: center is now written"):
        assert load(tmp_path, "data: {standardize: center}")["data"]["scaling"] == "center"


def test_a_program_extends_configs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, base=BASE)
    monkeypatch.chdir(tmp_path)
    config = {"base": "base.yaml", "training": {"seed": 3}}
    assert make_experiment(config).training.model_dump()["epochs"] == 3
    assert make_experiment({"base": "spiral"}) == load_experiment(shipped_configs()["spiral"])
    assert config == {"base": "base.yaml", "training": {"seed": 3}}
    with pytest.raises(ConfigError, match=r"^optimizer\.momentum: 2 is not a number"):
        make_experiment({**config, "optimizer": {"momentum": 2}})


def test_a_misspelt_base_is_a_key_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("bas: spiral\n")
    with pytest.raises(
        ConfigError, match=r'unknown key "bas"; did you mean "base"\? \(allowed: base, data, '
    ):
        load_experiment(tmp_path / "a.yaml")
