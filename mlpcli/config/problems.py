"""Words what pydantic found wrong for the user: the key, its value, and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from mlpcli.config.allowed import choice_names, dereference, describe, json_schema, section_keys
from mlpcli.config.keys import OTHER_KEYS, find_keys, keys_with_name, names_with_key, other_name
from mlpcli.config.schema.paths import FILE_KEYS
from mlpcli.config.slips import rewrite
from mlpcli.config.spellings import RENAMED
from mlpcli.config.tables import section_for
from mlpcli.config.yaml12 import Path
from mlpcli.errors import nearest
from mlpcli.text import some

__all__ = ["Problem", "dotted", "find_problems", "show"]

_MOST = 1000  # problems that are worded: to look for the nearest word takes time
_MANY = 20  # keys whose list leaves no room for more beside it


@dataclass(frozen=True)
class Problem:
    """One mistake: its place in the data, what is wrong, and what would be right."""

    path: Path
    message: str
    at_key: bool = False  # point at the key, not at its value

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


def dotted(path: Path) -> str:
    """Return a path as a dotted key: ``model.hidden.0.units``."""
    parts = [str(part) for part in path]
    return ".".join(part if part.isprintable() and 0 < len(part) <= 60 else show(part) for part in parts)


def find_problems(
    error: ValidationError, data: Any, model: type[BaseModel], besides: Set[Path] = frozenset()
) -> tuple[list[Problem], int]:
    """List what is wrong in ``data``, in the order of the schema, except at the paths ``besides``.

    Of thousands of problems only the first are worded. The number of the others is returned with them.
    """
    schema = json_schema(model)
    items = [
        item
        for item in error.errors(include_url=False, include_context=True)
        if not besides or not _within(_walk(item["loc"], schema)[0], besides)
    ]
    problems = [_problem(item, data, schema, model) for item in items[:_MOST]]  # some point elsewhere
    return [p for p in problems if not _within(p.path, besides)], max(0, len(items) - _MOST)


def _within(path: Path, places: Set[Path]) -> bool:
    return any(path[:depth] in places for depth in range(len(path) + 1))


def _problem(item: Mapping[str, Any], data: Any, schema: dict[str, Any], model: type[BaseModel]) -> Problem:
    path, parent, node = _walk(item["loc"], schema)
    kind = item["type"]
    if kind == "extra_forbidden":
        if renamed := RENAMED.get(path):
            return Problem(
                path, f'this is the old name of "{renamed.key}", which is there too; delete it', at_key=True
            )
        return Problem(path, _unknown_key(path, section_keys(parent), model), at_key=True)
    if kind == "missing":
        help_line = f": {node['description']}" if "description" in node and len(path) > 1 else ""
        return Problem(
            path[:-1],
            f'key "{path[-1]}" is missing; it must be {describe(node, schema)}{help_line}',
            at_key=True,
        )
    if kind == "union_tag_not_found" and isinstance(item["input"], dict):
        return Problem(
            path,
            f'key "name" is missing; it must be one of {", ".join(choice_names(node, schema))}',
            at_key=True,
        )
    if kind == "union_tag_invalid":
        value = _at(data, path)
        if isinstance(value, dict):
            path, value = (*path, "name"), value["name"]
        if isinstance(value, str):
            section = section_for(value) if path[0] == "data" else None
            if section is not None:
                return Problem(path, f"{show(value)} is a file, and not a name; write data: {section}")
            return Problem(path, _unknown_name(value, choice_names(node, schema), node, model))
        return Problem(path, f"{show(value)} is not one of {', '.join(choice_names(node, schema))}")
    if kind == "config":
        return Problem(item["ctx"]["at"] or path, item["msg"])
    if kind == "too_long" and "maxItems" in node:
        return Problem(
            path, f"{item['ctx']['actual_length']:,} entries; at most {node['maxItems']:,} are allowed"
        )
    message = f"{show(item['input'])} is not {describe(node, schema)}"
    value = item["input"]
    if "enum" in node and isinstance(value, (str, bool)):
        meant, elsewhere = other_name(value, node["enum"], node.get("other_names", {}))
        if meant is not None:
            return Problem(
                path,
                f'{message}; it is "{meant}" here' if elsewhere else f'{message}; did you mean "{meant}"?',
            )
    elif node.get("type") == "string" and isinstance(value, (bool, int, float)):
        shown = show(value)
        if path[:2] in FILE_KEYS:
            return Problem(path, f"{shown} is not a path; write ./{shown} for a file or folder of that name")
        return Problem(path, f"{message}; quote it to make it one")
    elif advice := _advice_on_layout(value, path, node):
        return Problem(path, f"{message}; {advice}")
    written = rewrite(value, node)
    if written is not None:
        return Problem(path, f"{message}; write {written}")
    keys = keys_with_name(value, model) if isinstance(value, str) else []
    return Problem(path, f"{message}; {show(value)} is for {keys[0]}" if keys else message)


def _advice_on_layout(text: Any, path: Path, node: dict[str, Any]) -> str | None:
    """Return how to lay out what YAML has read otherwise: a key without its value, a colon, a list."""
    keys = node.get("properties", {})
    is_section = keys or "discriminator" in node
    if is_section and isinstance(text, list) and len(text) == 1 and isinstance(text[0], dict):
        return "write its keys without a hyphen"
    if not isinstance(text, str):
        return None
    if text in keys:
        return f"write {dotted(path)}: {{{text}: ...}}"
    if text.partition(":")[0] in keys:
        return "a blank is missing after the colon"
    if " - " in text and path and isinstance(path[-1], int):
        return "the hyphens of a list stand below each other"
    return None


def _unknown_key(path: Path, known: list[str], model: type[BaseModel]) -> str:
    word = str(path[-1])
    if len(path) == 1:
        known = ["base", *known]  # which is gone once the base has been read
    meant = _meant(path, known, model)
    is_key = meant or find_keys(word, model)
    sections = [] if is_key else [key for key in keys_with_name(word, model) if key.split(".")[0] == path[0]]
    if whose := names_with_key(dotted(path[:-1]), word, model):
        guess = f"; it is a key of {some(whose, 3 if len(known) <= _MANY else 1)}"
    elif sections:
        guess = f"; it is a name: {sections[0]}: {word}"
    else:
        meant = meant or nearest(word, known)
        guess = f'; did you mean "{meant}"?' if meant else ""
    return f"unknown key {show(word)}{guess} (allowed: {', '.join(known)})"


def _meant(path: Path, known: list[str], model: type[BaseModel]) -> str | None:
    """Return the key that an unknown one means: one that other libraries call so, or of another section."""
    word = str(path[-1])
    key = OTHER_KEYS.get(word.lower().replace("-", "_"), word)
    if key in known:
        return key
    elsewhere = next(iter(find_keys(word, model)), None)
    if elsewhere is None or elsewhere.partition(".")[0] == path[0]:  # that section has it under another name
        return None
    return elsewhere if len(path) == 1 else nearest(word, known) or elsewhere


def _unknown_name(value: str, names: list[str], node: dict[str, Any], model: type[BaseModel]) -> str:
    """Say that a value is none of the names, and which of them it means."""
    shown, allowed = show(value), f"(allowed: {', '.join(names)})"
    meant, elsewhere = other_name(value, names, node.get("other_names", {}))
    if elsewhere:
        return f'unknown name {shown}; it is "{meant}" here {allowed}'
    if meant is not None:
        return f'unknown name {shown}; did you mean "{meant}"? {allowed}'
    keys = keys_with_name(value, model)
    return f"unknown name {shown}{f'; it is for {keys[0]}' if keys else ''} {allowed}"


def show(value: Any) -> str:
    """Return a value as a message shows it: one short line, without control characters."""
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = json.dumps(value)
    return text if len(text) <= 60 else text[:56] + "..." + text[-1]


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _walk(loc: Path, schema: dict[str, Any]) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Follow pydantic's path; return the path in the data and the schema nodes before and at its end.

    After a choice pydantic inserts the name that was chosen, which is not part of the path in the data.
    """
    path: list[str | int] = []
    parent: dict[str, Any] = {}
    node = dereference(schema, schema)
    for part in loc:
        if "discriminator" in node:
            node = dereference({"$ref": node["discriminator"]["mapping"][part]}, schema)
            continue
        path.append(part)
        parent = node
        named = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        child = node["items"] if isinstance(part, int) else named
        node = dereference(child, schema)
    return tuple(path), parent, node
