"""Screen and serial port of simulated machines: a server of each on loopback for the whole process, started when first asked for.

Every simulated machine shows the same plain picture by RFB 3.8, and on its serial port a prompt that echoes; what matters is
that consoles, proxies and tests meet a server that speaks the protocol.
"""

from __future__ import annotations

import socketserver
import struct
import threading

_WIDTH, _HEIGHT = 320, 200
_PIXEL_FORMAT = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
_NAME = b"Simulator"
_BLUE = b"\x80\x40\x20\x00"
_PROMPT = b"login: "
_lock = threading.Lock()
_servers: dict[type, socketserver.ThreadingTCPServer] = {}


class _Screen(socketserver.StreamRequestHandler):
    """One viewer: handshake without authentication, then the same picture for each request."""

    timeout = 300

    def handle(self) -> None:
        self.wfile.write(b"RFB 003.008\n")
        if self.rfile.read(12) != b"RFB 003.008\n":
            return
        self.wfile.write(b"\x01\x01")  # one security type: none
        if self.rfile.read(1) != b"\x01":
            return
        self.wfile.write(struct.pack(">I", 0))
        self.rfile.read(1)  # shared or not
        self.wfile.write(struct.pack(">HH", _WIDTH, _HEIGHT) + _PIXEL_FORMAT + struct.pack(">I", len(_NAME)) + _NAME)
        while kind := self.rfile.read(1):
            self._answer(kind[0])

    def _answer(self, kind: int) -> None:
        if kind == 2:  # SetEncodings
            self.rfile.read(4 * struct.unpack(">xH", self.rfile.read(3))[0])
        elif kind == 6:  # ClientCutText
            self.rfile.read(min(1 << 20, struct.unpack(">xxxI", self.rfile.read(7))[0]))
        elif kind == 3:  # FramebufferUpdateRequest; an incremental one has nothing new to see
            incremental = self.rfile.read(9)[0]
            if not incremental:
                self.wfile.write(struct.pack(">BxHHHHHi", 0, 1, 0, 0, _WIDTH, _HEIGHT, 0) + _BLUE * (_WIDTH * _HEIGHT))
        else:  # SetPixelFormat, KeyEvent, PointerEvent
            self.rfile.read({0: 19, 4: 7, 5: 5}.get(kind, 0))


class _Serial(socketserver.BaseRequestHandler):
    """One that joined the serial port: what is typed comes back, and a line's end brings the prompt again."""

    def handle(self) -> None:
        self.request.settimeout(300)
        self.request.sendall(_PROMPT)
        while typed := self.request.recv(4096):
            self.request.sendall(typed.replace(b"\x7f", b"\b \b").replace(b"\r", b"\r\n" + _PROMPT))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that goes away in the middle is no event."""


def screen_port() -> int:
    """The loopback port where simulated screens are served."""
    return _port(_Screen)


def serial_port() -> int:
    """The loopback port where simulated serial ports are served."""
    return _port(_Serial)


def _port(handler: type[socketserver.BaseRequestHandler]) -> int:
    with _lock:
        if handler not in _servers:
            server = _servers[handler] = _Server(("127.0.0.1", 0), handler)
            threading.Thread(target=server.serve_forever, name="simulated-screen", daemon=True).start()
        return int(_servers[handler].server_address[1])
