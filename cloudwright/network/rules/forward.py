"""Port forwarding: ports of a public address that lead to a machine."""

from __future__ import annotations

from typing import Any

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import Conflict, ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.owner import OwnedList
from cloudwright.network.model import FirewallRule, Network, Nic, NicSecondary, PublicIp
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.generation import bump
from cloudwright.network.rules import write
from cloudwright.network.rules.check import ANYWHERE, Traffic, cidrs, network_of, traffic
from cloudwright.network.rules.view import PortForwardingView

PROTOCOLS = ("tcp", "udp")


def target(reader: Reader, network: Network, vm: Vm, guest_ip: str | None) -> tuple[Nic, str]:
    """A machine's interface on a network, and the address of it that is meant: the primary one unless another is named."""
    if vm.state in ("Destroyed", "Expunging", "Error"):
        raise ParamError(f"Machine {vm.name} is {vm.state}", param="virtualmachineid")
    nic = reader.find(Nic, Nic.c.vm_id == vm.id, Nic.c.network_id == network.id)
    if nic is None or nic.ip is None:
        text = f"Machine {vm.name} has no address on network {network.name}"
        raise ParamError(text, param="virtualmachineid", fix=["give it an interface there with addNicToVirtualMachine"])
    if guest_ip is None or guest_ip == nic.ip:
        return nic, nic.ip
    further = {one.ip for one in reader.all(NicSecondary, NicSecondary.c.nic_id == nic.id)}
    if guest_ip not in further:
        text = f"Parameter vmguestip: {guest_ip[:64]} is no address of {vm.name} on network {network.name}"
        raise ParamError(text, param="vmguestip", why=[f"it has {', '.join([nic.ip, *sorted(further)])}"])
    return nic, guest_ip


def same_network(given: Network | None, network: Network, address: PublicIp) -> None:
    """Raises ParamError when the address belongs to another network than the one given."""
    if given is not None and given.id != network.id:
        text = f"Parameter networkid: public address {address.address} belongs to network {network.name}, not to {given.name}"
        raise ParamError(text, param="networkid")


class CreatePortForwardingRule(
    Command, answers=PortForwardingView, creates=FirewallRule, starts=ApplyNetwork, event="NET.RULEADD"
):
    """Leads ports of a public address to a machine, and opens them in the firewall unless told not to."""

    ip_address: Ref[PublicIp] = param("the public address", use=Use.CHANGE)
    protocol: str = param("tcp or udp")
    public_port: int = param("the first public port", minimum=1, maximum=65535)
    public_end_port: int | None = param("the last public port; the first by default", minimum=1, maximum=65535)
    private_port: int = param("the first port of the machine", minimum=1, maximum=65535)
    private_end_port: int | None = param("the last port of the machine", minimum=1, maximum=65535)
    virtual_machine: Ref[Vm] = param("the machine", use=Use.CHANGE)
    cidr_list: list[str] | None = param("where traffic may come from, in the firewall rule that is opened")
    open_firewall: bool = param("false: open no firewall rule", default=True)
    network: Ref[Network] | None = param("the network of machine and address")
    vm_guest_ip: str | None = param("the machine's address, where it has several")
    for_display: bool = param("whether its owner is shown it", default=True, roles=("Admin",), since="4.4")

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        address = self.ip_address
        network, offering = network_of(tx, address, "PortForwarding")
        same_network(self.network, network, address)
        if address.static_nat:
            text = f"Public address {address.address} is in use for static NAT"
            raise Conflict(
                text, param="ipaddressid", fix=["take another address", "or end its static NAT first (disableStaticNat)"]
            )
        if address.source_nat and not offering.conserve_mode:
            text = f"Public address {address.address} is for source NAT, and offering {offering.name} has no conserve mode"
            raise Conflict(text, param="ipaddressid", fix=["take another address with associateIpAddress"])
        public = traffic(self.protocol, self.public_port, self.public_end_port, None, None, PROTOCOLS)
        private = traffic(self.protocol, self.private_port, self._private_end(public), None, None, PROTOCOLS)
        nic, guest_ip = target(tx, network, self.virtual_machine, self.vm_guest_ip)
        rule = write.rule_of(network, address, "PortForwarding", public, [], display=self.for_display)
        rule.vm_id, rule.nic_id, rule.private_ip = self.virtual_machine.id, nic.id, guest_ip
        rule.private_start, rule.private_end = private.first, private.last
        opened = self._opened(tx, network, public)
        return write.add(self, tx, caller, network, [rule, *opened])

    def _private_end(self, public: Traffic) -> int:
        length = (public.last or 0) - (public.first or 0)
        end = self.private_end_port or self.private_port + length
        if end - self.private_port != length or end > 65535:
            raise ParamError(
                f"Parameter privateendport: {self.private_port}-{end} is not as long as the public range "
                f"{public.first}-{public.last} ({length + 1} ports)",
                param="privateendport",
            )
        return end

    def _opened(self, reader: Reader, network: Network, public: Traffic) -> list[FirewallRule]:
        """The firewall rule to open; none where the same is open already."""
        sources = cidrs(self.cidr_list, "cidrlist")
        if not self.open_firewall:
            if sources:
                text = "Parameter cidrlist: it belongs to the firewall rule that openfirewall=false does not open"
                raise ParamError(text, param="cidrlist", fix=["make the rule with createFirewallRule"])
            return []
        rule = write.rule_of(network, self.ip_address, "Firewall", public, sources or [ANYWHERE], display=self.for_display)
        here = (FirewallRule.c.public_ip_id == self.ip_address.id, FirewallRule.c.purpose == "Firewall")
        same = (FirewallRule.c.protocol == public.protocol, FirewallRule.c.state != "Revoke")
        return [] if any(_covers(one, rule) for one in reader.all(FirewallRule, *here, *same)) else [rule]


