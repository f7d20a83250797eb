"""Alerts of capacity: one of each kind and cluster, or zone, of which more is given out than is well. It passes with the want."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cloudwright.core.loop import Loop
from cloudwright.core.setting import Setting, setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure import usage
from cloudwright.infrastructure.model import Cluster, Zone
from cloudwright.infrastructure.placement import gib
from cloudwright.operations.metrics.places import CPU_NOTIFY, MEMORY_NOTIFY, POOL_NOTIFY, USED_NOTIFY
from cloudwright.operations.model import Alert
from cloudwright.operations.raising import TYPES, AlertType, alert
from cloudwright.storage.model import StoragePool

PERIOD = setting(
    "capacity.check.period", 300_000, "milliseconds between two looks at whether alerts of capacity are due", category="Alert",
    minimum=1000,
)  # fmt: skip


def _notify(name: str, what: str) -> Setting[float]:
    doc = f"the share of {what} given out beyond which an alert is raised"
    return setting(name, 0.75, doc, category="Alert", minimum=0, maximum=1)


class Watched(NamedTuple):
    """A kind of capacity: its type of alert, from when it is raised, and what it is called."""

    type_: AlertType
    threshold: Setting[float]
    what: str


WATCHED = {
    usage.CPU: Watched(TYPES["CPU"], CPU_NOTIFY, "CPU"),
    usage.MEMORY: Watched(TYPES["MEMORY"], MEMORY_NOTIFY, "memory"),
    usage.STORAGE: Watched(TYPES["STORAGE"], USED_NOTIFY, "space of primary storage"),
    usage.STORAGE_ALLOCATED: Watched(TYPES["STORAGE.ALLOCATED"], POOL_NOTIFY, "primary storage"),
    usage.LOCAL: Watched(
        TYPES["STORAGE.LOCAL"], _notify("cluster.localStorage.capacity.notificationthreshold", "local storage"), "local storage"
    ),
    usage.SECONDARY: Watched(
        TYPES["STORAGE.SECONDARY"], _notify("zone.secstorage.capacity.notificationthreshold", "secondary storage"),
        "secondary storage",
    ),
    usage.VLAN: Watched(TYPES["NETWORK.VLAN"], _notify("zone.vlan.capacity.notificationthreshold", "a zone's VLANs"), "VLANs"),
    usage.PUBLIC_IP: Watched(
        TYPES["NETWORK.PUBLICIP"],
        _notify("zone.virtualnetwork.publicip.capacity.notificationthreshold", "a zone's public addresses"), "public addresses",
    ),
    usage.DIRECT_IP: Watched(
        TYPES["NETWORK.DIRECTPUBLICIP"],
        _notify("zone.directnetwork.publicip.capacity.notificationthreshold", "addresses of shared networks"),
        "addresses of shared networks",
    ),
}  # fmt: skip
_OF_CLUSTERS = frozenset({usage.CPU, usage.MEMORY, usage.STORAGE, usage.STORAGE_ALLOCATED, usage.LOCAL})
_OF_ZONE_WIDE_POOLS = frozenset({usage.STORAGE, usage.STORAGE_ALLOCATED})
_NAMES = [one.type_.name for one in WATCHED.values()]
_ABOUT = "capacity of "  # how the subjects begin


class Want(NamedTuple):
    """An alert that is due: of a kind, about a subject, in words, and where."""

    kind: int
    subject: str
    text: str
    at: dict[str, int]


class WatchCapacity(Loop, every=60.0):
    """Raises alerts of capacity, and settles those whose trouble passed."""

    def turn(self) -> float | None:
        wants = {(WATCHED[want.kind].type_.name, want.subject): want for want in wanting(self.read)}
        self.write(lambda tx: tell(tx, wants))
        return PERIOD.get(self.read) / 1000


def wanting(reader: Reader) -> Iterator[Want]:
    """What is given out beyond its threshold. The statements are the same however many clusters and zones there are."""
    clusters, zones = reader.all(Cluster), reader.all(Zone)
    found = usage.sums(reader, "cluster", [cluster.id for cluster in clusters])
    for cluster in clusters:
        for kind in _OF_CLUSTERS & found[cluster.id].keys():
            yield from _want(reader, kind, found[cluster.id][kind], cluster)
    zone_wide = {pool.zone_id for pool in reader.all(StoragePool, StoragePool.c.scope == "ZONE")}
    found = usage.sums(reader, "zone", [zone.id for zone in zones])
    for zone in zones:
        apart = _OF_CLUSTERS - (_OF_ZONE_WIDE_POOLS if zone.id in zone_wide else frozenset())
        for kind in found[zone.id].keys() - apart:
            yield from _want(reader, kind, found[zone.id][kind], zone)


def _want(reader: Reader, kind: int, sum_: usage.Sum, place: Cluster | Zone) -> Iterator[Want]:
    of, at = WATCHED[kind], {"zone_id": place.id}
    most = of.threshold.get(reader)
    if isinstance(place, Cluster):
        at = {"zone_id": place.zone_id, "pod_id": place.pod_id, "cluster_id": place.id}
        most = of.threshold.get(reader, cluster=place.id) if "cluster" in of.threshold.scopes else most
    if sum_.share <= most:
        return
    given = f"{100 * sum_.share:.0f} % of the {of.what} of {place.kind} {place.name}"
    numbers = f"{_amount(kind, sum_.used)} of {_amount(kind, sum_.total)}"
    text = f"{given} is given out: {numbers}, more than the {100 * most:g} % of {of.threshold.name}"
    yield Want(kind, f"{_ABOUT}{place.uuid}", text, at)


def _amount(kind: int, number: int) -> str:
    if kind == usage.CPU:
        return f"{number} MHz"
    return str(number) if kind in (usage.VLAN, usage.PUBLIC_IP, usage.DIRECT_IP) else gib(number)


def tell(tx: Tx, wants: dict[tuple[str, str], Want]) -> None:
    """Raise the alerts that are new. One that was archived stays so until its trouble has passed."""
    a = Alert.c
    open_ = tx.all(Alert, a.name.in_(_NAMES), a.settled.is_(None), a.subject.startswith(_ABOUT))
    known = {(row.name, row.subject): row for row in open_}
    for key, want in wants.items():
        if key not in known:
            alert(tx, WATCHED[want.kind].type_, want.subject, want.text, **want.at)
    for key, row in known.items():
        if key not in wants:
            tx.update(row, settled=tx.now, same=row.uuid)
