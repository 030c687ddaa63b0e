"""Reads a config file, applies ``--set`` options and validates; every mistake is reported in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from pydantic import ValidationError

from mlpcli.config.problems import Problem, dotted, find_problems, show
from mlpcli.config.schema import Experiment
from mlpcli.config.yaml12 import MAX_DEPTH, Document, Mark, Path, YamlError, end_of, read_yaml
from mlpcli.errors import ConfigError, nearest

__all__ = ["MAX_BYTES", "load_experiment", "parse_experiment", "validate_experiment"]

# Where a problem stands, and a function that words it: of thousands only the first are shown.
Placed: TypeAlias = tuple[tuple[int, int], Callable[[], str]]

MAX_BYTES = 1_000_000
MAX_SHOWN = 50  # problems in one message


def load_experiment(file: FilePath, overrides: Sequence[str] = ()) -> Experiment:
    """Read ``file``, apply ``overrides`` (``dotted.key=value``), validate.

    Relative paths in it are taken from the folder of the file. Raises ConfigError with every problem.
    """
    return parse_experiment(_read_text(file), str(file), file.parent, overrides)


def parse_experiment(text: str, name: str, folder: FilePath, overrides: Sequence[str] = ()) -> Experiment:
    """Validate the config in ``text``; ``name`` is what messages call it, paths in it start at ``folder``."""
    source = _Source(name, text.splitlines())
    try:
        document = read_yaml(text, collect=True)
    except YamlError as error:
        raise ConfigError(source.report([source.at(error.mark, error.message)])) from None
    found: list[Placed] = [
        (_order(error.mark), partial(source.at, error.mark, error.message)) for _, error in document.refused
    ]
    if not isinstance(document.data, dict):
        if not found:
            raise ConfigError(_no_mapping(name, source, document))
        raise ConfigError(source.report_in_order(found))
    broken = []
    for override in overrides:
        try:
            source.origins.append((_apply(override, document), override))
        except YamlError as error:
            broken.append(f"--set {_shown(override)}: {error.message}")
    if broken:
        raise ConfigError(source.report(broken))
    try:
        experiment = Experiment.model_validate(document.data, context={"folder": folder})
    except ValidationError as error:
        refused = {path for path, _ in document.refused}
        problems, unsaid = find_problems(error, document.data, Experiment, refused)
        found += [source.place(problem, document) for problem in problems]
        raise ConfigError(source.report_in_order(found, unsaid)) from None
    if found:
        raise ConfigError(source.report_in_order(found))
    return experiment


def _order(mark: Mark | None) -> tuple[int, int]:
    return (mark.line, mark.column) if mark else (0, 0)


def _no_mapping(name: str, source: _Source, document: Document) -> str:
    if document.data is None:
        return f"{name} is empty; the smallest config is:\ndata: spiral"
    return source.at(document.values[()], 'a config is a mapping of sections; the smallest is "data: spiral"')


def validate_experiment(data: Any, folder: FilePath) -> Experiment:
    """Validate a config that is plain data already, as a checkpoint keeps it; raises ConfigError."""
    try:
        return Experiment.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        raise ConfigError("\n".join(map(str, find_problems(error, data, Experiment)[0]))) from None


def _read_text(file: FilePath) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file{_similar_file(file)}") from None
    except IsADirectoryError:
        raise ConfigError(f"{file} is a directory; name the config file in it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{file} cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{file} is larger than 1 MB; is it a config?")
    if raw.startswith(b"PK"):
        raise ConfigError(f"{file} is a checkpoint, or another archive; a config is a text file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad = error.object  # without the byte order mark
        mark = end_of(bad[: error.start].decode())
        raise ConfigError(
            f"{file}:{mark.line}:{mark.column}: byte 0x{bad[error.start]:02x} is not UTF-8; save it as UTF-8"
        ) from None


def _similar_file(file: FilePath) -> str:
    """Return in words which config has nearly that name, beside it or in configs/; its suffix may lack."""
    try:
        beside = [path.name for path in file.parent.iterdir() if path.suffix in (".yaml", ".yml")]
    except OSError:
        beside = []
    if close := nearest(file.name if file.suffix else f"{file.name}.yaml", beside):
        return f"; did you mean {file.parent / close}?"
    ours = {path.stem: path for path in FilePath("configs").glob("*.yaml")}
    close = nearest(file.stem, ours)
    return f"; did you mean {ours[close]}?" if close else ""


def _apply(override: str, document: Document) -> Path:
    """Put ``key=value`` into the document; return the path that it set."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise YamlError("write it as key=value, as in optimizer.learning_rate=1e-2")
    if len(parts) > MAX_DEPTH:
        raise YamlError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        value = read_yaml(text).data
    except YamlError as error:
        column = f" (column {error.mark.column} of the value)" if error.mark and error.mark.column > 1 else ""
        raise YamlError(error.message + column) from None
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
    target[index] = value
    return (*path, index)


