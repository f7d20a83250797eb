"""resizeVolume."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.absent import not_built
from cloudwright.storage.model import DiskOffering, Volume
from cloudwright.storage.size import GIB, check_size, size_by
from cloudwright.storage.volume import resize
from cloudwright.storage.volume.attach import idle
from cloudwright.storage.volume.view import VolumeView


class ResizeVolume(Command, answers=VolumeView, starts=resize.ResizeVolume, event="VOLUME.RESIZE"):
    """Gives a volume another size, or another disk offering and with it another size. It grows while its machine runs; it shrinks
    only when that is said, and while no machine runs with it."""

    id: Ref[Volume] = param("the volume", use=Use.CHANGE)
    size: int | None = param("its new size in GiB", kind="long", minimum=1)
    disk_offering: Ref[DiskOffering] | None = param("its new disk offering")
    shrink_ok: bool = param("it may become smaller: what lies beyond is lost", default=False)
    min_iops: int | None = param("guaranteed operations", kind="long", check=not_built("guaranteed operations of storage"))
    max_iops: int | None = param("operations above those", kind="long", check=not_built("guaranteed operations of storage"))
    auto_migrate: bool | None = param("move it where that is needed", check=not_built("moves of volumes"), since="4.20.1")

    def run(self, tx: Tx, caller: Caller) -> Volume:
        volume = self.id
        was = idle(tx, volume, "Ready", "Allocated").state
        size = self._size(tx)
        vm = tx.get(Vm, volume.vm_id) if volume.vm_id else None
        if size < volume.size:
            check_shrink(volume, vm, self.shrink_ok)
        tx.update(volume, state="Resizing", grows_to=size)
        offering = self.disk_offering.id if self.disk_offering else None
        task = resize.ResizeVolume(volume=volume.id, size=size, was=was, offering=offering, shrink=self.shrink_ok)
        self.start(tx, task, vm or volume, caller, about=volume)
        return volume

    def _size(self, tx: Tx) -> int:
        if self.disk_offering is not None:
            if self.id.slot == 0:
                text = "Parameter diskofferingid: a root disk's size is given by size"
                raise ParamError(text, param="diskofferingid")
            return size_by(tx, self.disk_offering, self.size)
        if self.size is None:
            raise ParamError("Parameter size: a size or a disk offering is needed", param="size")
        now = tx.get(DiskOffering, self.id.disk_offering_id) if self.id.disk_offering_id else None
        if now is not None and not now.custom:
            text = f"Parameter size: disk offering {now.name} fixes the size"
            raise ParamError(text, param="size", fix=["give diskofferingid, of another size or of chosen size"])
        return check_size(tx, self.size * GIB, chosen=now is not None)


def check_shrink(volume: Volume, vm: Vm | None, ok: bool) -> None:
    """Raises where a volume cannot become smaller, or nobody said that it may."""
    if not ok:
        text = f"Volume {volume.name} has {volume.size / GIB:g} GiB; making it smaller loses what lies beyond"
        raise ParamError(text, param="shrinkok", fix=["give shrinkok=true"])
    if volume.slot == 0:
        raise ParamError(f"Volume {volume.name} is a root disk: it can only grow", param="size")
    if vm is not None and vm.state != "Stopped":
        raise WrongState(f"Volume {volume.name} can only shrink while {vm.name} is stopped; it is {vm.state}", param="id")
