"""Affinity groups of what is dedicated: made with it, used by instances that go there and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.affinity import DEDICATED, AffinityGroup
from cloudwright.core.access import Caller
from cloudwright.core.error import Denied, InUse, NoCapacity, ParamError
from cloudwright.identity.caller import caller_of
from cloudwright.identity.model import Domain, User
from cloudwright.infrastructure.model import Dedication
from tests.conftest import call, done
from tests.infrastructure.test_dedication import deploy, host_of, person
from tests.infrastructure.zone import simulated_zone


def groups(cloud: Cloud, who: Caller, **which: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(cloud, who, "listAffinityGroups", **which).get("affinitygroup", [])
    return found


def test_a_group_of_an_account(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=3)
    root, ann, bob = built.caller, person(cloud, "ann"), person(cloud, "bob")
    first, second, third = built.hosts
    hers = {"domainid": ann.domain_uuid, "account": "ann"}
    done(cloud, root, "dedicateHost", hostid=first.uuid, **hers)
    done(cloud, root, "dedicateHost", hostid=second.uuid, **hers)
    (group,) = groups(cloud, ann)
    assert (group["name"], group["type"], group["account"]) == ("DedicatedGrp-ann", "ExplicitDedication", "ann")
    assert "dedicatedresources" not in group, "where it is, is for root administrators"
    assert groups(cloud, bob) == []
    (seen,) = groups(cloud, root, listall="true", type="explicitdedication")
    shown = [{"resourceid": host.uuid, "resourcename": host.name, "resourcetype": "Host"} for host in (first, second)]
    assert seen["dedicatedresources"] == shown
    told = call(cloud, root, "listDedicatedHosts", affinitygroupid=group["id"])["dedicatedhost"]
    assert [(row["hostname"], row["affinitygroupid"]) for row in told] == [(h.name, group["id"]) for h in (first, second)]

    within = {"affinitygroupids": group["id"]}
    vms = [deploy(cloud, built, ann, **within)[0] for _ in range(3)]
    assert {host_of(cloud, vm) for vm in vms} <= {first.name, second.name}
    with pytest.raises(ParamError, match="entity does not exist"):
        deploy(cloud, built, bob, **within)
    with pytest.raises(NoCapacity) as refused:
        call(cloud, root, "migrateVirtualMachine", virtualmachineid=vms[0].uuid, hostid=third.uuid, dryrun="true")
    under = "it is not dedicated under affinity group DedicatedGrp-ann, which has 2 hosts in this zone"
    assert f"host {third.name}: {under}" in refused.value.why
    for host in (first, second):
        call(cloud, root, "updateHost", id=host.uuid, allocationstate="Disable")
    last, why = deploy(cloud, built, ann, **within)
    assert under in why
    assert f"host {first.name}: it is Disabled" in why

    used = next(host for host in (first, second) if host.name == host_of(cloud, vms[0]))
    there = sum(host_of(cloud, vm) == used.name for vm in vms)
    with pytest.raises(InUse, match=f"stays dedicated: {there} instances? of affinity group DedicatedGrp-ann runs? there"):
        call(cloud, root, "releaseDedicatedHost", hostid=used.uuid)
    for vm in vms:
        done(cloud, ann, "stopVirtualMachine", id=vm.uuid)
    done(cloud, root, "releaseDedicatedHost", hostid=first.uuid)
    with pytest.raises(InUse, match="4 instances of affinity group DedicatedGrp-ann could start nowhere"):
        call(cloud, root, "releaseDedicatedHost", hostid=second.uuid)
    with pytest.raises(Denied, match="by root administrators"):
        call(cloud, ann, "deleteAffinityGroup", id=group["id"])
    with pytest.raises(InUse, match="1 place is dedicated under"):
        call(cloud, root, "deleteAffinityGroup", id=group["id"])
    for vm in (*vms, last):
        done(cloud, ann, "updateVMAffinityGroup", id=vm.uuid)
    done(cloud, root, "releaseDedicatedHost", hostid=second.uuid)
    assert groups(cloud, root, listall="true") == []


def test_a_group_of_a_domain(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1)
    root = built.caller
    eng = cloud.db.write(lambda tx: tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1)))
    dev = cloud.db.write(lambda tx: tx.insert(Domain(name="dev", parent_id=eng.id, path="/eng/dev/", level=2)))
    ann, dan, bob = person(cloud, "ann", eng.id), person(cloud, "dan", dev.id), person(cloud, "bob")
    with pytest.raises(Denied, match="made by root administrators"):
        call(cloud, ann, "createAffinityGroup", name="mine", type=DEDICATED)
    done(cloud, root, "createAffinityGroup", name="floor", type="explicitdedication", domainid=eng.uuid)
    with pytest.raises(ParamError, match="under affinity group floor already"):
        call(cloud, root, "createAffinityGroup", name="again", type=DEDICATED, domainid=eng.uuid)
    done(cloud, root, "createAffinityGroup", name="dan's", type=DEDICATED, domainid=dev.uuid, account="dan")
    _, why = deploy(cloud, built, dan, affinitygroupnames="dan's")
    assert "which has nothing in this zone" in why
    done(cloud, root, "dedicateCluster", clusterid=built.cluster.uuid, domainid=eng.uuid)
    assert [one["name"] for one in groups(cloud, dan)] == ["floor", "dan's"]
    assert groups(cloud, bob) == []
    told = call(cloud, root, "listEvents", listall="true", type="DEDICATE.RESOURCE", page=1, pagesize=9)["event"]
    assert "Dedicate cluster: c1 to domain /eng/" in [event["description"] for event in told]
    (group,) = groups(cloud, ann)
    assert (group["domainpath"], group["description"]) == ("ROOT/eng", "what is dedicated to domain /eng/")
    hers, his = (deploy(cloud, built, who, affinitygroupnames="floor") for who in (ann, dan))
    assert (hers[1], his[1]) == ("", "")
    chief, deputy = (person(cloud, f"chief of {part.name}", part.id, "Domain Admin") for part in (eng, dev))
    both = [hers[0].uuid, his[0].uuid]
    for who, ids in ((ann, both[:1]), (dan, both[1:]), (root, both), (chief, both), (deputy, both[1:])):
        (floor,) = groups(cloud, who, id=group["id"])
        assert sorted(floor["virtualmachineIds"]) == sorted(ids), who.username
    for who in (ann, dan):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, who, "deleteAffinityGroup", id=group["id"])
    with pytest.raises(ParamError, match="account bob may not use affinity group floor"):
        deploy(cloud, built, root, account="bob", domainid=bob.domain_uuid, affinitygroupids=group["id"])
    with pytest.raises(ParamError, match="has no affinity group 'floor'"):
        deploy(cloud, built, bob, affinitygroupnames="floor")
    done(cloud, root, "deleteDomain", id=eng.uuid, cleanup="true")
    reader = cloud.db.read()
    assert (reader.count(AffinityGroup), reader.count(Dedication)) == (0, 0)


def test_groups_find_a_free_name_and_outlive_what_is_deleted_while_used(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=2)
    root, ann = built.caller, person(cloud, "ann")
    done(cloud, ann, "createAffinityGroup", name="DedicatedGrp-ann", type="host affinity")
    first = built.hosts[0]
    done(cloud, root, "dedicateHost", hostid=first.uuid, domainid=ann.domain_uuid, account="ann")
    (group,) = groups(cloud, ann, type=DEDICATED)
    assert group["name"].startswith("DedicatedGrp-ann-")
    vm, why = deploy(cloud, built, ann, affinitygroupids=group["id"])
    assert not why
    done(cloud, ann, "stopVirtualMachine", id=vm.uuid)
    done(cloud, root, "prepareHostForMaintenance", id=first.uuid)
    call(cloud, root, "deleteHost", id=first.uuid, forced="true")
    (left,) = groups(cloud, root, id=group["id"])
    assert "dedicatedresources" not in left
    with pytest.raises(NoCapacity) as refused:
        call(cloud, ann, "startVirtualMachine", id=vm.uuid, dryrun="true")
    assert any("which has nothing in this zone" in why for why in refused.value.why)
    done(cloud, ann, "updateVMAffinityGroup", id=vm.uuid)
    assert done(cloud, ann, "startVirtualMachine", id=vm.uuid).state == "done"
    done(cloud, root, "deleteAffinityGroup", id=group["id"])
    user = cloud.db.read().find(User, User.c.username == "ann")
    assert user is not None
    assert [one["type"] for one in groups(cloud, caller_of(cloud.db.read(), user))] == ["host affinity"]


def test_of_places_in_one_another_the_outer_admits_whom_the_inner_is_for(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=2)
    root = built.caller
    eng = cloud.db.write(lambda tx: tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1)))
    ann, bob = person(cloud, "ann", eng.id), person(cloud, "bob")
    his = {"domainid": bob.domain_uuid, "account": "bob"}
    cluster, (first, second) = {"clusterid": built.cluster.uuid}, built.hosts
    done(cloud, root, "dedicateHost", hostid=first.uuid, domainid=eng.uuid, account="ann")
    refused = r"c1 cannot be dedicated to account bob of domain /: host z1-h1, which is in it, is for account ann of domain /eng/"
    with pytest.raises(InUse, match=refused):
        call(cloud, root, "dedicateCluster", **cluster, **his)
    done(cloud, root, "dedicateCluster", **cluster, domainid=eng.uuid)
    with pytest.raises(InUse, match="cluster c1, which it is in, is for domain /eng/"):
        call(cloud, root, "dedicateHost", hostid=second.uuid, **his)
    done(cloud, root, "dedicateHost", hostid=second.uuid, domainid=eng.uuid)
    done(cloud, root, "dedicateZone", zoneid=built.zone.uuid, domainid=ann.domain_uuid)
    bea = person(cloud, "bea", eng.id)
    assert not deploy(cloud, built, bea, affinitygroupnames="DedicatedGrp-domain-eng")[1]
    done(cloud, root, "releaseDedicatedHost", hostid=first.uuid)
    done(cloud, root, "releaseDedicatedHost", hostid=second.uuid)  # the cluster and the zone are under the group still
    done(cloud, root, "releaseDedicatedZone", zoneid=built.zone.uuid)
    with pytest.raises(InUse, match="c1 stays dedicated: 1 instance of affinity group DedicatedGrp-domain-eng runs there"):
        call(cloud, root, "releaseDedicatedCluster", **cluster)
    with pytest.raises(InUse, match="cluster c1, which is in it, is for domain /eng/"):
        call(cloud, root, "dedicateZone", zoneid=built.zone.uuid, **his)
