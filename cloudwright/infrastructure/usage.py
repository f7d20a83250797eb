"""listCapacity, and the `capacity` of zones, pods and clusters: how much there is and how much is given out, by kind.

A fixed number of statements whatever is asked for: sums are made by the database, by zone, pod or cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from typing import Any, ClassVar

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import PAGE_SIZE, List
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.capacity import CPU_FACTOR, MEMORY_FACTOR, STORAGE_FACTOR
from cloudwright.infrastructure.model import Cluster, Host, HostTag, IpRange, PhysicalNetwork, Pod, SegmentNumber, Zone
from cloudwright.network.model import Network, Nic, PublicIp
from cloudwright.storage.model import ImageStore, StoragePool

MEMORY, CPU, STORAGE, STORAGE_ALLOCATED, PUBLIC_IP, SECONDARY, VLAN, DIRECT_IP, LOCAL = 0, 1, 2, 3, 4, 6, 7, 8, 9
NAMES = {
    MEMORY: "MEMORY", CPU: "CPU", STORAGE: "STORAGE", STORAGE_ALLOCATED: "STORAGE_ALLOCATED",
    PUBLIC_IP: "VIRTUAL_NETWORK_PUBLIC_IP", SECONDARY: "SECONDARY_STORAGE", VLAN: "VLAN",
    DIRECT_IP: "DIRECT_ATTACHED_PUBLIC_IP", LOCAL: "LOCAL_STORAGE",
}  # fmt: skip


class Sum:
    """Of one kind: what is in use (or given out) and what there is."""

    __slots__ = ("total", "used")

    def __init__(self) -> None:
        self.used = self.total = 0

    def add(self, used: float, total: float) -> None:
        """Count some more."""
        self.used += int(used)
        self.total += int(total)

    @property
    def share(self) -> float:
        """The part in use, 0.0-1.0 or more."""
        return self.used / self.total if self.total else 0.0


Sums = dict[int, dict[int, Sum]]
LEVELS: dict[str, type[Resource]] = {"zone": Zone, "pod": Pod, "cluster": Cluster}


def sums(reader: Reader, level: str, ids: Iterable[int], tag: str | None = None) -> Sums:
    """For each zone, pod or cluster (`level`), by kind: its sum. Storage of a whole zone counts for zones only. With `tag`: of
    the hosts and the pools that have it, and of nothing else."""
    wanted = list(ids)
    found: Sums = {id: defaultdict(Sum) for id in wanted}
    _hosts(reader, level, found, tag)
    _pools(reader, level, found, tag)
    if level == "zone" and tag is None:
        _stores(reader, found)
        _addresses(reader, found)
        _numbers(reader, found)
    return found


def _hosts(reader: Reader, level: str, found: Sums, tag: str | None) -> None:
    at, s = Host.c[f"{level}_id"], sa.func.sum
    given = s(Host.c.cpu_reserved), s(Host.c.memory_reserved), s(Host.c.cpus * Host.c.cpu_mhz), s(Host.c.memory)
    statement = sa.select(at, Host.c.cluster_id, *given).where(Host.c.gone == 0, at.in_(list(found)))
    if tag is not None:
        statement = statement.where(Host.c.id.in_(sa.select(HostTag.c.host_id).where(HostTag.c.name == tag, HostTag.c.gone == 0)))
    for id, cluster, mhz, bytes, all_mhz, all_bytes in map(tuple, reader.rows(statement.group_by(at, Host.c.cluster_id))):
        found[id][CPU].add(mhz, float(all_mhz) * CPU_FACTOR.get(reader, cluster=cluster))
        found[id][MEMORY].add(bytes, float(all_bytes) * MEMORY_FACTOR.get(reader, cluster=cluster))


def _pools(reader: Reader, level: str, found: Sums, tag: str | None) -> None:
    for pool in reader.all(StoragePool, StoragePool.c[f"{level}_id"].in_(list(found))):
        if tag is not None and tag not in pool.tags:
            continue
        kinds = found[getattr(pool, f"{level}_id")]
        overcommitted = pool.capacity * STORAGE_FACTOR.get(reader, storagepool=pool.id, zone=pool.zone_id)
        kinds[STORAGE].add(pool.used, pool.capacity)
        kinds[LOCAL if pool.scope == "HOST" else STORAGE_ALLOCATED].add(pool.reserved, overcommitted)


def _stores(reader: Reader, found: Sums) -> None:
    for store in reader.all(ImageStore, ImageStore.c.zone_id.in_(list(found))):
        found[store.zone_id or 0][SECONDARY].add(store.used, store.capacity)


def _addresses(reader: Reader, found: Sums) -> None:
    for range_ in reader.all(IpRange, IpRange.c.zone_id.in_(list(found))):
        size = int(IPv4Address(range_.end_ip)) - int(IPv4Address(range_.start_ip)) + 1
        found[range_.zone_id][PUBLIC_IP if range_.for_virtual_network else DIRECT_IP].add(0, size)
    count = sa.func.count()
    public = sa.select(PublicIp.c.zone_id, count).where(PublicIp.c.gone == 0, PublicIp.c.zone_id.in_(list(found)))
    for id, taken in map(tuple, reader.rows(public.group_by(PublicIp.c.zone_id))):
        found[id][PUBLIC_IP].add(taken, 0)
    shared = sa.select(IpRange.c.network_id).where(IpRange.c.gone == 0, IpRange.c.network_id.isnot(None))
    direct = sa.select(Network.c.zone_id, count).join(Nic.t, Nic.c.network_id == Network.c.id)
    direct = direct.where(Nic.c.gone == 0, Nic.c.ip.isnot(None), Network.c.id.in_(shared), Network.c.zone_id.in_(list(found)))
    for id, taken in map(tuple, reader.rows(direct.group_by(Network.c.zone_id))):
        found[id][DIRECT_IP].add(taken, 0)


def _numbers(reader: Reader, found: Sums) -> None:
    for network in reader.all(PhysicalNetwork, PhysicalNetwork.c.zone_id.in_(list(found))):
        for first, last in (text.split("-") for text in network.ranges):
            found[network.zone_id][VLAN].add(0, int(last) - int(first) + 1)
    at = PhysicalNetwork.c.zone_id
    taken = sa.select(at, sa.func.count()).join(SegmentNumber.t, SegmentNumber.c.physical_network_id == PhysicalNetwork.c.id)
    taken = taken.where(SegmentNumber.c.gone == 0, at.in_(list(found)))
    for id, count in map(tuple, reader.rows(taken.group_by(at))):
        found[id][VLAN].add(count, 0)


def told(kind: int, sum_: Sum, place: dict[str, str]) -> dict[str, Any]:
    """One sum as answers tell it."""
    return {
        "type": kind, "name": NAMES[kind], "capacityallocated": sum_.used, "capacityused": sum_.used, "capacitytotal": sum_.total,
        "percentused": f"{100 * sum_.share:.2f}", **place,
    }  # fmt: skip


CAPACITY = {"capacity": ("list", "with showcapacities: of each kind, how much there is and is given out")}


class ListWithCapacity(List, ancestor=True, response=CAPACITY):
    """A list of zones, pods or clusters, with their capacity when asked for."""

    level: ClassVar[str] = ""
    show_capacities: bool = param("with how much there is and how much is given out", default=False)
    storage_access_group: str | None = param("only those of this group", check=not_built("storage access groups"))

    def __init_subclass__(cls, *, level: str = "", **declared: Any) -> None:
        cls.level = level or cls.level
        super().__init_subclass__(**declared)

    def run(self, reader: Reader, caller: Caller) -> Told:
        answer = super().run(reader, caller)
        if not self.show_capacities or not caller.root:
            return answer
        kind = LEVELS[self.level]
        rows = reader.rows(sa.select(kind.c.uuid, kind.c.id).where(kind.c.uuid.in_([row["id"] for row in answer.rows])))
        ids = dict(map(tuple, rows))
        found = sums(reader, self.level, ids.values())
        for row in answer.rows:
            row["capacity"] = [told(k, s, {}) for k, s in sorted(found[ids[row["id"]]].items())]
        return answer


_RESPONSE: dict[str, tuple[str, str]] = {
    "type": ("integer", "the kind's number"),
    "name": ("string", "the kind's name"),
    "zoneid": ("string", "the zone"),
    "zonename": ("string", "the name of the zone"),
    "podid": ("string", "the pod"),
    "podname": ("string", "the name of the pod"),
    "clusterid": ("string", "the cluster"),
    "clustername": ("string", "the name of the cluster"),
    "capacityallocated": ("long", "how much is given out"),
    "capacityused": ("long", "how much is in use"),
    "capacitytotal": ("long", "how much there is, overcommitted"),
    "percentused": ("string", "the part in use, in percent"),
    "tag": ("string", "the tag that was asked for"),
}


class ListCapacity(Query, response=_RESPONSE):
    """Lists how much there is of each kind, and how much of it is given out, by zone, or of one pod or cluster."""

    zone: Ref[Zone] | None = param("only of this zone")
    pod: Ref[Pod] | None = param("only of this pod")
    cluster: Ref[Cluster] | None = param("only of this cluster")
    type: int | None = param("only of this kind")
    sort_by: str | None = param("usage: what is fullest comes first", choices=["usage"])
    fetch_latest: bool = param("measure now; it always does", default=False)
    tag: str | None = param("only of the hosts and pools with this tag")
    keyword: str | None = param("only kinds in whose name this occurs")
    page: int | None = param("which page, from 1", minimum=1)
    page_size: int | None = param("how many on a page", minimum=-1)

    def run(self, reader: Reader, caller: Caller) -> Told:
        if self.type is not None and self.type not in NAMES:
            known = ", ".join(f"{number} {name}" for number, name in NAMES.items())
            raise ParamError(f"Parameter type: there is no kind {self.type}; there are {known}", param="type")
        level, places = self._places(reader)
        found = sums(reader, level, [place.id for place in places], self.tag)
        rows = [row for place in places for row in self._told(reader, level, place, found[place.id])]
        if self.sort_by:
            rows.sort(key=lambda row: -float(row["percentused"]))
        size = self.page_size if self.page_size and self.page_size > 0 else PAGE_SIZE.get(reader)
        start = ((self.page or 1) - 1) * size
        return Told("capacity", rows[start : start + size], len(rows))

    def _places(self, reader: Reader) -> tuple[str, Sequence[Resource]]:
        if self.cluster is not None:
            return "cluster", [self.cluster]
        if self.pod is not None:
            return "pod", [self.pod]
        return "zone", [self.zone] if self.zone else reader.all(Zone)

    def _told(self, reader: Reader, level: str, place: Any, found: dict[int, Sum]) -> list[dict[str, Any]]:
        where: dict[str, str] = {}
        for name, kind in LEVELS.items():
            id = place.id if name == level else getattr(place, f"{name}_id", None)
            if id is not None:
                row: Any = place if name == level else reader.get(kind, id)
                where |= {f"{name}id": row.uuid, f"{name}name": row.name}
        where |= {"tag": self.tag} if self.tag is not None else {}
        chosen = {k: s for k, s in sorted(found.items()) if self.type in (None, k)}
        return [told(k, s, where) for k, s in chosen.items() if (self.keyword or "").lower() in NAMES[k].lower()]
