"""Finds the keys in which configs differ, and knows those that only repeat a training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlpcli.config.schema import Experiment

__all__ = ["as_text", "find_differences", "in_force", "is_repeated", "relevant"]

# They do not affect what is learned.
_IRRELEVANT = ("training.snapshots", "training.checkpoint_every", "training.tensorboard")


def is_repeated(key: str) -> bool:
    """Return whether other values of a dotted key are the same training once more: seeds, and folds."""
    last = key.rpartition(".")[2]
    return key == "data.fold.number" or last == "seed" or last.endswith("_seed")


def relevant(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a config, as `flatten` returns it, that affect what is learned."""
    return {key: value for key, value in flat.items() if key not in _IRRELEVANT}


def in_force(experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Return, by dotted keys, the l2 and weight_decay in force of each config, where at least one gives them.

    What all of them leave open is not among these: the keys that it follows from say how the configs differ.
    """
    given = [
        name
        for name in ("l2", "weight_decay")
        if any(getattr(experiment.regularization, name) is not None for experiment in experiments)
    ]
    return [
        {f"regularization.{name}": getattr(experiment, name) for name in given} for experiment in experiments
    ]


def find_differences(flats: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the dotted keys that have different values, in the order of the configs.

    Keys that only some configs have, as the momentum of one optimizer, count if they differ among these. If
    that does not tell all configs apart, they count in any case.
    """
    flats = [relevant(flat) for flat in flats]
    keys = dict.fromkeys(key for flat in flats for key in flat)
    found = {key: [flat[key] for flat in flats if key in flat] for key in keys}
    differing = [key for key, values in found.items() if any(value != values[0] for value in values)]
    told = [{key: flat[key] for key in differing if key in flat} for flat in flats]
    if len(set(map(as_text, told))) == len(set(map(as_text, flats))):
        return differing
    return [key for key in keys if key in differing or len(found[key]) < len(flats)]


def as_text(flat: Mapping[str, Any]) -> str:
    """Return keys and values as one text, which is the same for equal configs."""
    return json.dumps(flat, sort_keys=True)
