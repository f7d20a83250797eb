"""Lists of hosts, clusters, zones and storage pools with their figures: what is given out of what there is.

What is really used is told of hosts that measure it, which simulated ones do not.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.command import Told
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field
from cloudwright.infrastructure.capacity import CLUSTER_CPU, CLUSTER_MEMORY, POOL_ALLOCATED, POOL_USED, STORAGE_FACTOR, factor_of
from cloudwright.infrastructure.cluster import ClusterView, ListClusters
from cloudwright.infrastructure.host.view import HostView, ListHosts
from cloudwright.infrastructure.model import Cluster, Host, Zone
from cloudwright.infrastructure.usage import CAPACITY, CPU, MEMORY, Sum, sums
from cloudwright.infrastructure.zone import ListZones, ZoneView
from cloudwright.network.model import Router
from cloudwright.storage.model import StoragePool
from cloudwright.storage.pool.view import ListStoragePools, StoragePoolView

GIB = 1 << 30
_NOTIFY: dict[str, Any] = {"category": "Alert", "minimum": 0, "maximum": 1}
CPU_NOTIFY = setting(
    "cluster.cpu.allocated.capacity.notificationthreshold", 0.75, "the share of a cluster's CPU given out beyond which an "
    "alert is raised and lists with figures mark it", scopes=("cluster",), **_NOTIFY,
)  # fmt: skip
MEMORY_NOTIFY = setting(
    "cluster.memory.allocated.capacity.notificationthreshold", 0.75, "the share of a cluster's memory given out beyond which "
    "an alert is raised and lists with figures mark it", scopes=("cluster",), **_NOTIFY,
)  # fmt: skip
POOL_NOTIFY = setting(
    "cluster.storage.allocated.capacity.notificationthreshold", 0.75, "the share of a pool's overcommitted capacity given out "
    "beyond which an alert is raised and lists with figures mark it", scopes=("cluster",), **_NOTIFY,
)  # fmt: skip
USED_NOTIFY = setting(
    "cluster.storage.capacity.notificationthreshold", 0.75, "the share of a pool's space in use beyond which an alert is "
    "raised and lists with figures mark it", scopes=("cluster",), **_NOTIFY,
)  # fmt: skip
_ADMIN: dict[str, Any] = {"since": "4.9.3", "authorized": ("Admin",)}


def _ghz(mhz: float) -> str:
    return f"{mhz / 1000:.2f} Ghz"


def _gb(bytes: float) -> str:
    return f"{bytes / GIB:.2f} GB"


def _number(kind: type[Vm] | type[Router], *where: Any) -> Any:
    return sa.select(sa.func.count()).where(kind.c.gone == 0, kind.c.host_id == Host.c.id, *where).scalar_subquery()


def _beyond(part: str, whole: Any, threshold: str) -> Any:
    return lambda row, caller: row[part] > whole(row) * float(row[threshold]) if part in row else None


def _mhz(row: dict[str, Any]) -> float:
    return float(row["cpunumber"] * row["cpuspeed"] * float(row["_cpu_factor"]))


def _bytes(row: dict[str, Any]) -> float:
    return float(row["memorytotal"] * float(row["_memory_factor"]))


def _there(row: dict[str, Any]) -> float:
    return float(row["memorytotal"])


class HostMetricsView(HostView):
    """A host with its figures."""

    _machines = field(_number(Vm), "machines there", "integer")
    _running = field(_number(Vm, Vm.c.state == "Running"), "of them running", "integer")
    _routers = field(_number(Router), "routers there", "integer")
    _routing = field(_number(Router, Router.c.state == "Running"), "of them running", "integer")
    _notify_cpu = field(factor_of(CPU_NOTIFY, Host.c.cluster_id), "")
    _notify_memory = field(factor_of(MEMORY_NOTIFY, Host.c.cluster_id), "")
    _most_cpu = field(factor_of(CLUSTER_CPU, Host.c.cluster_id), "")
    _most_memory = field(factor_of(CLUSTER_MEMORY, Host.c.cluster_id), "")
    instances = computed(lambda row, caller: f"{row['_running']} / {row['_machines']}", "instances that run there, of all there")
    systeminstances = computed(
        lambda row, caller: f"{row['_routing']} / {row['_routers']}", "the system's own that run there, of all there: routers"
    )
    cputotalghz = computed(lambda row, caller: _ghz(_mhz(row)), "the CPU that may be given out")
    cpuallocatedghz = computed(lambda row, caller: _ghz(row["cpuallocatedvalue"]), "the CPU given out")
    memorytotalgb = computed(lambda row, caller: _gb(_bytes(row)), "the memory that may be given out")
    memoryallocatedgb = computed(lambda row, caller: _gb(row["memoryallocated"]), "the memory given out")
    cpuusedghz = computed(
        lambda row, caller: _ghz(row["_busy"] * row["cpunumber"] * row["cpuspeed"]) if "_busy" in row else None,
        "the CPU in use, as measured",
    )
    memoryusedgb = computed(
        lambda row, caller: _gb(row["memoryused"]) if "memoryused" in row else None, "the memory in use, as measured"
    )
    cputhreshold = computed(_beyond("_busy", lambda row: 1.0, "_notify_cpu"), "whether more CPU is used than is well", "boolean")
    cpudisablethreshold = computed(
        _beyond("_busy", lambda row: 1.0, "_most_cpu"), "whether more is used than new machines may have", "boolean"
    )
    memorythreshold = computed(
        _beyond("memoryused", _there, "_notify_memory"), "whether more memory is used than is well", "boolean"
    )
    memorydisablethreshold = computed(
        _beyond("memoryused", _there, "_most_memory"), "whether more is used than new machines may have", "boolean"
    )
    cpuallocatedthreshold = computed(
        _beyond("cpuallocatedvalue", _mhz, "_notify_cpu"), "whether more CPU is given out than is well", "boolean"
    )
    cpuallocateddisablethreshold = computed(
        _beyond("cpuallocatedvalue", _mhz, "_most_cpu"), "whether more is given out than new machines may have", "boolean"
    )
    memoryallocatedthreshold = computed(
        _beyond("memoryallocated", _bytes, "_notify_memory"), "whether more memory is given out than is well", "boolean"
    )
    memoryallocateddisablethreshold = computed(
        _beyond("memoryallocated", _bytes, "_most_memory"), "whether more is given out than new machines may have", "boolean"
    )


class ListHostsMetrics(ListHosts, answers=HostMetricsView, **_ADMIN):
    """Lists hosts with their figures."""


_FIGURES = {
    "cputotal": "the CPU that may be given out", "cpuallocated": "the part of it given out",
    "memorytotal": "the memory that may be given out", "memoryallocated": "the part of it given out",
    "cpuused": "the part of its CPU in use, as its hosts measure it", "memoryused": "the part of its memory in use",
    "cpumaxdeviation": "how far from that the host is that differs most", "memorymaxdeviation": "the same of memory",
}  # fmt: skip
_MARKS = {
    "cpuallocatedthreshold": "whether more CPU is given out than is well",
    "cpuallocateddisablethreshold": "whether more CPU is given out than new machines may have",
    "cputhreshold": "whether more CPU is used than is well",
    "cpudisablethreshold": "whether more is used than new machines may have",
    "memorythreshold": "whether more memory is used than is well",
    "memorydisablethreshold": "whether more is used than new machines may have",
    "memoryallocatedthreshold": "whether more memory is given out than is well",
    "memoryallocateddisablethreshold": "whether more memory is given out than new machines may have",
}
_SUMMED = CAPACITY | {name: ("string", doc) for name, doc in _FIGURES.items()}
_SUMMED |= {name: ("boolean", doc) for name, doc in _MARKS.items()}
Shares = dict[int, dict[str, tuple[float, float]]]


def _measured(reader: Reader, at: Any) -> Shares:
    """By the column `at`, of "cpu" and "memory": the share in use, and how far from it the host is that differs most. Only hosts
    that are up and measure it count."""
    mhz, share, total = Host.c.cpus * Host.c.cpu_mhz, 1.0 * Host.c.memory_used / Host.c.memory, sa.func.sum
    used = (total(Host.c.busy * mhz) / total(mhz), total(1.0 * Host.c.memory_used) / total(Host.c.memory))
    spread = [extreme(of) for of in (Host.c.busy, share) for extreme in (sa.func.min, sa.func.max)]
    known = (Host.c.gone == 0, Host.c.state == "Up", Host.c.busy.is_not(None), mhz > 0, Host.c.memory > 0)
    found: Shares = {}
    for id, *figures in map(tuple, reader.rows(sa.select(at, *used, *spread).where(*known).group_by(at))):
        cpu, memory, least_cpu, most_cpu, least, most = map(float, figures)
        spread_of = {"cpu": max(most_cpu - cpu, cpu - least_cpu), "memory": max(most - memory, memory - least)}
        found[int(id)] = {"cpu": (cpu, spread_of["cpu"]), "memory": (memory, spread_of["memory"])}
    return found


def _figures(reader: Reader, found: dict[int, Sum], used: dict[str, tuple[float, float]], **scope: int) -> dict[str, Any]:
    """What a zone or cluster has given out of what there is and, where it is measured, what of it is in use."""
    cpu, memory = found[CPU], found[MEMORY]
    figures: dict[str, Any] = {
        "cputotal": _ghz(cpu.total), "cpuallocated": f"{100 * cpu.share:.2f}%",
        "memorytotal": _gb(memory.total), "memoryallocated": f"{100 * memory.share:.2f}%",
    }  # fmt: skip
    shares = {"cpuallocated": cpu.share, "memoryallocated": memory.share}
    for name, (share, deviation) in used.items():
        figures |= {f"{name}used": f"{100 * share:.2f}%", f"{name}maxdeviation": f"{100 * deviation:.2f}%"}
        shares[name] = share
    for name, share in shares.items():
        notify, most = (CPU_NOTIFY, CLUSTER_CPU) if name.startswith("cpu") else (MEMORY_NOTIFY, CLUSTER_MEMORY)
        figures[f"{name}threshold"] = share > notify.get(reader, **scope)
        figures[f"{name}disablethreshold"] = share > most.get(reader, **scope)
    return figures


def _counted(reader: Reader, kind: Any, at: Any, up: Any) -> dict[int, str]:
    """By the column `at`: how many rows of a kind are up, of how many."""
    good = sa.func.sum(sa.case((up, 1), else_=0))
    rows = reader.rows(sa.select(at, good, sa.func.count()).where(kind.c.gone == 0).group_by(at))
    return {int(id): f"{ups} / {count}" for id, ups, count in map(tuple, rows)}


def _ids(reader: Reader, kind: Any, rows: list[dict[str, Any]]) -> dict[str, int]:
    found = reader.rows(sa.select(kind.c.uuid, kind.c.id).where(kind.c.uuid.in_([row["id"] for row in rows])))
    return dict(map(tuple, found))


class ListClustersMetrics(
    ListClusters, answers=ClusterView, response={**_SUMMED, "state": ("string", "whether machines are placed there"),
    "hosts": ("string", "hosts that are up, of all")}, **_ADMIN,
):  # fmt: skip
    """Lists clusters with their figures."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        answer = super().run(reader, caller)
        ids = _ids(reader, Cluster, answer.rows)
        found, hosts = sums(reader, "cluster", ids.values()), _counted(reader, Host, Host.c.cluster_id, Host.c.state == "Up")
        measured = _measured(reader, Host.c.cluster_id)
        for row in answer.rows:
            id = ids[row["id"]]
            figures = _figures(reader, found[id], measured.get(id, {}), cluster=id)
            row |= {"state": row["allocationstate"], "hosts": hosts.get(id, "0 / 0"), **figures}
        return answer


