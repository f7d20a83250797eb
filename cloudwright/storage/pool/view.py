"""Storage pools as answers tell them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import View, computed, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.capacity import STORAGE_FACTOR
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.operations.paging import Paged, cut
from cloudwright.storage.model import StoragePool
from cloudwright.storage.pool.open import pools_of

_c = StoragePool.c
_JOINS = [(Zone, Zone.c.id == _c.zone_id), (Pod, Pod.c.id == _c.pod_id), (Cluster, Cluster.c.id == _c.cluster_id)]


class StoragePoolView(View, of=StoragePool, key="storagepool", joins=_JOINS):
    """A storage pool; sizes in bytes."""

    id = field(_c.uuid, "the pool's id")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    podid = field(Pod.c.uuid, "its pod")
    podname = field(Pod.c.name, "the name of its pod")
    clusterid = field(Cluster.c.uuid, "its cluster")
    clustername = field(Cluster.c.name, "the name of its cluster")
    name = field(_c.name, "its name")
    ipaddress = field(_c.address, "the address of its server")
    path = field(_c.path, "its path there")
    created = field(_c.created, "when it was added")
    type = field(_c.pool_type, "NetworkFilesystem, SharedMountPoint, Filesystem or Simulator")
    capacitybytes = field(_c.capacity, "its room")
    disksizetotal = field(_c.capacity, "its room")
    disksizeallocated = field(_c.reserved, "how much volumes may grow to")
    disksizeused = field(_c.used, "how much is taken")
    tags = field(_c.tags, "its tags", "string", convert=lambda tags: ",".join(tags) or None)
    nfsmountopts = computed(lambda row, caller: (row.get("details") or {}).get("nfsmountopts"), "how NFS is mounted")
    state = field(_c.state, "Up, Disabled, Maintenance …")
    scope = field(_c.scope, "ZONE, CLUSTER or HOST")
    overprovisionfactor = field(
        STORAGE_FACTOR.told(storagepool=_c.id, zone=_c.zone_id), "how many times its room is given out", "string"
    )
    hypervisor = field(_c.hypervisor, "the hypervisor whose hosts reach it")
    provider = field(_c.provider, "its provider")
    managed = computed(lambda row, caller: False, "whether each volume is a device of its own", "boolean")
    istagarule = computed(lambda row, caller: False, "whether its tag is a rule", "boolean")
    details = field(_c.options, "further details", convert=lambda options: options or None)


class ListStoragePools(List, answers=StoragePoolView, keywords=[_c.name]):
    """Lists storage pools."""

    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    name: str | None = where(_c.name, "only those of this name")
    zone: Ref[Zone] | None = where(_c.zone_id, "only those of this zone")
    pod: Ref[Pod] | None = where(_c.pod_id, "only those of this pod")
    cluster: Ref[Cluster] | None = where(_c.cluster_id, "only those of this cluster")
    ip_address: str | None = where(_c.address, "only those of this server")
    path: str | None = where(_c.path, "only those with this path")
    scope_: str | None = where(lambda b: _c.scope == sa.func.upper(b), "ZONE, CLUSTER or HOST", wire_name="scope")
    status: str | None = where(lambda b: sa.func.lower(_c.state) == sa.func.lower(b), "only those in this state")
    host: Ref[Host] | None = param("only those that this host reaches")
    storage_custom_stats: bool = param(
        "with the provider's statistics", default=False, check=not_built("providers with statistics")
    )
    storage_access_group: str | None = param("only of this group", check=not_built("storage access groups"), since="4.21.0")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.host is None:
            return []
        ids = [row[0] for row in reader.rows(sa.select(_c.id).where(pools_of(self.host), _c.gone == 0))]
        return [("host", _c.id.in_(sa.bindparam("reached", expanding=True)), {"reached": ids})]


PROVIDERS = {"primary": ["DefaultPrimary"], "image": ["NFS", "Simulator"], "object": []}


class ListStorageProviders(
    Paged, Query, response={"name": ("string", "the provider's name"), "type": ("string", "what it provides: primary or image")}
):
    """Lists the providers of storage."""

    type: str = param("primary, image or object", choices=list(PROVIDERS))
    keyword: str | None = param("only those in whose name this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        kind = self.type.lower()
        names = [name for name in PROVIDERS[kind] if (self.keyword or "").lower() in name.lower()]
        shown = cut(self, names, reader)
        return Told("dataStoreProvider", [{"name": name, "type": kind.upper()} for name in shown], len(names))
