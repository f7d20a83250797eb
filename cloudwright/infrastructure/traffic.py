"""Traffic types: what a physical network carries, and what its bridge is called on each kind of host."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Success, Told, Verb
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import REQUIRED, Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import IpRange, PhysicalNetwork, TrafficType
from cloudwright.network.model import Network

TRAFFIC = ("Guest", "Management", "Public", "Storage")
DEFAULT_LABEL = "cloudbr0"
"""The bridge on hosts when no label was said."""


class TrafficTypeView(
    View, of=TrafficType, key="traffictype", joins=[(PhysicalNetwork, PhysicalNetwork.c.id == TrafficType.c.physical_network_id)]
):
    """A traffic type of a physical network."""

    id = field(TrafficType.c.uuid, "the traffic type's id")
    traffictype = field(TrafficType.c.traffic, "Guest, Management, Public or Storage")
    physicalnetworkid = field(PhysicalNetwork.c.uuid, "the physical network")
    kvmnetworklabel = field(TrafficType.c.kvm_label, "the bridge on KVM hosts")


class ListTrafficTypes(List, answers=TrafficTypeView, keywords=[TrafficType.c.traffic]):
    """Lists what a physical network carries."""

    physical_network: Ref[PhysicalNetwork] = where(TrafficType.c.physical_network_id, "the physical network", default=REQUIRED)


class ListTrafficTypeImplementors(
    Query, response={"traffictype": ("string", "the traffic type"), "traffictypeimplementor": ("string", "what implements it")}
):
    """Lists the traffic types that there are."""

    traffic_type: str | None = param("only this one", choices=TRAFFIC)
    keyword: str | None = param("only those in whose name this occurs")
    page: int | None = param("which page; there is one", minimum=1)
    page_size: int | None = param("how many on a page", minimum=1)

    def run(self, reader: Reader, caller: Caller) -> Told:
        names = [t for t in TRAFFIC if self.traffic_type is None or t.lower() == self.traffic_type.lower()]
        names = [t for t in names if (self.keyword or "").lower() in t.lower()]
        rows = [{"traffictype": t, "traffictypeimplementor": f"{t}NetworkGuru"} for t in names]
        size = self.page_size or len(rows)
        start = ((self.page or 1) - 1) * size
        return Told("traffictypeimplementorresponse", rows[start : start + size], len(rows))


class LabelsOfOthers(Verb):
    """What the network is called on hosts of hypervisors without a driver here."""

    xen_network_label: str | None = param("on XenServer", check=not_built("hosts of XenServer"))
    vmware_network_label: str | None = param("on VMware", check=not_built("hosts of VMware"))
    hyperv_network_label: str | None = param("on Hyper-V", check=not_built("hosts of Hyper-V"))
    ovm3_network_label: str | None = param("on Oracle VM", wire_name="ovm3networklabel", check=not_built("hosts of Oracle VM"))


class AddTrafficType(
    LabelsOfOthers, Command, answers=TrafficTypeView, event="TRAFFIC.TYPE.CREATE", starts=Record, creates=TrafficType
):
    """Has a physical network carry a type of traffic."""

    physical_network: Ref[PhysicalNetwork] = param("the physical network", use=Use.CHANGE)
    traffic_type: str = param("what it carries", choices=TRAFFIC)
    kvm_network_label: str | None = param(f"the bridge on KVM hosts; without, {DEFAULT_LABEL}", length=64)
    vlan: str | None = param("the VLAN of management traffic", check=not_built("VLANs of management traffic"))
    isolation_method: str | None = param("its own isolation", check=not_built("isolation methods of single traffic types"))

    def run(self, tx: Tx, caller: Caller) -> TrafficType:
        traffic = next(t for t in TRAFFIC if t.lower() == self.traffic_type.lower())
        _check_once(tx, self.physical_network, traffic)
        row = TrafficType(physical_network_id=self.physical_network.id, traffic=traffic, kvm_label=self.kvm_network_label)
        tx.insert(row)
        self.start(tx, created(row, f"physical network {self.physical_network.name} carries {traffic} traffic"), row, caller)
        return row


class UpdateTrafficType(LabelsOfOthers, Command, answers=TrafficTypeView, event="TRAFFIC.TYPE.UPDATE", starts=Record):
    """Changes what the bridge of a traffic type is called. Machines that run keep the bridge they have."""

    id: Ref[TrafficType] = param("the traffic type", use=Use.CHANGE)
    kvm_network_label: str | None = param("the bridge on KVM hosts", length=64)

    def run(self, tx: Tx, caller: Caller) -> TrafficType:
        tx.update(self.id, kvm_label=self.kvm_network_label or self.id.kvm_label)
        self.start(tx, changed(f"its bridge on KVM hosts is {self.id.kvm_label or DEFAULT_LABEL}"), self.id, caller)
        return self.id


class DeleteTrafficType(Command, event="TRAFFIC.TYPE.DELETE", starts=Record):
    """Has a physical network carry a type of traffic no longer."""

    id: Ref[TrafficType] = param("the traffic type", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        row = self.id
        here = row.physical_network_id
        if row.traffic == "Guest" and (count := tx.count(Network, Network.c.physical_network_id == here)):
            raise InUse(f"Guest traffic is in use: {count} networks are on this physical network", param="id")
        public = (IpRange.c.physical_network_id == here, IpRange.c.for_virtual_network.is_(True))
        if row.traffic == "Public" and (count := tx.count(IpRange, *public)):
            raise InUse(f"Public traffic is in use: {count} ranges of public addresses are on this physical network", param="id")
        tx.remove(row)
        self.start(tx, changed(f"{row.traffic} traffic is no longer carried"), row, caller)
        return Success()


def _check_once(reader: Reader, network: PhysicalNetwork, traffic: str) -> None:
    """Raises ParamError where the zone has this traffic on another physical network already. Guest traffic may be on several,
    told apart by tags."""
    zone = reader.all(PhysicalNetwork, PhysicalNetwork.c.zone_id == network.zone_id, PhysicalNetwork.c.id != network.id)
    names = {other.id: other for other in zone}
    for row in reader.all(TrafficType, TrafficType.c.traffic == traffic, TrafficType.c.physical_network_id.in_(list(names))):
        other = names[row.physical_network_id]
        if traffic != "Guest":
            text = f"Parameter traffictype: physical network {other.name} carries this zone's {traffic} traffic already"
            raise ParamError(text, param="traffictype")
        if set(other.tags) == set(network.tags):
            text = f"Parameter traffictype: physical network {other.name} carries Guest traffic with the same tags"
            raise ParamError(text, param="traffictype", fix=["tag them, so that offerings can choose (updatePhysicalNetwork)"])
