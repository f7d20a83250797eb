"""The console's files, from memory: found by path, told by ETag, with the index page for every unknown page."""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from cloudwright.web.gate import Answer, Request

HERE = Path(__file__).with_name("static")
_KEPT = 2_000  # files
_CONNECT = "connect-src 'self' ws: wss:"
_NONCE = b"__NONCE__"  # where a page wants the word that its own style elements carry
_WAYS = b"__WAYS__"  # where the console wants to read which ways in there are besides a password
_SAFE = [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")]


def _headers(styles: str = "'unsafe-inline'") -> list[tuple[str, str]]:
    policy = f"default-src 'self'; {_CONNECT}; img-src 'self' data: blob:; style-src 'self' {styles}; frame-ancestors 'self'"
    return [*_SAFE, ("content-security-policy", policy)]


_HEADERS = _headers()
_TYPES = {".js": "text/javascript; charset=utf-8", ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"}


class _File(Struct):
    stamp: tuple[int, int]
    kind: str
    etag: str
    content: bytes


class Files:
    """Serves `/client/console` (the VNC page), `/client/vnc/` (its files) and, under `/client/`, the console's folder."""

    def __init__(self, console: Path | None = None, ways: Callable[[], list[str]] = list) -> None:
        """`ways`: the ways in besides a password, as words of [a-z]; asked for each page."""
        self._console, self._ways = console.resolve() if console else None, ways
        self._lock = threading.Lock()
        self._kept: dict[Path, _File] = {}

    def answer(self, request: Request) -> Answer:
        """Answer a GET or HEAD request."""
        if request.method not in ("GET", "HEAD"):
            return Answer(405, [("allow", "GET, HEAD"), ("content-type", "text/plain")], b"Use GET.\n")
        if request.path in ("", "/", "/client"):
            return Answer(302, [("location", "/client/")])
        path = self._find(request.path)
        if path is None:
            return Answer(404, [("content-type", "text/plain"), *_HEADERS], self._absent(request.path))
        if path.suffix == ".html" and _NONCE in (page := self._read(path)).content:
            return self._page(page, request.method)
        packed = path.with_name(f"{path.name}.gz")
        gzip = packed.is_file() and "gzip" in request.headers.get("accept-encoding", "")
        file = self._read(packed if gzip else path)
        lasting = "public, max-age=31536000, immutable" if "/assets/" in request.path else "no-cache"
        headers = [("content-type", file.kind), ("etag", file.etag), ("cache-control", lasting), *_HEADERS]
        headers += [("vary", "accept-encoding")] + ([("content-encoding", "gzip")] if gzip else [])
        if file.etag in request.headers.get("if-none-match", ""):
            return Answer(304, headers)
        return Answer(200, headers, b"" if request.method == "HEAD" else file.content)

    def _absent(self, path: str) -> bytes:
        if path == "/client/" and self._console is None:
            return b"The console is not built here: run `make console`, then start the server anew. The API is at /client/api.\n"
        return b"There is no such page.\n"

    def _find(self, path: str) -> Path | None:
        if path == "/client/console":
            return HERE / "console.html"
        if path.startswith("/client/vnc/"):
            return _inside(HERE, path.removeprefix("/client/vnc/"))
        if self._console is None or not path.startswith("/client/"):
            return None
        name = path.removeprefix("/client/")
        found = _inside(self._console, name or "index.html")
        if found is None and "." not in name.rsplit("/", 1)[-1]:
            found = _inside(self._console, "index.html")
        return found

    def _page(self, page: _File, method: str) -> Answer:
        """A page with a new nonce, which must therefore not be kept: no other style element than the page's own has effect."""
        nonce = secrets.token_urlsafe(18)
        headers = [("content-type", page.kind), ("cache-control", "no-store"), *_headers(f"'nonce-{nonce}'")]
        content = page.content.replace(_NONCE, nonce.encode())
        if _WAYS in content:
            content = content.replace(_WAYS, " ".join(self._ways()).encode())
        return Answer(200, headers, b"" if method == "HEAD" else content)

    def _read(self, path: Path) -> _File:
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        with self._lock:
            kept = self._kept.get(path)
        if kept is not None and kept.stamp == stamp:
            return kept
        content = path.read_bytes()
        path = path.with_suffix("") if path.suffix == ".gz" else path
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        file = _File(stamp, kind, f'"{hashlib.sha256(content).hexdigest()[:24]}"', content)
        with self._lock:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[path] = file
        return file


def _inside(folder: Path, name: str) -> Path | None:
    """The regular file `name` inside `folder`; never anything outside it, not even by a symbolic link."""
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder.resolve()) and path.is_file() else None
    except (OSError, ValueError):
        return None
