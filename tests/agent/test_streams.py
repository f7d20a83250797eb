from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from cloudwright.agent.dial import Dialer
from cloudwright.drivers.error import NotThere, Refused, Unreachable
from cloudwright.drivers.hypervisor.contract import Console

if TYPE_CHECKING:
    from tests.agent.conftest import Site


class Screen:
    """A unix socket that echoes, or when `flood` sends as much as anybody takes."""

    def __init__(self, path: Path, flood: bool = False) -> None:
        self.path, self.flood = path, flood
        self.sent = 0
        self.ended = threading.Event()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, name="screen")
        self._thread.start()

    def _serve(self) -> None:
        try:
            viewer, _ = self._listening.accept()
        except OSError:
            return
        with viewer:
            try:
                while data := (b"x" * 65536 if self.flood else viewer.recv(65536)):
                    viewer.sendall(data)
                    self.sent += len(data)
            except OSError:
                pass
        self.ended.set()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def screen(site: Site, host: str, monkeypatch: pytest.MonkeyPatch, flood: bool = False) -> Iterator[Screen]:
    shown = Screen(site.directory / "vnc.sock", flood)
    drivers = site.drivers(host)
    for verb in ("console", "serial"):
        monkeypatch.setattr(type(drivers.hypervisor), verb, lambda self, name: Console("", path=str(shown.path)))
    try:
        yield shown
    finally:
        shown.close()


def test_bytes_go_both_ways_unchanged_and_in_order(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()
    sent = bytes(range(256)) * 4096

    async def echo() -> bytes:
        stream = await site.hub.stream(host, "console", "i-1")

        async def write() -> None:
            for start in range(0, len(sent), 10_000):
                await stream.write(sent[start : start + 10_000])

        writing = asyncio.create_task(write())
        got = b""
        while len(got) < len(sent):
            data = await stream.read()
            assert data
            got += data
        await writing
        await stream.close()
        await stream.close()
        return got

    with screen(site, host, monkeypatch) as shown, site.agent(host, state):
        assert site.run(echo()) == sent
        assert shown.ended.wait(5)


def test_a_slow_console_holds_back_its_machine_and_no_call(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()

    async def look_away(shown: Screen) -> None:
        stream = await site.hub.stream(host, "console", "i-1")
        before = -1
        while shown.sent != before:  # until every buffer on the way is full
            before = shown.sent
            await asyncio.sleep(0.5)
        assert 0 < shown.sent < 32 * 2**20
        hypervisor = site.hub.drivers(host).hypervisor
        began = time.monotonic()
        for _ in range(100):
            await asyncio.to_thread(hypervisor.machines)
        assert time.monotonic() - began < 5.0
        assert shown.sent == before
        total = 0
        while total < before + 2**20:  # whoever looks again gets all of it, and the flood flows on
            total += len(await stream.read())
        await stream.close()

    with screen(site, host, monkeypatch, flood=True) as shown, site.agent(host, state):
        site.run(look_away(shown))
        assert shown.ended.wait(5)


def test_all_who_look_at_a_serial_port_share_its_one_connection(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()

    async def look() -> None:
        one, other = [await site.hub.stream(host, "serial", "i-1") for _ in range(2)]
        for typed, by in ((b"ls\r", one), (b"id\r", other)):
            await by.write(typed)
            assert [await each.read() for each in (one, other)] == [typed, typed]
        await one.close()
        await other.write(b"w\r")
        assert await other.read() == b"w\r"
        assert not shown.ended.is_set()
        await other.close()

    with screen(site, host, monkeypatch) as shown, site.agent(host, state):
        site.run(look())
        assert shown.ended.wait(5)  # the port is free after the last one


def test_who_looks_away_from_a_serial_port_holds_up_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()

    async def look() -> None:
        away, looking = [await site.hub.stream(host, "serial", "i-1") for _ in range(2)]
        got = 0
        while got < 2**25:  # more than all buffers on the way hold
            got += len(await looking.read())
        await looking.close()
        await away.close()

    with screen(site, host, monkeypatch, flood=True) as shown, site.agent(host, state):
        site.run(look())
        assert shown.ended.wait(5)


def test_a_stream_ends_when_its_host_is_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()

    async def read_on() -> bytes:
        stream = await site.hub.stream(host, "console", "i-1")
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        await asyncio.to_thread(site.hub.cut, host)
        return await stream.read()

    with screen(site, host, monkeypatch) as shown, site.agent(host, state):
        assert site.run(read_on()) == b""
        assert shown.ended.wait(5)


def test_what_cannot_be_opened_says_why(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        with pytest.raises(NotThere, match="i-9"):
            site.run(site.hub.stream(host, "console", "i-9"))
        with pytest.raises(Refused, match="no streams of kind 'tea'"):
            site.run(site.hub.stream(host, "tea", "i-9"))
    with pytest.raises(Unreachable, match="not connected"):
        site.run(site.hub.stream("h-0", "console", "i-9"))


def test_nobody_dials_a_stream_that_was_not_asked_for(site: Site) -> None:
    _, state = site.enrolled()

    async def intrude() -> None:
        async with Dialer([site.address], state).dial("/stream/" + "0" * 32, heartbeat=None):
            pass

    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        site.run(intrude())
