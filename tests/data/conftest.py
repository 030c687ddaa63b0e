"""Tables and arrays in files, the message of a refusal, and a server that behaves as a test wants."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.errors import DataError


@pytest.fixture(scope="session")
def write() -> Callable[[Path, str | bytes], Path]:
    """Return a function that writes a CSV file in a folder."""

    def write(folder: Path, content: str | bytes) -> Path:
        path = folder / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="session")
def saved() -> Callable[..., Path]:
    """Return a function that saves arrays as an .npz file in a folder."""

    def save(folder: Path, **arrays: Any) -> Path:
        path = folder / "table.npz"
        np.savez(path, **arrays)
        return path

    return save


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """Return a function that gives the message of a refused call: a few lines that can be shown."""

    def refuse(read: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        with pytest.raises(DataError) as caught:
            read(*args, **kwargs)
        message = str(caught.value)
        assert len(message.splitlines()) <= 11
        assert all(len(line) < 300 and line.isprintable() for line in message.splitlines())
        return message

    return refuse


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range"))
        with suppress(ConnectionError):
            self.server.answer(self)

    def log_message(self, *_: object) -> None:
        pass


Answer = Callable[[Handler], object]


class Server(ThreadingHTTPServer):
    """Serves ``data``, by ``answer``, and keeps the Range header of each request in ``asked``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/cifar.tar.gz"
        self.data = b""
        self.answer: Answer = self.whole
        self.asked: list[str | None] = []

    @staticmethod
    def head(request: Handler, status: int, **headers: object) -> None:
        """Send the status and some headers."""
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), str(value))
        request.end_headers()

    def whole(self, request: Handler) -> None:
        """Answer as a good server does."""
        self.part(len(self.data))(request)

    def part(self, most: int, content: bytes | None = None) -> Answer:
        """Return an answer that says what is right, but breaks off after ``most`` bytes."""

        def answer(request: Handler) -> None:
            data = self.data if content is None else content
            asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", "bytes=0-"))
            assert asked is not None
            at, n = int(asked[1]), len(data)
            if at:
                self.head(request, 206, Content_Length=n - at, Content_Range=f"bytes {at}-{n - 1}/{n}")
            else:
                self.head(request, 200, Content_Length=n)
            request.wfile.write(data[at:][:most])

        return answer

    def plain(self, content: bytes, **headers: object) -> Answer:
        """Return an answer of 200 with these bytes, whatever was asked for."""

        def answer(request: Handler) -> None:
            self.head(request, 200, **headers)
            request.wfile.write(content)

        return answer

    @staticmethod
    def in_turn(*answers: Answer) -> Answer:
        """Return an answer that is another one for each request."""
        left = list(answers)
        return lambda request: left.pop(0)(request)


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server that runs."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
