"""Adding, changing and deleting primary storage."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from cloudwright.compute.model import Vm
from cloudwright.core import task as tasks
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.hypervisor import HYPERVISORS, hypervisor_named
from cloudwright.infrastructure.model import Cluster, Pod, Zone
from cloudwright.storage.model import StoragePool, Volume
from cloudwright.storage.pool.open import ClosePool, OpenPool
from cloudwright.storage.pool.view import StoragePoolView

KINDS = {
    "nfs": "NetworkFilesystem",
    "sharedmountpoint": "SharedMountPoint",
    "file": "SharedMountPoint",
    "sim": "Simulator",
}


class CreateStoragePool(Command, answers=StoragePoolView):
    """Adds primary storage: nfs://server/export, sharedmountpoint://host/path (a path that hosts share) or sim://name. Hosts
    begin to open it; it is Up once one did."""

    name: str = param("its name")
    url: str = param("where it is")
    zone: Ref[Zone] = param("its zone")
    pod: Ref[Pod] | None = param("its pod, with the cluster")
    cluster: Ref[Cluster] | None = param("the cluster whose hosts reach it; without: all hosts of the zone")
    scope: str | None = param("cluster or zone", choices=["cluster", "zone"])
    hypervisor: str | None = param("with scope zone: the hypervisor whose hosts reach it", choices=HYPERVISORS)
    tags: str = param("tags, by comma, that offerings ask for", default="")
    provider: str = param("its provider", default="DefaultPrimary", choices=["DefaultPrimary"])
    details: dict[str, str] = param("nfsmountopts: how NFS is mounted", default={})
    capacity_bytes: int | None = param("the room of a simulated pool; that of others is measured", kind="long", minimum=1)
    capacity_iops: int | None = param("guaranteed operations", kind="long", check=not_built("guaranteed operations of storage"))
    managed: bool | None = param("each volume a device of its own", check=not_built("pools of managed storage"))
    is_tag_a_rule: bool | None = param("the tag is a rule", wire_name="istagarule", check=not_built("tags that are rules"))
    storage_access_groups: str | None = param("groups", check=not_built("storage access groups"), since="4.21.0")

    def run(self, tx: Tx, caller: Caller) -> StoragePool:
        scope = (self.scope or ("cluster" if self.cluster else "zone")).upper()
        if (scope == "CLUSTER") != (self.cluster is not None):
            raise ParamError(
                f"Parameter clusterid: scope {scope.lower()} needs {'one' if scope == 'CLUSTER' else 'none'}", param="clusterid"
            )
        if self.cluster is not None and self.cluster.zone_id != self.zone.id:
            raise ParamError(f"Parameter clusterid: {self.cluster.name} is not in zone {self.zone.name}", param="clusterid")
        if self.pod is not None and (self.cluster is None or self.cluster.pod_id != self.pod.id):
            where_ = f"{self.cluster.name} is not in pod {self.pod.name}" if self.cluster else "it is given with the cluster"
            raise ParamError(f"Parameter podid: {where_}", param="podid")
        kind, address, path = parsed(self.url)
        same = (StoragePool.c.address == address, StoragePool.c.path == path, StoragePool.c.pool_type == kind)
        twin = tx.find(StoragePool, StoragePool.c.zone_id == self.zone.id, *same)
        if twin is not None and (twin.cluster_id is None or self.cluster is None or twin.cluster_id == self.cluster.id):
            raise ParamError(f"Parameter url: it is storage pool {twin.name} already", param="url")
        pool = tx.insert(
            StoragePool(
                name=self.name, zone_id=self.zone.id, pod_id=self.cluster.pod_id if self.cluster else None,
                cluster_id=self.cluster.id if self.cluster else None, scope=scope, pool_type=kind, url=self.url, address=address,
                path=path, hypervisor=self._hypervisor(tx), provider=self.provider, state="Creating", tags=split(self.tags),
                options=self.details | self._capacity(kind),
            )
        )  # fmt: skip
        tasks.start(tx, OpenPool(pool=pool.id), pool)
        return pool

    def _hypervisor(self, reader: Reader) -> str:
        if self.cluster is not None:
            return self.cluster.hypervisor
        if self.hypervisor is not None:
            return hypervisor_named(self.hypervisor)
        kinds = sorted({cluster.hypervisor for cluster in reader.all(Cluster, Cluster.c.zone_id == self.zone.id)})
        if len(kinds) != 1:
            text = f"Parameter hypervisor: zone {self.zone.name} has {' and '.join(kinds) or 'no'} clusters, so it must be said"
            raise ParamError(text, param="hypervisor")
        return kinds[0]

    def _capacity(self, kind: str) -> dict[str, str]:
        if self.capacity_bytes is None:
            return {}
        if kind != "Simulator":
            raise ParamError(
                "Parameter capacitybytes: only that of a simulated pool is said; others are measured", param="capacitybytes"
            )
        return {"capacity": str(self.capacity_bytes)}


def parsed(url: str) -> tuple[str, str, str]:
    """(type, address, path) of a pool's url. Raises ParamError."""
    parts = urlsplit(url)
    kind = KINDS.get(parts.scheme.lower())
    if kind is None:
        text = f"Parameter url: {url[:80]!r} is of none of the kinds {', '.join(f'{scheme}://' for scheme in KINDS)}"
        raise ParamError(text, param="url")
    path = unquote(parts.path)
    if kind == "NetworkFilesystem" and not parts.hostname:
        raise ParamError("Parameter url: it names no server; NFS is written nfs://server/export", param="url")
    if kind != "Simulator" and (not path.strip("/") or ".." in path.split("/")):
        raise ParamError(f"Parameter url: {path!r} is not an absolute path below the root directory", param="url")
    return kind, parts.hostname or "localhost", path or "/"


