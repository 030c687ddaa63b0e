"""The server of the page: turns requests into calls of the session, and refuses requests from other pages."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlpcli.errors import MlpError, UsageError
from mlpcli.play.frames import View, draw_state
from mlpcli.play.networks import Networks
from mlpcli.play.session import Session

__all__ = ["HOST", "listen", "serve"]

HOST = "127.0.0.1"
_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
_FILES = {
    "/" if name == "page.html" else f"/{name}": name
    for name in (
        *("page.html", "style.css", "icon.svg", "main.js", "requests.js", "controls.js", "canvas.js"),
        *("plane.js", "grid.js", "symbols.js", "points.js", "network.js", "unit.js", "space.js"),
        *("curves.js", "dialogs.js", "link.js", "numbers.js", "legend.js"),
    )
}
_LONGEST = 4096  # bytes of a command
_MOST_IDLE = 32  # connections without a request
_MOST = 64  # connections in all
_WAIT = 2.0  # seconds that a request may wait for a frame
_SPEEDS = (5, 30, 200, 1_000_000)  # epochs a second; the last means as fast as possible
_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Idle:
    """The connections without a request, in the order in which they became so; too many are closed.

    So programs that connect and send nothing, or a request byte by byte, do not keep the page from being
    served.
    """

    def __init__(self) -> None:
        self._transports: dict[Any, asyncio.BaseTransport] = {}

    def add(self, transport: asyncio.BaseTransport) -> None:
        """Take up a connection, and close the one that has been idle for longest if there are too many."""
        self._transports[transport.get_extra_info("peername")] = transport
        if len(self._transports) > _MOST_IDLE:
            self._transports.pop(next(iter(self._transports))).abort()  # type: ignore[attr-defined]

    def remove(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection that has been closed."""
        self._transports.pop(transport.get_extra_info("peername"), None)

    @contextmanager
    def busy(self, client: Any) -> Iterator[None]:
        """Keep the connection of a client open while its request is answered."""
        transport = self._transports.pop(client, None)
        try:
            yield
        finally:
            if transport is not None and not transport.is_closing():
                self.add(transport)


def _protocol(idle: _Idle) -> type[H11Protocol]:
    """Return uvicorn's protocol, whose connections are entered as idle."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            idle.add(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            idle.remove(self.transport)
            super().connection_lost(exc)

    return Protocol


class _Guard:
    """Accepts only requests from the page itself, on this machine, and adds headers to all responses.

    A foreign Host is a name that somebody has pointed at this machine (DNS rebinding); a foreign Origin is
    another page in the same browser.
    """

    def __init__(self, app: Callable[[Any, Receive, Send], Awaitable[None]], port: int, idle: _Idle) -> None:
        self._app, self._idle = app, idle
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        if port == 80:  # browsers leave it out
            self._hosts |= {HOST, "localhost"}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # nothing else is served

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(key.encode(), value.encode()) for key, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        headers = Request(scope).headers
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        mine = len(hosts) == 1 and hosts[0] in self._hosts
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        mine = mine and (not foreign or scope["path"] == "/")  # a link to the page itself may be followed
        if not mine or any(origin != f"http://{hosts[0]}" for origin in origins):
            refusal = PlainTextResponse("This server answers only its own page, on this machine.\n", 403)
            await refusal(scope, receive, send_with_headers)
            return
        if scope["method"] == "POST":  # it is idle until its command has come
            await self._app(scope, receive, send_with_headers)
            return
        with self._idle.busy(scope["client"]):
            await self._app(scope, receive, send_with_headers)


async def _read(request: Request) -> dict[str, Any] | None:
    """Return the command in a request; None if it is not a command or too long."""
    if request.headers.get("content-type") != "application/json":
        return None
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST:
            return None
    try:
        command = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return command if isinstance(command, dict) else None


def make_app(networks: Networks, port: int, idle: _Idle) -> _Guard:
    """Return the ASGI application for running networks."""

    def number_of(request: Request) -> int:
        """Return the number of the network that a request is about; it may be that there is none."""
        text = request.query_params.get("network", "1")
        return int(text) if text in ("1", "2") else 0

    nowhere = PlainTextResponse("there is no such network\n", 404)

    async def file(request: Request) -> Response:
        path = _PAGE / _FILES[request.url.path]
        return FileResponse(path, media_type=_TYPES[path.suffix])

    async def state(request: Request) -> Response:
        worker = networks.worker(number_of(request))
        if worker is None:
            return nowhere
        drawn = await asyncio.wrap_future(worker.submit(draw_state, quietly=True))
        return JSONResponse({**drawn, "networks": networks.numbers})

    async def yaml(request: Request) -> Response:
        worker = networks.worker(number_of(request))
        if worker is None:
            return nowhere
        text = await asyncio.wrap_future(worker.submit(lambda session: session.yaml(), quietly=True))
        return PlainTextResponse(text)

    async def frame(request: Request) -> Response:
        query = request.query_params
        try:
            after, layer, a, b = (int(query.get(key, "0")[:9]) for key in ("after", "layer", "a", "b"))
            inside = query.get("inside", "1") != "0"
            large, unit = (int(part[:9]) for part in query.get("unit", "0.0").split(".", 1))
        except ValueError:
            return PlainTextResponse("after, layer, a and b must be numbers, and unit two, as in 1.2\n", 400)
        worker = networks.worker(number_of(request))
        if worker is None:
            return nowhere
        view = View(layer, (a, b) if a and b else None, (large, unit) if unit else None, inside)
        waiting = worker.frame(after, view)
        try:
            drawn = await asyncio.wait_for(asyncio.wrap_future(waiting), _WAIT)
        except asyncio.TimeoutError:
            drawn = None
        if drawn is None:
            return Response(status_code=204)
        return JSONResponse({**drawn, "networks": networks.numbers})

    async def do(request: Request) -> Response:
        command = await _read(request)
        if command is None:
            return JSONResponse({"error": "that is not a command"}, 400)
        if command.get("do") == "speed":
            if command.get("value") not in _SPEEDS:
                return JSONResponse(
                    {"error": f"the speed must be one of {', '.join(map(str, _SPEEDS))}"}, 422
                )
            networks.speed = command["value"]
            return JSONResponse({})
        try:
            with idle.busy(request.scope["client"]):
                reply = await networks.do(command)
        except MlpError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse(reply)

    routes = [Route(path, file) for path in _FILES]
    routes += [Route("/state", state), Route("/yaml", yaml), Route("/frame", frame)]
    routes += [Route("/do", do, methods=["POST"])]
    return _Guard(Starlette(routes=routes), port, idle)


class _Server(uvicorn.Server):
    """A server that stops its networks first, so that no request delays the end."""

    def __init__(self, config: uvicorn.Config, networks: Networks) -> None:
        super().__init__(config)
        self._networks = networks

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._networks.stop()
        super().handle_exit(sig, frame)


def listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback interface only; raise UsageError if it cannot."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((HOST, port))
        server.listen(128)
    except OSError as error:
        server.close()
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}); is another such page open?", topic="port in use"
        ) from None
    return server


def serve(session: Session, server: socket.socket) -> None:
    """Serve the page until a signal ends it; Ctrl-C raises KeyboardInterrupt."""
    networks = Networks(session)
    idle = _Idle()
    app = make_app(networks, server.getsockname()[1], idle)
    config = uvicorn.Config(
        app,
        http=_protocol(idle),
        log_config=None,
        log_level="critical",  # do not report requests that are cut off at the end
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
        limit_concurrency=_MOST,
    )
    try:
        _Server(config, networks).run(sockets=[server])
    finally:
        networks.stop()
        networks.join(5)
