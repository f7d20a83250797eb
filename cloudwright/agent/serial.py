"""The serial ports of this host's machines. QEMU serves a port to one connection at a time, so all who look share that one:
what the machine says goes to each, and what any of them types goes to the machine.

A port is a line without flow control: a viewer that does not keep up misses what does not fit into its buffer. It holds up
neither the machine nor the other viewers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

CHUNK = 32 * 1024
BUFFER = 256 * 1024  # bytes that may wait for a viewer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Ports:
    """The ports that are being looked at, by the machines' names."""

    def __init__(self) -> None:
        self._open: dict[str, Port] = {}
        self._joining = asyncio.Lock()

    async def join(self, name: str, connect: Callable[[], Awaitable[Streams]]) -> Viewer:
        """Look at a machine's port; `connect` reaches it, where nobody looks yet. Raises what that raises."""
        async with self._joining:
            if name not in self._open:
                reader, writer = await connect()
                self._open[name] = Port(reader, writer, lambda: self._open.pop(name, None))
            return self._open[name].join()


class Port:
    """One machine's port, joined until the last viewer leaves or the machine ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Callable[[], object]) -> None:
        self.writer = writer
        self._ended = ended
        self._viewers: set[Viewer] = set()
        self._telling = asyncio.create_task(self._tell(reader))

    def join(self) -> Viewer:
        """One viewer more."""
        viewer = Viewer(self)
        self._viewers.add(viewer)
        return viewer

    def part(self, viewer: Viewer) -> None:
        """One viewer less; after the last one the port is free."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._telling.cancel()
            self._end()

    async def _tell(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                for viewer in self._viewers:
                    viewer.give(data)
        self._end()

    def _end(self) -> None:
        if self.writer.is_closing():
            return
        self.writer.transport.abort()  # closing would wait for a guest to take what was typed, and some never do
        self._ended()
        for viewer in self._viewers:
            viewer.end()


class Viewer:
    """One who looks and types: reader and writer of a stream at once."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._waiting = bytearray()
        self._ended = False
        self._news = asyncio.Event()
        self.write, self.drain = port.writer.write, port.writer.drain

    def give(self, data: bytes) -> None:
        """The machine said this."""
        self._waiting += data[: BUFFER - len(self._waiting)]
        self._news.set()

    def end(self) -> None:
        """The machine says no more."""
        self._ended = True
        self._news.set()

    async def read(self, most: int, /) -> bytes:
        """What the machine said, as it comes; b"" at the end."""
        while not self._waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._waiting[:most])
        del self._waiting[:most]
        return data

    def close(self) -> None:
        """Look no more; twice is once."""
        self._port.part(self)
