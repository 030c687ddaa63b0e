"""Writes the JSON Schema of a config, from which editors complete keys, show their help, and mark mistakes.

The schema that pydantic makes is that of a config as it is once it has been read. Here it becomes that of
what may be written: with names that stand alone, single entries for lists, and old spellings. Over a ``base``
a section may leave out what it needs, as the base may have it. It cannot say how keys of several sections
fit each other. tests/config/test_editor_schema.py names what only the loader
knows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlpcli.config.allowed import default_text, dereference, describe, json_schema, section_keys, short_form
from mlpcli.config.schema import Experiment
from mlpcli.config.spellings import RENAMED

__all__ = ["editor_schema", "schema_text"]

Node = dict[str, Any]
_NULL = {"type": "null"}
_OVER_BASE = "OverBase"  # follows the names of sections whose keys may all be left out
_BASE = {
    "description": "the config that this one extends: a path from the folder of this file, or the name of "
    "one that comes with mlp; mappings are merged, everything else takes the place of what the base has",
    "type": "string",
    "minLength": 1,
}
_NOTES = {  # what pydantic and the models note for mlp itself
    *("title", "description", "default", "discriminator", "other_names", "allowed", "offered"),
    *("written", "unnamed", "alone", "single"),
}


def editor_schema() -> Node:
    """Return the schema, in JSON Schema 2020-12, of what a config file may hold."""
    schema = json_schema(Experiment)
    whole, over_base = _Writer(schema).whole(), _Writer(schema, over_base=True).whole()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A config of mlp",
        "description": "One experiment: data, network and training. Only data has no default.",
        "type": "object",
        "properties": {"base": _BASE},
        "if": {"required": ["base"]},
        "then": {**over_base["top"], "properties": {"base": True, **over_base["top"]["properties"]}},
        "else": whole["top"],
        "$defs": {**whole["sections"], **over_base["sections"]},
    }


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(editor_schema(), indent=1) + "\n"


class _Writer:
    """Writes sections, keys and values for editors; what the models say is not changed.

    With ``over_base``, sections need no key. A list takes the place of that of the base, so what is in it is
    complete.
    """

    def __init__(self, schema: Node, *, over_base: bool = False) -> None:
        self._schema = schema
        self._over_base = over_base
        self._defs = schema["$defs"]
        self._unnamed: set[str] = set()  # sections that may leave out their name

    def whole(self) -> Node:
        """Return the schema of a config without its ``base``, as ``top``, and that of the ``sections``."""
        top = self._section(self._schema)
        for key, node in top["properties"].items():
            if key not in self._schema["required"]:  # a section that is left empty counts as left out
                top["properties"][key] = _or_null(node)
        sections = {name: self._section(node) for name, node in self._defs.items()}
        for name in () if self._over_base else self._unnamed:
            sections[name]["required"].remove("name")
        self._add_old_spellings(sections)
        end = _OVER_BASE if self._over_base else ""
        return {"top": top, "sections": {f"{name}{end}": node for name, node in sections.items()}}

    def _section(self, node: Node) -> Node:
        keys = section_keys(node)
        section: Node = {
            **({"title": _title(node["properties"]["name"])} if "name" in keys else {}),
            "type": "object",
            "properties": {key: self._key(node["properties"][key]) for key in keys},
            "required": [key for key in keys if key in node.get("required", ())],
            "additionalProperties": False,
        }
        more = dict(node.get("written", {}))
        section["properties"] |= more.pop("properties", {})
        if self._over_base:
            return {**section, "required": [], **{key: more[key] for key in ("allOf",) if key in more}}
        return {**section, **more}

    def _key(self, node: Node) -> Node:
        """Return the schema of a key, with its help and its default."""
        whole = dereference(node, self._schema)
        key = {"description": node["description"], **self._value(node)}
        if "properties" in whole:
            return key
        key["description"] += f"\n\n{describe(whole, self._schema)}"
        if "default" not in node:
            return key
        key["description"] += f"; default: {default_text(node['default'])}"
        return {**key, "default": short_form(node["default"])}

    def _value(self, node: Node) -> Node:
        """Return the schema of a value, without what is said of its key."""
        if "written" in node:
            return dict(node["written"])
        if "discriminator" in node:
            return self._choice(node)
        if "anyOf" in node:
            single = {"single": True} if "single" in node else {}
            options = [self._value({**one, **single}) for one in node["anyOf"]]
            return _or_null(options[0]) if options[1:] == [_NULL] else {"anyOf": options}
        if "$ref" in node:
            section = {"$ref": self._ref(node["$ref"])}
            return {"anyOf": [self._alone(node), section]} if "alone" in node else section
        value = {key: item for key, item in node.items() if key not in _NOTES}
        if isinstance(node.get("additionalProperties"), dict):
            value["additionalProperties"] = self._value(node["additionalProperties"])
        if "items" not in node:
            return value
        value["items"] = _Writer(self._schema)._value(node["items"])
        if "single" not in node:
            return value
        entry = self._alone(node["items"]) if "alone" in node["items"] else value["items"]
        return {"anyOf": [value, entry]}

    def _alone(self, node: Node) -> Node:
        """Return the schema of the key of a section whose value may stand for the whole section."""
        return self._value(dereference(node, self._schema)["properties"][node["alone"]])

    def _choice(self, node: Node) -> Node:
        """Return the schema of a section with a name: a mapping, or the name alone if it is all it needs."""
        mapping = node["discriminator"]["mapping"]
        if "unnamed" in node:
            self._unnamed.add(mapping[node["unnamed"]].rpartition("/")[2])
        sections = {name: dereference({"$ref": ref}, self._schema) for name, ref in mapping.items()}
        alone = [name for name, section in sections.items() if section["required"] == ["name"]]
        helps = [sections[name]["properties"]["name"]["description"] for name in alone]
        names = {"enum": alone, "enumDescriptions": helps}  # the second is known to editors alone
        options = [names, *({"$ref": self._ref(option["$ref"])} for option in node["oneOf"])]
        return {"anyOf" if self._over_base else "oneOf": options}

    def _ref(self, ref: str) -> str:
        return ref + (_OVER_BASE if self._over_base else "")

    def _add_old_spellings(self, sections: Node) -> None:
        for path, renamed in RENAMED.items():
            top = dereference(self._schema["properties"][path[0]], self._schema)
            for option in top["oneOf"]:
                section = sections[option["$ref"].rpartition("/")[2]]
                new = section["properties"][renamed.key]
                section["properties"][path[-1]] = {
                    "description": f"the old spelling of {renamed.key}",
                    "deprecated": True,
                    **{key: item for key, item in new.items() if key not in ("description", "default")},
                    "enum": [*new["enum"], *renamed.values],
                }
                section.setdefault("allOf", []).append({"not": {"required": [path[-1], renamed.key]}})


def _or_null(node: Node) -> Node:
    """Return the schema of a value that may also be null."""
    for key in ("oneOf", "anyOf"):
        if key in node:
            options = node[key] if _NULL in node[key] else [*node[key], _NULL]
            return {**node, key: options}
    about: Node = {key: node[key] for key in ("description", "default") if key in node}
    value = {key: item for key, item in node.items() if key not in about}
    return {**about, "anyOf": [value, _NULL]}


def _title(name: Node) -> str:
    return ", ".join(name["enum"] if "enum" in name else [name["const"]])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
