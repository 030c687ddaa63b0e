"""Downloads: they go on where they broke off, and whatever a server sends, a wrong file is refused."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest
from usual import some

from mlpcli.data.download import BrokenConnection, WrongBytes, download, require_http
from mlpcli.errors import DataError

DATA = random.Random(0).randbytes(40_000)
HALF = len(DATA) // 2


@contextmanager
def begun(before: bytes) -> Iterator[IO[bytes]]:
    """Open a file for reading and appending that holds the bytes that came before."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "part").open("a+b") as file:
        file.write(before)
        yield file


@pytest.fixture
def get(server: Any) -> Callable[..., bytes]:
    """Return a function that downloads what the server serves, after the bytes that came before."""
    server.data = DATA

    def get(before: bytes = b"", url: str = server.url, timeout: float = 30.0) -> bytes:
        with begun(before) as file:
            download(file, len(DATA), url, timeout, lambda _: None)
            file.seek(0)
            return file.read()

    return get


@pytest.fixture
def refused(server: Any) -> Callable[..., tuple[str, bytes]]:
    """Return a function that gives the message of a refused download, and the bytes that are there then."""
    server.data = DATA

    def refuse(
        error: type[Exception] = DataError, before: bytes = b"", timeout: float = 30.0
    ) -> tuple[str, bytes]:
        with begun(before) as file:
            with pytest.raises(error) as caught:
                download(file, len(DATA), server.url, timeout, lambda _: None)
            file.seek(0)
            came = file.read()
        message = str(caught.value)
        assert len(message) < 500
        assert message.replace("\n", "").isprintable()
        return message, came

    return refuse


def test_progress_is_heard(server: Any) -> None:
    server.data, heard = DATA, list[int]()
    with begun(b"") as file:
        download(file, len(DATA), server.url, 30.0, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == len(DATA)
    assert server.asked == [None]


# A connection that breaks


def test_goes_on_by_itself_where_the_connection_broke(get: Callable[..., bytes], server: Any) -> None:
    step = len(DATA) // 4 + 1
    server.answer = server.part(step)
    assert get() == DATA
    assert server.asked == [None, *(f"bytes={n * step}-" for n in (1, 2, 3))]


def test_a_server_that_always_breaks_off_is_left_in_the_end(refused: Any, server: Any) -> None:
    server.answer = server.part(100)
    message, came = refused(BrokenConnection)
    assert message == f"the connection ended after 500 of {len(DATA):,} bytes"
    assert came == DATA[:500]
    assert len(server.asked) == 5


@pytest.mark.parametrize(
    ("before", "asked"), [(DATA, []), (DATA[:HALF], [f"bytes={HALF}-"]), (DATA + b"more", [None])]
)
def test_what_came_before_is_used(
    get: Callable[..., bytes], server: Any, before: bytes, asked: list[str | None]
) -> None:
    assert get(before) == DATA
    assert server.asked == asked


def test_a_server_that_ignores_range_begins_again(get: Callable[..., bytes], server: Any) -> None:
    server.answer = server.plain(DATA, Content_Length=len(DATA))
    assert get(b"x" * HALF) == DATA
    assert server.asked == [f"bytes={HALF}-"]


def test_a_silent_server_is_left(refused: Any, server: Any) -> None:
    server.answer = lambda _: time.sleep(1)
    start = time.perf_counter()
    message, came = refused(BrokenConnection, timeout=0.2)
    assert time.perf_counter() - start < 0.9
    assert (message, came) == ("the server sent nothing for 0.2 seconds", b"")


def test_a_connection_that_lasts_is_no_trouble(get: Callable[..., bytes], server: Any) -> None:
    def slow(request: Any) -> None:
        server.head(request, 200, Content_Length=len(DATA))
        for at in range(0, len(DATA), 4000):
            request.wfile.write(DATA[at : at + 4000])
            time.sleep(0.05)

    server.answer = slow
    assert get(timeout=0.1) == DATA


def drip(request: Any, head: bytes, piece: bytes) -> None:
    """Send something that never ends, and hardly anything of the file."""
    request.wfile.write(head)
    for _ in range(200):
        request.wfile.write(piece)
        time.sleep(0.02)


DRIPS = {
    "the file": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the status": (b"HTTP/1.1", b" "),
    "a header": (b"HTTP/1.1 200 OK\r\nA: ", b"b"),
    "extensions of chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1;" + b"e" * 3000 + b"\r\nx\r\n",
    ),
    "the length of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.mark.parametrize("name", some(DRIPS, 3))
def test_a_server_that_sends_hardly_anything_is_left(refused: Any, server: Any, name: str) -> None:
    head, piece = DRIPS[name]
    server.answer = partial(drip, head=head, piece=piece)
    start = time.perf_counter()
    message, came = refused(BrokenConnection, timeout=0.1)
    assert time.perf_counter() - start < 3
    assert message == "the server sends less than 4 kB a second"
    assert len(came) < 500


@pytest.mark.parametrize("head", [b"A: " + b"b" * 100_000, b"A: b\r\n" * 1000], ids=["long", "many"])
def test_headers_have_an_end(refused: Any, server: Any, head: bytes) -> None:
    server.answer = lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
    message, came = refused(BrokenConnection)
    assert message.startswith("the server does not speak HTTP (")
    assert came == b""


# A server that lies


@pytest.mark.parametrize("claimed", [len(DATA) + 1000, len(DATA) - 1000, 0, 10**15])
def test_another_length_is_refused_unread(refused: Any, server: Any, claimed: int) -> None:
    server.answer = server.plain(DATA, Content_Length=claimed)
    message, came = refused(before=DATA[:100])
    assert f"not a copy of the official archive: it has {claimed:,} bytes, not {len(DATA):,}" in message
    assert came == DATA[:100]


def test_another_total_is_refused_unread(refused: Any, server: Any) -> None:
    server.answer = partial(server.head, status=206, Content_Range=f"bytes 100-{10**9 - 1}/{10**9}")
    assert "it has 1,000,000,000 bytes" in refused(before=DATA[:100])[0]


@pytest.mark.parametrize("said", ["bytes 0-9/10", "bytes 99-200/*", "100-", "", "bytes 100-9/" + "9" * 40])
def test_other_bytes_than_asked_for_are_refused(refused: Any, server: Any, said: str) -> None:
    server.answer = partial(server.head, status=206, Content_Range=said)
    message, came = refused(before=DATA[:100])
    assert "sends other bytes than it was asked for" in message
    assert came == DATA[:100]


def test_no_length_is_no_trouble(get: Callable[..., bytes], server: Any) -> None:
    server.answer = server.plain(DATA)
    assert get() == DATA


def test_chunks_are_no_trouble(get: Callable[..., bytes], server: Any) -> None:
    def chunked(request: Any) -> None:
        request.protocol_version = "HTTP/1.1"
        server.head(request, 200, Transfer_Encoding="chunked", Connection="close")
        for start in range(0, len(DATA), 5000):
            piece = DATA[start : start + 5000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        request.wfile.write(b"0\r\n\r\n")

    server.answer = chunked
    assert get() == DATA


def test_a_server_that_never_ends_is_stopped_at_once(refused: Any, server: Any) -> None:
    sent = []

    def endless(request: Any) -> None:
        server.head(request, 200)
        while sum(sent) < 10**9:
            sent.append(request.wfile.write(bytes(1 << 16)))

    server.answer = endless
    message, came = refused(WrongBytes)
    assert message == f"the server sends more than the {len(DATA):,} bytes of the official archive"
    assert len(came) <= len(DATA)
    assert sum(sent) < 20e6  # what the sockets hold


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (404, "the server answers 404 (Not Found); check the address"),
        (403, "the server answers 403 (Forbidden); check"),
        (429, "(Too Many Requests); try again later"),
        (500, "the server answers 500 (Internal Server Error); try again later"),
        (503, "try again later"),
        (416, "has fewer bytes than were downloaded before"),
        (204, "the server answers 204 (No Content)"),
        (799, "the server answers 799; try again later"),
    ],
)
def test_a_refusal_is_told(refused: Any, server: Any, status: int, expected: str) -> None:
    server.answer = lambda request: (request.send_response(status, "\x1b[2J<b>"), request.end_headers())
    message, came = refused(before=DATA[:100])
    assert message.startswith(f"{server.url}: ")
    assert expected in message
    assert came == DATA[:100]


