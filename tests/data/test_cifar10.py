"""CIFAR-10: found where the user says, read the same from both formats, and no pickle is trusted."""

from __future__ import annotations

import os
import pickle
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usual import examples, some

from mlpcli.data.cifar10 import cifar10_root, find_cifar10, read_cifar10
from mlpcli.data.dataset import Dataset
from mlpcli.errors import DataError

Make = Callable[..., dict[str, Any]]
BIN, PY = "cifar-10-batches-bin", "cifar-10-batches-py"
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
REAL = os.environ.get("MLP_DATA")


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLP_DATA", raising=False)


def assert_same(dataset: Dataset, batches: dict[str, Any]) -> None:
    *train, (test_X, test_labels) = batches.values()
    np.testing.assert_array_equal(dataset.X, np.concatenate([X for X, _ in train]))
    assert dataset.y.tolist() == [label for _, labels in train for label in labels]
    assert dataset.test is not None
    np.testing.assert_array_equal(dataset.test.X, test_X)
    assert dataset.test.y.tolist() == test_labels


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_cifar10(folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert len(message) < 500
    return message


# Finding


def test_found_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_cifar10: Make
) -> None:
    for place in ("root", "variable", "datasets"):
        make_cifar10(tmp_path / place / PY, "", n=1)
    assert find_cifar10(None) == Path("datasets") / PY
    monkeypatch.setenv("MLP_DATA", str(tmp_path / "variable"))
    assert find_cifar10(None) == tmp_path / "variable" / PY
    assert find_cifar10(tmp_path / "root") == tmp_path / "root" / PY
    assert find_cifar10(tmp_path / "root" / PY) == tmp_path / "root" / PY
    make_cifar10(tmp_path / "root" / BIN, n=1)
    assert find_cifar10(tmp_path / "root") == tmp_path / "root" / BIN
    monkeypatch.setenv("MLP_DATA", "")
    assert find_cifar10(None) == Path("datasets") / PY


def test_found_under_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_cifar10: Make) -> None:
    make_cifar10(tmp_path / "home" / BIN, n=1)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert find_cifar10(Path("~")) == tmp_path / "home" / BIN


@pytest.mark.parametrize("root", ["data", "~nobody-of-this-name", "a\0b", "long" * 100])
def test_the_places_looked_in_are_named_and_how_to_get_it(root: str) -> None:
    with pytest.raises(DataError) as caught:
        find_cifar10(Path(root))
    message = str(caught.value)
    assert caught.value.facts == {"root": cifar10_root(Path(root))}
    for text in (root, f"{root}/{BIN}".replace("/", os.sep), PY, "data_batch_1", "`data.root`", "MLP_DATA"):
        assert text in message


# Reading


@pytest.mark.parametrize("suffix", [".bin", ""])
def test_reads_the_official_formats(tmp_path: Path, make_cifar10: Make, suffix: str) -> None:
    batches = make_cifar10(tmp_path, suffix)
    dataset = read_cifar10(tmp_path)
    assert_same(dataset, batches)
    assert dataset.X.dtype == np.uint8
    assert dataset.X.shape == (15, 3072)
    assert dataset.X.flags.c_contiguous
    assert dataset.y.dtype == np.int64
    assert len(dataset.columns) == 3072
    assert dataset.classes == tuple(CLASSES.split())
    assert dataset.test is not None
    assert len(dataset.test) == 3


def test_the_hand_written_pickle_is_one(tmp_path: Path, make_cifar10: Make) -> None:
    """Python's own unpickler reads the same from the file that the tests write."""
    X, labels = make_cifar10(tmp_path, "")["data_batch_1"]
    batch = pickle.loads((tmp_path / "data_batch_1").read_bytes(), encoding="bytes")
    np.testing.assert_array_equal(batch[b"data"], X)
    assert batch[b"labels"] == labels


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("keys", [("data", "labels"), (b"data", b"labels")])
def test_reads_what_python_3_pickles(
    tmp_path: Path, make_cifar10: Make, protocol: int, keys: tuple[Any, Any]
) -> None:
    def write(X: Any, labels: list[int]) -> bytes:
        names = [f"image {i}".encode() for i in range(len(X))]
        return pickle.dumps({keys[0]: X, keys[1]: labels, "names": names, "none": None}, protocol)

    batches = make_cifar10(tmp_path, "", write=write)
    assert_same(read_cifar10(tmp_path), batches)


