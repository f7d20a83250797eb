"""What a zone must have before machines can be placed there."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from cloudwright.core.tx import Reader
from cloudwright.infrastructure.model import Cluster, Host, IpRange, PhysicalNetwork, Pod, Provider, TrafficType, Zone
from cloudwright.storage.model import ImageStore, StoragePool


class Lack(NamedTuple):
    """What is missing, and what brings it."""

    what: str
    fix: str


def missing(reader: Reader, zone: Zone) -> list[Lack]:
    """All that the zone lacks, in the order in which it is usually built. Empty: it is usable."""
    lacks = _networks(reader, zone)
    here = Pod.c.zone_id == zone.id
    if not reader.count(Pod, here, Pod.c.allocation_state == "Enabled"):
        lacks.append(Lack("it has no enabled pod", "add a pod (createPod)"))
    if not reader.count(Cluster, Cluster.c.zone_id == zone.id, Cluster.c.allocation_state == "Enabled"):
        lacks.append(Lack("it has no enabled cluster", "add a cluster (addCluster)"))
    if not reader.count(Host, Host.c.zone_id == zone.id):
        lacks.append(Lack("it has no host", "add a host (addHost)"))
    if not reader.count(StoragePool, StoragePool.c.zone_id == zone.id):
        lacks.append(Lack("it has no primary storage", "add a storage pool (createStoragePool)"))
    everywhere = sa.or_(ImageStore.c.zone_id == zone.id, ImageStore.c.zone_id.is_(None))
    if zone.zone_type == "Core" and not reader.count(ImageStore, everywhere):
        lacks.append(Lack("it has no image store", "add an image store (addImageStore)"))
    return lacks


def _networks(reader: Reader, zone: Zone) -> list[Lack]:
    enabled = reader.all(PhysicalNetwork, PhysicalNetwork.c.zone_id == zone.id, PhysicalNetwork.c.state == "Enabled")
    if not enabled:
        fix = "make one (createPhysicalNetwork), then enable it (updatePhysicalNetwork with state=Enabled)"
        return [Lack("it has no enabled physical network", fix)]
    ids = [network.id for network in enabled]
    carries = reader.all(TrafficType, TrafficType.c.physical_network_id.in_(ids))
    lacks = [
        Lack(f"no enabled physical network carries {traffic} traffic", f"add {traffic} traffic to one (addTrafficType)")
        for traffic in ("Guest", "Management", "Public")
        if not any(row.traffic == traffic for row in carries)
    ]
    guests = [n for n in enabled if any(row.traffic == "Guest" and row.physical_network_id == n.id for row in carries)]
    if guests and not any(network.ranges for network in guests):
        names = ", ".join(network.name for network in guests)
        fix = "give it a range that is free on the wire, such as 100-199 (updatePhysicalNetwork with vlan=100-199)"
        lacks.append(Lack(f"physical network {names} has no numbers for guest networks", fix))
    routers = (Provider.c.physical_network_id.in_([n.id for n in guests]), Provider.c.state == "Enabled")
    if guests and not reader.count(Provider, *routers, Provider.c.name == "VirtualRouter"):
        fix = "enable its element (configureVirtualRouterElement), then it (updateNetworkServiceProvider with state=Enabled)"
        lacks.append(Lack("the provider VirtualRouter is not enabled on a physical network with guest traffic", fix))
    if not reader.count(IpRange, IpRange.c.zone_id == zone.id, IpRange.c.for_virtual_network.is_(True)):
        lacks.append(Lack("it has no public addresses", "add a range of them (createVlanIpRange with forvirtualnetwork=true)"))
    return lacks
