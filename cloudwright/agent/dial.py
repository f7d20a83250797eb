"""How an agent reaches its servers: enrolment, and mutually authenticated WebSockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from cloudwright.agent.enrol import Enrolled, Enrolment
from cloudwright.agent.frame import MAX_MESSAGE
from cloudwright.agent.state import State
from cloudwright.drivers.host import pki

CONNECT_WITHIN = 60.0  # seconds: a server to which everybody comes back at once needs its time
ENROL_WITHIN = 60.0


class EnrolmentFailed(Exception):
    """Why a host could not enrol, in one sentence."""


class Resuming(ssl.SSLContext):
    """A client's TLS context that resumes its last session, which saves the server most of a handshake."""

    last: ssl.SSLSession | None = None

    def wrap_bio(self, *given: Any, **named: Any) -> ssl.SSLObject:
        """As the standard library's, which has no other door for a session under asyncio."""
        return super().wrap_bio(*given, **{"session": self.last, **named})


class Dialer:
    """Opens WebSockets to one of the servers with the host's certificate. Those `given` are never forgotten, whatever a server
    tells: it may know itself by an address that leads nowhere from here."""

    def __init__(self, given: list[str], state: State) -> None:
        self._given, self._state = given, state
        self._servers = list(dict.fromkeys([*given, *state.servers()]))
        self._context = self._fresh()

    def renewed(self) -> None:
        """The state's certificates changed: use the new ones from the next connection on."""
        self._context = self._fresh()

    @property
    def server(self) -> str:
        """host:port of the one that is dialled now."""
        return self._servers[0]

    def told(self, servers: list[str]) -> None:
        """These are the servers now. None says nothing: a server that has just started may not know them yet."""
        if servers:
            self._servers = list(dict.fromkeys([self.server, *servers, *self._given]))
            self._state.keep_servers(self._servers)

    def turn(self) -> None:
        """Dial the next server from now on."""
        before = self.server
        self._servers = [*self._servers[1:], before]
        if self.server != before:
            self._context.last = None

    @asynccontextmanager
    async def dial(self, path: str, heartbeat: float | None) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A connected socket. Raises aiohttp.ClientError, OSError or TimeoutError."""
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN, sock_connect=CONNECT_WITHIN)
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.ws_connect(
                f"wss://{self.server}{path}",
                ssl=self._context,
                server_hostname=pki.SERVER_NAME,
                heartbeat=heartbeat,
                max_msg_size=MAX_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            ) as socket,
        ):
            yield socket

    def remember(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Keep the session of a socket that has received something. Answers whether it was itself a resumed one."""
        connection = socket.get_extra_info("ssl_object")
        self._context.last = connection.session
        return bool(connection.session_reused)

    def _fresh(self) -> Resuming:
        context = _client_context(self._state.trust())
        identity = self._state.identity()
        if identity is not None:
            pki.load_identity(context, identity)
        return context


async def enrol(server: str, fingerprint: str, token: str, state: State) -> str:
    """Exchange a one-time token for a certificate, keep it in the state and answer the host's uuid.

    The token is sent only to a server whose authority has this fingerprint (`sha256:<hex>`). Raises EnrolmentFailed.
    """
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ENROL_WITHIN)) as client:
            authority = await _authority(client, server, fingerprint)
            key = pki.new_key()
            body = msgspec.json.encode(Enrolment(token, pki.request(key)))
            context = _client_context([authority])
            async with client.post(f"https://{server}/enrol", data=body, ssl=context, server_hostname=pki.SERVER_NAME) as answer:
                content = await answer.read()
                if answer.status != 200:
                    raise EnrolmentFailed(f"the server {server} refused: {content[:500].decode(errors='replace')}")
        enrolled = msgspec.json.decode(content, type=Enrolled)
    except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
        raise EnrolmentFailed(f"enrolling at {server} failed: {error or type(error).__name__}") from error
    if not pki.matches(enrolled.certificate, key):
        raise EnrolmentFailed(f"the server {server} sent a certificate for another key")
    state.keep_trust(enrolled.trust)
    state.keep_servers([server])
    state.keep_identity(pki.Identity(enrolled.certificate, key))
    return enrolled.host


async def _authority(client: aiohttp.ClientSession, server: str, fingerprint: str) -> str:
    """The CA certificate with this fingerprint. What is fetched here is believed for nothing but its digest."""
    async with client.get(f"https://{server}/agent.pem", ssl=False, server_hostname=pki.SERVER_NAME) as answer:
        text = (await answer.content.read(MAX_MESSAGE)).decode(errors="replace")
    try:
        offered = {pki.fingerprint(one): one for one in pki.split(text)}
    except ValueError as error:
        raise EnrolmentFailed(f"the server {server} shows no CA certificate") from error
    if fingerprint.lower() not in offered:
        raise EnrolmentFailed(
            f"the server {server} shows the authorities {', '.join(offered)}, none is {fingerprint}: "
            "it is another server, or somebody stands in between"
        )
    return offered[fingerprint.lower()]


def _client_context(trust: list[str]) -> Resuming:
    context = Resuming(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata="".join(trust))
    return context
