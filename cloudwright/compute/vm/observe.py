"""What hosts report of instances, held against rows. News is believed, silence never: nothing here stops or starts a machine.

While a task works on an instance its rows are in motion: a report that says otherwise than they has it looked at again after the
task has ended.
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
EXPECTED_UP = ("Running", "Unknown")
ABSENT = "absent"
_AT = sa.select(Vm.t).where(Vm.c.host_id == sa.bindparam("host"), Vm.c.gone == 0)
_LIVE = sa.select(TaskRow.c.subject, TaskRow.c.kind_name).where(
    TaskRow.c.subject.in_(sa.bindparam("subjects", expanding=True)), TaskRow.c.live == 1, TaskRow.c.gone == 0
)
_NAMED = sa.select(Vm.t).where(Vm.c.uuid.in_(sa.bindparam("uuids", expanding=True)), Vm.c.gone == 0)


class SettleVm(Task, rank=50):
    """An instance was reported otherwise than it should be. Look again, and write what is true."""

    vm: int
    on: int = 0  # the host to ask; its own by default
    seen: str = ""
    host: int = 0

    @step
    def look(self) -> None:
        """Ask the host."""
        vm = self.read.get(Vm, self.vm)
        self.host = self.on or vm.host_id or 0
        if not self.host:
            return
        try:
            self.seen = self.reach(Hypervisor, self.read.get(Host, self.host)).see(vm.instance_name).power.value
        except NotThere:
            self.seen = ABSENT

    @step
    def settle(self, tx: Tx) -> None:
        """Write it. A guest that shut itself down is simply stopped; one that crashed raises an alert."""
        vm = tx.get(Vm, self.vm)
        if self.seen in UP and vm.state == "Stopped" and not vm.gone:
            found_running(tx, vm, tx.get(Host, self.host))
        if not self.seen or self.seen in UP or vm.host_id != self.host or vm.state not in EXPECTED_UP:
            self.seen = ""  # nothing is left to clear
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
    known = {row.uuid: row for row in map(Vm.load, tx.rows(_NAMED, {"uuids": elsewhere}))} if elsewhere else {}
    news = [(vm, named.get(uuid)) for uuid, vm in here.items() if _is_news(vm, named.get(uuid), whole)]
    busy = _busy(tx, [*(vm for vm, _ in news), *known.values()])
    for vm, machine in news:
        _seen(tx, vm, machine, busy.get(vm.id))
    for uuid in elsewhere:
        _stray(tx, host, named[uuid], known.get(uuid), busy)


def _is_news(vm: Vm, machine: Seen | None, whole: bool) -> bool:
    """Whether a report says anything of an instance that its row does not."""
    if machine is None:
        return whole and vm.state == "Running"
    down = machine.power not in UP and vm.state not in ("Stopping", "Migrating")  # where that is what shall be
    return down or vm.observed != machine.power or vm.state == "Unknown"


def _seen(tx: Tx, vm: Vm, machine: Seen | None, busy: set[str] | None) -> None:
    up = machine is not None and machine.power in UP
    if not up and vm.state in (*EXPECTED_UP, "Starting" if busy else ""):
        _look(tx, vm, busy)
    elif machine is not None and not busy:
        state = "Running" if vm.state == "Unknown" else vm.state
        tx.update(vm, observed=machine.power.value, observed_at=tx.now, state=state)


def _look(tx: Tx, vm: Vm, busy: set[str] | None, on: int = 0) -> None:
    """Have somebody look. Where a task works on the instance, it is looked at once that has ended."""
    if SettleVm.__name__ not in (busy or ()):
        start(tx, SettleVm(vm=vm.id, on=on), vm)


def _stray(tx: Tx, host: Host, machine: Seen, vm: Vm | None, busy: dict[int, set[str]]) -> None:
    """A machine runs where no row expects it: it is told, never touched; a stopped one of ours is found to run."""
    if vm is not None and vm.id in busy:
        if vm.state == "Stopped":
            _look(tx, vm, busy[vm.id], host.id)
        return
    if vm is not None and vm.state == "Stopped":
        found_running(tx, vm, host)
        return
    name = vm.name if vm else machine.name
    where = f"{host.name}, where it is not expected" + (f" (it is {vm.state})" if vm else "")
    text = f"Machine {machine.name} ({name}) runs on {where}. Nothing was done to it."
    alert(tx, TYPES["USERVM"], f"stray {machine.name}", text, zone_id=host.zone_id)


def found_running(tx: Tx, vm: Vm, host: Host) -> None:
    """A stopped instance runs after all: so it is, and takes what it takes of its host."""
    mhz, memory = vm.cpus * vm.cpu_mhz, vm.memory << 20
    taken = {"cpu_reserved": Host.c.cpu_reserved + mhz, "memory_reserved": Host.c.memory_reserved + memory}
    tx.execute(Host.t.update().where(Host.c.id == host.id).values(**taken))
    tx.update(vm, state="Running", host_id=host.id, cpu_taken=mhz, memory_taken=memory, observed="running", observed_at=tx.now)
    emit(tx, "VM.START", f"{vm.name} was found running on {host.name}", about=vm, level="WARN")


def _busy(tx: Tx, vms: Sequence[Vm]) -> dict[int, set[str]]:
    """Which of these instances have tasks, and which ones: one statement a report."""
    subjects = {f"{vm.kind}:{vm.id}": vm.id for vm in vms}
    found: dict[int, set[str]] = {}
    for row in map(TaskRow.load, tx.rows(_LIVE, {"subjects": list(subjects)}) if subjects else []):
        found.setdefault(subjects[row.subject], set()).add(row.kind_name)
    return found


on_machines.append(machines_seen)
