"""NpzFile and read_npy: what NumPy writes comes back as it was; anything else is one clear error."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usual import examples

from mlpcli.errors import CheckpointError, DataError, MlpError
from mlpcli.npz import NpzFile, read_npy, write_npz

ARRAYS = {
    "float32": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    "float64": np.array([np.pi, np.inf, np.nan]),
    "float16": np.arange(3, dtype=np.float16),
    "int64": np.arange(24).reshape(2, 3, 4),
    "uint8": np.arange(256, dtype=np.uint8),
    "bool": np.array([[True, False], [False, True]]),
    "complex": np.array([1 + 2j]),
    "text": np.array(["setosa", "é", "\U0001f600"]),
    "bytes": np.array([b"ab", b"c"]),
    "scalar": np.array('{"version": 1}'),
    "empty": np.zeros((0, 5), np.float32),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big_endian": np.arange(5, dtype=">i4"),
    "big_endian_text": np.array(["ab", "é"], dtype=">U2"),
    "layer 1": np.zeros(1),
}


def npy(
    header: str, data: bytes = b"", version: tuple[int, int] = (1, 0), length: int | None = None
) -> bytes:
    """Write an .npy file by hand, as its format is documented."""
    text = header.encode("latin-1") + b"\n"
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", size) + text + data


def header(descr: str = "'|u1'", shape: str = "(3,)", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicate names are asked for
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, data in members.items():
                entry = zipfile.ZipInfo(
                    name.removesuffix("#2")
                )  # without a date, which would change the bytes
                archive.writestr(entry, data, method)
    return file.getvalue()


def patched(data: bytes, offset: int, fmt: str, value: int) -> bytes:
    """Change a field of the first entry in a zip's table of contents."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + struct.pack(fmt, value) + data[at + struct.calcsize(fmt) :]


def refusal(read: Callable[[], Any], error: type[MlpError] = DataError) -> str:
    """Return the one message of a refusal that took little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(error) as caught:
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6
    message = str(caught.value)
    assert len(message) < 400
    return message


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_what_numpy_writes(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "arrays.npz"
    save(path, **ARRAYS)
    with NpzFile(path, DataError) as archive:
        assert archive.names == tuple(ARRAYS)
        for name, expected in ARRAYS.items():
            array = archive.read(name)
            np.testing.assert_array_equal(array, expected)
            assert archive.header(name) == (array.shape, array.dtype)
            assert array.dtype == expected.dtype.newbyteorder("=")
            assert array.flags.c_contiguous
            assert array.flags.owndata
            assert array.flags.writeable


@pytest.mark.parametrize("name", ARRAYS)
def test_reads_npy_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / "array.npy"
    np.save(path, ARRAYS[name])
    array = read_npy(path, DataError)
    np.testing.assert_array_equal(array, np.load(path))
    assert array.flags.c_contiguous


def test_reads_the_second_version_and_python_2_headers(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    path.write_bytes(npy(header(), b"abc", version=(2, 0)))
    assert read_npy(path, DataError).tolist() == [97, 98, 99]
    path.write_bytes(npy(header(shape="(3L,)"), b"abc"))  # NumPy warns of these; the user need not know
    assert read_npy(path, DataError).tolist() == [97, 98, 99]


@pytest.mark.parametrize(
    "text",
    [
        "{'descr':'|u1','fortran_order':False,'shape':(3,)}",
        '{"shape": (3, ), "fortran_order": False, "descr": "|u1"}',
        "{'descr': '|u1',\n'fortran_order': False, 'shape': (3,), }   ",
    ],
    ids=["no spaces", "double quotes, another order", "lines"],
)
def test_reads_headers_that_other_programs_write(tmp_path: Path, text: str) -> None:
    path = tmp_path / "array.npy"
    path.write_bytes(npy(text, b"abc"))
    assert read_npy(path, DataError).tolist() == np.load(path).tolist() == [97, 98, 99]


@given(
    shape=st.lists(st.integers(0, 4), max_size=4).map(tuple),
    dtype=st.sampled_from(["?", "i1", ">i2", "<f4", "f8", "c16", "U3", ">U2", "S5"]),
    order=st.sampled_from("CF"),
)
@settings(max_examples=examples(50), deadline=None, derandomize=True)
def test_reads_any_header_that_numpy_writes(shape: tuple[int, ...], dtype: str, order: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.npy"
        np.save(path, np.zeros(shape, dtype, order))
        array = read_npy(path, DataError)
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype).newbyteorder("="))


def test_threads_may_read_at_once_whatever_warnings_are_caught(tmp_path: Path) -> None:
    """Reading changes no filter of the process's: warnings stay errors in all threads."""
    path = tmp_path / "array.npy"
    path.write_bytes(npy(header(shape="(3L,)"), b"abc"))
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        arrays = list(pool.map(lambda _: read_npy(path, DataError), range(200)))
    assert all(array.tolist() == [97, 98, 99] for array in arrays)
    assert warnings.filters == before


