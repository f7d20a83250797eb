"""Many rows at once: copies of one row by a single statement, because a million deploys would take hours."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core import search
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.model import Cluster, Host
from cloudwright.network.model import Nic
from cloudwright.storage.model import StoragePool, Template, TemplateAt, Volume
from tests.infrastructure.zone import Built

IN_CLUSTER = 50
UUID = "'00000000-0000-4000-8000-' || substr('' || (1000000000000 + new), 2)"
ADDRESS = "'10.' || (new >> 16 & 255) || '.' || (new >> 8 & 255) || '.' || (new & 255)"
_DIGITS = "('' || (10000000000 + new))"
MAC = "'06'" + "".join(f" || ':' || substr({_DIGITS}, {at}, 2)" for at in range(2, 12, 2))


def copies(cloud: Cloud, kind: type[Resource], of: int, number: int, **changed: str) -> int:
    """Copy row `of` so many times. `changed` gives columns as SQL of `i` (1 …), `new` (the row's own id) and the
    copied row `t`, as all engines understand it. Answers the id before the first: row i has that id + i."""
    reader = cloud.db.read()
    base = int(reader.value(sa.select(sa.func.max(kind.c.id))) or 0)
    expressions = {"id": "new", "uuid": UUID} | changed
    names = [column.name for column in kind.c]
    chosen = ", ".join(expressions.get(name, f't."{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    numbers = f"WITH RECURSIVE n(i, new) AS (SELECT 1, {base} + 1 UNION ALL SELECT i + 1, new + 1 FROM n WHERE i < {number})"
    sql = f'INSERT INTO "{kind.kind}" ({into}) {numbers} SELECT {chosen} FROM n, "{kind.kind}" t WHERE t.id = {of}'
    if number > 0:
        cloud.db.write(lambda tx: _insert(tx, kind, sql, number))
    return base


def _insert(tx: Tx, kind: type[Resource], sql: str, number: int) -> None:
    """Run it in words that the engine knows; the next row of its own accord gets an id above these."""
    engine = tx.connection.dialect.name
    if engine == "mariadb":
        mode = tx.value(sa.text("SELECT @@SESSION.sql_mode"))
        tx.execute(sa.text(f"SET SESSION sql_mode = 'ANSI', SESSION max_recursive_iterations = {number + 1}"))
        tx.execute(sa.text(sql))
        tx.execute(sa.text("SET SESSION sql_mode = :mode"), {"mode": mode})
        return
    tx.execute(sa.text(sql))
    if engine == "postgresql":
        tx.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{kind.kind}', 'id'), max(id)) FROM \"{kind.kind}\""))


def searchable(cloud: Cloud) -> None:
    """Take all copies into the indexes of words, as a server does bit by bit."""
    while (kind := search.waiting(cloud.db.read())) is not None:
        cloud.db.write(lambda tx, kind=kind: search.take_in(tx, kind))


def hosts(cloud: Cloud, zone: Built, number: int) -> None:
    """Bring the zone to so many hosts, in clusters of fifty."""
    have = len(zone.hosts)
    more = number - have
    clusters = -(-more // IN_CLUSTER) if more > 0 else 0
    base = copies(cloud, Cluster, zone.cluster.id, clusters, name="'cluster ' || i")
    copies(
        cloud, Host, zone.hosts[0].id, more, name="'host ' || i", address=ADDRESS,
        cluster_id=f"{base} + 1 + (i - 1 - (i - 1) % {IN_CLUSTER}) / {IN_CLUSTER}", cpu_reserved="0", memory_reserved="0",
    )  # fmt: skip
    copied = zone.pool
    pools = copies(cloud, type(copied), copied.id, clusters, name="'pool ' || i", cluster_id=f"{base} + i", reserved="0")
    _install(cloud, copied, clusters, pools)


def _install(cloud: Cloud, of: StoragePool, number: int, base: int) -> None:
    """Have the copied pools hold the templates of the first: bringing one there is done once for each pool, not for a deploy."""
    reader = cloud.db.read()
    for place in reader.all(TemplateAt, TemplateAt.c.pool_id == of.id):
        copies(cloud, TemplateAt, place.id, number, pool_id=f"{base} + i")
        name = reader.get(Template, place.template_id).image_name
        image = cloud.world.get(of.pool_name, "volume", name)
        for pool in reader.all(StoragePool, StoragePool.c.id > base) if image else []:
            cloud.world.put(pool.pool_name, "volume", name, image)


def machines(cloud: Cloud, of: Vm, number: int, owners: dict[int, int]) -> None:
    """Copy an instance with its root volume and its interface. `owners`: account id -> every how many-eth is its."""
    reader = cloud.db.read()
    volume = reader.find(Volume, Volume.c.vm_id == of.id)
    nic = reader.find(Nic, Nic.c.vm_id == of.id)
    assert volume is not None
    assert nic is not None
    account = "CASE " + " ".join(f"WHEN i % {every} = 0 THEN {id}" for id, every in owners.items()) + " ELSE t.account_id END"
    first, last = reader.rows(sa.select(sa.func.min(Host.c.id), sa.func.max(Host.c.id)))[0]
    host = f"{first} + i % {last - first + 1}"
    base = copies(cloud, Vm, of.id, number, name="'vm-' || new", instance_name="'i-' || new", account_id=account, host_id=host)
    copies(cloud, Volume, volume.id, number, vm_id=f"{base} + i", name="'root-' || i", account_id=account)
    copies(cloud, Nic, nic.id, number, vm_id=f"{base} + i", ip="NULL", mac=MAC)
