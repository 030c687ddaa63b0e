"""Writes the tables of docs/config.md from the schema: python -m mlpcli.config.reference docs/config.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlpcli.config.allowed import default_text, dereference, describe, json_schema
from mlpcli.config.schema import Experiment

__all__ = ["update_page"]

_MARK = "<!-- The rest is written by: python -m mlpcli.config.reference docs/config.md -->\n"
_COLUMNS = ("key", "default", "allowed", "meaning")


def update_page(page: str) -> str:
    """Return the page, in Markdown, with new tables in place of what follows the comment that names them."""
    prose, mark, _ = page.partition(_MARK)
    if not mark:
        raise ValueError(f"the page has no line {_MARK!r}")
    schema = json_schema(Experiment)
    tables = _Tables(schema)
    parts = [part for key, node in schema["properties"].items() for part in tables.write(key, node, "###")]
    return f"{prose}{mark}\n" + "\n\n".join(parts) + "\n"


class _Tables:
    """Writes one section after the other; a section that several keys hold is written once."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._headings: dict[str, str] = {}  # of the sections inside others, by what is in them
        self._described: dict[str, str] = {}  # by their headings
        self._written: set[str] = set()

    def write(self, path: str, node: dict[str, Any], level: str) -> Iterator[str]:
        """Yield the heading of a section, what it is, its table, and then the sections inside it.

        A key that holds no section gets a table of one row.
        """
        node = dereference(node, self._schema)
        self._written.add(path)
        yield f"{level} {path}"
        if "properties" not in node and "discriminator" not in node:
            yield _table(_COLUMNS, [self._row("", path, node)])
            return
        yield f"{node['description'][0].upper()}{node['description'][1:]}."
        if "allowed" in node:
            yield f"Each entry is {node['allowed']}."
        if "discriminator" in node:
            sections = [dereference(choice, self._schema) for choice in node["oneOf"]]
            yield self._choice_table(path, sections)
        else:
            sections = [node]
            yield _table(_COLUMNS, [self._row(path, key, item) for key, item in node["properties"].items()])
        for section in sections:
            for item in section["properties"].values():
                inner = self._inner(item)
                home = None if inner is None else self._headings[_content(inner)]
                if inner is not None and home is not None and home not in self._written:
                    described = {**inner, "description": self._described[home]}
                    yield from self.write(home, described, "####")

    def _choice_table(self, path: str, sections: list[dict[str, Any]]) -> str:
        """Return the table of a choice: the keys that all names share, then the own keys of each name."""
        shared: dict[str, Any] = {}
        whose: dict[str, list[str]] = {}
        for key, item in sections[0]["properties"].items():
            alike = sum(section["properties"].get(key) == item for section in sections)
            without = [_names(section) for section in sections if key not in section["properties"]]
            if alike > len(sections) / 2 and len(without) <= 1:
                shared[key] = item
                whose.setdefault(f"all but {without[0]}" if without else "all", []).append(key)
        rows = [
            ("" if i else names, *self._row(path, key, shared[key]))
            for names, keys in whose.items()
            for i, key in enumerate(keys)
        ]
        for section in sections:
            names = _names(section)
            if not section.get("offered", True):
                names += " (Python only)"
            rows.append((names, "", "", "", section["properties"]["name"]["description"]))
            rows += [
                ("", *self._row(path, key, item))
                for key, item in section["properties"].items()
                if key != "name" and shared.get(key) != item
            ]
        return _table(("name", *_COLUMNS), rows)

    def _row(self, path: str, key: str, node: dict[str, Any]) -> tuple[str, str, str, str]:
        inner = self._inner(node)
        if inner is None:
            allowed = describe(dereference(node, self._schema), self._schema)
        else:
            home = self._headings.setdefault(_content(inner), f"{path}.{key}")
            self._described.setdefault(home, node["description"])
            allowed = f"see [{home}](#{home.replace('.', '')})"
        default = f"`{default_text(node['default'])}`" if "default" in node else "required"
        return f"`{key}`", default, allowed, node["description"]

    def _inner(self, node: dict[str, Any]) -> dict[str, Any] | None:
        """Return the section that a key holds, or that the entries of its list are; None for plain values."""
        node = dereference(node, self._schema)
        if node.get("type") == "array":
            node = dereference(node["items"], self._schema)
        return node if "discriminator" in node or "properties" in node else None


def _names(section: dict[str, Any]) -> str:
    name = section["properties"]["name"]
    return ", ".join(f"`{one}`" for one in name.get("enum") or [name["const"]])


def _content(node: dict[str, Any]) -> str:
    return json.dumps(node.get("oneOf") or node["properties"])


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(update_page(page.read_text(encoding="utf-8")), encoding="utf-8")
