"""Schedules of instances: when they are next, that each runs once, and what follows their instance."""

from __future__ import annotations

import datetime
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.compute.schedule import RunSchedules, VmSchedule, bad_schedule, next_time, run_due
from cloudwright.core.error import CloudError, ParamError
from cloudwright.core.event import Event
from cloudwright.core.loop import wake
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Tx
from cloudwright.identity.caller import root_caller
from tests.conftest import call, done, finished
from tests.infrastructure.zone import simulated_zone

NIGHTLY = {"schedule": "30 2 * * *", "timezone": "Europe/Berlin"}


def at(text: str) -> float:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


@pytest.mark.parametrize(
    ("after", "then"),
    [
        ("2026-06-01T02:29:59", "2026-06-01T02:30:00"),
        ("2026-06-01T02:30:00", "2026-06-02T02:30:00"),
        ("2026-03-29T00:00:00", "2026-03-29T03:00:00"),  # clocks are put forward: 02:30 is not there
        ("2026-10-25T00:00:00", "2026-10-25T02:30:00"),  # they are put back: 02:30 is there twice
        ("2026-10-25T02:30:00", "2026-10-26T02:30:00"),
    ],
)
def test_next_times_follow_the_clocks_of_the_zone(after: str, then: str) -> None:
    assert next_time("30 2 * * *", "Europe/Berlin", at(after), None) == at(then)


def test_none_after_the_end() -> None:
    assert next_time("30 2 * * *", "UTC", 0.0, 60.0) is None


@pytest.mark.parametrize("text", ["", "x", "* * * *", "* * * * * *", "61 * * * *", "0 0 31 2 *"])
def test_what_is_no_time(text: str) -> None:
    assert bad_schedule(text)


@pytest.fixture
def vm(cloud: Cloud) -> Vm:
    """A running instance."""
    simulated_zone(cloud, hosts=1)
    root = root_caller(cloud.db.read())
    zone = call(cloud, root, "listZones")["zone"][0]["id"]
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    size = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    done(cloud, root, "deployVirtualMachine", zoneid=zone, templateid=template, serviceofferingid=size, name="web")
    return fresh(cloud)


def fresh(cloud: Cloud) -> Vm:
    row = cloud.db.read().find(Vm, Vm.c.name == "web")
    assert row is not None
    return row


def made(cloud: Cloud, vm: Vm, action: str, **more: Any) -> VmSchedule:
    params = {"virtualmachineid": vm.uuid, "action": action, **NIGHTLY, **more}
    told = call(cloud, root_caller(cloud.db.read()), "createVMSchedule", **params)["vmschedule"]
    row = cloud.db.read().find(VmSchedule, VmSchedule.c.uuid == told["id"])
    assert row is not None
    return row


def fall_due(cloud: Cloud, row: VmSchedule, seconds: float) -> None:
    def write(tx: Tx) -> None:
        now = tx.get(VmSchedule, row.id)
        tx.update(now, next_at=tx.now - seconds)

    cloud.db.write(write)


def jobs(cloud: Cloud, command: str) -> list[TaskRow]:
    return cloud.db.read().all(TaskRow, TaskRow.c.command == command)


def test_each_time_is_one_job_however_often_is_looked(cloud: Cloud, vm: Vm) -> None:
    row = made(cloud, vm, "stop")
    fall_due(cloud, row, 5.0)
    cloud.db.write(run_due)
    cloud.db.write(run_due)
    (job,) = jobs(cloud, "stopVirtualMachine")
    assert finished(cloud, job.uuid).state == "done"
    assert fresh(cloud).state == "Stopped"
    after = cloud.db.read().get(VmSchedule, row.id)
    assert after.next_at is not None
    assert after.next_at > time.time()
    told = [event.description for event in cloud.db.read().all(Event, Event.c.kind_of == "VM.SCHEDULE.STOP")]
    words = "STOP of web by schedule STOP at 30 2 * * * (Europe/Berlin)"
    assert told == [words, f"{words}: done"]


def test_the_loop_does_it_by_itself(cloud: Cloud, vm: Vm) -> None:
    row = made(cloud, vm, "FORCE_REBOOT")
    fall_due(cloud, row, 1.0)
    cloud.db.write(lambda tx: wake(tx, RunSchedules))
    until = time.monotonic() + 60
    while not (found := jobs(cloud, "rebootVirtualMachine")) and time.monotonic() < until:
        time.sleep(0.005)
    assert finished(cloud, found[0].uuid).state == "done"
    assert len(jobs(cloud, "rebootVirtualMachine")) == 1


@pytest.mark.parametrize(("action", "late", "why"), [("start", 5, "it is Running"), ("stop", 3600, "60 minutes late")])
def test_what_does_not_fit_or_is_long_over_is_left_out(cloud: Cloud, vm: Vm, action: str, late: float, why: str) -> None:
    fall_due(cloud, made(cloud, vm, action), late)
    cloud.db.write(run_due)
    event = cloud.db.read().find(Event, Event.c.kind_of == f"VM.SCHEDULE.{action.upper()}")
    assert event is not None
    assert why in event.description
    assert jobs(cloud, f"{action}VirtualMachine") == []
    assert fresh(cloud).state == "Running"


def test_they_are_listed_changed_and_deleted_and_go_with_the_instance(cloud: Cloud, vm: Vm) -> None:
    root = root_caller(cloud.db.read())
    first, second = made(cloud, vm, "stop"), made(cloud, vm, "start", enabled="false", description="mornings")
    assert (first.next_at is None, second.next_at) == (False, None)

    def listed(**more: Any) -> list[str]:
        rows = call(cloud, root, "listVMSchedule", virtualmachineid=vm.uuid, **more).get("vmschedule", [])
        return [row["action"] for row in rows]

    assert listed() == ["STOP", "START"]
    assert (listed(enabled="true"), listed(action="start"), listed(keyword="morn")) == (["STOP"], ["START"], ["START"])
    changed = call(cloud, root, "updateVMSchedule", id=second.uuid, enabled="true", schedule="0 7 * * 1-5", enddate="2099-01-01")
    assert (changed["vmschedule"]["schedule"], changed["vmschedule"]["enddate"][:4]) == ("0 7 * * 1-5", "2099")
    assert cloud.db.read().get(VmSchedule, second.id).next_at is not None
    call(cloud, root, "deleteVMSchedule", virtualmachineid=vm.uuid, ids=first.uuid)
    assert listed() == ["START"]
    with pytest.raises(ParamError, match="id and ids"):
        call(cloud, root, "deleteVMSchedule", virtualmachineid=vm.uuid)
    done(cloud, root, "destroyVirtualMachine", id=vm.uuid, expunge="true")
    assert cloud.db.read().all(VmSchedule) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "never"},
        {"timezone": "Mars/Olympus"},
        {"action": "dance"},
        {"startdate": "2001-01-01"},
        {"enddate": "2001-01-01"},
    ],
)
def test_what_cannot_be_planned_is_refused(cloud: Cloud, vm: Vm, wrong: dict[str, str]) -> None:
    with pytest.raises(CloudError, match=next(iter(wrong))):
        made(cloud, vm, "stop", **wrong) if "action" not in wrong else made(cloud, vm, wrong["action"])