def test_large_arrays_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "zeros.npz"
    np.savez_compressed(
        path, zeros=np.zeros(3 << 20, np.uint8), noise=np.random.default_rng(0).bytes(3 << 20)
    )
    with NpzFile(path, DataError) as archive:
        assert not archive.read("zeros").any()
        assert archive.read("noise").tobytes() == np.random.default_rng(0).bytes(3 << 20)


def test_an_archive_of_nothing_has_no_names(tmp_path: Path) -> None:
    path = tmp_path / "empty.npz"
    path.write_bytes(zipped({}))
    with NpzFile(path, DataError) as archive:
        assert archive.names == ()
        assert "it holds nothing" in refusal(lambda: archive.read("X"))


def test_a_missing_array_suggests_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    np.savez(path, labels=np.zeros(3), data=np.zeros(3))
    with NpzFile(path, DataError) as archive:
        message = refusal(lambda: archive.header("lables"))
    assert "no array 'lables'; it holds 'labels', 'data'\nDid you mean 'labels'?" in message


BAD_ARRAYS = {
    "empty": (b"", "is not an .npy array"),
    "text": (b"hello, world", "is not an .npy array"),
    "pickle": (b"\x80\x04N.", "is not an .npy array"),
    "version 3": (npy(header(), b"abc", version=(3, 0)), "format 3.0; 1.0 and 2.0 can be read"),
    "version 9": (npy(header(), b"abc", version=(9, 1)), "format 9.1"),
    "header claims gigabytes": (npy(header(), b"abc", (2, 0), 2**32 - 1), "4,294,967,295 bytes"),
    "header is long": (npy("(" * 9000), "header of 9,001 bytes; at most 1,024"),
    "header is a bomb": (npy("-" * 1000), "has a header that is not an array's"),
    "header nests": (npy("[" * 1000), "has a header that is not an array's"),
    "header is code": (npy("__import__('os').system('true')"), "has a header that is not an array's"),
    "header is cut short": (npy(header(), length=200), "needs 213; it is cut short or damaged"),
    "header lacks a key": (npy("{'descr': '<f4', 'shape': (3,)}"), "has a header that is not an array's"),
    "header has a key more": (
        npy("{'a': (), " + header()[1:], b"abc"),
        "has a header that is not an array's",
    ),
    "no such number": (npy(header("'<f3'"), bytes(9)), "has dtype '<f3', which does not exist"),
    "header warns": (npy("{'descr': '\\d', 'fortran_order': 1is 1}"), "has a header that is not an array's"),
    "object": (npy(header("'|O'"), b"\x80\x04N."), "has dtype 'object'; only plain numbers"),
    "object in a field": (npy(header("[('a', '|O')]")), "only plain numbers"),
    "structured": (npy(header("[('a', '<f4')]"), bytes(12)), "only plain numbers"),
    "void": (npy(header("'|V4'"), bytes(12)), "only plain numbers"),
    "subarray": (npy(header("('<f4', (9,))"), bytes(108)), "only plain numbers"),
    "dates": (npy(header("'<M8[s]'"), bytes(24)), "only plain numbers"),
    "strings of no length": (npy(header("'<U0'", "(1000000000000,)")), "only plain numbers"),
    "strings with pointers": (npy(header("'T'"), bytes(48)), "e"),  # unknown to NumPy 1, refused of NumPy 2
    "negative shape": (npy(header(shape="(-3,)"), b"abc"), "has the impossible shape '(-3,)'"),
    "boolean shape": (npy(header(shape="(True,)"), b"a"), "has the impossible shape"),
    "too many dimensions": (npy(header(shape="(" + "1," * 70 + ")"), b"a"), "has the impossible shape"),
    "shape past all memory": (npy(header(shape=f"(0, {2**62}, {2**62})")), "has the impossible shape"),
    "shape past an integer": (npy(header(shape=f"(0, {2**64})")), "has the impossible shape"),
    "shape past the file": (npy(header(shape="(1000000, 1000000)"), b"abc"), "it is cut short or damaged"),
    "cut short": (npy(header(), b"ab"), "it is cut short or damaged"),
    "goes on": (npy(header(), b"abcd"), "it is cut short or damaged"),
    "no boolean": (npy(header("'|b1'"), b"\0\1\2"), "booleans other than 0 and 1"),
    "no character": (npy(header("'<U1'", "(1,)"), b"\xff\xff\xff\x7f"), "characters that do not exist"),
    "surrogate": (npy(header("'<U1'", "(1,)"), struct.pack("<I", 0xD800)), "characters that do not exist"),
}


