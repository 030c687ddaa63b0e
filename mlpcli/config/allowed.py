"""Says what each key of the config may be, read from the JSON schema of the models."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import BaseModel

__all__ = [
    "choice_names",
    "default_text",
    "dereference",
    "describe",
    "json_schema",
    "section_keys",
    "short_form",
]


@cache
def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a section; do not change it."""
    return model.model_json_schema()


def dereference(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the node that ``node`` refers to; of "X or null" that of X, marked as ``nullable``."""
    while "$ref" in node:
        node = {
            **schema["$defs"][node["$ref"].rsplit("/", 1)[1]],
            **{k: v for k, v in node.items() if k != "$ref"},
        }
    options = [option for option in node.get("anyOf", []) if option.get("type") != "null"]
    if len(options) == 1:  # X or null
        return {**dereference(options[0], schema), "nullable": True}
    return node


def section_keys(node: dict[str, Any]) -> list[str]:
    """Return the keys of a section, ``name`` first."""
    return sorted(node.get("properties", {}), key=lambda key: key != "name")


def choice_names(node: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return the names that a choice offers."""
    sections = node.get("discriminator", {}).get("mapping", {})
    return [name for name, ref in sections.items() if dereference({"$ref": ref}, schema).get("offered", True)]


def describe(node: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return in words what a key may be: type, range or names."""
    text = _describe_type(node, schema)
    return f"{text}, or null" if node.get("nullable") else text


def _describe_type(node: dict[str, Any], schema: dict[str, Any]) -> str:
    if "allowed" in node:
        return str(node["allowed"])
    names = node.get("enum") or ([node["const"]] if "const" in node else None) or choice_names(node, schema)
    if names:
        return f"one of {', '.join(map(str, names))}"
    kind = node.get("type")
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _describe_range(node)
    if kind == "boolean":
        return "true or false"
    if kind == "array":
        item = dereference(node["items"], schema)
        example = ["100", "50"] if "properties" in item else ["a", "b"]
        return f"a list, as in [{', '.join(example)}]" + (
            ", with one or more entries" if node.get("minItems") else ""
        )
    if kind == "string":
        if node.get("maxLength") == 1:
            return "a single character"
        return "a string of one or more characters" if "minLength" in node else "a string"
    if entry := node.get("additionalProperties"):
        return f"a mapping, each value {describe(dereference(entry, schema), schema)}"
    return f"a mapping with {', '.join(section_keys(node))}"


def _describe_range(node: dict[str, Any]) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:,}"
    lower = f", {low:g} or more" if low is not None else f" above {above:g}" if above is not None else ""
    upper = (
        f" and below {below:,}" if below is not None else f" and up to {high:,}" if high is not None else ""
    )
    return lower + upper


def short_form(value: Any) -> Any:
    """Return a default as a config writes it: of a section its name, of a layer its units."""
    if isinstance(value, dict):
        return value.get("name") or value.get("units") or {}
    return [short_form(item) for item in value] if isinstance(value, list) else value


def default_text(value: Any) -> str:
    """Return a default as it is written in a config, in its shortest form."""
    value = short_form(value)
    if isinstance(value, list):
        return f"[{', '.join(map(default_text, value))}]"
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-")
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(value)
