"""Rules come and go by these: a row, the next generation, and the task that tells the router."""

from __future__ import annotations

from collections.abc import Sequence

from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.tx import Tx
from cloudwright.network.model import FirewallRule, Network, PublicIp
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.generation import bump
from cloudwright.network.network.nic import revoke
from cloudwright.network.rules.check import Traffic, refuse_conflict


def rule_of(
    network: Network, owner: Network | PublicIp, purpose: str, what: Traffic, sources: Sequence[str], *, display: bool = True
) -> FirewallRule:
    """A rule for this traffic, not stored yet. It belongs to the owner of its address or network."""
    return FirewallRule(
        purpose=purpose, network_id=network.id, public_ip_id=owner.id if isinstance(owner, PublicIp) else None,
        protocol=what.protocol, start_port=what.first, end_port=what.last, icmp_type=what.icmp_type, icmp_code=what.icmp_code,
        sources=list(sources), account_id=owner.account_id, domain_id=owner.domain_id, display=display,
    )  # fmt: skip


def add(command: Command, tx: Tx, caller: Caller, network: Network, rules: Sequence[FirewallRule]) -> FirewallRule:
    """Store rules, the first of which the answer is about, and start telling the router. The others were opened for the first.
    Raises Conflict."""
    generation = bump(tx, network)
    for rule in rules:
        refuse_conflict(tx, rule)
        rule.generation = generation
        rule.related_id = rules[0].id or None
        tx.insert(rule)
    task = ApplyNetwork(network=network.id, rules=[rule.id for rule in rules], wake=False)
    command.start(tx, task, network, caller, about=rules[0])
    return rules[0]


def remove(command: Command, tx: Tx, caller: Caller, rule: FirewallRule, purpose: str) -> FirewallRule:
    """Take a rule out of force, with those that were opened for it."""
    expect(rule, purpose)
    network = tx.get(Network, rule.network_id)
    revoke(tx, rule, bump(tx, network))
    command.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller, about=rule)
    return rule


def show(command: Command, tx: Tx, caller: Caller, rule: FirewallRule, values: dict[str, object]) -> FirewallRule:
    """Change what only people see of a rule."""
    network = tx.get(Network, rule.network_id)
    if values:
        tx.update(rule, **values)
    command.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller, about=rule)
    return rule


def expect(rule: FirewallRule, purpose: str) -> None:
    """Raises ParamError when the rule is of another kind."""
    if rule.purpose != purpose:
        raise ParamError(f"Parameter id: rule {rule.uuid} is for {rule.purpose}, not for {purpose}", param="id")
