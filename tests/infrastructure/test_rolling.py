"""Rolling maintenance of simulated hosts, with hooks that end as told."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.task import TaskRow
from cloudwright.drivers.host.contract import HostAgent
from cloudwright.drivers.work import Work, WorkState
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.reach import SimulatedAgent
from cloudwright.operations.event import Event
from tests.conftest import call, done
from tests.infrastructure.zone import Built, simulated_zone


@pytest.fixture
def root(zone: Built) -> Caller:
    return zone.caller


@pytest.fixture
def zone(cloud: Cloud) -> Built:
    return simulated_zone(cloud, hosts=3)


def hooks(cloud: Cloud, host: Host) -> dict[str, Work]:
    """What a host's hooks end with; to be changed."""
    agent = cloud.reach(HostAgent, host)
    assert isinstance(agent, SimulatedAgent)
    return agent.ends


def ended(said: str = "", avoid: bool = False) -> Work:
    return Work("", WorkState.DONE, 1.0, result={"output": said, "avoid": avoid})


def failed(why: str) -> Work:
    return Work("", WorkState.FAILED, error=why)


def roll(cloud: Cloud, root: Caller, **params: str) -> dict[str, Any]:
    """What the job answers."""
    row = done(cloud, root, "startRollingMaintenance", **params)
    told = call(cloud, root, "queryAsyncJobResult", jobid=row.uuid)["jobresult"]["rollingmaintenance"]
    return dict(told)


def states(cloud: Cloud) -> list[str]:
    return [host.resource_state for host in cloud.db.read().all(Host)]


def test_hosts_are_emptied_and_opened_one_after_another(cloud: Cloud, zone: Built, root: Caller) -> None:
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone.zone.uuid)["template"][0]["id"]
    size = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    vm = done(cloud, root, "deployVirtualMachine", zoneid=zone.zone.uuid, templateid=template, serviceofferingid=size)
    for stage in ("PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance"):
        hooks(cloud, zone.hosts[0])[stage] = ended(f"{stage} here")
    told = roll(cloud, root, clusterids=call(cloud, root, "listClusters")["cluster"][0]["id"], payload="v2")
    assert (told["success"], told["details"]) == (True, "Hosts: 3 updated, 0 skipped, 0 failed")
    assert [one["hostname"] for one in told["hostsupdated"]] == [host.name for host in zone.hosts]
    lines = told["hostsupdated"][0]["output"].splitlines()
    assert lines == [f"{s}: {s} here" for s in ("PreMaintenance", "Maintenance", "PostMaintenance")]
    assert [one["startdate"] for one in told["hostsupdated"]] == sorted(one["startdate"] for one in told["hostsupdated"])
    assert states(cloud) == ["Enabled"] * 3
    assert call(cloud, root, "listVirtualMachines", id=vm.instance_uuid)["virtualmachine"][0]["state"] == "Running"
    tasks = cloud.db.read().all(TaskRow, TaskRow.c.kind_name.in_(["MaintainHost", "ReopenHost"]))
    assert [task.kind_name for task in tasks] == ["MaintainHost", "ReopenHost"] * 3  # never two hosts at once
    about = cloud.db.read().all(Event, Event.c.kind_of == "CLUSTER.ROLLING.MAINTENANCE")
    assert [event.username for event in about] == ["admin"]


def test_a_failure_ends_it_and_keeps_that_host_closed(cloud: Cloud, zone: Built, root: Caller) -> None:
    one, two, three = zone.hosts
    hooks(cloud, one)["PreMaintenance"] = ended("is new already", avoid=True)
    hooks(cloud, two)["Maintenance"] = failed("hook Maintenance ended with 1: no disk")
    told = roll(cloud, root, hostids=",".join(host.uuid for host in zone.hosts))
    assert not told["success"]
    assert "hostsupdated" not in told or told["hostsupdated"] == []
    why = {skipped["hostid"]: skipped["reason"] for skipped in told["hostsskipped"]}
    assert "needs no maintenance: is new already" in why[one.uuid]
    assert why[two.uuid] == "hook Maintenance ended with 1: no disk; it stays in maintenance"
    assert why[three.uuid] == "another host failed before its turn came"
    assert states(cloud) == ["Enabled", "Maintenance", "Enabled"]


def test_forced_goes_on_and_who_cannot_take_part_is_left_out(cloud: Cloud, zone: Built, root: Caller) -> None:
    one, two, three = zone.hosts
    hooks(cloud, one)["PreFlight"] = failed("hook PreFlight ended with 2: ")
    hooks(cloud, two).clear()
    done(cloud, root, "prepareHostForMaintenance", id=three.uuid)
    told = roll(cloud, root, podids=call(cloud, root, "listPods")["pod"][0]["id"])
    why = {skipped["hostid"]: skipped["reason"] for skipped in told["hostsskipped"]}
    assert "has no hook Maintenance" in why[two.uuid]
    assert "Up and Maintenance, not Up and Enabled" in why[three.uuid]
    assert not told["success"]
    done(cloud, root, "cancelHostMaintenance", id=three.uuid)
    told = roll(cloud, root, zoneids=zone.zone.uuid, forced="true")
    assert [updated["hostid"] for updated in told["hostsupdated"]] == [three.uuid]
    assert told["details"] == "Hosts: 1 updated, 1 skipped, 1 failed"


def test_one_kind_of_place_must_be_named(cloud: Cloud, zone: Built, root: Caller) -> None:
    with pytest.raises(ParamError, match="Give one of the parameters"):
        call(cloud, root, "startRollingMaintenance")
    with pytest.raises(ParamError, match="Give one of the parameters"):
        call(cloud, root, "startRollingMaintenance", zoneids=zone.zone.uuid, hostids=zone.hosts[0].uuid)
    with pytest.raises(ParamError, match="is less than 1"):
        call(cloud, root, "startRollingMaintenance", zoneids=zone.zone.uuid, timeout="0")
    assert states(cloud) == ["Enabled"] * 3
