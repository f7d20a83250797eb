"""Schedules: what is done to an instance at times that cron would write.

A loop starts what is due as jobs of the system, each once: the row's next time moves on in the transaction that stores the job.
What is found more than a quarter of an hour late, because no server ran, is left out: nobody expects a stop at noon that was for
the night.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.boot import StartVm
from cloudwright.compute.vm.stop import RebootVm, StopVm
from cloudwright.compute.vm.unasked import start_unasked
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.event import emit
from cloudwright.core.listing import List, where
from cloudwright.core.loop import Loop, wake
from cloudwright.core.param import REQUIRED, Ref, param
from cloudwright.core.resource import Owned, Resource, column
from cloudwright.core.task import Task
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.identity.account import bad_zone
from cloudwright.identity.belongings import belongs

LATE = 900.0  # seconds
MOST = 100  # schedules in one turn
EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")


class VmSchedule(Owned, table="vm_schedule", indexes=[("next_at",)]):
    """An action on an instance by a cron expression in a time zone. `next_at` is None when it will not happen any more."""

    vm_id: int = column(refers="vm")
    description: str
    schedule: str
    timezone: str
    action: str
    enabled: bool = True
    starts: float | None = None
    ends: float | None = None
    next_at: float | None = None


belongs(VmSchedule, along=True)


def _of(tx: Reader, vm: Resource) -> list[VmSchedule]:
    return tx.all(VmSchedule, VmSchedule.c.vm_id == vm.id)


def _with_vm(tx: Tx, vm: Resource) -> None:
    for row in _of(tx, vm):
        tx.remove(row)


def _follow(tx: Tx, vm: Any) -> None:
    for row in _of(tx, vm):
        tx.update(row, account_id=vm.account_id, domain_id=vm.domain_id)


Vm.with_it, Vm.handed_over = (*Vm.with_it, _with_vm), (*Vm.handed_over, _follow)


class Action(msgspec.Struct, frozen=True):
    """What can be scheduled: the command whose job it is, and the state that an instance must be in for it."""

    command: str
    state: str
    task: Callable[[int], Task]


ACTIONS = {
    "START": Action("startVirtualMachine", "Stopped", lambda vm: StartVm(vm=vm, pin={})),
    "STOP": Action("stopVirtualMachine", "Running", lambda vm: StopVm(vm=vm)),
    "REBOOT": Action("rebootVirtualMachine", "Running", lambda vm: RebootVm(vm=vm)),
    "FORCE_STOP": Action("stopVirtualMachine", "Running", lambda vm: StopVm(vm=vm, force=True)),
    "FORCE_REBOOT": Action("rebootVirtualMachine", "Running", lambda vm: RebootVm(vm=vm, force=True)),
}


def next_time(schedule: str, timezone: str, after: float, ends: float | None) -> float | None:
    """The first time of a cron expression after a moment, None where there is none before the end. Where clocks are put forward
    what would be in the hour that is missing is at its end; where they are put back it is not done twice."""
    from cronsim import CronSim

    times = CronSim(schedule, datetime.datetime.fromtimestamp(after, zoneinfo.ZoneInfo(timezone)))
    at = next(times, None)
    return None if at is None or (ends is not None and at.timestamp() > ends) else at.timestamp()


def bad_schedule(text: str) -> str | None:
    """What is wrong with a cron expression."""
    from cronsim import CronSimError

    try:
        if len(text.split()) == 5 and next_time(text, "UTC", 0.0, None) is not None:
            return None
    except CronSimError:
        pass
    return "is no time as cron writes it: minute, hour, day of month, month, day of week"


def _plan(tx: Tx, row: VmSchedule) -> None:
    """Set when a schedule is next, from now on or from its start on."""
    after = max(tx.now, (row.starts or 0.0) - 1)
    tx.update(row, next_at=next_time(row.schedule, row.timezone, after, row.ends) if row.enabled else None)


def run_due(tx: Tx) -> None:
    """Start what is due, the longest due first."""
    due = sa.and_(VmSchedule.c.gone == 0, VmSchedule.c.next_at <= sa.bindparam("now"))
    for found in tx.rows(sa.select(VmSchedule.t).where(due).order_by(VmSchedule.c.next_at).limit(MOST), {"now": tx.now}):
        row = VmSchedule.load(found)
        late = tx.now - (row.next_at or 0.0)
        _plan(tx, row)
        _run(tx, row, tx.get(Vm, row.vm_id), late)


def _run(tx: Tx, row: VmSchedule, vm: Vm, late: float) -> None:
    action, kind = ACTIONS[row.action], f"VM.SCHEDULE.{row.action.replace('_', '.')}"
    words = f"{row.action} of {vm.name} by schedule {row.description}"
    if late > LATE or vm.state != action.state:
        why = f"it is {vm.state}" if vm.state != action.state else f"it was noticed {late / 60:.0f} minutes late"
        emit(tx, kind, f"{words} is left out: {why}", about=vm, level="WARN")
        return
    start_unasked(tx, action.task(vm.id), vm, action.command, kind, words)


class RunSchedules(Loop, every=60.0):
    """Starts what instances' schedules say."""

    def turn(self) -> float | None:
        """One look. Comes again when the next is due."""
        self.write(run_due)
        now = datetime.datetime.now(datetime.UTC).timestamp()
        first = sa.select(sa.func.min(VmSchedule.c.next_at)).where(VmSchedule.c.gone == 0)
        at = self.read.value(first)
        return None if at is None else min(self.every, max(1.0, at - now))


