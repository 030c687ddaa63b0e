"""Downloads CIFAR-10's official archives and unpacks them, believing neither the server nor the archive."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import re
import shutil
import stat
import tarfile
import textwrap
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

from mlpcli import __version__
from mlpcli.errors import DataError
from mlpcli.files import new_folder
from mlpcli.text import shortened

__all__ = ["CIFAR10", "Archive", "fetch", "partial_file"]


@dataclass(frozen=True)
class Archive:
    """A .tar.gz file: where it is, how it is known, and what is taken from it.

    ``files`` are the names and sizes, in bytes, of plain files in the archive's ``folder``.
    """

    url: str
    size: int
    md5: str
    folder: str
    files: Mapping[str, int]


CIFAR10 = {
    "binary": Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        170_052_171,
        "c32a1d4ab5d03f1284b67883e8d87530",
        "cifar-10-batches-bin",
        {
            "data_batch_1.bin": 30_730_000,
            "data_batch_2.bin": 30_730_000,
            "data_batch_3.bin": 30_730_000,
            "data_batch_4.bin": 30_730_000,
            "data_batch_5.bin": 30_730_000,
            "test_batch.bin": 30_730_000,
            "batches.meta.txt": 61,
            "readme.html": 88,
        },
    ),
    "python": Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        170_498_071,
        "c58f30108f718f92721af3b95e74349a",
        "cifar-10-batches-py",
        {
            "data_batch_1": 31_035_704,
            "data_batch_2": 31_035_320,
            "data_batch_3": 31_035_999,
            "data_batch_4": 31_035_696,
            "data_batch_5": 31_035_623,
            "test_batch": 31_035_526,
            "batches.meta": 158,
            "readme.html": 88,
        },
    ),
}

_CHUNK = 1 << 16  # bytes at a time
_CONNECTIONS = 5  # in one download, each of which has to bring something
_MOST_REDIRECTS = 5
_AROUND = 1 << 20  # bytes that a tar file may have besides the files that are taken from it
_REDIRECTS = {301, 302, 303, 307, 308}
_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)


class _Broken(Exception):  # noqa: N818
    """The connection failed; what has come so far may be right."""


class _Wrong(Exception):  # noqa: N818
    """What has come is not the archive."""


def partial_file(archive: Archive, root: Path) -> Path:
    """Return where the archive grows while it is downloaded; what is there is gone on with."""
    return root / f"{urlsplit(archive.url).path.rpartition('/')[2]}.part"


def fetch(
    archive: Archive,
    root: Path,
    url: str | None = None,
    *,
    timeout: float = 30.0,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Download the archive, or the rest of it, unpack it, and return the folder: ``root / archive.folder``.

    ``url`` is a mirror to use instead of the archive's own; ``timeout`` is how many seconds it may be silent;
    ``on_progress`` hears how many bytes are there. Nothing is unpacked before size and MD5 are right, and the
    folder appears with all its files or not at all; one that is there is left alone. Raises DataError.
    Whatever happens, the part that came is kept for the next call, unless it turns out to be wrong.
    """
    target, part, url = root / archive.folder, partial_file(archive, root), url or archive.url
    _require_http(url)
    if os.path.lexists(root) and not root.is_dir():
        raise DataError(f"{root}: is no folder; name one with --root")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(part) as file:
            if os.path.lexists(target):
                raise DataError(f"{target}: is there already; remove or rename it to fetch it again")
            try:
                _check_room(file, archive, root)
                _download(file, archive, url, timeout, on_progress)
                _check_sum(file, archive)
                with new_folder(target) as folder:
                    _unpack(file, archive, folder)
            except _Broken as problem:
                raise DataError(f"{url}: {problem}.\n{_advice(file, part)}") from None
            except _Wrong as problem:
                file.truncate(0)
                raise DataError(
                    f"{url}: {problem}.\nWhat had come was removed, and nothing was unpacked. "
                    "Try again, or name a mirror of the official file with --url."
                ) from None
            file.truncate(0)
    except OSError as problem:
        raise DataError(
            f"{problem.filename or root}: cannot be written ({problem.strerror or problem}).\n"
            "Put that right and give the same command again, or name another folder with --root."
        ) from None
    return target


