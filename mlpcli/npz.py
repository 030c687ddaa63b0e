"""Reads .npy and .npz files without trusting them, and writes archives."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
import numpy.lib.format as npy
from numpy.typing import NDArray

from mlpcli.errors import MlpError, did_you_mean
from mlpcli.reading import open_file, opened, reason, within_memory
from mlpcli.text import shortened

__all__ = ["Layout", "NpzFile", "npy_header", "npy_layout", "read_npy", "require_sound", "write_npz"]

_CHUNK = 1 << 20  # bytes read at a time; also the most that an archive's table of contents may hold
_HEADER = 1024  # bytes; numpy writes 118
_MOST_AXES = 32
_PAIR = re.compile(  # an entry of a header's dict; in brackets stand the fields of a structured dtype
    r"""\s*(["'])(?P<key>\w+)\1\s*:\s*"""
    r"""(?P<value>'[^'\\]*'|"[^"\\]*"|True|False|\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\])\s*(?:,|(?=\}))"""
)
_PLAIN = re.compile(r"[<>|=]?[biufcSU]0*[1-9]\d*")  # other kinds, such as objects, hold pointers
_SHAPE = re.compile(r"\((\s*\d+L?\s*,)*(\s*\d+L?)?\s*\)")  # Python 2 wrote 3L

# Deflate shrinks nothing by more than a factor of 1032. A small member may come near that (a mask, or zeros).
# A member that would fill the memory must look like numbers, which shrink far less.
_SHRINK, _SMALL, _SHRINK_LARGE = 1100, 32 << 20, 100

# What zipfile and zlib raise for damaged bytes; UnicodeDecodeError is a ValueError.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
    IndexError,
)


class Layout(NamedTuple):
    """What the header of an array says; ``offset`` is the place in its file where the numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    offset: int = 0


class NpzFile:
    """The arrays of an .npz archive, each checked before it is read.

    Everything that is wrong with the file is raised as ``error``. ``names`` are the members without
    their ".npy".
    """

    def __init__(self, path: Path, error: type[MlpError]) -> None:
        self._path, self._error = path, error
        self._file = _Bounded(open_file(path, error))
        try:
            size = self._file.seek(0, io.SEEK_END)
            self._zip = zipfile.ZipFile(self._file)
            self._members = self._checked(self._zip.infolist(), size)
        except _DAMAGE as problem:
            self._file.close()
            raise error(f"{path}: not an .npz archive, or a damaged one ({reason(problem)})") from None
        except BaseException:
            self._file.close()
            raise
        self.names = tuple(self._members)

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def header(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and dtype that ``read(name)`` will have; no data is read."""
        with self._opened(name) as (stream, size, where):
            header = _read_header(stream, size, where, self._error)
        return header.shape, header.dtype.newbyteorder("=")

    def read(self, name: str) -> NDArray[Any]:
        """Return the array: C-contiguous, in native byte order, owning its data."""
        with self._opened(name) as (stream, size, where):
            header = _read_header(stream, size, where, self._error)
            return _read_data(stream, header, where, self._error)

    def is_in_rows(self, name: str) -> bool:
        """Return whether the rows of an array lie one behind the other, so that `rows` can read them."""
        with self._opened(name) as (stream, size, where):
            header = _read_header(stream, size, where, self._error)
        return len(header.shape) > 0 and not (header.fortran_order and len(header.shape) > 1)

    def rows(self, name: str, count: int) -> Iterator[NDArray[Any]]:
        """Yield an array that `is_in_rows`, so many rows at a time, as `read` returns arrays."""
        with self._opened(name) as (stream, size, where):
            header = _read_header(stream, size, where, self._error)
            n, *shape = header.shape
            for start in range(0, n, count):
                some = header._replace(shape=(min(count, n - start), *shape), fortran_order=False)
                yield _read_data(stream, some, where, self._error)

    def _checked(self, infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            full_name = info.orig_filename  # as stored: ``filename`` ends at the first NUL
            where = f"{self._path}: member {shortened(full_name)}"
            name = full_name.removesuffix(".npy")
            if name in ("", full_name) or not name.isprintable() or set(name) & set("/\\"):
                raise self._error(f"{where}: an .npz archive holds plain NAME.npy members only")
            if name in members:
                raise self._error(f"{where}: occurs twice")
            if info.flag_bits & 1:
                raise self._error(f"{where}: is encrypted; save it without a password")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._error(
                    f"{where}: is compressed with a method that NumPy does not write; "
                    "save it with np.savez or np.savez_compressed"
                )
            packed, unpacked = info.compress_size, info.file_size
            if info.compress_type == zipfile.ZIP_STORED:
                believable = packed
            else:
                believable = min(_SHRINK * packed, max(_SMALL, _SHRINK_LARGE * packed))
            if unpacked > believable:
                raise self._error(
                    f"{where}: {packed:,} bytes that claim to unpack to {unpacked:,} are not believed; "
                    "save such an array with np.savez, which does not compress"
                )
            members[name] = info
        packed = sum(info.compress_size for info in infos)
        if packed > size:
            raise self._error(
                f"{self._path}: its members claim {packed:,} bytes, the file has {size:,}; "
                "it is damaged, or its members overlap"
            )
        return members

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[io.BufferedIOBase, int, str]]:
        if name not in self._members:
            found = ", ".join(map(shortened, islice(self.names, 10))) or "nothing"
            raise self._error(
                f"{self._path}: has no array {shortened(name)}; it holds {found}"
                + did_you_mean(name, self.names)
            )
        where = f"{self._path}: member {name}.npy"
        info = self._members[name]
        try:
            with self._zip.open(info) as stream, within_memory(where, self._error):
                yield cast(io.BufferedIOBase, stream), info.file_size, where
        except _DAMAGE as problem:
            raise self._error(f"{where}: is damaged ({reason(problem)})") from None


