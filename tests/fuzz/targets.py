"""What is fuzzed: bytes are given to a reader, which has to answer with its own error or with sound values.

A target takes bytes and raises where the reader broke its word: an error of another kind, a message that is
no message, a value that does not read back. `seeds` are inputs to begin with.
"""

from __future__ import annotations

import atexit
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from mlpcli.config.loader import load_experiment, parse_experiment, validate_experiment
from mlpcli.config.schema import to_plain
from mlpcli.config.yaml12 import write_yaml
from mlpcli.data.kinds import Wanted
from mlpcli.data.new_rows import read_labelled
from mlpcli.data.table.delimited import read_csv
from mlpcli.data.table.dialect import Dialect
from mlpcli.errors import CheckpointError, ConfigError, DataError, MlpError
from mlpcli.training.checkpoints import load_checkpoint, read_plan, save_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.start import take_directory, train_run

__all__ = ["SEEDS", "TARGETS", "WORDS"]

_ROOT = Path(__file__).parents[2]
_OPTION = b"\0--set "  # what sets options off from the config before them


class BrokenError(AssertionError):
    """A reader did not keep what it promises."""


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="fuzz-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _require_message(error: MlpError) -> None:
    text = str(error)
    if not text.strip() or len(text) > 100_000:
        raise BrokenError(f"a message of {len(text)} characters") from error
    text.encode()  # half a surrogate pair cannot be shown


def yaml(data: bytes) -> None:
    """Read a config, and ``--set`` options behind it; what is accepted has to read back as the same."""
    config, *options = data.split(_OPTION)
    path = _folder() / "config.yaml"
    path.write_bytes(config)
    try:
        experiment = load_experiment(path, [option.decode(errors="surrogateescape") for option in options])
    except ConfigError as error:
        _require_message(error)
        return
    plain = to_plain(experiment)
    if validate_experiment(plain, Path()) != experiment:
        raise BrokenError("a config is not what it was once it is plain")
    if parse_experiment(write_yaml(plain), "again.yaml", Path()) != experiment:
        raise BrokenError("a config is not what it was once it is written")


def checkpoint(data: bytes) -> None:
    """Read a checkpoint; what is accepted has to be finite, and to be saved and read back as the same.

    A sound archive is needed to get past its checksums. So the first byte says what the rest is: 0 a whole
    file, 1 the JSON of a sound checkpoint, 2 and a number: the .npy bytes of that array of it, 3 and a name
    up to a NUL: one array more. An odd second nibble compresses the archive.
    """
    path = _folder() / "checkpoint.npz"
    path.write_bytes(_file(data))
    try:
        read_plan(path)
        found = load_checkpoint(path)
    except CheckpointError as error:
        _require_message(error)
        return
    arrays = [found.network.parameters.values, *found.network.state.values()]
    arrays += found.transform.to_arrays().values()
    arrays += [] if found.resume is None else found.resume.slots.values()
    if not all(np.isfinite(array).all() for array in arrays):
        raise BrokenError("a checkpoint holds what is not finite")
    again = _folder() / "again.npz"
    save_checkpoint(again, found)
    first = again.read_bytes()
    save_checkpoint(again, load_checkpoint(again))
    if again.read_bytes() != first:
        raise BrokenError("a checkpoint is not what it was once it is saved")


def table(data: bytes) -> None:
    """Read a CSV file. The bits of the first byte say how: classes or numbers, delimiter, columns."""
    how, content = (data[0], data[1:]) if data else (0, b"")
    path = _folder() / "table.csv"
    path.write_bytes(content)
    classification, delimiter = bool(how & 1), ",;\t "[how >> 1 & 3]
    features = ["a"] if how & 8 else None
    try:
        found = read_csv(
            path, target="y", features=features, dialect=Dialect(delimiter), classification=classification
        )
    except DataError as error:
        _require_message(error)
        return
    X, y = found.X, found.y
    if X.shape != (len(y), len(found.columns)) or np.isinf(X).any() or not np.isfinite(y).all():
        raise BrokenError("a table whose features and targets do not fit, or are infinite")
    if classification:
        classes = found.classes or ()
        if sorted(set(y.tolist())) != list(range(len(classes))) or len(set(classes)) != len(classes):
            raise BrokenError("labels that are not those of the classes")
        wanted = Wanted(found.columns, found.kinds, Dialect(delimiter))
        again, codes, *_ = read_labelled(wanted, path, target="y", classes=classes)
        if not np.array_equal(codes, y):
            raise BrokenError("labels that are not known again")
        if not np.array_equal(again.astype(X.dtype), X, equal_nan=True):
            raise BrokenError("cells that are not known again")


