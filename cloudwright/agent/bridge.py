"""Joins a byte stream that the server asked for to something local: a machine's screen or serial port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import aiohttp
import msgspec

from cloudwright.agent.dial import Dialer
from cloudwright.agent.dispatch import failure
from cloudwright.agent.frame import Call, Open, Reply
from cloudwright.agent.serial import CHUNK, Ports, Streams, Viewer
from cloudwright.drivers.error import Busy, DriverError, DriverFault, Refused
from cloudwright.drivers.hypervisor.contract import Console, Hypervisor

log = logging.getLogger(__name__)

MAX_STREAMS = 64
LOCAL_WITHIN = 5.0  # seconds to reach the local end, and for it to take the last bytes


class Bridge:
    """All streams of one agent. Each has a connection of its own, so that a slow one holds up nothing else."""

    def __init__(self, dialer: Dialer, hypervisor: Hypervisor) -> None:
        self._dialer, self._hypervisor = dialer, hypervisor
        self._open: set[asyncio.Task[None]] = set()
        self._ports = Ports()

    def open(self, call: Call, reply: Callable[[Reply], None]) -> None:
        """Serve the stream that the call describes; `reply` hears whether that worked."""
        if len(self._open) >= MAX_STREAMS:
            reply(failure(call.id, Busy(f"this host has {MAX_STREAMS} streams open and takes no more just now")))
            return
        task = asyncio.create_task(self._serve(call, reply))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def close(self) -> None:
        """End all streams."""
        for task in self._open:
            task.cancel()

    async def _serve(self, call: Call, reply: Callable[[Reply], None]) -> None:
        try:
            wanted = msgspec.msgpack.decode(call.arguments, type=Open)
            reader, writer = await self._local(wanted)
        except DriverError as error:
            reply(failure(call.id, error))
            return
        except (OSError, TimeoutError, msgspec.DecodeError) as error:
            reply(failure(call.id, DriverFault(f"the stream could not be opened: {error or type(error).__name__}")))
            return
        try:
            async with self._dialer.dial(f"/stream/{wanted.id}", heartbeat=None) as socket:
                log.info("stream", extra={"call": call.id, "kind": wanted.kind, "key": wanted.name, "trace": call.trace})
                reply(Reply(call.id))
                await _join(socket, reader, writer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reply(failure(call.id, DriverFault(f"dialling back the stream failed: {error or type(error).__name__}")))
        finally:
            writer.close()

    async def _local(self, wanted: Open) -> Streams | tuple[Viewer, Viewer]:
        if wanted.kind == "console":
            return await _reached(self._hypervisor.console, wanted.name)
        if wanted.kind == "serial":
            viewer = await self._ports.join(wanted.name, lambda: _reached(self._hypervisor.serial, wanted.name))
            return viewer, viewer
        raise Refused(f"the agent on this host serves no streams of kind {wanted.kind!r}; it may be older than the server")


async def _reached(served: Callable[[str], Console], name: str) -> Streams:
    """Where a machine's console is served, connected."""
    where = await asyncio.to_thread(served, name)
    async with asyncio.timeout(LOCAL_WITHIN):
        if where.path:
            return await asyncio.open_unix_connection(where.path)
        return await asyncio.open_connection(where.host, where.port)


async def _join(
    socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader | Viewer, writer: asyncio.StreamWriter | Viewer
) -> None:
    """Carry bytes both ways, each as fast as its receiver takes them, until either side ends."""

    async def up() -> None:
        while data := await reader.read(CHUNK):
            await socket.send_bytes(data)

    async def down() -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                writer.write(message.data)
                await writer.drain()

    ways = {asyncio.create_task(up()), asyncio.create_task(down())}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    with contextlib.suppress(OSError):
        async with asyncio.timeout(LOCAL_WITHIN):
            await writer.drain()
