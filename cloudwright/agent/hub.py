"""The server's side of the agents: one thread with one event loop holds every agent's connection.

Worker threads call hosts with the blocking `Hub.call`; what agents report comes out of the callbacks.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TypeVar

from cloudwright.agent.frame import MAX_MESSAGE, Call, trace
from cloudwright.agent.link import Stream
from cloudwright.agent.listener import Callbacks, Listener
from cloudwright.agent.peers import Peers
from cloudwright.agent.remote import Drivers, remote
from cloudwright.drivers.error import Refused, Unreachable
from cloudwright.drivers.host.pki import Material

__all__ = ["Callbacks", "Hub", "Material", "Stream"]

T = TypeVar("T")


class Hub:
    """Every agent of this server process. `heartbeat`: seconds of silence after which a sign of life is asked for."""

    def __init__(
        self, material: Material, callbacks: Callbacks, host: str = "", port: int = 8250, heartbeat: float = 30.0
    ) -> None:
        self._elsewhere, self._peers = callbacks.elsewhere, Peers(material)
        self._listener = Listener(material, callbacks, (host, port), heartbeat)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agent-hub", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens; known after `start` when 0 was asked for."""
        return self._listener.address[1]

    def start(self) -> None:
        """Listen. Raises OSError."""
        self._thread.start()
        try:
            self._there(self._listener.open())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening, cut every agent, fail every open call."""
        self._there(self._listener.close())
        self._there(self._peers.end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def renew(self, material: Material) -> None:
        """Show another certificate and trust other authorities from now on; connected agents learn of it at once."""
        self._peers.renew(material)
        self._there(self._listener.renew(material))

    def tell(self, servers: list[str]) -> None:
        """Agents that lose this server go to one of these (host:port) from now on."""
        self._there(self._listener.tell(servers))

    def hosts(self) -> list[str]:
        """The uuids of the hosts that hang on this server."""
        return list(self._listener.links)

    def drivers(self, host: str) -> Drivers:
        """The drivers of a host, as typed objects over `call`."""
        return remote(functools.partial(self.call, host))

    def call(self, host: str, kind: str, verb: str, arguments: bytes, timeout: float, key: str = "") -> bytes:
        """Run a verb on a host and answer its encoded result. Blocks its thread for at most `timeout` seconds, a few more where
        the host hangs on another server: the call is forwarded to it.

        Calls with equal `key` run in the order they were made. Raises the driver error of the host; Unreachable when it is
        not connected, did not answer or was lost meanwhile; Busy when too many calls are open; Refused when too large.
        """
        if len(arguments) > MAX_MESSAGE - 1024:
            raise Refused(f"the arguments of {kind}.{verb} take {len(arguments)} bytes; {MAX_MESSAGE} is the most")
        answer = Future[bytes]()
        call = Call(0, kind, verb, arguments, timeout, key, trace.get())
        if address := self._address(host):
            return self._peers.call(address, host, call)
        self._loop.call_soon_threadsafe(self._begin, host, call, answer)
        try:
            return answer.result(timeout)
        except TimeoutError:
            self._loop.call_soon_threadsafe(self._forget, host, answer)
            raise Unreachable(
                f"host {host} did not answer {kind}.{verb} within {timeout:g} seconds; nothing is known of the outcome"
            ) from None

    def cut(self, host: str) -> None:
        """Cut a host's connection and its streams, after its certificate was revoked: when it comes again it is refused."""
        link = self._listener.links.get(host)
        if link is not None:
            self._there(link.close("the server cut the connection"))

    async def stream(self, host: str, kind: str, name: str) -> Stream:
        """A byte stream to something on a host: kind "console" or "serial" and a machine's name. Usable from any loop.

        Raises the driver error of the host, or Unreachable.
        """
        address = await asyncio.to_thread(self._address, host)
        far = self._peers.stream(address, host, kind, name) if address else self._listener.stream(host, kind, name)
        there = asyncio.run_coroutine_threadsafe(far, self._loop)
        return await asyncio.wrap_future(there)

    def _address(self, host: str) -> str:
        """Of the other server on which a host hangs; "" where it hangs here, or nowhere."""
        return "" if host in self._listener.links else self._elsewhere(host)

    def _there(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _begin(self, host: str, call: Call, answer: Future[bytes]) -> None:
        link = self._listener.links.get(host)
        if link is None:
            answer.set_exception(Unreachable(f"host {host} is not connected"))
        else:
            link.begin(call, answer)

    def _forget(self, host: str, answer: Future[bytes]) -> None:
        link = self._listener.links.get(host)
        if link is not None:
            link.forget(answer)
