"""Opens text files as UTF-8, also those that are packed with gzip or written in another encoding."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from mlpcli.errors import DataError
from mlpcli.reading import opened, reason

__all__ = [
    "encoding_of_new",
    "guess_encoding",
    "has_single_bytes",
    "note_encoding",
    "open_text",
]

_GZIP = b"\x1f\x8b"
_MARKS = {  # the longer ones first, since UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_RECODED = 1 << 16  # bytes that are decoded at a time
_NAME_IT = "which encoding is it? Name it in `data.encoding`, such as utf-8, cp1252 or latin-1"
_SAVE_NEW = "save it as {}, like the table of the training, or as 'CSV UTF-8' in Excel"
_ACCENTED = re.compile(r"\w*[^\W\0-\x7f]\w*|[^\0-\x7f]")  # a word with such a letter, or a sign


@contextmanager
def open_text(
    path: Path, encoding: str | None = None, *, is_new: bool = False
) -> Iterator[io.BufferedIOBase]:
    """Open a text file whose bytes are read as UTF-8, without a byte order mark.

    ``encoding`` None means UTF-8, or UTF-16 if the file begins with its byte order mark. Bytes that are no
    UTF-8 are left to the reader; what another encoding cannot have written raises DataError, and so does a
    damaged gzip file. ``is_new`` says that it has new rows, whose encoding no config names.
    """
    with _unpacked(path) as stream:
        marked = _marked(stream)
        encoding = marked or encoding or "utf-8"
        if codecs.lookup(encoding).name != "utf-8":
            advice = _SAVE_NEW.format(encoding) if is_new else _NAME_IT
            stream = io.BufferedReader(_Recoded(path, stream, encoding, advice))
        elif marked:
            stream.read(len(codecs.BOM_UTF8))
        yield stream


@contextmanager
def _unpacked(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a file that may be packed with gzip; a damaged one raises DataError."""
    with opened(path, DataError) as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        stream = cast(io.BufferedIOBase, gzip.GzipFile(fileobj=file)) if packed else file
        try:
            yield stream
        except (gzip.BadGzipFile, zlib.error, EOFError) as problem:
            raise DataError(f"{path}: is a damaged gzip file ({reason(problem)})") from None


def _marked(stream: io.BufferedIOBase) -> str | None:
    """Return the encoding that the byte order mark of a file says, None without one."""
    start = stream.read(4)
    stream.seek(0)
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)


def note_encoding(path: Path, encoding: str | None) -> list[str]:
    """Return a note if a file is read in an encoding of single bytes, but all of it is UTF-8.

    Any bytes can be read in such an encoding, so that no error tells. A file of ASCII is the same in both.
    Raises DataError if the file cannot be read.
    """
    if encoding_of_new(path, encoding) == encoding:
        return []
    return [
        f"{path.name} seems to be UTF-8, and is read as {encoding}, as `data.encoding` says: letters with "
        f"accents become two others. Train with `data.encoding: utf-8`, or save the file as {encoding}."
    ]


def encoding_of_new(path: Path, encoding: str | None) -> str | None:
    """Return the encoding of new rows for a network whose table was in ``encoding``.

    That is UTF-8 if all of the file is, and not ASCII alone, where single bytes would hide it; else it is
    ``encoding``. Raises DataError if the file cannot be read.
    """
    if encoding is None or not has_single_bytes(encoding):
        return encoding
    return "utf-8" if _unicode_of(path) == "utf-8" else encoding


def guess_encoding(path: Path) -> tuple[str, str] | None:
    """Return cp1252, in which Excel saves CSV files, and a word of the file by which a reader can check it.

    Return None if the file is Unicode, or cannot be cp1252. Raises DataError if it cannot be read.
    """
    if _unicode_of(path) is not None:
        return None
    word = ""
    with _unpacked(path) as file:
        while chunk := file.read(_RECODED):
            try:
                text = chunk.decode("cp1252")
            except UnicodeDecodeError:
                return None
            if "\0" in text:
                return None
            found = None if word else _ACCENTED.search(text)
            word = found[0] if found else word
    return "cp1252", word


def _unicode_of(path: Path) -> str | None:
    """Return ascii or utf-8 if all bytes of a file are that, the encoding of its mark, or None."""
    decoder, is_ascii = codecs.getincrementaldecoder("utf-8")(), True
    with _unpacked(path) as file:
        marked = _marked(file)
        if marked:  # which counts more than what is said
            return f"{marked} with a mark"
        try:
            while chunk := file.read(_RECODED):
                decoder.decode(chunk)
                is_ascii = is_ascii and chunk.isascii()
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return None
    return "ascii" if is_ascii else "utf-8"


def has_single_bytes(encoding: str) -> bool:
    """Return whether each byte is a letter in an encoding, so that any file can be read in it."""
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        return False
    try:
        return len(bytes(range(256)).decode(encoding, "replace")) == 256  # elsewhere some bytes go together
    except UnicodeError:  # idna and punycode replace nothing
        return False


class _Recoded(io.RawIOBase):
    """A file of text in some encoding, as UTF-8."""

    def __init__(self, path: Path, file: io.BufferedIOBase, encoding: str, advice: str) -> None:
        self._path, self._file, self._encoding, self._advice = path, file, encoding, advice
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._done = 0  # bytes that were read of the file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            raw = self._file.read(_RECODED)
            try:
                self._ready = self._decoder.decode(raw, final=not raw).encode()
            except UnicodeError as problem:
                place = self._done + getattr(problem, "start", 0)
                raise DataError(
                    f"{self._path}: byte {place + 1:,} of the file is not {self._encoding}; {self._advice}"
                ) from None
            self._done += len(raw)
            if not raw:
                break
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size
