"""docs/architecture.md shows the files that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"( *)([\w.]+/?) {2,}(.*)")


def tree() -> dict[Path, str]:
    """Return what the tree of the page says of each file and folder."""
    found: dict[Path, str] = {}
    folders: list[str] = []
    for line in PAGE.split("```")[1].strip().splitlines():
        match = ENTRY.fullmatch(f"{line}  ")
        assert match is not None, line
        depth = len(match[1]) // 2
        del folders[depth:]
        found[ROOT.joinpath(*folders, match[2])] = match[3].strip()
        if match[2].endswith("/"):
            folders.append(match[2])
    return found


def test_everything_in_the_tree_exists() -> None:
    found = tree()
    assert len(found) > 100
    for path in found:
        assert path.exists(), path


def test_every_module_is_in_the_tree() -> None:
    """Those of a folder with one file for each command, section or picture need not be."""
    found = tree()
    for path in (ROOT / "mlpcli").rglob("*.py"):
        if path.name == "__init__.py":
            path = path.parent
        if path not in found:
            assert "one file for each" in found.get(path.parent, ""), path


def test_every_recipe_names_files_that_exist() -> None:
    steps = re.findall(r"^\d+\. `(\S+)`: ", PAGE, flags=re.MULTILINE)
    assert len(steps) > 30
    for step in steps:
        path = ROOT / step
        assert (path.parent if "NAME" in path.name else path).exists(), step
