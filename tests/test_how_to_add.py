"""Whoever follows "How to add" in docs/architecture.md has added the thing everywhere.

One thing of each kind is added to a copy of the repository. `additions.yaml` says what is written into which
file; these are exactly the files that the recipe names. Then the tests of the copy and its command line show
that everything knows what was added.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from project import copy_project

ROOT = Path(__file__).parents[1]
RECIPES = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## How to add\n")[2]
ADDITIONS = yaml.safe_load((ROOT / "tests" / "additions.yaml").read_text(encoding="utf-8"))


def recipe(heading: str, name: str) -> list[str]:
    """Return the files of a recipe, in the order of its steps."""
    steps = re.search(rf"^### {heading}\n(.*?)(?=^### )", RECIPES, re.DOTALL | re.MULTILINE)
    assert steps is not None, heading
    return [path.replace("NAME", name) for path in re.findall(r"^\d+\. `(.*?)`: ", steps[1], re.MULTILINE)]


def edited(text: str, edit: dict[str, str]) -> str:
    """Carry out one edit of `additions.yaml`, whose first lines say what there is."""
    match edit:
        case {"new": new}:
            assert not text
            return new
        case {"above": line, "text": new}:
            return one(rf"^(?={re.escape(line)})", text, lambda _: new)
        case {"after": line, "text": new}:
            return one(rf"^{re.escape(line)}[^\n]*\n", text, lambda found: f"{found[0]}{new}\n")
        case {"entry": table, "text": new}:
            start = rf"^{table}\b[^\n]*= \{{\n.*?^(?=\}})"
            return one(start, text, lambda found: f"{found[0]}{new.rstrip()}\n")
        case {"add": name, "to": choices} if name.startswith('"'):
            return one(rf"^{choices}\b.*?Literal\[[^]]*", text, lambda found: f"{found[0]}, {name}")
        case {"add": name, "to": choices}:
            return one(rf"^{choices}: [^=]*= Annotated\[[^,]*", text, lambda found: f"{found[0]} | {name}")
        case {"replace": old, "with": new}:
            return one(re.escape(old), text, lambda _: new)
        case {"written by": _}:
            return text
    raise ValueError(edit)


def one(pattern: str, text: str, new: Callable[[re.Match[str]], str]) -> str:
    """Replace what matches, which is in one place."""
    text, found = re.subn(pattern, new, text, flags=re.MULTILINE | re.DOTALL)
    assert found == 1, f"{found} places match {pattern}"
    return text


@pytest.mark.parametrize("heading", ADDITIONS)
def test_a_recipe_names_every_file_that_is_touched(heading: str) -> None:
    name, *files = ADDITIONS[heading]
    assert recipe(heading, ADDITIONS[heading][name]) == files


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository in which the recipes have been followed."""
    folder = tmp_path_factory.mktemp("copy")
    copy_project(folder)
    for files in ADDITIONS.values():
        for name, edits in files.items():
            if name != "NAME":
                path = folder / name
                text = path.read_text(encoding="utf-8") if path.exists() else ""
                for edit in edits if isinstance(edits, list) else [edits]:
                    text = edited(text, edit)
                path.write_text(text, encoding="utf-8")
    for files in ADDITIONS.values():
        for name, edits in files.items():
            if name != "NAME" and "written by" in edits:
                python(folder, "-m", edits["written by"], name)
    return folder


def python(folder: Path, *args: str, seconds: float = 300) -> str:
    """Run Python in the copy, whose mlpcli it imports, and return what it prints."""
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Of these, the tests that have the name of something added, and those that compare tables with each other.
TESTED = ["tests/nn/test_activations.py", "tests/nn/test_gradients.py", "tests/nn/test_network.py"]
TESTED += [
    "tests/nn/test_layers.py",
    "tests/nn/test_rms_norm.py",
    "tests/optim/test_rules.py",
    "tests/data/test_jsonl.py",
]
TESTED += ["tests/training/test_rates.py", "tests/cli/test_rates.py", "tests/cli/test_main.py"]
TESTED += [
    "tests/cli/test_blas.py",
    "tests/build/test_parts.py",
    "tests/test_parity.py",
    "tests/test_imports.py",
]
TESTED += ["tests/export/test_onnx_file.py", "tests/export/test_python_file.py"]
TESTED += ["tests/test_architecture.py", "tests/test_strangers.py", "tests/config/test_reference.py"]
COMPARED = ["same_names", "table_names", "in_the_tree", "looked_at", "up_to_date"]


@pytest.mark.exhaustive
def test_the_tests_of_the_copy_know_what_was_added(copy: Path) -> None:
    """Gradients, known values, schema and tables, the page on parity, imports, the tree, help, refusals."""
    names = [files["NAME"] for files in ADDITIONS.values()]
    told = python(
        copy, "-m", "pytest", "-q", "-n0", "-m", "not slow", *TESTED, "-k", " or ".join([*names, *COMPARED])
    )
    assert re.match(r"\d+ passed, \d+ deselected in", told.splitlines()[-1]), told


@pytest.mark.slow
def test_all_tests_of_the_copy_pass(copy: Path) -> None:
    """So no file is touched that the recipes do not name."""
    others = "--ignore=tests/test_how_to_add.py"
    python(copy, "-m", "pytest", "-q", others, "-m", "not slow and not exhaustive", seconds=3600)


@pytest.mark.exhaustive
def test_the_commands_of_the_copy_know_what_was_added(copy: Path, tmp_path: Path) -> None:
    found = json.loads(python(copy, "tests/use_additions.py", str(tmp_path)))
    assert Path(found["package"]).parent == copy / "mlpcli"

    code, message = found["wrong config"]
    assert code == 2
    for name in ("jsonl", "softsign", "adamax"):
        assert re.search(rf'did you mean "{name}"\? \(allowed: .*\b{name}\b', message)
    assert '"rsm" is not one of none, batch, layer, rms' in message
    code, message = found["wrong command"]
    assert code == 2
    assert "Did you mean 'rates'?" in message

    for command in COMMANDS:
        if command in found or command not in ("plot", "report", "export to ONNX"):  # which need extras
            assert found[command][0] == 0, found[command][1]
    assert found["rates"][1] == "".join(f"    {epoch}  0.002\n" for epoch in (1, 2, 3, 4))
    assert re.search("^jsonl .* your file$", found["data list"][1], re.MULTILINE)
    counts = json.loads(found["count-params"][1])
    assert counts["parameters"] == (4 * 8 + 8 + 8 + 4 * 8) + (8 * 5 + 5 + 5) + (5 * 3 + 3)
    assert counts["bytes"]["optimizer"] == 4 * 2 * counts["parameters"]
    assert re.search("^pass  gradient ", found["check"][1], re.MULTILINE)
    assert json.loads(found["eval"][1])["n"] == 30
    assert json.loads(found["eval of rows"][1])["n"] == 150
    header, *rows = found["predict"][1].splitlines()
    assert header.startswith("label,probability_setosa")
    assert len(rows) == 150
    assert found["epochs before it was resumed"] == 2
    assert found["same bytes"] == [True, True]
    if "page" in found:
        assert all(name in found["page"] for name in ("softsign", "rms", "adamax", "iris.jsonl"))


COMMANDS = [
    "rates",
    "data list",
    "count-params",
    "check",
    "train",
    "resume",
    "eval",
    "eval of rows",
    "predict",
]
COMMANDS += ["export", "export to ONNX", "plot", "report"]
