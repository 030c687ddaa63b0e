"""Whatever a reader is given, it answers with its own error, or with values that hold what they promise.

The promises are those of the targets in tests/fuzz/targets.py; here Hypothesis makes the inputs: arbitrary
ones, sound ones that were changed, and ones that are built like the real thing. The same each time.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usual import examples

EXAMPLES = pytest.mark.parametrize(
    "examples",
    [
        pytest.param(examples(150), id="few"),
        pytest.param(5_000, id="many", marks=pytest.mark.slow),
    ],
)


def hold(target: Callable[[bytes], None], inputs: st.SearchStrategy[bytes], examples: int) -> None:
    """Give ``target`` as many inputs; it raises where a promise is broken."""

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(inputs)
    def holds(data: bytes) -> None:
        target(data)

    holds()


@st.composite
def changed(draw: st.DrawFn, sound: st.SearchStrategy[bytes], pieces: st.SearchStrategy[bytes]) -> bytes:
    """Take a sound input and change it in some places: cut, insert, replace, copy from elsewhere."""
    data = draw(sound)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 10, 1000])))
        source = draw(st.integers(0, len(data)))
        piece = draw(pieces | st.just(data[source : source + (stop - start or 5)]))
        data = data[:start] + piece + data[stop:]
    return data


# ------------------------------------------------------------------------------------------- configs

WORDS = [
    *["data", "name", "model", "hidden", "units", "activation", "alpha", "loss", "optimizer", "schedule"],
    *["learning_rate", "training", "epochs", "seed", "init", "path", "target", "features", "class_weights"],
    *["spiral", "csv", "npz", "cifar10", "relu", "maxout", "pieces", "adam", "hinge", "mse", "balanced"],
]
MARKS = [
    *[
        ": ",
        "\n",
        "\n  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "# ",
        "|",
        ">",
        "&a ",
        "*a",
        "!!str ",
        "<<",
    ],
    *["? ", "%YAML 1.1\n", "---\n", "...\n", "é"],
    *["0", "1", "-1", "1e-3", ".5", "1e999", ".nan", "0x1F", "0o7", "9" * 101, "true", "on", "null", "~", ""],
]
TEXTS = st.lists(st.sampled_from([*WORDS, *MARKS, *MARKS])).map("".join)
RARE = st.sampled_from([b"\t", b"\r", b"\\x", b"\0", b"\xc2\x85", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff"])
BYTES = TEXTS.map(str.encode) | TEXTS.map(str.encode) | RARE | st.binary(max_size=8)
REAL_KEYS = st.sampled_from(
    [
        *["optimizer.learning_rate", "optimizer.name", "optimizer", "model.hidden", "model.hidden.0", "loss"],
        *["model.hidden.0.units", "model.activation.alpha", "model.dropout", "data", "data.noise"],
        *["training.seed", "training.epochs", "training", "regularization.l2", "loss.class_weights", "model"],
    ]
)
KEYS = REAL_KEYS | st.lists(
    st.sampled_from([*WORDS, "0", "1", "-1", "9" * 20, "", "a" * 200]), max_size=70
).map(".".join)
VALUES = st.sampled_from(
    ["1", "0", "-1", "1e-3", "0.5", "null", "[]", "[3, 4]", "spiral", "relu", "adam", "mse", "hinge", "true"]
).map(str.encode)
OPTIONS = st.lists(
    st.builds(lambda key, value: key.encode() + b"=" + value, KEYS, VALUES | BYTES) | BYTES, max_size=3
)


def with_options(config: bytes, options: list[bytes]) -> bytes:
    return b"\0--set ".join([config, *options])


@EXAMPLES
def test_configs(targets: Any, examples: int) -> None:
    seeds = st.sampled_from(targets.SEEDS["yaml"]())
    hold(targets.TARGETS["yaml"], st.binary() | BYTES | changed(seeds, BYTES), examples)


@EXAMPLES
def test_options(targets: Any, examples: int) -> None:
    seeds = st.sampled_from(targets.SEEDS["yaml"]())
    hold(targets.TARGETS["yaml"], st.builds(with_options, seeds, OPTIONS), examples)


# -------------------------------------------------------------------------------------------- tables

CELLS = st.sampled_from(
    [
        *[
            "1",
            "2.0",
            "-3e-4",
            " 4 ",
            "1e39",
            "inf",
            "nan",
            "NA",
            "",
            "?",
            "x",
            "é",
            "1_0",
            "1,5",
            "0x1",
            "٣",
        ],
        *['"q"', '"a""b"', '"open', 'mid"dle', "\0", "\ufeff", "\r", "\x1b[2J", "1e-46", "9" * 400, "true"],
    ]
)
GOOD_CELLS = st.sampled_from(["1", "2.0", "-3e-4", " 4 ", '"5"', "1e39", "1e-46", "6", "0", "-0.0", "NA"])
ROWS = st.lists(st.lists(CELLS, max_size=5), max_size=6)
HEADERS = st.sampled_from(["a,b,y", "a;y", "y", "a,y,a", "a,,y", '"a",y', "\ufeffa,y", "a,b", "1,2", "a\ty"])


def csv(how: int, header: str, rows: list[list[str]], end: str) -> bytes:
    delimiter = ",;\t "[how >> 1 & 3]
    lines = [header.replace(",", delimiter), *(delimiter.join(row) for row in rows)]
    return bytes([how]) + end.join(lines).encode()


@EXAMPLES
def test_tables(targets: Any, examples: int) -> None:
    seeds = st.sampled_from(targets.SEEDS["table"]())
    ends = st.sampled_from(["\n", "\r\n", "\n\n", "\n", "\r"])
    rows = st.lists(st.lists(GOOD_CELLS, min_size=3, max_size=3), min_size=2, max_size=6)
    good = st.builds(csv, st.integers(0, 15), st.just("a,b,y"), rows, ends)
    built = good | st.builds(csv, st.integers(0, 15), HEADERS, ROWS, ends)
    pieces = CELLS.map(str.encode) | st.sampled_from([b",", b"\n", b'"', b"\r", b"\xff", b";"])
    hold(targets.TARGETS["table"], st.binary() | built | changed(seeds, pieces), examples)


# --------------------------------------------------------------------------------------- checkpoints

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(
        [0, 1, -1, 2, 3, 16, 10**6, 2**63, 10**40, 0.5, -1.0, 1e300, float("nan"), float("inf")]
    )
    | st.sampled_from(["", "a", "W1", "relu", "adam", "moons", "mse", "\ud800", "\0", "x" * 2000]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*WORDS, "W1", "b1", "", "format", "progress"]), inner, max_size=4)
    ),
    max_leaves=8,
)
DESCRS = [
    "<f4",
    ">f4",
    "<f8",
    "|u1",
    "|b1",
    "<U3",
    "|S9",
    "|O",
    "<M8[s]",
    "|V4",
    "T",
    "<U0",
    "<f2",
    "f4,f4",
    "",
]
SHAPES = ["()", "(2,)", "(2, 2)", "(2, 1)", "(-1,)", "(True,)", "(0,)", f"({2**62}, 4)", "(2.0,)", "[2]", "2"]


@st.composite
def metas(draw: st.DrawFn, sound: dict[str, Any]) -> bytes:
    """Replace, add or remove values somewhere in a sound meta."""
    meta = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = meta
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = draw(st.sampled_from([*keys, "new"] if isinstance(at, dict) or not keys else keys))
            inside = at[key] if key in keys else None
            if isinstance(at, list) and key == "new":
                at.append(draw(JSON))
            elif isinstance(inside, (dict, list)) and draw(st.integers(0, 3)):
                at = inside
                continue
            elif key in keys and not draw(st.integers(0, 3)):
                del at[key]
            else:
                at[key] = draw(JSON)
            break
    return b"\1" + json.dumps(meta).encode()


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """Write an .npy file by hand, with a header that may say anything."""
    descr, shape = draw(st.sampled_from(DESCRS)), draw(st.sampled_from(SHAPES))
    order = draw(st.sampled_from(["False", "False", "True", "0", "None"]))
    text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}}}"
    text = draw(
        st.just(text) | st.sampled_from(["", "{}", "(" * 300, "1", "{'a': 1}", text[:-1], text + " #"])
    )
    raw = text.ljust(draw(st.sampled_from([0, 117]))).encode() + b"\n"
    version = draw(st.sampled_from([(1, 0), (1, 0), (2, 0), (3, 0), (9, 9)]))
    claimed = draw(st.sampled_from([len(raw)] * 4 + [0, len(raw) - 1, len(raw) + 1, 60_000]))
    length = struct.pack("<H" if version[0] == 1 else "<I", claimed)
    floats = st.lists(st.sampled_from([0.0, 1.0, -2.5, 1e38, float("inf"), float("nan"), 1e-42]), max_size=5)
    data = draw(floats.map(lambda values: np.array(values, "<f4").tobytes()) | st.binary(max_size=40))
    return b"\x93NUMPY" + bytes(version) + length + raw + data


@st.composite
def archives(draw: st.DrawFn, sound: dict[str, bytes]) -> bytes:
    """Write a whole archive: members left out, added or taken twice, fields of its tables changed."""
    names = [*sound, "W9.npy", "meta.npy", "a/b.npy", "..npy", "x.pkl", "é.npy", "optimizer_x.npy"]
    chosen = draw(st.lists(st.sampled_from(names), max_size=3))
    members = draw(st.sampled_from([[*sound], [*sound], [*sound, *chosen], [*chosen, "meta.npy"]]))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in dict.fromkeys(members):
            method = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, zipfile.ZIP_BZIP2]))
            content = sound[name] if name in sound and draw(st.integers(0, 15)) else draw(arrays())
            archive.writestr(zipfile.ZipInfo(name), content, method)
    raw = bytearray(stream.getvalue())
    for _ in range(draw(st.integers(0, 3))):
        magic = draw(st.sampled_from([b"PK\1\2", b"PK\3\4", b"PK\5\6"]))
        places = [i for i in range(len(raw)) if raw.startswith(magic, i)]
        if places:
            at = draw(st.sampled_from(places)) + draw(st.integers(4, 46))
            value = draw(st.sampled_from([0, 1, 8, 255, 2**16 - 1, 2**31, 2**32 - 1]))
            raw[at : at + 4] = struct.pack("<I", value)
    return b"\0" + bytes(raw)


@EXAMPLES
def test_checkpoints(targets: Any, examples: int) -> None:
    seeds, target = targets.SEEDS["checkpoint"](), targets.TARGETS["checkpoint"]
    with zipfile.ZipFile(io.BytesIO(seeds[1][1:])) as archive:  # last.npz
        sound = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(np.load(io.BytesIO(sound["meta.npy"])).item())
    anything = st.binary() | changed(st.sampled_from(seeds), st.binary(max_size=6))
    one_array = st.builds(lambda i, array: bytes([2, i]) + array, st.integers(0, len(sound) - 1), arrays())
    for inputs in (anything, metas(meta), one_array, archives(sound)):
        hold(target, inputs, examples)
