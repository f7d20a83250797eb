"""What rules look like in answers."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.view import View, field
from cloudwright.network.model import FirewallRule, Network, PublicIp


def _joined(cidrs: list[str]) -> str | None:
    return ",".join(cidrs) or None


def _text(number: int) -> str:
    return str(number)


_JOINS = [(PublicIp, PublicIp.c.id == FirewallRule.c.public_ip_id), (Network, Network.c.id == FirewallRule.c.network_id)]
_VM = (Vm, Vm.c.id == FirewallRule.c.vm_id)


class FirewallView(View, of=FirewallRule, key="firewallrule", joins=_JOINS):
    """A firewall rule, of a public address or for what guests send."""

    id = field(FirewallRule.c.uuid, "the rule's id")
    protocol = field(FirewallRule.c.protocol, "tcp, udp, icmp or all")
    startport = field(FirewallRule.c.start_port, "the first port", "integer")
    endport = field(FirewallRule.c.end_port, "the last port", "integer")
    icmptype = field(FirewallRule.c.icmp_type, "the ICMP type, -1 for any", "integer")
    icmpcode = field(FirewallRule.c.icmp_code, "the ICMP code, -1 for any", "integer")
    ipaddressid = field(PublicIp.c.uuid, "the public address")
    ipaddress = field(PublicIp.c.address, "that address")
    networkid = field(Network.c.uuid, "the network")
    cidrlist = field(FirewallRule.c.sources, "where traffic may come from", "string", convert=_joined)
    destcidrlist = field(FirewallRule.c.destinations, "where it may go to", "string", convert=_joined)
    traffictype = field(sa.case((FirewallRule.c.purpose == "Egress", "Egress"), else_="Ingress"), "Ingress or Egress", "string")
    state = field(FirewallRule.c.state, "Add until the router has it, then Active; Revoke until the router lacks it")
    fordisplay = field(FirewallRule.c.display, "whether its owner is shown it", admin=True)


class PortForwardingView(View, of=FirewallRule, key="portforwardingrule", joins=[*_JOINS, _VM]):
    """A port forwarding rule."""

    id = field(FirewallRule.c.uuid, "the rule's id")
    protocol = field(FirewallRule.c.protocol, "tcp or udp")
    publicport = field(FirewallRule.c.start_port, "the first public port", "string", convert=_text)
    publicendport = field(FirewallRule.c.end_port, "the last public port", "string", convert=_text)
    privateport = field(FirewallRule.c.private_start, "the first port of the machine", "string", convert=_text)
    privateendport = field(FirewallRule.c.private_end, "the last port of the machine", "string", convert=_text)
    ipaddressid = field(PublicIp.c.uuid, "the public address")
    ipaddress = field(PublicIp.c.address, "that address")
    virtualmachineid = field(Vm.c.uuid, "the machine")
    virtualmachinename = field(Vm.c.name, "its name")
    virtualmachinedisplayname = field(sa.func.coalesce(Vm.c.display_name, Vm.c.name), "the name that people are shown")
    vmguestip = field(FirewallRule.c.private_ip, "the machine's address that it leads to")
    networkid = field(Network.c.uuid, "the network")
    networkname = field(Network.c.name, "the network's name")
    cidrlist = field(FirewallRule.c.sources, "where traffic may come from", "string", convert=_joined)
    state = field(FirewallRule.c.state, "Add until the router has it, then Active; Revoke until the router lacks it")
    fordisplay = field(FirewallRule.c.display, "whether its owner is shown it", admin=True)


class IpForwardingView(View, of=FirewallRule, key="ipforwardingrule", joins=[*_JOINS, _VM]):
    """Ports of a static NAT."""

    id = field(FirewallRule.c.uuid, "the rule's id")
    protocol = field(FirewallRule.c.protocol, "tcp or udp")
    startport = field(FirewallRule.c.start_port, "the first port", "integer")
    endport = field(FirewallRule.c.end_port, "the last port", "integer")
    ipaddressid = field(PublicIp.c.uuid, "the public address")
    ipaddress = field(PublicIp.c.address, "that address")
    virtualmachineid = field(Vm.c.uuid, "the machine")
    virtualmachinename = field(Vm.c.name, "its name")
    virtualmachinedisplayname = field(sa.func.coalesce(Vm.c.display_name, Vm.c.name), "the name that people are shown")
    state = field(FirewallRule.c.state, "Add until the router has it, then Active; Revoke until the router lacks it")
