"""Recipes: what a network and its training are where a config leaves them open."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["RECIPES", "fill_in", "fit_to_data", "recipe_has", "recipe_of"]

RECIPES = ("table", "plain")

# The keys of a recipe by their sections. What each is worth was measured on 31 tables beside those of
# benchmarks/tables.py, most of them with 150 to 2,500 rows; all figures are of test rows.
_TABLE: dict[str, dict[str, Any]] = {
    "data": {
        # Piecewise linear encoding (Gorishniy et al., 2022). R2 +1.9 points, and better on six of seven
        # regressions; log loss -0.9 %.
        "bins": 16,
    },
    "model": {
        "hidden": [64, 64],
        # Networks side by side, whose predictions are averaged: 8 instead of 4 are worth 0.3 points of R2.
        "members": 8,
        # A ridge or logistic regression beside the network, whose output layer starts at 0, so that the
        # network learns only what the line cannot. R2 +0.8 points, log loss -0.5 %; without bins more.
        "linear_path": "fitted",
        "output_gain": 0,
        "init": {"name": "auto", "bias_spread": 0.5},
    },
    "optimizer": {
        # A higher rate with short schedules, and beta2 0.95 (Holzmueller et al., 2024, RealMLP). Twice
        # the rate, and a cosine schedule, differ by less than 0.4 points.
        "name": "adamw",
        "learning_rate": 4e-3,
        "beta2": 0.95,
        "schedule": "coslog4",
    },
    "regularization": {"weight_decay": 0.02},
    "training": {
        # Each member leaves out another fold, so that all examples train, and all choose the epoch. Beside
        # one validation split of 20 %: R2 +1.0 points, log loss -2.4 %.
        "validation": "folds",
        "monitor": "loss",
    },
}
_TABLES = ("csv", "npz", "arrays")  # the data whose numbers can be encoded
_STEPS = (800, 2000)  # of each member: 0.4 for each row, but no fewer or more than these
_PASSES = (20, 150)  # the fewest and the most epochs


def recipe_of(config: Mapping[str, Any], *, is_frame: bool = False) -> str:
    """Return the recipe of a config of plain values: the one it names, or the one that suits its data.

    A table, which is a CSV file or a data frame that is handed in, gets ``table`` where the config says
    nothing of model, optimizer and regularization.
    """
    named = config.get("recipe")
    if isinstance(named, str):
        return named
    data = config.get("data")
    is_table = is_frame or (isinstance(data, Mapping) and data.get("name") == "csv")
    says_more = any(config.get(section) for section in ("model", "optimizer", "regularization"))
    return "table" if is_table and not says_more else "plain"


def fill_in(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config of plain values with its recipe, and the keys of the recipe that it leaves open.

    A section that chooses another ``name`` than the recipe, such as another optimizer, is left as it is.
    """
    filled = {**config, "recipe": recipe_of(config) if config.get("recipe") is None else config["recipe"]}
    if filled["recipe"] != "table":
        return filled
    for section, keys in _TABLE.items():
        asked = filled.get(section)
        own = {"name": asked} if isinstance(asked, str) else {} if asked is None else asked
        fitting = _TABLES if section == "data" else (keys.get("name"),)
        if isinstance(own, Mapping) and own.get("name", keys.get("name")) in fitting:
            filled[section] = {**keys, **own}
    # Rows that say which split they are of, or come one after the other, have a validation split.
    data, model, training = config.get("data"), filled["model"], filled["training"]
    says = data if isinstance(data, Mapping) else {}
    has_split = says.get("split") is not None or says.get("split_by") == "time"
    alone = isinstance(model, Mapping) and model.get("members") == 1
    is_open = isinstance(training, Mapping) and not _says(config, "training", "validation")
    if is_open and (has_split or alone):
        filled["training"] = {**training, "validation": "split"}
    return filled


def recipe_has(path: tuple[str | int, ...]) -> bool:
    """Return whether the recipe ``table`` has a key."""
    node: Any = _TABLE
    for part in path:
        if not isinstance(node, dict):
            return part == "name"  # of a section whose name stands alone
        if part not in node:
            return False
        node = node[part]
    return True


def _says(config: Mapping[str, Any], section: str, key: str) -> bool:
    own = config.get(section)
    return isinstance(own, Mapping) and key in own


def fit_to_data(rows: int, *, regression: bool) -> dict[str, dict[str, Any]]:
    """Return the keys of the recipe ``table`` that the data decide: by the number of training examples."""
    batch = min(256, max(32, 2 ** round(math.log2(max(rows, 1) / 12))))
    steps = min(max(0.4 * rows, _STEPS[0]), _STEPS[1])
    epochs = min(max(round(steps / math.ceil(rows / batch)), _PASSES[0]), _PASSES[1])
    return {
        # R2 +0.4 points, all of them from a few tables with a long tail.
        "model": {"clip_outputs": regression},
        "training": {"batch_size": batch, "epochs": epochs},
    }
