"""Migrates the meta of checkpoints in older formats: each migration turns one format into the next.

Old checkpoints thus stay usable. A change of `Meta` (in ``checkpoints/meta.py``) needs a new format number
and a migration here. ``tests/training/formats`` holds files of every format so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["MIGRATIONS", "migrate"]

Meta = dict[str, Any]


def _rename(section: Any, names: dict[str, str]) -> Any:
    """Return a mapping with renamed keys; anything else is returned as it is, for validation to refuse."""
    if not isinstance(section, dict):
        return section
    return {names.get(key, key): value for key, value in section.items()}


def _from_1(meta: Meta) -> Meta:
    """Format 1 (mlp 0.1 before its release) called the columns features; other keys were renamed, too."""
    meta = _rename(meta, {"features": "columns", "midway": "mid_epoch"})
    return {
        **meta,
        "format": 2,
        "progress": _rename(meta.get("progress"), {"stale": "epochs_since_best"}),
        "mid_epoch": _rename(meta.get("mid_epoch"), {"hits": "correct"}),
    }


def _from_2(meta: Meta) -> Meta:
    """Format 2 knew columns of numbers alone, with no cell missing, and chose the best epoch by accuracy."""
    return {
        **meta,
        "format": 3,
        "kinds": {},
        "flagged": [],
        "config": _with_accuracy_as_monitor(meta.get("config")),
    }


def _with_accuracy_as_monitor(config: Any) -> Any:
    """Return a config that monitors accuracy as it did, where that is no longer the default."""
    loss = config.get("loss") if isinstance(config, dict) else None
    if not isinstance(loss, dict) or loss.get("class_weights") is None:
        return config
    training = config.get("training")
    return (
        {**config, "training": {**training, "monitor": "accuracy"}} if isinstance(training, dict) else config
    )


MIGRATIONS: dict[int, Callable[[Meta], Meta]] = {1: _from_1, 2: _from_2}


def migrate(meta: Meta) -> Meta:
    """Return the meta of a checkpoint in the current format; the caller has to validate it."""
    while True:
        number = meta.get("format")
        if type(number) is not int or number not in MIGRATIONS:
            return meta
        meta = MIGRATIONS[number](meta)
