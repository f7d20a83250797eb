"""Checks that rules share: ports, sources, and rules in each other's way."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from msgspec import Struct

from cloudwright.compute.model import Vm
from cloudwright.core.error import Conflict, ParamError, WrongState
from cloudwright.core.tx import Reader
from cloudwright.network.model import FirewallRule, Network, NetworkOffering, PublicIp

ANYWHERE = "0.0.0.0/0"
_CALLED = {
    "Firewall": "firewall rule", "Egress": "egress rule", "PortForwarding": "port forwarding rule",
    "StaticNat": "rule of static NAT",
}  # fmt: skip


class Traffic(Struct):
    """What a rule is about. Ports are None for all of them, ICMP type and code None where the protocol is another."""

    protocol: str
    first: int | None = None
    last: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None

    def __str__(self) -> str:
        return f"{self.protocol} {ports(self.first, self.last)}".strip()


def ports(first: int | None, last: int | None) -> str:
    """ "22" or "8000-8080", "" for all."""
    return "" if first is None else f"{first}" if last in (None, first) else f"{first}-{last}"


def traffic(
    protocol: str, first: int | None, last: int | None, icmp_type: int | None, icmp_code: int | None, known: Sequence[str]
) -> Traffic:
    """The parameters of a rule, checked. `known` are the protocols it may have."""
    name = protocol.lower()
    if name not in known:
        raise ParamError(f"Parameter protocol: {protocol[:32]!r} is not one of {', '.join(known)}", param="protocol")
    if name == "icmp":
        if first is not None or last is not None:
            raise ParamError("Parameter startport: ICMP has no ports; it has icmptype and icmpcode", param="startport")
        return Traffic(name, icmp_type=-1 if icmp_type is None else icmp_type, icmp_code=-1 if icmp_code is None else icmp_code)
    if icmp_type is not None or icmp_code is not None:
        raise ParamError(f"Parameter icmptype: {name} has none; only ICMP does", param="icmptype")
    if name == "all" and (first is not None or last is not None):
        raise ParamError("Parameter startport: protocol all has no ports; take tcp or udp", param="startport")
    if first is None and last is not None:
        raise ParamError("Parameter startport is missing: endport alone says nothing", param="startport")
    last = first if last is None else last
    if first is not None and last is not None and last < first:
        raise ParamError(f"Parameter endport: {last} comes before startport {first}", param="endport")
    return Traffic(name, first, last)


def cidrs(texts: Sequence[str] | None, name: str, within: str | None = None) -> list[str]:
    """Networks in canonical form; `within` is what must contain each."""
    known = []
    for text in texts or ():
        try:
            one = IPv4Network(text, strict=False)
        except ValueError:
            raise ParamError(f"Parameter {name}: {text[:64]!r} is not an IPv4 network such as 192.0.2.0/24", param=name) from None
        if within is not None and not one.subnet_of(IPv4Network(within)):
            raise ParamError(f"Parameter {name}: {one} lies outside the network's {within}", param=name)
        known.append(str(one))
    return known


def network_of(reader: Reader, address: PublicIp, service: str) -> tuple[Network, NetworkOffering]:
    """The network of a public address, if it has the service. Raises ParamError or WrongState."""
    if address.state not in ("Allocating", "Allocated"):
        raise WrongState(f"Public address {address.address} is {address.state}", param="ipaddressid")
    if address.network_id is None:
        text = f"Public address {address.address} belongs to no network"
        raise ParamError(text, param="ipaddressid", fix=["take one for a network with associateIpAddress networkid=…"])
    network = reader.get(Network, address.network_id)
    return network, offers(reader, network, service)


def offers(reader: Reader, network: Network, service: str) -> NetworkOffering:
    """The network's offering, if it has the service and the network takes changes."""
    offering = reader.get(NetworkOffering, network.offering_id)
    if service not in offering.services:
        text = f"Network {network.name} has no service {service}: its offering is {offering.name}"
        raise ParamError(text, param="networkid", fix=["change the offering with updateNetwork"])
    if network.state in ("Shutdown", "Destroy"):
        raise WrongState(f"Network {network.name} is {network.state}", param="networkid")
    return offering


def named(reader: Reader, rule: FirewallRule) -> str:
    """What people know a rule by: "port forwarding rule tcp 203.0.113.21:443 to web (10.1.1.7:443)"."""
    shown = ports(rule.start_port, rule.end_port)
    if rule.public_ip_id:
        at = reader.get(PublicIp, rule.public_ip_id).address + (f":{shown}" if shown else "")
    else:
        at = f"{shown} of network {reader.get(Network, rule.network_id).name}".strip()
    vm = reader.find(Vm, Vm.c.id == rule.vm_id) if rule.vm_id else None
    inside = ports(rule.private_start, rule.private_end)
    leads = f" to {vm.name} ({rule.private_ip}{f':{inside}' if inside else ''})" if vm else ""
    sources = f" from {', '.join(rule.sources)}" if rule.sources else ""
    return f"{_CALLED[rule.purpose]} {rule.protocol} {at}{leads}{sources}"


def refuse_conflict(reader: Reader, wanted: FirewallRule) -> None:
    """Raises Conflict that names the rule in the way."""
    at = (
        FirewallRule.c.public_ip_id == wanted.public_ip_id
        if wanted.public_ip_id
        else FirewallRule.c.network_id == wanted.network_id
    )
    mine = (at, FirewallRule.c.purpose == wanted.purpose, FirewallRule.c.state != "Revoke", FirewallRule.c.id != wanted.id)
    for other in reader.all(FirewallRule, *mine):
        if _meet(wanted, other):
            raise Conflict(
                "There is already a rule for this",
                why=[f"{named(reader, other)}, {other.state}"],
                fix=[f"delete that rule first (id {other.uuid}), or choose other ports"],
            )


def _meet(one: FirewallRule, other: FirewallRule) -> bool:
    if one.protocol != other.protocol:
        return False
    if one.protocol == "icmp":
        same = (one.icmp_type, one.icmp_code) == (other.icmp_type, other.icmp_code)
    else:
        first, last = max(one.start_port or 0, other.start_port or 0), min(one.end_port or 65535, other.end_port or 65535)
        same = first <= last
    if one.purpose not in ("Firewall", "Egress"):
        return same
    destinations = not one.destinations or not other.destinations or set(one.destinations) & set(other.destinations)
    return same and bool(set(one.sources) & set(other.sources)) and bool(destinations)
