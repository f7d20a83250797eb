"""Public addresses with who may come in at them, and port forwarding."""

from __future__ import annotations

from cloudwright.appliance.document import Forward, PublicAddress
from cloudwright.appliance.facts import RouterFacts
from cloudwright.appliance.services.firewall import ingress, ports


def addresses(facts: RouterFacts) -> list[PublicAddress]:
    """Every public address; one without firewall rules lets nobody in."""
    return [
        PublicAddress(
            address=address.address,
            device=address.device,
            source_nat=address.source_nat,
            static_nat_to=address.static_nat_to,
            ingress=ingress(facts, address.address),
        )
        for address in facts.addresses
    ]


def forwards(facts: RouterFacts) -> list[Forward]:
    """The port forwarding rules. Opening the public port is the firewall's, by a rule of its own."""
    return [
        Forward(
            public=forward.address,
            protocol=forward.protocol.lower(),
            public_ports=ports(forward.first_public, forward.last_public),
            private=forward.to,
            private_ports=ports(forward.first_private, forward.last_private),
        )
        for forward in facts.forwards
    ]
