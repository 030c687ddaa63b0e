"""Copies what a Python caller gives for a config into the plain values that a YAML file holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mlpcli.config.problems import dotted
from mlpcli.config.yaml12 import MAX_DEPTH, MAX_DIGITS, Path
from mlpcli.errors import ConfigError

__all__ = ["copy_value"]

_LARGEST = 10**MAX_DIGITS


def copy_value(value: Any, path: Path = ()) -> Any:
    """Return a copy of ``value`` made of dict, list, str, int, float, bool and None.

    Tuples become lists, and paths become strings. Numbers and arrays of NumPy become Python's numbers and
    lists. Raises ConfigError, which names ``path``, for anything that a config cannot hold.
    """
    place = f"{dotted(path)}: " if path else ""
    if len(path) > MAX_DEPTH:
        raise ConfigError(f"{dotted(path[:3])}...: nested deeper than {MAX_DEPTH} levels")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"{place}a key is of type {type(key).__name__}; keys are strings")
        return {key: copy_value(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [copy_value(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise ConfigError(f"{place}a number of more than {MAX_DIGITS} digits")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ConfigError(
        f"{place}the value is of type {type(value).__name__}; "
        "a config holds numbers, strings, True, False, None, lists and dicts"
    )
