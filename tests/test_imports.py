"""Imports point one way, as docs/architecture.md says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mlpcli"
GROUND = {
    *("errors", "blas", "streams", "buffers", "files", "reading", "npz", "machine", "specs", "terms", "text"),
    *("colours", "onednn", "passes"),
}

# What each room may import besides itself. A new room has to say it here.
MAY_IMPORT = {
    "errors": set(),
    "blas": set(),
    "streams": set(),
    "buffers": set(),
    "files": set(),
    "machine": set(),
    "specs": set(),
    "terms": set(),
    "text": set(),
    "colours": set(),
    "onednn": {"text"},
    "passes": {"onednn"},
    "reading": {"errors", "text"},
    "npz": {"errors", "reading", "text"},
    "config": {"errors", "specs", "terms", "text"},
    "nn": {"blas", "errors", "buffers", "onednn", "passes", "specs", "text"},
    "optim": {"errors", "buffers", "onednn", "passes"},
    "data": {"errors", "buffers", "files", "npz", "onednn", "reading", "terms", "text"},
    "build": GROUND | {"nn", "optim", "data", "config"},
    "training": GROUND | {"nn", "optim", "data", "config", "build"},
    "cohort": GROUND | {"nn", "optim", "data", "config", "build", "training"},
    "api": GROUND | {"data", "config", "build", "training", "cohort"},
    "sklearn": GROUND | {"data", "config", "build", "training"},
    "mpi": GROUND | {"config", "build", "training"},
    "sweep": GROUND | {"nn", "data", "config", "build", "training", "cohort"},
    "figures": GROUND | {"nn", "data", "config", "build", "training", "cohort", "sweep"},
    "play": GROUND | {"nn", "optim", "data", "config", "build", "training"},
    "export": GROUND | {"nn", "data", "config", "build", "training"},
    "cli": GROUND
    | {"nn", "data", "config", "build", "training", "cohort", "mpi", "sweep", "figures", "play", "export"},
    "__main__": {"cli", "mpi"},
}
# What methods of a program's objects ask of rooms above: imported when they are called, and not before.
ASKED = {
    "training/run.py": {"figures"},
    "training/model.py": {"figures", "export"},
}
WITHOUT_NUMPY = ["config", "errors", "files", "specs", "terms"]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_the_table_names_the_rooms_that_exist_and_points_down() -> None:
    assert {room(path) for path in FILES} == MAY_IMPORT.keys()
    rooms = list(MAY_IMPORT)
    for number, (name, below) in enumerate(MAY_IMPORT.items()):
        assert below <= set(rooms[:number]), name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    here = room(path)
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("mlpcli.")} - {"__version__"}
    assert ours - {here} <= MAY_IMPORT[here] | ASKED.get(path.relative_to(PACKAGE).as_posix(), set())
    if here in WITHOUT_NUMPY:
        assert not any(name.split(".")[0] == "numpy" for name in imported(path))


def test_rooms_above_are_imported_only_when_a_method_asks_them() -> None:
    modules = [f"mlpcli.{path.removesuffix('.py').replace('/', '.')}" for path in ASKED]
    rooms = {f"mlpcli.{room}" for rooms in ASKED.values() for room in rooms}
    code = f"import sys, {', '.join(modules)}; sys.exit(bool({rooms} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_says_in_one_sentence_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    first = docstring.split("\n\n")[0]
    assert first.endswith(".")
