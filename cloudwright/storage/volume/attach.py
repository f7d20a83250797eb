"""Attaching volumes to machines and detaching them. Both are tasks on the machine, so that it neither starts nor stops then."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import disk_of
from cloudwright.core.error import NoCapacity, ParamError, WrongState
from cloudwright.core.task import Task, TaskRow, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.check import CDROM_SLOT, DISK_SLOTS
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import DiskOffering, StoragePool, Volume
from cloudwright.storage.pool.open import pools_of
from cloudwright.storage.pool.use import on_pool
from cloudwright.storage.volume.create import CreateVolume
from cloudwright.storage.volume.room import give_room, take_room


def idle(tx: Tx, volume: Volume, *states: str) -> Volume:
    """The volume, if it is in one of these states and no task works on it. Raises WrongState."""
    if volume.state not in states:
        text = f"Volume {volume.name} is {volume.state}; this can only be done while it is {' or '.join(states)}"
        fix = ["wait until the job on it is done"] if volume.state.endswith("ing") else []
        raise WrongState(text, param="id", fix=fix)
    live = tx.find(TaskRow, TaskRow.c.subject == f"{volume.kind}:{volume.id}", TaskRow.c.live == 1)
    if live is not None:
        text = f"Volume {volume.name} is being worked on by job {live.uuid} ({live.kind_name})"
        raise WrongState(text, param="id", fix=["wait until that job is done"])
    return volume


def free_slot(reader: Reader, vm: Vm, wanted: int | None) -> int:
    """The device id for a disk more. Raises ParamError or NoCapacity."""
    taken = {row[0] for row in reader.rows(sa.select(Volume.c.slot).where(Volume.c.vm_id == vm.id, Volume.c.gone == 0))}
    if wanted is None:
        free = [slot for slot in range(1, DISK_SLOTS + 1) if slot not in taken and slot != CDROM_SLOT]
        if not free:
            raise NoCapacity(f"{vm.name} has {len(taken)} disks and no room for more", fix=["detach one"])
        return free[0]
    if wanted in taken or wanted == CDROM_SLOT or not 0 <= wanted <= DISK_SLOTS:
        why = "the CD-ROM's" if wanted == CDROM_SLOT else "taken" if wanted in taken else f"not in 0-{DISK_SLOTS}"
        raise ParamError(f"Parameter deviceid: {wanted} is {why} in {vm.name}", param="deviceid")
    return wanted


def pool_beside(tx: Tx, volume: Volume, vm: Vm) -> StoragePool | None:
    """Take room for a volume in a pool that the machine reaches. None: the machine has no place itself yet, so neither has the
    volume. Raises NoCapacity that names what refused each pool."""
    root = tx.find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    near = _near(tx, vm, root)
    if near is None:
        return None
    offering = tx.get(DiskOffering, volume.disk_offering_id) if volume.disk_offering_id else None
    why: list[str] = []
    pools = tx.all(StoragePool, near)
    for pool in sorted(pools, key=lambda p: p.reserved / max(p.capacity, 1)):
        refused = _refuses(pool, offering)
        if refused is None and take_room(tx, volume, pool):
            return pool
        why.append(f"{pool.name}: {refused or f'has no {volume.size} bytes left'}")
    text = f"No storage pool that {vm.name} reaches takes volume {volume.name}"
    raise NoCapacity(
        text, why=why or ["there is none"], fix=["add a storage pool (createStoragePool)", "or take another disk offering"]
    )


def _near(tx: Tx, vm: Vm, root: Volume | None) -> sa.ColumnElement[bool] | None:
    if vm.host_id is not None or vm.last_host_id is not None:
        return pools_of(tx.get(Host, vm.host_id or vm.last_host_id or 0))
    if root is None or root.pool_id is None:
        return None
    beside = tx.get(StoragePool, root.pool_id)
    wide = sa.and_(StoragePool.c.scope == "ZONE", StoragePool.c.zone_id == beside.zone_id)
    return sa.or_(StoragePool.c.id == beside.id, sa.and_(wide, StoragePool.c.hypervisor == beside.hypervisor))


def _refuses(pool: StoragePool, offering: DiskOffering | None) -> str | None:
    """Why a pool does not take a volume of an offering, its room apart."""
    if pool.state != "Up":
        return f"is {pool.state}"
    tags = set(filter(None, offering.tags.split(","))) if offering else set()
    if not tags <= set(pool.tags):
        return f"has not the tags {', '.join(sorted(tags - set(pool.tags)))}"
    local = offering is not None and offering.storage_type == "local"
    if local != (pool.scope == "HOST"):
        return "is local storage" if pool.scope == "HOST" else "is shared storage"
    return None


class AttachVolume(Task, rank=50):
    """Attach a volume, made first where it is only allocated. `was` is its state before the command."""

    volume: int
    vm: int
    was: str
    slot: int | None = None
    later: bool = False  # the machine was never placed: its start makes the volume

    @step(deadline=10800)
    def claim(self, tx: Tx) -> None:
        """Give it its slot, and have it made."""
        volume, vm = tx.get(Volume, self.volume), tx.get(Vm, self.vm)
        if vm.gone or vm.state not in ("Running", "Stopped"):
            raise WrongState(f"Volume {volume.name} cannot be attached to {vm.name}, which is {'gone' if vm.gone else vm.state}")
        if volume.vm_id is None:
            tx.update(volume, vm_id=vm.id, slot=free_slot(tx, vm, self.slot))
        if self.was != "Allocated" or volume.state == "Ready":
            return
        pool = tx.get(StoragePool, volume.pool_id) if volume.pool_id else pool_beside(tx, volume, vm)
        if pool is None:
            self.later = True
            return
        if volume.state == "Attaching":
            tx.update(volume, state="Allocated")
        self.child(tx, CreateVolume(volume=volume.id, host=vm.host_id or vm.last_host_id or 0), volume)

    @claim.undo
    def unclaim(self, tx: Tx) -> None:
        volume = tx.get(Volume, self.volume)
        if self.was == "Allocated":
            give_room(tx, volume)
        tx.update(volume, vm_id=None, slot=None, attached_at=None, state=self.was)

    @step(deadline=120)
    def plug(self) -> None:
        """Plug it into the running machine; one that is stopped finds it at its start."""
        volume, vm = self.read.get(Volume, self.volume), self.read.get(Vm, self.vm)
        if vm.state == "Running":
            plug_in(self, vm, volume)
        self.write(lambda tx: tx.update(volume, state="Allocated" if self.later else "Ready", attached_at=tx.now))
        self.say(f"{volume.name} attached to {vm.name} as device {volume.slot}", running=vm.state == "Running")

    @plug.undo
    def unplug(self) -> None:
        unplug(self, self.read.get(Vm, self.vm), self.read.get(Volume, self.volume))


def plug_in(task: Task, vm: Vm, volume: Volume) -> None:
    """Plug a volume into a running machine."""
    if vm.host_id is None or volume.pool_id is None:
        raise RuntimeError(f"BUG: {vm.name} runs nowhere, or {volume.name} is in no pool (PluggedWithoutPlace)")
    host, pool = task.read.get(Host, vm.host_id), task.read.get(StoragePool, volume.pool_id)
    path = on_pool(task, host, pool, lambda p: p.locate(pool.pool_name, volume.disk_name))
    task.reach(Hypervisor, host).attach_disk(vm.instance_name, disk_of(volume, path))


def unplug(task: Task, vm: Vm, volume: Volume) -> None:
    """Unplug a volume where it may be plugged in; not there is done."""
    if vm.state != "Running" or vm.host_id is None:
        return
    try:
        task.reach(Hypervisor, task.read.get(Host, vm.host_id)).detach_disk(vm.instance_name, volume.disk_name)
    except NotThere:
        task.say(f"{vm.name} is not on its host any more")


class DetachVolume(Task, rank=50):
    """Detach a volume from a machine."""

    volume: int
    vm: int

    @step(deadline=300)
    def detach(self) -> None:
        """Unplug it, and wait until the guest let go."""
        volume, vm = self.read.get(Volume, self.volume), self.read.get(Vm, self.vm)
        if volume.vm_id != vm.id:
            return
        if vm.state not in ("Running", "Stopped", "Destroyed", "Error"):
            raise WrongState(f"Volume {volume.name} cannot be detached from {vm.name} while that is {vm.state}")
        unplug(self, vm, volume)
        self.set(volume, vm_id=None, slot=None, attached_at=None)
        self.say(f"{volume.name} detached from {vm.name}")

    @detach.undo
    def reattach(self) -> None:
        """Plug it in again where it still counts as attached."""
        volume, vm = self.read.get(Volume, self.volume), self.read.get(Vm, self.vm)
        if volume.vm_id == vm.id and vm.state == "Running" and volume.pool_id is not None:
            plug_in(self, vm, volume)