def _shown(option: str) -> str:
    """Return an option for a message: in one line, and not too long."""
    text = option if option.isprintable() else ascii(option)[1:-1]
    return text if len(text) <= 100 else f"{text[:97]}..."


def _index(part: str, target: Any, path: Path) -> str | int:
    if not isinstance(target, list):
        return part
    if not (part.isdecimal() and len(part) < 10 and int(part) < len(target)):
        raise YamlError(
            f"{dotted(path)} is a list of {len(target)}; "
            f"name an entry by its number from 0, not {_shown(part)!r}"
        )
    return int(part)


class _Source:
    """A config's name and lines, and which path each ``--set`` option set, in their order."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self.lines = lines
        self.origins: list[tuple[Path, str]] = []

    def report_in_order(self, found: list[Placed], unsaid: int = 0) -> str:
        """Word what was found where, in the order of the places; ``unsaid`` problems are only counted."""
        found.sort(key=lambda item: item[0])
        return self.report([word() for _, word in found[:MAX_SHOWN]], max(0, len(found) - MAX_SHOWN) + unsaid)

    def report(self, blocks: list[str], unsaid: int = 0) -> str:
        count = len(blocks) + unsaid
        if count == 1:
            return blocks[0]
        more = [f"... and {count - MAX_SHOWN:,} more"] if count > MAX_SHOWN else []
        return "\n\n".join([f"{count:,} problems in {self.name}:", *blocks[:MAX_SHOWN], *more])

    def place(self, problem: Problem, document: Document) -> Placed:
        """Return line and column of a problem, and its words, with the option that caused it or its place."""

        def of_option(text: str) -> Placed:
            return (0, 0), lambda: text

        path = problem.path
        for key, override in reversed(self.origins):
            within = path[: len(key)] == key
            around = key[: len(path)] == path and (not problem.at_key or path not in document.values)
            if within or around or (problem.at_key and key == (*path, "name")):
                return of_option(f"--set {_shown(override)}\n  {problem}")
            if problem.at_key and key == (*path[:-1], "name"):
                whole = f"--set {dotted(path[:-1])}={_shown(override.partition('=')[2])}"
                return of_option(
                    f"--set {_shown(override)}\n  {problem}\n"
                    f"  The file gives the key to another name; replace the whole section: {whole}"
                )
        while path not in document.values:  # a default that does not fit: point at what holds it
            path = path[:-1]
        mark = document.keys.get(path, document.values[path]) if problem.at_key else document.values[path]
        return _order(mark), partial(self.at, mark, str(problem))

    def at(self, mark: Mark | None, message: str) -> str:
        """Word a message with file:line:column, the source line and a caret."""
        if mark is None:
            return f"{self.name}: {message}"
        head = f"{self.name}:{mark.line}:{mark.column}: {message}"
        line = self.lines[mark.line - 1].replace("\t", " ") if mark.line <= len(self.lines) else ""
        if not line.strip() or not line.isprintable():
            return head
        start = max(0, mark.column - 60)
        shown = line[start : start + 76]
        return f"{head}\n  {shown}\n  {' ' * (mark.column - 1 - start)}^"
