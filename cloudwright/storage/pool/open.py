"""Making pools usable on hosts: all hosts of a new pool, all pools of a host that connected, and letting go of a pool."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core import task as tasks
from cloudwright.core.error import Unavailable
from cloudwright.core.task import Task, TaskRow, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import Busy, DriverError, NotThere, Unreachable
from cloudwright.drivers.pool.contract import Pool, PoolFacts
from cloudwright.infrastructure.model import Host, Zone
from cloudwright.storage.model import StoragePool, Template, TemplateAt
from cloudwright.storage.pool.use import hosts_of, on_pool, spec

LOCAL_PATH = "/var/lib/libvirt/images"  # of a host whose details do not say local.storage.path
GONE_STATES = ("Disabled", "Maintenance", "PrepareForMaintenance")


def measure(tx: Tx, pool: StoragePool, facts: PoolFacts) -> None:
    """Store how full a pool is. Reservations are counted apart and stay as they are."""
    tx.execute(StoragePool.t.update().where(StoragePool.c.id == pool.id).values(capacity=facts.capacity, used=facts.used))


def up_hosts(reader: Reader, pool: StoragePool) -> list[Host]:
    """The connected hosts that reach a pool."""
    return reader.all(Host, hosts_of(pool), Host.c.state == "Up")


class OpenPool(Task, rank=5):
    """Open a pool on all its connected hosts; on the pool. Those that connect later open it then."""

    pool: int

    @step(deadline=120)
    def open(self) -> None:
        """Open it, and measure it."""
        pool = self.read.get(StoragePool, self.pool)
        hosts = up_hosts(self.read, pool)
        failed: dict[str, str] = {}
        for host in hosts:
            try:
                facts = self.reach(Pool, host).open(spec(pool))
            except DriverError as error:
                failed[host.name] = str(error)
            else:
                self.write(lambda tx, facts=facts: measure(tx, pool, facts))  # type: ignore[misc]
        if failed and len(failed) == len(hosts):
            why = [f"{name}: {error}" for name, error in failed.items()]
            raise Unavailable(
                f"No host could open storage pool {pool.name}: {why[0]}", why=why, fix=["check its url", "add it again"]
            )
        if pool.state != "Disabled":
            self.set(pool, state="Up")
        self.say(f"opened on {len(hosts) - len(failed)} of {len(hosts)} hosts", failed=failed)

    @open.undo
    def unopen(self) -> None:
        """Have the hosts forget it; it is kept to be looked at, and takes no volumes."""
        pool = self.read.get(StoragePool, self.pool)
        if pool.gone:
            return
        for host in up_hosts(self.read, pool):
            try:
                self.reach(Pool, host).close(pool.pool_name)
            except (NotThere, Unreachable):
                continue
        self.set(pool, state="Initialized")


class OpenPools(Task, rank=5):
    """Have a host that connected open all pools it reaches, its own local one included; on the host."""

    host: int

    @step
    def find_local(self, tx: Tx) -> None:
        """Make the row of its local pool, where the zone uses local storage."""
        host = tx.get(Host, self.host)
        local = (StoragePool.c.host_id == host.id, StoragePool.c.scope == "HOST")
        if not tx.get(Zone, host.zone_id).local_storage or tx.find(StoragePool, *local):
            return
        path = host.details.get("local.storage.path", LOCAL_PATH)
        tx.insert(
            StoragePool(
                name=f"{host.name}-local-{host.uuid[:8]}", zone_id=host.zone_id, pod_id=host.pod_id, cluster_id=host.cluster_id,
                host_id=host.id, scope="HOST", pool_type="Filesystem", url=f"file://{host.address}{path}", address=host.address,
                path=path, hypervisor=host.hypervisor,
            )
        )  # fmt: skip
        self.say(f"{host.name} has local storage at {path}")

    @step(deadline=30)
    def open(self) -> None:
        """Open each."""
        host = self.read.get(Host, self.host)
        pools = self.read.all(StoragePool, pools_of(host), StoragePool.c.state.not_in(GONE_STATES))
        for pool in pools:
            try:
                facts = self.reach(Pool, host).open(spec(pool))
            except Unreachable:
                raise
            except DriverError as error:
                self.say(f"{host.name} cannot open storage pool {pool.name}: {error}")
            else:
                self.write(lambda tx, pool=pool, facts=facts: measure(tx, pool, facts))  # type: ignore[misc]
                if pool.state != "Up":
                    self.set(pool, state="Up")
        self.say(f"{host.name} reaches {len(pools)} storage pools")


def pools_of(host: Host) -> sa.ColumnElement[bool]:
    """The pools that a host reaches."""
    c = StoragePool.c
    return sa.or_(
        sa.and_(c.scope == "HOST", c.host_id == host.id),
        sa.and_(c.scope == "CLUSTER", c.cluster_id == host.cluster_id),
        sa.and_(c.scope == "ZONE", c.zone_id == host.zone_id, c.hypervisor == host.hypervisor),
    )


def host_connected(tx: Tx, host: Host) -> None:
    """Call in the transaction in which a host became Up: it opens its pools. One that is about to do so needs no telling."""
    about_to = (TaskRow.c.subject == f"{host.kind}:{host.id}", TaskRow.c.live == 1, TaskRow.c.kind_name == OpenPools.__name__)
    if not tx.count(TaskRow, *about_to):
        tasks.start(tx, OpenPools(host=host.id), host)


class ClosePool(Task, rank=25):
    """Empty a deleted pool of templates and have its hosts let go of it; on the pool, whose row is gone already."""

    pool: int

    @step(final=True)
    def empty(self) -> None:
        """Delete the templates installed there."""
        pool = self.read.get(StoragePool, self.pool)
        hosts = up_hosts(self.read, pool)
        for place in self.read.all(TemplateAt, TemplateAt.c.pool_id == pool.id):
            name = self.read.get(Template, place.template_id).image_name
            try:
                if hosts:
                    on_pool(self, hosts[0], pool, lambda p, name=name: p.remove(pool.pool_name, name))  # type: ignore[misc]
            except (NotThere, Busy) as error:
                self.say(f"{name} stays in storage pool {pool.name}: {error}")
            self.write(lambda tx, place=place: tx.remove(place))  # type: ignore[misc]
        if not hosts:
            self.say(f"no host that reaches storage pool {pool.name} is connected: what lies in it stays")

    @step(final=True)
    def close(self) -> None:
        """Unmount it."""
        pool = self.read.get(StoragePool, self.pool)
        for host in up_hosts(self.read, pool):
            try:
                self.reach(Pool, host).close(pool.pool_name)
            except (NotThere, Unreachable):
                continue
        self.say(f"storage pool {pool.name} closed")