@pytest.mark.skipif(REAL is None, reason="needs the real CIFAR-10 under MLP_DATA")
def test_the_real_one_is_the_same_in_both_formats() -> None:
    root = Path(REAL or "")
    if not ((root / BIN).is_dir() and (root / PY).is_dir()):
        pytest.skip("needs both versions")
    one, other = read_cifar10(root / BIN), read_cifar10(root / PY)
    for a, b in ((one, other), (one.test, other.test)):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.X, b.X)
        assert np.array_equal(a.y, b.y)
    assert one.X.shape == (50_000, 3072)
    assert np.bincount(one.y).tolist() == [5000] * 10


# Refusing


@pytest.mark.parametrize("suffix", [".bin", ""])
def test_refuses_missing_files(tmp_path: Path, make_cifar10: Make, suffix: str) -> None:
    make_cifar10(tmp_path, suffix)
    (tmp_path / f"test_batch{suffix}").unlink()
    (tmp_path / f"data_batch_2{suffix}").unlink()
    (tmp_path / f"data_batch_2{suffix}").mkdir()
    assert f": has no data_batch_2{suffix}, test_batch{suffix}; " in refusal(tmp_path)


@pytest.mark.parametrize("suffix", [".bin", ""])
def test_refuses_files_of_different_length(tmp_path: Path, make_cifar10: Make, suffix: str) -> None:
    make_cifar10(tmp_path / "long", suffix, n=4)
    make_cifar10(tmp_path, suffix)
    (tmp_path / "long" / f"test_batch{suffix}").replace(tmp_path / f"test_batch{suffix}")
    message = refusal(tmp_path)
    assert f"test_batch{suffix}: has 4 records, but data_batch_1{suffix} has 3; all six" in message


@pytest.mark.parametrize("suffix", [".bin", ""])
def test_refuses_large_files_unread(tmp_path: Path, make_cifar10: Make, suffix: str) -> None:
    make_cifar10(tmp_path, suffix)
    with (tmp_path / f"data_batch_1{suffix}").open("wb") as file:
        file.truncate(10**12)
    assert "data_batch_1" in (message := refusal(tmp_path))
    assert "has 1,000,000,000,000 bytes" in message


BAD_BINARIES = {
    "empty": (b"", "has 0 bytes, which is not a whole number of records of 3,073"),
    "partial record": (bytes(3073 + 3072), "has 6,145 bytes"),
    "label": (bytes(3073) + b"\x0a" + bytes(3072), "record 2 has label 10; labels are 0 to 9"),
}


@pytest.mark.parametrize(("data", "expected"), BAD_BINARIES.values(), ids=BAD_BINARIES)
def test_refuses_bad_binary_batches(tmp_path: Path, make_cifar10: Make, data: bytes, expected: str) -> None:
    make_cifar10(tmp_path, n=2)
    (tmp_path / "data_batch_4.bin").write_bytes(data)
    assert f"data_batch_4.bin: {expected}" in refusal(tmp_path)


def dumped(protocol: int = 4, **batch: Any) -> bytes:
    return pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [1], **batch}, protocol)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
