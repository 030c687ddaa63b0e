"""docs/config.md has every key of the config, as the schema has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.config.reference import update_page
from mlpcli.config.schema import Experiment

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    assert update_page(PAGE) == PAGE, "run: python -m mlpcli.config.reference docs/config.md"


def test_the_page_has_each_key_and_each_name_with_its_help_line() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for section, schema in Experiment.model_json_schema()["$defs"].items():
        for key, node in schema["properties"].items():
            shown = node.get("enum") or [node["const"]] if key == "name" else [key]
            with_help = [row for row in rows if row.endswith(f"| {node['description']} |")]
            for word in shown:
                assert any(f"`{word}`" in row for row in with_help), f"{section}: {word}"


def test_the_page_has_defaults_and_ranges() -> None:
    assert "|  | `classes` | `3` | a whole number from 2 to 100 | number of arms |" in PAGE
    assert "|  | `eps` | `1e-8` | a number above 0 | small number that keeps the division finite |" in PAGE


@pytest.mark.parametrize("key", ["activation", "init"])
def test_a_section_says_what_its_own_key_says(key: str) -> None:
    """Of hidden layers it is null that "means as in model"; in model it is no valid value."""
    description = Experiment.model_json_schema()["$defs"]["Model"]["properties"][key]["description"]
    heading = f"#### model.{key}\n\n"
    assert PAGE.split(heading)[1].startswith(f"{description[0].upper()}{description[1:]}.\n")


def test_a_page_without_the_comment_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no line"):
        update_page("# The config\n")
