"""What agent and server say to each other: one MessagePack value in each binary WebSocket message."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec
from msgspec import Struct

from cloudwright.drivers.host.contract import Stats
from cloudwright.drivers.hypervisor.contract import HostFacts, Seen
from cloudwright.drivers.network.contract import ApplianceSeen

PROTOCOL = 1
MAX_MESSAGE = 8 * 2**20  # bytes; the largest legitimate one is a full list of a host's machines
STREAM = "stream"  # the kind of the one call that the agent itself serves: dial back with a byte stream

trace: ContextVar[str] = ContextVar("trace", default="")  # the task on whose behalf a call is made, for the agent's log


class Call(Struct, tag="call", array_like=True):
    """Server to agent: run a verb. Calls with equal `key` run in order; after `timeout` seconds nobody waits any more."""

    id: int
    kind: str
    verb: str
    arguments: bytes
    timeout: float
    key: str = ""
    trace: str = ""


class Welcome(Struct, tag="welcome", array_like=True):
    """Server to agent: the CA certificates to trust from now on (PEM), the one that signs now first; and where all the servers
    of this cloud are (host:port), to which the agent goes when it loses this one."""

    trust: list[str]
    servers: list[str] = []


class Renewed(Struct, tag="renewed", array_like=True):
    """Server to agent: the certificate (PEM) asked for with `Renew`; or why there is none."""

    certificate: str
    refusal: str = ""


class Hello(Struct, tag="hello", array_like=True):
    """Agent to server, first: who speaks, and what the host is."""

    protocol: int
    version: str
    facts: HostFacts


class Reply(Struct, tag="reply", array_like=True):
    """Agent to server: the answer of a call, or the name of a driver error and its sentence."""

    id: int
    answer: bytes = b""
    error: str = ""
    text: str = ""


class Push(Struct, tag="push", array_like=True):
    """Agent to server: something seen, of a kind in `PUSHED`."""

    kind: str
    payload: bytes


class Renew(Struct, tag="renew", array_like=True):
    """Agent to server: a certificate request (PEM) for a new key of this host."""

    request: str


class Open(Struct):
    """The arguments of the `stream` call: dial `/stream/<id>` and join it to what `kind` and `name` say."""

    id: str
    kind: str
    name: str


PUSHED: dict[str, type] = {
    "machines": list[Seen],  # all of them: whoever is absent is not on this host
    "appliances": list[ApplianceSeen],  # likewise
    "seen": Seen,  # one machine changed
    "stats": Stats,
}
FromAgent = Hello | Reply | Push | Renew
FromServer = Call | Welcome | Renewed

encode = msgspec.msgpack.Encoder().encode
_from_agent: msgspec.msgpack.Decoder[FromAgent] = msgspec.msgpack.Decoder(FromAgent)
_from_server: msgspec.msgpack.Decoder[FromServer] = msgspec.msgpack.Decoder(FromServer)
_pushed: dict[str, msgspec.msgpack.Decoder[object]] = {kind: msgspec.msgpack.Decoder(type) for kind, type in PUSHED.items()}


def from_agent(data: bytes) -> FromAgent:
    """What an agent said. Raises msgspec.DecodeError."""
    return _from_agent.decode(data)


def from_server(data: bytes) -> FromServer:
    """What the server said. Raises msgspec.DecodeError."""
    return _from_server.decode(data)


def pushed(push: Push) -> object:
    """The payload of a push, of the type that `PUSHED` says. Raises msgspec.DecodeError, also for an unknown kind."""
    if push.kind not in _pushed:
        raise msgspec.DecodeError(f"nobody knows pushes of kind {push.kind!r}")
    return _pushed[push.kind].decode(push.payload)
