"""The server answers only its own page, validates every request, and stops when told to."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest


def test_it_listens_only_on_loopback(playing: Any) -> None:
    assert playing.address.startswith("http://127.0.0.1:")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", playing.port), timeout=2)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "127.0.0.1"),
        ("Host", "127.0.0.1:1"),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/frame?after=0"), ("GET", "/state"), ("POST", "/do")])
def test_foreign_requests_are_refused(playing: Any, method: str, path: str, header: str, value: str) -> None:
    before = playing.get("/state")["build"]
    body = json.dumps({"do": "seed"}) if method == "POST" else None
    headers = {header: value, "content_type": "application/json"}
    assert playing.request(method, path, body, **headers)[0] == 403
    assert playing.get("/state")["build"] == before


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_its_own_page_is_answered(playing: Any, host: str) -> None:
    own = f"{host}:{playing.port}"
    headers = {"Host": own, "Origin": f"http://{own}", "content_type": "application/json"}
    assert playing.request("POST", "/do", '{"do": "pause"}', **headers)[0] == 200


@pytest.mark.parametrize("path", ["/", "/main.js", "/style.css", "/icon.svg", "/state", "/nowhere"])
def test_every_response_forbids_foreign_content(playing: Any, path: str) -> None:
    status, _, headers = playing.request("GET", path)
    assert status == (404 if path == "/nowhere" else 200)
    assert headers["content-security-policy"].startswith("default-src 'self'; frame-ancestors 'none'")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "nonsense", "[" * 4000, "{}"),
        *('{"do": 1}', '{"do": "fly"}', '{"do": "add"}', '{"do": "speed", "value": 7}'),
        json.dumps({"do": "change", "key": "data.points", "value": "x" * 5000}),
        *('{"do": "add", "x": NaN, "y": 1, "label": 0}', '{"do": "add", "x": 1, "y": 1, "label": 1e999}'),
        f'{{"do": "add", "x": 1{"0" * 400}, "y": 1, "label": 0}}',
        '{"do": "change", "key": "data.noise", "value": "1e300"}',
        *('{"do": "move"}', '{"do": "move", "index": 0, "x": 1, "y": 1}', '{"do": "remove", "index": -1}'),
        *('{"do": "remove", "index": 1e300}', '{"do": "add", "x": 1, "y": 1, "label": 0.5}'),
        *('{"do": "link"}', '{"do": "link", "settings": {"data.name": 7}}', '{"do": "pause", "network": 2}'),
        '{"do": "link", "settings": {"data.name": "moons", "nonsense": "1"}}',
        *('{"do": "change", "network": [1]}', '{"do": "change", "network": 3}'),
    ],
)
def test_an_invalid_command_is_refused_with_a_message(playing: Any, body: str) -> None:
    before = playing.get("/state")
    status, answer, _ = playing.request("POST", "/do", body, content_type="application/json")
    assert status in (400, 422)
    assert json.loads(answer)["error"]
    assert playing.get("/state") == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/frame?network=1&inside=0", 200), ("/frame?unit=1.3", 200), ("/frame?unit=9.9", 200)),
        *(
            ("/frame?unit=-1.1", 200),
            ("/frame?unit=1", 400),
            ("/frame?unit=1.2.3", 400),
            ("/frame?unit=a.b", 400),
        ),
        *(
            ("/frame?network=2", 404),
            ("/state?network=2", 404),
            ("/yaml?network=x", 404),
            ("/yaml?network=1", 200),
        ),
    ],
)
def test_what_a_frame_is_asked_for_is_checked(playing: Any, path: str, status: int) -> None:
    assert playing.request("GET", path)[0] == status


def test_what_was_saved_is_told_with_what_to_do_with_it(start: Any) -> None:
    playing = start()
    playing.do(do="step")
    assert playing.do(do="save") == {
        "text": "Saved play.yaml. To train the same network: mlp train play.yaml"
    }
    playing.do(do="add", x=0.5, y=0.5, label=1)
    assert playing.do(do="save") == {
        "text": "Saved play-2.yaml, play-2.csv and play-2.npz. "
        "play-2.npz is this network: mlp eval play-2.npz. To train it further: mlp train play-2.yaml"
    }
    files = {"play.yaml", "play-2.yaml", "play-2.csv", "play-2.npz"}
    assert files <= {path.name for path in playing.folder.iterdir()}


def test_two_networks_are_compared(start: Any) -> None:
    playing = start()
    assert playing.get("/state")["networks"] == [1]
    seen = playing.get("/frame")["version"]
    assert playing.do(do="compare") == {}
    assert playing.get(f"/frame?after={seen}")["networks"] == [1, 2]
    assert playing.do(do="change", key="model.hidden", value="2, 3", network=2) == {}
    assert [playing.get(f"/state?network={n}")["hidden"] for n in (1, 2)] == [[24], [2, 3]]
    playing.do(do="step")
    assert [playing.get(f"/frame?network={n}")["epoch"] for n in (1, 2)] == [1, 1]
    assert playing.do(do="single") == {}
    assert playing.request("GET", "/frame?network=2")[0] == 404


def test_a_form_of_another_page_is_not_a_command(playing: Any) -> None:
    assert playing.request("POST", "/do", '{"do": "seed"}', content_type="text/plain")[0] == 400


def test_a_frame_waits_for_a_new_version_and_two_tabs_see_the_same(playing: Any) -> None:
    playing.do(do="pause")
    seen = playing.get("/frame?after=0")["version"]
    got: list[Any] = []
    tabs = [
        threading.Thread(target=lambda: got.append(playing.get(f"/frame?after={seen}"))) for _ in range(2)
    ]
    for tab in tabs:
        tab.start()
    time.sleep(0.2)
    assert got == []
    playing.do(do="step")
    for tab in tabs:
        tab.join(5)
    assert got[0] == got[1]
    assert got[0]["epoch"] >= 1
    assert playing.request("GET", "/frame?after=x")[0] == 400


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.exhaustive),
    ],
)
def test_a_signal_stops_it_at_once_while_a_page_waits(start: Any, number: int, code: int) -> None:
    playing = start()
    seen = playing.get("/frame?after=0")["version"]

    def wait() -> None:
        with contextlib.suppress(OSError, HTTPException):
            playing.request("GET", f"/frame?after={seen}")

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    assert waiting.is_alive()
    begun = time.monotonic()
    ended, said = playing.end(number)
    assert ended == code
    assert "Traceback" not in said
    assert time.monotonic() - begun < 2
    waiting.join(5)


def test_a_signal_stops_it_while_it_trains(start: Any) -> None:
    playing = start("--set", "data.points=10000", "--set", "training.batch_size=1")  # an epoch takes seconds
    playing.do(do="play")
    time.sleep(0.3)
    begun = time.monotonic()
    assert playing.end()[0] == 130
    assert time.monotonic() - begun < 2


def test_its_output_in_the_terminal(start: Any) -> None:
    playing = start()
    playing.request("GET", "/")
    playing.request("GET", "/nowhere")
    code, said = playing.end()
    assert code == 130
    assert said == (
        "spiral: 180 train / 60 val / 60 test, 2 features, 3 classes. "
        "Open this page in a browser; Ctrl-C ends it.\n\nEnded.\n"
    )


def run(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, timeout=20, check=False, **more
    )


Refused = Callable[..., str]


@pytest.fixture
def refused(ask: Callable[..., Any], tmp_path: Path) -> Refused:
    """Return a function that starts mlp play in a folder, which has to refuse, and returns what it says."""

    def refused(folder: Path, *args: str) -> str:
        process = ask(args=["play", *args], folder=str(folder), output=str(tmp_path))
        end = time.monotonic() + 20
        while (code := ask(wait=process)) is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert (code, (tmp_path / "out").read_text()) == (2, "")
        return (tmp_path / "err").read_text()

    return refused


POST = b"POST /do HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: ", POST + b"Content-Length: 9\r\n\r\n{"],
    ids=["nothing", "half of a head", "half of a command"],
)
def test_idle_connections_do_not_keep_the_page_from_being_served(playing: Any, sent: bytes) -> None:
    sent = sent.replace(b"HOST", f"127.0.0.1:{playing.port}".encode())
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", playing.port), timeout=5))
            with contextlib.suppress(ConnectionError):
                idle.sendall(sent)
        for path in ("/", "/main.js", "/state"):
            assert playing.request("GET", path)[0] == 200


ODD = {
    "many headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
    "a long path": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "another host in the path": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "folders above": b"GET /../../etc/passwd HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an absolute path": b"GET //etc/passwd HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "an escaped folder above": b"GET /%2e%2e/pyproject.toml HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "DELETE": b"DELETE /do HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "NUL": b"\0" * 1000,
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_requests_are_refused(playing: Any, odd: bytes) -> None:
    sent = odd.replace(b"HOST", f"127.0.0.1:{playing.port}".encode())
    with socket.create_connection(("127.0.0.1", playing.port), timeout=5) as connection:
        reply = b""
        with contextlib.suppress(OSError):  # the server may close it before all is sent
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                reply += piece
    assert reply == b"" or reply.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert playing.request("GET", "/state")[0] == 200


def test_a_port_in_use_is_reported(playing: Any, refused: Refused) -> None:
    said = refused(playing.folder, "--port", str(playing.port))
    assert said.startswith(f"Error: port {playing.port} cannot be used (Address already in use)")


def test_without_the_extra_the_error_says_what_to_install() -> None:
    script = "import sys; sys.modules['uvicorn'] = None; from mlpcli.cli import run; sys.exit(run(['play']))"
    refused = run("-c", script)
    assert refused.returncode == 2
    assert f"{shlex.quote(sys.executable)} -m pip install 'mlpcli[play]'" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_config_that_does_not_fit_is_refused_before_the_server_starts(
    tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "images.yaml").write_text("data: cifar10")
    said = refused(tmp_path, "images.yaml", "--port", "0")
    assert said.startswith("Error: the page needs 2 features, but cifar10 has 3,072")
