"""Firewall rules: who may come in at a public address, what guests may send out."""

from __future__ import annotations

from cloudwright.appliance.document import Egress, Rule
from cloudwright.appliance.facts import EgressRule, FirewallRule, RouterFacts


def ports(first: int, last: int) -> str:
    """ "" for none, "22", or "8000-8080"."""
    if not first:
        return ""
    return f"{first}" if last in (0, first) else f"{first}-{last}"


def ingress(facts: RouterFacts, address: str) -> list[Rule]:
    """The rules of one public address, in the order of the facts."""
    return [_rule(rule, []) for rule in facts.firewall if rule.address == address]


def egress(facts: RouterFacts) -> list[Egress]:
    """One entry a network that reaches the outside through this router."""
    return [
        Egress(
            device=network.device,
            cidr=network.cidr,
            allow=network.egress_allow,
            rules=[_rule(rule, rule.destinations) for rule in facts.egress if rule.network == network.uuid],
        )
        for network in facts.networks
        if network.source_nat
    ]


def _rule(rule: FirewallRule | EgressRule, destinations: list[str]) -> Rule:
    return Rule(
        protocol=rule.protocol.lower(),
        sources=rule.sources,
        destinations=destinations,
        ports=ports(rule.first_port, rule.last_port),
        icmp_type=rule.icmp_type,
        icmp_code=rule.icmp_code,
    )
