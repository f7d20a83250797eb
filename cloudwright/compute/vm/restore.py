"""Restoring an instance: a new root disk from its template, or from another one, in place of the one it has."""

from __future__ import annotations

import secrets

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.vm.disks import GIB, root_size
from cloudwright.compute.vm.given import new_password
from cloudwright.compute.vm.machine import specification
from cloudwright.compute.vm.media import installing
from cloudwright.compute.vm.stop import take_down
from cloudwright.compute.vm.update import tell_networks
from cloudwright.compute.vm.view import NewVmView
from cloudwright.core import task as tasks
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import NoCapacity, ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network, Nic
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.storage.model import DiskOffering, StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.volume.create import CreateVolume
from cloudwright.storage.volume.remove import RemoveVolume
from cloudwright.storage.volume.room import give_room, take_room


class RestoreVm(Task, rank=50):
    """Make the new root disk while the old one is still in use, exchange them, and start again what ran."""

    vm: int
    template: int | None  # None: an empty root disk, for an ISO
    iso: int | None = None
    size: int  # bytes
    offering: int | None = None  # the disk offering of the new root disk
    expunge: bool = False
    old: int = 0
    new: int = 0
    ran: bool = False
    iso_before: int | None = None
    template_before: int | None = None

    @step
    def reserve(self, tx: Tx) -> None:
        """Take the room of the new disk in the pool of the old one."""
        vm = tx.get(Vm, self.vm)
        if vm.state not in ("Running", "Stopped"):
            raise WrongState(f"{vm.name} cannot be restored while it is {vm.state}")
        old = root_of(tx, vm)
        self.old, self.ran, self.iso_before, self.template_before = old.id, vm.state == "Running", vm.iso_id, vm.template_id
        new = Volume(
            account_id=vm.account_id, domain_id=vm.domain_id, zone_id=vm.zone_id, vol_type="ROOT", name=old.name, size=self.size,
            template_id=self.template, service_offering_id=old.service_offering_id, limits=old.limits,
            cache_mode=old.cache_mode, provisioning=old.provisioning,
            disk_offering_id=self.offering or old.disk_offering_id, tally_tags=old.tally_tags,
        )  # fmt: skip
        self.new = tx.insert(new).id
        if old.pool_id is None:
            return  # it was never started: its first start finds a pool
        pool = tx.get(StoragePool, old.pool_id)
        if not take_room(tx, new, pool):
            text = f"Storage pool {pool.name} has no room for another root disk of {vm.name}, {self.size / GIB:.2f} GiB"
            raise NoCapacity(text, fix=["add room to the pool", "remove what is not needed there"])

    @reserve.undo
    def unreserve(self, tx: Tx) -> None:
        new = tx.get(Volume, self.new) if self.new else None
        if new is not None and not new.gone:
            give_room(tx, new)
            tx.remove(new)

    @step(deadline=10800)
    def make(self, tx: Tx) -> None:
        """Have the new disk made, and the ISO brought."""
        vm, new = tx.get(Vm, self.vm), tx.get(Volume, self.new)
        if new.pool_id is not None:
            isos = installing(tx, vm, self.iso, vm.host_id or 0) if self.ran else []
            self.children(tx, [(CreateVolume(volume=new.id, host=vm.host_id or 0), new), *isos])

    @step
    def stopping(self, tx: Tx) -> None:
        """From here on it is away."""
        if self.ran:
            tx.update(tx.get(Vm, self.vm), state="Stopping")

    @stopping.undo
    def unstopping(self, tx: Tx) -> None:
        vm = tx.get(Vm, self.vm)
        if self.ran and vm.state == "Stopping":
            tx.update(vm, state="Running")

    @step(deadline=600)
    def halt(self) -> None:
        """Stop it. Its place on the host stays its own."""
        if self.ran:
            vm, host = self._there()
            take_down(self, vm, host, force=True)

    @halt.undo
    def unhalt(self) -> None:
        if self.ran:
            self._start()

    @step
    def exchange(self, tx: Tx) -> None:
        """The new disk is its root disk, the old one is nobody's."""
        vm, old, new = tx.get(Vm, self.vm), tx.get(Volume, self.old), tx.get(Volume, self.new)
        tx.update(old, vm_id=None, slot=None, state="Destroy" if old.state == "Ready" else old.state, destroyed_at=tx.now)
        tx.update(new, vm_id=vm.id, slot=0, attached_at=tx.now)
        values = {"template_id": self.template or self.iso, "iso_id": self.iso}
        tx.update(vm, **values, state="Starting" if self.ran else vm.state)

    @exchange.undo
    def take_old(self, tx: Tx) -> None:
        vm, old, new = tx.get(Vm, self.vm), tx.get(Volume, self.old), tx.get(Volume, self.new)
        if new.vm_id is None:
            return
        tx.update(new, vm_id=None, slot=None, attached_at=None)
        tx.update(old, vm_id=vm.id, slot=0, destroyed_at=None, state="Ready" if old.state == "Destroy" else old.state)
        values = {"template_id": self.template_before, "iso_id": self.iso_before}
        tx.update(vm, **values, state="Stopping" if self.ran else vm.state)

    @step
    def networks(self, tx: Tx) -> None:
        """Have its networks tell the guest its new password."""
        networks = [tx.get(Network, nic.network_id) for nic in tx.all(Nic, Nic.c.vm_id == self.vm)]
        behind = [one for one in networks if one.state == "Implemented" and one.applied < one.generation]
        self.children(tx, [(ApplyNetwork(network=one.id), one) for one in behind])

    @step(deadline=300)
    def start(self) -> None:
        """Start it where it ran."""
        if self.ran:
            self._start()
            self.say("started from its new root disk")

    @start.undo
    def unstart(self) -> None:
        if self.ran:
            vm, host = self._there()
            take_down(self, vm, host, force=True)

    @step
    def restored(self, tx: Tx) -> None:
        """It is as it was when it was made; the old disk goes, now or when its time has come."""
        vm, old = tx.get(Vm, self.vm), tx.get(Volume, self.old)
        if self.ran:
            tx.update(vm, state="Running", observed="running", observed_at=tx.now)
        if self.expunge or old.state != "Destroy":
            tasks.start(tx, RemoveVolume(volume=old.id), old)

    def _there(self) -> tuple[Vm, Host]:
        vm = self.read.get(Vm, self.vm)
        return vm, self.read.get(Host, vm.host_id or 0)

    def _start(self) -> None:
        vm, host = self._there()
        machine = specification(self, vm, host)
        for nic in machine.nics:
            self.reach(HostNetwork, host).ensure(nic.segment)
        self.reach(Hypervisor, host).start(machine)


