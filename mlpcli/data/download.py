"""Downloads a file of known size over HTTP, goes on where it broke off, and does not trust the server."""

from __future__ import annotations

import http.client
import io
import re
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

from mlpcli import __version__
from mlpcli.errors import DataError
from mlpcli.text import clip, shortened

__all__ = ["BrokenConnection", "WrongBytes", "download", "require_http"]

_CHUNK = 1 << 16  # bytes at a time
_SLOWEST = 4000  # bytes a second: a server that sends less is left
_CONNECTIONS = 5  # at most in one download; each has to bring something
_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}


class BrokenConnection(Exception):  # noqa: N818
    """The connection failed; the bytes that have come so far may be right."""


class _TooSlowError(OSError):
    """The server sends something, but hardly any of the file."""


class WrongBytes(Exception):  # noqa: N818
    """The bytes that came are not those of the file."""


def download(
    file: IO[bytes], size: int, url: str, timeout: float, on_progress: Callable[[int], None]
) -> None:
    """Append to the file, which is open for reading and appending, until it has ``size`` bytes.

    ``timeout`` is how many seconds the server may be silent. Within twice that time its headers must have
    come, and after them 4 kB of the file for each second. ``on_progress`` hears how many bytes are there.
    Raises DataError where the server refuses or offers another file, BrokenConnection and WrongBytes.
    """
    have = file.seek(0, io.SEEK_END)
    if have > size:  # it cannot be a part of the file
        file.truncate(0)
        have = 0
    for connection in range(1, _CONNECTIONS + 1):
        if have == size:
            return
        before = have
        try:
            for start, chunk in _receive(url, have, size, timeout):
                if start < have:  # the server begins at the beginning
                    file.truncate(start)
                file.write(chunk)
                have = start + len(chunk)
                on_progress(have)
        except BrokenConnection:
            if have != size and (have <= before or connection == _CONNECTIONS):
                raise
        finally:
            file.flush()


def _receive(url: str, have: int, size: int, timeout: float) -> Iterator[tuple[int, bytes]]:
    """Yield pieces and their places in the file: from ``have`` on, or from 0 where the server insists."""
    pace = _Pace(2 * timeout)
    try:
        with _open(url, have, timeout, pace) as response:
            at = _first_byte(response, url, have, size)
            while chunk := response.read1(_CHUNK):
                if at + len(chunk) > size:
                    raise WrongBytes(f"the server sends more than the {size:,} bytes of the official archive")
                pace.came += len(chunk)
                yield at, chunk
                at += len(chunk)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise BrokenConnection(_reason(problem, timeout)) from None
    if at < size:
        raise BrokenConnection(f"the connection ended after {at:,} of {size:,} bytes")


def _reason(problem: Exception, timeout: float) -> str:
    reason = getattr(problem, "reason", problem)  # a URLError holds the error that caused it
    if isinstance(reason, TimeoutError):
        return f"the server sent nothing for {timeout:g} seconds"
    said = clip(getattr(reason, "strerror", None) or str(reason) or type(reason).__name__, 100)
    if isinstance(reason, http.client.HTTPException) and not isinstance(reason, OSError):
        return f"the server does not speak HTTP ({said})"
    return said


class _Pace:
    """Measures in each span of some seconds whether enough of the file has come.

    Whatever else a server sends (headers, "100 Continue", extensions of chunks) does not count.
    """

    def __init__(self, span: float) -> None:
        self.came = 0  # bytes of the file
        self._span, self._before, self._end = span, 0, time.monotonic() + span

    def check(self) -> None:
        """Raise _TooSlowError if too little has come in the span that has ended."""
        now = time.monotonic()
        if now < self._end:
            return
        if self.came - self._before < _SLOWEST * self._span:
            raise _TooSlowError(f"the server sends less than {_SLOWEST // 1000} kB a second")
        self._before, self._end = self.came, now + self._span


class _PacedStream(io.RawIOBase):
    """What comes from a socket, as long as its pace is right."""

    def __init__(self, raw: io.RawIOBase, pace: _Pace) -> None:
        self._raw, self._pace = raw, pace

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Read what has come; raises _TooSlowError."""
        self._pace.check()
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Close the socket's stream."""
        self._raw.close()
        super().close()


def _connect(kind: Callable[..., Any], pace: _Pace, *args: Any, **kwargs: Any) -> Any:
    """Return a connection whose responses are read at the pace."""

    def respond(*args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        response: Any = http.client.HTTPResponse(*args, **kwargs)
        response.fp = io.BufferedReader(_PacedStream(response.fp.detach(), pace))
        return response  # type: ignore[no-any-return]

    connection = kind(*args, **kwargs)
    connection.response_class = respond
    return connection


class _Http(urllib.request.HTTPHandler):
    """Opens http:// addresses."""

    def __init__(self, pace: _Pace) -> None:
        super().__init__()
        self._connect: Any = partial(_connect, http.client.HTTPConnection, pace)

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Return the response to a request."""
        return self.do_open(self._connect, request)


class _Https(urllib.request.HTTPSHandler):
    """Opens https:// addresses."""

    def __init__(self, pace: _Pace) -> None:
        super().__init__()
        self._connect: Any = partial(_connect, http.client.HTTPSConnection, pace)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Return the response to a request; the server's certificate is checked."""
        return self.do_open(self._connect, request, context=ssl.create_default_context())


def _open(url: str, have: int, timeout: float, pace: _Pace) -> Any:
    """Ask for the bytes from ``have`` on and return the response; only redirects to HTTP are followed."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(pace),
        _Https(pace),
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
                raise _refusal(url, error.code) from None
            url = urljoin(url, location)
            require_http(url, f"{asked} redirects to ")
    raise DataError(f"{asked}: redirects more than {_MOST_REDIRECTS} times", topic="mirror")


def _refusal(url: str, code: int) -> DataError:
    try:
        phrase = f" ({HTTPStatus(code).phrase})"
    except ValueError:
        phrase = ""
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return DataError(
            f"{url}: has fewer bytes than were downloaded before; it is not the official archive",
            topic="mirror",
        )
    busy = code >= 500 or code == HTTPStatus.TOO_MANY_REQUESTS
    advice = "try again later" if busy else "check the address"
    return DataError(f"{url}: the server answers {code}{phrase}; {advice}", topic="mirror")


def require_http(url: str, before: str = "") -> None:
    """Raise DataError, with ``before`` at its start, unless the address is a plain one of HTTP or HTTPS."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:  # a wrong port or IPv6 address
        known = False
    if not known or "@" in parts.netloc or re.search(r"[^!-~]", url):
        raise DataError(
            f"{before}{shortened(url)}: is not a plain http:// or https:// address; no other kind is used"
        )


def _first_byte(response: Any, url: str, have: int, size: int) -> int:
    """Return the place of the first byte; raises DataError where the headers are not those of the file."""
    at, total = 0, None
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        place = response.headers.get("Content-Range", "")
        said = re.fullmatch(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15}|\*)", place)
        if said is None or int(said[1]) != have:
            raise DataError(f"{url}: sends other bytes than it was asked for", topic="mirror")
        at = have
        total = None if said[2] == "*" else int(said[2])
    elif response.status != HTTPStatus.OK:
        raise _refusal(url, response.status)
    if response.length is not None:  # what Content-Length says
        total = at + response.length
    if total not in (None, size):
        raise DataError(
            f"{url}: is not a copy of the official archive: it has {total:,} bytes, not {size:,}; "
            "check the address",
            topic="mirror",
        )
    return at
