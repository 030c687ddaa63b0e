"""Reads a config, changes it as asked, and validates it; every mistake is reported in one pass."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from mlpcli.config.bases import anchor_files, extend
from mlpcli.config.changes import Change, read_changes, read_option, shorten
from mlpcli.config.origins import Origins
from mlpcli.config.problems import find_problems
from mlpcli.config.recipes import recipe_of
from mlpcli.config.schema import Experiment
from mlpcli.config.shipped import shipped_configs
from mlpcli.config.source import Placed, Source, order
from mlpcli.config.spellings import renew
from mlpcli.config.tables import describe_table, section_for
from mlpcli.config.values import copy_value
from mlpcli.config.yaml12 import Document, Mark, Path, YamlError, end_of, read_yaml
from mlpcli.errors import ConfigError, ConfigWarning, nearest, warn_caller
from mlpcli.text import some

__all__ = [
    "MAX_BYTES",
    "VariedConfig",
    "load_experiment",
    "make_experiment",
    "parse_experiment",
    "read_origins",
    "validate_experiment",
]

MAX_BYTES = 1_000_000
# What files that are no text begin with.
_KINDS = {
    b"PK": "a checkpoint, or another archive",
    b"\x1f\x8b": "packed by gzip",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"%PDF": "a PDF file",
    b"\x93NUMPY": "an array of NumPy",
    b"\x89HDF": "an HDF5 file",
    b"\xd0\xcf\x11\xe0": "a document of Office",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
    b"PAR1": "a Parquet file",
}


def load_experiment(file: FilePath, overrides: Sequence[str] = ()) -> Experiment:
    """Read ``file``, apply ``overrides`` (``dotted.key=value``), validate.

    If there is no such file, it may be the name of a config that comes with mlp. Relative paths in the config
    start at the folder of the file. Raises ConfigError with every problem; warns of old spellings with
    ConfigWarning.
    """
    return _finish(*_read_file(file), overrides)


def read_origins(file: FilePath, overrides: Sequence[str] = ()) -> Origins:
    """Return where the keys of a config come from that `load_experiment` has read without complaint."""
    document, source, _ = _read_file(file)
    renew(document)
    for option in overrides:
        change = read_option(option)
        source.origins.append((change.apply(document), change))
        renew(document)
    return Origins(document, source)


class VariedConfig:
    """A config that is read once, and of which other values of some keys make further experiments.

    ``experiment`` is that of the config itself, with ``changes``. Raises ConfigError with every problem.
    """

    def __init__(self, file: FilePath, changes: Sequence[str | Change]) -> None:
        self._document, self.source, self._folder = _read_file(file)
        self.experiment = _finish(self._document, self.source, self._folder, changes)

    def place(self, path: Path) -> Mark | None:
        """Return where a key or an entry of a list stands in the file; None if a change has set it."""
        is_changed = any(path[: len(key)] == key for key, _ in self.source.origins)
        return None if is_changed else self._document.values.get(path)

    def changed(self, changes: Sequence[Change]) -> Experiment:
        """Return the experiment with more changes; raises ConfigError."""
        document = replace(self._document, data=deepcopy(self._document.data))
        source = Source(self.source.name, self.source.lines)
        source.origins, source.bases = [*self.source.origins], self.source.bases
        return _finish(document, source, self._folder, changes)

    def plain(self) -> dict[str, Any]:
        """Return the config with its base and its changes, in which relative paths are absolute."""
        data: dict[str, Any] = deepcopy(self._document.data)
        anchor_files(data, self._folder)
        return data


def parse_experiment(text: str, name: str, folder: FilePath, overrides: Sequence[str] = ()) -> Experiment:
    """Validate the config in ``text``; messages call it ``name``, and relative paths start at ``folder``."""
    document, source = _read_text(text, name)
    extend(document, source, folder, _decode)
    return _finish(document, source, folder, overrides)


def make_experiment(
    config: str | os.PathLike[str] | Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    *,
    arrays: bool = False,
    is_frame: bool = False,
) -> Experiment:
    """Return the experiment that a Python caller describes.

    ``config`` is the path of a config, the name of one that comes with mlp, or the config itself as nested
    dicts, in which relative paths start at the working directory. ``overrides`` changes single keys, which
    are nested or dotted: ``{"optimizer": {"learning_rate": 0.1}, "training.epochs": 5}``. If a nested dict
    gives a section another ``name``, the section loses its other keys, which are settings of the old name.
    Neither mapping is changed.

    ``arrays`` says that the examples are handed in. The section ``data`` may then be left out; one of another
    data set keeps its scaling and the sizes of its training and validation split. ``is_frame`` says that they
    are a data frame, whose network is by default that of a CSV file.

    Raises ConfigError with every problem; warns of old spellings with ConfigWarning.
    """
    changes = read_changes(overrides or {})
    if isinstance(config, Mapping):
        document, source = Document(copy_value(config)), Source("the config", [])
        extend(document, source, FilePath(), _decode)
        return _finish(document, source, FilePath(), changes, arrays, is_frame)
    if isinstance(config, (str, os.PathLike)):
        return _finish(*_read_file(FilePath(config)), changes, arrays, is_frame)
    hint = "; give rows as X, with their targets as y" if hasattr(config, "shape") else ""
    raise ConfigError(
        "a config is a path, the name of a config that comes with mlp, or a dict; "
        f"this is of type {type(config).__name__}{hint}"
    )


def validate_experiment(data: Any, folder: FilePath) -> Experiment:
    """Validate a config that is plain data, as a checkpoint keeps it; raises ConfigError.

    Old spellings are understood without a warning. ``data`` is not changed.
    """
    if isinstance(data, dict):
        data = {key: dict(item) if isinstance(item, dict) else item for key, item in data.items()}
        renew(Document(data))
    try:
        return Experiment.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        raise ConfigError("\n".join(map(str, find_problems(error, data, Experiment)[0]))) from None


def _finish(
    document: Document,
    source: Source,
    folder: FilePath,
    changes: Sequence[str | Change],
    arrays: bool = False,
    is_frame: bool = False,
) -> Experiment:
    """Make the changes, which are ``--set`` options where they are strings, and validate the document."""
    found: list[Placed] = [
        (order(error.mark), partial(source.at, error.mark, error.message)) for _, error in document.refused
    ]
    if not isinstance(document.data, dict):
        if not found:
            raise ConfigError(_no_mapping(source, document))
        raise ConfigError(source.report_in_order(found))
    notes = [*source.notes]
    notes += [source.at(document.keys.get(spelling.new), str(spelling)) for spelling in renew(document)]
    if arrays:
        document.data["data"] = _data_of_arrays(document.data.get("data"))
    broken = []
    for asked in changes:
        try:
            change = read_option(asked) if isinstance(asked, str) else asked
            if change.key == "base":
                raise YamlError("the config itself names the base that it extends")
            source.origins.append((change.apply(document), change))
        except YamlError as error:
            if isinstance(asked, Change) and asked.explained is not None:
                broken.append(asked.explain(error.message))
                continue
            name = f"--set {shorten(asked)}" if isinstance(asked, str) else asked.key
            broken.append(f"{name}: {error.message}")
            continue
        written = [change.spelling] if change.spelling is not None else renew(document)
        notes += [change.explain(str(spelling)) for spelling in written]
    if broken:
        raise ConfigError(source.report(broken))
    if is_frame and document.data.get("recipe") is None:
        document.data["recipe"] = recipe_of(document.data, is_frame=True)
    try:
        experiment = Experiment.model_validate(document.data, context={"folder": folder})
    except ValidationError as error:
        refused = {path for path, _ in document.refused}
        problems, unsaid = find_problems(error, document.data, Experiment, refused)
        found += [source.place(problem, document) for problem in problems]
        raise ConfigError(source.report_in_order(found, unsaid)) from None
    if found:
        raise ConfigError(source.report_in_order(found))
    if arrays and experiment.data.name != "arrays":
        raise ConfigError(f"data.name: {experiment.data.name} cannot be used with arrays that are handed in")
    for note in notes:
        warn_caller(note, ConfigWarning)
    return experiment


def _no_mapping(source: Source, document: Document) -> str:
    if document.data is None:
        return f"{source.name} is empty; the smallest config is:\ndata: spiral"
    message = 'a config is a mapping of sections; the smallest is "data: spiral"'
    text = document.data if isinstance(document.data, str) else ""
    if re.match(r"\w+:\S", text):
        message += ". A blank is missing after the colon"
    elif re.match(r"\w+ *=", text):
        message += ". Write a colon and a blank for the equals sign"
    return source.at(document.values[()], message)


def _data_of_arrays(data: Any) -> dict[str, Any]:
    """Return a section ``data`` for arrays; it keeps what another data set's section says about any data."""
    given = data if isinstance(data, dict) else {}
    if given.get("name", "arrays") != "arrays":
        kept = ("scaling", "train_size", "val_size", "fold")
        given = {key: value for key, value in given.items() if key in kept}
    return {**given, "name": "arrays"}


