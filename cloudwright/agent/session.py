"""One connection of an agent to its server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom

import aiohttp
import msgspec

from cloudwright.agent.bridge import Bridge
from cloudwright.agent.dispatch import Dispatcher
from cloudwright.agent.frame import STREAM, FromAgent, FromServer, Push, Renewed, Reply, Welcome, encode, from_server
from cloudwright.agent.observe import Changes, Observer
from cloudwright.agent.renew import Renewal

log = logging.getLogger(__name__)
_spread = SystemRandom().uniform  # crowds must not act in step


@dataclass(frozen=True)
class Pace:
    """Seconds: silence before a sign of life is asked for, between stats, and the first and longest wait to dial again."""

    heartbeat: float = 30.0
    stats: float = 60.0
    first_retry: float = 1.0
    last_retry: float = 60.0


@dataclass(frozen=True)
class Duties:
    """What an agent does on any connection; it outlives them all."""

    dispatcher: Dispatcher
    bridge: Bridge
    renewal: Renewal
    observer: Observer
    changes: Changes


class Session:
    """Serves one socket until it ends. `welcomed` is called with it when the server has accepted this host, `told` with the
    addresses of all servers whenever they are told."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        duties: Duties,
        pace: Pace,
        welcomed: Callable[[aiohttp.ClientWebSocketResponse], None],
        told: Callable[[list[str]], None],
    ) -> None:
        self._socket, self._duties, self._pace, self._welcomed, self._told = socket, duties, pace, welcomed, told
        self._outbox: asyncio.Queue[FromAgent] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._work: list[asyncio.Task[None]] = []

    async def serve(self) -> None:
        """Until the connection ends."""
        self._work.append(asyncio.create_task(self._send()))
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self._take(message.data)
        finally:
            for task in self._work:
                task.cancel()
            await asyncio.gather(*self._work, return_exceptions=True)

    def _take(self, data: bytes) -> None:
        try:
            frame = from_server(data)
        except msgspec.DecodeError as error:
            log.error("unreadable frame, perhaps of a newer server", extra={"why": str(error)})
            return
        self._handle(frame)

    def _handle(self, frame: FromServer) -> None:
        if isinstance(frame, Welcome):
            self._duties.renewal.welcome(frame)
            self._told(frame.servers)
            if len(self._work) == 1:
                self._welcomed(self._socket)
                self._work += [asyncio.create_task(self._observe()), asyncio.create_task(self._push_changes())]
        elif isinstance(frame, Renewed):
            self._duties.renewal.answered(frame)
        elif frame.kind == STREAM:
            self._duties.bridge.open(frame, self._outbox.put_nowait)
        else:
            self._duties.dispatcher.submit(frame, self._reply)

    def _reply(self, reply: Reply) -> None:
        """On the verb's thread. An answer that comes after its connection is gone goes nowhere: its caller was told so."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._outbox.put_nowait, reply)

    async def _send(self) -> None:
        try:
            while True:
                await self._socket.send_bytes(encode(await self._outbox.get()))
        except (aiohttp.ClientError, OSError):
            await self._socket.close()

    async def _observe(self) -> None:
        """Push everything once, then how it goes; and ask for a new certificate when it is time."""
        missing = True
        while True:
            if missing:
                pushes = await asyncio.to_thread(self._duties.observer.everything)
                missing = len(pushes) < 2
                self._put(pushes)
            self._put(await asyncio.to_thread(self._duties.observer.stats))
            if (renew := self._duties.renewal.due()) is not None:
                self._outbox.put_nowait(renew)
            await asyncio.sleep(self._pace.stats * _spread(0.8, 1.2))

    async def _push_changes(self) -> None:
        while True:
            for seen in await self._duties.changes.take():
                self._outbox.put_nowait(Push("seen", encode(seen)))

    def _put(self, pushes: list[Push]) -> None:
        for push in pushes:
            self._outbox.put_nowait(push)
