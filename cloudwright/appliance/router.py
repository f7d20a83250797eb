"""A router's document from its facts. Pure: equal facts make equal documents."""

from __future__ import annotations

from cloudwright.appliance.document import Document
from cloudwright.appliance.facts import RouterFacts
from cloudwright.appliance.services import dhcp, firewall, interfaces, nat


def document(facts: RouterFacts) -> Document:
    """The whole document of one generation."""
    return Document(
        name=facts.name,
        generation=facts.generation,
        interfaces=interfaces.interfaces(facts),
        upstream_dns=facts.upstream_dns,
        dhcp=dhcp.dhcp(facts),
        addresses=nat.addresses(facts),
        forwards=nat.forwards(facts),
        egress=firewall.egress(facts),
    )