@pytest.mark.parametrize("answer", [b"", b"\x1b[2Jhello\r\n\r\n", b"HTTP/1.0 abc\r\n\r\n", b"x" * 70_000])
def test_what_is_no_http_is_told(refused: Any, server: Any, answer: bytes) -> None:
    server.answer = lambda request: request.wfile.write(answer)
    message, came = refused(BrokenConnection)
    assert "the server does not speak HTTP" in message or "Remote end closed" in message
    assert came == b""


# Where it leads


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_go_on(get: Callable[..., bytes], server: Any, status: int) -> None:
    redirect = partial(server.head, status=status, Location="/elsewhere?a=b")
    server.answer = server.in_turn(redirect, server.whole)
    assert get(DATA[:HALF]) == DATA
    assert server.asked == [f"bytes={HALF}-"] * 2


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "gopher://x", "javascript:1", "//h:x/"]
)
def test_redirects_to_anything_but_http_are_refused(refused: Any, server: Any, location: str) -> None:
    server.answer = partial(server.head, status=302, Location=location)
    message, came = refused()
    assert message.startswith(f"{server.url} redirects to ")
    assert "is not a plain http:// or https:// address" in message
    assert came == b""


def test_redirects_in_a_circle_end(refused: Any, server: Any) -> None:
    server.answer = partial(server.head, status=302, Location="/again")
    assert "redirects more than 5 times" in refused()[0]
    assert len(server.asked) == 6


def test_an_endless_redirect_is_not_read(get: Callable[..., bytes], server: Any) -> None:
    sent = []

    def endless(request: Any) -> None:
        server.head(request, 302, Location="/cifar.tar.gz")
        while sum(sent) < 10**9:
            sent.append(request.wfile.write(bytes(1 << 16)))

    server.answer = server.in_turn(endless, server.whole)
    assert get() == DATA
    assert sum(sent) < 20e6


OTHERS = [
    "file:///etc/passwd",
    "ftp://host/x",
    "cifar.tar.gz",
    "http://",
    "https:///x",
    "http://host:port/x",
    "http://[::1/x",
    "http://me:secret@host/x",
    "http://host/a b",
    "http://host/\x1b[2J",
    "http://h\u00f6st/",
]


@pytest.mark.parametrize("url", OTHERS)
def test_other_addresses_are_refused(url: str, refusal: Callable[..., str]) -> None:
    message = refusal(require_http, url)
    assert "is not a plain http:// or https:// address; no other kind is used" in message
    assert message.isprintable()
