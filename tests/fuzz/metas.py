"""Mutates checkpoints by what they are made of, and reads each in a process of its own, within limits.

Bytes that are changed at random do not get past a checksum, and seldom past JSON. So this fuzzer changes the
``meta`` of sound checkpoints as JSON: types are swapped, lists and mappings stretched, values nested, numbers
taken to their ends, keys renamed, dropped, doubled. It changes arrays as arrays: their values, shapes, types
and names. Each file is read in a forked process, and so are rows with a network that was accepted. It broke
a promise if that takes more than `SECONDS` of the processor or `MEGABYTES`, raises anything but an
`MlpError`, gives a warning, or a message that is no message.

Files that are accepted, or refused in a new way, are mutated further. All draws come from the seed.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.batches import Split
from mlpcli.errors import MlpError
from mlpcli.text import printable
from mlpcli.training.checkpoints import Checkpoint, load_checkpoint, read_plan, save_checkpoint
from mlpcli.training.model import Model, unlabelled

__all__ = ["ACCEPTED", "Answer", "Reader", "Seed", "fuzz", "mutations", "read", "seeds"]

SECONDS, MEGABYTES = 2.0, 300
ACCEPTED = "accepted: "
_FORMATS = Path(__file__).parents[1] / "training" / "formats"
_MOST = 15_900_000  # bytes of JSON; a larger meta is not read
_MOST_KEPT = 300  # inputs to go on from
_MOST_BYTES = 300_000  # of JSON of such an input, so that mutating it stays quick

Arrays = dict[str, NDArray[Any]]


class Seed(NamedTuple):
    """A checkpoint as its meta and its other arrays."""

    meta: dict[str, Any]
    arrays: Arrays


class Answer(NamedTuple):
    """What a reader made of a file: its words, whether a promise was broken, and what it took."""

    text: str
    is_broken: bool
    seconds: float
    megabytes: float


def seeds() -> list[Seed]:
    """Return the checkpoints of all formats."""
    found = []
    for path in sorted(_FORMATS.glob("*/*.npz")):
        with np.load(path) as file:
            arrays = dict(file)
        found.append(Seed(json.loads(arrays.pop("meta").item()), arrays))
    return found


# ------------------------------------------------------------------------------- mutations of meta

_NUMBERS = (
    *(0, -1, 1, 2, 3, 255, 65_536, 2**31, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 2**128, -(2**63), 10**300),
    *(0.5, -0.0, 1.0, 1e-300, 5e-324, 1e308, -1e308, 1.7976931348623157e308, 3.4e38, float("nan"), True),
)
_INFINITE = (float("inf"), float("-inf"))
_TEXTS = ("", "a", "\0", "\x1b[2J", "\ud800", "\u202e", "é" * 300, "../" * 1000, "9" * 4000, "nan")
_LENGTHS = (2, 3, 10, 100, 1_000, 30_000, 100_000, 1_000_000, 5_400_000)


def _value(rng: random.Random, size: int) -> Any:
    """Return a value of any type, of up to ``size`` bytes of JSON."""
    n = min(rng.choice(_LENGTHS), max(1, size // 8))
    kind = rng.randrange(12)
    if kind < 3:
        return rng.choice(_NUMBERS + _INFINITE)
    if kind < 5:
        return rng.choice(_TEXTS)
    if kind == 5:
        return rng.choice("aé\0") * n
    if kind == 6:
        return None
    if kind == 7:
        return [rng.choice((*_NUMBERS[:4], None, "", 1.5))] * n
    if kind == 8:
        return {str(i): 0 for i in range(min(n, size // 14))}
    if kind == 9:
        return [[]] * min(n, 99_000)
    if kind == 10:
        nested: Any = 0
        for _ in range(min(n, rng.choice((5, 300, 900)))):
            nested = rng.choice(([nested], {"a": nested}))
        return nested
    return rng.choice(([], {}, False))


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return the first thousand containers in a value, each with one of its keys or indices."""
    return list(islice(_all_places(value), 1000))


def _all_places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    if depth > 8 or not isinstance(value, (dict, list)):
        return
    for key in list(islice(value, 40)) if isinstance(value, dict) else range(min(40, len(value))):
        yield value, key
        yield from _all_places(value[key], depth + 1)


def _at_a_place(rng: random.Random, meta: dict[str, Any], change: Callable[[Any, Any], None]) -> None:
    """Change meta at one of its places: as often at the top as below, where there are more."""
    if rng.random() < 0.4:
        container, key = meta, rng.choice(list(meta) or ["a"])
    else:
        places = [place for place in _places(meta) if place[0] is not meta and "config" not in place]
        inner = [place for name in ("others", "kinds", "mid_epoch") for place in _places(meta.get(name))]
        groups = [group for group in (places, inner) if group]
        container, key = rng.choice(rng.choice(groups)) if groups else (meta, "a")
    if isinstance(container, dict) and key not in container:
        container[key] = 0
    change(container, key)


