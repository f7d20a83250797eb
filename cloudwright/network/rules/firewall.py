"""Firewall rules: who may reach a public address, and what the guests of a network may send out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.owner import OwnedList
from cloudwright.network.model import FirewallRule, Network, PublicIp
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.rules import write
from cloudwright.network.rules.check import ANYWHERE, cidrs, network_of, offers, traffic
from cloudwright.network.rules.view import FirewallView

INGRESS = ("tcp", "udp", "icmp")
EGRESS = ("tcp", "udp", "icmp", "all")


class _RuleList(OwnedList):
    """Lists of rules of one purpose."""

    purpose = ""

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [*super().narrow(reader, caller), ("purpose", FirewallRule.c.purpose == self.purpose, {})]


class _Traffic(Command):
    """The parameters of a firewall rule."""

    protocol: str = param("tcp, udp, icmp; for what guests send also all")
    start_port: int | None = param("the first port; all without", minimum=1, maximum=65535)
    end_port: int | None = param("the last port; the first by default", minimum=1, maximum=65535)
    cidr_list: list[str] | None = param("where traffic may come from")
    icmp_type: int | None = param("the ICMP type, -1 for any", minimum=-1, maximum=255)
    icmp_code: int | None = param("the ICMP code, -1 for any", minimum=-1, maximum=255)
    type: str | None = param("user; system rules are the server's own")
    for_display: bool = param("whether its owner is shown it", default=True, roles=("Admin",), since="4.4")

    def _refuse_system(self) -> None:
        if self.type is not None and self.type.lower() != "user":
            raise ParamError(f"Parameter type: {self.type[:32]!r} is not user; system rules are the server's own", param="type")


class CreateFirewallRule(_Traffic, answers=FirewallView, creates=FirewallRule, starts=ApplyNetwork, event="FIREWALL.OPEN"):
    """Lets traffic in at a public address."""

    ip_address: Ref[PublicIp] = param("the public address", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        self._refuse_system()
        network, _ = network_of(tx, self.ip_address, "Firewall")
        what = traffic(self.protocol, self.start_port, self.end_port, self.icmp_type, self.icmp_code, INGRESS)
        sources = cidrs(self.cidr_list, "cidrlist") or [ANYWHERE]
        rule = write.rule_of(network, self.ip_address, "Firewall", what, sources, display=self.for_display)
        return write.add(self, tx, caller, network, [rule])


class DeleteFirewallRule(Command, starts=ApplyNetwork, event="FIREWALL.CLOSE"):
    """Deletes a firewall rule of a public address."""

    id: Ref[FirewallRule] = param("the rule", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        return write.remove(self, tx, caller, self.id, "Firewall")


class _Show(Command):
    """What may be changed of a firewall rule."""

    id: Ref[FirewallRule] = param("the rule", use=Use.CHANGE)
    for_display: bool | None = param("whether its owner is shown it", roles=("Admin",), since="4.4")
    custom_id: str | None = param("an id of your own for it", roles=("Admin",), since="4.4")

    def _show(self, tx: Tx, caller: Caller, purpose: str) -> FirewallRule:
        if self.custom_id is not None:
            raise ParamError("Parameter customid: ids of one's own are not built yet", param="customid")
        write.expect(self.id, purpose)
        values: dict[str, object] = {} if self.for_display is None else {"display": self.for_display}
        return write.show(self, tx, caller, self.id, values)


class UpdateFirewallRule(_Show, answers=FirewallView, starts=ApplyNetwork, event="FIREWALL.UPDATE", since="4.4"):
    """Changes whether a firewall rule is shown to its owner."""

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        return self._show(tx, caller, "Firewall")


class ListFirewallRules(_RuleList, answers=FirewallView):
    """Lists firewall rules of public addresses."""

    purpose = "Firewall"

    id: Ref[FirewallRule] | None = where(FirewallRule.c.id, "only this one")
    ip_address: Ref[PublicIp] | None = where(FirewallRule.c.public_ip_id, "only those of this public address")
    network: Ref[Network] | None = where(FirewallRule.c.network_id, "only those of this network", since="4.3")
    for_display: bool | None = where(FirewallRule.c.display, "only those shown (or not) to their owners", roles=("Admin",))


class CreateEgressFirewallRule(
    _Traffic, answers=FirewallView, creates=FirewallRule, starts=ApplyNetwork, event="FIREWALL.EGRESS.OPEN"
):
    """Makes an exception to what the guests of a network may send out."""

    network: Ref[Network] = param("the network", use=Use.CHANGE)
    dest_cidr_list: list[str] | None = param("where it may go to; anywhere by default")

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        self._refuse_system()
        offers(tx, self.network, "Firewall")
        what = traffic(self.protocol, self.start_port, self.end_port, self.icmp_type, self.icmp_code, EGRESS)
        everybody = [self.network.cidr or ANYWHERE]
        own = [one for one in self.cidr_list or () if one != ANYWHERE]
        sources = cidrs(own, "cidrlist", within=self.network.cidr) or everybody
        rule = write.rule_of(self.network, self.network, "Egress", what, sources, display=self.for_display)
        rule.destinations = cidrs(self.dest_cidr_list, "destcidrlist")
        return write.add(self, tx, caller, self.network, [rule])


class DeleteEgressFirewallRule(Command, starts=ApplyNetwork, event="FIREWALL.EGRESS.CLOSE"):
    """Deletes an exception to what guests may send out."""

    id: Ref[FirewallRule] = param("the rule", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        return write.remove(self, tx, caller, self.id, "Egress")


class UpdateEgressFirewallRule(_Show, answers=FirewallView, starts=ApplyNetwork, event="FIREWALL.EGRESS.UPDATE", since="4.4"):
    """Changes whether an exception to what guests may send is shown to its owner."""

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        return self._show(tx, caller, "Egress")


class ListEgressFirewallRules(_RuleList, answers=FirewallView):
    """Lists the exceptions to what guests may send out."""

    purpose = "Egress"

    id: Ref[FirewallRule] | None = where(FirewallRule.c.id, "only this one")
    network: Ref[Network] | None = where(FirewallRule.c.network_id, "only those of this network")
    ip_address: Ref[PublicIp] | None = where(
        lambda bind: FirewallRule.c.network_id.in_(sa.select(PublicIp.c.network_id).where(PublicIp.c.id == bind)),
        "only those of the network of this public address",
    )
    for_display: bool | None = where(FirewallRule.c.display, "only those shown (or not) to their owners", roles=("Admin",))
