"""An instance's life on simulated hosts, through the commands."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.compute.vm.expunge import ExpungeDestroyed
from cloudwright.core import loop
from cloudwright.core.access import Kind
from cloudwright.core.error import NoCapacity, ParamError
from cloudwright.core.setting import Setting
from cloudwright.core.task import TaskRow
from cloudwright.identity.caller import root_caller
from cloudwright.infrastructure.model import Host
from tests.cli.serving import eventually
from tests.conftest import call, done, finished
from tests.infrastructure.zone import Built, simulated_zone


@pytest.fixture
def zone(cloud: Cloud) -> Built:
    return simulated_zone(cloud, hosts=2)


def deploy(cloud: Cloud, zone: Built, **more: Any) -> Vm:
    """Deploy a small instance and wait until it runs."""
    root = root_caller(cloud.db.read())
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone.zone.uuid)["template"][0]
    offering = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]
    params = {"zoneid": zone.zone.uuid, "templateid": template["id"], "serviceofferingid": offering["id"], **more}
    answer = call(cloud, root, "deployVirtualMachine", **params)
    job = finished(cloud, answer["jobid"])
    assert job.state == "done", (job.at, job.error)
    vm = cloud.db.read().find(Vm, Vm.c.uuid == answer["id"])
    assert vm is not None
    return vm


def told(cloud: Cloud, vm: Vm) -> dict[str, Any]:
    """The instance as its list tells it."""
    answer = call(cloud, root_caller(cloud.db.read()), "listVirtualMachines", id=vm.uuid)
    row: dict[str, Any] = answer["virtualmachine"][0]
    return row


def test_deploy_stop_start_destroy_recover_expunge(cloud: Cloud, zone: Built) -> None:
    root = root_caller(cloud.db.read())
    vm = deploy(cloud, zone, name="web")
    row = told(cloud, vm)
    assert row["state"] == "Running"
    assert row["hostname"] in {host.name for host in zone.hosts}
    assert row["ipaddress"].startswith("10.1.1.")
    assert cloud.world.get(cloud.db.read().get(Host, vm.host_id or 0).uuid, "machine", vm.instance_name)
    done(cloud, root, "stopVirtualMachine", id=vm.uuid)
    assert told(cloud, vm)["state"] == "Stopped"
    assert not list(cloud.world.all("machine"))
    done(cloud, root, "startVirtualMachine", id=vm.uuid)
    done(cloud, root, "rebootVirtualMachine", id=vm.uuid)
    done(cloud, root, "destroyVirtualMachine", id=vm.uuid)
    assert told(cloud, vm)["state"] == "Destroyed"
    call(cloud, root, "recoverVirtualMachine", id=vm.uuid)
    done(cloud, root, "destroyVirtualMachine", id=vm.uuid, expunge="true")
    assert call(cloud, root, "listVirtualMachines", id=vm.uuid) == {}
    assert not [name for _, name, _ in cloud.world.all("volume") if name.startswith("v-")]
    hosts = cloud.db.read().all(Host)
    assert [(host.cpu_reserved, host.memory_reserved) for host in hosts] == [(0, 0)] * len(hosts)


def test_a_machine_too_large_is_refused_with_numbers(cloud: Cloud, zone: Built) -> None:
    root = root_caller(cloud.db.read())
    big = call(
        cloud, root, "createServiceOffering", name="huge", displaytext="huge", cpunumber="65", cpuspeed="2000", memory="512"
    )["serviceoffering"]  # fmt: skip
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone.zone.uuid)["template"][0]
    where = {"zoneid": zone.zone.uuid, "templateid": template["id"], "serviceofferingid": big["id"]}
    with pytest.raises(NoCapacity) as refused:
        call(cloud, root, "deployVirtualMachine", **where, dryrun="true")
    assert any("65" in why for why in refused.value.why)
    job = finished(cloud, call(cloud, root, "deployVirtualMachine", **where)["jobid"])
    assert job.state == "failed"
    assert "fits on no host" in (job.error or "")


def test_live_migration(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone)
    other = next(host for host in zone.hosts if host.id != vm.host_id)
    done(cloud, root_caller(cloud.db.read()), "migrateVirtualMachine", virtualmachineid=vm.uuid, hostid=other.uuid)
    assert told(cloud, vm)["hostname"] == other.name
    assert cloud.world.get(other.uuid, "machine", vm.instance_name)


def test_names_are_checked(cloud: Cloud, zone: Built) -> None:
    with pytest.raises(ParamError, match="host name"):
        deploy(cloud, zone, name="not_a_name")


def test_who_deploys_or_resets_learns_the_password_from_the_job_alone(cloud: Cloud, zone: Built) -> None:
    root = root_caller(cloud.db.read())
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone.zone.uuid)["template"][0]
    call(cloud, root, "updateTemplate", id=template["id"], passwordenabled="true")

    def answered(job: str) -> dict[str, Any]:
        result: dict[str, Any] = call(cloud, root, "queryAsyncJobResult", jobid=job)["jobresult"]["virtualmachine"]
        return result

    vm = deploy(cloud, zone, startvm="false")
    jobs = call(cloud, root, "listAsyncJobs")["asyncjobs"]
    made = next(job["jobid"] for job in jobs if job.get("jobinstanceid") == vm.uuid)
    assert vm.password is not None
    assert answered(made)["password"] == vm.password.reveal()
    reset = done(cloud, root, "resetPasswordForVirtualMachine", id=vm.uuid, password="Chosen-Pass-9")
    assert answered(reset.uuid)["password"] == "Chosen-Pass-9"
    assert "password" not in told(cloud, vm)
    mate = msgspec.structs.replace(root, user_id=4711, kind=Kind.USER)  # another user of the account sees the job without it
    for caller, knows in ((mate, False), (msgspec.structs.replace(mate, user_id=root.user_id), True)):
        seen = call(cloud, caller, "queryAsyncJobResult", jobid=reset.uuid)["jobresult"]["virtualmachine"]
        assert (seen["id"], "password" in seen) == (vm.uuid, knows)
        [listed] = [one for one in call(cloud, caller, "listAsyncJobs")["asyncjobs"] if one["jobid"] == reset.uuid]
        assert ("password" in listed["jobresult"]["virtualmachine"]) is knows
    assert "password" not in answered(done(cloud, root, "startVirtualMachine", id=vm.uuid).uuid)


def test_events_call_an_instance_by_its_name(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web", startvm="false")
    events = call(cloud, root_caller(cloud.db.read()), "listEvents", resourceid=vm.uuid, resourcetype="VirtualMachine")["event"]
    assert [event["description"] for event in events] == ["Deploy virtual machine: web: done", "Deploy virtual machine: web"]


def test_a_destroyed_instance_is_expunged_when_its_time_is_over(cloud: Cloud, zone: Built) -> None:
    root = root_caller(cloud.db.read())
    vm, kept = deploy(cloud, zone, name="over"), deploy(cloud, zone, name="kept")
    for each in (vm, kept):
        done(cloud, root, "destroyVirtualMachine", id=each.uuid)
    long_ago = time.time() - 90000
    cloud.db.write(lambda tx: tx.update(tx.get(Vm, vm.id), destroyed_at=long_ago))
    cloud.db.write(lambda tx: Setting.by_name["expunge.interval"].set(tx, "0"))
    cloud.db.write(lambda tx: loop.wake(tx, ExpungeDestroyed))
    job = eventually(lambda: cloud.db.read().find(TaskRow, TaskRow.c.command == "expungeVirtualMachine"))
    assert finished(cloud, job.uuid).state == "done"
    assert call(cloud, root, "listVirtualMachines", id=vm.uuid) == {}
    assert told(cloud, kept)["state"] == "Destroyed"
    told_of = call(cloud, root, "listEvents", type="VM.EXPUNGE", resourcetype="VirtualMachine", resourceid=vm.uuid)["event"]
    assert [(row["state"], row["username"]) for row in told_of] == [("Completed", "system"), ("Scheduled", "system")]


def test_an_expunging_that_failed_is_tried_again(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="stays")
    cloud.db.write(lambda tx: tx.update(tx.get(Vm, vm.id), state="Expunging", destroyed_at=tx.now))
    cloud.db.write(lambda tx: loop.wake(tx, ExpungeDestroyed))
    eventually(lambda: cloud.db.read().find(Vm, Vm.c.uuid == vm.uuid) is None)
    assert not list(cloud.world.all("machine"))
