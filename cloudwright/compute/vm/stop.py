"""Stopping and rebooting instances."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import release_segments
from cloudwright.compute.vm.placing import give_back
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Host

GRACE = setting("vm.stop.grace", 30, "seconds that a guest is given to shut down or restart before it is made to", minimum=0)


def take_down(task: Task, vm: Vm, host: Host, force: bool) -> bool:
    """Stop a machine on its host and leave nothing of it there. Answers whether it was there."""
    hypervisor = task.reach(Hypervisor, host)
    try:
        hypervisor.stop(vm.instance_name, force=force, grace=float(GRACE.get(task.read)))
        hypervisor.remove(vm.instance_name)
        found = True
    except NotThere:
        found = False
    release_segments(task, vm, host)
    return found


class StopVm(Task, rank=50):
    """Stop an instance. Going back would mean starting it again, so from the stop on it only goes forward."""

    vm: int
    force: bool = False

    @step
    def begin(self, tx: Tx) -> None:
        """Take the machine into Stopping."""
        vm = tx.get(Vm, self.vm)
        if vm.state not in ("Running", "Stopping", "Unknown", "Stopped"):
            raise WrongState(f"{vm.name} cannot be stopped while it is {vm.state}")
        tx.update(vm, state="Stopping")

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        vm = tx.get(Vm, self.vm)
        if vm.state == "Stopping":
            tx.update(vm, state="Running" if vm.host_id is not None else "Stopped")

    @step(deadline=600, final=True)
    def halt(self) -> None:
        """Stop it on its host."""
        vm = self.read.get(Vm, self.vm)
        if vm.host_id is None:
            return
        host = self.read.get(Host, vm.host_id)
        found = take_down(self, vm, host, self.force)
        if not found:
            self.say("it was not there any more")
            return
        self.say("stopped by force" if self.force else "shut down")

    @step
    def stopped(self, tx: Tx) -> None:
        """It holds nothing on its host any more."""
        vm = tx.get(Vm, self.vm)
        give_back(tx, vm)
        tx.update(vm, state="Stopped", observed="stopped", observed_at=tx.now)


class StopVirtualMachine(Command, states=("Running", "Stopping", "Unknown"), answers=VmView, starts=StopVm, event="VM.STOP"):
    """Stops an instance: the guest is asked to shut down, and stopped by force where it does not."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)
    forced: bool = param("true pulls the plug at once", default=False)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        if self.id.state not in (*self.api.states, "Stopped"):  # a repetition is no mistake
            text = f"{self.id.name} cannot be stopped: it is {self.id.state}"
            raise WrongState(text, param="id", fix=["wait until the job on it is done"])
        self.start(tx, StopVm(vm=self.id.id, force=self.forced), self.id, caller)
        return self.id


class RebootVm(Task, rank=50):
    """Restart the guest."""

    vm: int
    force: bool = False

    @step(deadline=300)
    def reboot(self) -> None:
        """Ask the guest, or press reset."""
        vm = self.read.get(Vm, self.vm)
        if vm.state != "Running" or vm.host_id is None:
            raise WrongState(f"{vm.name} cannot be rebooted while it is {vm.state}")
        grace = float(GRACE.get(self.read))
        self.reach(Hypervisor, self.read.get(Host, vm.host_id)).reboot(vm.instance_name, force=self.force, grace=grace)
        self.say("reset" if self.force else "rebooted")


class RebootVirtualMachine(Command, states=("Running",), answers=VmView, starts=RebootVm, event="VM.REBOOT"):
    """Restarts an instance's guest; it stays on its host."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)
    forced: bool = param("true presses reset instead of asking the guest", default=False)
    boot_into_setup: bool | None = param(
        "starts into the firmware's setup", check=not_built("starts into the setup"), since="4.15.0.0"
    )

    def run(self, tx: Tx, caller: Caller) -> Vm:
        if self.id.state not in self.api.states:
            raise WrongState(f"{self.id.name} cannot be rebooted: it is {self.id.state}", param="id", fix=["start it"])
        self.start(tx, RebootVm(vm=self.id.id, force=self.forced), self.id, caller)
        return self.id
