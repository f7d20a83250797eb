"""A mail server on loopback that keeps what it is sent: it speaks SMTP (RFC 5321) as far as senders need it, with AUTH PLAIN,
STARTTLS, and TLS from the start."""

from __future__ import annotations

import base64
import email
import email.policy
import queue
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any, NamedTuple


class Letter(NamedTuple):
    sender: str
    to: list[str]
    message: EmailMessage
    login: str  # "user:password" or ""


class Mailbox(socketserver.ThreadingTCPServer):
    """`letters` holds what came in. `tls` is spoken after STARTTLS, or (`implicit`) from the start. To addresses in `refused` it
    gives the answer that stands there. While `gate` is closed it does not say that it kept a letter."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, needs_login: bool = False, *, port: int = 0, tls: ssl.SSLContext | None = None, implicit: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", port), _Conversation)
        self.needs_login, self.tls, self.implicit = needs_login, tls, implicit
        self.letters: queue.Queue[Letter] = queue.Queue()
        self.refused: dict[str, str] = {}
        self.gate = threading.Event()
        self.gate.set()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def next(self, seconds: float = 10.0) -> Letter:
        """The next letter. Raises queue.Empty when none comes."""
        return self.letters.get(timeout=seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class _Conversation(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        box: Any = self.server
        if box.implicit:
            self.request = box.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        box: Any = self.server
        self.sender, self.to, self.login = "", list[str](), ""
        self._say("220 mailbox")
        while raw := self.rfile.readline():
            line = raw.decode().strip()
            if line[:4].upper() == "STAR":
                self._say("220 go on")
                self.request = box.tls.wrap_socket(self.request, server_side=True)
                super().setup()
            elif line[:4].upper() == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say(*self._answer(box, line[:4].upper(), line))

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _answer(self, box: Any, verb: str, line: str) -> list[str]:
        if verb == "EHLO":
            offers = box.tls and not isinstance(self.request, ssl.SSLSocket)
            return ["250-mailbox", *(["250-STARTTLS"] if offers else []), "250 AUTH PLAIN"]
        if verb == "AUTH":
            _, user, word = base64.b64decode(line.split()[2]).decode().split("\0")
            self.login = f"{user}:{word}"
            return ["235 welcome" if "wrong" not in word else "535 no"]
        if verb == "MAIL":
            if box.needs_login and not self.login:
                return ["530 sign in first"]
            self.sender = line[10:].partition(">")[0].strip("<")
        elif verb == "RCPT":
            to = line[8:].partition(">")[0].strip("<")
            if to in box.refused:
                return [box.refused[to]]
            self.to.append(to)
        elif verb == "DATA":
            self._say("354 go on")
            message = email.message_from_bytes(self._text(), policy=email.policy.default)
            box.letters.put(Letter(self.sender, self.to, message, self.login))
            box.gate.wait(20)
        return ["250 yes"]

    def _text(self) -> bytes:
        lines = []
        while (raw := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(raw[1:] if raw.startswith(b"..") else raw)
        return b"".join(lines)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def mailbox(needs_login: bool = False, **more: Any) -> Iterator[Mailbox]:
    """A mail server for the length of a with block."""
    with Mailbox(needs_login, **more) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