def root_of(reader: Reader, vm: Vm) -> Volume:
    """An instance's root disk. Raises ParamError where it has none."""
    root = reader.find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    if root is None:
        raise ParamError(f"Parameter virtualmachineid: {vm.name} has no root disk", param="virtualmachineid")
    return root


class RestoreVirtualMachine(
    Command, states=("Running", "Stopped"), answers=NewVmView, starts=RestoreVm, event="VM.RESTORE", resp_key="restorevmresponse"
):
    """Gives an instance a new root disk, made of its template or of another. What was on the old one is lost to it."""

    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    template: Ref[Template] | None = param("another template or ISO than its own")
    disk_offering: Ref[DiskOffering] | None = param("the offering of the new root disk", since="4.19.1")
    root_disk_size: int | None = param("its size in GiB", kind="long", minimum=1, maximum=65536, since="4.19.1")
    details: dict[str, str] = param(
        "limits of the new root disk", default={}, check=not_built("own limits of root disks"), since="4.19.1"
    )
    expunge: bool = param("true removes the old root disk at once and for good", default=False, since="4.19.1")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.virtual_machine
        if vm.state not in self.api.states:
            text = f"{vm.name} cannot be restored: it is {vm.state}"
            raise WrongState(text, param="virtualmachineid", fix=["wait until the job on it is done"])
        image = self.template or tx.get(Template, vm.template_id or 0)
        self._check(tx, vm, image)
        old = root_of(tx, vm)
        if image.format == "ISO":
            template, iso, size = None, image.id, (self.root_disk_size or 0) * GIB or self._offered() or old.size
        else:
            template, iso, service = image.id, None, tx.get(ServiceOffering, vm.service_offering_id)
            by = self.disk_offering or (tx.get(DiskOffering, old.disk_offering_id) if old.disk_offering_id else None)
            size = root_size(image, service, by, self.root_disk_size)
        if image.password_enabled:
            tx.update(vm, password=new_password(tx), password_serial=secrets.token_hex(8), password_enabled=True)
        tell_networks(tx, vm)
        offering = self.disk_offering.id if self.disk_offering else None
        task = RestoreVm(vm=vm.id, template=template, iso=iso, size=size, offering=offering, expunge=self.expunge)
        self.start(tx, task, vm, caller)
        return vm

    def _offered(self) -> int:
        return self.disk_offering.size if self.disk_offering and not self.disk_offering.custom else 0

    @staticmethod
    def _check(tx: Tx, vm: Vm, image: Template) -> None:
        here = (TemplateAt.c.template_id == image.id, TemplateAt.c.state == "Ready", TemplateAt.c.zone_id == vm.zone_id)
        if image.gone or tx.find(TemplateAt, *here) is None:
            text = f"Parameter templateid: template {image.name} is not ready in the zone of {vm.name}"
            raise ParamError(text, param="templateid", fix=["name one that is ready", "register it for this zone"])
        if image.format != "ISO" and image.hypervisor.lower() != vm.hypervisor.lower():
            text = f"Parameter templateid: template {image.name} is for {image.hypervisor}, not {vm.hypervisor}"
            raise ParamError(text, param="templateid")
