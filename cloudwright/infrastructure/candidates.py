"""Hosts on which a machine may fit: a bounded sample by index, so that a deploy costs the same at 10 hosts and at 50,000.

The database leaves out what is surely too small (it counts with the largest factor that any cluster has); placement decides with
each cluster's own. Only when nothing in the sample fits are many asked, to find the last places or to explain.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from cloudwright.compute.model import Vm
from cloudwright.core.prepared import Prepared
from cloudwright.core.setting import Setting, setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure import capacity, dedication
from cloudwright.infrastructure.company import guests_on
from cloudwright.infrastructure.model import Cluster, Host, HostTag, Pod
from cloudwright.infrastructure.placement import (
    FILTERS,
    OF_OTHERS,
    PLANNERS,
    Candidate,
    Plan,
    Pool,
    Refusal,
    Request,
    explain,
    place,
)
from cloudwright.storage.model import StoragePool

FIRST, SAMPLE, MANY = 1, 16, 1000
"""Hosts looked at: where the first that fits is taken; where the best of some is; where none of those fits."""
ALGORITHM = setting(
    "vm.allocation.algorithm", "random", "which host is tried first of those on which a machine fits",
    options=("random", "firstfit", "userdispersing", "firstfitleastconsumed"),
)  # fmt: skip
PLANNER = setting(
    "vm.deployment.planner", "FirstFitPlanner", "the planner of machines whose service offering names none",
    options=PLANNERS,
)  # fmt: skip
_choose = random.SystemRandom().randint


def choose(reader: Reader, request: Request) -> Plan:
    """Where the machine goes. Raises NoCapacity with the numbers of those hosts that come nearest."""
    first = ALGORITHM.get(reader) in ("random", "firstfit") and not request.leaning and not spreads(reader, request.planner)
    for most in (FIRST, SAMPLE) if first else (SAMPLE,):
        if isinstance(found := place(request, candidates(reader, request, most)), Plan):
            return found
    if isinstance(found := place(request, _seen(reader, _page(reader, request, {}, MANY), request)), Plan):
        return found
    nearest = place(request, _seen(reader, _nearest(reader, request), request))
    if isinstance(nearest, Plan):
        return nearest
    error = explain(request, nearest)
    if len(nearest) == MANY:
        error.why.append(f"the zone has more hosts; these {MANY} come nearest")
    raise error


def refusals(reader: Reader, request: Request) -> list[Refusal]:
    """Why each host of the zone that does not fit does not: for whoever asks in advance."""
    answers = [place(request, [candidate]) for candidate in candidates(reader, request, None)]
    return [refusal for answer in answers if not isinstance(answer, Plan) for refusal in answer]


def asked(reader: Reader, request: Request, hosts: Sequence[Host]) -> list[Refusal]:
    """Why each of these hosts that does not fit does not."""
    answers = [place(request, [candidate]) for candidate in _seen(reader, hosts, request)]
    return [refusal for answer in answers if not isinstance(answer, Plan) for refusal in answer]


def candidates(reader: Reader, request: Request, most: int | None = SAMPLE) -> list[Candidate]:
    """Hosts to try, in order: a sample of so many of those that can fit, or every host of the zone."""
    rows = reader.all(Host, Host.c.zone_id == request.zone) if most is None else _sample(reader, request, most)
    liked = {id for id, weight in request.leaning.items() if weight < 0} - {host.id for host in rows}
    rows = [*rows, *_in_zone(reader, request, liked)] if liked and request.host is None else rows
    found = _seen(reader, rows, request)
    algorithm, planner = ALGORITHM.get(reader), request.planner or PLANNER.get(reader)
    if planner == "UserConcentratedPodPlanner":
        crowded: dict[int, int] = defaultdict(int)
        for host in found:
            crowded[host.pod] += request.crowd.get(host.id, 0)
        found.sort(key=lambda host: -crowded[host.pod])
    elif planner == "ImplicitDedicationPlanner":
        found.sort(key=lambda host: (host.neighbours > 0, -request.crowd.get(host.id, 0)))
    elif planner == "UserDispersingPlanner" or algorithm == "userdispersing":
        found.sort(key=lambda host: request.crowd.get(host.id, 0))
    elif algorithm == "firstfitleastconsumed":
        found.sort(key=lambda host: host.memory_reserved / max(1, host.memory_limit))
    if request.leaning:
        found.sort(key=lambda host: request.leaning.get(host.id, 0))
    return found


def _in_zone(reader: Reader, request: Request, ids: Iterable[int]) -> list[Host]:
    """These hosts, as far as they are in the zone."""
    return [host for host in _in(reader, Host, "id", ids) if host.zone_id == request.zone]


def spreads(reader: Reader, planner: str) -> bool:
    """Whether a planner ("" for the setting's) asks where an account's machines are."""
    return (planner or PLANNER.get(reader)) != "FirstFitPlanner" or ALGORITHM.get(reader) == "userdispersing"


def crowd(reader: Reader, account: int) -> dict[int, int]:
    """By host: how many machines of the account are there."""
    return dict(map(tuple, reader.rows(_CROWD, {"account": account})))


def _sample(reader: Reader, request: Request, most: int) -> list[Host]:
    if request.host is not None:
        return reader.all(Host, Host.c.id == request.host)
    if request.beside:
        return _in_zone(reader, request, request.beside)
    if spreads(reader, request.planner):
        return _page(reader, request, {}, MANY)
    if ALGORITHM.get(reader) == "firstfit":
        return _page(reader, request, {}, most)
    low, high = reader.rows(_BOUNDS, {"zone": request.zone})[0].values()
    start = _choose(low, high) if low is not None else 0
    rows = _page(reader, request, {"from_": start}, most)
    return rows if len(rows) == most else [*rows, *_page(reader, request, {"before": start}, most - len(rows))]


_mine = (Host.c.zone_id == sa.bindparam("zone"), Host.c.gone == 0)
_BOUNDS = Prepared(
    sa.select(
        sa.select(sa.func.min(Host.c.id)).where(*_mine).scalar_subquery().label("low"),
        sa.select(sa.func.max(Host.c.id)).where(*_mine).scalar_subquery().label("high"),
    )
)
_summed = {
    "mhz": Host.c.cpu_reserved,
    "all_mhz": Host.c.cpus * Host.c.cpu_mhz,
    "bytes": Host.c.memory_reserved,
    "all_bytes": Host.c.memory,
}
_SUMS = Prepared(
    sa.select(*(sa.func.sum(column).label(name) for name, column in _summed.items())).where(
        Host.c.gone == 0, Host.c.cluster_id == sa.bindparam("cluster")
    )
)
_CROWD = (
    sa.select(Vm.c.host_id, sa.func.count())
    .where(Vm.c.gone == 0, Vm.c.account_id == sa.bindparam("account"), Vm.c.host_id.is_not(None))
    .group_by(Vm.c.host_id)
)
_built: dict[Any, Any] = {}


def _page(reader: Reader, request: Request, part: dict[str, int], most: int) -> list[Host]:
    """Hosts that can surely hold it by the numbers, in the order of their ids. Statements are built once for each shape."""
    binds = {name: value for name, value in _wanted(reader, request).items() if value not in (None, [])} | part
    key = tuple(sorted(binds))
    if key not in _built:
        where = [condition for name, condition in _conditions(request).items() if name in binds or name == "always"]
        if not request.disabled_too:
            where.append(Host.c.resource_state == sa.bindparam("open"))
        statement = sa.select(Host.t).where(*where).order_by(Host.c.id).limit(sa.bindparam("most"))
        _built[key] = Prepared(statement)
    return [Host.load(row) for row in reader.rows(_built[key], {**binds, "most": most})]


def _wanted(reader: Reader, request: Request) -> dict[str, Any]:
    """What statements bind; None or an empty list: nothing is asked."""
    pinned = [reader.get(StoragePool, disk.pool) for disk in request.disks if disk.pool is not None]
    clusters = [
        id for id in (request.cluster, *(pool.cluster_id for pool in pinned if pool.scope == "CLUSTER")) if id is not None
    ]
    return {
        "zone": request.zone, "hypervisor": request.hypervisor, "cpus": request.cpus, "mhz": request.mhz, "cpu": request.cpu,
        "memory": request.memory, "cpu_factor": _largest(reader, capacity.CPU_FACTOR),
        "memory_factor": _largest(reader, capacity.MEMORY_FACTOR), "cluster": max(clusters, default=None), "pod": request.pod,
        "at": next((pool.host_id for pool in pinned if pool.scope == "HOST"), None), "avoid": sorted(request.avoid),
        "groups": sorted(request.groups),
        "open": None if request.disabled_too else "Enabled", **_owner(reader, request),
        **{f"tag{i}": tag for i, tag in enumerate(request.tags)},
        **{f"pool{i}": f'%"{tag}"%' for i, tag in enumerate(sorted({tag for disk in request.disks for tag in disk.tags}))},
    }  # fmt: skip


def _owner(reader: Reader, request: Request) -> dict[str, Any]:
    """Asked only where something of the zone is dedicated."""
    there = dedication.any_in(reader, request.zone)
    return {"owner": request.account, "owner_domains": sorted(request.domains) or [0]} if there else {}


def _conditions(request: Request) -> dict[str, sa.ColumnElement[bool]]:
    """By the bind that each needs; each finds the place by an index."""
    bind = sa.bindparam
    conditions: dict[str, sa.ColumnElement[bool]] = {
        "always": sa.and_(
            *_mine, Host.c.state == "Up", Host.c.hypervisor == bind("hypervisor"), Host.c.cpus >= bind("cpus"),
            Host.c.cpu_mhz >= bind("mhz"), Host.c.cpu_reserved + bind("cpu") <= Host.c.cpus * Host.c.cpu_mhz * bind("cpu_factor"),
            Host.c.memory_reserved + bind("memory") <= Host.c.memory * bind("memory_factor"),
        ),
        "from_": Host.c.id >= bind("from_"), "before": Host.c.id < bind("before"), "at": Host.c.id == bind("at"),
        "cluster": Host.c.cluster_id == bind("cluster"), "pod": Host.c.pod_id == bind("pod"),
        "avoid": Host.c.id.not_in(bind("avoid", expanding=True)), "owner": dedication.OPEN_TO_OWNER,
        "groups": dedication.UNDER_GROUPS,
    }  # fmt: skip
    for i in range(len(request.tags)):
        tagged = sa.select(HostTag.c.host_id).where(HostTag.c.name == bind(f"tag{i}"), HostTag.c.gone == 0)
        conditions[f"tag{i}"] = Host.c.id.in_(tagged)
    for i in range(len({tag for disk in request.disks for tag in disk.tags})):
        conditions[f"pool{i}"] = _reaches_tagged(bind(f"pool{i}"))
    return conditions


def _reaches_tagged(pattern: sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    """The host reaches a pool that has a tag."""
    tagged = (sa.type_coerce(StoragePool.c.tags, sa.Text).like(pattern), StoragePool.c.gone == 0)
    at = {"ZONE": Host.c.zone_id, "CLUSTER": Host.c.cluster_id, "HOST": Host.c.id}
    return sa.or_(*(
        column.in_(sa.select(StoragePool.c[f"{scope.lower()}_id"]).where(*tagged, StoragePool.c.scope == scope))
        for scope, column in at.items()
    ))  # fmt: skip


def _nearest(reader: Reader, request: Request) -> list[Host]:
    """The hosts of the zone to tell about: those with the tags and the most free memory."""
    tagged = sa.select(sa.func.count()).where(
        HostTag.c.host_id == Host.c.id, HostTag.c.gone == 0, HostTag.c.name.in_(request.tags)
    )
    order = [Host.c.hypervisor != request.hypervisor, Host.c.memory_reserved - Host.c.memory, Host.c.id]
    if request.tags:
        order.insert(1, -tagged.scalar_subquery())
    if request.groups:
        order.insert(0, sa.case((dedication.UNDER_GROUPS, 0), else_=1))
    here = sa.select(Host.t).where(Host.c.gone == 0, Host.c.zone_id == request.zone).order_by(*order).limit(MANY)
    return [Host.load(row) for row in reader.rows(here, {"groups": sorted(request.groups)} if request.groups else None)]


def _largest(reader: Reader, factor: Setting[float]) -> float:
    """The largest factor that any cluster has."""
    return max([factor.get(reader), *factor.each(reader, "cluster")])


def _seen(reader: Reader, hosts: Sequence[Host], request: Request) -> list[Candidate]:
    if not hosts:
        return []
    clusters = _by_id(reader, Cluster, {host.cluster_id for host in hosts})
    pods = _by_id(reader, Pod, {host.pod_id for host in hosts})
    tags: dict[int, list[str]] = defaultdict(list)
    for tag in _in(reader, HostTag, "host_id", {host.id for host in hosts}):
        tags[tag.host_id].append(tag.name)
    pools, thresholds = _Pools(reader, hosts), _thresholds(reader, set(clusters))
    others = _others(reader, hosts, request)
    found = [_candidate(reader, host, (clusters, pods, tags, pools, thresholds)) for host in hosts]
    return [replace(one, **others[one.id]) for one in found]


def _others(reader: Reader, hosts: Sequence[Host], request: Request) -> dict[int, dict[str, Any]]:
    """By host id, what a candidate says of others: of who claims it, and of its guests."""
    claims = dedication.claims_on(reader, hosts) if dedication.any_in(reader, request.zone) else {}
    company = guests_on(reader, hosts, request)
    return {host.id: {"claims": claims.get(host.id, ()), **company.get(host.id, {})} for host in hosts}


def overtaken(tx: Tx, request: Request, host_id: int) -> str | None:
    """What others have done since a host was chosen that forbids it now. Asked once its room is reserved: that holds its row,
    so of two servers that choose it at once the second sees the machine, or the dedication, of the first."""
    host = tx.get(Host, host_id)
    about: dict[str, Any] = {"cpus": 0, "mhz": 0, "cpu_limit": 0, "memory_limit": 0, **_others(tx, [host], request)[host.id]}
    seen = Candidate(
        id=host.id, name=host.name, pod=host.pod_id, cluster=host.cluster_id, hypervisor=host.hypervisor, **about
    )  # fmt: skip
    return next((said for name in OF_OTHERS if (said := FILTERS[name](request, seen)) is not None), None)


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
            ("ZONE", "zone_id", {host.zone_id for host in hosts}),
            ("CLUSTER", "cluster_id", {host.cluster_id for host in hosts}),
            ("HOST", "host_id", {host.id for host in hosts}),
        ):
            for row in _in(reader, StoragePool, column, ids, scope=scope, state="Up"):
                free = 0 if capacity.pool_full(reader, row) else max(0, capacity.pool_limit(reader, row) - row.reserved)
                at = getattr(row, column)
                pool = Pool(id=row.id, name=row.name, free=free, tags=tuple(row.tags), local=scope == "HOST")
                self._found[scope, at, row.hypervisor].append(pool)

    def of(self, host: Host) -> tuple[Pool, ...]:
        at = (("HOST", host.id), ("CLUSTER", host.cluster_id), ("ZONE", host.zone_id))
        return tuple(pool for key in at for kind in (host.hypervisor, "Any") for pool in self._found[*key, kind])


def _thresholds(reader: Reader, clusters: set[int]) -> dict[int, tuple[tuple[int, int], tuple[int, int]]]:
    """For each cluster: (CPU reserved, most), (memory reserved, most)."""
    if not capacity.CLUSTER_THRESHOLDS.get(reader):
        return {}
    found = {}
    for id in clusters:
        mhz, all_mhz, bytes, all_bytes = (float(value) for value in reader.rows(_SUMS, {"cluster": id})[0].values())
        cpu = all_mhz * capacity.CPU_FACTOR.get(reader, cluster=id) * capacity.CLUSTER_CPU.get(reader, cluster=id)
        memory = all_bytes * capacity.MEMORY_FACTOR.get(reader, cluster=id) * capacity.CLUSTER_MEMORY.get(reader, cluster=id)
        found[id] = ((int(mhz), int(cpu)), (int(bytes), int(memory)))
    return found


def _by_id(reader: Reader, kind: Any, ids: set[int]) -> dict[int, Any]:
    return {row.id: row for row in _in(reader, kind, "id", ids)}


def _in(reader: Reader, kind: Any, column: str, ids: Iterable[int], **equal: str) -> list[Any]:
    """The living rows whose column is among the ids."""
    same = [kind.c[name] == value for name, value in equal.items()]
    return [row for chunk in _chunks(ids) for row in reader.all(kind, kind.c[column].in_(chunk), *same)]


def _chunks(ids: Iterable[int], size: int = 1000) -> list[list[int]]:
    """Statements bind so many values at most."""
    ordered = sorted(ids)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
