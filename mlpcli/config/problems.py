"""Words what pydantic found wrong for the user: the key, its value, and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from mlpcli.config.allowed import choice_names, dereference, describe, json_schema, section_keys
from mlpcli.config.spellings import RENAMED
from mlpcli.config.tables import section_for
from mlpcli.config.yaml12 import Path
from mlpcli.errors import nearest

__all__ = ["Problem", "dotted", "find_problems", "show"]

_MOST = 1000  # problems that are worded: to look for the nearest word takes time


# What keys are called in other libraries.
_SYNONYMS = {
    **dict.fromkeys(("lr", "eta", "eta0", "learning_rate_init", "step_size"), "learning_rate"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs", "max_iter", "iterations"), "epochs"),
    **dict.fromkeys(("bs", "minibatch", "minibatch_size"), "batch_size"),
    **dict.fromkeys(("layers", "hidden_layers", "hidden_layer_sizes", "hidden_sizes"), "hidden"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    **dict.fromkeys(("wd", "decay"), "weight_decay"),
    **dict.fromkeys(("early_stopping", "n_iter_no_change"), "patience"),
    **dict.fromkeys(("label", "label_column", "y"), "target"),
    **dict.fromkeys(("file", "filename", "file_name", "csv"), "path"),
    **dict.fromkeys(("sep", "separator"), "delimiter"),
    **dict.fromkeys(("lr_schedule", "scheduler", "lr_scheduler"), "schedule"),
    **dict.fromkeys(("gradient_clip", "max_grad_norm", "clipnorm"), "clip_norm"),
    **dict.fromkeys(("dropout_rate", "p_dropout"), "dropout"),
}


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
    problems = [_problem(item, data, schema) for item in items[:_MOST]]  # some point elsewhere
    return [p for p in problems if not _within(p.path, besides)], max(0, len(items) - _MOST)


def _within(path: Path, places: Set[Path]) -> bool:
    return any(path[:depth] in places for depth in range(len(path) + 1))


def _problem(item: Mapping[str, Any], data: Any, schema: dict[str, Any]) -> Problem:
    path, parent, node = _walk(item["loc"], schema)
    kind = item["type"]
    if kind == "extra_forbidden":
        if renamed := RENAMED.get(path):
            return Problem(
                path, f'this is the old name of "{renamed.key}", which is there too; delete it', at_key=True
            )
        known = section_keys(parent)
        close = _meant(path, known, schema)
        return Problem(path, _unknown("key", str(path[-1]), known, close), at_key=True)
    if kind == "missing":
        return Problem(
            path[:-1], f'key "{path[-1]}" is missing; it must be {describe(node, schema)}', at_key=True
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
            return Problem(path, _unknown("name", value, choice_names(node, schema)))
        return Problem(path, f"{show(value)} is not one of {', '.join(choice_names(node, schema))}")
    if kind == "config":
        return Problem(item["ctx"]["at"] or path, item["msg"])
    if kind == "too_long":
        return Problem(
            path, f"{item['ctx']['actual_length']:,} entries; at most {node['maxItems']:,} are allowed"
        )
    message = f"{show(item['input'])} is not {describe(node, schema)}"
    if node.get("type") == "string" and isinstance(item["input"], (bool, int, float)):
        return Problem(path, f"{message}; quote it to make it one")
    close = nearest(item["input"], node.get("enum", [])) if isinstance(item["input"], str) else None
    return Problem(path, message + (f'; did you mean "{close}"?' if close else ""))


def _meant(path: Path, known: list[str], schema: dict[str, Any]) -> str | None:
    """Return the key that an unknown one means: one that other libraries call so, or of another section."""
    word = str(path[-1])
    key = _SYNONYMS.get(word.lower().replace("-", "_"), word)
    if key in known:
        return key
    elsewhere = _elsewhere(key, schema)
    if elsewhere is None or elsewhere.partition(".")[0] == path[0]:  # that section has it under another name
        return None
    return elsewhere if len(path) == 1 else nearest(word, known) or elsewhere


def _elsewhere(word: str, schema: dict[str, Any]) -> str | None:
    """Return the dotted key whose last part is ``word``, which was given as a section."""
    for section, node in dereference(schema, schema)["properties"].items():
        resolved = dereference(node, schema)
        choices = resolved.get("discriminator", {}).get("mapping", {}).values()
        for choice in [resolved, *(dereference({"$ref": ref}, schema) for ref in choices)]:
            if word in choice.get("properties", {}):
                return f"{section}.{word}"
    return None


def _unknown(what: str, word: str, known: list[str], close: str | None = None) -> str:
    close = close or nearest(word, known)
    guess = f'; did you mean "{close}"?' if close else ""
    return f"unknown {what} {show(word)}{guess} (allowed: {', '.join(known)})"


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
