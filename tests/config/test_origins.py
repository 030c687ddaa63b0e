"""The origin of each key: a file, an option, the recipe, the data, or the default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlpcli.config.loader import load_experiment, read_origins
from mlpcli.config.origins import write_with_origins
from mlpcli.config.schema import to_plain
from mlpcli.config.yaml12 import read_yaml

BASE = "data: spiral\nloss: hinge\noptimizer: sgd\nmodel: {hidden: [5]}\n"
TOP = "base: base.yaml\noptimizer: {momentum: 0.5}\nmodel: {norm: layer}\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "top.yaml").write_text(TOP)
    return tmp_path / "top.yaml"


def shown(file: Path, *overrides: str, settled: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the origins by the first words of their lines, after a look at the config around them."""
    plain = to_plain(load_experiment(file, overrides))
    text = write_with_origins(plain, read_origins(file, overrides), settled, "--set")
    assert read_yaml(text).data == plain
    lines = re.findall(r"^ *(\w+: ?\S*).*  # (.*)$", text, re.MULTILINE)
    assert len(text.splitlines()) - len(lines) < 10  # of sections, which have no origin of their own
    return dict(lines)


def test_files_options_and_defaults(top: Path) -> None:
    origins = shown(top, "optimizer.schedule=cosine", "training.epochs=3", settled=("training.batch_size",))
    assert {key: origins[key] for key in ("name: spiral", "name: hinge", "name: sgd", "hidden: [5]")} == {
        **dict.fromkeys(("name: spiral", "name: hinge", "name: sgd", "hidden: [5]"), "base.yaml")
    }
    assert origins["momentum: 0.5"] == origins["norm: layer"] == "top.yaml"
    assert origins["name: cosine"] == origins["epochs: 3"] == "--set"
    assert origins["warmup: 0.0"] == origins["seed: 0"] == "default"
    assert origins["batch_size: 32"] == "the data"


def test_what_a_recipe_has(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("data: {name: csv, path: t.csv, target: y}\n")
    origins = shown(tmp_path / "a.yaml", "training.seed=4")
    assert origins["path: " + str(tmp_path / "t.csv")] == "a.yaml"
    assert origins["bins: 16"] == origins["name: coslog4"] == "recipe table"
    assert origins["gain: 1.0"] == "default"
    assert origins["seed: 4"] == "--set"


def test_texts_of_several_lines_stay_whole(tmp_path: Path) -> None:
    long = "word " * 60
    (tmp_path / "a.yaml").write_text(
        f"data: {{name: csv, path: t.csv, target: '{long}', features: [{'abcdefghij, ' * 30}]}}\n"
    )
    plain = to_plain(load_experiment(tmp_path / "a.yaml"))
    text = write_with_origins(plain, read_origins(tmp_path / "a.yaml"), (), "--set")
    assert read_yaml(text).data == plain
    assert "\n  # a.yaml\n  target: " in text


def test_files_of_the_same_name_are_shown_with_their_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text(BASE)
    (tmp_path / "a.yaml").write_text("base: sub/a.yaml\n")
    assert shown(tmp_path / "a.yaml")["name: sgd"] == str(tmp_path / "sub" / "a.yaml")
