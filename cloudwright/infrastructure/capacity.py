"""How much there is and how much is given out: reservations by conditional update, under the settings that overcommit.

Cores are counted in MHz, memory and storage in bytes. Whoever places something reserves first: when two race for the last piece,
the second gets False and looks elsewhere.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.prepared import Prepared
from cloudwright.core.setting import Setting, setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool

CPU_FACTOR = setting(
    "cpu.overprovisioning.factor", 1.0, "how many times the CPU of a cluster's hosts is given out", scopes=("cluster",), minimum=1
)
MEMORY_FACTOR = setting(
    "mem.overprovisioning.factor",
    1.0,
    "how many times the memory of a cluster is given out",
    scopes=("cluster",),
    minimum=1,
)
STORAGE_FACTOR = setting(
    "storage.overprovisioning.factor", 2.0, "how many times a pool's capacity is given out to thin volumes",
    scopes=("storagepool", "zone"), category="Storage", minimum=1,
)  # fmt: skip
POOL_ALLOCATED = setting(
    "pool.storage.allocated.capacity.disablethreshold", 0.85, "the share of a pool's overcommitted capacity beyond which no "
    "volume is placed there", scopes=("storagepool", "zone"), category="Alert", minimum=0, maximum=1,
)  # fmt: skip
POOL_USED = setting(
    "pool.storage.capacity.disablethreshold", 0.85, "the share of a pool's space in use beyond which no volume is placed there",
    scopes=("storagepool", "zone"), category="Alert", minimum=0, maximum=1,
)  # fmt: skip
CLUSTER_THRESHOLDS = setting("cluster.threshold.enabled", True, "whether the thresholds of clusters keep new machines out")
CLUSTER_CPU = setting(
    "cluster.cpu.allocated.capacity.disablethreshold", 0.85, "the share of a cluster's CPU given out beyond which no machine is "
    "placed there", scopes=("cluster",), category="Alert", minimum=0, maximum=1,
)  # fmt: skip
CLUSTER_MEMORY = setting(
    "cluster.memory.allocated.capacity.disablethreshold", 0.85, "the share of a cluster's memory given out beyond which no "
    "machine is placed there", scopes=("cluster",), category="Alert", minimum=0, maximum=1,
)  # fmt: skip


def factor_of(of: Setting[float], cluster_id: Any) -> sa.ColumnElement[str]:
    """The factor in force for a cluster, as text, for the columns of views."""
    return of.told(cluster=cluster_id)


def cpu_limit(reader: Reader, host: Host) -> int:
    """MHz that machines may reserve on a host."""
    return int(host.cpus * host.cpu_mhz * CPU_FACTOR.get(reader, cluster=host.cluster_id))


def memory_limit(reader: Reader, host: Host) -> int:
    """Bytes that machines may reserve on a host."""
    return int(host.memory * MEMORY_FACTOR.get(reader, cluster=host.cluster_id))


def pool_limit(reader: Reader, pool: StoragePool) -> int:
    """Bytes that volumes may reserve in a pool."""
    scope = {"storagepool": pool.id, "zone": pool.zone_id}
    return int(pool.capacity * STORAGE_FACTOR.get(reader, **scope) * POOL_ALLOCATED.get(reader, **scope))


def pool_full(reader: Reader, pool: StoragePool) -> bool:
    """Whether so much of a pool is really in use that it takes no more."""
    return pool.used > pool.capacity * POOL_USED.get(reader, storagepool=pool.id, zone=pool.zone_id)


_RESERVE_HOST = Prepared(
    Host.t.update()
    .where(Host.c.id == sa.bindparam("at"), Host.c.gone == 0)
    .where(Host.c.cpu_reserved + sa.bindparam("mhz") <= sa.bindparam("most_mhz"))
    .where(Host.c.memory_reserved + sa.bindparam("bytes") <= sa.bindparam("most_bytes"))
    .values(
        cpu_reserved=Host.c.cpu_reserved + sa.bindparam("mhz"), memory_reserved=Host.c.memory_reserved + sa.bindparam("bytes")
    )
)
_RESERVE_POOL = Prepared(
    StoragePool.t.update()
    .where(StoragePool.c.id == sa.bindparam("at"), StoragePool.c.gone == 0)
    .where(StoragePool.c.reserved + sa.bindparam("bytes") <= sa.bindparam("most"))
    .values(reserved=StoragePool.c.reserved + sa.bindparam("bytes"))
)


def reserve_host(tx: Tx, host_id: int, mhz: int, bytes: int) -> bool:
    """Take this much of a host. False: it is no longer free."""
    host = tx.get(Host, host_id)
    most = {"most_mhz": cpu_limit(tx, host), "most_bytes": memory_limit(tx, host)}
    return tx.execute(_RESERVE_HOST, {"at": host_id, "mhz": mhz, "bytes": bytes, **most}) == 1


def release_host(tx: Tx, host_id: int, mhz: int, bytes: int) -> None:
    """Give it back. Never goes below nothing."""
    values = {"cpu_reserved": _less(Host.c.cpu_reserved, mhz), "memory_reserved": _less(Host.c.memory_reserved, bytes)}
    tx.execute(Host.t.update().where(Host.c.id == host_id).values(**values))


def reserve_pool(tx: Tx, pool_id: int, bytes: int) -> bool:
    """Take this much of a pool. False: it is no longer free, or the pool is too full."""
    pool = tx.get(StoragePool, pool_id)
    if pool_full(tx, pool):
        return False
    return tx.execute(_RESERVE_POOL, {"at": pool_id, "bytes": bytes, "most": pool_limit(tx, pool)}) == 1


def release_pool(tx: Tx, pool_id: int, bytes: int) -> None:
    """Give it back. Never goes below nothing."""
    tx.execute(StoragePool.t.update().where(StoragePool.c.id == pool_id).values(reserved=_less(StoragePool.c.reserved, bytes)))


def _less(counter: sa.ColumnElement[int], by: int) -> sa.ColumnElement[int]:
    return sa.case((counter > by, counter - by), else_=0)
