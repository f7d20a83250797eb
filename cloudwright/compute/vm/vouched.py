"""What an operator vouches for when a host is given up: its machines run no more, and may start elsewhere."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.placing import give_back
from cloudwright.core.event import emit
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.host.remove import on_forced
from cloudwright.infrastructure.model import Host


def _stopped(tx: Tx, host: Host) -> None:
    """Its machines are stopped, but for those that a task works on: that finds out by itself."""
    for vm in tx.all(Vm, Vm.c.host_id == host.id):
        if tx.find(TaskRow, TaskRow.c.subject == f"{vm.kind}:{vm.id}", TaskRow.c.live == 1) is None:
            give_back(tx, vm)
            tx.update(vm, state="Stopped", last_host_id=host.id, observed="unknown", observed_at=tx.now)
            emit(tx, "VM.STOP", f"{vm.name} counts as stopped: host {host.name} was given up", about=vm, level="WARN")


on_forced.append(_stopped)
