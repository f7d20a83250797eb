"""What hosts report of instances, held against rows. News is believed, silence never: nothing here stops or starts a machine.

While a task works on an instance its rows are in motion, so reports about it are left to the task, which looks for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.placing import give_back
from cloudwright.core.event import emit
from cloudwright.core.task import Task, TaskRow, start, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.contract import Hypervisor, Power, Seen
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.observe import on_machines
from cloudwright.operations.raising import TYPES, alert

UP = (Power.RUNNING, Power.PAUSED)
_AT = sa.select(Vm.t).where(Vm.c.host_id == sa.bindparam("host"), Vm.c.gone == 0)
_NAMED = sa.select(Vm.t).where(Vm.c.uuid.in_(sa.bindparam("uuids", expanding=True)), Vm.c.gone == 0)


class SettleVm(Task, rank=50):
    """An instance was reported as not running where it should be. Look again, and write what is true."""

    vm: int
    seen: str = ""
    host: int = 0

    @step
    def look(self) -> None:
        """Ask its host."""
        vm = self.read.get(Vm, self.vm)
        if vm.host_id is None:
            return
        hypervisor = self.reach(Hypervisor, self.read.get(Host, vm.host_id))
        try:
            self.seen = hypervisor.see(vm.instance_name).power.value
        except NotThere:
            self.seen = "absent"
        self.host = vm.host_id

    @step
    def settle(self, tx: Tx) -> None:
        """Write it. A guest that shut itself down is simply stopped; one that crashed raises an alert."""
        vm = tx.get(Vm, self.vm)
        if vm.host_id is None or self.seen in UP or vm.state not in ("Running", "Unknown"):
            return
        give_back(tx, vm)
        tx.update(vm, state="Stopped", observed=self.seen, observed_at=tx.now)
        emit(tx, "VM.STOP", f"{vm.name} was found {self.seen} on its host", about=vm, level="WARN")
        if self.seen == Power.CRASHED:
            alert(tx, TYPES["USERVM"], f"crash of {vm.uuid}", f"{vm.name} crashed on its host", zone_id=vm.zone_id)
        self.say(f"found {self.seen}")

    @step(final=True)
    def clear(self) -> None:
        """What is left of it on its host goes."""
        if self.seen in (Power.STOPPED, Power.CRASHED):
            self.reach(Hypervisor, self.read.get(Host, self.host)).remove(self.read.get(Vm, self.vm).instance_name)


def machines_seen(tx: Tx, host: Host, machines: Sequence[Seen], whole: bool) -> None:
    """Take in a host's report. `whole`: these are all it has, so what is missing is not there."""
    here = {row.uuid: row for row in map(Vm.load, tx.rows(_AT, {"host": host.id}))}
    named = {machine.uuid: machine for machine in machines}
    elsewhere = [uuid for uuid, machine in named.items() if uuid not in here and machine.power in UP]
    for uuid, vm in here.items():
        machine = named.get(uuid)
        if machine is not None:
            _seen(tx, vm, machine)
        elif whole and vm.state == "Running" and not _busy(tx, vm):
            start(tx, SettleVm(vm=vm.id), vm)
    known = {row.uuid: row for row in map(Vm.load, tx.rows(_NAMED, {"uuids": elsewhere}))} if elsewhere else {}
    for uuid in elsewhere:
        _stray(tx, host, named[uuid], known.get(uuid))


def _seen(tx: Tx, vm: Vm, machine: Seen) -> None:
    if _busy(tx, vm):
        return
    if machine.power not in UP and vm.state in ("Running", "Unknown"):
        start(tx, SettleVm(vm=vm.id), vm)
    elif vm.observed != machine.power or vm.state == "Unknown":
        state = "Running" if vm.state == "Unknown" else vm.state
        tx.update(vm, observed=machine.power.value, observed_at=tx.now, state=state)


def _stray(tx: Tx, host: Host, machine: Seen, vm: Vm | None) -> None:
    """A machine runs where no row expects it: it is told, never touched; a stopped one of ours is found to run."""
    if vm is not None and _busy(tx, vm):
        return
    if vm is not None and vm.state == "Stopped":
        mhz, memory = vm.cpus * vm.cpu_mhz, vm.memory << 20
        taken = {"cpu_reserved": Host.c.cpu_reserved + mhz, "memory_reserved": Host.c.memory_reserved + memory}
        tx.execute(Host.t.update().where(Host.c.id == host.id).values(**taken))
        tx.update(
            vm, state="Running", host_id=host.id, cpu_taken=mhz, memory_taken=memory, observed="running", observed_at=tx.now
        )
        emit(tx, "VM.START", f"{vm.name} was found running on {host.name}", about=vm, level="WARN")
        return
    name = vm.name if vm else machine.name
    where = f"{host.name}, where it is not expected" + (f" (it is {vm.state})" if vm else "")
    text = f"Machine {machine.name} ({name}) runs on {where}. Nothing was done to it."
    alert(tx, TYPES["USERVM"], f"stray {machine.name}", text, zone_id=host.zone_id)


def host_silent(tx: Tx, host: Host) -> None:
    """A host is no longer heard: what it did last is what is known, and that it is old is told."""
    mine = (Vm.c.host_id == host.id, Vm.c.gone == 0)
    tx.execute(Vm.t.update().where(*mine).values(observed="unknown", observed_by=host.name))


def _busy(tx: Tx, vm: Vm) -> bool:
    return tx.count(TaskRow, TaskRow.c.subject == f"{vm.kind}:{vm.id}", TaskRow.c.live == 1) > 0


on_machines.append(machines_seen)
