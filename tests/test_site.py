"""The site has every page, and asks no other server for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlpcli

ROOT = Path(__file__).parents[1]
CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def targets(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        (found,) = entry.values() if isinstance(entry, dict) else (entry,)
        if isinstance(found, list):
            yield from targets(found)
        else:
            yield found


def test_the_navigation_has_every_page_once() -> None:
    listed = list(targets(CONFIG["nav"]))
    folders = tuple(target for target in listed if target.endswith("/"))
    pages = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "docs").rglob("*")
        if path.suffix in (".md", ".ipynb")
    ]
    missing = {page for page in pages if not page.startswith(folders)} - {*listed}
    assert not missing, "name them in nav of mkdocs.yml"
    assert len(listed) == len({*listed})
    assert [target for target in listed if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.stem)
def test_a_page_has_one_title(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


def test_the_reference_has_every_public_name() -> None:
    sklearn = pytest.importorskip("mlpcli.sklearn", reason="pip install '.[sklearn]'", exc_type=ImportError)
    public = {f"mlpcli.{name}" for name in mlpcli.__all__ if name != "__version__"}
    public |= {f"mlpcli.sklearn.{name}" for name in sklearn.__all__}
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert {*re.findall(r"^::: (\S+)$", page, re.MULTILINE)} == public


@pytest.mark.exhaustive
def test_it_is_built_without_a_warning_and_needs_no_other_server(tmp_path: Path) -> None:
    for package in ("mkdocs", "material", "mkdocstrings_handlers"):
        pytest.importorskip(package, reason="pip install '.[docs]'")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        tmp_path / "site",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]* (?:src|href)=\"?(https?:[^\" >]*)", page.read_text("utf-8")
        )
        assert loaded == [], page
    claims = (tmp_path / "site" / "configs" / "notes" / "index.html").read_text("utf-8")
    assert "<code>test_<wbr>two_<wbr>linear_<wbr>layers" in claims, "long names of a table can break"
    reference = (tmp_path / "site" / "docs" / "reference.html").read_text("utf-8")
    assert 'id="mlpcli.Model.predict"' in reference
    assert 'id="mlpcli.Model.compute_logits"' not in reference, "what only mlp uses is not shown"
