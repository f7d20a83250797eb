"""The interfaces of a router."""

from __future__ import annotations

from ipaddress import IPv4Network

from cloudwright.appliance.document import Interface
from cloudwright.appliance.facts import GuestNetwork, PublicNetwork, RouterFacts


def interfaces(facts: RouterFacts) -> list[Interface]:
    """Guest interfaces, then public ones, in the order of the facts."""
    guests = [_guest(network) for network in facts.networks]
    return guests + [_public(network, facts) for network in facts.publics]


def _guest(network: GuestNetwork) -> Interface:
    prefix = IPv4Network(network.cidr).prefixlen
    return Interface(
        device=network.device,
        mac=network.mac,
        role="guest",
        addresses=[f"{network.address}/{prefix}"],
        gateway="" if network.gateway == network.address else network.gateway,
        mtu=network.mtu,
        network=network.uuid,
    )


def _public(network: PublicNetwork, facts: RouterFacts) -> Interface:
    mine = [address for address in facts.addresses if address.device == network.device]
    mine.sort(key=lambda address: not address.source_nat)
    return Interface(
        device=network.device,
        mac=network.mac,
        role="public",
        addresses=[f"{address.address}/{network.prefix}" for address in mine],
        gateway=network.gateway,
        mtu=network.mtu,
    )
