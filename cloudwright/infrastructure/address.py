"""Checks of addresses: names in errors are those of the parameters."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from cloudwright.core.error import ParamError


class Range(NamedTuple):
    """Addresses from `start` to `end` of a subnet with a gateway."""

    subnet: IPv4Network
    gateway: IPv4Address
    start: IPv4Address
    end: IPv4Address

    def meets(self, other: Range) -> bool:
        """Whether an address is in both."""
        return self.start <= other.end and other.start <= self.end

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return int(self.end) - int(self.start) + 1


def ip(text: str | None) -> str | None:
    """The check of an IPv4 address as a parameter: what is wrong with it."""
    try:
        IPv4Address(text or "")
    except ValueError:
        return "is not an IPv4 address"
    return None


def mask(text: str) -> str | None:
    """The check of a netmask."""
    try:
        IPv4Network(f"0.0.0.0/{text}")
    except ValueError:
        return "is not a netmask such as 255.255.255.0"
    return None if "." in text else "is not a netmask such as 255.255.255.0"


def cidr(text: str) -> str | None:
    """The check of a network in CIDR notation."""
    try:
        IPv4Network(text)
    except ValueError:
        return "is not a network such as 10.1.1.0/24 (the host part must be zero)"
    return None if "/" in text else "is not a network such as 10.1.1.0/24"


def checked(gateway: str, netmask: str, start: str, end: str | None) -> Range:
    """A range whose parts fit together. `end` None: to the last address of the subnet. Raises ParamError."""
    subnet = IPv4Network(f"{gateway}/{netmask}", strict=False)
    edges = (subnet.network_address, subnet.broadcast_address)
    last = IPv4Address(int(subnet.broadcast_address) - 1)
    found = Range(subnet, IPv4Address(gateway), IPv4Address(start), IPv4Address(end) if end else last)
    for name, address in (("gateway", found.gateway), ("startip", found.start), ("endip", found.end)):
        if address not in subnet or address in edges:
            raise ParamError(f"Parameter {name}: {address} is no address of a machine in {subnet}", param=name)
    if found.end < found.start:
        raise ParamError(f"Parameter endip: {found.end} comes before the start {found.start}", param="endip")
    if found.start <= found.gateway <= found.end:
        raise ParamError(
            f"Parameter gateway: {gateway} lies within the range {found.start} to {found.end}; nobody else may take it",
            param="gateway",
        )
    return found
