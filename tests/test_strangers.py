"""Files of strangers: a refusal is one block of text, and takes no more than 2 seconds and 300 MB.

The usual suite takes some cases of each table, CI all.

Each case is a command line carried out in a process of its own under limits, forked from one that has loaded
everything, so that what is measured is the refusal.
"""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel
from usual import some

from mlpcli.training.checkpoints import FORMAT
from mlpcli.training.checkpoints.meta import Meta
from mlpcli.training.directory import RunDirectory

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

SECONDS, MEGABYTES = 2, 300
_HELPER = """
import contextlib, gc, io, json, os, resource, signal, sys
import mlpcli.data.new_rows, mlpcli.training.apply, mlpcli.training.check, mlpcli.training.run
from mlpcli.cli import run

with contextlib.redirect_stderr(io.StringIO()):
    for command in ("train", "check", "eval", "count-params"):
        run([command, os.devnull])  # what is loaded or made at the first use is there before the forks
    run(["predict", os.devnull, os.devnull])
gc.freeze()
for line in sys.stdin:
    args, output = json.loads(line)
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.alarm(60)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1), os.dup2(file, 2)
        code = run(args)
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    _, status, used = os.wait4(child, 0)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    seconds = used.ru_utime + used.ru_stime  # of the processor's, as the machine may have other work
    print(json.dumps([os.waitstatus_to_exitcode(status), seconds, peak]), flush=True)
"""


class Refusal(NamedTuple):
    """How a command line ended, and what it took: seconds and bytes."""

    code: int
    text: str
    seconds: float
    peak: int


Mlp = Callable[..., Refusal]


@pytest.fixture(scope="module")
def helper() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HELPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def refused(helper: subprocess.Popen[str], tmp_path: Path) -> Mlp:
    """Return a function that carries out a command line, which has to be refused within the limits."""

    def refused(*args: object) -> Refusal:
        assert helper.stdin is not None
        assert helper.stdout is not None
        output = tmp_path / "output"
        helper.stdin.write(json.dumps([list(map(str, args)), str(output)]) + "\n")
        helper.stdin.flush()
        code, seconds, peak = json.loads(helper.stdout.readline())
        text = output.read_text(encoding="utf-8")
        assert code in (1, 2), text[-500:]
        assert text.startswith("Error: ")
        assert len(text.replace(str(tmp_path), "")) < 20_000
        for sign in ("Traceback", "a bug in mlp", "out of memory"):
            assert sign not in text
        assert seconds < SECONDS
        assert peak < MEGABYTES * 10**6
        return Refusal(code, text, seconds, peak)

    return refused


# ------------------------------------------------------------------------------------------- configs

