"""Finds the keys and the names of a config that a word stands for, also by their names elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from mlpcli.config.allowed import choice_names, dereference, json_schema
from mlpcli.errors import nearest

__all__ = ["OTHER_KEYS", "Key", "find_keys", "is_list", "keys_with_name", "names_with_key", "other_name"]

_LONGEST = 200  # characters of a name that are looked at
Key = dict[str, Any]  # the node of a key in the JSON schema

# What keys are called in other libraries.
OTHER_KEYS = {
    **dict.fromkeys(("lr", "eta", "eta0", "learning_rate_init", "step_size"), "learning_rate"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs", "max_iter", "iterations", "epoch"), "epochs"),
    **dict.fromkeys(("bs", "batch", "minibatch", "minibatch_size"), "batch_size"),
    **dict.fromkeys(("layers", "hidden_layers", "hidden_layer_sizes", "hidden_sizes", "units"), "hidden"),
    **dict.fromkeys(("hidden_size", "hidden_dim", "hidden_units", "neurons", "width"), "hidden"),
    **dict.fromkeys(("act", "activation_function", "nonlinearity"), "activation"),
    **dict.fromkeys(("random_state", "random_seed", "manual_seed"), "seed"),
    **dict.fromkeys(("wd", "decay"), "weight_decay"),
    **dict.fromkeys(("reg", "l2_reg", "l2_regularization", "l2_penalty", "lambda", "penalty"), "l2"),
    **dict.fromkeys(("l1_reg", "l1_regularization", "l1_penalty"), "l1"),
    **dict.fromkeys(("early_stopping", "n_iter_no_change", "early_stopping_patience"), "patience"),
    **dict.fromkeys(("label", "label_column", "target_column", "y"), "target"),
    **dict.fromkeys(("file", "filename", "file_name", "csv"), "path"),
    **dict.fromkeys(("sep", "separator"), "delimiter"),
    **dict.fromkeys(("lr_schedule", "scheduler", "lr_scheduler", "lr_decay"), "schedule"),
    **dict.fromkeys(("gradient_clip", "grad_clip", "clip", "max_grad_norm", "clipnorm"), "clip_norm"),
    **dict.fromkeys(("dropout_rate", "p_dropout", "drop"), "dropout"),
    **dict.fromkeys(("validation_split", "val_split", "validation_fraction", "valid_size"), "val_size"),
    **dict.fromkeys(("test_split", "test_fraction"), "test_size"),
    **dict.fromkeys(("dataset", "data_set"), "data"),
    **dict.fromkeys(("criterion", "loss_function", "loss_fn", "objective"), "loss"),
    **dict.fromkeys(("optim", "solver"), "optimizer"),
    **dict.fromkeys(("metric", "metrics"), "monitor"),
    **dict.fromkeys(("initializer", "initialization", "kernel_initializer", "weight_init"), "init"),
    **dict.fromkeys(("batchnorm", "batch_normalization", "layer_norm", "normalization"), "norm"),
    **dict.fromkeys(("scaler", "normalize", "standardize"), "scaling"),
    **dict.fromkeys(("n_samples", "samples", "num_points", "n_points"), "points"),
    **dict.fromkeys(("turns", "turn", "rotation"), "angle"),
    **dict.fromkeys(("n_classes", "num_classes"), "classes"),
    **dict.fromkeys(("class_weight",), "class_weights"),
    **dict.fromkeys(("sample_weight", "sample_weights"), "weight"),
    **dict.fromkeys(("input_dim", "input_size", "n_features", "num_features"), "inputs"),
    **dict.fromkeys(("interactions", "poly", "polynomial", "polynomial_features", "cross"), "terms"),
    **dict.fromkeys(("crosses", "feature_crosses", "basis", "basis_functions"), "terms"),
    **dict.fromkeys(("output_dim", "output_size"), "outputs"),
    **dict.fromkeys(("pretrained", "init_from", "warm_start", "resume_from", "load_from"), "start_from"),
    **dict.fromkeys(("fine_tune", "finetune", "from_checkpoint", "checkpoint"), "start_from"),
    **dict.fromkeys(("ensemble", "n_estimators", "ensemble_size"), "members"),
}


def _bare(word: str) -> str:
    """Return a word without what libraries spell differently: case, blanks, hyphens, underscores."""
    return "".join(sign for sign in word.lower() if sign not in "-_ ")


_BARE_KEYS = {_bare(other): key for other, key in OTHER_KEYS.items()}


@cache
def _all_keys(model: type[BaseModel]) -> dict[str, Key]:
    """Return every dotted key with a value of its own, the less nested first."""
    schema = json_schema(model)
    found: dict[str, Key] = {}
    for key, node in _walk(dereference(schema, schema), schema, ""):
        found.setdefault(key, node)
    return dict(sorted(found.items(), key=lambda item: item[0].count(".")))


def _walk(node: Key, schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, Key]]:
    for word, inner in node.get("properties", {}).items():
        resolved = dereference(inner, schema)
        key = f"{prefix}{word}"
        choices = resolved.get("discriminator", {}).get("mapping", {}).values()
        if word != "name" and "properties" not in resolved:
            yield key, resolved
        for section in [resolved, *(dereference({"$ref": ref}, schema) for ref in choices)]:
            yield from _walk(section, schema, f"{key}.")


def find_keys(word: str, model: type[BaseModel]) -> list[str]:
    """Return the dotted keys that a word, or a dotted key, means: the least nested that end in it."""
    *sections, last = word.replace("-", "_").split(".")
    known = _all_keys(model)
    by_bare = {_bare(key.rpartition(".")[2]): key.rpartition(".")[2] for key in known}
    bare = _bare(last)
    last = _BARE_KEYS.get(bare) or by_bare.get(bare) or last
    found = [
        key
        for key in known
        if key.rpartition(".")[2] == last and (not sections or key.split(".")[0] == sections[0])
    ]
    return [key for key in found if key.count(".") == found[0].count(".")]


def is_list(key: str, model: type[BaseModel]) -> bool:
    """Return whether the value of a dotted key is a list."""
    return _all_keys(model).get(key, {}).get("type") == "array"


def keys_with_name(name: str, model: type[BaseModel]) -> list[str]:
    """Return the dotted keys that have ``name`` among their names."""
    schema = json_schema(model)
    return [
        key
        for key, node in _all_keys(model).items()
        if name in (node.get("enum") or choice_names(node, schema))
    ]


def names_with_key(section: str, key: str, model: type[BaseModel]) -> list[str]:
    """Return the names that a section of this dotted key may have for it to have ``key``."""
    schema = json_schema(model)
    choices = _all_keys(model).get(section, {}).get("discriminator", {}).get("mapping", {})
    sections = {name: dereference({"$ref": ref}, schema) for name, ref in choices.items()}
    return [
        name for name, node in sections.items() if key in node["properties"] and node.get("offered", True)
    ]


def other_name(value: Any, names: Iterable[str], other_names: dict[str, str]) -> tuple[str | None, bool]:
    """Return the name that a value means, and whether that is because other libraries call it so.

    ``nn.ReLU()`` and ``ReLU`` are read alike, and ``Adam(lr=0.1)`` as ``Adam``. A name that is only spelled
    almost right is looked for last.
    """
    word = re.sub(r"\(.*\)$", "", str(value).strip()[:_LONGEST]).rpartition(".")[2]
    bare = _bare(word)
    names = list(names)
    for known in names:
        if _bare(known) == bare:
            return known, False
    for other, known in other_names.items():
        if _bare(other) == bare and known in names:
            return known, True
    return nearest(word, names), False
