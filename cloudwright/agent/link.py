"""The server's end of one agent's connection. Everything here runs on the hub's loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TypeVar

import msgspec
from aiohttp import ClientWebSocketResponse, WSMsgType, web

from cloudwright.agent.frame import Call, FromServer, Hello, Push, Renew, Reply, encode, from_agent
from cloudwright.drivers.error import BY_NAME, Busy, DriverFault, Unreachable

log = logging.getLogger(__name__)

MAX_CALLS = 256  # that one host may have open at once
MAX_BACKLOG = 64  # pushes of one host that may wait for the server; then its connection is read no further
T = TypeVar("T")


class Link:
    """One agent: its open calls, by id, and its byte streams."""

    def __init__(self, host: str, socket: web.WebSocketResponse) -> None:
        self.host = host
        self.backlog = 0  # reports of this host that the server has not taken yet
        self._socket = socket
        self._calls: dict[int, Future[bytes]] = {}
        self._last = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: set[Stream] = set()

    def begin(self, call: Call, answer: Future[bytes]) -> None:
        """Send a call; `answer` gets what comes back, or a driver error."""
        if len(self._calls) >= MAX_CALLS:
            answer.set_exception(Busy(f"host {self.host} has {MAX_CALLS} calls open and takes no more just now"))
            return
        self._last += 1
        call.id = self._last
        self._calls[call.id] = answer
        self.send(call)

    def forget(self, answer: Future[bytes]) -> None:
        """Nobody waits for this answer any more."""
        for number, waiting in self._calls.items():
            if waiting is answer:
                del self._calls[number]
                return

    def send(self, frame: FromServer) -> None:
        """Send in the order of calling. A send that fails closes the connection, which fails what waits on it."""
        self._background(self._send(encode(frame)))

    def cut(self, why: str) -> None:
        """Close without waiting for the agent to answer, which a dead one never does."""
        self._background(self.close(why))

    def _background(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, data: bytes) -> None:
        try:
            await self._socket.send_bytes(data)
        except (ConnectionError, RuntimeError):
            await self.close("the connection broke while sending")

    async def receive(self) -> Hello | Push | Renew | None:
        """The next thing that the agent says of itself; None at the end. Raises msgspec.DecodeError."""
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY:
                frame = from_agent(message.data)
                if not isinstance(frame, Reply):
                    return frame
                self._answered(frame)
            elif message.type is WSMsgType.TEXT:
                raise msgspec.DecodeError("a text message where MessagePack was due")
            else:
                return None

    def _answered(self, reply: Reply) -> None:
        answer = self._calls.pop(reply.id, None)
        if answer is None or not answer.set_running_or_notify_cancel():
            return  # its caller no longer waits
        if reply.error:
            answer.set_exception(BY_NAME.get(reply.error, DriverFault)(reply.text))
        else:
            answer.set_result(reply.answer)

    def reported(self, done: asyncio.Future[None]) -> None:
        """The server took one report."""
        self.backlog -= 1

    def join(self, stream: Stream) -> None:
        """The stream ends with this connection, at the latest."""
        self._streams.add(stream)

    def part(self, stream: Stream) -> None:
        """The stream has ended."""
        self._streams.discard(stream)

    async def close(self, why: str) -> None:
        """Cut the connection: every open call fails at once, every stream ends."""
        open_calls, self._calls = self._calls, {}
        for answer in open_calls.values():
            if answer.set_running_or_notify_cancel():
                answer.set_exception(Unreachable(f"host {self.host}: {why}; nothing is known of the outcome"))
        streams, self._streams = self._streams, set()
        for stream in streams:
            await stream.close()
        # An agent that is alive answers the closing handshake; one that is not must not hold up whoever closes.
        with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
            async with asyncio.timeout(2.0):
                await self._socket.close(message=why.encode()[:120])


class Stream:
    """A two-way byte stream to something on a host. Usable from any loop; one reader and one writer at a time."""

    def __init__(self, socket: web.WebSocketResponse | ClientWebSocketResponse, ended: Callable[[Stream], None]) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._ended = ended
        self.closed = asyncio.Event()

    async def read(self) -> bytes:
        """The next bytes, as they come; b"" at the end. Not reading holds the sender back."""
        return await self._there(self._read())

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the other side is slow. Raises ConnectionError when the stream is over."""
        await self._there(self._socket.send_bytes(data))

    async def close(self) -> None:
        """End the stream; twice is once."""
        await self._there(self._close())

    async def _read(self) -> bytes:
        message = await self._socket.receive()
        if message.type is WSMsgType.BINARY:
            return bytes(message.data)
        await self._close()
        return b""

    async def _close(self) -> None:
        self.closed.set()
        self._ended(self)
        with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
            async with asyncio.timeout(2.0):
                await self._socket.close()

    async def _there(self, work: Coroutine[object, object, T]) -> T:
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
