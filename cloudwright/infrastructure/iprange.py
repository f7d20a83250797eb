"""Ranges of addresses (what the API calls VLAN IP ranges): public ones of a zone, and those of shared networks."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.model import PROJECT, Account, Domain
from cloudwright.identity.owner import ALL_PROJECTS, Narrowed, shown_path
from cloudwright.identity.project.model import Project
from cloudwright.infrastructure import address
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import IpRange, PhysicalNetwork, Pod, TrafficType, Zone
from cloudwright.infrastructure.physical import LARGEST, in_ranges
from cloudwright.network.model import Network, Nic, PublicIp

UNTAGGED = "vlan://untagged"
_IPV6 = not_built("IPv6 ranges")
_DEDICATED = not_built("ranges of one account or domain")


def _subnet(row: dict[str, Any], caller: Caller) -> str:
    return str(IPv4Network(f"{row['gateway']}/{row['netmask']}", strict=False))


class VlanView(
    View, of=IpRange, key="vlan",
    joins=[
        (Zone, Zone.c.id == IpRange.c.zone_id), (PhysicalNetwork, PhysicalNetwork.c.id == IpRange.c.physical_network_id),
        (Network, Network.c.id == IpRange.c.network_id), (Pod, Pod.c.id == IpRange.c.pod_id),
        (Account, Account.c.id == IpRange.c.account_id), (Project, Project.c.account_id == IpRange.c.account_id),
        (Domain, Domain.c.id == IpRange.c.domain_id),
    ],
):  # fmt: skip
    """A range of addresses."""

    id = field(IpRange.c.uuid, "the range's id")
    forvirtualnetwork = field(IpRange.c.for_virtual_network, "whether its addresses are public")
    zoneid = field(Zone.c.uuid, "its zone")
    physicalnetworkid = field(PhysicalNetwork.c.uuid, "the physical network that carries it")
    networkid = field(Network.c.uuid, "the shared network whose addresses these are")
    podid = field(Pod.c.uuid, "its pod")
    podname = field(Pod.c.name, "the name of its pod")
    vlan = field(IpRange.c.vlan, "its VLAN, vlan://untagged without one")
    gateway = field(IpRange.c.gateway, "the gateway")
    netmask = field(IpRange.c.netmask, "the netmask")
    cidr = computed(_subnet, "the network")
    startip = field(IpRange.c.start_ip, "the first address")
    endip = field(IpRange.c.end_ip, "the last address")
    account = field(sa.case((Account.c.type_ != PROJECT, Account.c.name)), "the account whose range it is")
    projectid = field(Project.c.uuid, "the project whose range it is")
    project = field(Project.c.name, "the name of that project")
    domainid = field(Domain.c.uuid, "the domain whose range it is")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)
    forsystemvms = computed(lambda row, caller: False, "whether only appliances use it", "boolean")


class VlanIpRangeView(VlanView, key="vlaniprange"):
    """The same in lists."""


class ListVlanIpRanges(List, answers=VlanIpRangeView, keywords=[IpRange.c.vlan, IpRange.c.start_ip]):
    """Lists ranges of addresses."""

    id: str | None = where(IpRange.c.uuid, "only this one", kind="uuid")
    zone: Ref[Zone] | None = where(IpRange.c.zone_id, "only those of this zone")
    physical_network: Ref[PhysicalNetwork] | None = where(IpRange.c.physical_network_id, "only those on this physical network")
    network: Ref[Network] | None = where(IpRange.c.network_id, "only those of this shared network")
    pod: Ref[Pod] | None = where(IpRange.c.pod_id, "only those of this pod")
    vlan: str | None = where(
        lambda bind: sa.or_(IpRange.c.vlan == bind, IpRange.c.vlan == sa.literal("vlan://").concat(bind)),
        "only those on this VLAN",
    )
    for_virtual_network: bool | None = where(IpRange.c.for_virtual_network, "only public ones, or only others")
    domain: Ref[Domain] | None = where(IpRange.c.domain_id, "only those of this domain")
    account: str | None = where(
        lambda bind: IpRange.c.account_id.in_(sa.select(Account.c.id).where(Account.c.name == bind)), "only those of this account"
    )
    project: Ref[Project] | None = where(
        lambda bind: IpRange.c.account_id.in_(sa.select(Project.c.account_id).where(Project.c.id == bind)),
        "only those of this project; -1 for those of all projects",
        passed=ALL_PROJECTS,
    )

    def narrow(self, reader: Reader, caller: Caller) -> Narrowed:
        theirs = IpRange.c.account_id.in_(sa.select(Project.c.account_id))
        return [] if self.project is None or isinstance(self.project, Project) else [("projects", theirs, {})]


class CreateVlanIpRange(Command, answers=VlanView, event="VLAN.IP.RANGE.CREATE"):
    """Adds a range of public addresses to a zone, or of addresses to a shared network."""

    zone: Ref[Zone] | None = param("the zone, for public addresses")
    network: Ref[Network] | None = param("the shared network", use=Use.USE)
    physical_network: Ref[PhysicalNetwork] | None = param("what carries it; without, what carries public traffic")
    for_virtual_network: bool = param("true: public addresses", default=True)
    vlan: str | None = param("untagged, or the number of its VLAN")
    gateway: str = param("the gateway", check=address.ip, optional_in_api=True)
    netmask: str = param("the netmask", check=address.mask, optional_in_api=True)
    start_ip: str = param("the first address", check=address.ip, optional_in_api=True)
    end_ip: str | None = param("the last one; without, the last of the network", check=address.ip)
    pod: str | None = param("a pod", wire_name="podid", kind="uuid", check=not_built("ranges of single pods"))
    account: str | None = param("an account", check=_DEDICATED)
    domain: str | None = param("a domain", wire_name="domainid", kind="uuid", check=_DEDICATED)
    project: str | None = param("a project", wire_name="projectid", kind="uuid", check=_DEDICATED)
    for_system_vms: bool = param("only for appliances", default=False, check=not_built("ranges for appliances alone"))
    start_ipv6: str | None = param("the first IPv6 address", check=_IPV6)
    end_ipv6: str | None = param("the last IPv6 address", check=_IPV6)
    ip6_gateway: str | None = param("the IPv6 gateway", check=_IPV6)
    ip6_cidr: str | None = param("the IPv6 network", check=_IPV6)
    provider: str | None = param("another provider", check=not_built("ranges of other providers"))

    def run(self, tx: Tx, caller: Caller) -> IpRange:
        if self.network is not None:
            return self._shared(tx, self.network)
        if self.zone is None or not self.for_virtual_network:
            missing = "zoneid" if self.for_virtual_network else "networkid"
            raise ParamError(f"Parameter {missing}: public addresses need a zone, others a shared network", param=missing)
        physical = self.physical_network or _carrier(tx, self.zone)
        if physical.zone_id != self.zone.id:
            text = f"Parameter physicalnetworkid: {physical.name} is not in zone {self.zone.name}"
            raise ParamError(text, param="physicalnetworkid")
        vlan = _vlan(self.vlan, physical)
        return self._store(tx, IpRange.c.for_virtual_network.is_(True), self.zone.id, physical.id, vlan)

    def _shared(self, tx: Tx, network: Network) -> IpRange:
        if network.guest_type != "Shared":
            text = f"Parameter networkid: network {network.name} is {network.guest_type}; only shared networks have ranges"
            raise ParamError(text, param="networkid")
        tag = f"vlan://{network.segment_number}" if network.segment_number else UNTAGGED
        return self._store(tx, IpRange.c.network_id == network.id, network.zone_id, network.physical_network_id, tag)

    def _store(self, tx: Tx, among: Any, zone_id: int, physical_network_id: int, vlan: str) -> IpRange:
        range_ = address.checked(self.gateway, self.netmask, self.start_ip, self.end_ip)
        _check_alone(tx, range_, vlan, zone_id, among)
        return tx.insert(IpRange(
            zone_id=zone_id, physical_network_id=physical_network_id, network_id=self.network.id if self.network else None,
            vlan=vlan, gateway=self.gateway, netmask=self.netmask, start_ip=self.start_ip, end_ip=str(range_.end),
            for_virtual_network=self.network is None,
        ))  # fmt: skip


class UpdateVlanIpRange(Command, answers=VlanView, authorized=("Admin",)):
    """Changes a range of addresses. Addresses that somebody holds must stay in it."""

    id: Ref[IpRange] = param("the range", use=Use.CHANGE)
    gateway: str | None = param("the gateway", check=address.ip)
    netmask: str | None = param("the netmask", check=address.mask)
    start_ip: str | None = param("the first address", check=address.ip)
    end_ip: str | None = param("the last one", check=address.ip)
    for_system_vms: bool = param("only for appliances", default=False, check=not_built("ranges for appliances alone"))
    start_ipv6: str | None = param("the first IPv6 address", check=_IPV6)
    end_ipv6: str | None = param("the last IPv6 address", check=_IPV6)
    ip6_gateway: str | None = param("the IPv6 gateway", check=_IPV6)
    ip6_cidr: str | None = param("the IPv6 network", check=_IPV6)

    def run(self, tx: Tx, caller: Caller) -> IpRange:
        row = self.id
        names = ("gateway", "netmask", "start_ip", "end_ip")
        now = {name: self.__dict__[name] or getattr(row, name) for name in names}
        range_ = address.checked(now["gateway"], now["netmask"], now["start_ip"], now["end_ip"])
        public = IpRange.c.for_virtual_network.is_(True)
        among = IpRange.c.network_id == row.network_id if row.network_id else public
        _check_alone(tx, range_, row.vlan, row.zone_id, sa.and_(among, IpRange.c.id != row.id))
        lost = [one for one in _taken(tx, row) if not range_.start <= IPv4Address(one) <= range_.end]
        if lost:
            raise InUse(f"Range {row.start_ip} to {row.end_ip}: {', '.join(lost[:10])} are held and would be outside", param="id")
        tx.update(row, **now)
        return row


class DeleteVlanIpRange(Command, event="VLAN.IP.RANGE.DELETE"):
    """Deletes a range of which nobody holds an address."""

    id: Ref[IpRange] = param("the range", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        taken = _taken(tx, self.id)
        if taken:
            text = f"Range {self.id.start_ip} to {self.id.end_ip} is in use: {len(taken)} of its addresses are held"
            raise InUse(text, param="id", why=[", ".join(taken[:20])], fix=["release them first"])
        tx.remove(self.id)
        return Success()


def _taken(reader: Reader, row: IpRange) -> list[str]:
    """The addresses of a range that somebody holds."""
    if row.network_id is None:
        return [held.address for held in reader.all(PublicIp, PublicIp.c.range_id == row.id)]
    first, last = IPv4Address(row.start_ip), IPv4Address(row.end_ip)
    nics = reader.all(Nic, Nic.c.network_id == row.network_id, Nic.c.ip.isnot(None))
    return [nic.ip for nic in nics if nic.ip and first <= IPv4Address(nic.ip) <= last]


def _carrier(reader: Reader, zone: Zone) -> PhysicalNetwork:
    """The physical network that carries public traffic. Raises ParamError."""
    public = sa.select(TrafficType.c.physical_network_id).where(TrafficType.c.traffic == "Public", TrafficType.c.gone == 0)
    found = reader.find(PhysicalNetwork, PhysicalNetwork.c.zone_id == zone.id, PhysicalNetwork.c.id.in_(public))
    if found is None:
        text = f"Parameter physicalnetworkid: no physical network of zone {zone.name} carries Public traffic"
        raise ParamError(
            text, param="physicalnetworkid", fix=["add that traffic to one (addTrafficType with traffictype=Public)"]
        )
    return found


def _vlan(text: str | None, physical: PhysicalNetwork) -> str:
    """ "120" or "vlan://120" as it is stored. Raises ParamError."""
    tag = (text or "untagged").lower().removeprefix("vlan://")
    if tag == "untagged":
        return UNTAGGED
    if not tag.isdecimal() or not 1 <= int(tag) <= LARGEST["VLAN"]:
        raise ParamError(f"Parameter vlan: {text!r} is neither untagged nor between 1 and {LARGEST['VLAN']}", param="vlan")
    if physical.isolation == "VLAN" and in_ranges(int(tag), physical.ranges):
        what = f"VLAN {tag} is among the numbers for guest networks of {physical.name} ({', '.join(physical.ranges)})"
        raise ParamError(f"Parameter vlan: {what}", param="vlan")
    return f"vlan://{int(tag)}"


def _check_alone(reader: Reader, mine: address.Range, vlan: str, zone_id: int, among: Any) -> None:
    """Raises ParamError where the range contradicts another: shared addresses, or one network on two VLANs or with two
    gateways."""
    for other in reader.all(IpRange, IpRange.c.zone_id == zone_id, among):
        theirs = address.checked(other.gateway, other.netmask, other.start_ip, other.end_ip)
        shown = f"{other.start_ip} to {other.end_ip} on {other.vlan}"
        if mine.meets(theirs):
            raise ParamError(f"Parameter startip: {mine.start} to {mine.end} overlaps the range {shown}", param="startip")
        if not mine.subnet.overlaps(theirs.subnet):
            continue
        if vlan != other.vlan:
            raise ParamError(f"Parameter vlan: the network {mine.subnet} is already there, with {shown}", param="vlan")
        if (mine.subnet, mine.gateway) != (theirs.subnet, theirs.gateway):
            text = f"Parameter gateway: {shown} is {theirs.subnet} with gateway {theirs.gateway}; one VLAN has one such network"
            raise ParamError(text, param="gateway")
