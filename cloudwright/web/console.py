"""The door to a machine's screen or serial port: takes tokens, and carries bytes between a WebSocket and a byte stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from msgspec import Struct

from cloudwright.core.ticket import Claims, TokenRefused, read_token

_CHUNK = 64 * 1024
_OPEN_SECONDS = 10


class Source(Protocol):
    """Where bytes come from: an asyncio.StreamReader is one."""

    async def read(self, most: int, /) -> bytes: ...


class Sink(Protocol):
    """Where bytes go: an asyncio.StreamWriter is one."""

    def write(self, data: bytes, /) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


Streams = tuple[Source, Sink]


class Socket(Protocol):
    """An accepted WebSocket, as the HTTP server gives it."""

    async def receive(self) -> Any: ...
    async def send_bytes(self, data: bytes) -> None: ...


class Door(Struct, frozen=True):
    """What opens consoles. `open` finds the machine's screen or serial port; `spend` uses a token up, told
    from where (blocking)."""

    key: bytes
    open: Callable[[Claims], Awaitable[Streams]]
    spend: Callable[[Claims, str], bool]

    async def admit(self, token: str, now: float, peer: str = "") -> Streams:
        """What a token opens. Raises TokenRefused, or OSError and TimeoutError when it cannot be reached."""
        claims = read_token(self.key, token, now)
        if not await asyncio.to_thread(self.spend, claims, peer):
            raise TokenRefused("the console token has been used already")
        return await asyncio.wait_for(self.open(claims), _OPEN_SECONDS)


async def pipe(socket: Socket, streams: Streams) -> None:
    """Carry bytes both ways until either side ends, then close the stream."""
    reader, writer = streams
    ways = [asyncio.create_task(_from_browser(socket, writer)), asyncio.create_task(_to_browser(socket, reader))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()


async def _from_browser(socket: Socket, writer: Sink) -> None:
    while True:
        message = await socket.receive()
        if int(message.kind) == 0:
            return
        data = message.data
        writer.write(data if isinstance(data, bytes) else data.encode())
        await writer.drain()


async def _to_browser(socket: Socket, reader: Source) -> None:
    while data := await reader.read(_CHUNK):
        await socket.send_bytes(data)