def _file(data: bytes) -> bytes:
    kind, rest = (data[0] & 15, data[1:]) if data else (0, b"")
    if kind == 0:
        return rest
    members = dict(_members())
    if kind == 1:
        np.save(stream := io.BytesIO(), np.array(rest.rstrip(b"\0")))
        members["meta.npy"] = stream.getvalue()
    elif kind == 2 and rest:
        members[sorted(members)[rest[0] % len(members)]] = rest[1:]
    else:
        name, _, content = rest.partition(b"\0")
        members[name.decode(errors="replace")[:100] + ".npy"] = content
    method = zipfile.ZIP_DEFLATED if data[0] & 16 else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream := io.BytesIO(), "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


@cache
def _members() -> tuple[tuple[str, bytes], ...]:
    with zipfile.ZipFile(_train().last) as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


@cache
def _train() -> RunDirectory:
    sections = {"data": "moons", "model": {"hidden": [2], "batch_norm": True}, "training": {"epochs": 1}}
    experiment = validate_experiment(sections, Path())
    directory = take_directory("seed", _folder() / "seed")
    train_run(experiment, directory)
    return directory


def _yaml_seeds() -> list[bytes]:
    texts = [path.read_bytes() for path in sorted((_ROOT / "configs").rglob("*.yaml"))]
    options = [b"optimizer.learning_rate=1e-2", b"model.hidden.0.units=7", b"data={name: moons, noise: 0.5}"]
    return [*texts, b"data: spiral", *(texts[0] + _OPTION + option for option in options)]


def _checkpoint_seeds() -> list[bytes]:
    run = _train()
    files = [b"\0" + path.read_bytes() for path in (run.best, run.last)]
    meta = json.loads(np.load(run.last)["meta"].item())
    metas = [b"\1" + json.dumps(meta).encode(), b"\x11" + json.dumps(meta, indent=1).encode()]
    arrays = [bytes((2, i)) + content for i, (_, content) in enumerate(sorted(_members()))]
    return [*files, *metas, *arrays, b"\3W9\0" + arrays[0][2:]]


def _table_seeds() -> list[bytes]:
    iris = (_ROOT / "datasets" / "iris.csv").read_bytes().replace(b"species", b"y", 1)
    small = b"a,b,y\n1,2,x\n3,4e-1,z\n.5,-6,x\n"
    numbers = small.replace(b"x", b"1").replace(b"z", b"2.0")
    quoted = b'a;b;y\r\n"1";2;"x ""y"""\r\n3;4;"z\n"\r\n'
    return [b"\1" + iris, b"\1" + small, b"\0" + numbers, b"\1" + numbers, b"\3" + quoted, b"\x09" + small]


def _words() -> list[str]:
    """Return the words that a config is made of."""
    files = sorted((_ROOT / "mlpcli" / "config" / "schema").glob("*.py"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    names = {word for word in text.replace('"', " ").replace(":", " ").split() if word.isidentifier()}
    return sorted(name for name in names if 2 < len(name) < 20)


TARGETS: dict[str, Callable[[bytes], None]] = {"yaml": yaml, "checkpoint": checkpoint, "table": table}
SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "yaml": _yaml_seeds,
    "checkpoint": _checkpoint_seeds,
    "table": _table_seeds,
}
WORDS: dict[str, Callable[[], list[str]]] = {
    "yaml": lambda: [*_words(), ": ", "- ", "[", "]", "{", "}", "&a", "*a", "!!", "%YAML", "---", "--set "],
    "checkpoint": lambda: [*_words(), "PK", "NUMPY", "descr", "fortran_order", "shape", "<f4", "|S", "meta"],
    "table": lambda: ["a", "b", "y", ",", ";", "nan", "inf", "1e38", "1e39", "1_0", "NA", "1.0", "true"],
}
