"""What is installed: every package, the configs and data sets that come with mlp; and what is said of it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import mlpcli

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """Return what stands in pyproject.toml."""
    if sys.version_info < (3, 11):
        pytest.skip("needs tomllib")
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
def settings(project: dict[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = project["tool"]["setuptools"]
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


def test_the_version_stands_in_one_place(project: dict[str, Any]) -> None:
    assert importlib.metadata.version("mlpcli") == mlpcli.__version__
    assert "version" not in project["project"]
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "mlpcli").rglob("*.py")}
    texts[ROOT / "pyproject.toml"] = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    places = [path for path, text in texts.items() if re.search(rf"""["']{mlpcli.__version__}["']""", text)]
    assert places == [ROOT / "mlpcli" / "__init__.py"]
    assert f"\n## {mlpcli.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_extra_that_is_named_exists(project: dict[str, Any]) -> None:
    """In messages, pages and the file itself."""
    extras = project["project"]["optional-dependencies"]
    named: dict[str, Path] = {}
    folders = ("mlpcli", "benchmarks", "tests/fuzz", "docs", "configs")
    files = [path for name in folders for kind in ("py", "md") for path in (ROOT / name).rglob(f"*.{kind}")]
    for path in [*files, *ROOT.glob("*.md"), ROOT / "pyproject.toml"]:
        for found in re.findall(r"(?:mlpcli|'\.)\[([\w,]+)\]", path.read_text(encoding="utf-8")):
            named |= dict.fromkeys(found.split(","), path)
    assert {name: place for name, place in named.items() if name not in extras} == {}
    assert {"plot", "play", "sklearn", "dev", "bench"} <= named.keys()


def test_what_is_said_of_python_agrees(project: dict[str, Any]) -> None:
    """The oldest version is that of the classifiers and of the linters."""
    listed = [
        line.removeprefix("Programming Language :: Python :: ")
        for line in project["project"]["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", line)
    ]
    oldest, tool = listed[0], project["tool"]
    assert listed == [f"3.{minor}" for minor in range(int(oldest[2:]), int(oldest[2:]) + len(listed))]
    assert project["project"]["requires-python"] == f">={oldest}"
    assert tool["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert tool["mypy"]["python_version"] == oldest
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in listed
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
