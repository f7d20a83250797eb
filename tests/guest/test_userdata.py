"""Metadata and passwords, without a network; and the HTTP server against clients that misbehave."""

from __future__ import annotations

import base64
import contextlib
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from cloudwright.guest import metadata
from cloudwright.guest.http import Server
from cloudwright.guest.password import Passwords

MAC = "02:00:00:00:01:05"


def host(**fields: object) -> dict[str, Any]:
    keys = {"instance-id": "i-2-5-VM", "public-keys": "ssh-ed25519 AAAA\nssh-rsa BBBB"}
    base: dict[str, Any] = {"mac": MAC, "metadata": keys, "user_data": "", "password": "", "password_serial": ""}
    return base | fields


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, b"latest\n"),
        ("/latest", 200, b"meta-data\n"),
        ("/latest/meta-data", 200, b"instance-id\npublic-keys"),
        ("/latest/meta-data/", 200, b"instance-id\npublic-keys"),
        ("/latest/meta-data/public-keys", 200, b"ssh-ed25519 AAAA\nssh-rsa BBBB"),
        ("/latest/instance-id", 200, b"i-2-5-VM"),
        ("/2009-04-04/meta-data/instance-id", 200, b"i-2-5-VM"),
        ("/latest/meta-data/password", 404, b"not found\n"),
        ("/latest/meta-data/instance-id/x", 404, b"not found\n"),
        ("/latest/user-data", 404, b"not found\n"),
        ("/latest/../../etc/passwd", 404, b"not found\n"),
        ("/newest/meta-data", 404, b"not found\n"),
    ],
)
def test_metadata_answers_by_path(path: str, status: int, body: bytes) -> None:
    assert metadata.answer(host(), path) == (status, body)
    assert metadata.answer(None, path) == (404, b"not found\n")


def test_user_data_is_told_in_its_own_bytes() -> None:
    raw = bytes(range(256))
    assert metadata.answer(host(user_data=base64.b64encode(raw).decode()), "/latest/user-data") == (200, raw)
    assert metadata.answer(host(user_data="!!"), "/latest/user-data")[0] == 404


def test_passwords_are_remembered_as_taken_across_restarts(tmp_path: Path) -> None:
    path = str(tmp_path / "passwords.json")
    machine = host(password="secret", password_serial="1")
    send, saved = {"domu_request": "send_my_password"}, {"domu_request": "saved_password"}
    passwords = Passwords(path)
    assert passwords.answer(machine, send) == (200, b"secret")
    assert passwords.answer(machine, saved) == (200, b"saved_password")
    again = Passwords(path)
    assert again.answer(machine, send) == (200, b"saved_password")
    assert again.answer(machine | {"password": "other", "password_serial": "2"}, send) == (200, b"other")
    assert again.answer(None, send) == (200, b"bad_request")
    assert again.answer(machine, {"domu_request": "give"}) == (200, b"bad_request")
    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600
    assert "secret" not in (tmp_path / "passwords.json").read_text()
    again.keep(set())
    assert Passwords(path).answer(machine, send) == (200, b"secret")


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.real
def test_the_server_answers_get_and_bounds_the_rest() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server("lo", port, lambda address, path, headers: (200, f"{address} {path} {headers.get('x')}".encode()))
    try:
        assert ask(port, b"GET /a%20b?q=1 HTTP/1.0\r\nX:  y \r\n\r\n").endswith(b"\r\n\r\n127.0.0.1 /a b y")
        assert b" 405 " in ask(port, b"POST / HTTP/1.1\r\n\r\n")
        assert b" 400 " in ask(port, b"nonsense\r\n\r\n")
        assert b" 400 " in ask(port, b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(OSError):  # it may hang up before it heard all of it
            assert b" 400 " in ask(port, b"GET / HTTP/1.1\r\nx: " + b"y" * 8200 + b"\r\n\r\n")
    finally:
        server.close()