class VmScheduleView(View, of=VmSchedule, key="vmschedule", joins=[(Vm, Vm.c.id == VmSchedule.c.vm_id)]):
    """A schedule of an instance."""

    id = field(VmSchedule.c.uuid, "the schedule's id")
    virtualmachineid = field(Vm.c.uuid, "the instance")
    description = field(VmSchedule.c.description, "what it is for")
    schedule = field(VmSchedule.c.schedule, "when, as cron writes it")
    timezone = field(VmSchedule.c.timezone, "in which time zone")
    action = field(VmSchedule.c.action, f"what is done: one of {', '.join(ACTIONS)}")
    enabled = field(VmSchedule.c.enabled, "whether it is done")
    startdate = field(VmSchedule.c.starts, "from when on", "date")
    enddate = field(VmSchedule.c.ends, "until when", "date")
    created = field(VmSchedule.c.created, "when it was made", "date")


class Span(Verb):
    """From when until when a schedule holds."""

    start_date: datetime.datetime | None = param("from when on; at once where it is not given")
    end_date: datetime.datetime | None = param("until when; for ever where it is not given")


def _span(tx: Tx, given: Span, starts: float | None, ends: float | None) -> dict[str, float | None]:
    """The columns of a span, in place of what there is. Raises ParamError."""
    if given.start_date is not None:
        starts = given.start_date.timestamp()
        if starts < tx.now:
            raise ParamError(f"Parameter startdate: {given.start_date} is over", param="startdate")
    if given.end_date is not None:
        ends = given.end_date.timestamp()
        if ends <= max(starts or 0.0, tx.now):
            raise ParamError(f"Parameter enddate: {given.end_date} is not after the start and now", param="enddate")
    return {"starts": starts, "ends": ends}


class CreateVMSchedule(
    Span, Command, answers=VmScheduleView, event="SCHEDULE.CREATE", since="4.19.0", authorized=EVERYBODY
):  # fmt: skip
    """Has something done to an instance at certain times."""

    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    description: str | None = param("what it is for")
    schedule: str = param("when, as cron writes it: minute, hour, day of month, month, day of week", check=bad_schedule)
    timezone: str = param("in which time zone", check=bad_zone)
    action: str = param("what is done", choices=tuple(ACTIONS))
    enabled: bool = param("whether it is done", default=True)

    def run(self, tx: Tx, caller: Caller) -> VmSchedule:
        vm, action = self.virtual_machine, self.action.upper()
        row = VmSchedule(
            account_id=vm.account_id, domain_id=vm.domain_id, vm_id=vm.id, schedule=self.schedule, timezone=self.timezone,
            description=self.description or f"{action} at {self.schedule} ({self.timezone})", action=action,
            enabled=self.enabled, **_span(tx, self, None, None),
        )  # fmt: skip
        _plan(tx, tx.insert(row))
        wake(tx, RunSchedules)
        return row


class UpdateVMSchedule(
    Span, Command, answers=VmScheduleView, event="SCHEDULE.UPDATE", since="4.19.0", authorized=EVERYBODY
):  # fmt: skip
    """Changes when something is done to an instance, or whether it is."""

    id: Ref[VmSchedule] = param("the schedule", use=Use.CHANGE)
    description: str | None = param("what it is for")
    schedule: str | None = param("when, as cron writes it", check=bad_schedule)
    timezone: str | None = param("in which time zone", check=bad_zone)
    enabled: bool | None = param("whether it is done")

    def run(self, tx: Tx, caller: Caller) -> VmSchedule:
        names = ("description", "schedule", "timezone", "enabled")
        values = {name: value for name in names if (value := self.__dict__[name]) is not None}
        tx.update(self.id, **values, **_span(tx, self, self.id.starts, self.id.ends))
        _plan(tx, self.id)
        wake(tx, RunSchedules)
        return self.id


class ListVMSchedule(List, answers=VmScheduleView, keywords=[VmSchedule.c.description], since="4.19.0", authorized=EVERYBODY):
    """Lists the schedules of an instance."""

    virtual_machine: Ref[Vm] = where(VmSchedule.c.vm_id, "the instance", default=REQUIRED)
    id: Ref[VmSchedule] | None = where(VmSchedule.c.id, "only this one")
    action: str | None = where(lambda bind: VmSchedule.c.action == sa.func.upper(bind), "only those that do this")
    enabled: bool | None = where(VmSchedule.c.enabled, "only those that are (not) in force")


class DeleteVMSchedule(Command, event="SCHEDULE.DELETE", since="4.19.0", authorized=EVERYBODY):
    """Deletes schedules of an instance."""

    virtual_machine: Ref[Vm] = param("the instance", use=Use.CHANGE)
    id: Ref[VmSchedule] | None = param("the schedule", use=Use.CHANGE)
    ids: list[Ref[VmSchedule]] | None = param("several", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        rows = {row.id: row for row in [*(self.ids or ()), *([self.id] if self.id else [])]}
        if not rows:
            raise ParamError("One of the parameters id and ids is needed", param="id")
        for row in rows.values():
            if row.vm_id != self.virtual_machine.id:
                text = f"Parameter id: schedule {row.uuid} is not one of {self.virtual_machine.name}"
                raise ParamError(text, param="id")
            tx.remove(row)
        return Success()
