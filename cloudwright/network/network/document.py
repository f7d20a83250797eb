"""What a network's router shall do, read from rows: a fixed number of statements, whatever the network holds."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.appliance import facts as told
from cloudwright.appliance.document import Document
from cloudwright.appliance.facts import RouterFacts
from cloudwright.appliance.router import document
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.drivers.network.contract import ApplianceSpec, Port
from cloudwright.drivers.segment import Segment, SegmentKind
from cloudwright.infrastructure.model import Host, IpRange, Zone
from cloudwright.network.model import FirewallRule, Network, NetworkOffering, Nic, PublicIp, Router
from cloudwright.network.segment import MTU, label_of, segment_of

CLOUD = setting("custom.cs.identifier", "", "what instances are told as the cloud's identifier in their metadata")
TELL_HOST = setting(
    "metadata.allow.expose.hypervisor.hostname", True, "whether instances may be told the name of their host", scopes=("account",)
)
GUEST = "eth0"

_network: sa.BindParameter[int] = sa.bindparam("network")
_AROUND = (
    sa.select(NetworkOffering.c.services, NetworkOffering.c.egress_allow, Zone.t)
    .select_from(Network.t)
    .join(NetworkOffering.t, NetworkOffering.c.id == Network.c.offering_id)
    .join(Zone.t, Zone.c.id == Network.c.zone_id)
    .where(Network.c.id == _network)
)
_RANGES = (
    sa.select(IpRange.t)
    .where(IpRange.c.zone_id == sa.bindparam("zone"), IpRange.c.network_id.is_(None), IpRange.c.for_virtual_network.is_(True))
    .order_by(IpRange.c.id)
)
_ADDRESSES = (
    sa.select(PublicIp.t)
    .where(PublicIp.c.network_id == _network, PublicIp.c.gone == 0, PublicIp.c.state.in_(["Allocating", "Allocated"]))
    .order_by(PublicIp.c.id)
)
_MACHINES = (
    sa.select(
        Nic.c.ip, Nic.c.mac, Nic.c.is_default, Vm.c.uuid, Vm.c.name, Vm.c.instance_name, Vm.c.public_keys, Vm.c.user_data,
        Vm.c.user_data_details,
        Vm.c.password, Vm.c.password_serial, ServiceOffering.c.display_text.label("offering"), Host.c.name.label("host"),
    )
    .select_from(Nic.t)
    .join(Vm.t, Vm.c.id == Nic.c.vm_id)
    .join(ServiceOffering.t, ServiceOffering.c.id == Vm.c.service_offering_id)
    .outerjoin(Host.t, Host.c.id == Vm.c.host_id)
    .where(Nic.c.network_id == _network, Nic.c.gone == 0, Nic.c.ip.is_not(None))
    .order_by(Nic.c.id)
)  # fmt: skip
_RULES = (
    sa.select(FirewallRule.t, PublicIp.c.address)
    .select_from(FirewallRule.t)
    .outerjoin(PublicIp.t, PublicIp.c.id == FirewallRule.c.public_ip_id)
    .where(FirewallRule.c.network_id == _network, FirewallRule.c.gone == 0, FirewallRule.c.state.in_(["Add", "Active"]))
    .order_by(FirewallRule.c.id)
)


class Wish(msgspec.Struct):
    """A router as it shall be: its interfaces, and the document it runs."""

    spec: ApplianceSpec
    document: Document


class _Outside(msgspec.Struct):
    """A VLAN with public addresses. Its device is named by the VLAN alone: releasing an address renames no other's."""

    device: str
    mac: str
    first: IpRange
    range_ids: set[int]


def facts(reader: Reader, network: Network) -> RouterFacts:
    """All that the network's router shall do at the network's generation. Secrets are in it: hand it to the router alone."""
    return _Reading(reader, network).facts()


def wish(reader: Reader, network: Network) -> Wish:
    """Interfaces and document of the network's router."""
    reading = _Reading(reader, network)
    return Wish(reading.spec(), document(reading.facts()))


def ports_of(reader: Reader, network: Network) -> list[Port]:
    """The interfaces of the network's router; none where the network has no segment yet."""
    if network.segment_number is None and network.segment_kind != "FLAT":
        return []
    return _Reading(reader, network).spec().ports


