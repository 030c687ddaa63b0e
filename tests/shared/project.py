"""A copy of the project as the repository holds it, in which tests may write."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = [".ci", "benchmarks", "configs", "datasets", "docs", "mlpcli", "tests"]
FILES = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "mkdocs.yml",
    "pyproject.toml",
]
_NOT_OURS = shutil.ignore_patterns("__pycache__", "cifar-10*", ".*.tmp")


def copy_project(folder: Path) -> None:
    """Copy the project into a new folder, without what Python and downloads leave behind."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=_NOT_OURS)
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
