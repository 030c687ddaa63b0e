"""Sections as plain values, as files and messages show them."""

from typing import Any

from mlpcli.config.schema.section import Section

__all__ = ["flatten", "to_plain"]


def to_plain(section: Section) -> dict[str, Any]:
    """Return a config section as plain values: complete, and without needless nesting.

    Read again, it gives the same section: ``{name: relu}`` becomes ``relu``, ``{units: 100}`` becomes 100.
    """

    def shorten(value: Any) -> Any:
        if isinstance(value, list):
            return [shorten(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "units" in value:
            value = {key: item for key, item in value.items() if item is not None}
            if len(value) == 1:
                return value["units"]
        if "name" in value:  # first, as it says how to read the rest
            value = {"name": value["name"], **value}
        value = {key: shorten(item) for key, item in value.items()}
        return value["name"] if value.keys() == {"name"} else value

    plain: dict[str, Any] = shorten(section.model_dump())
    return plain


def flatten(plain: Any, prefix: str = "") -> dict[str, Any]:
    """Return a plain config as dotted keys: ``{loss: {delta: 1}}`` becomes ``{loss.delta: 1}``."""
    if not isinstance(plain, dict):
        return {prefix: plain}
    return {
        key: item
        for name, part in plain.items()
        for key, item in flatten(part, f"{prefix}.{name}" if prefix else name).items()
    }
