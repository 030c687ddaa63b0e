"""Finds CIFAR-10 and reads it from either official format: the binary version, or the Python pickles."""

from __future__ import annotations

import io
import os
import pickletools
import reprlib
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dataset import Dataset
from mlpcli.errors import DataError
from mlpcli.reading import opened, within_memory
from mlpcli.text import shortened

__all__ = ["IMAGE", "cifar10_places", "cifar10_root", "find_cifar10", "read_cifar10"]

_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE = (3, 32, 32)  # a red, a green and a blue plane, 32 rows of 32 pixels each
_PIXELS = 3072
_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
_SUFFIXES = {"cifar-10-batches-bin": ".bin", "cifar-10-batches-py": ""}  # the binary version reads faster
_ReadBatch: TypeAlias = Callable[[Path], tuple[NDArray[np.uint8], NDArray[Any]]]
_LARGEST = 34_000_000  # bytes; an official batch has 31 million


def cifar10_root(root: Path | None) -> Path:
    """Return the folder in which CIFAR-10 is looked for: ``root``, else $MLP_DATA, else ./datasets."""
    asked = root or os.environ.get("MLP_DATA") or "datasets"
    return Path(os.path.expanduser(asked))  # noqa: PTH111 - pathlib's raises for an unknown user


def cifar10_places(root: Path) -> list[tuple[Path, str, int]]:
    """Return each folder that is searched, the version it may hold, and how many of the six batches it has.

    A version is called by the name of its official folder.
    """
    return [
        (folder, version, len(_present(folder, suffix)))
        for version, suffix in _SUFFIXES.items()
        for folder in (root, root / version)
    ]


def find_cifar10(root: Path | None) -> Path:
    """Return the folder of the batches, under `cifar10_root`; raises DataError where there is none."""
    place = cifar10_root(root)
    places = cifar10_places(place)
    for folder, _, batches in places:
        if batches:
            return folder
    looked = "\n".join(f"  {folder}" for folder in dict.fromkeys(folder for folder, _, _ in places))
    raise DataError(
        f"CIFAR-10 was not found. Looked in\n{looked}\n"
        "CIFAR-10 is the files data_batch_1 to data_batch_5 and test_batch, with or without .bin.\n"
        "Name their folder in `data.root` or in the variable MLP_DATA.",
        topic="no cifar10",
        root=place,
    )


def read_cifar10(folder: Path) -> Dataset:
    """Read the five training batches and, as ``test``, the test batch."""
    suffix = ".bin" if _present(folder, ".bin") else ""
    missing = [name + suffix for name in _BATCHES if name not in _present(folder, suffix)]
    if missing:
        raise DataError(
            f"{folder}: has no {', '.join(missing)}; CIFAR-10 is the six files "
            f"data_batch_1{suffix} to data_batch_5{suffix} and test_batch{suffix}.\n"
            "Remove the folder and download CIFAR-10 again."
        )
    with within_memory(str(folder), DataError):
        X, y = _read(
            [folder / (name + suffix) for name in _BATCHES], _read_binary if suffix else _read_pickle
        )
    n = len(y) - len(y) // 6
    columns = tuple(f"pixel{i}" for i in range(1, _PIXELS + 1))
    test = Dataset(X[n:], y[n:], columns, _CLASSES)
    return Dataset(X[:n], y[:n], columns, _CLASSES, test)


def _read(paths: list[Path], read_batch: _ReadBatch) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    X, y, n = np.empty(0, np.uint8), np.empty(0, np.int64), 0
    for i, path in enumerate(paths):
        pixels, labels = read_batch(path)
        if i == 0:
            n = len(labels)
            X, y = np.empty((len(paths) * n, _PIXELS), np.uint8), np.empty(len(paths) * n, np.int64)
        if len(labels) != n:
            raise DataError(
                f"{path}: has {len(labels):,} records, but {paths[0].name} has {n:,}; "
                "all six files have the same number (officially 10,000)"
            )
        wrong = np.flatnonzero(labels >= len(_CLASSES))
        if len(wrong):
            raise DataError(
                f"{path}: record {wrong[0] + 1} has label {labels[wrong[0]]}; labels are 0 to 9. "
                "The file is damaged, or not CIFAR-10."
            )
        X[i * n : (i + 1) * n], y[i * n : (i + 1) * n] = pixels, labels
        del pixels, labels  # so that only one batch is held at a time
    return X, y


