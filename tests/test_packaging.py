"""What is installed: every package, and the configs and data sets that come with mlp."""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def settings() -> dict[str, Any]:
    if sys.version_info < (3, 11):
        pytest.skip("needs tomllib")
    import tomllib

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    tool: dict[str, Any] = tomllib.loads(text)["tool"]["setuptools"]
    return tool


def folder(package: str, settings: dict[str, Any]) -> Path:
    """Return where the files of a package are in the checkout."""
    for mapped, place in sorted(settings["package-dir"].items(), key=lambda item: -len(item[0])):
        if package == mapped or package.startswith(f"{mapped}."):
            return ROOT.joinpath(place, *package.removeprefix(mapped).split("."))
    raise AssertionError(package)


def test_every_package_is_listed(settings: dict[str, Any]) -> None:
    listed = {folder(package, settings) for package in settings["packages"]}
    assert len(listed) == len(settings["packages"])
    assert {path.parent for path in (ROOT / "mlpcli").rglob("*.py")} <= listed
    assert {path.parent for path in (ROOT / "configs").rglob("*.yaml")} <= listed


def test_every_file_is_installed(settings: dict[str, Any]) -> None:
    """Beside the modules; of the data sets those that come along, not those that were downloaded."""
    patterns = {folder(name, settings): globs for name, globs in settings["package-data"].items()}
    package = ROOT / "mlpcli"
    for file in [*package.rglob("*"), *(ROOT / "configs").rglob("*"), *(ROOT / "datasets").glob("*.*")]:
        if file.is_dir() or file.suffix in (".py", ".pyc") or file.name.startswith("cifar-10"):
            continue
        inside = next(place for place in (file.parent, *file.parents) if place in patterns)
        name = file.relative_to(inside).as_posix()
        assert any(fnmatch(name, pattern) for pattern in patterns[inside]), file
