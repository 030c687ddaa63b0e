"""Reads YAML 1.2 strictly and remembers where every key and value stands.

PyYAML's scanner and parser do the work. Its resolver and constructor speak YAML 1.1 (``on`` is true,
``010`` is eight, ``1e-3`` is a string), so scalars are resolved here by the YAML 1.2 core schema
(https://yaml.org/spec/1.2.2/#103-core-schema). What a config has no use for is refused with its
position: duplicate keys, anchors and aliases, tags, keys that are not strings, several documents.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "Document",
    "Mark",
    "Path",
    "YamlError",
    "end_of",
    "parse_scalar",
    "read_yaml",
    "write_yaml",
]

MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_DIGITS = 100  # far more than any number in a config needs; the time of int() grows with their square

Path: TypeAlias = tuple["str | int", ...]

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NON_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class Mark:
    """A place in the text; line and column count from 1.

    ``file`` is 0 for the config itself, 1 for the base that it extends, and so on.
    """

    line: int
    column: int
    file: int = 0


class YamlError(Exception):
    """The text is not YAML, or is YAML that is not allowed in a config."""

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


@dataclass
class Document:
    """A plain value (dict, list, str, int, float, bool, None) and where its parts stand.

    Paths are tuples of keys and indices; the whole document is ``()``. ``keys`` knows mapping keys
    only, ``values`` everything.
    """

    data: Any = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    refused: list[tuple[Path, YamlError]] = field(default_factory=list)
    collect: bool = False

    def refuse(self, path: Path, error: YamlError) -> None:
        """Note that the value at ``path`` is not allowed, or raise the error."""
        if not self.collect:
            raise error
        self.refused.append((path, error))

    def rename(self, old: Path, new: Path) -> None:
        """Move the places of ``old``, and of what is in it, to the path ``new``."""

        def moved(path: Path) -> Path:
            return (*new, *path[len(old) :]) if path[: len(old)] == old else path

        self.keys = {moved(path): mark for path, mark in self.keys.items()}
        self.values = {moved(path): mark for path, mark in self.values.items()}
        self.refused = [(moved(path), error) for path, error in self.refused]


class _Composer(yaml.SafeLoader):
    """Composes nodes, and stops at the first thing that is not allowed in a config."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        loader: Any = self  # PyYAML has no types of its own
        event = loader.peek_event()
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(
                f"alias *{str(event.anchor)[:60]}: a config has no anchors or aliases; repeat the value",
                mark,
            )
        if event.anchor is not None:
            raise YamlError(
                f"anchor &{str(event.anchor)[:60]}: a config has no anchors or aliases; delete it", mark
            )
        if event.tag is not None:
            tag = ascii(event.tag.replace("tag:yaml.org,2002:", "!!")[:60])[1:-1]
            raise YamlError(f"tag {tag}: a config has no explicit tags; delete it", mark)
        self._depth += 1
        self._nodes += 1
        if self._depth > MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", mark)
        if self._nodes > MAX_NODES:
            raise YamlError(f"more than {MAX_NODES:,} values", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Do nothing: there are no path resolvers, and PyYAML's bookkeeping for them takes time."""

    def ascend_resolver(self) -> None:
        """Do nothing, as above."""

    def resolve(self, *_: Any) -> str:
        """Leave every node unresolved: `_value` knows YAML 1.2, PyYAML only 1.1."""
        return ""


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def read_yaml(text: str, *, collect: bool = False) -> Document:
    """Return the one document in ``text``; an empty text is None.

    Raises YamlError, with the place where there is one, and nothing else. With ``collect``, values that
    are not allowed and repeated keys are noted in ``refused`` instead, so that all can be reported at once.
    """
    loader: Any = None
    try:
        loader = _Composer(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise YamlError(_sentence(error), _mark(error.problem_mark) if error.problem_mark else None) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(
            f"a character that YAML does not allow: U+{error.character:04X}", end_of(text[: error.position])
        ) from None
    except (
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
        OverflowError,
        RecursionError,
    ):  # PyYAML lets these escape
        message = "not readable as YAML: a malformed escape or directive"
        raise YamlError(message, _mark(loader.get_mark())) from None
    document = Document(collect=collect)
    if root is not None:
        document.data = _value(root, (), document)
    return document


_ADVICE = {
    "<block end>": "this does not continue the lines above; check the indentation and the quotes",
    "<document start>": "this does not continue the lines above; check the indentation and the quotes",
    "mapping values are not allowed here": "a key is not allowed here; check the indentation, "
    "or quote the value; a blank follows each colon",
}


def _sentence(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)[:200]
    for words, advice in _ADVICE.items():
        if words in problem:
            problem = advice
    if "expected a single document" in (error.context or ""):
        return "a second document starts here; a config is a single document"
    if "escape" in problem:
        problem += "; a path with backslashes belongs in single quotes, or is written with forward slashes"
    if "\\t" in problem:
        return "a tab: YAML indents with spaces only"
    context = f"{error.context}, " if error.context else ""
    start, end = error.context_mark, error.problem_mark
    if context and start and end and start.line < end.line:
        context = f"{error.context} that starts on line {start.line + 1}, "
    return f"not readable as YAML: {context}{problem}{_advice_on_flow(error)}"


def _advice_on_flow(error: yaml.MarkedYAMLError) -> str:
    """Return what may be wrong in a list or a mapping in brackets."""
    start, end = error.context_mark, error.problem_mark
    if "flow" not in str(error.context) or start is None or end is None:
        return ""
    if start.line < end.line or "<stream end>" in str(error.problem):
        return "; is its bracket closed?"
    return "; quote a text that holds a colon" if "':'" in str(error.problem) else ""


def end_of(text: str) -> Mark:
    """Return the place right after ``text``."""
    lines = _LINE_BREAK.split(text)
    return Mark(len(lines), len(lines[-1]) + 1)


def _value(node: Any, path: Path, document: Document) -> Any:
    """Turn a node into a plain value, noting the place of each part."""
    mark = _mark(node.start_mark)
    document.values[path] = mark
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key, key_mark, value in _pairs(node):
            here = (*path, key)
            if key in mapping:
                first = document.keys[here]
                shown = json.dumps(key[:60], ensure_ascii=not key.isprintable())
                message = f"key {shown} is repeated; it is first on line {first.line}"
                document.refuse(here, YamlError(message, key_mark))
                continue
            document.keys[here] = key_mark
            mapping[key] = _value(value, here, document)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document) for index, item in enumerate(node.value)]
    try:
        # a plain scalar; quoted ones are always strings
        return parse_scalar(node.value, mark) if node.style is None else _quoted(node, mark)
    except YamlError as error:
        document.refuse(path, error)
        return None


