"""The link of a machine's interface, brought up and down: as if its cable were plugged in or pulled."""

from __future__ import annotations

from contextlib import suppress

from msgspec.structs import replace

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import nic_of
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Nic

EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")


class LinkNic(Task, rank=50):
    """Bring the link of an interface up or down, at once where its machine runs."""

    vm: int
    nic: int
    up: bool

    @step(deadline=120)
    def link(self) -> None:
        """Set it, if the machine is on a host, and keep it for the next start."""
        vm, nic = self.read.get(Vm, self.vm), self.read.get(Nic, self.nic)
        self._set(self.up)
        self.set(nic, link_up=self.up)
        when = "" if vm.host_id is not None else f" when {vm.name} starts"
        self.say(f"the link of {nic.mac} is {'up' if self.up else 'down'}{when}", mac=nic.mac)

    @link.undo
    def back(self) -> None:
        with suppress(NotThere):
            self._set(self.read.get(Nic, self.nic).link_up)

    def _set(self, up: bool) -> None:
        vm, nic = self.read.get(Vm, self.vm), self.read.get(Nic, self.nic)
        if vm.host_id is not None:
            wanted = replace(nic_of(self.read, nic), link_up=up)
            self.reach(Hypervisor, self.read.get(Host, vm.host_id)).update_nic(vm.instance_name, wanted)


class UpdateVmNic(Command, answers=VmView, starts=LinkNic, event="NIC.UPDATE", authorized=EVERYBODY):
    """Brings the link of a machine's interface up or down. Its addresses stay its own."""

    nicid: Ref[Nic] = param("the interface", wire_name="nicid", use=Use.CHANGE)
    enabled: bool | None = param("whether its link is up")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = tx.get(Vm, self.nicid.vm_id)
        self.judge(tx, caller, vm)
        if self.enabled is None:
            raise ParamError("Parameter enabled is missing: shall the link be up (true) or down?", param="enabled")
        if vm.state not in ("Running", "Stopped"):
            raise WrongState(f"{vm.name} is {vm.state}; its interfaces change while it is Running or Stopped", param="nicid")
        self.start(tx, LinkNic(vm=vm.id, nic=self.nicid.id, up=self.enabled), vm, caller)
        return vm
