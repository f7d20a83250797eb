"""Servers that do not behave: silent, slow, gone, talking nonsense. None holds a sign-in up, none is taken for an answer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from cloudwright.core.secret import Secret
from cloudwright.identity.directory import ber, trust
from cloudwright.identity.directory.connection import Address, Connection, NoAnswer, Refused, Waits
from cloudwright.identity.directory.filter import Present

Behave = Callable[[socket.socket], None]
WAITS = Waits(0.5, 0.15)
PASSWORD = Secret("the password")


def message(number: int, body: bytes) -> bytes:
    return ber.tlv(ber.SEQUENCE, ber.number(number), body)


def result(tag: int, code: int, text: str = "") -> bytes:
    return ber.tlv(tag, ber.number(code, ber.ENUMERATED), ber.octets(""), ber.octets(text))


@contextlib.contextmanager
def server(behave: Behave) -> Iterator[int]:
    """A port at which one connection is served so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            with contextlib.suppress(OSError), listening.accept()[0] as connection:
                behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


def connect(port: int, tls: str = "none") -> Connection:
    context = trust.context("", Secret("")) if tls != "none" else None
    return Connection(Address("127.0.0.1", port, tls), WAITS, context)


def answer(*parts: bytes) -> Behave:
    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        for part in parts:
            connection.sendall(part)
        connection.recv(4096)

    return behave


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def trickle(connection: socket.socket) -> None:
    for byte in message(1, result(0x61, 0, "x" * 90)):
        connection.sendall(bytes((byte,)))
        time.sleep(0.02)


NONSENSE = {
    "silent": (silent, "nothing came for 0.15 s"),
    "a byte at a time": (trickle, "nothing came for 0.15 s"),
    "closing": (lambda connection: connection.recv(10) and None, "closed the connection|Connection reset"),
    "garbage": (answer(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9), "does not speak LDAP|does not answer"),
    "another's answer": (answer(message(7, result(0x61, 0))), "answers what was not asked"),
    "a notice of disconnection": (answer(message(0, result(0x78, 52))), "ends the connection"),
    "another kind of answer": (answer(message(1, result(0x65, 0))), "something else than it was asked for"),
    "too large an answer": (answer(b"\x30\x84\x7f\xff\xff\xff"), "does not speak LDAP"),
    "half a result": (answer(message(1, ber.tlv(0x61, ber.number(0, ber.ENUMERATED)))), "does not speak LDAP"),
    "busy": (answer(message(1, result(0x61, 51, "later"))), "busy or shutting down"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_what_is_no_answer_is_none(kind: str) -> None:
    behave, match = NONSENSE[kind]
    with server(behave) as port:
        began = time.monotonic()
        with connect(port) as connection, pytest.raises(NoAnswer, match=match) as told:
            connection.bind("cn=a", PASSWORD)
        assert time.monotonic() - began < 2
    assert PASSWORD.reveal() not in str(told.value)


def test_a_refusal_is_an_answer() -> None:
    with (
        server(answer(message(1, result(0x61, 49, "80090308: data 52e, v1db1\0")))) as port,
        connect(port) as connection,
        pytest.raises(Refused, match=r"LDAP error 49, 80090308: data 52e, v1db1$") as told,
    ):
        connection.bind("cn=a", PASSWORD)
    assert told.value.code == 49


def test_an_empty_password_is_never_sent() -> None:
    heard: list[bytes] = []
    with (
        server(lambda connection: heard.append(connection.recv(4096))) as port,
        connect(port) as connection,
        pytest.raises(Refused, match="empty password"),
    ):
        connection.bind("cn=a", Secret(""))
    assert heard == [message(1, ber.tlv(0x42))]  # good-bye alone


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(NoAnswer, match=f"127.0.0.1:{port} cannot be reached: Connection refused"):
        connect(port)


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_a_server_that_hangs_in_the_handshake(tls: str) -> None:
    with server(silent) as port, pytest.raises(NoAnswer, match="nothing came"):
        connect(port, tls)


def test_nothing_said_before_tls_is_believed() -> None:
    early = message(1, result(0x78, 0)) + message(2, result(0x61, 0))
    with server(answer(early)) as port, pytest.raises(NoAnswer, match="before TLS began"):
        connect(port, "starttls")


def test_a_server_without_tls_gets_no_password() -> None:
    with server(answer(message(1, result(0x78, 2, "no TLS here")))) as port, pytest.raises(Refused, match="no TLS here"):
        connect(port, "starttls")


def test_a_search_that_is_cut_short_is_no_list() -> None:
    entry = ber.tlv(0x64, ber.octets("cn=a"), ber.tlv(ber.SEQUENCE))
    with (
        server(answer(message(1, entry) + message(1, result(0x65, 4)))) as port,
        connect(port) as connection,
        pytest.raises(Refused, match="LDAP error 4"),
    ):
        list(connection.search("dc=x", Present("cn"), ["cn"], 10))


def test_referrals_are_not_followed() -> None:
    entry = ber.tlv(0x64, ber.octets("cn=a"), ber.tlv(ber.SEQUENCE))
    elsewhere = ber.tlv(0x73, ber.octets("ldap://elsewhere/dc=y"))
    told = message(1, elsewhere) + message(1, entry) + message(1, result(0x65, 0))
    with server(answer(told)) as port, connect(port) as connection:
        assert [found.name for found in connection.search("dc=x", Present("cn"), ["cn"], 10)] == ["cn=a"]


def test_an_endless_search_ends() -> None:
    entry = message(1, ber.tlv(0x64, ber.octets("cn=a"), ber.tlv(ber.SEQUENCE)))

    def endless(connection: socket.socket) -> None:
        connection.recv(4096)
        while True:
            connection.sendall(entry * 100)

    with (
        server(endless) as port,
        Connection(Address("127.0.0.1", port, "none"), Waits(0.5, 0.02), None) as connection,
        pytest.raises(NoAnswer, match=r"has not ended a search after 0\.6 s"),
    ):
        for _ in connection.search("dc=x", Present("cn"), ["cn"], 10):
            pass
