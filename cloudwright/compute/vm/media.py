"""The ISO in an instance's drive: installed beside its root disk, put in and taken out while it runs or is stopped."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import located
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.template.command import the
from cloudwright.storage.template.install import InstallTemplate, at_pool


def iso_pool(reader: Reader, vm: Vm) -> StoragePool | None:
    """Where an instance's ISO lies: in the pool of its root disk; None while that has no pool."""
    root = reader.find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    return reader.get(StoragePool, root.pool_id) if root is not None and root.pool_id is not None else None


def installing(tx: Tx, vm: Vm, iso_id: int | None, host: int) -> list[tuple[Task, Resource]]:
    """The parts of a task that has an ISO ready for an instance. None where it lies there already."""
    pool = iso_pool(tx, vm)
    if iso_id is None or pool is None:
        return []
    place = at_pool(tx, iso_id, pool)
    return [] if place.state == "Ready" else [(InstallTemplate(place=place.id, host=host), place)]


class ChangeIso(Task, rank=50):
    """Put an ISO (none: 0) into an instance's drive instead of what is there. A stopped one finds it at its start."""

    vm: int
    iso: int = 0
    was: int = 0

    @step
    def hold(self, tx: Tx) -> None:
        """It is the instance's: nobody takes it out of its pool any more."""
        vm = tx.get(Vm, self.vm)
        if vm.state not in ("Running", "Stopped"):
            raise WrongState(f"The ISO of {vm.name} cannot be changed while it is {vm.state}")
        if self.iso and vm.iso_id != self.iso:
            self.was = vm.iso_id or 0
            tx.update(vm, iso_id=self.iso)

    @hold.undo
    def let_go(self, tx: Tx) -> None:
        vm = tx.get(Vm, self.vm)
        if self.iso and vm.iso_id == self.iso:
            tx.update(vm, iso_id=self.was or None)

    @step(deadline=10800)
    def install(self, tx: Tx) -> None:
        """Have it beside the root disk."""
        vm = tx.get(Vm, self.vm)
        if vm.state == "Running":
            self.children(tx, installing(tx, vm, self.iso or None, vm.host_id or 0))

    @step
    def insert(self) -> None:
        """Open the drive."""
        self._insert(self.iso)
        self.say("it is in the drive" if self.iso else "the drive is empty")

    @insert.undo
    def insert_before(self) -> None:
        vm = self.read.get(Vm, self.vm)
        self._insert(self.was if self.iso else vm.iso_id or 0)

    def _insert(self, iso: int) -> None:
        vm, pool = self.read.get(Vm, self.vm), iso_pool(self.read, self.read.get(Vm, self.vm))
        if vm.host_id is None or pool is None:
            return
        host, path = self.read.get(Host, vm.host_id), ""
        if iso:
            path = located(self, host, pool, self.read.get(Template, iso).image_name)
        try:
            self.reach(Hypervisor, host).insert_media(vm.instance_name, path)
        except NotThere:
            self.say(f"{vm.name} does not run where it was thought to", host=host.name)

    @step
    def written(self, tx: Tx) -> None:
        """It is so."""
        vm = tx.get(Vm, self.vm)
        if vm.iso_id != (self.iso or None):
            tx.update(vm, iso_id=self.iso or None)


class AttachIso(Command, states=("Running", "Stopped"), answers=VmView, starts=ChangeIso, event="ISO.ATTACH"):
    """Puts an ISO into an instance's drive. What is in it already is taken out."""

    id: Ref[Template] = param("the ISO")
    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    forced: bool = param("even if the guest locked its drive; here the drive opens anyway", default=False, since="4.15.1")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm, iso = _settled(self.virtual_machine), the(self.id, iso=True)
        ready = (TemplateAt.c.template_id == iso.id, TemplateAt.c.state == "Ready", TemplateAt.c.zone_id == vm.zone_id)
        if tx.find(TemplateAt, *ready) is None:
            fix = ["wait until listIsos shows isready", "register it for this zone"]
            raise ParamError(f"Parameter id: ISO {iso.name} is not ready in the zone of {vm.name}", param="id", fix=fix)
        self.start(tx, ChangeIso(vm=vm.id, iso=iso.id), vm, caller)
        return vm


class DetachIso(Command, states=("Running", "Stopped"), has="isoid", answers=VmView, starts=ChangeIso, event="ISO.DETACH"):
    """Takes the ISO out of an instance's drive."""

    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    forced: bool = param("even if the guest locked its drive; here the drive opens anyway", default=False, since="4.15.1")
    id: Ref[Template] | None = param("the ISO, where it may be another than one thinks", since="4.23.0")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = _settled(self.virtual_machine)
        if vm.iso_id is None:
            raise ParamError(f"Parameter virtualmachineid: the drive of {vm.name} is empty", param="virtualmachineid")
        if self.id is not None and self.id.id != vm.iso_id:
            raise ParamError(f"Parameter id: {self.id.name} is not in the drive of {vm.name}", param="id")
        self.start(tx, ChangeIso(vm=vm.id), vm, caller)
        return vm


def _settled(vm: Vm) -> Vm:
    if vm.state not in ("Running", "Stopped"):
        text = f"The ISO of {vm.name} cannot be changed: it is {vm.state}"
        raise WrongState(text, param="virtualmachineid", fix=["wait until the job on it is done"])
    return vm
