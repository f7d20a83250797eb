"""Affinity groups on simulated hosts: kept apart, kept together, and why not."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.error import NoCapacity, ParamError, WrongState
from cloudwright.infrastructure.model import Host
from tests.conftest import call, done, finished
from tests.infrastructure.zone import simulated_zone


@pytest.fixture
def what(cloud: Cloud, root: Caller) -> dict[str, Any]:
    """What deploys in a zone of two hosts."""
    zone = simulated_zone(cloud, hosts=2).zone.uuid
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    size = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    return {"zoneid": zone, "templateid": template, "serviceofferingid": size}


def group(cloud: Cloud, who: Caller, name: str, type: str) -> str:
    return str(done(cloud, who, "createAffinityGroup", name=name, type=type).instance_uuid)


def host_of(cloud: Cloud, uuid: str) -> str:
    reader = cloud.db.read()
    vm = reader.find(Vm, Vm.c.uuid == uuid)
    assert vm is not None
    assert vm.host_id is not None
    return reader.get(Host, vm.host_id).name


def test_instances_of_a_group_are_kept_apart(cloud: Cloud, what: dict[str, Any], root: Caller, ann: Caller) -> None:
    apart = group(cloud, ann, "apart", "Host anti-affinity")
    ids = [done(cloud, ann, "deployVirtualMachine", **what, name=n, affinitygroupids=apart).instance_uuid for n in ("a", "b")]
    assert len({host_of(cloud, id) for id in ids}) == 2
    with pytest.raises(NoCapacity) as refused:
        call(cloud, ann, "deployVirtualMachine", **what, name="c", affinitygroupnames="apart", dryrun="true")
    assert any("a of anti-affinity group apart is there" in why for why in refused.value.why)
    assert "that its affinity groups allow" in refused.value.text
    third = call(cloud, ann, "deployVirtualMachine", **what, name="c", affinitygroupids=apart)
    assert finished(cloud, third["jobid"]).state == "failed"
    told = call(cloud, ann, "listVirtualMachines", id=ids[0])["virtualmachine"][0]
    assert [(g["id"], g["name"], g["type"]) for g in told["affinitygroup"]] == [(apart, "apart", "host anti-affinity")]
    listed = call(cloud, ann, "listAffinityGroups", virtualmachineid=ids[0])["affinitygroup"][0]
    assert {*ids} <= set(listed["virtualmachineIds"])
    assert call(cloud, ann, "listVirtualMachines", affinitygroupid=apart)["count"] == 3
    other = next(host for host in cloud.db.read().all(Host) if host.name != host_of(cloud, ids[0]))
    moved = call(cloud, root, "migrateVirtualMachine", virtualmachineid=ids[0], hostid=other.uuid)
    assert finished(cloud, moved["jobid"]).state == "failed"  # b is there
    done(cloud, ann, "destroyVirtualMachine", id=third["id"], expunge="false")
    done(cloud, root, "expungeVirtualMachine", id=third["id"])
    assert call(cloud, ann, "listAffinityGroups", id=apart)["affinitygroup"][0]["virtualmachineIds"] == ids


def test_of_two_that_move_at_once_one_gets_the_host(cloud: Cloud, root: Caller, ann: Caller) -> None:
    zone = simulated_zone(cloud, hosts=3).zone.uuid
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    size = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    what = {"zoneid": zone, "templateid": template, "serviceofferingid": size}
    apart = group(cloud, ann, "apart", "host anti-affinity")
    ids = [done(cloud, ann, "deployVirtualMachine", **what, name=n, affinitygroupids=apart).instance_uuid for n in ("a", "b")]
    taken = {host_of(cloud, id) for id in ids}
    free = next(host for host in cloud.db.read().all(Host) if host.name not in taken)
    jobs = [call(cloud, root, "migrateVirtualMachine", virtualmachineid=id, hostid=free.uuid)["jobid"] for id in ids]
    assert sorted(finished(cloud, job).state for job in jobs) == ["done", "failed"]
    assert len({host_of(cloud, id) for id in ids}) == 2
    reader = cloud.db.read()
    assert [vm.target_id for vm in reader.all(Vm)] == [None, None]
    mover = next(vm for vm in reader.all(Vm) if vm.host_id == free.id)
    elsewhere = next(host for host in reader.all(Host) if host.name not in {host_of(cloud, id) for id in ids})
    cloud.db.write(lambda tx: tx.update(tx.get(Vm, mover.id), target_id=elsewhere.id))  # as while it moves on
    with pytest.raises(NoCapacity) as refused:
        call(cloud, ann, "deployVirtualMachine", **what, name="c", affinitygroupids=apart, dryrun="true")
    assert any(f"{mover.name} of anti-affinity group apart is moving there" in why for why in refused.value.why)


def test_instances_of_a_group_are_kept_together(cloud: Cloud, what: dict[str, Any], root: Caller, ann: Caller) -> None:
    beside = group(cloud, ann, "beside", "host affinity")
    ids = [done(cloud, ann, "deployVirtualMachine", **what, affinitygroupids=beside).instance_uuid for _ in range(3)]
    assert len({host_of(cloud, id) for id in ids}) == 1
    other = next(host for host in cloud.db.read().all(Host) if host.name != host_of(cloud, ids[0]))
    with pytest.raises(NoCapacity, match="fits on no host") as refused:
        call(cloud, root, "migrateVirtualMachine", virtualmachineid=ids[0], hostid=other.uuid, dryrun="true")
    assert any("affinity group beside keeps it beside" in why for why in refused.value.why)


@pytest.mark.parametrize(("type", "hosts"), [("non-strict host anti-affinity", 2), ("non-strict host affinity", 1)])
def test_what_is_not_strict_gives_way(cloud: Cloud, what: dict[str, Any], ann: Caller, type: str, hosts: int) -> None:
    rather = group(cloud, ann, "rather", type)
    ids = [done(cloud, ann, "deployVirtualMachine", **what, affinitygroupids=rather).instance_uuid for _ in range(3)]
    assert len({host_of(cloud, id) for id in ids}) == hosts


def test_groups_are_changed_while_stopped_and_only_by_their_owner(
    cloud: Cloud, what: dict[str, Any], ann: Caller, bob: Caller
) -> None:
    mine, theirs = group(cloud, ann, "g", "host affinity"), group(cloud, bob, "g", "host affinity")
    vm = done(cloud, ann, "deployVirtualMachine", **what, startvm="false").instance_uuid
    done(cloud, ann, "updateVMAffinityGroup", id=vm, affinitygroupids=mine)
    assert call(cloud, ann, "listAffinityGroups", virtualmachineid=vm)["count"] == 1
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, ann, "updateVMAffinityGroup", id=vm, affinitygroupids=theirs)
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, bob, "updateVMAffinityGroup", id=vm, affinitygroupids=theirs)
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, bob, "deleteAffinityGroup", id=mine)
    with pytest.raises(ParamError, match="there is already a"):
        call(cloud, ann, "createAffinityGroup", name="g", type="host affinity")
    with pytest.raises(ParamError, match="is not one of"):
        call(cloud, ann, "createAffinityGroup", name="h", type="love")
    assert call(cloud, bob, "listAffinityGroups")["affinitygroup"][0]["id"] == theirs
    done(cloud, ann, "updateVMAffinityGroup", id=vm)
    assert call(cloud, ann, "listAffinityGroups", virtualmachineid=vm) == {}
    done(cloud, ann, "startVirtualMachine", id=vm)
    with pytest.raises(WrongState, match="it is Running"):
        call(cloud, ann, "updateVMAffinityGroup", id=vm, affinitygroupids=mine)
    done(cloud, ann, "deleteAffinityGroup", name="g")
    assert call(cloud, ann, "listAffinityGroups") == {}
    assert call(cloud, ann, "listAffinityGroupTypes")["count"] == 5