class ListZonesMetrics(
    ListZones, answers=ZoneView, response={**_SUMMED, "state": ("string", "whether machines are placed there"),
    "clusters": ("string", "clusters that are enabled, of all")}, **_ADMIN,
):  # fmt: skip
    """Lists zones with their figures."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        answer = super().run(reader, caller)
        ids = _ids(reader, Zone, answer.rows)
        enabled = Cluster.c.allocation_state == "Enabled"
        found, clusters = sums(reader, "zone", ids.values()), _counted(reader, Cluster, Cluster.c.zone_id, enabled)
        measured = _measured(reader, Host.c.zone_id)
        for row in answer.rows:
            id = ids[row["id"]]
            figures = _figures(reader, found[id], measured.get(id, {}))
            row |= {"state": row["allocationstate"], "clusters": clusters.get(id, "0 / 0"), **figures}
        return answer


class StoragePoolMetricsView(StoragePoolView):
    """A storage pool with its figures."""

    disksizetotalgb = computed(
        lambda row, caller: f"{_gb(row['disksizetotal'])} (x{row['overprovisionfactor']})",
        "its room, and how many times of it may be given out",
    )
    disksizeusedgb = computed(lambda row, caller: _gb(row["disksizeused"]), "how much is taken")
    disksizeallocatedgb = computed(lambda row, caller: _gb(row["disksizeallocated"]), "how much volumes may grow to")
    disksizeunallocatedgb = computed(
        lambda row, caller: _gb(row["disksizetotal"] * float(row["overprovisionfactor"]) - row["disksizeallocated"]),
        "how much may still be given out",
    )


class ListStoragePoolsMetrics(
    ListStoragePools, answers=StoragePoolMetricsView, **_ADMIN, response={
        "storageusagethreshold": ("boolean", "whether more is taken than is well"),
        "storageusagedisablethreshold": ("boolean", "whether more is taken than new volumes may have"),
        "storageallocatedthreshold": ("boolean", "whether more is given out than is well"),
        "storageallocateddisablethreshold": ("boolean", "whether more is given out than new volumes may have"),
    },
):  # fmt: skip
    """Lists storage pools with their figures."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        answer = super().run(reader, caller)
        pools = {pool.uuid: pool for pool in reader.all(StoragePool, StoragePool.c.uuid.in_([row["id"] for row in answer.rows]))}
        for row in answer.rows:
            row.update(_pool_marks(reader, pools[row["id"]]))
        return answer


def _pool_marks(reader: Reader, pool: StoragePool) -> dict[str, bool]:
    at = {"storagepool": pool.id, "zone": pool.zone_id, "cluster": pool.cluster_id}
    most = pool.capacity * STORAGE_FACTOR.get(reader, **at)
    return {
        "storageusagethreshold": pool.used > pool.capacity * USED_NOTIFY.get(reader, **at),
        "storageusagedisablethreshold": pool.used > pool.capacity * POOL_USED.get(reader, **at),
        "storageallocatedthreshold": pool.reserved > most * POOL_NOTIFY.get(reader, **at),
        "storageallocateddisablethreshold": pool.reserved > most * POOL_ALLOCATED.get(reader, **at),
    }
