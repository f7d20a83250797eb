"""Give hosts that do not see a store's directory its images over HTTP: `GET /<token>/<name>.<format>`, ranges and all."""

from __future__ import annotations

import hmac
import os
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from msgspec import Struct

from cloudwright.drivers.images.shelf import FILE

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_SILENCE_SECONDS = 60.0
_PIECE = 1 << 22


class Served(Struct):
    """A running server. `port` is the one it really listens on."""

    port: int
    server: ThreadingHTTPServer
    thread: threading.Thread

    def stop(self) -> None:
        """End it; transfers under way break off."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def serve(path: str, host: str, port: int, token: str) -> Served:
    """Serve the store at `path` on host and port (0: any) to whoever knows the token. Raises OSError when it cannot listen."""
    if not token:
        raise ValueError("an image store is not served without a token")

    class Handler(_Handler):
        root = Path(path) / "images"
        secret = token.encode()

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="images", daemon=True)
    thread.start()
    return Served(server.server_address[1], server, thread)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "cloudwright"
    sys_version = ""
    timeout = _SILENCE_SECONDS
    root: Path
    secret: bytes

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: request lines hold the token."""

    def _answer(self, body: bool) -> None:
        _, _, rest = self.path.partition("/")
        token, _, name = rest.partition("/")
        right = hmac.compare_digest(token.encode("utf-8", "replace"), self.secret)
        if not right or not FILE.fullmatch(name):
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        try:
            self._send(descriptor, body)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        finally:
            os.close(descriptor)

    def _send(self, descriptor: int, body: bool) -> None:
        size = os.fstat(descriptor).st_size
        span = _span(self.headers.get("Range", ""), size)
        if span is None:
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"bytes */{size}")
            return
        start, end = span
        partial = end - start != size
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        self.wfile.flush()
        while body and start < end:
            sent = self.connection.send(os.pread(descriptor, min(_PIECE, end - start), start))
            start += sent

    def _refuse(self, status: HTTPStatus, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()


def _span(header: str, size: int) -> tuple[int, int] | None:
    """From and to (exclusive) of what is asked for; the whole when no range is said, None when it lies outside."""
    found = _RANGE.fullmatch(header)
    if not found or found.groups() == ("", ""):
        return 0, size  # what is not one plain range may be ignored
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None