def _present(folder: Path, suffix: str) -> list[str]:
    # pathlib's is_file raises for a folder that may not be entered
    return [name for name in _BATCHES if os.path.isfile(folder / (name + suffix))]  # noqa: PTH113


def _contents(path: Path) -> bytes:
    with opened(path, DataError) as file:
        size = file.seek(0, io.SEEK_END)
        if size > _LARGEST:
            raise DataError(f"{path}: has {size:,} bytes; a CIFAR-10 batch has about 31,000,000")
        file.seek(0)
        return file.read(size)


def _read_binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Read records of 3073 bytes: the label, then the pixels."""
    data = _contents(path)
    if not data or len(data) % (1 + _PIXELS):
        raise DataError(
            f"{path}: has {len(data):,} bytes, which is not a whole number of records of 3,073 "
            "(officially 10,000 of them: 30,730,000 bytes); download it again"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + _PIXELS)
    return records[:, 1:], records[:, 0]


def _read_pickle(path: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Read a dict with the array ``data`` (n, 3072) and the list ``labels``."""
    batch = _unpickled(path)
    array, labels = batch.get("data"), batch.get("labels")
    if type(array) is not _Array or array.pixels is None or type(labels) is not list:
        held = ", ".join(map(shortened, list(batch)[:10])) or "nothing"
        raise DataError(
            f"{path}: is not a CIFAR-10 batch: it holds {held}, not an array 'data' and a list 'labels'"
        )
    if len(labels) != len(array.pixels) or not labels:
        raise DataError(f"{path}: has {len(labels):,} labels for {len(array.pixels):,} images")
    if any(type(label) is not int or label < 0 for label in labels):
        raise DataError(f"{path}: has labels other than whole numbers from 0 to 9")
    return array.pixels, np.array(labels, np.int64)


# A pickle is a program. Even a restricted unpickler of Python's can be made to hash forever or to fill the
# memory. So the few opcodes of a batch are carried out here, and names stay names: the opcodes that Python 2
# wrote into the official files, and those that Python 3 writes for the same dict with protocols 2 to 4. Any
# other opcode is refused before its argument is decoded, which may be expensive.

