"""Changes single keys of a config: by the ``--set`` options, or by the mapping of a Python caller."""

from __future__ import annotations

import shlex
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlpcli.config.problems import dotted, show
from mlpcli.config.schema.model import TWINS
from mlpcli.config.spellings import OldSpelling, renew_change
from mlpcli.config.values import copy_value
from mlpcli.config.yaml12 import MAX_DEPTH, Document, Path, YamlError, read_yaml
from mlpcli.errors import ConfigError

__all__ = ["Change", "read_changes", "read_option", "shorten"]


@dataclass(frozen=True)
class Change:
    """A dotted key and its new value.

    ``option`` is the text of the ``--set`` option, or None if the change comes from elsewhere. ``spelling``
    says how the change was written, if that was the old way. ``choice`` says that the value is
    ``{name: ...}``; a section of another name then loses its other keys, which are settings of that name.
    ``explained`` returns what is said about the change, with the place where it was asked for, if that is no
    such option. ``path`` is the key in parts, if one of them has a dot in it.
    """

    key: str
    value: Any
    option: str | None = None
    spelling: OldSpelling | None = None
    choice: bool = False
    explained: Callable[[str], str] | None = None
    path: tuple[str, ...] | None = None

    @classmethod
    def of(cls, key: str, value: Any, option: str | None = None) -> Change:
        """Return the change, with key and value as they are spelled now."""
        spelling = renew_change(tuple(key.split(".")), value)
        if spelling is None:
            return cls(key, value, option)
        return cls(".".join(map(str, spelling.new)), spelling.after, option, spelling)

    def explain(self, text: str) -> str:
        """Return what is said about the change, after the option if it was one."""
        if self.explained is not None:
            return self.explained(text)
        return text if self.option is None else f"--set {shorten(self.option)}: {text}"

    @property
    def of_section(self) -> str:
        """How to replace the whole section, where this change gives it another name."""
        section = self.key.rpartition(".")[0]
        if self.option is None:
            return f"{section}={show(self.value)}"
        return f"--set {shlex.quote(section + '=' + self.option.partition('=')[2])}"

    def apply(self, document: Document) -> Path:
        """Make the change in the document and return the path that it set; raises YamlError."""
        parts = self.path or self.key.split(".")
        path: Path = ()
        target = document.data
        for part in parts[:-1]:
            index = _index(part, target, path)
            child = target[index] if isinstance(index, int) else target.get(index)
            path = (*path, index)
            if child is None:
                child = {}
            elif isinstance(child, str):  # what the short form stands for
                child = {"name": child}
            elif isinstance(child, int) and isinstance(index, int):
                child = {"units": child}
            elif not isinstance(child, (dict, list)):
                raise YamlError(f"{dotted(path)} is {show(child)}, which has no keys")
            target[index] = child
            target = child
        index = _index(parts[-1], target, path)
        if isinstance(target, dict) and index in TWINS:  # of two spellings the later change counts
            target.pop(TWINS[index], None)
        if self.choice:
            before = target[index] if isinstance(index, int) else target.get(index)
            kept = before if isinstance(before, dict) else {"name": before}
            if kept.get("name") in (None, self.value["name"]):
                target[index] = {**kept, **self.value}
                return (*path, index, "name")
        target[index] = dict(self.value) if self.choice else self.value
        return (*path, index)


def shorten(text: str) -> str:
    """Return a text for a message: in one line, and not too long."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= 100 else f"{text[:97]}..."


def _index(part: str, target: Any, path: Path) -> str | int:
    if not isinstance(target, list):
        return part
    if not (part.isdecimal() and len(part) < 10 and int(part) < len(target)):
        raise YamlError(
            f"{dotted(path)} is a list of length {len(target)}, "
            f"numbered from 0; it has no entry {shorten(part)!r}"
        )
    return int(part)


def _is_mark(text: str) -> bool:
    """Return whether a value is one character such as ``,`` or ``|``, which means nothing else in YAML."""
    return len(text) == 1 and text in string.punctuation + "\t" and text not in '~"[{'


def read_option(option: str) -> Change:
    """Return the change that a ``--set`` option, ``dotted.key=value``, asks for; raises YamlError."""
    key, equals, text = option.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        key, colon, text = option.partition(":")
        example = f"{key.strip()}={text.strip()}" if colon and not equals else "optimizer.learning_rate=1e-2"
        raise YamlError(f"write it as key=value, as in {shorten(example)}")
    if len(parts) > MAX_DEPTH:
        raise YamlError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        mark = text.strip().replace(r"\t", "\t")  # a tab, which no shell writes easily
        value = mark if _is_mark(mark) else read_yaml(text).data
    except YamlError as error:
        column = f" (column {error.mark.column} of the value)" if error.mark and error.mark.column > 1 else ""
        raise YamlError(error.message + column) from None
    return Change.of(key.strip(), value, option)


def read_changes(overrides: Mapping[str, Any]) -> list[Change]:
    """Return the changes that nested mappings with plain or dotted keys ask for, in their order.

    ``{"optimizer": {"learning_rate": 0.1}}`` and ``{"optimizer.learning_rate": 0.1}`` are the same. A mapping
    with a ``name`` that the section does not have yet replaces the section, whose settings belong to the old
    name. Raises ConfigError for values that no config can hold.
    """
    return list(_flatten(copy_value(overrides), ""))


def _flatten(values: dict[str, Any], section: str) -> Iterator[Change]:
    if section and isinstance(values.get("name"), str):
        yield Change(section, {"name": values.pop("name")}, choice=True)
    for name, value in values.items():
        key = f"{section}.{name}" if section else name
        parts = key.split(".")
        if not all(parts):
            raise ConfigError(f"{shorten(key)!r} is not a key; write keys as in optimizer.learning_rate")
        if len(parts) > MAX_DEPTH:
            raise ConfigError(f"{shorten(key)}: nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            yield from _flatten(value, key)
        else:
            yield Change.of(key, value)
