"""Giving a volume another size: live where a machine has it open, in its pool otherwise."""

from __future__ import annotations

from typing import Any

from cloudwright.compute.model import Vm
from cloudwright.core.error import NoCapacity, WrongState
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.identity.limit import tags_of
from cloudwright.infrastructure.capacity import release_pool, reserve_pool
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import DiskOffering, StoragePool, Volume
from cloudwright.storage.pool.use import host_for, on_pool
from cloudwright.storage.size import GIB


class ResizeVolume(Task, rank=50):
    """Bring a volume to `size` bytes; on its machine where it is attached, so that the machine does not start or stop meanwhile.
    `was` is its state before the command."""

    volume: int
    size: int
    was: str
    offering: int | None = None
    shrink: bool = False
    old: int = 0
    taken: int = 0

    @step
    def reserve(self, tx: Tx) -> None:
        """Take the room that it needs beside what it has."""
        volume = tx.get(Volume, self.volume)
        self.old = volume.size
        more = self.size - volume.size
        if volume.pool_id is not None and more > 0:
            if not reserve_pool(tx, volume.pool_id, more):
                pool = tx.get(StoragePool, volume.pool_id)
                text = f"Storage pool {pool.name} has not {more} bytes more for volume {volume.name}"
                raise NoCapacity(text, why=[f"{pool.reserved} of {pool.capacity} bytes are given out, {pool.used} in use"])
            self.taken = more
        if self.was == "Allocated":
            tx.update(volume, size=self.size)

    @reserve.undo
    def release(self, tx: Tx) -> None:
        volume = tx.get(Volume, self.volume)
        unused = self.taken - max(0, volume.size - self.old)
        if unused > 0 and volume.pool_id is not None:
            release_pool(tx, volume.pool_id, unused)
        if volume.state == "Resizing":
            back = {"size": self.old} if self.was == "Allocated" and self.old else {}
            tx.update(volume, state=self.was, grows_to=0, **back)

    @step(deadline=300)
    def resize(self) -> None:
        """Tell the running machine's hypervisor, or the pool."""
        volume = self.read.get(Volume, self.volume)
        offering = self._offering()
        if self.was == "Allocated" or volume.pool_id is None or self.size == volume.size:
            self.set(volume, state=self.was, size=self.size, grows_to=0, **offering)
            return
        pool = self.read.get(StoragePool, volume.pool_id)
        vm = self.read.get(Vm, volume.vm_id) if volume.vm_id else None
        live = vm is not None and vm.state == "Running" and self.size > volume.size
        if vm is not None and vm.state not in ("Running", "Stopped"):
            raise WrongState(f"Volume {volume.name} cannot be resized while {vm.name} is {vm.state}")
        host = host_for(self.read, pool, vm.host_id or 0 if vm else 0)
        if live and vm is not None:
            self.reach(Hypervisor, host).resize_disk(vm.instance_name, volume.disk_name, self.size)
            self._follow_simulated(host, pool, volume)
        else:
            on_pool(self, host, pool, lambda p: p.resize(pool.pool_name, volume.disk_name, self.size, self.shrink))
        self.set(volume, state="Ready", size=self.size, grows_to=0, **offering)
        if self.size < self.old:
            self.write(lambda tx: release_pool(tx, pool.id, self.old - self.size))
        self.say(f"{volume.name} has {self.size / GIB:g} GiB, {self.old / GIB:g} before", live=live)

    def _offering(self) -> dict[str, Any]:
        """What the row tells of a new disk offering."""
        if self.offering is None:
            return {}
        by = self.read.get(DiskOffering, self.offering)
        speed = {"limits": by.limits, "cache_mode": by.cache_mode}  # a running machine's disk has them from its next start on
        return {"disk_offering_id": by.id, "tally_tags": tags_of(by.tags), **speed}

    def _follow_simulated(self, host: Host, pool: StoragePool, volume: Volume) -> None:
        """A simulated hypervisor does not write to its pool as a real one does when it grows a disk."""
        if host.hypervisor == "Simulator":
            on_pool(self, host, pool, lambda p: p.resize(pool.pool_name, volume.disk_name, self.size))

    @resize.undo
    def keep(self) -> None:
        """What grew stays so: the row tells what the pool has."""
        volume = self.read.get(Volume, self.volume)
        if self.was == "Allocated" or volume.pool_id is None or volume.state != "Resizing":
            return
        pool = self.read.get(StoragePool, volume.pool_id)
        seen = on_pool(self, host_for(self.read, pool), pool, lambda p: p.see(pool.pool_name, volume.disk_name))
        self.set(volume, state="Ready", size=seen.size, grows_to=0)
