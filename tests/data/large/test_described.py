"""What columns hold comes back as it was written, and nothing else is taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.data.kinds import BOOLEAN, category
from mlpcli.data.large.described import Described, read_described, write_described
from mlpcli.errors import DataError


@pytest.mark.parametrize(
    "described",
    [
        Described(("a", "Größe", "b"), {"a": category(("x", "ü\n", "")), "b": BOOLEAN}, ("no", "yes")),
        Described(("a",), {}, None),
    ],
)
def test_it_comes_back(tmp_path: Path, described: Described) -> None:
    write_described(tmp_path / "table.json", described)
    assert read_described(tmp_path / "table.json") == described


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"columns": [], "kinds": {}, "classes": null}',
        '{"columns": ["a", "a"], "kinds": {}, "classes": null}',
        '{"columns": ["a"], "kinds": {"b": {"name": "boolean"}}, "classes": null}',
        '{"columns": ["a"], "kinds": {"a": {"name": "date"}}, "classes": null}',
        '{"columns": ["a"], "kinds": {"a": {"name": "category", "levels": [1]}}, "classes": null}',
        '{"columns": ["a"], "kinds": [], "classes": null}',
        '{"columns": ["a"], "kinds": {}, "classes": "ab"}',
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(DataError, match="does not say what the columns of X hold"):
        read_described(tmp_path / "table.json")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_described(tmp_path / "table.json")