ENCODE = b"c_codecs\nencode\n"
BAD_PICKLES = {
    "empty": (b"", "is not a CIFAR-10 batch, or a damaged one (it ends before its STOP)"),
    "text": (b"hello", "is not a CIFAR-10 batch"),
    "cut short": (dumped()[:-100], "is not a CIFAR-10 batch, or a damaged one"),
    "claims gigabytes": (
        b"\x80\x02T\xff\xff\xff\x7fabc.",
        "is not a CIFAR-10 batch, or a damaged one (expected 2147",
    ),
    "unknown opcode": (
        b"\x80\x02\xff.",
        "is not a CIFAR-10 batch, or a damaged one (there is no opcode b'\\xff')",
    ),
    "calls the shell": (b"cos\nsystem\n(U\x04truetR.", "asks for 'os.system', which no CIFAR-10 batch needs"),
    "evaluates": (pickle.dumps({"data": eval}, 4), "asks for 'builtins.eval'"),
    "loads": (b"\x80\x02cnumpy\nload\n.", "asks for 'numpy.load'"),
    "other encoder": (
        b"\x80\x02" + ENCODE + text("ls") + text("hex") + b"\x86R.",
        "it calls '_codecs encode'",
    ),
    "instance": (b"(ios\nsystem\n.", "has the pickle opcode INST at byte 1"),
    "object": (b"\x80\x02cnumpy\nndarray\n)\x81.", "has the pickle opcode EMPTY_TUPLE"),
    "persistent": (b"\x80\x02NQ.", "has the pickle opcode BINPERSID at byte 3"),
    "extension": (b"\x80\x02\x82\x01.", "has the pickle opcode EXT1"),
    "protocol 0": (dumped(0), "(protocols 2 to 4 are read)"),
    "scalar": (dumped(labels=[np.int64(1)]), "multiarray.scalar'"),
    "calls a string": (b"\x80\x02U\x02osN\x85R.", "it calls b'os' with (None,)"),
    "state of a list": (b"\x80\x02]Nb.", "the state of something other than an array"),
    "nothing to call": (b"\x80\x02R.", "is not a CIFAR-10 batch, or a damaged one"),
    "no mark": (b"\x80\x02u.", "is not a CIFAR-10 batch, or a damaged one"),
    "no memo": (b"\x80\x02h\x05.", "is not a CIFAR-10 batch, or a damaged one"),
    "list into a string": (b"\x80\x02U\x01a]a.", "is not a CIFAR-10 batch, or a damaged one"),
    "endless": (b"\x80\x02" + b"N" * 200_000 + b".", "has more than 150,000 pickle opcodes"),
    "large memo": (b"\x80\x02}r\xff\xff\xff\x7f.", "it holds nothing, not an array 'data'"),
    "hash without end": (b"\x80\x02}N" + b"q\x01h\x01\x86" * 100 + b"Ns.", "a key that is not a string"),
    "hash too deep": (b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.", "a key that is not a string"),
    "strings without end": (
        b"\x80\x02("
        + ENCODE
        + b"q\x00"
        + text("a" * 100_000)
        + b"q\x01"
        + text("latin1")
        + b"q\x02"
        + b"h\x00h\x01h\x02\x86R" * 5_000
        + b"t.",
        "it calls '_codecs encode'",
    ),
    "no dict": (pickle.dumps([1, 2], 2), "a pickle, but not of a dict"),
    "no labels": (pickle.dumps({"data": None, "fine_labels": []}, 2), "it holds 'data', 'fine_labels', not"),
    "array without pixels": (
        b"\x80\x02}("
        + text("data")
        + RECONSTRUCT
        + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + text("labels")
        + b"]u.",
        "it holds 'data', 'labels', not an array",
    ),
    "floats": (dumped(data=np.zeros((1, 3072))), "it calls 'numpy dtype' with ('f8',"),
    "narrow": (dumped(data=np.zeros((2, 3071), np.uint8)), "6,142 bytes in the shape (2, 3071)"),
    "images": (dumped(data=np.zeros((1, 32, 32, 3), np.uint8)), "n rows of 3,072 bytes are needed"),
    "columns": (dumped(data=np.zeros((3072, 2), np.uint8).T), "its array is not laid out in rows"),
    "no records": (dumped(data=np.zeros((0, 3072), np.uint8), labels=[]), "has 0 labels for 0 images"),
    "more labels": (dumped(labels=[1, 2]), "has 2 labels for 1 images"),
    "label past 9": (dumped(labels=[10]), "record 1 has label 10; labels are 0 to 9"),
    "negative label": (dumped(labels=[-1]), "labels other than whole numbers from 0"),
    "boolean label": (dumped(labels=[True]), "labels other than whole numbers from 0"),
    "named label": (dumped(labels=["cat"]), "labels other than whole numbers from 0"),
}


@pytest.mark.parametrize(("data", "expected"), BAD_PICKLES.values(), ids=BAD_PICKLES)
def test_refuses_bad_pickles(tmp_path: Path, make_cifar10: Make, data: bytes, expected: str) -> None:
    make_cifar10(tmp_path, "", n=1)
    (tmp_path / "data_batch_1").write_bytes(data)
    message = refusal(tmp_path)
    assert message.startswith(f"{tmp_path / 'data_batch_1'}: ")
    assert expected in message


@pytest.mark.parametrize("name", ["claims gigabytes", "large memo", "strings without end"])
def test_bombs_take_no_memory(tmp_path: Path, make_cifar10: Make, name: str) -> None:
    make_cifar10(tmp_path, "", n=1)
    (tmp_path / "data_batch_1").write_bytes(BAD_PICKLES[name][0])
    assert refused_at_the_cost_of(tmp_path) < 20e6


def refused_at_the_cost_of(folder: Path) -> int:
    """Return the most bytes that were held at once; it may take two seconds."""
    start = time.process_time()
    refusal(folder)
    assert time.process_time() - start < 2
    tracemalloc.start()
    try:
        refusal(folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LONG = 33_000_000  # bytes, near the most that is read
LARGE_PICKLES: dict[str, Callable[[], bytes]] = {
    "hashes one key again and again": lambda: (
        b"\x80\x02}(T" + struct.pack("<I", LONG) + b"\xff" * LONG + b"q\x00N" + b"h\x00N" * 5_000 + b"u."
    ),
    "one wide letter in a long text": lambda: b"\x80\x02}(" + text("a" * LONG + "\U0001f600") + b"Nu.",
    "asks for a wide name": lambda: b"\x80\x04" + text("\U0001f600" + "a" * LONG) + b"q\x00h\x00\x93.",
    "asks for a long name": lambda: b"\x80\x02c" + b"a" * LONG + b"\nb\n.",
    "a number in digits": lambda: b"\x80\x02I" + b"9" * LONG + b"\n.",
    "a string without quotes": lambda: b"\x80\x02S" + bytes(LONG) + b"\n.",
    "calls a long text": lambda: b"\x80\x02" + text("a" * LONG) + b"N\x85R.",
    "nothing but opcodes": lambda: b"\x80\x02" + b"]" * LONG + b".",
}


@pytest.mark.parametrize("name", some(LARGE_PICKLES, 4))
def test_large_pickles_cost_neither_time_nor_memory(tmp_path: Path, make_cifar10: Make, name: str) -> None:
    make_cifar10(tmp_path, "", n=1)
    (tmp_path / "data_batch_1").write_bytes(LARGE_PICKLES[name]())
    assert refused_at_the_cost_of(tmp_path) < 250e6  # Python and NumPy take less than 50 MB themselves


def test_refuses_protocol_5(tmp_path: Path, make_cifar10: Make) -> None:
    make_cifar10(tmp_path, "", write=lambda X, labels: pickle.dumps({"data": X, "labels": labels}, 5))
    assert "_frombuffer'" in refusal(tmp_path)


@given(st.data())
@settings(
    max_examples=examples(100),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_pickle_is_read_or_refused(tmp_path: Path, make_cifar10: Make, data: st.DataObject) -> None:
    make_cifar10(tmp_path, "", n=1)
    path = tmp_path / "data_batch_1"
    raw = bytearray(path.read_bytes())
    interesting = [*range(320), *range(len(raw) - 40, len(raw))]  # all but the pixels
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(interesting))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path.write_bytes(raw)
    try:
        dataset = read_cifar10(tmp_path)
    except DataError:
        return
    assert dataset.X.shape == (5, 3072)
    assert set(dataset.y.tolist()) <= set(range(10))
