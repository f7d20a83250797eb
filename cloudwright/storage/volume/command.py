"""Making, changing and deleting volumes."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core import task as tasks
from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import Denied, NoCapacity, ParamError, WrongState
from cloudwright.core.event import emit
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.setting import setting
from cloudwright.core.task import Task
from cloudwright.core.tx import Tx
from cloudwright.identity.limit import tags_of
from cloudwright.identity.owner import OwnedBy, owner
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.model import DiskOffering, StoragePool, Volume
from cloudwright.storage.quality import check_offered
from cloudwright.storage.size import size_by
from cloudwright.storage.volume import create
from cloudwright.storage.volume.attach import AttachVolume, idle
from cloudwright.storage.volume.attaching import check_attach
from cloudwright.storage.volume.remove import RemoveVolume
from cloudwright.storage.volume.room import take_room
from cloudwright.storage.volume.view import VolumeView

EXPUNGE_ALLOWED = setting(
    "allow.user.expunge.recover.volume", True, "whether users may expunge and recover their volumes", scopes=("account",)
)


class CreateVolume(OwnedBy, Command, answers=VolumeView, starts=create.CreateVolume, creates=Volume, event="VOLUME.CREATE"):
    """Makes a data disk. It takes room when it is first attached, or at once in the pool that an administrator names."""

    name: str | None = param("its name; one is made by default")
    disk_offering: Ref[DiskOffering] | None = param("what it shall be")
    size: int | None = param("its size in GiB, where the disk offering leaves it open", kind="long", minimum=1)
    zone: Ref[Zone] | None = param("its zone; that of the machine, by default")
    virtual_machine: Ref[Vm] | None = param("the machine to attach it to", use=Use.CHANGE)
    display_volume: bool = param("whether it is shown to users", default=True, roles=["Admin"])
    storage: Ref[StoragePool] | None = param("the pool to make it in at once", roles=["Admin"], since="4.22.1")
    custom_id: str | None = param("the id it shall have", check=not_built("ids chosen by the caller"))
    snapshot: str | None = param("the snapshot to make it of", kind="uuid", wire_name="snapshotid", check=not_built("snapshots"))
    min_iops: int | None = param("guaranteed operations", kind="long", check=not_built("guaranteed operations of storage"))
    max_iops: int | None = param("operations above those", kind="long", check=not_built("guaranteed operations of storage"))
    kms_key: str | None = param(
        "its key", kind="uuid", wire_name="kmskeyid", check=not_built("encrypted volumes"), since="4.23.0"
    )

    def run(self, tx: Tx, caller: Caller) -> Volume:
        if self.disk_offering is None:
            raise ParamError("Parameter diskofferingid: it is needed", param="diskofferingid")
        offering, account, zone = self.disk_offering, owner(tx, caller, self), self._zone()
        check_offered(tx, offering, zone, account.domain_id)
        row = Volume(
            account_id=account.id, domain_id=account.domain_id, name=self.name or "", zone_id=zone.id,
            vol_type="DATADISK", size=size_by(tx, offering, self.size), disk_offering_id=offering.id,
            provisioning=offering.provisioning, limits=offering.limits, cache_mode=offering.cache_mode,
            display=self.display_volume, tally_tags=tags_of(offering.tags),
        )  # fmt: skip
        row.name = row.name or f"DATA-{row.uuid[:8]}"
        self._begin(tx, tx.insert(row), caller)
        return row

    def _zone(self) -> Zone:
        if self.zone is None:
            raise ParamError("Parameter zoneid: it is needed", param="zoneid")
        if self.virtual_machine is not None and self.virtual_machine.zone_id != self.zone.id:
            text = f"Parameter zoneid: {self.virtual_machine.name} is not in zone {self.zone.name}"
            raise ParamError(text, param="zoneid")
        return self.zone

    def _begin(self, tx: Tx, volume: Volume, caller: Caller) -> None:
        if self.virtual_machine is not None:
            vm = self.virtual_machine
            check_attach(tx, volume, vm)
            tx.update(volume, state="Attaching")
            self.start(tx, AttachVolume(volume=volume.id, vm=vm.id, was="Allocated"), vm, caller, about=volume)
        elif self.storage is not None:
            if self.storage.zone_id != volume.zone_id or self.storage.state != "Up":
                text = f"Parameter storageid: {self.storage.name} is {self.storage.state}, in another zone, or both"
                raise ParamError(text, param="storageid")
            if not take_room(tx, volume, self.storage):
                raise NoCapacity(f"Storage pool {self.storage.name} has not {volume.size} bytes left", param="storageid")
            self.start(tx, create.CreateVolume(volume=volume.id), volume, caller)
        else:
            self.start(tx, created(volume, f"volume {volume.name} is made when it is first attached"), volume, caller)


class UpdateVolume(Command, answers=VolumeView, starts=Record, event="VOLUME.UPDATE"):
    """Renames a volume, protects it from being deleted, or hides it."""

    id: Ref[Volume] | None = param("the volume", use=Use.CHANGE)
    name: str | None = param("its new name", since="4.16")
    delete_protection: bool | None = param("whether it cannot be deleted", since="4.20.0")
    display_volume: bool | None = param("whether it is shown to users", roles=["Admin"])
    path: str | None = param("its path", roles=["Admin"], check=not_built("volumes whose place an administrator changes"))
    chain_info: str | None = param("its chain", roles=["Admin"], check=not_built("volumes whose place an administrator changes"))
    storage: str | None = param(
        "its pool",
        kind="uuid",
        wire_name="storageid",
        roles=["Admin"],
        check=not_built("volumes whose place an administrator changes"),
    )
    state: str | None = param("its state", roles=["Admin"], check=not_built("states that an administrator changes"))
    custom_id: str | None = param("the id it shall have", roles=["Admin"], check=not_built("ids chosen by the caller"))

    def run(self, tx: Tx, caller: Caller) -> Volume:
        if self.id is None:
            raise ParamError("Parameter id: it is needed", param="id")
        given = {"name": self.name, "delete_protection": self.delete_protection, "display": self.display_volume}
        tx.update(self.id, **{name: value for name, value in given.items() if value is not None})
        self.start(tx, changed(f"volume {self.id.name} changed"), self.id, caller)
        return self.id


def deletable(tx: Tx, volume: Volume) -> Volume:
    """The volume, if it may be destroyed. Raises WrongState or Denied."""
    if volume.vm_id is not None:
        vm = tx.get(Vm, volume.vm_id)
        raise WrongState(f"Volume {volume.name} is attached to {vm.name}", param="id", fix=["detach it first"])
    if volume.delete_protection:
        fix = ["end the protection first (updateVolume with deleteprotection=false)"]
        raise Denied(f"Volume {volume.name} is protected from being deleted", param="id", fix=fix)
    return idle(tx, volume, "Ready", "Allocated", "Destroy")


def may_expunge(tx: Tx, caller: Caller) -> None:
    """Raises Denied where the caller may neither expunge nor recover."""
    if caller.kind is Kind.USER and not EXPUNGE_ALLOWED.get(tx, account=caller.account_id):
        raise Denied("Only administrators expunge and recover volumes here", why=[f"{EXPUNGE_ALLOWED.name} is false"])


class DeleteVolume(Command, lacks="virtualmachineid"):
    """Deletes a volume that is attached to no machine, for good."""

    id: Ref[Volume] = param("the volume", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        volume = deletable(tx, self.id)
        emit(tx, "VOLUME.DELETE", f"Volume {volume.name} is deleted", about=volume, caller=caller)
        if volume.pool_id is None:
            tx.remove(volume)
            return Success()
        self._expunge(tx, volume)
        return Success()

    @staticmethod
    def _expunge(tx: Tx, volume: Volume) -> None:
        task = RemoveVolume(volume=volume.id, was=volume.state)
        tx.update(volume, state="Expunging")
        tasks.start(tx, task, volume)


class DestroyVolume(
    Command, lacks="virtualmachineid", answers=VolumeView, starts=Record, event="VOLUME.DESTROY", since="4.14.0",
    authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"),
):  # fmt: skip
    """Destroys a volume that is attached to no machine. It can be recovered for a while, unless it is expunged at once."""

    id: Ref[Volume] = param("the volume", use=Use.CHANGE)
    expunge: bool = param("delete it at once, for good", default=False, since="4.6.0")

    def run(self, tx: Tx, caller: Caller) -> Volume:
        volume = deletable(tx, self.id)
        task: Task = changed(f"volume {volume.name} is destroyed")
        if self.expunge:
            may_expunge(tx, caller)
            task = RemoveVolume(volume=volume.id)
        tx.update(volume, state="Destroy", destroyed_at=tx.now)
        self.start(tx, task, volume, caller)
        return volume


class RecoverVolume(
    Command, states=("Destroy",), answers=VolumeView, event="VOLUME.RECOVER", since="4.14.0",
    authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"),
):  # fmt: skip
    """Brings a destroyed volume back, while it was not expunged yet."""

    id: Ref[Volume] = param("the volume", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Volume:
        may_expunge(tx, caller)
        volume = idle(tx, self.id, "Destroy")
        tx.update(volume, state="Allocated" if volume.pool_id is None else "Ready", destroyed_at=None)
        return volume
