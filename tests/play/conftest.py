"""What the tests of the page share: ``mlp play`` as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest


class Playing:
    """A server that runs, and a plain client of it; ``folder`` is where it was started."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlpcli", "play", "--port", "0", *args],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
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
        """Send a signal; return the exit code and what was said on stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=5)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Playing]]:
    """Return a function that starts mlp play in a new folder, or in the one that is given."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    started: list[Playing] = []

    def begin(*args: str, folder: Path | None = None) -> Playing:
        started.append(Playing(folder or tmp_path_factory.mktemp("play"), *args))
        return started[-1]

    yield begin
    for each in started:
        each.end()