def _read_text(text: str, name: str) -> tuple[Document, Source]:
    """Read YAML, and keep its lines for messages."""
    source = Source(name, text.splitlines())
    try:
        return read_yaml(text, collect=True), source
    except YamlError as error:
        raise ConfigError(source.at(error.mark, error.message)) from None


def _read_file(file: FilePath) -> tuple[Document, Source, FilePath]:
    """Read a config file, or one that comes with mlp; return also the folder that relative paths start at."""
    shipped = None if file.is_file() else shipped_configs().get(file.as_posix())
    if shipped is None:
        if file.is_file() and (table := describe_table(file)) is not None:
            raise ConfigError(table, topic="data for a config", file=file)
        document, source = _read_text(_decode(file), str(file))
        extend(document, source, file.parent, _decode, (file.resolve(),))
        return document, source, file.parent
    document, source = _read_text(_decode(shipped), str(shipped))
    extend(document, source, shipped.parent, _decode, (shipped.resolve(),))
    anchor_files(document.data, shipped.parent)  # what the user adds starts at the working directory
    return document, source, FilePath()


def _decode(file: FilePath) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file{_similar_file(file)}") from None
    except IsADirectoryError:
        raise ConfigError(f"{file} is a directory; name the config file in it{_configs_in(file)}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{file} cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{file} is larger than 1 MB; is it a config?")
    kind = next((kind for start, kind in _KINDS.items() if raw.startswith(start)), None)
    if kind is not None:
        raise ConfigError(f"{file} is {kind}; a config is a text file{_how_to_train_on(file)}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad = error.object  # without the byte order mark
        mark = end_of(bad[: error.start].decode())
        raise ConfigError(
            f"{file}:{mark.line}:{mark.column}: byte 0x{bad[error.start]:02x} is not UTF-8; save it as UTF-8"
        ) from None


def _how_to_train_on(file: FilePath) -> str:
    """Return what to write in a config about a file that is no text."""
    section = section_for(file.name)
    if section is not None:
        what = "arrays X and y of such a file" if file.suffix in (".npz", ".npy") else "such a file"
        return f".\nTo train on {what}, write data: {section}"
    if file.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods", ".numbers"):
        csv = section_for(f"{file.stem}.csv")
        return f".\nTo train on the sheet of a workbook, save it as CSV, and write data: {csv}"
    return ""


def _configs_in(folder: FilePath) -> str:
    """Return in words which configs a folder holds."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError:
        found = []
    return f": {some([str(path) for path in found], 5)}" if found else ""


def _similar_file(file: FilePath) -> str:
    """Return in words which config has nearly that name: one beside it, one in configs/, or one of mlp's."""
    try:
        beside = [path.name for path in file.parent.iterdir() if path.suffix in (".yaml", ".yml")]
    except OSError:
        beside = []
    if close := nearest(file.name if file.suffix else f"{file.name}.yaml", beside):
        return f"; did you mean {file.parent / close}?"
    ours = {path.stem: path for path in FilePath("configs").glob("*.yaml")}
    if close := nearest(file.stem, ours):
        return f"; did you mean {ours[close]}?"
    close = nearest(file.stem, shipped_configs())
    return f"; did you mean {close}, which comes with mlp?" if close else ""
