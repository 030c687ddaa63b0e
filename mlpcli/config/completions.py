"""Finds the keys and values that may follow ``--set``, in the schema that comes with mlp.

The file is read, as to load the models takes longer than a shell should wait. A test keeps it equal to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from mlpcli.config.shipped import shipped_configs

__all__ = ["keys", "names_of_data", "values_of"]

Node = dict[str, Any]


@cache
def _schema() -> Node:
    file = next(iter(shipped_configs().values())).parent / "schema.json"
    schema: Node = json.loads(file.read_text(encoding="utf-8"))
    return schema


def keys() -> dict[str, str]:
    """Return every dotted key with a value of its own, with the first line of its help."""
    return {key: node["description"].partition("\n")[0] for key, node in _walk(_schema()["else"], "") if key}


def values_of(key: str) -> list[str]:
    """Return the values that a dotted key may have, as far as they can be listed: names, and its default."""
    values: dict[str, None] = {}
    for node in (node for name, node in _walk(_schema()["else"], "") if name == key):
        if "default" in node:
            values[json.dumps(node["default"]).strip('"')] = None
        for form in _forms(node):
            known = form.get("enum", [form["const"]] if "const" in form else [])
            known = [True, False] if form.get("type") == "boolean" else known
            values |= dict.fromkeys(json.dumps(value).strip('"') for value in known)
            if form.get("type") == "null":
                values["null"] = None
    return list(values)


def names_of_data() -> list[str]:
    """Return the data sets that need no file."""
    return [name for name in values_of("data") if name not in ("arrays", "null")]


def _walk(node: Node, prefix: str) -> Iterator[tuple[str, Node]]:
    """Yield the keys inside a section; one that several names of the section have comes several times."""
    for section in _forms(node):
        for key, inner in section.get("properties", {}).items():
            if key == "name" or inner.get("deprecated"):
                continue
            if any("properties" not in form and form.get("type") != "null" for form in _forms(inner)):
                yield f"{prefix}{key}", inner
            yield from _walk(inner, f"{prefix}{key}.")


def _forms(node: Node) -> Iterator[Node]:
    """Yield the forms that a value may have, such as a name or a section with keys."""
    if "$ref" in node:
        yield from _forms(_schema()["$defs"][node["$ref"].rpartition("/")[2]])
        return
    options = [
        option for key in ("anyOf", "oneOf") for option in node.get(key, ()) if "required" not in option
    ]
    if not options or "properties" in node:
        yield node
        return
    for option in options:
        yield from _forms(option)