@pytest.mark.parametrize(("data", "expected"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_refuses_bad_arrays(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    message = refusal(lambda: read_npy(path, DataError))
    assert expected in message
    assert message.startswith(f"{path}: ")

    path = tmp_path / "bad.npz"
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path.write_bytes(zipped({"X.npy": data}, method))
        with NpzFile(path, CheckpointError) as archive:
            message = refusal(lambda: archive.read("X"), CheckpointError)
        assert expected in message
        assert message.startswith(f"{path}: member X.npy: ")


GOOD = npy(header(), b"abc")
STORED, DEFLATED = zipped({"X.npy": GOOD}), zipped({"X.npy": GOOD}, zipfile.ZIP_DEFLATED)
FLAGS, METHOD, CRC, PACKED, UNPACKED, OFFSET = 8, 10, 16, 20, 24, 42

BAD_ARCHIVES = {
    "empty": (b"", "not an .npz archive, or a damaged one"),
    "an npy file": (GOOD, "not an .npz archive"),
    "cut short": (STORED[:-30], "not an .npz archive"),
    "folder": (
        zipped({"a/X.npy": GOOD}),
        "member 'a/X.npy': an .npz archive holds plain NAME.npy members only",
    ),
    "climbs out": (zipped({"../X.npy": GOOD}), "plain NAME.npy"),
    "backslash": (zipped({"a\\X.npy": GOOD}), "plain NAME.npy"),
    "no name": (zipped({".npy": GOOD}), "plain NAME.npy"),
    "other file": (zipped({"evil.pkl": b"\x80\x04N."}), "member 'evil.pkl'"),
    "hidden ending": (zipped({"X.npyQ.py": GOOD}).replace(b"X.npyQ", b"X.npy\0"), "plain NAME.npy"),
    "control character": (zipped({"\x1b[2J.npy": GOOD}), r"member '\x1b[2J.npy'"),
    "twice": (zipped({"X.npy": GOOD, "X.npy#2": GOOD}), "member 'X.npy': occurs twice"),
    "bzip2": (zipped({"X.npy": GOOD}, zipfile.ZIP_BZIP2), "a method that NumPy does not write"),
    "encrypted": (patched(STORED, FLAGS, "<H", 1), "is encrypted"),
    "stored sizes differ": (patched(STORED, UNPACKED, "<I", 10**9), "claim to unpack to 1,000,000,000"),
    "stored past the end": (
        patched(patched(STORED, UNPACKED, "<I", 10**9), PACKED, "<I", 10**9),
        "its members claim 1,000,000,000 bytes",
    ),
    "unbelievable": (
        patched(DEFLATED, UNPACKED, "<I", 10**9),
        "are not believed; save such an array with np.savez",
    ),
    "many entries": (
        zipped({f"{i}{'x' * 400}.npy": b"" for i in range(2500)}),
        "its table of contents claims",
    ),
}


@pytest.mark.parametrize(("data", "expected"), BAD_ARCHIVES.values(), ids=BAD_ARCHIVES)
def test_refuses_bad_archives(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(data)
    message = refusal(lambda: NpzFile(path, DataError))
    assert expected in message
    assert message.startswith(f"{path}: ")


BAD_MEMBERS = {
    "checksum": (STORED.replace(b"abc", b"abd"), "is damaged (Bad CRC-32"),
    "other name": (STORED.replace(b"X.npy", b"Y.npy", 1), "is damaged"),
    "no local header": (patched(STORED, OFFSET, "<I", 7), "is damaged"),
    "no method": (patched(STORED, METHOD, "<H", 8), "is damaged"),
    "not deflated": (DEFLATED[:35] + b"\xff" + DEFLATED[36:], "is damaged (Error -3"),
    "shorter than claimed": (
        patched(zipped({"X.npy": npy(header(shape="(5,)"), b"abc")}, 8), UNPACKED, "<I", len(GOOD) + 2),
        "ends after 3 of 5 bytes",
    ),
    "longer than claimed": (
        patched(zipped({"X.npy": npy(header(), b"abcdef")}, 8), UNPACKED, "<I", len(GOOD)),
        "is damaged (Bad CRC-32",
    ),
}


@pytest.mark.parametrize(("data", "expected"), BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_refuses_damaged_members(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(data)
    with NpzFile(path, DataError) as archive:
        message = refusal(lambda: archive.read("X"))
    assert expected in message
    assert message.startswith(f"{path}: member X.npy: ")


def test_believes_a_small_array_of_zeros_and_no_large_one(tmp_path: Path) -> None:
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, X=np.zeros(20 << 20, np.uint8))
    with NpzFile(path, DataError) as archive:
        assert archive.header("X")[0] == (20 << 20,)
    np.savez_compressed(path, X=np.zeros(40 << 20, np.uint8))
    assert "are not believed" in refusal(lambda: NpzFile(path, DataError))


def test_an_array_past_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, archive_path = tmp_path / "large.npy", tmp_path / "large.npz"
    np.save(path, np.zeros(3))
    np.savez(archive_path, X=np.zeros(3))

    def no_memory(*_: object) -> None:
        raise MemoryError

    with NpzFile(archive_path, DataError) as archive:
        monkeypatch.setattr(np, "empty", no_memory)
        assert refusal(lambda: archive.read("X")).endswith("does not fit into memory")
        assert refusal(lambda: read_npy(path, DataError)) == f"{path}: does not fit into memory"


def test_a_disk_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.zeros(3))

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("mlpcli.npz._read_header", failing)
    assert refusal(lambda: read_npy(path, DataError)) == f"{path}: cannot be read (Input/output error)"


@pytest.mark.parametrize("read", [NpzFile, read_npy])
def test_what_is_no_file(tmp_path: Path, read: Callable[[Path, type[MlpError]], Any]) -> None:
    assert "is a folder" in refusal(lambda: read(tmp_path, DataError))
    assert "no such file" in refusal(lambda: read(tmp_path / "no" / "data.npz", DataError))
    (tmp_path / "data.npz").touch()
    assert "no such file\nDid you mean 'data.npz'?" in refusal(lambda: read(tmp_path / "dat.npz", DataError))
    assert "cannot be opened" in refusal(lambda: read(tmp_path / "data.npz" / "X.npy", DataError))
    assert "cannot be opened" in refusal(lambda: read(tmp_path / "a\0b", DataError))
    assert "cannot be opened" in refusal(lambda: read(tmp_path / ("long" * 100), DataError))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    assert "is not a regular file" in refusal(lambda: NpzFile(tmp_path / "pipe.npz", DataError))


def test_an_error_while_opening_closes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "array.npz"
    path.write_bytes(STORED)
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # warnings are errors: an open file would be told of
        NpzFile(path, DataError)


@given(st.data())
@settings(
    max_examples=examples(150),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damage_never_gives_another_array(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes are changed, the arrays come back as they were or are refused."""
    raw = bytearray(data.draw(st.sampled_from([STORED, DEFLATED])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    path = tmp_path / "fuzzed.npz"
    path.write_bytes(raw)
    with suppress(DataError), NpzFile(path, DataError) as archive:
        for name in archive.names:
            assert archive.read(name).tolist() == [97, 98, 99]


def test_archives_are_written_as_numpy_does(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(b"text"), "c": np.zeros((0, 4), np.float32)}
    np.savez(tmp_path / "theirs.npz", **arrays)  # type: ignore[arg-type]
    with (tmp_path / "ours.npz").open("wb") as stream:
        write_npz(stream, arrays)
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "theirs.npz").read_bytes()
