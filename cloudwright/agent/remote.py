"""Driver contracts over a wire: the signatures of a Protocol class are its messages.

`remote(transport)` answers the four drivers of a host as typed objects whose verbs encode their arguments by the
annotations, call the transport and decode the answer. `cloudwright.agent.dispatch` is the other end.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct, defstruct

from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.host.contract import HostAgent
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.images.contract import ImageStore
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.drivers.pool.contract import Pool

Transport = Callable[[str, str, bytes, float, str], bytes]  # kind, verb, arguments, timeout, order key -> answer

CONTRACTS: dict[str, type] = {"hypervisor": Hypervisor, "pool": Pool, "images": ImageStore, "network": HostNetwork}

SERVED: dict[str, type] = {**CONTRACTS, "agent": HostAgent}
"""All that an agent serves: the drivers of its host, and itself."""

LOCAL = {"watch"}  # the agent pushes what it sees instead
UNORDERED = {  # verbs that only look, or must overtake what they are about
    "facts", "machines", "see", "console", "serial", "migration_address", "work", "cancel", "guest",
    "volumes", "locate", "images", "url", "segments", "appliances", "hooks",
}  # fmt: skip
TIMEOUT = 30.0
TIMEOUTS = {  # seconds, where a verb deserves other than TIMEOUT; arguments named as in PATIENCE come on top
    "hypervisor.facts": 180.0,
    "hypervisor.start": 120.0,
    "hypervisor.remove": 60.0,
    "hypervisor.attach_disk": 60.0,
    "hypervisor.detach_disk": 90.0,
    "hypervisor.attach_nic": 60.0,
    "hypervisor.detach_nic": 60.0,
    "pool.open": 120.0,
    "pool.close": 60.0,
    "pool.create": 60.0,
    "pool.resize": 60.0,
    "pool.remove": 60.0,
    "images.open": 60.0,
    "images.remove": 60.0,
    "network.start": 60.0,
    "network.apply": 60.0,
    "network.remove": 60.0,
}
PATIENCE = ("grace", "timeout")


@dataclass(frozen=True)
class Drivers:
    """The four drivers of one host, near or far."""

    hypervisor: Hypervisor
    pool: Pool
    images: ImageStore
    network: HostNetwork


@dataclass(frozen=True)
class Verb:
    """One verb of a contract: its arguments as a struct type, and codecs made of its annotations."""

    name: str
    arguments: type[Struct]
    decode_arguments: Callable[[bytes], Struct]
    decode_answer: Callable[[bytes], Any]


@cache
def verbs(contract: type) -> dict[str, Verb]:
    """The verbs of a contract, by name."""
    return {
        name: _verb(contract, name, method)
        for name, method in vars(contract).items()
        if inspect.isfunction(method) and not name.startswith("_") and name not in LOCAL
    }


def remote(transport: Transport) -> Drivers:
    """The four drivers of the host behind `transport`. Their verbs raise what the host's drivers raise."""
    made = {kind: proxy(contract, kind, transport) for kind, contract in CONTRACTS.items()}
    return Drivers(**made)


def proxy(contract: type, kind: str, transport: Transport) -> Any:
    """An object with the verbs of `contract`, served by whoever answers `transport` for `kind`."""
    return _proxy_class(contract, kind)(transport)


def order_key(kind: str, verb: str, arguments: Struct) -> str:
    """What calls must stay in order about: `hypervisor:i-…`. Empty for verbs that only look."""
    if verb in UNORDERED:
        return ""
    values = msgspec.structs.asdict(arguments)
    for field in ("name", "volume", "template", "machine", "appliance", "segment", "pool"):
        if field in values:
            value = values[field]
            return f"{kind}:{value if isinstance(value, str) else getattr(value, 'name', None) or value.key}"
    return kind


def patience(kind: str, verb: str, arguments: Struct) -> float:
    """How many seconds to wait for a verb with these arguments."""
    extra = sum(float(getattr(arguments, name, 0.0)) for name in PATIENCE)
    return TIMEOUTS.get(f"{kind}.{verb}", TIMEOUT) + extra


def _verb(contract: type, name: str, method: Callable[..., Any]) -> Verb:
    hints = get_type_hints(method)
    fields = [
        (each.name, hints[each.name], NODEFAULT if each.default is each.empty else each.default)
        for each in list(inspect.signature(method).parameters.values())[1:]
    ]
    # A default is not sent, so an argument that a newer server knows reaches an older agent only when it matters.
    arguments = defstruct(f"{contract.__name__}.{name}", fields, omit_defaults=True, forbid_unknown_fields=True, module=__name__)
    return Verb(
        name,
        arguments,
        msgspec.msgpack.Decoder(arguments).decode,
        msgspec.msgpack.Decoder(hints["return"]).decode,
    )


@cache
def _proxy_class(contract: type, kind: str) -> type:
    methods: dict[str, Any] = {name: _far(kind, verb) for name, verb in verbs(contract).items()}
    methods |= {name: _near_only(kind, name) for name in LOCAL if hasattr(contract, name)}

    def __init__(self: Any, transport: Transport) -> None:  # noqa: N807
        self.transport = transport

    return type(f"Remote{contract.__name__}", (), {"__init__": __init__, "__slots__": ("transport",), **methods})


def _far(kind: str, verb: Verb) -> Callable[..., Any]:
    def call(self: Any, *given: Any, **named: Any) -> Any:
        arguments = verb.arguments(*given, **named)
        sent = msgspec.msgpack.encode(arguments)
        key = order_key(kind, verb.name, arguments)
        answer = self.transport(kind, verb.name, sent, patience(kind, verb.name, arguments), key)
        try:
            return verb.decode_answer(answer)
        except msgspec.DecodeError as error:
            raise DriverFault(f"the host's answer to {kind}.{verb.name} cannot be understood: {error}") from error

    call.__name__ = verb.name
    return call


def _near_only(kind: str, name: str) -> Callable[..., Any]:
    def refuse(self: Any, *given: Any, **named: Any) -> Any:
        raise Refused(f"{kind}.{name} is not served to the server: the agent pushes what it sees")

    return refuse