def _swap(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    def change(container: Any, key: Any) -> None:
        container[key] = _value(rng, size)

    _at_a_place(rng, meta, change)


def _nudge(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    """Change a number or a text a little, or to an end of its range."""

    def change(container: Any, key: Any) -> None:
        old = container[key]
        if isinstance(old, (int, float)):
            container[key] = rng.choice((old + 1, old - 1, -old, old * 2, *_NUMBERS, float(old), str(old)))
        elif isinstance(old, str):
            container[key] = rng.choice((old + "x", old[:-1], old.upper(), *_TEXTS, old * 100))

    for _ in range(rng.choice((1, 1, 2, 5))):
        _at_a_place(rng, meta, change)


def _stretch(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    """Make a list or mapping longer, of what is in it or of something else."""

    def change(container: Any, key: Any) -> None:
        old = container[key]
        n = rng.choice(_LENGTHS)
        if isinstance(old, list):
            unit = rng.choice((old[-1:], [-1], [0], [None], [""], [1.5], [[]], old)) or [0]
            container[key] = old + unit * max(1, min(n, size // (len(json.dumps(unit)) + 2)))
        elif isinstance(old, dict):
            value = rng.choice((*list(old.values())[-1:], 0, -1, None, [], {}))
            room = size // (len(json.dumps(value)) + 14)
            old.update((f"k{i}", value) for i in range(min(n, room)))
        elif isinstance(old, str):
            container[key] = old + rng.choice("a/\0\x1b\u202eé") * min(n, size // 7)

    _at_a_place(rng, meta, change)


def _rekey(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    """Drop, rename, copy or exchange what stands at a place."""

    def change(container: Any, key: Any) -> None:
        other, there = rng.choice(_places(meta) or [(container, key)])
        what = rng.randrange(5)
        if what == 0:
            del container[key]
        elif what == 1 and isinstance(container, dict):
            container[rng.choice((str(key) + "s", "", "\0", "a" * 1000, str(key).upper()))] = container.pop(
                key
            )
        elif what == 2:
            container[key] = copy.deepcopy(other[there])
        elif what == 3 and isinstance(container, list):
            rng.shuffle(container)
        elif isinstance(container[key], list):
            container[key] = container[key] * 2
        else:
            container[key] = [container[key]]

    _at_a_place(rng, meta, change)


# ----------------------------------------------------------------------------- mutations of arrays


def _spoil(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    """Set values of an array, most often one of a transform, to the ends of what is finite, or past them."""
    of_transforms = [name for name in arrays if re.search("shift|scale|fill|edges|target|baseline", name)]
    name = rng.choice(rng.choice((of_transforms, list(arrays))) or list(arrays))
    with np.errstate(all="ignore"):
        array = arrays[name].astype(rng.choice((arrays[name].dtype, np.float32, np.float64)))
        arrays[name] = array
        flat = array.reshape(-1)
        for _ in range(rng.choice((1, 1, 2, flat.size))):
            wide = (1e308, -1e308, 1.7e308, 5e-324, 1e-300, 1e-38, 3.4e38, -3.4e38, 1e300, 0, -1, 1, 1e15)
            flat[rng.randrange(flat.size)] = rng.choice(wide + (_INFINITE if rng.random() < 0.1 else ()))
    if rng.random() < 0.2:
        flat.sort()


def _reshape(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    """Give an array another shape, type or name, or take it away; meta may say so or not."""
    name = rng.choice(list(arrays))
    array = arrays[name]
    what = rng.randrange(6)
    if what == 0:
        array = array.astype(rng.choice(("f8", "f2", "i8", "?", "S5", "c8", "U3", ">f4")))
    elif what == 1:
        array = np.zeros(
            rng.choice(((), (0,), (1,), (1, 1), (3, 0), (1_000_000,), (6_000_000,))), array.dtype
        )
    elif what == 2:
        array = np.resize(array, (*array.shape[:-1], rng.choice((0, 1, 2, 50, 10_000, 2_000_000)))[-2:])
    elif what == 3:
        array = array[..., None]
    elif what == 4:
        array = array.T.copy()
    else:
        del arrays[name]
        name = rng.choice(("W9", "b9", "shift", "fill", "edges", "network2_W1", "network3_b1", "optimizer_q"))
    arrays[name] = array
    shapes = meta.get("shapes")
    if isinstance(shapes, dict) and rng.random() < 0.7:
        shapes |= {key: list(own.shape) for key, own in arrays.items()}


def _widen(rng: random.Random, meta: dict[str, Any], arrays: Arrays, size: int) -> None:
    """Make the columns more, with all arrays that have one value for each; so the lengths fit each other."""
    columns = meta.get("columns", meta.get("features"))
    if not isinstance(columns, list) or not columns or len(columns) > 10_000:
        return
    n, old = min(rng.choice(_LENGTHS[2:]), size // 12, 400_000), len(columns)
    n = max(n, old)
    columns += [f"c{i}" for i in range(n - old)]
    for name, array in arrays.items():
        if array.ndim == 1 and array.shape == (old,) and re.search("shift|scale|fill", name):
            arrays[name] = np.resize(array, n)
        elif array.ndim > 1 and re.search("W1$|V$", name) and array.size * n / array.shape[-2] < 2e6:
            shape = (*array.shape[:-2], array.shape[-2] + n - old, array.shape[-1])
            arrays[name] = np.zeros(shape, array.dtype)
    shapes = meta.get("shapes")
    if isinstance(shapes, dict):
        shapes |= {key: list(own.shape) for key, own in arrays.items()}


_CHANGES = (
    _swap,
    _swap,
    _nudge,
    _nudge,
    _nudge,
    _stretch,
    _stretch,
    _rekey,
    _spoil,
    _spoil,
    _spoil,
    _spoil,
    _reshape,
    _widen,
)


def _written(rng: random.Random, seed: Seed) -> bytes:
    """Return the bytes of a file; sometimes what JSON is made of is mutated, too."""
    raw = json.dumps(seed.meta).encode()
    what = rng.randrange(40)
    if what == 0:
        raw = raw.decode().encode("utf-16")
    elif what == 1:
        raw = raw[: rng.randrange(len(raw) + 1)]
    elif what == 2:
        raw = raw[:-1] + b" " * 1_000_000 + raw[-1:]
    elif what < 7 and seed.meta:  # a key that stands twice
        twice = {rng.choice(list(seed.meta)): _value(rng, 1_000_000)}
        raw = raw[:-1] + b", " + json.dumps(twice).encode()[1:]
    members = seed.arrays | {"meta": np.array(raw[: _MOST + 1_000])}
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(stream := io.BytesIO(), "w", method, compresslevel=1) as archive:
        for name, array in members.items():
            np.lib.format.write_array(content := io.BytesIO(), np.asarray(array), allow_pickle=False)
            archive.writestr(f"{name}.npy", content.getvalue())
    return stream.getvalue()


def _length(value: Any) -> int:
    """Return about how long the JSON of a value is; it may be exponential in what the value takes."""
    total, pending = 0, [value]
    while pending and total <= _MOST:
        value = pending.pop()
        total += len(value) if isinstance(value, str) else 3 * len(value)
        if not isinstance(value, str):
            items = value.values() if isinstance(value, dict) else value
            pending += [item for item in items if isinstance(item, (str, list, dict))]
    return total


def _mutated(rng: random.Random, start: Seed) -> Seed:
    mutant = Seed(copy.deepcopy(start.meta), {name: own.copy() for name, own in start.arrays.items()})
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        size = _MOST - len(json.dumps(mutant.meta))
        if size > 100 and mutant.arrays:
            size = min(size, rng.choice((1000, 10**4, 10**4, 10**4, 10**5, 10**6, size)))
            rng.choice(_CHANGES)(rng, mutant.meta, mutant.arrays, size)
        if _length(mutant.meta) > _MOST:
            raise ValueError
    return mutant


def mutations(seed: int) -> Iterator[tuple[bytes, Callable[[str], None]]]:
    """Yield files without end, each with a function that takes how it was answered."""
    rng = random.Random(seed)
    sound, refused, seen = seeds(), seeds(), set[str]()
    while True:
        try:
            mutant = _mutated(rng, rng.choice(rng.choice((sound, sound, refused))))
            content = _written(rng, mutant)
        except (RecursionError, ArithmeticError, LookupError, TypeError, ValueError):  # no such change
            continue

        def learn(text: str, mutant: Seed = mutant) -> None:
            kind = re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d,.e+-]*", "_", text)[:200]
            small = sum(own.nbytes for own in mutant.arrays.values()) < 10_000_000
            is_sound = text.startswith(ACCEPTED)
            if (is_sound or kind not in seen) and small and len(json.dumps(mutant.meta)) < _MOST_BYTES:
                seen.add(kind)
                pool = sound if is_sound else refused
                pool.append(mutant)
                if len(pool) > _MOST_KEPT:
                    del pool[rng.randrange(6, len(pool))]

        yield content, learn


# ---------------------------------------------------------------------------------- what is held


def _try_out(checkpoint: Checkpoint, again: Path) -> str:
    """Predict and score rows with a network that was accepted, and save it; return what came of it."""
    model = Model(checkpoint)
    X = np.zeros((6, len(checkpoint.columns)))
    X[1], X[2], X[3], X[4] = 1, -1e30, 1e300, np.nan
    for j, name in enumerate(checkpoint.columns[:1000]):
        kind = checkpoint.kinds.get(name)
        if kind is not None:
            X[:, j] = (0, len(kind.levels) - 1, -1, 0, np.nan, -1) if kind.name == "category" else (0, 1) * 3
    y = np.zeros(6, np.int64) if checkpoint.classes is not None else np.zeros((6, checkpoint.targets))
    said = []
    for rows in (X[:2], X):
        try:
            predictions = model.read_predictions(model.compute_logits(unlabelled(rows), "X"))
            if predictions.dtype.kind == "f" and not np.isfinite(predictions).all():
                raise AssertionError("a prediction is not finite")
            report = model.report(Split(rows, y[: len(rows)], np.arange(len(rows))), "X")
            json.dumps(report, allow_nan=False)
            said.append("predicts")
        except MlpError as error:
            said.append(_message(error))
    save_checkpoint(again, checkpoint)
    first = again.read_bytes()
    save_checkpoint(again, load_checkpoint(again))
    if again.read_bytes() != first:
        raise AssertionError("a checkpoint is not what it was once it is saved")
    return ", ".join(said)


def _message(error: MlpError) -> str:
    text = str(error)
    if not text.strip() or len(text) > 20_000:
        raise AssertionError(f"a message of {len(text)} characters") from error
    text.encode()  # half a surrogate pair cannot be shown
    if printable(text) != text:
        raise AssertionError("a message with control characters") from error
    return text


def read(path: Path, again: Path) -> str:
    """Read a checkpoint in every way; return the words of the refusal, or what it can do."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read_plan(path)
            checkpoint = load_checkpoint(path)
        except MlpError as error:
            return _message(error).replace(str(path), "PATH")
        return ACCEPTED + _try_out(checkpoint, again)


def _answer(path: Path) -> Answer:
    """Read a checkpoint in a forked process, within limits, and return how it was answered."""
    output, again = path.with_suffix(".txt"), path.with_suffix(".again.npz")
    output.write_text("it was not answered", encoding="utf-8")
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.alarm(60)
        text, code = "", 1
        try:
            text, code = read(path, again), 0
        except BaseException:
            text = traceback.format_exc()[-4000:]
        finally:
            output.write_text(text, encoding="utf-8", errors="replace")
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    text = output.read_text(encoding="utf-8")
    output.unlink()
    again.unlink(missing_ok=True)
    seconds = used.ru_utime + used.ru_stime
    megabytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return Answer(text, status != 0 or seconds > SECONDS or megabytes > MEGABYTES, seconds, megabytes)


class Reader:
    """A process that has loaded everything and forks for each file, so that only reading is measured."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def answer(self, path: Path) -> Answer:
        """Return how a file was answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return Answer(*json.loads(self._process.stdout.readline()))


def _serve() -> None:
    """Answer the files whose paths come in, line by line."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        for number, seed in enumerate(seeds()):  # what is loaded at the first use is there before the forks
            path = Path(place) / f"{number}.npz"
            path.write_bytes(_written(random.Random(3), seed))
            read(path, path.with_suffix(".again.npz"))
    for line in sys.stdin:
        print(json.dumps(_answer(Path(line.rstrip("\n")))), flush=True)


def fuzz(folder: Path, seconds: float, seed: int) -> int:
    """Fuzz for a time; keep each file that broke a promise in ``folder``, and return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    begun, told, broken, accepted, slowest, largest = time.monotonic(), 0.0, 0, 0, 0.0, 0.0
    kinds = set[str]()
    number = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place, Reader() as reader:
        path = Path(place) / "mutant.npz"
        for number, (content, learn) in enumerate(mutations(seed), 1):
            path.write_bytes(content)
            found = reader.answer(path)
            learn(found.text)
            accepted += found.text.startswith(ACCEPTED)
            kinds.add(re.sub(r"'[^']*'|\"[^\"]*\"|\d[\d,.e+-]*", "_", found.text)[:200])
            slowest, largest = max(slowest, found.seconds), max(largest, found.megabytes)
            if found.is_broken:
                broken += 1
                kept = folder / f"broken-{seed}-{number}"
                kept.with_suffix(".npz").write_bytes(content)
                about = f"{found.seconds:.2f} s, {found.megabytes:.0f} MB\n{found.text}\n"
                kept.with_suffix(".txt").write_text(about, encoding="utf-8", errors="replace")
                print(f"{kept}.npz: {about[:3000]}", flush=True)
            now = time.monotonic() - begun
            if now - told > 60 or now > seconds:
                told = now
                print(
                    f"{now:,.0f} s: {number:,} files, {accepted:,} accepted, {len(kinds):,} kinds of "
                    f"answers, at most {slowest:.2f} s and {largest:.0f} MB, {broken:,} broke a promise",
                    flush=True,
                )
            if now > seconds:
                return broken
    return broken


if __name__ == "__main__":
    _serve()
