"""DHCP and DNS of the guest networks, and the machines on them."""

from __future__ import annotations

from cloudwright.appliance.document import Dhcp, Host
from cloudwright.appliance.facts import GuestNetwork, Nic, RouterFacts
from cloudwright.appliance.services.userdata import metadata, public_address


def dhcp(facts: RouterFacts) -> list[Dhcp]:
    """One entry a network whose addresses this router hands out."""
    return [_entry(facts, network) for network in facts.networks if network.dhcp]


def _entry(facts: RouterFacts, network: GuestNetwork) -> Dhcp:
    return Dhcp(
        device=network.device,
        network=network.uuid,
        cidr=network.cidr,
        gateway=network.gateway,
        dns=network.dns,
        domain=network.domain,
        dns_service=network.dns_service,
        hosts=[_host(facts, network, nic) for nic in facts.nics if nic.network == network.uuid],
        lease_seconds=network.lease_seconds,
    )


def _host(facts: RouterFacts, network: GuestNetwork, nic: Nic) -> Host:
    return Host(
        mac=nic.mac,
        address=nic.address,
        hostname=nic.hostname,
        default=nic.default,
        metadata=metadata(nic, public_address(facts, network, nic)),
        user_data=nic.user_data,
        password=nic.password,
        password_serial=nic.password_serial,
    )
