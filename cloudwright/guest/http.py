"""The least HTTP server that does: GET, one request a connection, on one interface only, with every size and time bounded."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import unquote

from cloudwright.guest.failure import Failed

_LARGEST = 8192  # bytes of a request's head
_PATIENCE = 5.0  # seconds for a whole request, and for a whole answer
_AT_ONCE = 32  # connections of one interface; more wait in the kernel's queue
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}

Answer = Callable[[str, str, dict[str, str]], tuple[int, bytes]]  # (client address, path, headers) -> (status, body)


class Server:
    """Answers on one device and port until it is closed."""

    def __init__(self, device: str, port: int, answer: Answer) -> None:
        self._answer = answer
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            self._socket.bind(("", port))
            self._socket.listen(128)
        except OSError as error:
            self._socket.close()
            raise Failed(f"port {port} on {device} could not be opened: {error.strerror}") from None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening; answers under way are finished."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            self._free.acquire()
            try:
                client, address = self._socket.accept()
            except OSError:
                self._free.release()
                return
            threading.Thread(target=self._serve, args=(client, address[0]), daemon=True).start()

    def _serve(self, client: socket.socket, address: str) -> None:
        try:
            with client:
                status, body = self._respond(address, _head(client))
                reason = _REASONS[status]
                lines = f"HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain\r\n"
                client.settimeout(_PATIENCE)
                client.sendall(f"{lines}Connection: close\r\n\r\n".encode() + body)
        except OSError:
            return  # the guest went away or was too slow: its own loss
        finally:
            self._free.release()

    def _respond(self, address: str, head: bytes) -> tuple[int, bytes]:
        request, *lines = head.decode("latin-1").split("\r\n")
        words = request.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return 400, b"bad request\n"
        if words[0] != "GET":
            return 405, b"only GET is answered\n"
        fields = [line.partition(":") for line in lines]
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        return self._answer(address, unquote(words[1].partition("?")[0]), headers)


def _head(client: socket.socket) -> bytes:
    """A request up to its empty line; what is cut off by size or time answers as a bad request."""
    deadline = time.monotonic() + _PATIENCE
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _LARGEST:
        client.settimeout(max(deadline - time.monotonic(), 0.001))
        more = client.recv(_LARGEST)
        if not more:
            break
        data += more
    head, end, _ = data.partition(b"\r\n\r\n")
    return head if end else b""
