"""The config as one would write it: the settings of the page, and what differs from the defaults."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from mlpcli.config.loader import validate_experiment
from mlpcli.config.schema import Experiment, to_plain

__all__ = ["short_config"]

_NEEDED = ("name", "path", "target")  # keys of data without which there is no config


def short_config(experiment: Experiment, shown: Collection[str]) -> dict[str, Any]:
    """Return the config as plain values, without what is at its default, except for the keys ``shown``.

    Read again, it is the same config. Where a recipe fills in what is left open, it is complete.
    """
    plain = to_plain(experiment)
    if "regularization.l2" in shown:
        plain["regularization"]["l2"] = experiment.l2  # as the page shows it
    if experiment.recipe != "plain":
        return plain
    named = {section: {"name": _name(plain[section])} for section in ("loss", "optimizer")}
    data = {key: plain["data"][key] for key in _NEEDED if key in plain["data"]}
    defaults = to_plain(validate_experiment({"data": data, **named, "recipe": "plain"}, Path()))
    needed = {*shown, *(f"data.{key}" for key in data)}
    short: dict[str, Any] = _without(plain, defaults, needed, "")
    again = to_plain(validate_experiment(short, Path()))
    return short if again == plain else plain


def _name(section: Any) -> Any:
    return section["name"] if isinstance(section, dict) else section


def _without(value: Any, default: Any, shown: Collection[str], path: str) -> Any:
    """Return what is left of a value; a section of which only its name is left is that name."""
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    left = {}
    for key, item in value.items():
        here = f"{path}.{key}" if path else key
        same = isinstance(default, dict) and key in default and default[key] == item
        is_needed = key == "name" or here in shown or any(name.startswith(f"{here}.") for name in shown)
        if not same or is_needed:
            left[key] = _without(item, default.get(key) if isinstance(default, dict) else None, shown, here)
    return left["name"] if left.keys() == {"name"} else left
