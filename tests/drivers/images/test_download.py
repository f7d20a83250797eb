"""Servers that wish us ill, on this machine's own addresses only."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.images import address, download
from cloudwright.drivers.images.contract import FetchPolicy
from cloudwright.drivers.images.directory import DirectoryImages
from cloudwright.drivers.images.download import SpeedFloor
from cloudwright.drivers.work import Work, WorkState

MIB = 1 << 20
ISO = b"\0" * 32768 + b"\1CD001" + b"\0" * 4090
Script = Callable[[socket.socket], None]


class Server:
    """Says what it is told to every caller; `asked` are the first lines it heard."""

    def __init__(self, *scripts: Script) -> None:
        self.asked: list[bytes] = []
        self._scripts = list(scripts)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _run(self) -> None:
        for script in self._scripts:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller:
                self.asked.append(caller.recv(65536).partition(b"\r\n")[0])
                try:
                    script(caller)
                except OSError:
                    return

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        finally:
            self._socket.close()
            self._thread.join()


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(*scripts: Script) -> Server:
        servers.append(Server(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryImages]:
    store = DirectoryImages()
    store.open(str(tmp_path / "store"))
    yield store
    assert not list((tmp_path / "store" / "scratch").iterdir())


def says(head: str, body: bytes = b"") -> Script:
    return lambda caller: caller.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)


def whole(body: bytes) -> Script:
    return says(f"HTTP/1.1 200 OK\nContent-Length: {len(body)}", body)


def fetch(store: DirectoryImages, url: str, checksum: str = "", **policy: object) -> Work:
    rules = FetchPolicy(**({"max_bytes": MIB, "max_virtual_bytes": MIB, "timeout": 30.0, "allow": ["127.0.0.0/8"]} | policy))  # type: ignore[arg-type]
    store.begin_fetch("k", "t-iso", url, "ISO", checksum, rules)
    deadline = time.monotonic() + 60
    while (work := store.work("k")).state is WorkState.RUNNING and time.monotonic() < deadline:
        time.sleep(0.01)
    assert bool(store.images()) == (work.state is WorkState.DONE)
    return work


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("notation", ["{hex}", "{{{name}}}{hex}"])
def test_an_honest_download(store: DirectoryImages, serve: Serve, algorithm: str, notation: str) -> None:
    server = serve(whole(ISO))
    name = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}[algorithm]
    checksum = notation.format(name=name, hex=hashlib.new(algorithm, ISO).hexdigest())
    work = fetch(store, f"http://127.0.0.1:{server.port}/a.iso?x=1", checksum)
    assert work.state is WorkState.DONE, work.error
    assert server.asked == [b"GET /a.iso?x=1 HTTP/1.1"]
    assert work.result["checksum"] == "sha256:" + hashlib.sha256(ISO).hexdigest()


def test_a_wrong_checksum(store: DirectoryImages, serve: Serve) -> None:
    work = fetch(store, f"http://127.0.0.1:{serve(whole(ISO)).port}/", "0" * 64)
    assert work.error == f"the file has sha256 {hashlib.sha256(ISO).hexdigest()}, where {'0' * 64} was expected"


def test_an_internal_address_is_never_called(store: DirectoryImages, serve: Serve) -> None:
    server = serve(whole(ISO))
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
        work = fetch(store, f"http://{host}:{server.port}/", allow=[])
        assert "an internal address that may not be reached" in work.error, host
        store.cancel("k")
    assert server.asked == []


@pytest.mark.parametrize(
    ("location", "rule"),
    [
        ("http://169.254.169.254/latest", "169.254.169.254 is an internal address"),
        ("//10.1.2.3/a", "10.1.2.3 is an internal address"),
        ("file:///etc/passwd", "addresses may be http or https here, not file"),
        ("gopher://127.0.0.1/", "not gopher"),
    ],
)
def test_a_redirect_is_held_to_the_same_rules(store: DirectoryImages, serve: Serve, location: str, rule: str) -> None:
    server = serve(says(f"HTTP/1.1 302 Found\nLocation: {location}"))
    assert rule in fetch(store, f"http://127.0.0.1:{server.port}/", redirects=3).error


def test_redirects_are_counted(store: DirectoryImages, serve: Serve) -> None:
    onward = says("HTTP/1.1 302 Found\nLocation: /again")
    server = serve(onward, onward, whole(ISO), onward)
    url = f"http://127.0.0.1:{server.port}/"
    assert fetch(store, url, redirects=2).state is WorkState.DONE
    store.remove("t-iso")
    store.cancel("k")
    assert "redirected more than 0 times" in fetch(store, url, redirects=0).error


def test_a_redirect_does_not_give_up_encryption() -> None:
    policy = FetchPolicy(MIB, MIB)
    at = address.parse("https://example.org/a", policy)
    with pytest.raises(Refused, match="redirects from https to http"):
        address.follow(at, "http://example.org/b", policy)


def test_the_address_that_was_checked_is_the_one_called(monkeypatch: pytest.MonkeyPatch, serve: Serve, tmp_path: Path) -> None:
    """A name server that answers differently the second time (DNS rebinding) gains nothing."""
    server = serve(whole(ISO))
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", server.port))]]
    asked = []
    real = socket.getaddrinfo

    def rebinding(host: str, *rest: object, **more: object) -> object:
        if host != "rebind.example":
            return real(host, *rest, **more)  # type: ignore[arg-type]
        asked.append(host)
        return answers.pop()

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    policy = FetchPolicy(MIB, MIB, allow=["127.0.0.2/32"])
    with pytest.raises(DriverFault, match=r"rebind\.example cannot be reached: it refused the connection"):
        download.download(f"http://rebind.example:{server.port}/", policy, tmp_path / "a", len, print)
    assert asked == ["rebind.example"]
    assert server.asked == []


def test_a_server_that_stalls(store: DirectoryImages, serve: Serve) -> None:
    over = threading.Event()
    server = serve(lambda caller: (says("HTTP/1.1 200 OK\nContent-Length: 99999", b"x")(caller), over.wait(20))[0])
    begun = time.monotonic()
    work = fetch(store, f"http://127.0.0.1:{server.port}/", timeout=1.0)
    over.set()
    assert work.error == "it took longer than 1 seconds, the most that is allowed"
    assert time.monotonic() - begun < 10


def test_a_server_that_announces_too_much(store: DirectoryImages, serve: Serve) -> None:
    server = serve(says(f"HTTP/1.1 200 OK\nContent-Length: {2 * MIB}"))
    assert (
        fetch(store, f"http://127.0.0.1:{server.port}/").error
        == f"the server announces {2 * MIB} bytes, and {MIB} is the most that is allowed"
    )


def test_a_server_that_announces_nothing_and_never_ends(store: DirectoryImages, serve: Serve) -> None:
    server = serve(says("HTTP/1.1 200 OK", bytes(4 * MIB)))
    assert (
        fetch(store, f"http://127.0.0.1:{server.port}/").error == f"the file is larger than {MIB} bytes, the most that is allowed"
    )


def test_a_server_that_sends_less_than_it_announced(store: DirectoryImages, serve: Serve) -> None:
    server = serve(says(f"HTTP/1.1 200 OK\nContent-Length: {len(ISO) + 9}", ISO))
    assert f"announced {len(ISO) + 9} bytes and sent {len(ISO)}" in fetch(store, f"http://127.0.0.1:{server.port}/").error


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (says("HTTP/1.1 404 <script>\nContent-Length: 0"), "answered 404 instead of 200"),
        (says("HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 1", b"x"), "content encoding that was not asked for"),
        (says("HTTP/1.1 200 OK\nContent-Length: 0"), "sent an empty file"),
        (says("HTTP/1.1 302 Found"), "answered 302 instead of 200"),
        (says("SSH-2.0-OpenSSH"), "did not answer: BadStatusLine"),
        (says("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"nonsense\r\n"), "the download broke off"),
        (lambda caller: None, "did not answer"),
    ],
)
def test_a_server_that_makes_no_sense(store: DirectoryImages, serve: Serve, answer: Script, rule: str) -> None:
    assert rule in fetch(store, f"http://127.0.0.1:{serve(answer).port}/").error


def test_a_download_that_is_cancelled_leaves_nothing(store: DirectoryImages, serve: Serve) -> None:
    over = threading.Event()
    server = serve(lambda caller: (says(f"HTTP/1.1 200 OK\nContent-Length: {MIB}", bytes(MIB // 2))(caller), over.wait(20))[0])
    policy = FetchPolicy(MIB, MIB, allow=["127.0.0.1/32"])
    store.begin_fetch("k", "t-iso", f"http://127.0.0.1:{server.port}/", "ISO", "", policy)
    deadline = time.monotonic() + 60
    while not store.work("k").progress and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 0 < store.work("k").progress < 0.8
    store.cancel("k")
    over.set()
    assert store.work("k").state is WorkState.UNKNOWN
    assert store.images() == []


def test_a_trickle_is_too_slow() -> None:
    floor = SpeedFloor(rate=1000, seconds=0.05)
    floor.fed(1_000_000)
    time.sleep(0.06)
    floor.fed(1)
    time.sleep(0.06)
    with pytest.raises(Refused, match="less than 1000 a second"):
        floor.fed(1)


@given(octets=st.integers(0, 2**32 - 1))
def test_only_public_addresses_are_permitted(octets: int) -> None:
    policy = FetchPolicy(1, 1)
    v4 = ipaddress.ip_address(octets)
    assert address.permitted(str(v4), policy) == (v4.is_global and not v4.is_multicast)
    assert address.permitted(f"::ffff:{v4}", policy) == address.permitted(str(v4), policy)
    assert not address.permitted(f"64:ff9b::{v4}", policy)
    assert address.permitted(str(v4), FetchPolicy(1, 1, allow=[f"{v4}/32"]))


@given(url=st.text())
def test_any_text_is_an_address_or_refused(url: str) -> None:
    for prefix in ("", "http://", "https://["):
        try:
            parsed = address.parse(prefix + url, FetchPolicy(1, 1))
        except Refused:
            continue
        assert parsed.target.startswith("/")
        assert parsed.target.isprintable()
