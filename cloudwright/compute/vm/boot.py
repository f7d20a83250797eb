"""Bringing an instance up: find a place, ready its networks and volumes, start it there. Deploying and starting are one."""

from __future__ import annotations

from typing import ClassVar

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import specification
from cloudwright.compute.vm.media import installing
from cloudwright.compute.vm.placing import find_place, give_back
from cloudwright.compute.vm.stop import take_down
from cloudwright.core.error import WrongState
from cloudwright.core.task import Back, Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import DriverFault, Refused, Unreachable
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network, Nic
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.storage.model import Volume
from cloudwright.storage.volume.create import CreateVolume

FAULTS = 3  # how often a host that fails without a reason is tried again
PLACES = 5  # how many hosts are tried before the machine is refused


class Boot(Task):
    """What DeployVm and StartVm do alike. `pin` is where an administrator asked for it (host, cluster or pod id), `avoid` names
    the hosts that failed."""

    vm: int
    pin: dict[str, int] = {}
    avoid: list[int] = []
    failed_state: ClassVar[str] = "Stopped"

    @step
    def begin(self, tx: Tx) -> None:
        """Take the machine into Starting."""
        vm = tx.get(Vm, self.vm)
        if vm.state not in ("Stopped", "Starting", "Error"):
            raise WrongState(f"{vm.name} cannot be started while it is {vm.state}")
        tx.update(vm, state="Starting")

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        vm = tx.get(Vm, self.vm)
        if vm.state == "Starting":
            tx.update(vm, state=self.failed_state)

    @step
    def place(self, tx: Tx) -> None:
        """Choose a host, and pools for volumes that have none, and reserve both."""
        vm = tx.get(Vm, self.vm)
        host = find_place(tx, vm, self.pin, self.avoid)
        self.say("a host was chosen", host=host.name, memory_mib=vm.memory, cpu_mhz=vm.cpus * vm.cpu_mhz)

    @place.undo
    def unplace(self, tx: Tx) -> None:
        give_back(tx, tx.get(Vm, self.vm), forget_pools=True)

    @step
    def networks(self, tx: Tx) -> None:
        """Have each network serve the machine before it asks for its address."""
        behind = []
        for nic in tx.all(Nic, Nic.c.vm_id == self.vm):
            network = tx.get(Network, nic.network_id)
            if network.state not in ("Implemented", "Setup") or network.applied < network.generation:
                behind.append((ApplyNetwork(network=network.id), network))
        self.children(tx, [*behind])

    @step
    def volumes(self, tx: Tx) -> None:
        """Have volumes made that are not there yet, and the ISO brought."""
        vm = tx.get(Vm, self.vm)
        wanted = tx.all(Volume, Volume.c.vm_id == vm.id, Volume.c.state.in_(["Allocated", "Creating"]))
        made = [(CreateVolume(volume=volume.id, host=_host_id(vm)), volume) for volume in wanted]
        self.children(tx, [*made, *installing(tx, vm, vm.iso_id, _host_id(vm))])

    @step(deadline=300)
    def start(self) -> None:
        """Start it on its host. A host that refuses or vanished is left for another."""
        vm = self.read.get(Vm, self.vm)
        host = self.read.get(Host, _host_id(vm))
        try:
            machine = specification(self, vm, host)
            for nic in machine.nics:
                self.reach(HostNetwork, host).ensure(nic.segment)
            self.reach(Hypervisor, host).start(machine)
        except (Refused, Unreachable, DriverFault) as error:
            if isinstance(error, DriverFault) and self.row.tries < FAULTS:
                raise  # it may pass; the engine comes again
            if "host" in self.pin or len(self.avoid) + 1 >= PLACES:
                raise
            self.avoid = [*self.avoid, host.id]
            raise Back("place", f"{host.name} did not start it: {error}") from error
        self.say("started", host=host.name)

    @start.undo
    def unstart(self) -> None:
        vm = self.read.get(Vm, self.vm)
        if vm.host_id is None:
            return
        take_down(self, vm, self.read.get(Host, vm.host_id), force=True)

    @step
    def running(self, tx: Tx) -> None:
        """It runs."""
        vm = tx.get(Vm, self.vm)
        tx.update(vm, state="Running", last_host_id=vm.host_id, observed="running", observed_at=tx.now)


class StartVm(Boot, rank=50):
    """Start a stopped instance; where that fails it is stopped again."""


class DeployVm(Boot, rank=50):
    """Bring a new instance up; where that fails it stays to be looked at, in Error, and holds nothing outside."""

    failed_state = "Error"


def _host_id(vm: Vm) -> int:
    if vm.host_id is None:
        raise RuntimeError(f"BUG: {vm.name} has no host in the middle of its start (PlacedBeforeStarted)")
    return vm.host_id