def _quoted(node: yaml.ScalarNode, mark: Mark) -> str:
    text = str(node.value)
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise YamlError("half a surrogate pair is not a character; write the character itself", mark)
    return text


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[str, Mark, yaml.Node]]:
    for key_node, value_node in node.value:
        mark = _mark(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            raise YamlError("a key must be a plain word, not a list or a mapping", mark)
        key = parse_scalar(key_node.value, mark) if key_node.style is None else _quoted(key_node, mark)
        if not isinstance(key, str):
            raise YamlError(
                f"key {key_node.value or '(nothing)'} is not a string; quote it to make it one", mark
            )
        yield key, mark, value_node


def parse_scalar(text: str, mark: Mark | None = None) -> Any:
    """Resolve a plain scalar by the YAML 1.2 core schema.

    Raises YamlError for NaN, for infinity (1e999 too), and for absurdly long numbers.
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text) or _FLOAT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise YamlError(f"a number of {len(text):,} characters ({text[:10]}...)", mark)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if _INTEGER.fullmatch(text):
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            raise YamlError(f"{text} is too large for a number", mark)
        return number
    if _NON_FINITE.fullmatch(text):
        raise YamlError(f"{text} is not a finite number", mark)
    return text


class _Dumper(yaml.SafeDumper):
    """Writes what `read_yaml` reads back: quotes strings that YAML 1.2 would take for something else."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        plain = text.isprintable() and parse_scalar(text) == text  # other styles lose U+0085
    except YamlError:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    flat = not any(isinstance(item, (dict, list)) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


_Dumper.add_representer(str, _represent_str)
_Dumper.add_representer(list, _represent_list)


def write_yaml(data: Any) -> str:
    """Return plain data as YAML text that reads back as the same data."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))
