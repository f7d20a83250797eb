"""Between servers, the listening side: another server asks for calls and streams to a host whose agent hangs on this one.

Only a server is let in here: its certificate names `pki.SERVER_NAME`, which no host's does. Nothing is forwarded twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

import msgspec
from aiohttp import WSMsgType, web

from cloudwright.agent.frame import MAX_MESSAGE, Call, Reply, encode
from cloudwright.agent.link import Link, Stream
from cloudwright.drivers.error import DriverError, Unreachable

SPARE = 64 * 1024  # bytes beside the arguments of a call
_call = msgspec.msgpack.Decoder(Call).decode


class Forwarder:
    """Serves other servers. `links` are the hosts that hang here, `stream` opens a stream to one of them."""

    def __init__(
        self,
        links: dict[str, Link],
        stream: Callable[[str, str, str], Awaitable[Stream]],
        is_server: Callable[[web.Request], bool],
    ) -> None:
        self._links, self._stream, self._is_server = links, stream, is_server
        self._kept: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    def close(self) -> None:
        """Cut the connections that other servers keep open: they would not answer a goodbye before they ask again."""
        for transport in list(self._kept):
            transport.abort()

    async def call(self, request: web.Request) -> web.Response:
        """POST /hosts/<uuid>/call: a `Call`, answered by a `Reply`."""
        if not self._is_server(request):
            return _for_servers()
        if request.transport is not None:
            self._kept.add(request.transport)
        host = request.match_info["host"]
        try:
            call = _call(await request.read())
            answer = await self._called(host, call)
            reply = Reply(call.id, answer)
        except msgspec.DecodeError as error:
            return web.Response(status=400, text=f"the call cannot be read: {error}")
        except DriverError as error:
            reply = _refusal(error)
        return web.Response(body=encode(reply), content_type="application/msgpack")

    async def _called(self, host: str, call: Call) -> bytes:
        link, answer = self._links.get(host), Future[bytes]()
        if link is None:
            raise Unreachable(f"host {host} is not connected")
        timeout = call.timeout
        link.begin(call, answer)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(answer), timeout)
        except TimeoutError:
            text = (
                f"host {host} did not answer {call.kind}.{call.verb} within {timeout:g} seconds; nothing is known of the outcome"
            )
            raise Unreachable(text) from None
        finally:
            link.forget(answer)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """GET /hosts/<uuid>/stream/<kind>/<name>: a WebSocket that begins with a `Reply` and is then the stream."""
        if not self._is_server(request):
            return _for_servers()
        where = request.match_info
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_MESSAGE, timeout=2.0)
        await socket.prepare(request)
        try:
            far = await self._stream(where["host"], where["kind"], where["name"])
        except DriverError as error:
            await socket.send_bytes(encode(_refusal(error)))
            await socket.close()
            return socket
        await socket.send_bytes(encode(Reply(0)))
        await _join(socket, far)
        return socket


async def _join(socket: web.WebSocketResponse, far: Stream) -> None:
    """Carry bytes both ways until either side ends."""

    async def outward() -> None:
        while (message := await socket.receive()).type is WSMsgType.BINARY:
            await far.write(message.data)

    async def inward() -> None:
        while data := await far.read():
            await socket.send_bytes(data)

    ways = [asyncio.ensure_future(way()) for way in (outward, inward)]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await far.close()
        with contextlib.suppress(ConnectionError, RuntimeError):
            await socket.close()


def _for_servers() -> web.Response:
    return web.Response(status=403, text="only a server of this cloud may ask that")


def _refusal(error: DriverError) -> Reply:
    return Reply(0, error=type(error).__name__, text=str(error))
