"""changeOfferingForVolume."""

from __future__ import annotations

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.model import DiskOffering, StoragePool, Volume
from cloudwright.storage.quality import check_offered
from cloudwright.storage.size import GIB, check_size, size_by
from cloudwright.storage.volume.attach import idle
from cloudwright.storage.volume.resize import ResizeVolume
from cloudwright.storage.volume.resizing import check_shrink
from cloudwright.storage.volume.view import VolumeView

_IOPS = "guaranteed operations of storage"


class ChangeOfferingForVolume(
    Command, answers=VolumeView, starts=ResizeVolume, event="VOLUME.CHANGE.DISK.OFFERING", since="4.17",
    authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"),
):  # fmt: skip
    """Gives a volume another disk offering, and the size that this says. It stays in its storage pool; how fast it is changes
    when its machine is next started."""

    id: Ref[Volume] = param("the volume", use=Use.CHANGE)
    disk_offering: Ref[DiskOffering] = param("its new disk offering")
    size: int | None = param("its new size in GiB, where the offering leaves it open", kind="long", minimum=1)
    min_iops: int | None = param("guaranteed operations", kind="long", check=not_built(_IOPS))
    max_iops: int | None = param("operations above those", kind="long", check=not_built(_IOPS))
    auto_migrate: bool | None = param("move it where that is needed", check=not_built("moves of volumes"))
    shrink_ok: bool = param("it may become smaller: what lies beyond is lost", default=False)

    def run(self, tx: Tx, caller: Caller) -> Volume:
        volume, by = self.id, self.disk_offering
        was = idle(tx, volume, "Ready", "Allocated").state
        check_offered(tx, by, tx.get(Zone, volume.zone_id), volume.domain_id)
        self._check(tx)
        vm = tx.get(Vm, volume.vm_id) if volume.vm_id else None
        if vm is not None and volume.slot == 0 and tx.get(ServiceOffering, vm.service_offering_id).disk_offering_strict:
            text = f"Volume {volume.name} is the root disk of {vm.name}, whose service offering keeps to its disk offering"
            raise ParamError(text, param="diskofferingid")
        size = self._size(tx)
        if size < volume.size:
            check_shrink(volume, vm, self.shrink_ok)
        tx.update(volume, state="Resizing", grows_to=size)
        task = ResizeVolume(volume=volume.id, size=size, was=was, offering=by.id, shrink=self.shrink_ok)
        self.start(tx, task, vm or volume, caller, about=volume)
        return volume

    def _size(self, tx: Tx) -> int:
        if self.disk_offering.custom and self.size is None:
            return check_size(tx, self.id.size, chosen=False) if self.id.size >= GIB else self.id.size
        return size_by(tx, self.disk_offering, self.size)

    def _check(self, tx: Tx) -> None:
        """Raises ParamError where the volume would have to lie in another pool."""
        volume, by = self.id, self.disk_offering
        if by.id == volume.disk_offering_id and self.size is None:
            raise ParamError(
                f"Parameter diskofferingid: volume {volume.name} has disk offering {by.name}", param="diskofferingid"
            )
        pool = tx.get(StoragePool, volume.pool_id) if volume.pool_id is not None else None
        if pool is None:
            return
        missing = set(filter(None, by.tags.split(","))) - set(pool.tags)
        if missing or (by.storage_type == "local") != (pool.scope == "HOST"):
            why = f"it lacks the tags {', '.join(sorted(missing))}" if missing else f"its scope is {pool.scope}"
            text = f"Parameter diskofferingid: {by.name} is not for storage pool {pool.name}, where the volume lies: {why}"
            raise ParamError(text, param="diskofferingid", fix=["take another offering: listDiskOfferings storageid=…"])