class _Reading:
    """The rows around a network, read once."""

    def __init__(self, reader: Reader, network: Network) -> None:
        if network.router_id is None:
            raise RuntimeError(f"BUG: network {network.name} has no router to tell anything (NoRouter)")
        self.reader, self.network = reader, network
        about = {"network": network.id}
        around = reader.one(_AROUND, about)
        if around is None:
            raise RuntimeError(f"BUG: network {network.name} has no offering or zone (NetworkAlone)")
        self.services: dict[str, str] = around.services
        self.egress_allow: bool = around.egress_allow
        self.zone = around
        self.router = reader.get(Router, network.router_id)
        self.addresses = [PublicIp.load(row) for row in reader.rows(_ADDRESSES, about)]
        self.outside = self._outside([IpRange.load(row) for row in reader.rows(_RANGES, {"zone": network.zone_id})])
        self.device = {id: one.device for one in self.outside for id in one.range_ids}

    def _outside(self, ranges: Sequence[IpRange]) -> list[_Outside]:
        used = {address.range_id for address in self.addresses}
        wires: dict[tuple[int, str], list[IpRange]] = {}
        for found in ranges:
            wires.setdefault((found.physical_network_id, found.vlan), []).append(found)
        tail = self.router.public_mac.split(":")[2:]
        made = []
        for number, (_, on) in enumerate(wires.items()):
            ids = {found.id for found in on}
            first = next((found for found in on if found.id in used), None)
            if first is not None:
                mac = self.router.public_mac if not number else ":".join(["1e", f"{number & 255:02x}", *tail])
                made.append(_Outside(f"eth{number + 1}", mac, first, ids))
        return made

    def spec(self) -> ApplianceSpec:
        """The router's interfaces."""
        ports = [Port(GUEST, self.router.guest_mac, segment_of(self.reader, self.network))]
        ports += [Port(one.device, one.mac, self._public_segment(one.first)) for one in self.outside]
        return ApplianceSpec(self.router.appliance_name, ports)

    def _public_segment(self, found: IpRange) -> Segment:
        label = label_of(self.reader, found.physical_network_id, "Public")
        tag = found.vlan.removeprefix("vlan://")
        mtu = self.network.public_mtu or MTU
        if not tag.isdigit() or tag == "0":
            return Segment(SegmentKind.FLAT, label, mtu=mtu)
        return Segment(SegmentKind.VLAN, label, int(tag), mtu)

    def facts(self) -> RouterFacts:
        """Everything, as the appliance's renderer wants it."""
        rules = self.reader.rows(_RULES, {"network": self.network.id})
        return RouterFacts(
            name=self.router.appliance_name,
            generation=self.network.generation,
            upstream_dns=self._dns(),
            networks=[self._guest()],
            publics=[self._public(one) for one in self.outside],
            addresses=[self._address(one) for one in self.addresses if one.range_id in self.device],
            nics=self._machines(),
            firewall=[_ingress(rule) for rule in rules if rule.purpose == "Firewall" and rule.address],
            egress=[self._egress(rule) for rule in rules if rule.purpose == "Egress"],
            forwards=[_forward(rule) for rule in rules if rule.purpose == "PortForwarding" and rule.address],
        )

    def _dns(self) -> list[str]:
        known = (self.network.dns1, self.network.dns2) if self.network.dns1 else (self.zone.dns1, self.zone.dns2)
        return [address for address in known if address]

    def _guest(self) -> told.GuestNetwork:
        network = self.network
        gateway = network.gateway or ""
        return told.GuestNetwork(
            uuid=network.uuid, device=GUEST, mac=self.router.guest_mac, address=gateway, cidr=network.cidr or "",
            gateway=gateway, dns=[] if "Dns" in self.services else self._dns(), domain=network.network_domain or "",
            mtu=network.private_mtu or MTU, dhcp="Dhcp" in self.services, dns_service="Dns" in self.services,
            source_nat="SourceNat" in self.services, egress_allow=self.egress_allow,
        )  # fmt: skip

    def _public(self, one: _Outside) -> told.PublicNetwork:
        prefix = IPv4Network(f"0.0.0.0/{one.first.netmask}").prefixlen
        mtu = self.network.public_mtu or MTU
        return told.PublicNetwork(device=one.device, mac=one.mac, gateway=one.first.gateway, prefix=prefix, mtu=mtu)

    def _address(self, row: PublicIp) -> told.Address:
        to = row.static_to if row.static_nat and row.static_to else ""
        return told.Address(row.address, self.device[row.range_id], source_nat=row.source_nat, static_nat_to=to)

    def _machines(self) -> list[told.Nic]:
        cloud = CLOUD.get(self.reader)
        shown = TELL_HOST.get(self.reader, account=self.network.account_id)
        return [self._machine(row, cloud, shown) for row in self.reader.rows(_MACHINES, {"network": self.network.id})]

    def _machine(self, row: Any, cloud: str, shown: bool) -> told.Nic:
        data = "UserData" in self.services
        return told.Nic(
            network=self.network.uuid, mac=row.mac, address=row.ip, hostname=row.name, default=row.is_default,
            instance_name=row.instance_name, machine=row.uuid, service_offering=row.offering, zone=self.zone.name,
            cloud=cloud, host=row.host or "" if shown else "", public_keys=row.public_keys,
            user_data=row.user_data or "" if data else "", password=row.password.reveal() if row.password and data else "",
            password_serial=row.password_serial, variables=row.user_data_details if data else {},
        )  # fmt: skip

    def _egress(self, rule: Any) -> told.EgressRule:
        return told.EgressRule(
            network=self.network.uuid, protocol=rule.protocol, first_port=rule.start_port or 0, last_port=rule.end_port or 0,
            icmp_type=_any(rule.icmp_type), icmp_code=_any(rule.icmp_code), sources=rule.sources,
            destinations=rule.destinations,
        )  # fmt: skip


def _ingress(rule: Any) -> told.FirewallRule:
    return told.FirewallRule(
        address=rule.address, protocol=rule.protocol, first_port=rule.start_port or 0, last_port=rule.end_port or 0,
        icmp_type=_any(rule.icmp_type), icmp_code=_any(rule.icmp_code), sources=rule.sources,
    )  # fmt: skip


def _forward(rule: Any) -> told.PortForward:
    return told.PortForward(
        address=rule.address, protocol=rule.protocol, first_public=rule.start_port, last_public=rule.end_port,
        to=rule.private_ip, first_private=rule.private_start, last_private=rule.private_end,
    )  # fmt: skip


def _any(value: int | None) -> int:
    return -1 if value is None else value
