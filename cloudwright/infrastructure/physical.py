"""Physical networks: what carries traffic between hosts, and the numbers that keep guest networks apart there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import IpRange, PhysicalNetwork, Provider, SegmentNumber, TrafficType, Zone
from cloudwright.infrastructure.service import SERVICES
from cloudwright.infrastructure.zone import STATES
from cloudwright.network.model import Network

LARGEST = {"VLAN": 4094, "VXLAN": 16777214}
"""The largest number of each isolation method; the smallest is 1."""


class PhysicalNetworkView(
    View, of=PhysicalNetwork, key="physicalnetwork", joins=[(Zone, Zone.c.id == PhysicalNetwork.c.zone_id)]
):
    """A physical network."""

    id = field(PhysicalNetwork.c.uuid, "the physical network's id")
    name = field(PhysicalNetwork.c.name, "its name")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    state = field(PhysicalNetwork.c.state, "Enabled or Disabled")
    broadcastdomainrange = field(PhysicalNetwork.c.broadcast_range, "how far it reaches: ZONE")
    isolationmethods = field(PhysicalNetwork.c.isolation, "how guest networks are kept apart on it: VLAN or VXLAN")
    networkspeed = field(PhysicalNetwork.c.speed, "its speed")
    vlan = field(PhysicalNetwork.c.ranges, "the numbers for guest networks", "string", convert=lambda r: ",".join(r) or None)
    tags = field(PhysicalNetwork.c.tags, "its tags", "string", convert=lambda tags: ",".join(tags) or None)


class ListPhysicalNetworks(List, answers=PhysicalNetworkView, keywords=[PhysicalNetwork.c.name]):
    """Lists physical networks."""

    id: str | None = where(PhysicalNetwork.c.uuid, "only this one", kind="uuid")
    zone: Ref[Zone] | None = where(PhysicalNetwork.c.zone_id, "only those of this zone")
    name: str | None = where(PhysicalNetwork.c.name, "only the one of this name")


class CreatePhysicalNetwork(
    Command, answers=PhysicalNetworkView, event="PHYSICAL.NETWORK.CREATE", starts=Record, creates=PhysicalNetwork
):
    """Makes a physical network, with the providers that every one can have."""

    name: str = param("its name, unique in the zone")
    zone: Ref[Zone] = param("the zone")
    vlan: str | None = param("the numbers for guest networks, for instance 100-199,300-399", length=4096)
    isolation_methods: list[str] = param("how guest networks are kept apart: VLAN or VXLAN", default=[], choices=list(LARGEST))
    network_speed: str = param("its speed", default="1G")
    broadcast_domain_range: str = param("how far it reaches", default="ZONE", choices=["ZONE"])
    tags: list[str] = param("tags by which offerings choose it", default=[])
    domain: str | None = param("its domain", wire_name="domainid", kind="uuid", check=not_built("networks of one domain"))

    def run(self, tx: Tx, caller: Caller) -> PhysicalNetwork:
        isolation = self.isolation_methods[0].upper() if self.isolation_methods else "VLAN"
        if len(self.isolation_methods) > 1:
            raise ParamError("Parameter isolationmethods: one physical network has one method", param="isolationmethods")
        row = tx.insert(PhysicalNetwork(
            name=self.name, zone_id=self.zone.id, isolation=isolation, speed=self.network_speed,
            ranges=ranges(self.vlan or "", LARGEST[isolation]), tags=self.tags,
        ))  # fmt: skip
        for name, services in SERVICES.items():
            tx.insert(Provider(physical_network_id=row.id, name=name, services=sorted(services)))
        self.start(tx, created(row, f"physical network {row.name} is there"), row, caller)
        return row


class UpdatePhysicalNetwork(Command, answers=PhysicalNetworkView, event="PHYSICAL.NETWORK.UPDATE", starts=Record):
    """Changes a physical network. `vlan` replaces all its ranges; numbers that networks have must stay in them."""

    id: Ref[PhysicalNetwork] = param("the physical network", use=Use.CHANGE)
    state: str | None = param("Enabled or Disabled", choices=STATES)
    vlan: str | None = param("the numbers for guest networks, for instance 100-199,300-399", length=4096)
    network_speed: str | None = param("its speed")
    tags: list[str] | None = param("tags by which offerings choose it")

    def run(self, tx: Tx, caller: Caller) -> PhysicalNetwork:
        row = self.id
        wanted = row.ranges
        if self.vlan is not None:
            wanted = ranges(self.vlan, LARGEST[row.isolation])
            _keeps_taken(tx, row, wanted)
            _apart_from_public(tx, row, wanted)
        tx.update(
            row,
            state=(self.state or row.state).capitalize(),
            ranges=wanted,
            speed=self.network_speed or row.speed,
            tags=row.tags if self.tags is None else self.tags,
        )
        self.start(tx, changed(f"physical network {row.name} is {row.state.lower()}"), row, caller)
        return row


class DeletePhysicalNetwork(Command, event="PHYSICAL.NETWORK.DELETE", starts=Record):
    """Deletes a physical network that nothing uses, with its traffic types and providers."""

    id: Ref[PhysicalNetwork] = param("the physical network", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        row = self.id
        networks = tx.count(Network, Network.c.physical_network_id == row.id)
        addresses = tx.count(IpRange, IpRange.c.physical_network_id == row.id)
        if networks or addresses:
            there = counted({"network": networks, "address range": addresses})
            text = f"Physical network {row.name} is in use: {there}"
            raise InUse(text, param="id", fix=["delete those first"])
        for kind in (TrafficType, Provider):
            for part in tx.all(kind, kind.c.physical_network_id == row.id):
                tx.remove(part)
        tx.remove(row)
        self.start(tx, changed(f"physical network {row.name} is gone"), row, caller)
        return Success()


def ranges(text: str, largest: int) -> list[str]:
    """ "100-199, 300" as ["100-199", "300-300"], in order and without overlaps. Raises ParamError."""
    found: list[tuple[int, int]] = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        first, _, last = part.partition("-")
        if not (first.strip().isdecimal() and (last or first).strip().isdecimal()):
            raise _wrong(f"{part!r} is not a range such as 100-199")
        pair = int(first), int(last or first)
        if not 1 <= pair[0] <= pair[1] <= largest:
            raise _wrong(f"{part!r} is not a range between 1 and {largest}")
        found.append(pair)
    found.sort()
    for one, next_ in pairwise(found):
        if next_[0] <= one[1]:
            raise _wrong(f"{next_[0]}-{next_[1]} overlaps {one[0]}-{one[1]}")
    return [f"{first}-{last}" for first, last in found]


def in_ranges(number: int, among: Sequence[str]) -> bool:
    """Whether a number lies in one of the ranges."""
    return any(int(first) <= number <= int(last) for first, last in (text.split("-") for text in among))


def _wrong(what: str) -> ParamError:
    return ParamError(f"Parameter vlan: {what}", param="vlan")


def _keeps_taken(reader: Reader, row: PhysicalNetwork, wanted: Sequence[str]) -> None:
    """Raises InUse where a network has a number that would no longer be in the ranges."""
    taken = reader.all(SegmentNumber, SegmentNumber.c.physical_network_id == row.id)
    lost = sorted(one.number for one in taken if not in_ranges(one.number, wanted))
    if lost:
        shown = ", ".join(str(number) for number in lost[:10])
        raise InUse(f"Parameter vlan: networks of {row.name} have the numbers {shown}, which would be in no range", param="vlan")


def _apart_from_public(reader: Reader, row: PhysicalNetwork, wanted: Sequence[str]) -> None:
    """Raises ParamError where a range of addresses is on a VLAN that guest networks could get."""
    for other in reader.all(IpRange, IpRange.c.physical_network_id == row.id, IpRange.c.network_id.is_(None)):
        tag = other.vlan.removeprefix("vlan://")
        if row.isolation == "VLAN" and tag.isdecimal() and in_ranges(int(tag), wanted):
            raise _wrong(f"VLAN {tag} carries the addresses {other.start_ip} to {other.end_ip}; guest networks must not get it")
