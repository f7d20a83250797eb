"""The HTTPS listener of the agents: enrolment, the agents' connections, the streams they dial back. Runs on the hub's loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from asyncio import sslproto
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from random import SystemRandom
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from cloudwright.agent.enrol import MAX_BODY, Enroller
from cloudwright.agent.forward import SPARE, Forwarder
from cloudwright.agent.frame import (
    MAX_MESSAGE,
    STREAM,
    Call,
    Hello,
    Open,
    Push,
    Renew,
    Renewed,
    Welcome,
    encode,
    pushed,
    trace,
)
from cloudwright.agent.link import MAX_BACKLOG, Link, Stream
from cloudwright.drivers.error import Unreachable
from cloudwright.drivers.host import pki
from cloudwright.drivers.hypervisor.contract import HostFacts

log = logging.getLogger(__name__)
_spread = SystemRandom().uniform  # crowds must not act in step

WAITING = 4096  # connections that may wait in the kernel while a crowd comes back
HELLO_WITHIN = 60.0  # seconds
DIAL_BACK_WITHIN = 15.0  # seconds, for a stream
GOODBYE = 0.1  # seconds in which TLS connections end in order, once they were closed
LENIENCE = 1.6  # agents ask for a sign of life first; the server asks only one that was silent for this much longer


@dataclass(frozen=True)
class Callbacks:
    """What the server does for its agents. All run on threads of the hub and may block, but must not call a host.

    `redeem` spends a one-time token atomically and answers the host's uuid; it should look the token up by a digest.
    `sign` answers a certificate (PEM) for host uuid and request (PEM). `revoked` is asked with serial (hexadecimal) and host
    at every connection. `elsewhere` answers the address of another server on which a host hangs, or "". `connected`, `gone` and
    `pushed` come one after another, in the order things happened.
    """

    redeem: Callable[[str], str | None]
    sign: Callable[[str, str], str]
    revoked: Callable[[str, str], bool]
    connected: Callable[[str, HostFacts], None]
    gone: Callable[[str], None]
    pushed: Callable[[str, str, object], None]
    elsewhere: Callable[[str], str] = lambda host: ""


@dataclass(frozen=True)
class Peer:
    """Who a verified client certificate says is there."""

    host: str
    serial: str


@dataclass
class Awaited:
    """A stream that a host was asked to dial back."""

    link: Link
    arrived: asyncio.Future[Stream]


class Listener:
    """All agents' connections of this process, by host uuid."""

    def __init__(self, material: pki.Material, callbacks: Callbacks, address: tuple[str, int], heartbeat: float) -> None:
        self.links: dict[str, Link] = {}
        self.address = address
        self._material, self._callbacks, self._heartbeat = material, callbacks, heartbeat
        self._awaited: dict[str, Awaited] = {}
        self._servers: list[str] = []
        self._closing = False
        self._reports = ThreadPoolExecutor(1, "hub-reports")
        self._checks = ThreadPoolExecutor(4, "hub-checks")
        self._enroller = Enroller(callbacks.redeem, callbacks.sign, material.trust, self._checks)
        self._forwarder = Forwarder(self.links, self.stream, _is_server)
        self._site: web.TCPSite | None = None
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen; port 0 becomes the port that was free. Raises OSError."""
        app = web.Application(client_max_size=max(MAX_BODY, MAX_MESSAGE + SPARE))
        app.router.add_get("/agent.pem", self._authorities)
        app.router.add_post("/enrol", self._enroller.handle)
        app.router.add_get("/agent", self._agent)
        app.router.add_get("/stream/{id}", self._dialled_back)
        app.router.add_post("/hosts/{host}/call", self._forwarder.call)
        app.router.add_get("/hosts/{host}/stream/{kind}/{name}", self._forwarder.stream)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=15.0, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen(self._runner)

    async def renew(self, material: pki.Material) -> None:
        """Show and trust other certificates from now on, and tell the agents that hang on."""
        assert self._site is not None
        assert self._runner is not None
        self._material, self._enroller.trust = material, material.trust
        await self._site.stop()
        await self._listen(self._runner)
        self._tell_all()

    async def tell(self, servers: list[str]) -> None:
        """These (host:port) are the servers of this cloud from now on: every agent learns of it."""
        self._servers = servers
        self._tell_all()

    def _tell_all(self) -> None:
        for link in self.links.values():
            link.send(self._welcome())

    def _welcome(self) -> Welcome:
        return Welcome(self._material.trust, self._servers)

    async def close(self) -> None:
        """Stop listening and cut all agents. That is not reported: they hang on another server soon, or here again."""
        self._closing = True
        if self._site is not None:
            await self._site.stop()
        await asyncio.gather(*(link.close("the server is stopping") for link in list(self.links.values())))
        self._forwarder.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await asyncio.sleep(GOODBYE)
        self._checks.shutdown()
        self._reports.shutdown()

    async def stream(self, host: str, kind: str, name: str) -> Stream:
        """Ask a host to dial back with a stream. Raises its driver error, or Unreachable."""
        link = self.links.get(host)
        if link is None:
            raise Unreachable(f"host {host} is not connected")
        name_of_stream, answer = secrets.token_hex(16), Future[bytes]()
        awaited = self._awaited[name_of_stream] = Awaited(link, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(DIAL_BACK_WITHIN):
                arguments = encode(Open(name_of_stream, kind, name))
                link.begin(Call(0, STREAM, "open", arguments, DIAL_BACK_WITHIN, trace=trace.get()), answer)
                await asyncio.wrap_future(answer)
                return await asyncio.shield(awaited.arrived)
        except TimeoutError:
            raise Unreachable(f"host {host} did not open a stream within {DIAL_BACK_WITHIN:.0f} seconds") from None
        finally:
            link.forget(answer)
            del self._awaited[name_of_stream]

    async def _listen(self, runner: web.AppRunner) -> None:
        # The standard library gives every TLS connection of the process a read buffer of 256 kB. With 50,000 connections
        # that is gigabytes once the allocator hands out recycled, touched memory; larger messages come in several reads.
        sslproto.SSLProtocol.max_size = 4 * 1024
        host, port = self.address
        self._site = web.TCPSite(runner, host or None, port, ssl_context=_context(self._material), backlog=WAITING)
        await self._site.start()
        self.address = (host, runner.addresses[0][1])

    async def _authorities(self, request: web.Request) -> web.Response:
        return web.Response(text="".join(self._material.trust), content_type="application/x-pem-file")

    async def _agent(self, request: web.Request) -> web.StreamResponse:
        peer = _peer(request)
        if peer is None:
            return web.Response(status=403, text="an agent shows a valid host certificate: enrol first")
        if await self._revoked(peer):
            log.warning("revoked host refused", extra={"host": peer.host, "serial": peer.serial})
            return web.Response(status=403, text=f"the certificate {peer.serial} of host {peer.host} is revoked")
        patience = self._heartbeat * LENIENCE * _spread(0.9, 1.1)
        socket = web.WebSocketResponse(heartbeat=patience, compress=False, max_msg_size=MAX_MESSAGE, timeout=2.0)
        await socket.prepare(request)
        link, why = Link(peer.host, socket), "the connection was lost"
        try:
            await self._serve(link, peer)
        except msgspec.DecodeError as error:
            why = f"the agent said something unreadable: {error}"
            log.warning("malformed frame", extra={"host": peer.host, "why": str(error)})
        except TimeoutError:
            why = f"the agent did not say what it is within {HELLO_WITHIN:.0f} seconds"
        finally:
            await self._ended(link, why)
        return socket

    async def _serve(self, link: Link, peer: Peer) -> None:
        async with asyncio.timeout(HELLO_WITHIN):
            hello = await link.receive()
        if hello is None:
            return
        if not isinstance(hello, Hello):
            raise msgspec.DecodeError("the first frame must be a hello")
        older, self.links[peer.host] = self.links.get(peer.host), link
        if older is not None:
            log.info("connection replaced", extra={"host": peer.host})
            older.cut("a newer connection of the same host replaced this one")
        if await self._revoked(peer):  # again: whoever revoked meanwhile did not yet find this connection to cut
            return
        link.send(self._welcome())
        await self._report(link, self._callbacks.connected, peer.host, hello.facts)
        while frame := await link.receive():
            if isinstance(frame, Push):
                await self._report(link, self._callbacks.pushed, peer.host, frame.kind, pushed(frame))
            elif isinstance(frame, Renew):
                link.send(await self._renewed(peer, frame))
            else:
                raise msgspec.DecodeError("a second hello")

    async def _ended(self, link: Link, why: str) -> None:
        if self.links.get(link.host) is link:
            del self.links[link.host]
            if not self._closing:
                await self._report(link, self._callbacks.gone, link.host)
        await link.close(why)

    async def _renewed(self, peer: Peer, frame: Renew) -> Renewed:
        try:
            pki.check_request(frame.request)
            if await self._revoked(peer):
                return Renewed("", f"the certificate {peer.serial} of host {peer.host} is revoked")
            certificate = await self._check(self._callbacks.sign, peer.host, frame.request)
        except Exception as error:
            log.exception("renewal failed", extra={"host": peer.host})
            return Renewed("", f"the server could not sign: {type(error).__name__}")
        log.info("certificate renewed", extra={"host": peer.host, "serial": pki.serial(certificate)})
        return Renewed(certificate)

    async def _revoked(self, peer: Peer) -> bool:
        return bool(await self._check(self._callbacks.revoked, peer.serial, peer.host))

    async def _check(self, callback: Callable[..., object], *values: str) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._checks, callback, *values)

    async def _report(self, link: Link, callback: Callable[..., None], *values: object) -> None:
        """Queue a report. A host that reports faster than the server takes it is read no further meanwhile."""
        done = asyncio.get_running_loop().run_in_executor(self._reports, _guarded, callback, values)
        link.backlog += 1
        done.add_done_callback(link.reported)
        if link.backlog >= MAX_BACKLOG:
            await done

    async def _dialled_back(self, request: web.Request) -> web.StreamResponse:
        peer, awaited = _peer(request), self._awaited.get(request.match_info["id"])
        if peer is None or awaited is None or awaited.link.host != peer.host or awaited.arrived.done():
            return web.Response(status=404, text="nobody waits for this stream")
        # No heartbeat: a reader that takes its time must not look like a lost host. The stream ends with the host's link.
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_MESSAGE, timeout=2.0)
        stream = Stream(socket, awaited.link.part)
        awaited.link.join(stream)
        await socket.prepare(request)
        if awaited.arrived.done() or request.match_info["id"] not in self._awaited:
            await stream.close()
        else:
            awaited.arrived.set_result(stream)
        await stream.closed.wait()
        return socket


def _context(material: pki.Material) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL  # a host that enrols has none yet
    context.num_tickets = 1
    context.load_verify_locations(cadata="".join(material.trust))
    pki.load_identity(context, material.identity)
    return context


def _peer(request: web.Request) -> Peer | None:
    """Which host the client's certificate names; None without one."""
    certificate = _shown(request)
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI" and value.startswith("urn:uuid:"):
            return Peer(str(UUID(value)), f"{int(certificate['serialNumber'], 16):x}")
    return None


def _is_server(request: web.Request) -> bool:
    return ("DNS", pki.SERVER_NAME) in _shown(request).get("subjectAltName", ())


def _shown(request: web.Request) -> dict[str, Any]:
    """The client's certificate, empty without one, or with one that ended (a resumed session is not verified anew)."""
    connection = request.transport and request.transport.get_extra_info("ssl_object")
    certificate: dict[str, Any] = (connection.getpeercert() if connection else None) or {}
    over = not certificate or ssl.cert_time_to_seconds(certificate["notAfter"]) < time.time()
    return {} if over else certificate


def _guarded(callback: Callable[..., None], values: tuple[object, ...]) -> None:
    try:
        callback(*values)
    except Exception:
        log.exception("the server failed to take a report", extra={"report": callback.__name__, "host": values[0]})
