"""The segment of a network: the number it takes from its physical network, and what hosts are told."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cloudwright.core.error import NoCapacity
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.segment import Segment, SegmentKind
from cloudwright.infrastructure.model import PhysicalNetwork, SegmentNumber, TrafficType
from cloudwright.network.free import pick, spans
from cloudwright.network.model import Network

LABEL = "cloudbr0"
MTU = 1500

_TAKEN = sa.select(SegmentNumber.c.number).where(
    SegmentNumber.c.physical_network_id == sa.bindparam("physical"), SegmentNumber.c.gone == 0
)
_THESE = _TAKEN.where(SegmentNumber.c.number.in_(sa.bindparam("numbers", expanding=True)))


def label_of(reader: Reader, physical_network_id: int, traffic: str, hypervisor: str = "KVM") -> str:
    """The bridge that carries this traffic of a physical network on hosts of this kind."""
    row = reader.find(TrafficType, TrafficType.c.physical_network_id == physical_network_id, TrafficType.c.traffic == traffic)
    if row is None:
        return LABEL
    own = row.simulator_label if hypervisor == "Simulator" else row.kvm_label
    return own or row.kvm_label or row.simulator_label or LABEL


def segment_of(reader: Reader, network: Network, hypervisor: str = "KVM") -> Segment:
    """The network's segment, once it has its number. Raises NoCapacity when it has none yet."""
    kind = SegmentKind(network.segment_kind.lower())
    if kind is not SegmentKind.FLAT and network.segment_number is None:
        raise NoCapacity(f"network {network.name} has no {network.segment_kind} number yet: it is {network.state}")
    label = label_of(reader, network.physical_network_id, "Guest", hypervisor)
    return Segment(kind=kind, label=label, tag=network.segment_number or 0, mtu=network.private_mtu or MTU)


def take_number(tx: Tx, network: Network) -> int | None:
    """Take a segment number for a network that needs one, by inserting its row. Raises NoCapacity with the numbers."""
    if network.segment_kind == "FLAT" or network.segment_number is not None:
        return network.segment_number
    physical = tx.get(PhysicalNetwork, network.physical_network_id)
    ranges = spans(physical.ranges)

    def taken(numbers: Sequence[int] | None) -> set[int]:
        about = {"physical": physical.id}
        rows = tx.rows(_TAKEN, about) if numbers is None else tx.rows(_THESE, {**about, "numbers": list(numbers)})
        return {int(row[0]) for row in rows}

    number = pick(ranges, taken)
    if number is None:
        total = sum(span.size for span in ranges)
        raise NoCapacity(
            f"Physical network {physical.name} has no free {physical.isolation} number for network {network.name}",
            why=[f"its ranges {', '.join(physical.ranges) or '(none)'} hold {total} numbers, all of them taken"],
            fix=["widen its ranges with updatePhysicalNetwork vlan=…", "delete networks that are not needed"],
        )
    tx.insert(SegmentNumber(physical_network_id=physical.id, number=number, network_id=network.id))
    return number


def give_number_back(tx: Tx, network: Network) -> None:
    """Free the network's number."""
    for row in tx.all(SegmentNumber, SegmentNumber.c.network_id == network.id):
        tx.remove(row)
