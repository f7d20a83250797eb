"""A mail server on loopback that keeps what it is sent: it speaks SMTP (RFC 5321) as far as senders need it, with AUTH PLAIN."""

from __future__ import annotations

import base64
import email
import email.policy
import queue
import socketserver
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
    """`letters` holds what came in."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, needs_login: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.needs_login = needs_login
        self.letters: queue.Queue[Letter] = queue.Queue()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def next(self, seconds: float = 10.0) -> Letter:
        """The next letter. Raises queue.Empty when none comes."""
        return self.letters.get(timeout=seconds)


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box: Any = self.server
        sender, to, login = "", [], ""
        self._say("220 mailbox")
        for raw in self.rfile:
            line = raw.decode().strip()
            verb = line[:4].upper()
            if verb == "EHLO":
                self._say("250-mailbox", "250 AUTH PLAIN")
            elif verb == "AUTH":
                _, user, word = base64.b64decode(line.split()[2]).decode().split("\0")
                login = f"{user}:{word}"
                self._say("235 welcome")
            elif verb == "MAIL" and box.needs_login and not login:
                self._say("530 sign in first")
            elif verb == "MAIL":
                sender = line[10:].partition(">")[0].strip("<")
                self._say("250 yes")
            elif verb == "RCPT":
                to.append(line[8:].partition(">")[0].strip("<"))
                self._say("250 yes")
            elif verb == "DATA":
                self._say("354 go on")
                message = email.message_from_bytes(self._text(), policy=email.policy.default)
                box.letters.put(Letter(sender, to, message, login))
                self._say("250 kept")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 yes")
                if verb == "QUIT":
                    return

    def _text(self) -> bytes:
        lines = []
        for raw in self.rfile:
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b"..") else raw)
        return b"".join(lines)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def mailbox(needs_login: bool = False) -> Iterator[Mailbox]:
    """A mail server for the length of a with block."""
    with Mailbox(needs_login) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
