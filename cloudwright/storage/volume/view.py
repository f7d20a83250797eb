"""Volumes as answers tell them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.access import Caller
from cloudwright.core.command import Told
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.storage.model import DiskOffering, StoragePool, Template, Volume
from cloudwright.storage.quality import rate

_c = Volume.c
_iso = Template.t.alias("iso")
_JOINS = [
    (Zone, Zone.c.id == _c.zone_id),
    (Vm, Vm.c.id == _c.vm_id),
    (StoragePool, StoragePool.c.id == _c.pool_id),
    (Cluster, Cluster.c.id == StoragePool.c.cluster_id),
    (Pod, Pod.c.id == StoragePool.c.pod_id),
    (DiskOffering, DiskOffering.c.id == _c.disk_offering_id),
    (ServiceOffering, ServiceOffering.c.id == _c.service_offering_id),
    (Template, Template.c.id == _c.template_id),
    (_iso, _iso.c.id == Vm.c.iso_id),
]


def _when_root(row: dict[str, Any], name: str) -> Any:
    return row.get(name) if row.get("type") == "ROOT" else None


class VolumeView(OwnedView, of=Volume, key="volume", joins=_JOINS):
    """A volume; sizes in bytes."""

    id = field(_c.uuid, "the volume's id")
    name = field(_c.name, "its name")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    type = field(_c.vol_type, "ROOT or DATADISK")
    deviceid = field(_c.slot, "its place in the machine", "long")
    virtualmachineid = field(Vm.c.uuid, "the machine it is attached to")
    vmname = field(Vm.c.name, "the name of that machine")
    vmdisplayname = field(sa.func.coalesce(Vm.c.display_name, Vm.c.name), "what that machine is shown as")
    vmstate = field(Vm.c.state, "the state of that machine")
    vmtype = computed(lambda row, caller: "User" if "virtualmachineid" in row else None, "the kind of that machine")
    isoid = computed(lambda row, caller: _when_root(row, "_isoid"), "the ISO in that machine's drive")
    isoname = computed(lambda row, caller: _when_root(row, "_isoname"), "the name of that ISO")
    isodisplaytext = computed(lambda row, caller: _when_root(row, "_isotext"), "what that ISO is told as")
    templateid = field(Template.c.uuid, "the template it was made of")
    templatename = field(Template.c.name, "the name of that template")
    templatedisplaytext = field(Template.c.display_text, "what that template is told as")
    provisioningtype = field(_c.provisioning, "thin, sparse or fat")
    size = field(_c.size, "what the guest sees")
    virtualsize = field(_c.size, "what the guest sees")
    created = field(_c.created, "when it was made")
    state = field(_c.state, "Allocated, Creating, Ready …")
    storagetype = computed(lambda row, caller: "local" if row.get("_scope") == "HOST" else "shared", "local or shared")
    _limits = field(_c.limits, "how fast it may be")
    diskBytesReadRate = rate("read_bytes", "rate", "bytes read a second")  # noqa: N815
    diskBytesWriteRate = rate("write_bytes", "rate", "bytes written a second")  # noqa: N815
    diskIopsReadRate = rate("read_operations", "rate", "reads a second")  # noqa: N815
    diskIopsWriteRate = rate("write_operations", "rate", "writes a second")  # noqa: N815
    hypervisor = field(sa.func.coalesce(Vm.c.hypervisor, StoragePool.c.hypervisor), "the hypervisor it is for")
    diskofferingid = field(DiskOffering.c.uuid, "its disk offering")
    diskofferingname = field(DiskOffering.c.name, "the name of its disk offering")
    diskofferingdisplaytext = field(DiskOffering.c.display_text, "what its disk offering is told as")
    serviceofferingid = field(ServiceOffering.c.uuid, "the service offering it was made by")
    serviceofferingname = field(ServiceOffering.c.name, "the name of that offering")
    serviceofferingdisplaytext = field(ServiceOffering.c.display_text, "what that offering is told as")
    attached = field(_c.attached_at, "when it was attached")
    destroyed = computed(lambda row, caller: row.get("state") in ("Destroy", "Expunging"), "whether it is destroyed", "boolean")
    isextractable = computed(lambda row, caller: bool(row.get("_extractable", True)), "whether it may be taken out", "boolean")
    displayvolume = field(_c.display, "whether it is shown to users", admin=True)
    deleteprotection = field(_c.delete_protection, "whether it cannot be deleted")
    storage = field(StoragePool.c.name, "the pool it is in", admin=True)
    storageid = field(StoragePool.c.uuid, "the id of that pool", admin=True)
    clusterid = field(Cluster.c.uuid, "the cluster of that pool", admin=True)
    clustername = field(Cluster.c.name, "the name of that cluster", admin=True)
    podid = field(Pod.c.uuid, "the pod of that pool", admin=True)
    podname = field(Pod.c.name, "the name of that pod", admin=True)
    path = computed(lambda row, caller: f"v-{row['id']}" if "storageid" in row else None, "what its pool calls it", admin=True)
    supportsstoragesnapshot = computed(lambda row, caller: False, "whether its pool takes snapshots itself", "boolean")
    quiescevm = computed(lambda row, caller: False, "whether snapshots stop the machine's writes", "boolean")
    _scope = field(StoragePool.c.scope, "")
    _extractable = field(Template.c.extractable, "")
    _isoid = field(_iso.c.uuid, "")
    _isoname = field(_iso.c.name, "")
    _isotext = field(_iso.c.display_text, "")


class ListVolumes(OwnedList, answers=VolumeView, keywords=[_c.name]):
    """Lists volumes. Those being expunged are only told when they are asked for by their state."""

    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    ids: list[str] = where(_c.uuid, "only these", since="4.9")
    name: str | None = where(_c.name, "only those of this name")
    type: str | None = where(lambda b: _c.vol_type == sa.func.upper(b), "only ROOT or DATADISK")
    state: str | None = where(lambda b: sa.func.lower(_c.state) == sa.func.lower(b), "only those in this state")
    zone: Ref[Zone] | None = where(_c.zone_id, "only those of this zone")
    pod: Ref[Pod] | None = where(lambda b: _c.pool_id.in_(_pools(StoragePool.c.pod_id == b)), "only those of this pod")
    cluster: Ref[Cluster] | None = where(
        lambda b: _c.pool_id.in_(_pools(StoragePool.c.cluster_id == b)), "only those of this cluster", roles=["Admin"]
    )
    host: Ref[Host] | None = where(
        lambda b: sa.or_(
            _c.vm_id.in_(sa.select(Vm.c.id).where(Vm.c.host_id == b)), _c.pool_id.in_(_pools(StoragePool.c.host_id == b))
        ),
        "only those of machines on this host, or on its local storage",
    )
    storage: Ref[StoragePool] | None = where(_c.pool_id, "only those in this pool", roles=["Admin"], since="4.3", kind="string")
    virtual_machine: Ref[Vm] | None = where(_c.vm_id, "only those attached to this machine")
    disk_offering: Ref[DiskOffering] | None = where(_c.disk_offering_id, "only those of this disk offering", since="4.4")
    service_offering: Ref[ServiceOffering] | None = where(
        _c.service_offering_id, "only those of this service offering", since="4.19.1"
    )
    display_volume: bool | None = where(_c.display, "only those shown to users, or not", roles=["Admin"], since="4.4")
    list_system_vms: bool = param("those of the system's machines, too; here they have none", default=False, roles=["Admin"])
    is_encrypted: bool | None = param("only encrypted ones", check=not_built("encrypted volumes"), roles=["Admin"])
    kms_key: str | None = param("only those of this key", kind="uuid", wire_name="kmskeyid", check=not_built("encrypted volumes"))
    retrieve_only_resource_count: bool = param("only how many there are", default=False)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        conditions = super().narrow(reader, caller)
        if self.state is None:
            conditions.append(("there", _c.state != "Expunging", {}))
        if not caller.root:
            conditions.append(("shown", _c.display.is_(True), {}))
        return conditions

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        return Told(told.key, [], told.count) if self.retrieve_only_resource_count else told


def _pools(condition: Condition) -> sa.Select[Any]:
    return sa.select(StoragePool.c.id).where(condition)
