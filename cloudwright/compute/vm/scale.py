"""Giving an instance another size."""

from __future__ import annotations

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.vm.refused import RefusedOfScaled
from cloudwright.compute.vm.size import Size, host_tags, size_of
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import NoCapacity, ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.infrastructure import capacity
from cloudwright.infrastructure.model import Host, Zone
from cloudwright.storage.model import Template
from cloudwright.storage.quality import check_offered

MIB = 1 << 20


class ScaleVm(Task, rank=50):
    """Grow a running instance, or change what a stopped one will be."""

    vm: int
    offering: int
    cpus: int
    mhz: int
    memory: int
    old: dict[str, int] = {}

    @step
    def reserve(self, tx: Tx) -> None:
        """Take what it needs more on its host."""
        vm = tx.get(Vm, self.vm)
        self.old = {"cpus": vm.cpus, "cpu_mhz": vm.cpu_mhz, "memory": vm.memory, "service_offering_id": vm.service_offering_id}
        tx.update(vm, grows_cpus=self.cpus, grows_memory=self.memory)
        if vm.host_id is not None:
            more_mhz, more_memory = self.cpus * self.mhz - vm.cpu_taken, self.memory * MIB - vm.memory_taken
            if not capacity.reserve_host(tx, vm.host_id, more_mhz, more_memory):
                host = tx.get(Host, vm.host_id)
                why = [f"{host.name} lacks {more_mhz} MHz or {more_memory // MIB} MiB"]
                raise NoCapacity(
                    f"{vm.name} does not fit on its host in that size",
                    why=why,
                    fix=["migrate it to a larger host", "stop it first"],
                )
            tx.update(vm, cpu_taken=self.cpus * self.mhz, memory_taken=self.memory * MIB)

    @reserve.undo
    def release(self, tx: Tx) -> None:
        vm = tx.get(Vm, self.vm)
        if self.old:
            tx.update(vm, grows_cpus=0, grows_memory=0)
        if not self.old or vm.host_id is None:
            return
        mhz, memory = self.old["cpus"] * self.old["cpu_mhz"], self.old["memory"] * MIB
        capacity.release_host(tx, vm.host_id, vm.cpu_taken - mhz, vm.memory_taken - memory)
        tx.update(vm, cpu_taken=mhz, memory_taken=memory)

    @step
    def grow(self) -> None:
        """Give it to the running guest."""
        vm = self.read.get(Vm, self.vm)
        if vm.host_id is not None:
            self.reach(Hypervisor, self.read.get(Host, vm.host_id)).scale(vm.instance_name, self.cpus, self.memory)

    @step
    def written(self, tx: Tx) -> None:
        """It has its new size."""
        values = {"cpus": self.cpus, "cpu_mhz": self.mhz, "memory": self.memory, "service_offering_id": self.offering}
        vm = tx.get(Vm, self.vm)
        tags = host_tags(tx.get(ServiceOffering, self.offering), tx.get(Template, vm.template_id) if vm.template_id else None)
        tx.update(vm, **values, grows_cpus=0, grows_memory=0, tally_tags=tags)
        self.say("scaled", **values)


class ScaleVirtualMachine(
    RefusedOfScaled, Command, states=("Stopped", "Running"), answers=VmView, starts=ScaleVm, event="VM.UPGRADE"
):
    """Gives an instance another service offering: a stopped one any, a running dynamically scalable one a larger."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)
    service_offering: Ref[ServiceOffering] = param("its new service offering")
    details: dict[str, str] | None = param("for a custom offering: cpuNumber, cpuSpeed, memory", default=None)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm, offering = self.id, self.service_offering
        size = size_of(offering, self.details or {})
        _check(vm, size)
        _check_offering(tx, vm, offering)
        task = ScaleVm(vm=vm.id, offering=offering.id, cpus=size.cpus, mhz=size.mhz, memory=size.memory)
        self.start(tx, task, vm, caller)
        return vm


class ChangeServiceForVirtualMachine(RefusedOfScaled, Command, states=("Stopped",), answers=VmView, event="VM.UPGRADE"):
    """Gives a stopped instance another service offering."""

    id: Ref[Vm] = param("the instance; it must be stopped", use=Use.CHANGE)
    service_offering: Ref[ServiceOffering] = param("its new service offering")
    details: dict[str, str] | None = param("for a custom offering: cpuNumber, cpuSpeed, memory", default=None)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        if self.id.state not in self.api.states:
            raise WrongState(
                f"{self.id.name} is {self.id.state}, not Stopped",
                param="id",
                fix=["stop it", "or scale it while it runs (scaleVirtualMachine)"],
            )
        _check_offering(tx, self.id, self.service_offering)
        size = size_of(self.service_offering, self.details or {})
        values = {"cpus": size.cpus, "cpu_mhz": size.mhz, "memory": size.memory}
        template = tx.get(Template, self.id.template_id) if self.id.template_id else None
        tags = host_tags(self.service_offering, template)
        tx.update(self.id, service_offering_id=self.service_offering.id, tally_tags=tags, **values)
        return self.id


def _check(vm: Vm, size: Size) -> None:
    if vm.state not in ("Stopped", "Running"):
        raise WrongState(f"{vm.name} cannot be scaled: it is {vm.state}", param="id")
    if vm.state == "Running" and not vm.dynamically_scalable:
        raise WrongState(f"{vm.name} is not dynamically scalable", param="id", fix=["stop it first"])
    if vm.state == "Running" and (size.cpus < vm.cpus or size.memory < vm.memory):
        raise WrongState(f"{vm.name} cannot shrink while it runs", param="serviceofferingid", fix=["stop it first"])


def _check_offering(tx: Tx, vm: Vm, offering: ServiceOffering) -> None:
    """A machine takes what is offered to its owner in its zone, and keeps its kind of storage."""
    check_offered(tx, offering, tx.get(Zone, vm.zone_id), vm.domain_id, "serviceofferingid")
    now = tx.get(ServiceOffering, vm.service_offering_id)
    if vm.state == "Running" and not offering.dynamic_scaling:
        text = f"Parameter serviceofferingid: {offering.name} does not let its machines be scaled while they run"
        raise ParamError(text, param="serviceofferingid", fix=["stop it first"])
    if offering.system_vm is not None or offering.storage_type != now.storage_type:
        text = f"Parameter serviceofferingid: {offering.name} is the system's, or keeps disks elsewhere than {now.name}"
        raise ParamError(text, param="serviceofferingid")
    if (now.disk_offering_strict or offering.disk_offering_strict) and now.disk_offering_id != offering.disk_offering_id:
        text = (
            f"Parameter serviceofferingid: {now.name} and {offering.name} have other disk offerings, and one is kept to strictly"
        )
        raise ParamError(text, param="serviceofferingid")