# The partial file


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading and appending, for this process alone; what is left empty is removed."""
    while True:
        if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
            raise DataError(f"{path}: is no plain file; remove it, for the download is kept there")
        with path.open("a+b") as file:
            _lock(file, path)
            if not _is_at(file, path):  # whoever had it locked has just removed it
                continue
            try:
                yield file
                return
            finally:
                if not file.seek(0, io.SEEK_END):
                    with suppress(PermissionError):  # Windows keeps the name while the file is open
                        path.unlink()


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows; two at once end in a wrong checksum
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(f"{path}: another process is downloading this; wait until it is done") from None
    except OSError:  # some network file systems know no locks
        return


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _advice(file: IO[bytes], path: Path) -> str:
    have = file.seek(0, io.SEEK_END)
    if have:
        return f"{_mb(have)} are kept in {path}: the same command goes on from there."
    return "Try again later, or name a mirror of the official file with --url."


def _check_room(file: IO[bytes], archive: Archive, root: Path) -> None:
    needed = archive.size - file.seek(0, io.SEEK_END) + sum(archive.files.values())
    free = shutil.disk_usage(root).free
    if free < needed:
        raise DataError(
            f"{root}: {_mb(needed)} are needed for the archive and its files, and {_mb(free)} are free.\n"
            "Make room, or name another folder with --root."
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


# The download


def _download(
    file: IO[bytes], archive: Archive, url: str, timeout: float, on_progress: Callable[[int], None]
) -> None:
    """Append to the file until it has the archive's size."""
    have = file.seek(0, io.SEEK_END)
    if have > archive.size:  # no part of it
        file.truncate(0)
        have = 0
    for connection in range(1, _CONNECTIONS + 1):
        if have == archive.size:
            return
        before = have
        try:
            for start, chunk in _receive(url, have, archive.size, timeout):
                if start < have:  # the server begins at the beginning
                    file.truncate(start)
                file.write(chunk)
                have = start + len(chunk)
                on_progress(have)
        except _Broken:
            if have != archive.size and (have <= before or connection == _CONNECTIONS):
                raise
        finally:
            file.flush()


def _receive(url: str, have: int, size: int, timeout: float) -> Iterator[tuple[int, bytes]]:
    """Yield pieces with their place in the archive: from ``have`` on, or from 0 where the server insists."""
    try:
        with _open(url, have, timeout) as response:
            at = _first_byte(response, url, have, size)
            while chunk := response.read1(_CHUNK):
                if at + len(chunk) > size:
                    raise _Wrong(f"more comes from there than the {size:,} bytes of the official archive")
                yield at, chunk
                at += len(chunk)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _Broken(_reason(problem, timeout)) from None
    if at < size:
        raise _Broken(f"the connection ended after {at:,} of {size:,} bytes")


def _reason(problem: Exception, timeout: float) -> str:
    reason = getattr(problem, "reason", problem)  # an URLError holds the error that it stands for
    if isinstance(reason, TimeoutError):
        return f"nothing came for {timeout:g} seconds"
    said = _plain(getattr(reason, "strerror", None) or str(reason) or type(reason).__name__)
    if isinstance(reason, http.client.HTTPException) and not isinstance(reason, OSError):
        return f"it does not answer as a web server does ({said})"
    return said


def _plain(text: str) -> str:
    """Return a text that others may have written on one line, printable and not too long."""
    return textwrap.shorten(repr(text[:1000])[1:-1], 100)


