"""What the metadata service tells a machine, under CloudStack's keys."""

from __future__ import annotations

from cloudwright.appliance.facts import GuestNetwork, Nic, RouterFacts


def public_address(facts: RouterFacts, network: GuestNetwork, nic: Nic) -> str:
    """How the outside sees the machine: its static NAT, else the source NAT, else its own address."""
    for address in facts.addresses:
        if address.static_nat_to == nic.address:
            return address.address
    sources = [address.address for address in facts.addresses if address.source_nat]
    return sources[0] if network.source_nat and sources else nic.address


def metadata(nic: Nic, public: str) -> dict[str, str]:
    """Key -> value, the values of the user data's variables among them. `hypervisor-host-name` only where guests may know it."""
    keys = {
        "availability-zone": nic.zone,
        "cloud-identifier": f"CloudStack-{{{nic.cloud}}}",
        "instance-id": nic.instance_name,
        "local-hostname": nic.hostname,
        "local-ipv4": nic.address,
        "public-hostname": public,
        "public-ipv4": public,
        "public-keys": nic.public_keys,
        "service-offering": nic.service_offering,
        "vm-id": nic.machine,
    }
    return nic.variables | keys | ({"hypervisor-host-name": nic.host} if nic.host else {})
