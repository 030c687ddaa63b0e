"""Configs that come with mlp are found by their names, in a checkout and where mlp is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.config import shipped
from mlpcli.config.loader import load_experiment, make_experiment
from mlpcli.config.schema import to_plain
from mlpcli.config.shipped import shipped_configs
from mlpcli.errors import ConfigError

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "configs").rglob("*.yaml"))
NAMES = [file.relative_to(ROOT / "configs").with_suffix("").as_posix() for file in FILES]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_are_known() -> None:
    assert list(shipped_configs()) == NAMES
    assert {"spiral", "iris", "notes/dead_relu"} <= set(NAMES)


def test_the_page_of_the_config_lists_those_of_data_sets() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert all(f"[`{name}`](../configs/{name}.yaml)" in page for name in NAMES if "/" not in name)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_loaded_by_its_name(name: str) -> None:
    experiment = load_experiment(Path(name))
    assert experiment == make_experiment(name) == load_experiment(shipped_configs()[name])
    data = to_plain(experiment)["data"]
    assert "path" not in data or Path(data["path"]).is_file()


def test_they_are_in_the_package_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "mlpcli"
    (package / "configs" / "notes").mkdir(parents=True)
    (package / "configs" / "notes" / "mine.yaml").write_text("data: {name: npz, path: ../../datasets/my.npz}")
    (package.parent / "configs").mkdir()  # of somebody else
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    assert shipped_configs() == {"notes/mine": package / "configs" / "notes" / "mine.yaml"}
    data = to_plain(load_experiment(Path("notes/mine")))["data"]
    assert data["path"] == str((package / "datasets" / "my.npz").resolve())


def test_a_file_in_the_working_directory_comes_first() -> None:
    Path("spiral").write_text("data: moons")
    assert load_experiment(Path("spiral")).data.name == "moons"
    Path("spiral").unlink()
    Path("spiral").mkdir()  # a directory is no config
    assert load_experiment(Path("spiral")).data.name == "spiral"


def test_paths_of_overrides_start_at_the_working_directory(tmp_path: Path) -> None:
    for experiment in (
        load_experiment(Path("iris"), ["data.path=my.csv"]),
        make_experiment("iris", {"data": {"path": "my.csv"}}),
    ):
        assert to_plain(experiment)["data"]["path"] == str((tmp_path / "my.csv").resolve())


@pytest.mark.parametrize("name", ["spirl", "spiral.yaml", "elsewhere/spiral.yml"])
def test_a_name_that_is_nearly_one_of_them(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(Path(name))
    assert str(caught.value) == (
        f"{Path(name)}: there is no such file; did you mean spiral, which comes with mlp?"
    )


def test_a_problem_names_the_option_or_the_file_of_mlp() -> None:
    with pytest.raises(ConfigError, match=r"^--set training.epochs=-1: "):
        load_experiment(Path("spiral"), ["training.epochs=-1"])
