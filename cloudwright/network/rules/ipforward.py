"""Ports of a static NAT: all traffic to its address reaches the machine; these say which ports the firewall lets in."""

from __future__ import annotations

from typing import Any

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.owner import OwnedList
from cloudwright.network.model import FirewallRule, PublicIp
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.rules import write
from cloudwright.network.rules.check import ANYWHERE, cidrs, network_of, traffic
from cloudwright.network.rules.forward import PROTOCOLS
from cloudwright.network.rules.view import IpForwardingView


class CreateIpForwardingRule(Command, answers=IpForwardingView, creates=FirewallRule, starts=ApplyNetwork, event="NET.RULEADD"):
    """Names ports of a static NAT, and opens them in the firewall unless told not to."""

    ip_address: Ref[PublicIp] = param("the public address", use=Use.CHANGE)
    start_port: int = param("the first port", minimum=1, maximum=65535)
    end_port: int | None = param("the last port; the first by default", minimum=1, maximum=65535)
    protocol: str = param("tcp or udp")
    open_firewall: bool = param("false: open no firewall rule", default=True)
    cidr_list: list[str] | None = param("where traffic may come from, in the firewall rule that is opened")

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        address = self.ip_address
        network, _ = network_of(tx, address, "StaticNat")
        if not address.static_nat:
            text = f"Public address {address.address} has no static NAT"
            raise WrongState(text, param="ipaddressid", fix=["give it static NAT to an instance first (enableStaticNat)"])
        what = traffic(self.protocol, self.start_port, self.end_port, None, None, PROTOCOLS)
        rule = write.rule_of(network, address, "StaticNat", what, [])
        rule.vm_id, rule.nic_id, rule.private_ip = address.vm_id, address.nic_id, address.static_to
        sources = cidrs(self.cidr_list, "cidrlist") or [ANYWHERE]
        opened = [write.rule_of(network, address, "Firewall", what, sources)] if self.open_firewall else []
        return write.add(self, tx, caller, network, [rule, *opened])


class DeleteIpForwardingRule(Command, starts=ApplyNetwork, event="NET.RULEDELETE"):
    """Deletes a rule of a static NAT, and the firewall rule that was opened with it."""

    id: Ref[FirewallRule] = param("the rule", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        return write.remove(self, tx, caller, self.id, "StaticNat")


class ListIpForwardingRules(OwnedList, answers=IpForwardingView):
    """Lists the rules of static NATs."""

    ip_address: Ref[PublicIp] | None = where(FirewallRule.c.public_ip_id, "only those of this public address")
    id: Ref[FirewallRule] | None = where(FirewallRule.c.id, "only this one")
    virtual_machine: Ref[Vm] | None = where(FirewallRule.c.vm_id, "only those of this machine")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [*super().narrow(reader, caller), ("purpose", FirewallRule.c.purpose == "StaticNat", {})]
