"""The file that says what the columns of arrays hold which were made from a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from mlpcli.data.kinds import BOOLEAN, Kind, Kinds, category
from mlpcli.errors import DataError
from mlpcli.reading import opened, within_memory

__all__ = ["Described", "read_described", "write_described"]

_MOST = 64 << 20  # bytes of such a file


class Described(NamedTuple):
    """The names of columns, what those hold that are no plain numbers, and the names of the classes."""

    columns: tuple[str, ...]
    kinds: Kinds
    classes: tuple[str, ...] | None


def write_described(path: Path, described: Described) -> None:
    """Write what the columns hold, as JSON; raises OSError."""
    plain = {
        "columns": described.columns,
        "kinds": {
            name: {"name": kind.name, **({"levels": kind.levels} if kind.name == "category" else {})}
            for name, kind in described.kinds.items()
        },
        "classes": described.classes,
    }
    path.write_text(json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_described(path: Path) -> Described:
    """Read what the columns hold; raises DataError for what `write_described` does not write."""
    with opened(path, DataError) as stream, within_memory(str(path), DataError):
        text = stream.read(_MOST)
    try:
        plain = json.loads(text)
        columns, classes = _names(plain["columns"]), plain["classes"]
        kinds: dict[str, Kind] = {}
        for name, kind in plain["kinds"].items():
            if name not in columns or kind["name"] not in ("boolean", "category"):
                raise ValueError
            kinds[name] = BOOLEAN if kind["name"] == "boolean" else category(_names(kind["levels"]))
        return Described(columns, kinds, None if classes is None else _names(classes))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(
            f"{path}: does not say what the columns of X hold; it is the file table.json beside X.npy, where "
            "a table was converted"
        ) from None


def _names(values: Any) -> tuple[str, ...]:
    """Return different texts as a tuple; raises ValueError for what is none."""
    is_list = isinstance(values, list) and values and all(isinstance(value, str) for value in values)
    if not is_list or len(set(values)) < len(values):
        raise ValueError
    return tuple(values)