def split(text: str) -> list[str]:
    """Tags from their text."""
    return [tag.strip() for tag in text.split(",") if tag.strip()]


class UpdateStoragePool(Command, answers=StoragePoolView, since="3.0.0"):
    """Renames a storage pool, changes its tags and details, or lets it take new volumes or none."""

    id: Ref[StoragePool] = param("the pool")
    name: str | None = param("its new name", since="4.15")
    tags: list[str] | None = param("its tags instead of those of before")
    enabled: bool | None = param("whether it takes new volumes")
    details: dict[str, str] = param("further details, beside those of before", default={}, since="4.19.0")
    capacity_bytes: int | None = param("the room of a simulated pool", kind="long", minimum=1)
    capacity_iops: int | None = param("guaranteed operations", kind="long", check=not_built("guaranteed operations of storage"))
    url: str | None = param("where it is", check=not_built("moves of a pool to another address"), since="4.19.0")
    is_tag_a_rule: bool | None = param("the tag is a rule", wire_name="istagarule", check=not_built("tags that are rules"))

    def run(self, tx: Tx, caller: Caller) -> StoragePool:
        pool, values = self.id, {}
        if self.enabled is not None:
            if pool.state not in ("Up", "Disabled"):
                raise WrongState(
                    f"Storage pool {pool.name} is {pool.state}: it can only be enabled or disabled when it is Up", param="id"
                )
            values["state"] = "Up" if self.enabled else "Disabled"
        options = pool.options | self.details
        if self.capacity_bytes is not None:
            if pool.pool_type != "Simulator":
                raise ParamError("Parameter capacitybytes: that of this pool is measured", param="capacitybytes")
            options["capacity"] = str(self.capacity_bytes)
        given = {"name": self.name, "tags": self.tags}
        tx.update(pool, options=options, **{k: v for k, v in given.items() if v is not None}, **values)
        if options.get("capacity") != pool.options.get("capacity") or self.capacity_bytes is not None:
            tasks.start(tx, OpenPool(pool=pool.id), pool)
        return pool


class DeleteStoragePool(Command):
    """Deletes a storage pool that holds no volumes. Templates installed there are deleted with it."""

    id: Ref[StoragePool] = param("the pool")
    forced: bool = param("no different: what is there beside volumes is deleted with it", default=False)

    def run(self, tx: Tx, caller: Caller) -> Success:
        held = tx.all(Volume, Volume.c.pool_id == self.id.id)
        if held:
            destroyed = sum(volume.state in ("Destroy", "Expunging") for volume in held)
            raise InUse(
                f"Storage pool {self.id.name} cannot be deleted: {len(held)} volumes lie there, {destroyed} of them destroyed",
                param="id",
                why=[", ".join(f"{v.name} ({v.state})" for v in held[:10])],
                fix=["delete the volumes, or move them away", "expunge destroyed ones by deleteVolume"],
            )
        tx.update(self.id, state="Removed")
        tx.remove(self.id)
        tasks.start(tx, ClosePool(pool=self.id.id), self.id)
        return Success()


class EnableStorageMaintenance(
    Command,
    states=("Up", "Disabled"),
    answers=StoragePoolView,
    starts=Record,
    event="MAINT.PREPARE.PS",
    resp_key="prepareprimarystorageformaintenanceresponse",
):
    """Takes a storage pool out of use, once no machine runs with volumes there."""

    id: Ref[StoragePool] = param("the pool")

    def run(self, tx: Tx, caller: Caller) -> StoragePool:
        pool = self.id
        if pool.state not in ("Up", "Disabled"):
            raise WrongState(
                f"Storage pool {pool.name} is {pool.state}, and only one that is Up or Disabled goes into maintenance", param="id"
            )
        on_it = Volume.t.select().with_only_columns(Volume.c.vm_id).where(Volume.c.pool_id == pool.id, Volume.c.gone == 0)
        running = tx.all(Vm, Vm.c.id.in_(on_it), Vm.c.state.in_(["Running", "Starting", "Stopping", "Migrating", "Unknown"]))
        if running:
            raise InUse(
                f"Storage pool {pool.name} cannot go into maintenance: {len(running)} machines run with volumes there",
                param="id",
                why=[", ".join(vm.name for vm in running[:10])],
                fix=["stop them", "disable the pool first, so that no more are placed there"],
            )
        tx.update(pool, state="Maintenance")
        self.start(tx, changed(f"storage pool {pool.name} is in maintenance"), pool, caller)
        return pool


class CancelStorageMaintenance(
    Command,
    states=("Maintenance",),
    answers=StoragePoolView,
    starts=OpenPool,
    event="MAINT.CANCEL.PS",
    resp_key="cancelprimarystoragemaintenanceresponse",
):
    """Takes a storage pool into use again: hosts open it."""

    id: Ref[StoragePool] = param("the pool")

    def run(self, tx: Tx, caller: Caller) -> StoragePool:
        if self.id.state not in self.api.states:
            raise WrongState(f"Storage pool {self.id.name} is {self.id.state}, not in maintenance", param="id")
        self.start(tx, OpenPool(pool=self.id.id), self.id, caller)
        return self.id
