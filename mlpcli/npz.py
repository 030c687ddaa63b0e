"""Reads .npy and .npz files without trusting them, and writes archives."""

from __future__ import annotations

import io
import math
import stat
import struct
import textwrap
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
import numpy.lib.format as npy
from numpy.typing import NDArray

from mlpcli.errors import MlpError, nearest

__all__ = ["NpzFile", "did_you_mean", "opened", "read_npy", "shortened", "within_memory", "write_npz"]

_CHUNK = 1 << 20  # bytes read at a time; also the most that an archive's table of contents may hold
_HEADER = 1024  # numpy writes 118 bytes; a header is a Python literal, and those can be bombs
_KINDS = "biufcSU"  # a list of what is plain data: object, void and the new string type hold pointers

# Deflate cannot shrink anything by more than 1032. A small member may come near that (a mask, zeros);
# one that would fill the memory has to look like numbers, which shrink far less.
_SHRINK, _SMALL, _SHRINK_LARGE = 1100, 32 << 20, 100

# What zipfile and zlib let out for damaged bytes; UnicodeDecodeError is a ValueError.
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


class _Header(NamedTuple):
    """What an array says it is."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool


class NpzFile:
    """The arrays of an .npz archive, each checked before it is read.

    Everything that is wrong with the file is raised as ``error``. ``names`` are the members without
    their ".npy".
    """

    def __init__(self, path: Path, error: type[MlpError]) -> None:
        self._path, self._error = path, error
        self._file = _Bounded(_open(path, error))
        try:
            size = self._file.seek(0, io.SEEK_END)
            self._zip = zipfile.ZipFile(self._file)
            self._members = self._checked(self._zip.infolist(), size)
        except _DAMAGE as problem:
            self._file.close()
            raise error(f"{path}: not an .npz archive, or a damaged one ({_reason(problem)})") from None
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

    def _checked(self, infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            full_name = info.orig_filename  # as stored: ``filename`` ends at the first NUL
            where = f"{self._path}: member {shortened(full_name)}"
            name = full_name.removesuffix(".npy")
            if name in ("", full_name) or not name.isprintable() or set(name) & set("/\\"):
                raise self._error(f"{where}: an .npz archive holds plain NAME.npy members only")
            if name in members:
                raise self._error(f"{where}: is there twice")
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
            raise self._error(f"{where}: is damaged ({_reason(problem)})") from None


def write_npz(stream: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as np.savez does, byte for byte; where the stream fails nothing is left open."""
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


@contextmanager
def opened(path: Path, error: type[MlpError]) -> Iterator[io.BufferedIOBase]:
    """Open a regular file; whatever the system refuses is raised as ``error``."""
    with io.BufferedReader(_open(path, error)) as file, within_memory(str(path), error):
        try:
            yield file
        except OSError as problem:
            raise error(f"{path}: cannot be read ({_reason(problem)})") from None


@contextmanager
def within_memory(what: str, error: type[MlpError]) -> Iterator[None]:
    """Raise ``error`` about ``what`` where the memory does not suffice."""
    try:
        yield
    except MemoryError:
        raise error(f"{what}: does not fit into memory") from None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return a sentence that suggests the nearest candidate, or nothing."""
    near = nearest(name, candidates)
    return f"\nDid you mean {near!r}?" if near else ""


def shortened(text: str) -> str:
    """Quote a text from a file, on one line and not too long."""
    return repr(text if len(text) <= 50 else text[:47] + "...")


class _Bounded(io.BufferedReader):
    """A file for zipfile, which believes the archive about the size of its table of contents."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _CHUNK:
            raise zipfile.BadZipFile(f"its table of contents claims {size:,} bytes")
        return super().read(size)


def _open(path: Path, error: type[MlpError]) -> io.FileIO:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe would never end, a terminal never begin
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise error(f"{path}: is {kind}; a file is needed here")
        return io.FileIO(path)
    except FileNotFoundError:
        raise error(f"{path}: no such file" + _nearest_file(path)) from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        raise error(f"{shortened(str(path))}: cannot be opened ({_reason(problem)})") from None


def _nearest_file(path: Path) -> str:
    try:
        return did_you_mean(path.name, (other.name for other in path.parent.iterdir()))
    except OSError:
        return ""


def _reason(problem: BaseException) -> str:
    text = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return textwrap.shorten(text, 120, placeholder=" ...")  # zipfile repeats names of any length


def _read_header(stream: io.BufferedIOBase, size: int, where: str, error: type[MlpError]) -> _Header:
    magic = stream.read(npy.MAGIC_LEN)
    if len(magic) < npy.MAGIC_LEN or not magic.startswith(npy.MAGIC_PREFIX):
        raise error(f"{where}: is no .npy array (it does not begin as one); save it with np.save or np.savez")
    version = magic[-2], magic[-1]
    if version not in ((1, 0), (2, 0)):  # 3.0 is for field names, and structured arrays are refused
        raise error(f"{where}: has .npy format {version[0]}.{version[1]}; 1.0 and 2.0 can be read")
    length = stream.read(2 if version == (1, 0) else 4)
    header_size = int.from_bytes(length, "little")
    if header_size > _HEADER:
        raise error(f"{where}: has a header of {header_size:,} bytes; at most {_HEADER:,} are read")
    text = stream.read(header_size)
    parse = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about Python 2 headers and odd literals
            shape, fortran_order, dtype = parse(io.BytesIO(length + text))
    except Exception:  # a hostile literal makes the parser raise a dozen kinds
        raise error(
            f"{where}: has a header that is no array's: {shortened(text.decode('latin-1'))}"
        ) from None
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        raise error(
            f"{where}: has dtype {shortened(str(dtype))}; only plain numbers, booleans and strings are read"
        )
    if len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise error(f"{where}: has the impossible shape {shortened(str(shape))}")
    needed = len(magic) + len(length) + len(text) + math.prod(shape) * dtype.itemsize
    if needed != size:
        raise error(
            f"{where}: is {size:,} bytes, but its header ({dtype} {shortened(str(shape))[1:-1]}) "
            f"needs {needed:,}; it is cut short or damaged"
        )
    return _Header(shape, dtype, fortran_order)


def _read_data(stream: io.BufferedIOBase, header: _Header, where: str, error: type[MlpError]) -> NDArray[Any]:
    shape = header.shape[::-1] if header.fortran_order else header.shape
    try:
        array = np.empty(shape, header.dtype)
    except ValueError:  # past what an address can count
        raise error(f"{where}: has the impossible shape {shortened(str(header.shape))}") from None
    data = array.reshape(-1).view(np.uint8)
    done = 0
    while done < data.size:  # with the last byte zipfile compares the checksum
        got = stream.readinto(data.data[done : done + _CHUNK])
        if not got:
            raise error(f"{where}: ends after {done:,} of {data.size:,} bytes of data")
        done += got
    if not header.dtype.isnative:
        array = array.astype(header.dtype.newbyteorder("="))
        data = array.reshape(-1).view(np.uint8)
    # Bytes that are no boolean or no character are values that NumPy and Python have no safe answer to.
    if header.dtype.kind == "b" and (data > 1).any():
        raise error(f"{where}: has booleans other than 0 and 1; it is damaged")
    if header.dtype.kind == "U" and not _is_text(data.view(np.uint32)):
        raise error(f"{where}: has strings with characters that do not exist; it is damaged")
    return array.T.copy() if header.fortran_order else array


def _is_text(codes: NDArray[np.uint32]) -> bool:
    surrogates = (codes >= 0xD800) & (codes <= 0xDFFF)
    return not surrogates.any() and not (codes > 0x10FFFF).any()
