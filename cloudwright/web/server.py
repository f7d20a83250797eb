"""The HTTP server in this process: one listener for API, console files, event stream and machine screens.

An event loop on one thread holds the connections; API commands run on a pool of threads.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from granian.constants import SSLProtocols
from granian.server.embed import Server as Granian
from msgspec import Struct

from cloudwright.core.ticket import TokenRefused
from cloudwright.core.wire import MAX_BODY
from cloudwright.web.console import Door, pipe
from cloudwright.web.events import HEADERS as STREAM_HEADERS
from cloudwright.web.events import Hub
from cloudwright.web.files import Files
from cloudwright.web.gate import Answer, Identity, Request
from cloudwright.web.handle import Face, same_origin

log = logging.getLogger(__name__)

_READY_SECONDS = 5.0
PACKED = 2_048  # bytes of an answer from which on compressing it is worth the time
_TOO_LARGE = Answer(413, [("content-type", "text/plain")], b"The form is larger than 1 MiB.\n")
_FAILED = Answer(503, [("content-type", "text/plain")], b"The server cannot answer now.\n")
_UNSIGNED = Answer(401, [("content-type", "text/plain")], b"Sign in first.\n")


class Options(Struct, frozen=True):
    """Where to listen. With `certificate` and `private_key` (PEM files) the main port speaks TLS. The integration port
    answers anybody who reaches it as the system account, so it is bound to `integration_address` only."""

    address: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    private_key: Path | None = None
    integration_port: int = 0  # 0: none
    integration_address: str = "127.0.0.1"
    threads: int = 8
    grace: float = 10.0  # seconds that running requests get when stopping


class Server:
    """Serves until stopped."""

    def __init__(
        self, face: Face, options: Options, *, files: Files | None = None, hub: Hub | None = None, door: Door | None = None
    ) -> None:
        self._face = face
        self._options = options
        self._files = files or Files()
        self._hub = hub
        self._door = door
        self._pool = ThreadPoolExecutor(options.threads, "http")
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="http-loop", daemon=True)
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Listen. Returns when requests are answered. Raises OSError when an address is taken or not ours."""
        ports = [(self._options.address, self._options.port)]
        if self._options.integration_port:
            ports.append((self._options.integration_address, self._options.integration_port))
        for address, port in ports:
            claim(address, port)
        self._thread.start()
        for address, port in ports:
            _await_port(address, port)

    def stop(self) -> None:
        """End streams and consoles, let running requests finish within the grace time, close the ports."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(self._options.grace + 5)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            log.exception("The HTTP server ended unexpectedly")

    async def _serve(self) -> None:
        options = self._options
        self._loop = asyncio.get_running_loop()
        servers: list[Any] = [_listener(self._main, options.address, options.port, options.certificate, options.private_key)]
        if options.integration_port:
            servers.append(_listener(self._integration, options.integration_address, options.integration_port))
        if self._hub is not None:
            self._hub.attach(self._loop)
        running = [asyncio.ensure_future(server.serve()) for server in servers]
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
        if self._hub is not None:
            self._hub.close()
            self._hub.attach(None)
        for server in servers:
            server.stop()
        _, late = await asyncio.wait(running, timeout=options.grace)
        if late:
            log.warning("Some requests were still running %.0f seconds after the stop; they are cut off", options.grace)
        for task in (*late, stopping):
            task.cancel()

    # -- routes --------------------------------------------------------------------------------------------------------

    async def _integration(self, scope: Any, proto: Any) -> None:
        if scope.proto == "ws":
            proto.close(404)
            return
        await self._answer(scope, proto, lambda request: self._face.handle(request, system=True))

    async def _main(self, scope: Any, proto: Any) -> None:
        path = scope.path
        if scope.proto == "ws":
            await self._screen(scope, proto)
        elif path == "/client/api" or path.startswith("/client/api/"):
            await self._answer(scope, proto, lambda request: packed(request, self._face.handle(request)))
        elif path == "/client/events" and self._hub is not None:
            await self._events(scope, proto, self._hub)
        else:
            await self._answer(scope, proto, self._files.answer)

    async def _answer(self, scope: Any, proto: Any, handle: Callable[[Request], Answer]) -> None:
        body = await _body(scope, proto)
        if body is None:
            _send(proto, _TOO_LARGE)
            return
        request = _request(scope, body)
        try:
            answer = await self._loop.run_in_executor(self._pool, handle, request)
        except Exception:
            log.exception("%s %s was not answered", request.method, request.path)
            answer = _FAILED
        _send(proto, answer)

    async def _caller(self, request: Request) -> Identity | None:
        return await self._loop.run_in_executor(self._pool, self._face.caller, request)

    async def _events(self, scope: Any, proto: Any, hub: Hub) -> None:
        request = _request(scope, b"")
        identity = await self._caller(request)
        if identity is None or request.method != "GET":
            _send(proto, _UNSIGNED)
            return

        async def still() -> bool:
            return await self._caller(request) is not None

        given = request.headers.get("last-event-id") or parse_qs(request.query).get("lasteventid", [""])[0]
        last = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
        stream = hub.stream(identity, last, still)
        sending = asyncio.ensure_future(_pour(stream, proto.response_stream(200, STREAM_HEADERS)))
        gone = asyncio.ensure_future(proto.client_disconnect())
        await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        sending.cancel()
        await asyncio.wait([sending])

    async def _screen(self, scope: Any, proto: Any) -> None:
        request = _request(scope, b"")
        if request.path != "/client/console" or self._door is None:
            proto.close(404)
            return
        token = parse_qs(request.query).get("token", [""])[0]
        if not same_origin(request):
            proto.close(403)
            return
        try:
            streams = await self._door.admit(token, time.time(), request.peer)
        except TokenRefused as refusal:
            log.info("Console refused to %s: %s", request.peer, refusal)
            proto.close(403)
            return
        except (OSError, TimeoutError) as error:
            log.warning("Console not reachable: %s", error)
            proto.close(502)
            return
        carrying = asyncio.ensure_future(pipe(await proto.accept(), streams))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([carrying, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (carrying, stopping):
            task.cancel()
        await asyncio.wait([carrying])
        proto.close()


def packed(request: Request, answer: Answer) -> Answer:
    """The same answer, compressed where it is long and the caller takes that. 15 ms a MB, for a third less than the fastest."""
    if len(answer.body) < PACKED or "gzip" not in request.headers.get("accept-encoding", ""):
        return answer
    headers = [*answer.headers, ("content-encoding", "gzip"), ("vary", "accept-encoding")]
    return Answer(answer.status, headers, gzip.compress(answer.body, compresslevel=6, mtime=0))


async def _pour(stream: AsyncIterator[bytes], transport: Any) -> None:
    async for text in stream:
        await transport.send_bytes(text)


async def _body(scope: Any, proto: Any) -> bytes | None:
    """The request's body; None when it is too large, of which no more is read than is needed to know."""
    if scope.method not in ("POST", "PUT", "PATCH"):
        return b""
    declared = scope.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY:
        return None
    parts, size = [], 0
    async for part in proto:
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            return None
    return b"".join(parts)


def _request(scope: Any, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope.headers.items():
        headers[name] = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}" if name in headers else value
    if scope.authority and "host" not in headers:  # HTTP/2
        headers["host"] = scope.authority
    peer = scope.client.rsplit(":", 1)[0].strip("[]").removeprefix("::ffff:")
    return Request(scope.method, scope.path, scope.query_string, body, headers, peer, scope.scheme == "https")


def _send(proto: Any, answer: Answer) -> None:
    proto.response_bytes(answer.status, answer.headers, answer.body)


def _listener(target: Any, address: str, port: int, certificate: Path | None = None, key: Path | None = None) -> Granian:
    return Granian(
        target,
        address,
        port,
        backlog=1024,
        log_enabled=False,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def claim(address: str, port: int) -> None:
    """Raise OSError when the address is taken or not ours: the HTTP server itself would share the port without a word."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on {address} port {port}: {error.strerror}") from error


def _await_port(address: str, port: int) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection((host, port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)
        else:
            return
