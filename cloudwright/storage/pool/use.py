"""How tasks use a pool: by which host, and opened there first where that host does not know it yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from cloudwright.core.error import CloudError
from cloudwright.core.task import Again, Task
from cloudwright.core.tx import Reader
from cloudwright.drivers.error import NotThere, Unreachable
from cloudwright.drivers.pool.contract import Pool, PoolSpec
from cloudwright.drivers.work import Work, WorkState
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool

T = TypeVar("T")
POLL = 0.5  # seconds between two looks at long work


def spec(pool: StoragePool) -> PoolSpec:
    """What drivers are told of a pool."""
    return PoolSpec(pool.pool_name, pool.pool_type, pool.path, pool.address, pool.options)


def hosts_of(pool: StoragePool) -> sa.ColumnElement[bool]:
    """The hosts that reach a pool."""
    if pool.host_id is not None:
        return Host.c.id == pool.host_id
    if pool.cluster_id is not None:
        return Host.c.cluster_id == pool.cluster_id
    return sa.and_(Host.c.zone_id == pool.zone_id, Host.c.hypervisor == pool.hypervisor)


def host_for(reader: Reader, pool: StoragePool, prefer: int = 0) -> Host:
    """A connected host by which a pool is reached: `prefer` if it is one. Raises Unreachable."""
    up = (hosts_of(pool), Host.c.state == "Up")
    host = reader.find(Host, Host.c.id == prefer, *up) or reader.find(Host, *up)
    if host is None:
        raise Unreachable(f"storage pool {pool.name} cannot be reached: none of its hosts is connected", f"{pool.kind}:{pool.id}")
    return host


def on_pool(task: Task, host: Host, pool: StoragePool, act: Callable[[Pool], T]) -> T:
    """Do something with a pool as a host reaches it. A host that has not opened it yet, or was restarted, opens it first."""
    driver = task.reach(Pool, host)
    try:
        return act(driver)
    except NotThere:
        driver.open(spec(pool))
        return act(driver)


def awaited(task: Task, work: Work, what: str) -> Work | None:
    """Finished work, or None where it must be begun (again). Raises Again while it runs, CloudError when it failed."""
    if work.state is WorkState.RUNNING:
        task.progress(work.progress, what)
        raise Again(POLL, f"{what}: {work.progress:.0%}")
    if work.state is WorkState.FAILED:
        raise CloudError(work.error)
    return work if work.state is WorkState.DONE else None
