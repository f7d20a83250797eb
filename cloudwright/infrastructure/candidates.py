"""Hosts on which a machine may fit: a bounded sample by index, so that a deploy costs the same at 10 hosts and at 50,000.

The database leaves out what is surely too small (it counts with the largest factor that any cluster has); placement decides with
each cluster's own. Only when nothing in the sample fits is every host of the zone asked, to find the last place or to explain.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.core.setting import Setting, SettingRow, setting
from cloudwright.core.tx import Reader
from cloudwright.infrastructure import capacity
from cloudwright.infrastructure.model import Cluster, Host, HostTag, Pod
from cloudwright.infrastructure.placement import Candidate, Plan, Pool, Refusal, Request, explain, place
from cloudwright.storage.model import StoragePool

SAMPLE = 32
ALGORITHM = setting(
    "vm.allocation.algorithm", "random", "which host is tried first of those on which a machine fits",
    options=("random", "firstfit", "userdispersing", "firstfitleastconsumed"),
)  # fmt: skip
_choose = random.SystemRandom().randint


def choose(reader: Reader, request: Request) -> Plan:
    """Where the machine goes. Raises NoCapacity with the numbers of every host."""
    found = place(request, candidates(reader, request))
    if not isinstance(found, Plan):
        found = place(request, candidates(reader, request, every=True))
    if isinstance(found, Plan):
        return found
    raise explain(request, found)


def refusals(reader: Reader, request: Request) -> list[Refusal]:
    """Why each host of the zone that does not fit does not: for whoever asks in advance."""
    answers = [place(request, [candidate]) for candidate in candidates(reader, request, every=True)]
    return [refusal for answer in answers if not isinstance(answer, Plan) for refusal in answer]


def candidates(reader: Reader, request: Request, every: bool = False) -> list[Candidate]:
    """Hosts to try, in order: a sample of those that can fit, or every host of the zone."""
    rows = reader.all(Host, Host.c.zone_id == request.zone) if every else _sample(reader, request)
    found = _seen(reader, rows)
    algorithm = ALGORITHM.get(reader)
    if algorithm == "userdispersing":
        found.sort(key=lambda host: request.crowd.get(host.id, 0))
    elif algorithm == "firstfitleastconsumed":
        found.sort(key=lambda host: host.memory_reserved / max(1, host.memory_limit))
    return found


def _sample(reader: Reader, request: Request) -> list[Host]:
    if request.host is not None:
        return reader.all(Host, Host.c.id == request.host)
    where = _able(reader, request)
    if ALGORITHM.get(reader) == "firstfit":
        return _page(reader, where)
    last = reader.value(sa.select(sa.func.max(Host.c.id)).where(Host.c.zone_id == request.zone, Host.c.gone == 0)) or 0
    first = reader.value(sa.select(sa.func.min(Host.c.id)).where(Host.c.zone_id == request.zone, Host.c.gone == 0)) or 0
    start = _choose(first, last)
    rows = _page(reader, [*where, Host.c.id >= start])
    return rows if len(rows) == SAMPLE else [*rows, *_page(reader, [*where, Host.c.id < start])]


def _page(reader: Reader, where: Sequence[sa.ColumnElement[bool]]) -> list[Host]:
    return [Host.load(row) for row in reader.rows(sa.select(Host.t).where(*where).order_by(Host.c.id).limit(SAMPLE))]


def _able(reader: Reader, request: Request) -> list[sa.ColumnElement[bool]]:
    """What surely must hold, as conditions with an index on the place."""
    mhz, bytes = _largest(reader, capacity.CPU_FACTOR), _largest(reader, capacity.MEMORY_FACTOR)
    where = [
        Host.c.gone == 0, Host.c.zone_id == request.zone, Host.c.state == "Up", Host.c.hypervisor == request.hypervisor,
        Host.c.cpus >= request.cpus, Host.c.cpu_mhz >= request.mhz,
        Host.c.cpu_reserved + request.cpu <= Host.c.cpus * Host.c.cpu_mhz * mhz,
        Host.c.memory_reserved + request.memory <= Host.c.memory * bytes,
    ]  # fmt: skip
    if not request.disabled_too:
        where.append(Host.c.resource_state == "Enabled")
    if request.cluster is not None:
        where.append(Host.c.cluster_id == request.cluster)
    if request.pod is not None:
        where.append(Host.c.pod_id == request.pod)
    if request.avoid:
        where.append(Host.c.id.not_in(sorted(request.avoid)))
    for tag in request.tags:
        where.append(Host.c.id.in_(sa.select(HostTag.c.host_id).where(HostTag.c.name == tag, HostTag.c.gone == 0)))
    return where


def _largest(reader: Reader, factor: Setting[float]) -> float:
    """The largest factor that any cluster has."""
    mine = (SettingRow.c.name == factor.name, SettingRow.c.scope == "cluster", SettingRow.c.gone == 0)
    own = reader.value(sa.select(sa.func.max(sa.cast(SettingRow.c.value, sa.Float))).where(*mine))
    return max(factor.get(reader), float(own or 0))


def _seen(reader: Reader, hosts: Sequence[Host]) -> list[Candidate]:
    if not hosts:
        return []
    clusters = _by_id(reader, Cluster, {host.cluster_id for host in hosts})
    pods = _by_id(reader, Pod, {host.pod_id for host in hosts})
    tags: dict[int, list[str]] = defaultdict(list)
    for tag in _in(reader, HostTag, HostTag.c.host_id, {host.id for host in hosts}):
        tags[tag.host_id].append(tag.name)
    pools, thresholds = _Pools(reader, hosts), _thresholds(reader, set(clusters))
    return [_candidate(reader, host, (clusters, pods, tags, pools, thresholds)) for host in hosts]


def _candidate(reader: Reader, host: Host, world: Any) -> Candidate:
    clusters, pods, tags, pools, thresholds = world
    cluster, pod = clusters[host.cluster_id], pods[host.pod_id]
    places = (
        ("it", host.resource_state),
        (f"cluster {cluster.name}", cluster.allocation_state),
        (f"pod {pod.name}", pod.allocation_state),
    )
    closed = [f"{what} is {state}" for what, state in places if state != "Enabled"]
    cpu, memory = thresholds.get(host.cluster_id, ((0, 0), (0, 0)))
    return Candidate(
        id=host.id, name=host.name, pod=host.pod_id, cluster=host.cluster_id, hypervisor=host.hypervisor,
        architecture=host.architecture, state=host.state, closed=" and ".join(closed), cpus=host.cpus, mhz=host.cpu_mhz,
        cpu_limit=capacity.cpu_limit(reader, host), cpu_reserved=host.cpu_reserved,
        memory_limit=capacity.memory_limit(reader, host), memory_reserved=host.memory_reserved, tags=tuple(tags[host.id]),
        labels=None if host.hypervisor == "Simulator" else tuple(host.labels), pools=pools.of(host),
        cluster_cpu=cpu, cluster_memory=memory,
    )  # fmt: skip


class _Pools:
    """The pools that some hosts reach."""

    def __init__(self, reader: Reader, hosts: Sequence[Host]) -> None:
        self._found: dict[tuple[str, int, str], list[Pool]] = defaultdict(list)
        for scope, column, ids in (
            ("ZONE", StoragePool.c.zone_id, {host.zone_id for host in hosts}),
            ("CLUSTER", StoragePool.c.cluster_id, {host.cluster_id for host in hosts}),
            ("HOST", StoragePool.c.host_id, {host.id for host in hosts}),
        ):
            for row in _in(reader, StoragePool, column, ids, StoragePool.c.scope == scope, StoragePool.c.state == "Up"):
                free = 0 if capacity.pool_full(reader, row) else max(0, capacity.pool_limit(reader, row) - row.reserved)
                at = getattr(row, f"{scope.lower()}_id")
                pool = Pool(id=row.id, name=row.name, free=free, tags=tuple(row.tags), local=scope == "HOST")
                self._found[scope, at, row.hypervisor].append(pool)

    def of(self, host: Host) -> tuple[Pool, ...]:
        at = (("HOST", host.id), ("CLUSTER", host.cluster_id), ("ZONE", host.zone_id))
        return tuple(pool for key in at for kind in (host.hypervisor, "Any") for pool in self._found[*key, kind])


def _thresholds(reader: Reader, clusters: set[int]) -> dict[int, tuple[tuple[int, int], tuple[int, int]]]:
    """For each cluster: (CPU reserved, most), (memory reserved, most)."""
    if not capacity.CLUSTER_THRESHOLDS.get(reader):
        return {}
    s, found = sa.func.sum, {}
    columns = (s(Host.c.cpu_reserved), s(Host.c.cpus * Host.c.cpu_mhz), s(Host.c.memory_reserved), s(Host.c.memory))
    for chunk in _chunks(clusters):
        rows = (
            sa.select(Host.c.cluster_id, *columns)
            .where(Host.c.gone == 0, Host.c.cluster_id.in_(chunk))
            .group_by(Host.c.cluster_id)
        )
        for id, mhz, all_mhz, bytes, all_bytes in map(tuple, reader.rows(rows)):
            cpu = float(all_mhz) * capacity.CPU_FACTOR.get(reader, cluster=id) * capacity.CLUSTER_CPU.get(reader, cluster=id)
            memory = (
                float(all_bytes)
                * capacity.MEMORY_FACTOR.get(reader, cluster=id)
                * capacity.CLUSTER_MEMORY.get(reader, cluster=id)
            )
            found[id] = ((int(mhz), int(cpu)), (int(bytes), int(memory)))
    return found


def _by_id(reader: Reader, kind: Any, ids: set[int]) -> dict[int, Any]:
    return {row.id: row for row in _in(reader, kind, kind.c.id, ids)}


def _in(reader: Reader, kind: Any, column: Any, ids: Iterable[int], *where: sa.ColumnElement[bool]) -> list[Any]:
    return [row for chunk in _chunks(ids) for row in reader.all(kind, column.in_(chunk), *where)]


def _chunks(ids: Iterable[int], size: int = 1000) -> list[list[int]]:
    """Statements bind so many values at most."""
    ordered = sorted(ids)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