def _open(url: str, have: int, timeout: float) -> Any:
    """Ask for the bytes from ``have`` on and return the response; redirects lead to http and https only."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": f"mlp/{__version__}", **({"Range": f"bytes={have}-"} if have else {})}
    asked = url
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            return opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
        except HTTPError as error:
            error.close()
            location = error.headers.get("Location")
            if error.code not in _REDIRECTS or not location:
                raise DataError(_refusal(url, error.code)) from None
            url = urljoin(url, location)
            _require_http(url, f"{asked} redirects to ")
    raise DataError(f"{asked}: redirects more than {_MOST_REDIRECTS} times; name another mirror with --url")


def _refusal(url: str, code: int) -> str:
    try:
        phrase = f" ({HTTPStatus(code).phrase})"
    except ValueError:
        phrase = ""
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return f"{url}: has fewer bytes than have come before; it is not the official archive"
    when = "try again later" if code >= 500 or code == HTTPStatus.TOO_MANY_REQUESTS else "check the address"
    return f"{url}: the server answers {code}{phrase}; {when}, or name a mirror with --url"


def _require_http(url: str, before: str = "") -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:  # no port, or no IPv6 address
        known = False
    if not known or "@" in parts.netloc or re.search(r"[^!-~]", url):
        raise DataError(
            f"{before}{shortened(url)}: is no plain http:// or https:// address, and no other is used"
        )


def _first_byte(response: Any, url: str, have: int, size: int) -> int:
    """Return the place of the response's first byte, if what it says about itself fits the archive."""
    at, total = 0, None
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        place = response.headers.get("Content-Range", "")
        said = re.fullmatch(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)", place)
        if said is None or int(said[1]) != have:
            raise DataError(f"{url}: sends other bytes than it was asked for; name another mirror with --url")
        at = have
        total = None if said[2] == "*" else int(said[2])
    elif response.status != HTTPStatus.OK:
        raise DataError(_refusal(url, response.status))
    if response.length is not None:  # what Content-Length says
        total = at + response.length
    if total not in (None, size):
        raise DataError(
            f"{url}: is no copy of the official archive: it has {total:,} bytes, not {size:,}.\n"
            "Check the address, or name another mirror with --url."
        )
    return at


def _check_sum(file: IO[bytes], archive: Archive) -> None:
    file.seek(0)
    md5 = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(16 * _CHUNK):
        md5.update(chunk)
    found = md5.hexdigest()
    if found != archive.md5:
        raise _Wrong(f"the MD5 of what came is {found}, and that of the official archive {archive.md5}")


# The archive


class _Rationed:
    """A stream that gives no more bytes than it has been allowed to."""

    def __init__(self, stream: gzip.GzipFile, ration: int) -> None:
        self._stream, self.ration = stream, ration

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes; raises ValueError where they are too many."""
        data = self._stream.read(size)
        self.ration -= max(len(data), tarfile.BLOCKSIZE)  # tarfile asks for what is claimed, also at the end
        if self.ration < 0:
            raise ValueError("it holds more than the files that belong there, or claims to")
        return data


def _unpack(file: IO[bytes], archive: Archive, folder: Path) -> None:
    """Write the archive's known files to ``folder``; up to a megabyte of whatever else is passed over."""
    file.seek(0)
    missing = dict(archive.files)
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            stream: Any = _Rationed(unzipped, _AROUND)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    inside, _, name = member.name.rpartition("/")
                    if inside != archive.folder or name not in archive.files:
                        continue
                    size = archive.files[name]
                    plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
                    if not plain or member.size != size:
                        raise ValueError(f"{name} is no plain file of {size:,} bytes")
                    if name not in missing:
                        raise ValueError(f"{name} is there twice")
                    del missing[name]
                    stream.ration += size
                    _write(folder / name, tar.extractfile(member), size)
    except _DAMAGE as problem:
        raise _Wrong(f"the archive is damaged, or not CIFAR-10's ({_plain(str(problem))})") from None
    if missing:
        raise _Wrong(f"the archive is not CIFAR-10's: it has no {', '.join(missing)}")


def _write(path: Path, source: IO[bytes] | None, size: int) -> None:
    assert source is not None  # it is a plain file
    with path.open("xb") as target:
        while chunk := source.read(16 * _CHUNK):
            target.write(chunk)
            size -= len(chunk)
    if size:
        raise EOFError("a file is cut short")