def write_npz(stream: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as np.savez does, byte for byte; if the stream fails, nothing is left open."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


def read_npy(path: Path, error: type[MlpError]) -> NDArray[Any]:
    """Read one .npy file, as ``NpzFile.read`` does a member."""
    with opened(path, error) as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        header = _read_header(stream, size, str(path), error)
        return _read_data(stream, header, str(path), error)


def npy_header(path: Path, error: type[MlpError]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and dtype that ``read_npy`` will give an array; no data is read."""
    header = npy_layout(path, error)
    return header.shape, header.dtype.newbyteorder("=")


def npy_layout(path: Path, error: type[MlpError]) -> Layout:
    """Return how the array of an .npy file is stored; no data is read."""
    with opened(path, error) as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        return _read_header(stream, size, str(path), error)


class _Bounded(io.BufferedReader):
    """A file that refuses the reads of zipfile when an archive claims a huge table of contents."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _CHUNK:
            raise zipfile.BadZipFile(f"its table of contents claims {size:,} bytes")
        return super().read(size)


def _read_header(stream: io.BufferedIOBase, size: int, where: str, error: type[MlpError]) -> Layout:
    magic = stream.read(npy.MAGIC_LEN)
    if len(magic) < npy.MAGIC_LEN or not magic.startswith(npy.MAGIC_PREFIX):
        raise error(
            f"{where}: is not an .npy array (it does not begin like one); save it with np.save or np.savez"
        )
    version = magic[-2], magic[-1]
    if version not in ((1, 0), (2, 0)):  # 3.0 is for field names, and structured arrays are refused
        raise error(f"{where}: has .npy format {version[0]}.{version[1]}; 1.0 and 2.0 can be read")
    length = stream.read(2 if version == (1, 0) else 4)
    header_size = int.from_bytes(length, "little")
    if header_size > _HEADER:
        raise error(f"{where}: has a header of {header_size:,} bytes; at most {_HEADER:,} are read")
    text = stream.read(header_size)
    header = _parse_header(text.decode("latin-1"), where, error)
    shape, dtype, *_ = header
    offset = len(magic) + len(length) + header_size
    needed = offset + math.prod(shape) * dtype.itemsize
    if needed != size:
        raise error(
            f"{where}: is {size:,} bytes, but its header ({dtype} {shortened(str(shape))[1:-1]}) "
            f"needs {needed:,}; it is cut short or damaged"
        )
    return header._replace(offset=offset)


def _parse_header(text: str, where: str, error: type[MlpError]) -> Layout:
    """Read the text of a header: a Python dict of a string, a boolean and a tuple of whole numbers.

    NumPy's own parser gives warnings, which can only be silenced for all threads at once.
    """
    fields, at = {}, 1
    while pair := _PAIR.match(text, at):
        fields[pair["key"]], at = pair["value"], pair.end()
    descr, order, shape = (fields.pop(key, "") for key in ("descr", "fortran_order", "shape"))
    is_whole = text[:1] == "{" and text[at:].strip() == "}" and not fields
    if not is_whole or not descr or order not in ("True", "False") or shape[:1] != "(":
        raise error(f"{where}: has a header that is not an array's: {shortened(text)}")
    kind = descr.strip("'\"")
    if not _PLAIN.fullmatch(kind):
        named = shortened("object" if kind == "|O" else kind)
        raise error(f"{where}: has dtype {named}; only plain numbers, booleans and strings are read")
    lengths = re.findall(r"\d+", shape)
    if not _SHAPE.fullmatch(shape) or len(lengths) > _MOST_AXES:
        raise error(f"{where}: has the impossible shape {shortened(shape)}")
    try:
        return Layout(tuple(map(int, lengths)), np.dtype(kind), order == "True")
    except TypeError:
        raise error(f"{where}: has dtype {shortened(kind)}, which does not exist") from None


def _read_data(stream: io.BufferedIOBase, header: Layout, where: str, error: type[MlpError]) -> NDArray[Any]:
    shape = header.shape[::-1] if header.fortran_order else header.shape
    try:
        array = np.empty(shape, header.dtype)
    except ValueError:  # more bytes than can be addressed
        raise error(f"{where}: has the impossible shape {shortened(str(header.shape))}") from None
    data = array.reshape(-1).view(np.uint8)
    done = 0
    while done < data.size:  # zipfile compares the checksum when it reads the last byte
        got = stream.readinto(data.data[done : done + _CHUNK])
        if not got:
            raise error(f"{where}: ends after {done:,} of {data.size:,} bytes of data")
        done += got
    if not header.dtype.isnative:
        array = array.astype(header.dtype.newbyteorder("="))
    require_sound(array, where, error)
    return array.T.copy() if header.fortran_order else array


def require_sound(array: NDArray[Any], where: str, error: type[MlpError]) -> None:
    """Raise ``error`` if bytes of a contiguous array are no booleans, or no characters.

    What NumPy and Python do with such bytes is undefined.
    """
    data = array.reshape(-1)
    if array.dtype.kind == "b" and (data.view(np.uint8) > 1).any():
        raise error(f"{where}: has booleans other than 0 and 1; it is damaged")
    if array.dtype.kind == "U" and not _is_text(data.view(np.uint32)):
        raise error(f"{where}: has strings with characters that do not exist; it is damaged")


def _is_text(codes: NDArray[np.uint32]) -> bool:
    surrogates = (codes >= 0xD800) & (codes <= 0xDFFF)
    return not surrogates.any() and not (codes > 0x10FFFF).any()