_MOST_OPCODES = 150_000  # an official batch has fewer than 50,000; Python 3 writes up to 90,000
_LONGEST_NAME = 100  # of a key, or of the name of a global
_VALUES = {"BININT", "BININT1", "BININT2", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"}
_CONSTANTS = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_OPCODES = {
    *_VALUES,
    *_CONSTANTS,
    *_TUPLES,
    *("SHORT_BINSTRING", "BINSTRING", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET", "MARK"),
    *("EMPTY_DICT", "EMPTY_LIST", "TUPLE", "APPEND", "APPENDS", "SETITEM", "SETITEMS"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "PROTO", "FRAME", "STOP"),
}
_BY_CODE = {opcode.code: opcode for opcode in pickletools.opcodes}
_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_NAMES = {*_RECONSTRUCT, "numpy ndarray", "numpy dtype", "_codecs encode"}


class _Name(str):
    """The name of a global that a pickle asks for, as opposed to a string in it."""

    __slots__ = ()


class _Array:
    """An array that a pickle has begun; its pixels come later."""

    pixels: NDArray[np.uint8] | None = None


_UINT8 = _Name("uint8")


def _unpickled(path: Path) -> dict[str, Any]:
    try:
        result = _run(path, _contents(path))
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        reason = textwrap.shorten(str(problem), 100)
        raise DataError(f"{path}: is not a CIFAR-10 batch, or a damaged one ({reason})") from None
    if type(result) is not dict:
        raise DataError(f"{path}: is not a CIFAR-10 batch: a pickle, but not of a dict")
    return result


def _opcodes(path: Path, data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the name and the argument of each opcode."""
    stream = io.BytesIO(data)
    for _ in range(_MOST_OPCODES):
        code = stream.read(1)
        opcode = _BY_CODE.get(code.decode("latin-1"))
        if opcode is None:
            raise ValueError(f"there is no opcode {code!r}" if code else "it ends before its STOP")
        if opcode.name not in _OPCODES:
            raise DataError(
                f"{path}: has the pickle opcode {opcode.name} at byte {stream.tell() - 1:,}, which has no "
                "place in a CIFAR-10 batch (protocols 2 to 4 are read); nothing was run"
            )
        yield opcode.name, None if opcode.arg is None else opcode.arg.reader(stream)
        if opcode.name == "STOP":
            return
    raise DataError(f"{path}: has more than {_MOST_OPCODES:,} pickle opcodes, far more than a CIFAR-10 batch")


def _run(path: Path, data: bytes) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    budget = len(data)  # bytes that all encoded texts together may have

    def pop(start: int) -> list[Any]:
        items = stack[start:]
        del stack[start:]
        return items

    for name, arg in _opcodes(path, data):
        if name in _VALUES:
            stack.append(arg)
        elif name in ("SHORT_BINSTRING", "BINSTRING"):  # a Python 2 string
            stack.append(arg.encode("latin-1"))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[arg] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[arg])
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "TUPLE":
            stack.append(tuple(pop(marks.pop())))
        elif name in _TUPLES:
            stack.append(tuple(pop(len(stack) - _TUPLES[name])))
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("APPEND", "APPENDS"):
            items = pop(marks.pop() if name == "APPENDS" else len(stack) - 1)
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = pop(marks.pop() if name == "SETITEMS" else len(stack) - 2)
            stack[-1].update(zip(map(_key, items[::2]), items[1::2], strict=True))
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            parts = [arg] if name == "GLOBAL" else pop(len(stack) - 2)
            asked = " ".join(part[:_LONGEST_NAME] for part in parts)
            if asked not in _NAMES:
                raise DataError(
                    f"{path}: asks for {shortened(asked.replace(' ', '.'))}, which no CIFAR-10 batch needs; "
                    "nothing was run. Do not open this file with Python's pickle."
                )
            stack.append(_Name(asked))
        elif name == "REDUCE":
            called, args = pop(len(stack) - 2)
            stack.append(_call(called, args, budget))
            budget -= len(stack[-1]) if type(stack[-1]) is bytes else 0
        elif name == "BUILD":
            state = stack.pop()
            if type(stack[-1]) is _Array:
                stack[-1].pixels = _pixels(path, state)
            elif stack[-1] is not _UINT8:  # one byte has no byte order or anything else to set
                raise ValueError("it sets the state of something other than an array")
    return stack.pop()


def _key(key: Any) -> str:
    if type(key) not in (bytes, str):
        raise ValueError("a key that is not a string")
    if len(key) > _LONGEST_NAME:  # decoding and hashing it a thousand times would take forever
        raise ValueError(f"a key of {len(key):,} characters")
    return key.decode("latin-1") if type(key) is bytes else str(key)


def _call(name: Any, args: Any, budget: int) -> Any:
    if type(name) is _Name and type(args) is tuple:
        if name in _RECONSTRUCT and args[:1] == ("numpy ndarray",):
            return _Array()
        if name == "numpy dtype" and args[:1] in (("u1",), (b"u1",)):
            return _UINT8
        if name == "_codecs encode" and args[1:] == ("latin1",) and len(args[0]) <= budget:
            return args[0].encode("latin-1")
    raise ValueError(f"it calls {reprlib.repr(name)} with {reprlib.repr(args)}")


def _pixels(path: Path, state: Any) -> NDArray[np.uint8]:
    version, shape, dtype, fortran_order, data = state
    if type(data) is not bytes or fortran_order is not False or version != 1:
        raise ValueError("its array is not laid out in rows")
    if dtype is not _UINT8 or shape != (len(data) // _PIXELS, _PIXELS) or len(data) % _PIXELS:
        raise DataError(
            f"{path}: its array has {len(data):,} bytes in the shape {reprlib.repr(shape)}; "
            "n rows of 3,072 bytes are needed, (n, 3072)"
        )
    return np.frombuffer(data, np.uint8).reshape(-1, _PIXELS)
