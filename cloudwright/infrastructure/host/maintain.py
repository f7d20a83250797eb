"""Maintenance: a host is emptied, machine by machine, and then takes none until that is cancelled.

Who can move machines away says so by `movers`: each answers the tasks (of a rank below the host's) that empty a host, with the
resources they work on. What no mover took away keeps the host from maintenance, with its name.
"""

from __future__ import annotations

from collections.abc import Callable

from cloudwright.compute.model import Vm
from cloudwright.core import task as tasks
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import InUse, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.task import Task, TaskRow, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.host.view import HostView
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Router

Mover = Callable[[Tx, Host], list[tuple[Task, Resource]]]
movers: list[Mover] = []


def occupants(reader: Reader, host: Host) -> list[str]:
    """What is on a host, in words."""
    machines = [f"machine {vm.name} ({vm.state})" for vm in reader.all(Vm, Vm.c.host_id == host.id)]
    return machines + [f"router {router.name}" for router in reader.all(Router, Router.c.host_id == host.id)]


class MaintainHost(Task, rank=60):
    """Empties a host and keeps it empty."""

    host: int
    before: str = "Enabled"

    @step
    def closed(self, tx: Tx) -> None:
        host = tx.get(Host, self.host)
        if host.resource_state in ("Enabled", "Disabled"):
            self.before = host.resource_state
            tx.update(host, resource_state="PrepareForMaintenance")
        self.say(f"host {host.name} takes no new machines")

    @closed.undo
    def opened(self, tx: Tx) -> None:
        host = tx.get(Host, self.host)
        if host.resource_state in ("PrepareForMaintenance", "Maintenance"):
            tx.update(host, resource_state=self.before)

    @step(deadline=86400)
    def emptied(self, tx: Tx) -> None:
        host = tx.get(Host, self.host)
        moves = [move for mover in movers for move in mover(tx, host)]
        if moves:
            self.children(tx, moves)
        left = occupants(tx, host)
        if left:
            raise _occupied(host, left)
        tx.update(host, resource_state="Maintenance")
        self.say(f"host {host.name} is empty")


class PrepareHostForMaintenance(
    Command, states=("Enabled", "Disabled"), answers=HostView, event="MAINT.PREPARE", starts=MaintainHost
):
    """Empties a host for maintenance."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Host:
        host = self.id
        if host.resource_state not in self.api.states:
            raise WrongState(f"Host {host.name} is in {host.resource_state} already", param="id")
        left = occupants(tx, host)
        if left and not movers:
            raise _occupied(host, left)
        self.start(tx, MaintainHost(host=host.id, before=host.resource_state), host, caller)
        return host


class ReopenHost(Task, rank=60):
    """Lets a host take machines again."""

    host: int

    @step
    def opened(self, tx: Tx) -> None:
        host = tx.get(Host, self.host)
        tx.update(host, resource_state="Enabled")
        self.say(f"host {host.name} takes machines again")


class CancelHostMaintenance(
    Command, states=("PrepareForMaintenance", "Maintenance"), answers=HostView, event="MAINT.CANCEL", starts=ReopenHost
):
    """Ends a host's maintenance, or its preparation."""

    id: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Host:
        host = self.id
        running = (TaskRow.c.subject == f"host:{host.id}", TaskRow.c.live == 1, TaskRow.c.kind_name == MaintainHost.__name__)
        preparing = tx.find(TaskRow, *running)
        if preparing is None and host.resource_state not in self.api.states:
            raise WrongState(f"Host {host.name} is not in maintenance; it is {host.resource_state}", param="id")
        if preparing is not None:
            tasks.cancel(tx, preparing)
        self.start(tx, ReopenHost(host=host.id), host, caller)
        return host


def _occupied(host: Host, left: list[str]) -> InUse:
    more = [f"and {len(left) - 20} more"] if len(left) > 20 else []
    text = f"Host {host.name} cannot be emptied: {len(left)} machines and routers are on it and cannot be moved"
    return InUse(text, param="id", why=[*left[:20], *more], fix=["stop those machines, start those routers"])
