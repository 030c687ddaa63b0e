"""Reads the config that another one extends, as ``base: cifar10`` says, and lays the other one over it.

Mappings are merged, key by key. Everything else takes the place of what the base has, and so does a section
that chooses another ``name``, since the keys of the base's section belong to its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from mlpcli.config.allowed import dereference, json_schema
from mlpcli.config.problems import show
from mlpcli.config.schema import Experiment
from mlpcli.config.schema.model import TWINS
from mlpcli.config.schema.paths import FILE_KEYS
from mlpcli.config.shipped import shipped_configs
from mlpcli.config.source import Source
from mlpcli.config.spellings import renew
from mlpcli.config.yaml12 import Document, Mark, Path, YamlError, read_yaml
from mlpcli.errors import ConfigError, nearest

__all__ = ["MAX_BASES", "anchor_files", "extend"]

MAX_BASES = 8  # one on top of the other


def extend(
    document: Document,
    source: Source,
    folder: FilePath,
    read: Callable[[FilePath], str],
    above: tuple[FilePath, ...] = (),
) -> None:
    """Lay a config over the base that it names, if it names one, in place; the base over its own base first.

    A base is a path that starts at ``folder``, or the name of a config that comes with mlp. ``read`` returns
    the text of a file, and ``above`` are the files that lead here. Raises ConfigError, which points to the
    key ``base`` or into the base.
    """
    if not isinstance(document.data, dict) or "base" not in document.data:
        return
    named = document.data.pop("base")
    mark = document.values.pop(("base",), None)
    document.keys.pop(("base",), None)

    def refusal(message: str) -> ConfigError:
        return ConfigError(source.at(mark, f"base: {message}"))

    if not isinstance(named, str) or not named or "\0" in named:
        raise refusal(f"{show(named)} is not the path of a config, or the name of one that comes with mlp")
    file = _find(named, folder)
    if file.resolve() in above:
        raise refusal(f"{show(named)} leads back to itself; a config cannot extend itself")
    if len(above) > MAX_BASES:
        raise refusal(f"more than {MAX_BASES} configs, each of which extends the next")
    if not file.exists():
        raise refusal(f"there is no config {show(named)}{_similar(named, file.parent)}")
    try:
        text = read(file)
    except ConfigError as error:
        raise refusal(str(error)) from None
    base = _read_base(text, Source(str(file), text.splitlines()), source)
    if not isinstance(base.data, dict):
        raise refusal(f"{show(named)} is no config: it has no sections")
    extend(base, source, file.parent, read, (*above, file.resolve()))
    anchor_files(base.data, file.parent)
    for one in (base, document):
        source.notes += [source.at(one.keys.get(spelling.new), str(spelling)) for spelling in renew(one)]
    _merge(base, document)


def _find(named: str, folder: FilePath) -> FilePath:
    file = folder / FilePath(named)
    shipped = None if file.is_file() else shipped_configs().get(named)
    return file if shipped is None else shipped


def _similar(named: str, folder: FilePath) -> str:
    """Return in words which config has nearly that name: one in the folder, or one that comes with mlp."""
    try:
        beside = {path.name: path.name for path in folder.iterdir() if path.suffix in (".yaml", ".yml")}
    except OSError:
        beside = {}
    known = {f"{name}.yaml": name for name in shipped_configs()} | beside
    close = nearest(FilePath(named).name if "." in named else f"{named}.yaml", known)
    return "" if close is None else f"; did you mean {known[close]}?"


def _read_base(text: str, own: Source, source: Source) -> Document:
    """Read the text of a base, whose places then say that they are in it."""
    try:
        base = read_yaml(text, collect=True)
    except YamlError as error:
        raise ConfigError(own.at(error.mark, error.message)) from None
    source.bases.append(own)
    number = len(source.bases)

    def moved(mark: Mark) -> Mark:
        return replace(mark, file=number)

    base.keys = {path: moved(mark) for path, mark in base.keys.items()}
    base.values = {path: moved(mark) for path, mark in base.values.items()}
    base.refused = [
        (path, YamlError(error.message, error.mark and moved(error.mark))) for path, error in base.refused
    ]
    return base


def anchor_files(data: dict[str, Any], folder: FilePath) -> None:
    """Let the relative paths in plain data start at ``folder``; what is no path is left for the checks."""

    def anchor(value: Any) -> Any:
        if isinstance(value, list):
            return [anchor(item) for item in value]
        is_relative = isinstance(value, str) and value and "://" not in value and not value.startswith("~")
        return str(folder.absolute() / value) if is_relative else value

    for section, key in FILE_KEYS:
        keys = data.get(section)
        value = keys.get(key) if isinstance(keys, dict) else None
        if isinstance(keys, dict) and value is not None and key != "split":
            keys[key] = anchor(value)
        elif isinstance(keys, dict) and isinstance(value, dict):
            keys[key] = {part: anchor(item) for part, item in value.items()}


def _merge(base: Document, document: Document) -> None:
    """Lay ``document`` over ``base``, with the place of each of its parts; ``document`` is then the whole."""
    replaced: list[Path] = []
    data = _merged(base.data, document.data, (), replaced, base)

    def is_left(path: Path) -> bool:
        return not any(path[: len(gone)] == gone for gone in replaced)

    refused = [(path, error) for path, error in base.refused if is_left(path)]
    document.data = data
    document.refused = [*document.refused, *refused]
    if not document.values:  # a program's, of which no part has a place: nor has then the whole
        return
    document.keys = {path: mark for path, mark in base.keys.items() if is_left(path)} | document.keys
    document.values = {path: mark for path, mark in base.values.items() if is_left(path)} | document.values


def _merged(
    below: dict[str, Any], own: dict[str, Any], path: Path, replaced: list[Path], base: Document
) -> dict[str, Any]:
    """Return two mappings as one, and note which paths of the base are ``replaced``."""
    merged = dict(below)
    for key, value in own.items():
        here = (*path, key)
        before = merged.get(key)
        if isinstance(before, str) and isinstance(value, dict) and key in _choices():
            before = {"name": before}  # what the short form stands for
            if here in base.values:
                name_path: Path = (*here, "name")
                base.values[name_path] = base.values[here]
        if isinstance(before, dict) and isinstance(value, dict) and _is_of_same_name(before, value):
            merged[key] = _merged(before, value, here, replaced, base)
            continue
        twin = TWINS.get(key)
        replaced += [here, *([(*path, twin)] if twin in merged else [])]
        if twin is not None:  # another spelling of the same setting
            merged.pop(twin, None)
        merged[key] = value
    return merged


def _is_of_same_name(base: dict[str, Any], own: dict[str, Any]) -> bool:
    return "name" not in own or base.get("name") in (None, own["name"])


@cache
def _choices() -> frozenset[str]:
    """Return the keys of sections that are chosen by a name."""
    schema = json_schema(Experiment)
    nodes = [schema, *schema["$defs"].values()]
    keys = [item for node in nodes for item in node["properties"].items()]
    return frozenset(key for key, node in keys if "discriminator" in dereference(node, schema))
