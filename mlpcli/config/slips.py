"""Finds the value that was meant if one is written a little wrong, such as yes, or 0,1."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from mlpcli.config.yaml12 import YamlError, parse_scalar

__all__ = ["rewrite"]

_LONGEST = 200  # characters of a text that is looked at
_TRUTHS = {
    "yes": True,
    "y": True,
    "on": True,
    "true": True,
    "no": False,
    "n": False,
    "off": False,
    "false": False,
}
_NOTHING = ("none", "nil", "nan", "never", "off", "-")


def rewrite(value: Any, node: dict[str, Any]) -> str | None:
    """Return how to write what ``value`` means for a key of the JSON schema; None if that cannot be told."""
    for meant in _meanings(value, node):
        if _fits(meant, node):
            return json.dumps(meant)
    return None


def _meanings(value: Any, node: dict[str, Any]) -> Iterator[Any]:
    if isinstance(value, str) and len(value) <= _LONGEST:
        yield from _of_text(value.strip(" ="), node)
    elif isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        yield int(value)
    elif isinstance(value, list) and len(value) == 1:
        yield value[0]
    elif value in (0, 1) and node.get("type") == "boolean":
        yield bool(value)
    elif value is False and node.get("nullable"):
        yield None


def _of_text(text: str, node: dict[str, Any]) -> Iterator[Any]:
    if text.lower() in _NOTHING and node.get("nullable"):
        yield None
    if text.lower() in _TRUTHS:
        yield _TRUTHS[text.lower()]
    yield from _numbers(text)
    yield from _numbers(re.sub(r"(?<=\d)[ _,'](?=\d{3}(\D|$))", "", text))  # 10,000 and 10_000
    if re.fullmatch(r"\d+,(\d{1,2}|\d{4,})", text):
        yield from _numbers(text.replace(",", "."))
    if percent := re.fullmatch(r"(\d{1,2}(\.\d+)?) ?%", text):
        yield round(float(percent[1]) / 100, 12)
    parts = re.fullmatch(r"[\[(]?\s*(\d+(?:(?:\s*[,;x-]\s*|\s+)\d+)*)\s*,?\s*[\])]?", text)
    if parts is not None:
        yield [int(part) for part in re.findall(r"\d+", parts[1])]


def _numbers(text: str) -> Iterator[Any]:
    try:
        number = parse_scalar(text)
    except YamlError:
        return
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        yield number
        if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
            yield int(number)


def _fits(value: Any, node: dict[str, Any]) -> bool:
    kind = node.get("type")
    if value is None:
        return bool(node.get("nullable"))
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    if isinstance(value, list):
        return kind == "array" and "maxLength" not in node and all(0 < item < 10**6 for item in value)
    if kind not in ("integer", "number") or not isinstance(value, int if kind == "integer" else (int, float)):
        return False
    return (
        value >= node.get("minimum", value)
        and value <= node.get("maximum", value)
        and ("exclusiveMinimum" not in node or value > node["exclusiveMinimum"])
        and ("exclusiveMaximum" not in node or value < node["exclusiveMaximum"])
    )
