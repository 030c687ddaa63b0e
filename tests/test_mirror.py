"""Tests mirror the tree: every module has tests in its own place, or is listed here with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "mlpcli"

# Where the modules are tested whose tests stand elsewhere.
ELSEWHERE = {
    # Tested as one, from the outside: by the command line, a config, or the page.
    "__main__.py": "cli/test_main.py",
    "cli/options.py": "cli/test_train.py",
    "cli/play.py": "play/test_app.py",
    "config/problems.py": "config/test_loader.py",
    "config/source.py": "config/test_loader.py",
    "play/commands.py": "play/test_app.py",
    # Parts of a cohort, which is right if each run has the bytes that it has alone.
    "cohort/batches.py": "cohort/test_cohort.py",
    "cohort/group.py": "cohort/test_cohort.py",
    "cohort/optimizer.py": "cohort/test_cohort.py",
    "nn/side_by_side.py": "cohort/test_cohort.py",
    # The contract, which the layers keep.
    "nn/layer.py": "nn/test_layers.py",
    # A folder of parts that make one thing.
    "config/schema/": "config/test_schema.py",
    "data/arrays/": "data/test_arrays.py",
    "training/check/": "training/test_check.py",
    "training/checkpoints/": "training/test_checkpoints.py",
    # What the evaluation and the predictions of files share.
    "training/new_rows.py": "training/test_piecewise.py",
    # Nothing that could be wrong by itself: fields, and words that others say.
    "data/dataset.py": "data/test_splits.py",
    "data/sentences.py": "data/test_labels.py",
    "sweep/messages.py": "sweep/test_worker.py",
}


def mirror(module: str) -> str:
    """Return where a module is tested, unless it is listed."""
    folder, _, name = module.rpartition("/")
    return f"{folder}/test_{name}".lstrip("/")


def listed(module: str) -> str | None:
    """Return the entry of `ELSEWHERE` that a module falls under."""
    return next(
        (key for key in ELSEWHERE if module == key or (key[-1] == "/" and module.startswith(key))), None
    )


MODULES = sorted(
    path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_tested_in_its_own_place(module: str) -> None:
    key, place = listed(module), TESTS / mirror(module)
    if key is None:
        assert place.is_file(), f"mlpcli/{module} has no tests/{mirror(module)}"
    else:
        assert not place.is_file(), f"take {key} off the list, as there is tests/{mirror(module)}"
        assert (TESTS / ELSEWHERE[key]).is_file()


def test_the_list_names_modules_that_there_are() -> None:
    assert {listed(module) for module in MODULES} >= ELSEWHERE.keys()
