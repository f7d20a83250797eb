"""Moving a running instance to another host."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import release_segments
from cloudwright.compute.vm.placing import take_target
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.task import Again, Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import NotThere, Refused
from cloudwright.drivers.hypervisor.contract import Hypervisor, Power
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.drivers.pool.contract import Pool
from cloudwright.drivers.work import WorkState
from cloudwright.infrastructure import capacity
from cloudwright.infrastructure.host.maintain import movers
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network, Nic
from cloudwright.network.segment import segment_of
from cloudwright.storage.model import StoragePool, Volume
from cloudwright.storage.pool.use import spec


class MigrateVm(Task, rank=50):
    """Move a running instance. Until the move is over it runs where it was; a move that fails leaves it there."""

    vm: int
    to: int | None = None
    source: int = 0
    target: int = 0

    @step
    def reserve(self, tx: Tx) -> None:
        """Choose a host and take its place there."""
        vm = tx.get(Vm, self.vm)
        if vm.state != "Running" or vm.host_id is None:
            raise WrongState(f"{vm.name} cannot be moved: it is {vm.state}")
        target = take_target(tx, vm, self.to)
        self.source, self.target = vm.host_id, target.id
        tx.update(vm, state="Migrating", target_id=target.id)
        self.say("a host was chosen", host=target.name)

    @reserve.undo
    def unreserve(self, tx: Tx) -> None:
        vm = tx.get(Vm, self.vm)
        if vm.state == "Migrating":
            capacity.release_host(tx, self.target, vm.cpu_taken, vm.memory_taken)
            tx.update(vm, state="Running", target_id=None)

    @step
    def ready_target(self) -> None:
        """Its networks and storage are there before it comes."""
        target = self.read.get(Host, self.target)
        for nic in self.read.all(Nic, Nic.c.vm_id == self.vm):
            self.reach(HostNetwork, target).ensure(
                segment_of(self.read, self.read.get(Network, nic.network_id), target.hypervisor)
            )
        pools = {v.pool_id for v in self.read.all(Volume, Volume.c.vm_id == self.vm) if v.pool_id is not None}
        for id in pools:
            self.reach(Pool, target).open(spec(self.read.get(StoragePool, id)))

    @step(deadline=3600)
    def move(self) -> None:
        """Begin the move, then look until it is over."""
        vm, source, target = self.read.get(Vm, self.vm), self.read.get(Host, self.source), self.read.get(Host, self.target)
        here, there = self.reach(Hypervisor, source), self.reach(Hypervisor, target)
        work = here.work(self.row.uuid)
        if work.state is WorkState.UNKNOWN:
            if _runs(there, vm.instance_name) and not _runs(here, vm.instance_name):
                return
            here.begin_migrate(self.row.uuid, vm.instance_name, there.migration_address())
            raise Again(0.1, "it is being moved")
        if work.state is WorkState.RUNNING:
            self.progress(work.progress)
            raise Again(0.25, f"it is being moved: {work.progress:.0%}")
        if work.state is WorkState.FAILED:
            raise Refused(f"{vm.name} could not be moved to {target.name}: {work.error}")

    @move.undo
    def stay(self) -> None:
        """End the move. If it was over already, move the instance back."""
        vm, source, target = self.read.get(Vm, self.vm), self.read.get(Host, self.source), self.read.get(Host, self.target)
        here, there = self.reach(Hypervisor, source), self.reach(Hypervisor, target)
        here.cancel(self.row.uuid)
        back = f"{self.row.uuid}-back"
        if _runs(there, vm.instance_name) and not _runs(here, vm.instance_name):
            work = there.work(back)
            if work.state is WorkState.FAILED:
                there.cancel(back)
                raise Refused(f"{vm.name} could not be moved back to {source.name}: {work.error}")
            if work.state is WorkState.UNKNOWN:
                there.begin_migrate(back, vm.instance_name, here.migration_address())
            raise Again(0.1, "it is being moved back")
        there.cancel(back)
        release_segments(self, vm, target)

    @step(final=True)
    def leave(self) -> None:
        """It runs there: nothing of it stays where it was."""
        vm, source = self.read.get(Vm, self.vm), self.read.get(Host, self.source)
        self.reach(Hypervisor, source).cancel(self.row.uuid)
        release_segments(self, vm, source)
        self.say("moved", source=source.name)

    @step
    def moved(self, tx: Tx) -> None:
        """It runs there now."""
        vm = tx.get(Vm, self.vm)
        capacity.release_host(tx, self.source, vm.cpu_taken, vm.memory_taken)
        tx.update(vm, state="Running", host_id=self.target, target_id=None, last_host_id=self.target)


def _runs(hypervisor: Hypervisor, name: str) -> bool:
    try:
        return hypervisor.see(name).power in (Power.RUNNING, Power.PAUSED)
    except NotThere:
        return False


def _moves(tx: Tx, host: Host) -> list[tuple[Task, Resource]]:
    """What empties a host for maintenance: its running machines go elsewhere in the cluster."""
    return [(MigrateVm(vm=vm.id), vm) for vm in tx.all(Vm, Vm.c.host_id == host.id, Vm.c.state.in_(["Running", "Migrating"]))]


movers.append(_moves)


class MigrateVirtualMachine(Command, states=("Running",), answers=VmView, starts=MigrateVm, event="VM.MIGRATE"):
    """Moves a running instance to another host of its cluster, without stopping it."""

    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    host: Ref[Host] | None = param("the host it shall go to")
    auto_select: bool = param("true lets the server choose the host", default=False)
    storage: Ref[StoragePool] | None = param("not supported yet: storage is not moved along")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.virtual_machine
        if self.storage is not None:
            raise ParamError("Parameter storageid: moving an instance's storage is not supported yet", param="storageid")
        if self.host is None and not self.auto_select:
            raise ParamError("Parameter hostid: name a host, or give autoselect=true", param="hostid")
        if vm.state not in self.api.states:
            raise WrongState(
                f"{vm.name} cannot be moved: it is {vm.state}", param="virtualmachineid", fix=["start it on the other host"]
            )
        if self.host is not None and self.host.id == vm.host_id:
            raise ParamError(f"Parameter hostid: {vm.name} already runs on {self.host.name}", param="hostid")
        self.start(tx, MigrateVm(vm=vm.id, to=self.host.id if self.host else None), vm, caller)
        return vm
