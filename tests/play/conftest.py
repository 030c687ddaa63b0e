"""Fixtures of the page's tests: ``mlp play`` in a process of its own, which forks.py forks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from page import Page, renew


class Playing:
    """A running server with a plain client; ``folder`` is where it was started."""

    def __init__(self, ask: Callable[..., Any], folder: Path, output: Path, *args: str) -> None:
        self.folder, self.output, self._ask = folder, output, ask
        self.process: int = ask(args=["play", "--port", "0", *args], folder=str(folder), output=str(output))
        self.code: int | None = None
        self._until(lambda: (output / "out").exists() and (output / "out").read_text().endswith("\n"))
        self.address = (output / "out").read_text().strip()
        self.port = int(self.address.rstrip("/").rpartition(":")[2])

    def request(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        answer = response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}
        connection.close()
        return answer

    def get(self, path: str) -> Any:
        status, body, _ = self.request("GET", path)
        assert status == 200, body
        return json.loads(body)

    def do(self, **command: Any) -> dict[str, Any]:
        body = json.dumps(command)
        answer: dict[str, Any] = json.loads(
            self.request("POST", "/do", body, content_type="application/json")[1]
        )
        return answer

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit code and the text on stderr."""
        if self.code is None:
            os.kill(self.process, number)
            self._until(self._ended)
        assert self.code is not None
        return self.code, (self.output / "err").read_text()

    def kill(self) -> None:
        """End it at once if it still runs; an end by a signal that it heeds takes a third of a second."""
        if self.code is None:
            os.kill(self.process, signal.SIGKILL)

    def _ended(self) -> bool:
        self.code = self._ask(wait=self.process)
        return self.code is not None

    def _until(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not what():
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture(scope="session")
def ask() -> Iterator[Callable[..., Any]]:
    """Return a function that asks tests/play/forks.py to start a process, or for the exit code of one."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("forks.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(**task: Any) -> Any:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@contextmanager
def starting(ask: Callable[..., Any], new_folder: Callable[[str], Path]) -> Iterator[Callable[..., Playing]]:
    """Give a function that starts mlp play in a new folder, or in the given one; end what it started."""
    started: list[Playing] = []

    def begin(*args: str, folder: Path | None = None) -> Playing:
        output = new_folder("play")
        started.append(Playing(ask, folder or output, output, *args))
        return started[-1]

    yield begin
    for each in started:
        each.kill()


@pytest.fixture
def start(
    tmp_path_factory: pytest.TempPathFactory, ask: Callable[..., Any]
) -> Iterator[Callable[..., Playing]]:
    """Return a function that starts mlp play for one test, in a new folder or in the one given."""
    with starting(ask, tmp_path_factory.mktemp) as begin:
        yield begin


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory, ask: Callable[..., Any]) -> Iterator[Playing]:
    """Return an mlp play that the tests of a file share."""
    with starting(ask, tmp_path_factory.mktemp) as begin:
        yield begin()


# A server waits a second for a page that is open: start comes before browser, which is left first.
@pytest.fixture
def page(start: Any, browser: Any) -> Page:
    return Page(browser, start().address)


@pytest.fixture(scope="module")
def standing(playing: Playing, chromium: Any) -> Iterator[Page]:
    """Return the page of a network that the tests of a file share; use ``still``."""
    yield Page(chromium, playing.address)
    chromium.get("about:blank")


@pytest.fixture
def still(standing: Page, playing: Playing) -> Page:
    """Return a page that is loaded once for all tests that leave it as it was."""
    renew(standing.browser)
    if standing.browser.current_url.partition("#")[0] != playing.address:  # another test has left it
        return Page(standing.browser, playing.address)
    return standing