_LAUGHS = "\n".join(
    ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    + [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
)
_MERGES = "\n".join(
    ["a: &a {x: 1}"]
    + [f"{b}: &{b} {{<<: [{', '.join(['*' + a] * 9)}]}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
)


# A tenth of the size in the usual suite, the largest that is read with pytest -m slow.
SIZES = [pytest.param(0.1, id="small"), pytest.param(1, marks=pytest.mark.slow, id="large")]


def configs(size: float) -> dict[str, str | bytes]:
    """Return texts of up to ``size`` megabytes."""
    megabyte, thousand = int(999_000 * size), int(1000 * size)

    def filled(unit: str, before: str = "", after: str = "") -> str:
        return before + unit * ((megabyte - len(before) - len(after)) // len(unit)) + after

    return {
        "alias bomb": _LAUGHS,
        "merge bomb": _MERGES,
        "merge key alone": "data: spiral\n<<: {a: 1}\n",
        "recursive alias": "data: &a [*a]\n",
        **{
            repr(unit): filled(unit)
            for unit in (
                *["[", "{", "}", "- ", "? ", ": ", "a: ", "a:\n", "&a ", "*a ", "! ", "!!x ", "'", '"', ">"],
                *["\n", " ", "\t", "#", "# c\n", ",", "a", "9", "a,", "- a\n", "---\n", "...\n", "\\"],
                *["|\n", "?\n", "@", "`", "\ufeff", "\x85", "\u2028", "a: [", "[a, ", "{a: ", "- - ", "--- "],
                "%TAG ! a:b\n",
            )
        },
        "brackets and the last one": filled("[", after="]"),
        "nested lists that close": "[" * (400 * thousand) + "]" * (400 * thousand),
        "a quoted text": filled("a", "data: '", "'\n"),
        "a text with line breaks": filled("a\n\n ", 'data: "', '"\n'),
        "escapes": filled("\\x41", 'data: "', '"\n'),
        "an escape never closed": filled("\\x4", 'data: "'),
        "a block": filled("  a\n", "data: |\n"),
        "a folded block": filled("  a\n\n", "data: >\n"),
        "a plain text in lines": filled("a\n ", "data: "),
        "one key": filled("k", "data: spiral\n", ": 1\n"),
        "a tag": filled("t", "data: !<", "> a\n"),
        "an anchor": filled("a", "data: &", " a\n"),
        "a directive": filled("1", "%YAML 1.", "\n--- a\n"),
        "layers": filled("1,", "data: spiral\nmodel: {hidden: [", "]}\n"),
        "many layers": "data: spiral\nmodel: {hidden: [" + "1," * (19 * thousand) + "]}\n",
        "many wrong layers": "data: spiral\nmodel: {hidden: [" + "x," * (19 * thousand) + "]}\n",
        "wrong keys of layers": "data: spiral\nmodel: {hidden: ["
        + "{unit: 3, activations: rel}," * (thousand - 10)
        + "]}\n",
        "many unknown keys": "data: spiral\n" + "".join(f"optimizr{i}: 1\n" for i in range(9 * thousand)),
        "many unknown keys of a section": "data: {name: spiral, "
        + ", ".join(f"clases{i}: 1" for i in range(9 * thousand))
        + "}\n",
        "many keys that stand twice": "data: spiral\n" + "training: {}\n" * (9 * thousand),
        "many numbers that are none": "data: [" + ".nan," * (19 * thousand) + "]\n",
        "unknown keys of a thousand characters": "data: spiral\n"
        + "".join(f"{'optimizer' * 100}{i}: 1\n" for i in range(thousand)),
        "deep mapping": "data: " + "{a: " * 500 + "1" + "}" * 500,
        "deep block": "".join(f"{' ' * i}a:\n" for i in range(thousand)),
        "bad UTF-8": b"data: spiral\nloss: \xff\xfe\n",
        "nothing but bad UTF-8": b"\xc3" * megabyte,
        "NUL": "data: spiral\0\n",
        "NULs": "\0" * megabyte,
        "UTF-16": "data: spiral\n".encode("utf-16"),
        "5,000 digits": "data: spiral\ntraining: {seed: " + "9" * 5000 + "}\n",
        "5,000 digits of a fraction": "data: spiral\noptimizer: {learning_rate: 0." + "9" * 5000 + "}\n",
        "5,000 hexadecimal digits": "data: spiral\ntraining: {seed: 0x" + "f" * 5000 + "}\n",
        "a large exponent": "data: spiral\noptimizer: {learning_rate: 1e" + "9" * 90 + "}\n",
        "5,000 digits as a key": "data: spiral\n" + "9" * 5000 + ": 1\n",
        "a file that is too large": "# " + "a" * 1_000_000,
        "many class weights": "data: {name: csv, path: x, target: y}\n"
        "loss: {name: cross_entropy, class_weights: [" + "-1," * (19 * thousand) + "]}\n",
        "a path": "data: {name: npz, path: " + "a/" * (400 * thousand) + "x}\n",
        "a path up": "data: {name: npz, path: " + "../" * (300 * thousand) + "x}\n",
        "a home": "data: {name: npz, path: ~" + "a" * (900 * thousand) + "/x}\n",
        "many features": "data: {name: csv, path: x.csv, target: y, features: ["
        + "a," * (19 * thousand)
        + "]}\n",
    }


@pytest.mark.parametrize("name", some(configs(0), 6))
@pytest.mark.parametrize("size", SIZES)
def test_configs(refused: Mlp, tmp_path: Path, size: float, name: str) -> None:
    content = configs(size)[name]
    path = tmp_path / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused("train", path, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


OPTIONS = {
    "5,000 digits": ["training.seed=" + "9" * 5_000],
    "5,000 digits of an index": ["model.hidden." + "9" * 5_000 + "=3"],
    "100 kB of brackets": ["model.hidden=" + "[" * 100_000],
    "100 kB of a list": ["model.hidden=[" + "1," * 50_000 + "]"],
    "alias bomb": ["model=" + _LAUGHS],
    "100 kB of a key": ["a" * 100_000 + "=1"],
    "50,000 keys deep": [".".join("a" * 50_000) + "=1"],
    "50,000 names deep": ["data." + ".".join(["name"] * 250_000) + "=1"],
    "1,000 options": [f"optimizer.learning_rat{i}=1" for i in range(1_000)],
    "1,000 broken options": [f"[{i}" for i in range(1_000)],
    "not UTF-8": ["loss=\udcff\udcfe"],
    "tag": ["loss=!!python/object/apply:os.system [true]"],
    "documents": ["loss=" + "--- a\n" * 20_000],
    "NaN": ["optimizer.learning_rate=.nan"],
}


@pytest.mark.parametrize("name", some(OPTIONS, 4))
def test_options(refused: Mlp, tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("data: spiral\nmodel: {hidden: [3]}\n")
    sets = [word for option in OPTIONS[name] for word in ("--set", option)]
    assert refused("train", path, "--out", tmp_path / "run", *sets).code == 2


# -------------------------------------------------------------------------------------------- tables


ACCENTS = "\u0315\u0300" * 30_000  # the time to normalize a text grows with its square


def csv(body: str | bytes, before: str = "a,b,y\n") -> Callable[[Path], None]:
    content = before.encode() + (body if isinstance(body, bytes) else body.encode())
    return lambda path: path.write_bytes(content) and None


def sparse(body: bytes, size: int) -> Callable[[Path], None]:
    """Return a function that writes a file which ends in a hole, and takes no room on the disk."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.write(body)
            file.truncate(size)

    return write


_X = b"x" * (3 << 20)
TABLES: dict[str, Callable[[Path], None]] = {
    "a field of 1 GB": sparse(b'a,b,y\n1,2,"' + _X, 10**9),
    "a field of 1 GB, not quoted": sparse(b"a,b,y\n1,2," + _X, 10**9),
    "a header of 1 GB": sparse(b"a" * (3 << 20), 10**9),
    "NULs": sparse(b"a,b,y\n", 10**6),
    "nothing but NULs": sparse(b"", 10**6),
    "a million columns": lambda path: csv(
        ",".join(["1"] * 1_000_000), ",".join(f"x{i}" for i in range(1_000_000)) + "\n"
    )(path),
    "a million columns without names": csv("", "," * 1_000_000 + "\n"),
    "500,000 columns of one name": csv("", "a," * 500_000 + "\n"),
    "a million cells": csv("1," * 1_000_000 + "\n"),
    "ragged rows": csv("1,2\n" * 500_000),
    "quotes never closed": csv('1,2,"x\n' + "1,2,3\n" * 500_000),
    "quotes never closed in the header": csv("1,2,3\n" * 500_000, 'a,b,"y\n'),
    "quotes within": csv('1,2,"x"y"\n' * 100_000),
    "nothing but quotes": csv('"' * 1_000_000),
    "lone carriage returns": csv("1,2,3\r" * 100_000),
    "bad UTF-8": csv(b"\xff" * 1_000_000),
    "cells of 100,000 digits": csv(f"{'9' * 100_000},{'9' * 100_000},1\n" * 5),
    "a fraction of 100,000 digits": csv(f"1.{'9' * 100_000}x,2,1\n" * 5),
    "what looks like a number": csv(f"{'1,' * 30_000}x,2,1\n"),
    "many separators of thousands": csv(f"1,{'1_' * 50_000},1\n"),
    "spaces": csv(f"{' ' * 100_000},2,1\n" * 10),
    "labels of many accents": csv("".join(f"1,2,{i}a{ACCENTS}\n" for i in range(8)) + "inf,2,1\n"),
    "names of many accents": csv("", f"a{ACCENTS},b{ACCENTS},y\n"),
    "labels of many digits": csv("".join(f"1,2,{'9' * 100_000}{i}\n" for i in range(50)) + "x,2,1\n"),
    "infinities": csv("1e999,inf,1\n" * 50_000),
    "labels all different": lambda path: csv("".join(f"1,2,l{i}\n" for i in range(70_000)))(path),
    "labels of 100,000 characters": csv("".join(f"1,2,{'l' * 100_000}{i}\n" for i in range(30))),
    "no rows": csv(""),
    "empty": csv("", ""),
    "a pickle": csv(b"\x80\x04N.", ""),
    "a zip": csv(b"PK\3\4" + bytes(1000), ""),
}


@pytest.mark.parametrize("name", some(TABLES, 4))
def test_tables(refused: Mlp, tmp_path: Path, name: str) -> None:
    TABLES[name](tmp_path / "data.csv")
    config = tmp_path / "config.yaml"
    config.write_text("data: {name: csv, path: data.csv, target: y}\n")
    # What refuses them is the reader, also where there is less memory than the largest may need.
    assert refused("train", config, "--force-memory", "--out", tmp_path / "run").code == 1
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------- arrays, checkpoints


def header(descr: str = "'<f4'", shape: str = "(3,)", more: str = "") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}{more}}}"


def npy(text: str, data: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """Write an .npy file whose header claims to be ``length`` bytes long."""
    raw = text.encode() + b"\n"
    size = len(raw) if length is None else length
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", size) + raw + data


ARRAYS = {
    "header of 4 GB, claimed": npy(header(), bytes(12), version=2, length=2**32 - 1),
    "header of 10 MB": npy(header() + " " * 10_000_000, bytes(12), version=2),
    "header of 60 kB": npy(header() + " " * 60_000, bytes(12)),
    "header nested 900 deep": npy("[" * 900),
    "header nested 60,000 deep": npy("[" * 60_000),
    "header of tuples": npy("(" * 450 + ")" * 450),
    "header of minus signs": npy("-" * 1000),
    "header of powers": npy(header(shape="(9**9**9**9,)")),
    "header of products": npy(header(shape="((1,)*9999999999,)")),
    "header of strings": npy(header(shape="('a'*9999999999,)")),
    "header of digits": npy(header(shape=f"({'9' * 900},)")),
    "header of code": npy("__import__('os').system('true')"),
    "header of a lambda": npy(header(more=", 'x': (lambda: 0)()")),
    "shape past the file": npy(header(shape="(1000000, 1000000)"), bytes(12)),
    "shape past an address": npy(header(shape=f"({2**40}, {2**40})"), bytes(12)),
    "negative shape": npy(header(shape="(-1, -3)"), bytes(12)),
    "sixty dimensions": npy(header(shape="(" + "1," * 60 + ")"), bytes(4)),
    "objects": npy(header("'|O'"), b"\x80\x04\x95" + bytes(30)),
    "objects in fields": npy(header("[('a', '|O')]"), bytes(24)),
    "many fields": npy(header(str([(f"f{i}", "<f4") for i in range(50)])), bytes(200)),
    "text of 1 GB": npy(header("'<U250000000'", "()"), bytes(12)),
    "void of 1 GB": npy(header("'|V1000000000'", "(1,)"), bytes(12)),
    "infinities": npy(header(), struct.pack("<3f", *[float("inf")] * 3)),
    "no array": b"hello",
    "a pickle": b"\x80\x04N.",
    "nothing": b"",
}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(stream := io.BytesIO(), "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


class Deflated(NamedTuple):
    """A member as it stands in an archive, and what it claims of itself."""

    data: bytes
    size: int
    crc: int = 0


def bomb(size: int, head: bytes = b"") -> Deflated:
    """Pack zeros behind ``head``, ``size`` bytes in all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, crc, left = [packer.compress(head)], zlib.crc32(head), size - len(head)
    block = bytes(1 << 20)
    while left:
        piece = block[: min(left, len(block))]
        packed.append(packer.compress(piece))
        crc, left = zlib.crc32(piece, crc), left - len(piece)
    return Deflated(b"".join(packed) + packer.flush(), size, crc)


def archive_of(members: list[tuple[str, Deflated]], *, overlap: bool = False) -> bytes:
    """Write an archive by hand; where they overlap all members are the bytes of the first."""
    body, directory = b"", b""
    for name, member in members:
        raw = name.encode()
        fields = struct.pack(
            "<HHHHHIIIHH", 20, 0, 8, 0, 33, member.crc, len(member.data), member.size, len(raw), 0
        )
        place = 0 if overlap and body else len(body)
        if not (overlap and body):
            body += b"PK\3\4" + fields + raw + member.data
        directory += (
            b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, place) + raw
        )
    n = len(members)
    return body + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, n, n, len(directory), len(body), 0)


@pytest.fixture(scope="module")
def sound(trained: Callable[..., RunDirectory]) -> dict[str, bytes]:
    """Return the members of a sound checkpoint."""
    with zipfile.ZipFile(trained("iris", "training.epochs=2").last) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_meta(sound: dict[str, bytes], text: str | bytes) -> bytes:
    np.save(stream := io.BytesIO(), np.array(text if isinstance(text, bytes) else text.encode()))
    return zipped({**sound, "meta.npy": stream.getvalue()})


@pytest.mark.parametrize("name", some(ARRAYS, 4))
def test_arrays(refused: Mlp, tmp_path: Path, sound: dict[str, bytes], name: str) -> None:
    """As weights, as meta, as a data set, as new rows."""
    path = tmp_path / "bad.npz"
    for member in ("W1.npy", "meta.npy"):
        path.write_bytes(zipped({**sound, member: ARRAYS[name]}))
        for command in ("eval", "count-params"):
            if (command, member) != ("count-params", "W1.npy"):  # which it does not read
                assert refused(command, path).code == 1
    y = io.BytesIO()
    np.save(y, np.arange(3))
    path.write_bytes(zipped({"X.npy": ARRAYS[name], "y.npy": y.getvalue()}))
    (tmp_path / "config.yaml").write_text("data: {name: npz, path: bad.npz}\n")
    assert refused("train", tmp_path / "config.yaml", "--out", tmp_path / "run").code == 1
    (tmp_path / "good.npz").write_bytes(zipped(sound))
    (tmp_path / "rows.npy").write_bytes(ARRAYS[name])
    assert refused("predict", tmp_path / "good.npz", tmp_path / "rows.npy").code == 1


# From meta and thousands.
METAS: dict[str, Callable[[dict[str, Any], int], str | bytes]] = {
    "brackets": lambda meta, k: "[" * (15000 * k),
    "lists": lambda meta, k: "[" + "[]," * (5000 * k) + "[]]",
    "mappings": lambda meta, k: "[" + "{}," * (5000 * k) + "{}]",
    "numbers": lambda meta, k: "[" + "1000," * (3000 * k) + "0]",
    "fractions": lambda meta, k: "[" + "0.1," * (3700 * k) + "0]",
    "strings": lambda meta, k: "[" + '"ab",' * (3000 * k) + "0]",
    "one string": lambda meta, k: '"' + "a" * (15000 * k) + '"',
    "escapes": lambda meta, k: '"' + "\\u00e9" * (2500 * k) + '"',
    "spaces": lambda meta, k: " " * (15000 * k),
    "keys": lambda meta, k: "{" + "".join(f'"{i}":0,' for i in range(1300 * k)) + '"a":0}',
    "one key": lambda meta, k: "{" + '"":0,' * (3000 * k) + '"":0}',
    "a meta that is too large": lambda meta, k: " " * 17_000_000,
    "5,000 digits": lambda meta, k: json.dumps(meta).replace(
        f'"format": {FORMAT}', '"format": ' + "9" * 5000
    ),
    "digits": lambda meta, k: "9" * (15000 * k),
    "an exponent": lambda meta, k: json.dumps(meta).replace('"epoch": 2', '"epoch": 1e999999'),
    "NaN": lambda meta, k: json.dumps({**meta, "epoch": float("nan")}),
    "features": lambda meta, k: json.dumps({**meta, "features": ["ab"] * (2500 * k)}),
    "features of one character": lambda meta, k: json.dumps({**meta, "features": ["a"] * (3000 * k)}),
    "classes": lambda meta, k: json.dumps({**meta, "classes": ["ab"] * (2500 * k)}),
    "scores": lambda meta, k: json.dumps({**meta, "scores": {str(i): 0 for i in range(1000 * k)}}),
    "shapes": lambda meta, k: json.dumps({**meta, "shapes": {str(i): [] for i in range(900 * k)}}),
    "a shape": lambda meta, k: json.dumps({**meta, "shapes": {**meta["shapes"], "W1": [1] * (4000 * k)}}),
    "counts": lambda meta, k: json.dumps({**meta, "class_counts": [1] * (4000 * k)}),
    "bins": lambda meta, k: json.dumps({**meta, "bins": {str(i): 9 for i in range(900 * k)}}),
    "bins of columns": lambda meta, k: json.dumps({**meta, **_columns(400 * k, bins=1000)}),
    "flags": lambda meta, k: json.dumps({**meta, "flagged": [0] * (4000 * k)}),
    "flags of columns": lambda meta, k: json.dumps(
        {**meta, **_columns(900 * k), "flagged": [*range(600 * k)]}
    ),
    "kinds": lambda meta, k: json.dumps({**meta, "kinds": {str(i): _kind(0) for i in range(33 * k)}}),
    "levels": lambda meta, k: json.dumps({**meta, "kinds": {"sepal_width": _kind(480 * k)}, "flagged": [1]}),
    "slots": lambda meta, k: json.dumps(
        {**meta, "kinds": {"sepal_width": _kind(1) | {"slots": [0] * (999 * k)}}}
    ),
    "networks": lambda meta, k: json.dumps({**meta, **_networks(30 * k)}),
    "networks of many columns": lambda meta, k: json.dumps(
        {**meta, **_networks(2 * k), **_columns(300 * k), "shapes": {str(i): [] for i in range(30 * k)}}
    ),
    "networks of many levels": lambda meta, k: json.dumps(
        {**meta, **_networks(2 * k, {"sepal_width": [0]}), "kinds": {"sepal_width": _kind(100 * k)}}
        | {"shapes": {str(i): [] for i in range(9 * k)}}
    ),
    "networks of many arrays": lambda meta, k: json.dumps(
        {**meta, **_networks(2 * k), **_columns(300 * k), "shapes": {str(i): [] for i in range(9 * k)}}
    ),
    "a note": lambda meta, k: json.dumps({**meta, "baseline_note": "a" * (15000 * k), "epoch": -1}),
    "layers": lambda meta, k: with_config(meta, model={"hidden": [1] * (4000 * k)}),
    "wrong layers": lambda meta, k: with_config(meta, model={"hidden": ["a"] * (2000 * k)}),
    "wide layers": lambda meta, k: with_config(meta, model={"hidden": [10**6] * 1000}),
    "keys of the config": lambda meta, k: with_config(meta, **{f"key{i}": 0 for i in range(900 * k)}),
    "keys of a section": lambda meta, k: with_config(meta, training={f"k{i}": 0 for i in range(900 * k)}),
    "a path": lambda meta, k: with_config(meta, data={**meta["config"]["data"], "path": "a/" * (5000 * k)}),
    "deep config": lambda meta, k: json.dumps(meta)[:-1] + ', "config": ' + '{"a":' * 900 + "0" + "}" * 901,
    "a long format": lambda meta, k: json.dumps({**meta, "format": "2" * (15000 * k)}),
    "another format": lambda meta, k: json.dumps({**meta, "format": FORMAT + 1}),
    "format of the future": lambda meta, k: json.dumps({"format": 10**300, "mlp": "9.0"}),
    "bad UTF-8": lambda meta, k: b"\xff" * (1000 * k),
    "UTF-16": lambda meta, k: json.dumps(meta).encode("utf-16"),
}


def _columns(n: int, bins: int | None = None) -> dict[str, Any]:
    names = [str(i) for i in range(n)]
    return {"columns": names, "bins": {} if bins is None else dict.fromkeys(names, bins)}


def _kind(levels: int) -> dict[str, Any]:
    return {"name": "category", "levels": [str(i) for i in range(levels)], "slots": [0] * (levels + 2)}


def _networks(n: int, slots: dict[str, list[int]] | None = None) -> dict[str, Any]:
    others = [{"epoch": 1, "flagged": [], "slots": slots or {}}] * n
    return {"others": others, "progress": None, "mid_epoch": None}


def with_config(meta: dict[str, Any], **sections: Any) -> str:
    return json.dumps({**meta, "config": {**meta["config"], **sections}})


@pytest.mark.parametrize("name", some(METAS, 5))
@pytest.mark.parametrize("size", SIZES)
def test_metas(refused: Mlp, tmp_path: Path, sound: dict[str, bytes], size: float, name: str) -> None:
    meta = json.loads(np.load(io.BytesIO(sound["meta.npy"])).item())
    path = tmp_path / "bad.npz"
    path.write_bytes(with_meta(sound, METAS[name](meta, int(1000 * size))))
    assert refused("eval", path).code == 1


# As above, for files in which each column of meta has its place in the arrays.
LONG_METAS: dict[str, Callable[[int], dict[str, Any]]] = {
    "columns": lambda k: _columns(900 * k),
    "flags of columns": lambda k: {**_columns(900 * k), "flagged": [*range(900 * k)]},
    "bins of columns": lambda k: _columns(400 * k, bins=1000),
    "wrong bins of columns": lambda k: _columns(400 * k, bins=-1),
    "classes": lambda k: {"classes": ["a"] * (1400 * k), "class_counts": [-1] * (1400 * k)},
    "counts": lambda k: {"class_counts": [-1] * (5000 * k)},
}


@pytest.mark.parametrize("name", some(LONG_METAS, 6))
@pytest.mark.parametrize("size", SIZES)
def test_metas_of_long_arrays(
    refused: Mlp, tmp_path: Path, sound: dict[str, bytes], size: float, name: str
) -> None:
    meta = json.loads(np.load(io.BytesIO(sound["meta.npy"])).item()) | LONG_METAS[name](int(1000 * size))
    path = tmp_path / "bad.npz"
    members = dict(sound)
    for key, n in (("shift", len(meta["columns"])), ("b9", len(meta["class_counts"]))):
        np.save(stream := io.BytesIO(), np.zeros(n, np.float32))
        members[f"{key}.npy"] = stream.getvalue()
        meta["shapes"][key] = [n]
    np.save(stream := io.BytesIO(), np.array(json.dumps(meta).encode()))
    path.write_bytes(zipped({**members, "meta.npy": stream.getvalue()}, zipfile.ZIP_DEFLATED))
    assert refused("eval", path).code == 1


def _fields(model: type[BaseModel], where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every field of a model and of the models in it; 0 stands for an item of a list."""
    for name, field in model.model_fields.items():
        yield (*where, name)
        for steps, inner in _models_in(field.annotation):
            yield from _fields(inner, (*where, name, *steps))


def _models_in(annotation: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield steps, annotation
    origin, inside = get_origin(annotation), get_args(annotation)
    step = {list: (0,), dict: ("augment",)}.get(origin, ())
    for one in inside[-1:] if origin is dict else inside:
        yield from _models_in(one, (*steps, *step))


# From thousands; each fills about 15 bytes of a thousandth.
HOSTILE: dict[str, Callable[[int], Any]] = {
    "numbers": lambda k: [-1] * (5000 * k),
    "a mapping": lambda k: {f"k{i}": None for i in range(900 * k)},
    "nothing": lambda k: [None] * (2400 * k),
    "a text": lambda k: "a" * (15_000 * k),
    "texts": lambda k: [""] * (1400 * k),
    "lists": lambda k: [[]] * min(90_000, 3000 * k),
    "a number": lambda k: 10**4000,
    "a sound number": lambda k: [1] * (5000 * k),
}


@pytest.mark.parametrize("where", some(_fields(Meta), 6), ids=lambda where: ".".join(map(str, where)))
@pytest.mark.parametrize(
    "size", [pytest.param(0.03, id="small"), pytest.param(1, marks=pytest.mark.slow, id="large")]
)
def test_every_field_of_meta(
    refused: Mlp, tmp_path: Path, sound: dict[str, bytes], size: float, where: tuple[Any, ...]
) -> None:
    """A field is tested once it is in the model: each with what costs most to refuse."""
    meta = json.loads(np.load(io.BytesIO(sound["meta.npy"])).item())
    path = tmp_path / "bad.npz"
    for name in list(HOSTILE)[: None if size == 1 else 2]:
        value = HOSTILE[name](int(1000 * size))
        for step in reversed(where[1:]):
            value = [value] if step == 0 else {step: value}
        path.write_bytes(with_meta(sound, json.dumps({**meta, where[0]: value})))
        assert refused("eval", path).code == 1


def _without(members: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: value for key, value in members.items() if key != name}


@cache
def _bomb() -> Deflated:
    return bomb(100_000_000, npy(header(shape="(24999968,)").ljust(117)))


ARCHIVES: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "a bomb": lambda sound: archive_of([("W1.npy", _bomb())]),
    "a bomb as meta": lambda sound: archive_of([("meta.npy", _bomb())]),
    "a bomb that says it is small": lambda sound: archive_of([("meta.npy", _bomb()._replace(size=1000))]),
    "a bomb that says it is as large as what is believed": lambda sound: archive_of(
        [("meta.npy", _bomb()._replace(size=32 << 20))]
    ),
    "bombs that share their bytes": lambda sound: archive_of(
        [(f"{i}.npy", _bomb()._replace(size=32 << 20)) for i in range(1000)], overlap=True
    ),
    "sizes of 4 GB": lambda sound: archive_of([("W1.npy", Deflated(b"abc", 2**32 - 2))]),
    "20,000 members": lambda sound: zipped({f"{i}.npy": b"" for i in range(20_000)}),
    "10,000 members more": lambda sound: zipped({**sound, **{f"{i}.npy": b"" for i in range(10_000)}}),
    "a name of 65,000 characters": lambda sound: zipped({**sound, "a" * 65_000 + ".npy": b""}),
    "one array more": lambda sound: zipped({**sound, "W9.npy": sound["W1.npy"]}),
    "one array less": lambda sound: zipped(_without(sound, "b1.npy")),
    "no meta": lambda sound: zipped(_without(sound, "meta.npy")),
    "a pickle more": lambda sound: zipped({**sound, "data.pkl": b"cos\nsystem\n(S'true'\ntR."}),
    "nothing": lambda sound: zipped({}),
    "a comment of 64 kB": lambda sound: zipped({})[:-2] + b"\xff\xff" + b"PK\5\6" * 16383 + b"abc",
    "many ends": lambda sound: zipped(sound) + b"PK\5\6" * 16_000,
}


@pytest.mark.parametrize("name", some(ARCHIVES, 4))
def test_archives(refused: Mlp, tmp_path: Path, sound: dict[str, bytes], name: str) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(ARCHIVES[name](sound))
    assert refused("eval", path).code == 1
    (tmp_path / "config.yaml").write_text("data: {name: npz, path: bad.npz}\n")
    assert refused("train", tmp_path / "config.yaml", "--out", tmp_path / "run").code == 1


def test_an_archive_that_ends_in_a_hole_of_a_terabyte(
    refused: Mlp, tmp_path: Path, sound: dict[str, bytes]
) -> None:
    """Files that have all the bytes that they claim, though on no disk: only the memory is too small."""
    path = tmp_path / "bad.npz"
    meta = json.loads(np.load(io.BytesIO(sound["meta.npy"])).item())
    meta["config"]["model"]["hidden"] = [1_000_000, 250_000]
    meta["progress"] = None
    shapes = {"W1": (4, 10**6), "b1": (10**6,), "W2": (10**6, 250_000), "b2": (250_000,)}
    shapes |= {"W3": (250_000, 3), "b3": (3,), "shift": (4,), "scale": (4,)}
    meta["shapes"] = shapes
    np.save(stream := io.BytesIO(), np.array(json.dumps(meta).encode()))
    _write_sparse(path, {"meta.npy": stream.getvalue(), **{f"{k}.npy": shape for k, shape in shapes.items()}})
    assert "parameters take 2,000 GB of memory" in refused("eval", path).text
    _write_sparse(path, {"X.npy": shapes["W2"], "y.npy": (10**6,)})
    (tmp_path / "config.yaml").write_text("data: {name: npz, path: bad.npz}\n")
    assert "give bad.npz fewer rows" in refused("train", tmp_path / "config.yaml").text


def _write_sparse(path: Path, members: dict[str, Any]) -> None:
    """Write an archive of stored members, bytes or arrays of a shape whose zeros are left out."""
    directory = b""
    with path.open("wb") as file:
        for name, content in members.items():
            place, raw = file.tell(), name.encode()
            head = content if isinstance(content, bytes) else npy(header(shape=str(content)).ljust(117))
            zeros = 0 if isinstance(content, bytes) else 4 * int(np.prod(content))
            size, crc = len(head) + zeros, zlib.crc32(head + bytes(min(zeros, 1 << 20)))
            fields = struct.pack("<HHHHHIIIHH", 45, 0, 0, 0, 33, crc, 2**32 - 1, 2**32 - 1, len(raw), 0)
            extra = struct.pack("<HHQQQ", 1, 24, size, size, place)
            file.write(b"PK\3\4" + fields + raw + head)
            file.seek(size - len(head), io.SEEK_CUR)
            directory += b"PK\1\2" + struct.pack("<H", 45) + fields[:-2] + struct.pack("<H", len(extra))
            directory += struct.pack("<HHHII", 0, 0, 0, 0, 2**32 - 1) + raw + extra
        at, n = file.tell(), len(members)
        end = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, n, n, len(directory), at)
        file.write(directory + b"PK\6\6" + end + b"PK\6\7" + struct.pack("<IQI", 0, at + len(directory), 1))
        file.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, n, n, len(directory), 2**32 - 1, 0))