def _covers(one: FirewallRule, other: FirewallRule) -> bool:
    """Whether a firewall rule lets in all that another would."""
    low, high = one.start_port or 1, one.end_port or 65535
    within = low <= (other.start_port or 1) and (other.end_port or 65535) <= high
    return within and (set(other.sources) <= set(one.sources) or ANYWHERE in one.sources)


class DeletePortForwardingRule(Command, starts=ApplyNetwork, event="NET.RULEDELETE"):
    """Deletes a port forwarding rule, and the firewall rule that was opened with it."""

    id: Ref[FirewallRule] = param("the rule", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        return write.remove(self, tx, caller, self.id, "PortForwarding")


class UpdatePortForwardingRule(Command, answers=PortForwardingView, starts=ApplyNetwork, event="NET.RULEMODIFY"):
    """Changes where a port forwarding rule leads."""

    id: Ref[FirewallRule] = param("the rule", use=Use.CHANGE, since="4.4")
    private_port: int | None = param("the first port of the machine", minimum=1, maximum=65535)
    private_end_port: int | None = param("the last port of the machine", minimum=1, maximum=65535)
    virtual_machine: Ref[Vm] | None = param("another machine", use=Use.CHANGE)
    vm_guest_ip: str | None = param("the machine's address, where it has several", since="4.5")
    for_display: bool | None = param("whether its owner is shown it", roles=("Admin",), since="4.4")
    cidr_list: list[str] | None = param("where traffic may come from, in the firewall rule that was opened with it")
    custom_id: str | None = param("an id of your own for it", roles=("Admin",), since="4.4")

    def run(self, tx: Tx, caller: Caller) -> FirewallRule:
        if self.custom_id is not None:
            raise ParamError("Parameter customid: ids of one's own are not built yet", param="customid")
        rule = self.id
        write.expect(rule, "PortForwarding")
        network = tx.get(Network, rule.network_id)
        generation = bump(tx, network)
        vm = self.virtual_machine or tx.get(Vm, rule.vm_id or 0)
        kept = rule.private_ip if self.virtual_machine is None else None
        nic, guest_ip = target(tx, network, vm, self.vm_guest_ip or kept)
        first, last = self._private(rule)
        tx.update(
            rule, vm_id=vm.id, nic_id=nic.id, private_ip=guest_ip, private_start=first, private_end=last, state="Add",
            generation=generation, display=rule.display if self.for_display is None else self.for_display,
        )  # fmt: skip
        self._sources(tx, rule, generation)
        self.start(tx, ApplyNetwork(network=network.id, wake=False), network, caller, about=rule)
        return rule

    def _private(self, rule: FirewallRule) -> tuple[int, int]:
        length = (rule.end_port or 0) - (rule.start_port or 0)
        first = self.private_port or (self.private_end_port - length if self.private_end_port else rule.private_start or 0)
        last = self.private_end_port or first + length
        if last - first != length or not 1 <= first <= last <= 65535:
            text = f"Parameter privateendport: {first}-{last} is not as long as the public range ({length + 1} ports)"
            raise ParamError(text, param="privateendport")
        return first, last

    def _sources(self, tx: Tx, rule: FirewallRule, generation: int) -> None:
        if self.cidr_list is None:
            return
        opened = tx.find(FirewallRule, FirewallRule.c.related_id == rule.id, FirewallRule.c.state != "Revoke")
        if opened is None:
            raise ParamError("Parameter cidrlist: no firewall rule was opened with this rule", param="cidrlist")
        tx.update(opened, sources=cidrs(self.cidr_list, "cidrlist"), state="Add", generation=generation)


class ListPortForwardingRules(OwnedList, answers=PortForwardingView):
    """Lists port forwarding rules."""

    id: Ref[FirewallRule] | None = where(FirewallRule.c.id, "only this one")
    ip_address: Ref[PublicIp] | None = where(FirewallRule.c.public_ip_id, "only those of this public address")
    network: Ref[Network] | None = where(FirewallRule.c.network_id, "only those of this network", since="4.3")
    for_display: bool | None = where(FirewallRule.c.display, "only those shown (or not) to their owners", roles=("Admin",))

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [*super().narrow(reader, caller), ("purpose", FirewallRule.c.purpose == "PortForwarding", {})]
