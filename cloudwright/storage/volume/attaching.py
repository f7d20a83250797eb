"""attachVolume and detachVolume."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.hypervisor import capabilities
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool, Volume
from cloudwright.storage.pool.open import pools_of
from cloudwright.storage.volume import attach
from cloudwright.storage.volume.view import VolumeView


def check_attach(tx: Tx, volume: Volume, vm: Vm) -> None:
    """Raises where a volume cannot be attached to a machine."""
    if volume.vm_id is not None:
        other = tx.get(Vm, volume.vm_id)
        raise WrongState(f"Volume {volume.name} is attached to {other.name}", param="id", fix=["detach it first"])
    if vm.state not in ("Running", "Stopped"):
        raise WrongState(f"{vm.name} is {vm.state}; volumes are attached while it runs or is stopped", param="virtualmachineid")
    if volume.account_id != vm.account_id:
        raise ParamError(f"Parameter id: {volume.name} and {vm.name} belong to different accounts", param="id")
    if volume.zone_id != vm.zone_id:
        raise ParamError(f"Parameter id: {volume.name} and {vm.name} are in different zones", param="id")
    able, disks = capabilities(tx, vm.hypervisor), tx.count(Volume, Volume.c.vm_id == vm.id, Volume.c.slot != 0)
    if able is not None and volume.vol_type != "ROOT" and disks >= able.max_data_volumes:
        text = f"{vm.name} has {disks} data disks; {vm.hypervisor} allows {able.max_data_volumes} (maxdatavolumeslimit)"
        raise ParamError(
            text, param="virtualmachineid", fix=["allow more (updateHypervisorCapabilities)", "or detach another disk first"]
        )
    if volume.pool_id is not None and (vm.host_id or vm.last_host_id):
        pool, host = tx.get(StoragePool, volume.pool_id), tx.get(Host, vm.host_id or vm.last_host_id or 0)
        if tx.find(StoragePool, StoragePool.c.id == pool.id, pools_of(host)) is None:
            text = f"Volume {volume.name} lies in storage pool {pool.name}, which host {host.name} of {vm.name} does not reach"
            raise ParamError(text, param="id", fix=["start the machine on a host that reaches it"])


class AttachVolume(Command, lacks="virtualmachineid", answers=VolumeView, starts=attach.AttachVolume, event="VOLUME.ATTACH"):
    """Attaches a volume to an instance, while it runs or is stopped. One that is only allocated is made now."""

    id: Ref[Volume] = param("the volume", use=Use.CHANGE)
    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    device: int | None = param("its device id; the first that is free, by default", kind="long", wire_name="deviceid")

    def run(self, tx: Tx, caller: Caller) -> Volume:
        volume, vm = self.id, self.virtual_machine
        check_attach(tx, volume, idle_vm(volume, vm, self.device))
        was = attach.idle(tx, volume, "Ready", "Allocated").state
        slot = None if self.device is None else attach.free_slot(tx, vm, self.device)
        tx.update(volume, state="Attaching")
        self.start(tx, attach.AttachVolume(volume=volume.id, vm=vm.id, was=was, slot=slot), vm, caller, about=volume)
        return volume


def idle_vm(volume: Volume, vm: Vm, slot: int | None) -> Vm:
    """The machine, if a disk may go into this slot. Raises where only a stopped one takes it."""
    if slot == 0 and vm.state != "Stopped":
        raise WrongState(f"{vm.name} runs; a root disk (deviceid 0) is attached while it is stopped", param="deviceid")
    if volume.vol_type == "ROOT" and slot is None and vm.state != "Stopped":
        raise WrongState(f"{volume.name} is a root disk; it is attached while {vm.name} is stopped", param="id")
    return vm


class DetachVolume(Command, has="virtualmachineid", answers=VolumeView, starts=attach.DetachVolume, event="VOLUME.DETACH"):
    """Detaches a volume from its instance, named by itself or by the instance and its device id."""

    id: Ref[Volume] | None = param("the volume", use=Use.CHANGE)
    virtual_machine: Ref[Vm] | None = param("the instance", use=Use.CHANGE)
    device: int | None = param("the device id", kind="long", wire_name="deviceid")

    def run(self, tx: Tx, caller: Caller) -> Volume:
        volume = self._named(tx)
        if volume.vm_id is None:
            raise WrongState(f"Volume {volume.name} is attached to no machine", param="id")
        vm = tx.get(Vm, volume.vm_id)
        if volume.slot == 0 and vm.state not in ("Stopped", "Destroyed", "Error"):
            raise WrongState(
                f"{volume.name} is the root disk of {vm.name}, which is {vm.state}", param="id", fix=["stop it first"]
            )
        attach.idle(tx, volume, "Ready", "Allocated")
        self.start(tx, attach.DetachVolume(volume=volume.id, vm=vm.id), vm, caller, about=volume)
        return volume

    def _named(self, tx: Tx) -> Volume:
        by_place = self.virtual_machine is not None and self.device is not None
        if (self.id is not None) == by_place:
            text = "Parameter id: a volume is named by id, or by virtualmachineid and deviceid, one of the two"
            raise ParamError(text, param="id")
        if self.id is not None:
            return self.id
        if self.virtual_machine is None:
            raise ParamError("Parameter virtualmachineid: it is missing", param="virtualmachineid")
        volume = tx.find(Volume, Volume.c.vm_id == self.virtual_machine.id, Volume.c.slot == self.device)
        if volume is None:
            raise ParamError(f"Parameter deviceid: {self.virtual_machine.name} has no disk {self.device}", param="deviceid")
        return volume
