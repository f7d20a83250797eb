"""Between servers, the asking side: calls and streams to a host whose agent hangs on another server."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from urllib.parse import quote

import aiohttp
import msgspec

from cloudwright.agent.frame import MAX_MESSAGE, Call, Reply, encode
from cloudwright.agent.link import Stream
from cloudwright.drivers.error import BY_NAME, DriverFault, Unreachable
from cloudwright.drivers.host import pki

IDLE = 10.0  # seconds for which a connection is kept; the other side keeps it a little longer
GRACE = 5.0  # seconds beyond a call's own time: the other server tells better what went wrong
CONNECT_WITHIN = 10.0
OPEN_WITHIN = 60.0
_reply = msgspec.msgpack.Decoder(Reply).decode


class _Connection(http.client.HTTPSConnection):
    """To a server, whatever its address: its certificate says `pki.SERVER_NAME`."""

    def __init__(self, address: str, context: ssl.SSLContext) -> None:
        super().__init__(address, context=context, timeout=CONNECT_WITHIN)
        self._trust, self.used = context, 0.0

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=pki.SERVER_NAME)


class Peers:
    """The other servers of this cloud. Thread-safe."""

    def __init__(self, material: pki.Material) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Connection]] = {}
        self._context = _context(material)
        self._client: aiohttp.ClientSession | None = None  # of streams, on the hub's loop

    def renew(self, material: pki.Material) -> None:
        """Show and trust other certificates from now on."""
        self.close()
        self._context = _context(material)

    async def end(self) -> None:
        """Ask no more. Called on the loop of the streams."""
        self.close()
        if self._client is not None:
            await self._client.close()

    def close(self) -> None:
        """Let go of connections that nobody uses now."""
        with self._lock:
            kept, self._idle = self._idle, {}
        for connections in kept.values():
            for connection in connections:
                connection.close()

    def call(self, address: str, host: str, call: Call) -> bytes:
        """Have the server at `address` make a call to its host. Raises the host's driver error, or Unreachable."""
        connection = self._take(address)
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(call.timeout + GRACE)
            connection.request("POST", f"/hosts/{host}/call", encode(call))
            answer = connection.getresponse()
            status, body = answer.status, answer.read(MAX_MESSAGE + 1024)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            why = str(error) or type(error).__name__
            raise Unreachable(f"host {host} hangs on the server at {address}, which does not answer: {why}") from None
        self._keep(address, connection)
        if status != 200:
            raise Unreachable(
                f"the server at {address}, on which host {host} hangs, refused: {body[:200].decode(errors='replace')}"
            )
        return _told(body)

    async def stream(self, address: str, host: str, kind: str, name: str) -> Stream:
        """A byte stream to something on a host that hangs on the server at `address`. Raises its driver error, or Unreachable."""
        if self._client is None:
            self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN))
        try:
            socket = await self._client.ws_connect(
                f"https://{address}/hosts/{host}/stream/{quote(kind, safe='')}/{quote(name, safe='')}", ssl=self._context,
                server_hostname=pki.SERVER_NAME, max_msg_size=MAX_MESSAGE, timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )  # fmt: skip
            _told(await socket.receive_bytes(timeout=OPEN_WITHIN))
        except (aiohttp.ClientError, OSError, TypeError) as error:
            raise Unreachable(f"host {host} hangs on the server at {address}, which opened no stream: {error}") from None
        return Stream(socket, lambda stream: None)

    def _take(self, address: str) -> _Connection:
        with self._lock:
            kept = self._idle.get(address, [])
            while kept:
                connection = kept.pop()
                if time.monotonic() - connection.used < IDLE:
                    return connection
                connection.close()
        return _Connection(address, self._context)

    def _keep(self, address: str, connection: _Connection) -> None:
        connection.used = time.monotonic()
        with self._lock:
            self._idle.setdefault(address, []).append(connection)


def _told(body: bytes) -> bytes:
    try:
        reply = _reply(body)
    except msgspec.DecodeError as error:
        raise DriverFault(f"another server's answer cannot be understood: {error}") from error
    if reply.error:
        raise BY_NAME.get(reply.error, DriverFault)(reply.text)
    return reply.answer


def _context(material: pki.Material) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata="".join(material.trust))
    pki.load_identity(context, material.identity)
    return context
