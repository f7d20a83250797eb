"""How the door to consoles reaches a screen or a serial port: through the host's agent, or at the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cloudwright.compute.model import Vm
from cloudwright.compute.vm import console
from cloudwright.core import secret
from cloudwright.core.db import Database
from cloudwright.core.ticket import Claims
from cloudwright.drivers.error import DriverError
from cloudwright.drivers.hypervisor.screen import screen_port, serial_port
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.reach import in_words
from cloudwright.web.console import Door, Sink, Streams

Stream = Callable[[str, str, str], Awaitable[Any]]
"""host uuid, kind, machine name -> an `agent.link.Stream`."""

# protocol -> the agent's kind of stream, what people call it, where the simulator serves it
_KINDS = {"vnc": ("console", "screen", screen_port), "serial": ("serial", "serial port", serial_port)}


class Screens:
    """Opens screens and serial ports of running machines."""

    def __init__(self, db: Database, stream: Stream) -> None:
        self._db, self._stream = db, stream

    def door(self) -> Door:
        """What the HTTP server needs to serve consoles."""
        return Door(secret.vault().derive(console.PURPOSE), self._open, self._spend)

    def _spend(self, claims: Claims, peer: str) -> bool:
        return self._db.write(lambda tx: console.acquire(tx, claims.nonce, peer))

    async def _open(self, claims: Claims) -> Streams:
        """The streams of the machine's screen or serial port. Raises OSError with the reason."""
        kind, spoken, simulated = _KINDS[claims.protocol]
        vm, host = await asyncio.to_thread(self._find, claims.vm)
        if host.hypervisor == "Simulator":
            source, sink = await asyncio.open_connection("127.0.0.1", simulated())
            return source, _Noted(sink, lambda: self._note_end(claims))
        try:
            stream = await self._stream(host.uuid, kind, vm.instance_name)
        except DriverError as error:
            told = await asyncio.to_thread(self._in_words, host, error)
            raise OSError(f"the {spoken} of {vm.name} cannot be shown: {told}") from None
        far = _Far(stream)
        return far, _Noted(far, lambda: self._note_end(claims))

    def _in_words(self, host: Host, error: DriverError) -> DriverError:
        return in_words(self._db.read(), host.uuid, error)

    def _find(self, uuid: str) -> tuple[Vm, Host]:
        reader = self._db.read()
        vm = reader.find(Vm, Vm.c.uuid == uuid)
        if vm is None or vm.host_id is None:
            raise OSError(f"instance {uuid} does not run")
        return vm, reader.get(Host, vm.host_id)

    def _note_end(self, claims: Claims) -> None:
        self._db.submit(lambda tx: console.end(tx, claims.nonce))


class _Far:
    """An agent's stream, as the door reads and writes it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._waiting = b""
        self._closing: asyncio.Task[None] | None = None

    async def read(self, most: int, /) -> bytes:
        return bytes(await self._stream.read())

    def write(self, data: bytes, /) -> None:
        self._waiting += data

    async def drain(self) -> None:
        data, self._waiting = self._waiting, b""
        await self._stream.write(data)

    def close(self) -> None:
        self._closing = asyncio.ensure_future(self._stream.close())


class _Noted:
    """A sink whose end is noted."""

    def __init__(self, sink: Sink, ended: Callable[[], None]) -> None:
        self.write, self.drain = sink.write, sink.drain
        self._sink, self._ended = sink, ended

    def close(self) -> None:
        self._sink.close()
        self._ended()
