"""The agent's life: dial, serve until the connection ends, wait a little, dial again, for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import SystemRandom

import aiohttp

import cloudwright
from cloudwright.agent.bridge import Bridge
from cloudwright.agent.dial import Dialer
from cloudwright.agent.dispatch import Dispatcher
from cloudwright.agent.drivers import facts
from cloudwright.agent.frame import PROTOCOL, Hello, encode
from cloudwright.agent.observe import Changes, Observer
from cloudwright.agent.own import Own
from cloudwright.agent.remote import CONTRACTS, Drivers
from cloudwright.agent.renew import Renewal
from cloudwright.agent.session import Duties, Pace, Session
from cloudwright.agent.state import State
from cloudwright.drivers.error import DriverError

log = logging.getLogger(__name__)
_spread = SystemRandom().uniform  # crowds must not act in step

ANSWERED = 0.2  # seconds in which an answer leaves
STUBBORN = 16  # failures to count at once when the server refuses this host: it will hardly change its mind soon


class Agent:
    """One host's agent. Drivers run on threads; everything else on the loop of `run`."""

    def __init__(self, servers: list[str], state: State, drivers: Drivers, pace: Pace | None = None) -> None:
        self._drivers, self._pace = drivers, pace or Pace()
        self._dialer = Dialer(servers, state)
        self._leave: Callable[[], object] = lambda: None
        own = Own(state, self._dialer.renewed, self._reconnect)
        self._duties = Duties(
            Dispatcher({kind: getattr(drivers, kind) for kind in CONTRACTS} | {"agent": own}),
            Bridge(self._dialer, drivers.hypervisor),
            Renewal(state, self._dialer.renewed),
            Observer(drivers),
            Changes(drivers.hypervisor),
        )
        self._failures = 0

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._once()
                longest = min(self._pace.last_retry, self._pace.first_retry * 2.0**self._failures)
                self._failures = min(self._failures + 1, STUBBORN)
                await asyncio.sleep(_spread(0.0, longest))
        finally:
            self._duties.changes.end()
            self._duties.bridge.close()
            self._duties.dispatcher.close()

    def _reconnect(self) -> None:
        self._leave()

    async def _once(self) -> None:
        """One connection, from dialling to its end, which is logged. Where there was none the next server is dialled next."""
        try:
            known = await asyncio.to_thread(facts, self._drivers)
            await self._duties.changes.begin()
            heartbeat = self._pace.heartbeat * _spread(0.8, 1.0)
            async with self._dialer.dial("/agent", heartbeat) as socket:
                self._leave = _leaving(socket)
                await socket.send_bytes(encode(Hello(PROTOCOL, cloudwright.__version__, known)))
                await Session(socket, self._duties, self._pace, self._welcomed, self._dialer.told).serve()
            log.warning("connection ended", extra={"code": socket.close_code})
        except DriverError as error:
            log.error("host not ready", extra={"why": str(error)})
        except aiohttp.WSServerHandshakeError as error:
            self._failures = STUBBORN if error.status == 403 else self._failures
            log.error("server refused this host", extra={"server": self._dialer.server, "status": error.status})
            self._dialer.turn()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("no connection", extra={"server": self._dialer.server, "why": str(error) or type(error).__name__})
            self._dialer.turn()

    def _welcomed(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        resumed = self._dialer.remember(socket)
        log.info("connected", extra={"server": self._dialer.server, "resumed": resumed, "failures": self._failures})
        self._failures = 0


def _leaving(socket: aiohttp.ClientWebSocketResponse) -> Callable[[], object]:
    """What ends a connection from any thread, once the answers under way are sent."""
    loop = asyncio.get_running_loop()

    async def leave() -> None:
        await asyncio.sleep(ANSWERED)
        await socket.close()

    return lambda: asyncio.run_coroutine_threadsafe(leave(), loop)
