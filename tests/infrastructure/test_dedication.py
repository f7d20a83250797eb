"""What is dedicated takes machines of those it is dedicated to; planners; limits of hypervisors."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.access import Caller, Kind, Use, lookup
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity.caller import caller_of
from cloudwright.identity.model import DOMAIN_ADMIN, NORMAL, Account, Domain, Role, User
from cloudwright.infrastructure.model import Dedication, Host, Zone
from cloudwright.storage.model import Template
from tests.conftest import call, done, finished
from tests.infrastructure.zone import Built, simulated_zone


def person(cloud: Cloud, name: str, domain_id: int = 1, role: str = "User") -> Caller:
    """A user of an account of its own."""

    def make(tx: Tx) -> User:
        its = tx.find(Role, Role.c.name == role)
        assert its is not None
        type_ = NORMAL if role == "User" else DOMAIN_ADMIN
        account = tx.insert(Account(name=name, domain_id=domain_id, role_id=its.id, type_=type_))
        return tx.insert(User(username=name, account_id=account.id, domain_id=domain_id, password=Secret("")))

    return caller_of(cloud.db.read(), cloud.db.write(make))


def deploy(cloud: Cloud, built: Built, caller: Caller, **more: Any) -> tuple[Vm, str]:
    """The machine, and why it was refused, if it was."""
    read = cloud.db.read()
    template, offering = read.find(Template), read.find(ServiceOffering, ServiceOffering.c.name == "Small Instance")
    assert template is not None
    assert offering is not None
    params = {"zoneid": built.zone.uuid, "templateid": template.uuid, "serviceofferingid": offering.uuid, **more}
    answer = call(cloud, caller, "deployVirtualMachine", **params)
    job = finished(cloud, answer["jobid"])
    vm = read.one(Vm.t.select().where(Vm.c.uuid == answer["id"]))
    assert vm is not None
    return Vm.load(vm), " ".join(msgspec.json.decode(job.error)["explain"]["why"]) if job.error else ""


def host_of(cloud: Cloud, vm: Vm) -> str:
    return cloud.db.read().get(Host, vm.host_id or 0).name


def test_a_dedicated_host_takes_only_its_account(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=2)
    root, ann, bob = built.caller, person(cloud, "ann"), person(cloud, "bob")
    first, second = built.hosts
    domain = {"domainid": ann.domain_uuid}
    done(cloud, root, "dedicateHost", hostid=first.uuid, account="ann", **domain)
    (row,) = call(cloud, root, "listDedicatedHosts", account="ann", **domain)["dedicatedhost"]
    assert (row["hostname"], row["accountid"], row["domainid"]) == (first.name, ann.account_uuid, ann.domain_uuid)
    assert call(cloud, root, "listDedicatedClusters") == {}
    with pytest.raises(InUse, match="dedicated to ann already"):
        call(cloud, root, "dedicateHost", hostid=first.uuid, account="bob", **domain)
    for _ in range(3):
        assert host_of(cloud, deploy(cloud, built, bob)[0]) == second.name
    call(cloud, root, "updateHost", id=second.uuid, allocationstate="Disable")
    assert host_of(cloud, deploy(cloud, built, ann)[0]) == first.name
    _, why = deploy(cloud, built, bob)
    assert f"host {first.name}: it is dedicated to account ann of domain /" in why
    with pytest.raises(InUse, match="3 instances of others"):
        call(cloud, root, "dedicateHost", hostid=second.uuid, account="ann", **domain)
    done(cloud, root, "releaseDedicatedHost", hostid=first.uuid)
    assert host_of(cloud, deploy(cloud, built, bob)[0]) == first.name
    with pytest.raises(ParamError, match="dedicated to nobody"):
        call(cloud, root, "releaseDedicatedHost", hostid=first.uuid)


def test_clusters_pods_and_zones(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1)
    eng = cloud.db.write(lambda tx: tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1)))
    dev = cloud.db.write(lambda tx: tx.insert(Domain(name="dev", parent_id=eng.id, path="/eng/dev/", level=2)))
    root, ann, bob = built.caller, person(cloud, "ann", dev.id), person(cloud, "bob")
    for kind, place in (("Cluster", built.cluster), ("Pod", built.pod)):
        key = f"{kind.lower()}id"
        done(cloud, root, f"dedicate{kind}", **{key: place.uuid, "domainid": eng.uuid})
        listed = call(cloud, root, f"listDedicated{kind}s", domainid=eng.uuid)[f"dedicated{kind.lower()}"]
        assert [row[key] for row in listed] == [place.uuid]
        assert f"{kind.lower()} {place.name} is dedicated to domain /eng/" in deploy(cloud, built, bob)[1]
        vm, why = deploy(cloud, built, ann)
        assert not why, "those below the domain may use it"
        done(cloud, root, "destroyVirtualMachine", id=vm.uuid, expunge="true")
        done(cloud, root, f"releaseDedicated{kind}", **{key: place.uuid})
    seen = lookup(Zone, Kind.USER, Use.USE)
    done(cloud, root, "dedicateZone", zoneid=built.zone.uuid, domainid=eng.uuid)
    read = cloud.db.read()
    assert read.one(seen, {"value": built.zone.uuid, **ann.binds()}) is not None
    assert read.one(seen, {"value": built.zone.uuid, **bob.binds()}) is None, "it is not there for others"
    done(cloud, root, "releaseDedicatedZone", zoneid=built.zone.uuid)
    assert read.one(seen, {"value": built.zone.uuid, **bob.binds()}) is not None
    place = {"zoneid": built.zone.uuid, "podid": built.pod.uuid, "clusterid": built.cluster.uuid}
    new = call(cloud, root, "addHost", url="http://sim/new", hypervisor="Simulator", **place)["host"][0]
    done(cloud, root, "dedicateHost", hostid=new["id"], domainid=eng.uuid)
    call(cloud, root, "deleteHost", id=new["id"], forced="true")
    assert read.count(Dedication) == 0


def test_planners(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=2)
    root, ann, bob = built.caller, person(cloud, "ann"), person(cloud, "bob")
    planners = [row["name"] for row in call(cloud, root, "listDeploymentPlanners")["deploymentPlanner"]]
    assert "ImplicitDedicationPlanner" in planners

    def offering(name: str, planner: str) -> dict[str, str]:
        sizes = {"cpunumber": 1, "cpuspeed": 500, "memory": 128}
        made = call(cloud, root, "createServiceOffering", name=name, displaytext=name, deploymentplanner=planner, **sizes)
        return {"serviceofferingid": made["serviceoffering"]["id"]}

    spread = offering("spread", "UserDispersingPlanner")
    assert {host_of(cloud, deploy(cloud, built, ann, **spread)[0]) for _ in range(2)} == {h.name for h in built.hosts}
    alone = offering("alone", "ImplicitDedicationPlanner")
    _, why = deploy(cloud, built, bob, **alone)
    assert "1 machine of other accounts" in why
    call(cloud, root, "addHost", url="http://sim/z1-h3?cpus=8&mhz=2000&memory=8192", hypervisor="Simulator",
         zoneid=built.zone.uuid, podid=built.pod.uuid, clusterid=built.cluster.uuid)  # fmt: skip
    assert host_of(cloud, deploy(cloud, built, bob, **alone)[0]) == "z1-h3"
    for host in built.hosts:
        call(cloud, root, "updateHost", id=host.uuid, allocationstate="Disable")
    assert "shares its hosts with no other" in deploy(cloud, built, ann)[1]


def test_limits_of_hypervisors(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1)
    root = built.caller
    (able,) = call(cloud, root, "listHypervisorCapabilities", hypervisor="simulator")["hypervisorCapabilities"]
    with pytest.raises(ParamError, match="cannot do snapshots"):
        call(cloud, root, "updateHypervisorCapabilities", id=able["id"], vmsnapshotenabled="true")
    limits = {"maxguestslimit": 1, "maxhostspercluster": 1, "maxdatavolumeslimit": 0}
    changed = call(cloud, root, "updateHypervisorCapabilities", hypervisor="Simulator", **limits)["hypervisorcapabilities"]
    assert limits.items() <= changed.items()
    vm, why = deploy(cloud, built, root)
    assert not why
    assert "1 are allowed (maxguestslimit)" in deploy(cloud, built, root)[1]
    place = {"zoneid": built.zone.uuid, "podid": built.pod.uuid, "clusterid": built.cluster.uuid}
    with pytest.raises(ParamError, match="maxhostspercluster"):
        call(cloud, root, "addHost", url="http://sim/more", hypervisor="Simulator", **place)
    disk = call(cloud, root, "listDiskOfferings", name="Small")["diskoffering"][0]["id"]
    done(cloud, root, "createVolume", name="d", diskofferingid=disk, zoneid=built.zone.uuid)
    volume = call(cloud, root, "listVolumes", name="d")["volume"][0]["id"]
    with pytest.raises(ParamError, match="maxdatavolumeslimit"):
        call(cloud, root, "attachVolume", id=volume, virtualmachineid=vm.uuid)


def test_hosts_for_migration_and_degraded_ones(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=3)
    root = built.caller
    vm, _ = deploy(cloud, built, root)
    others = {host.uuid for host in built.hosts if host.id != vm.host_id}
    here = next(host for host in built.hosts if host.id == vm.host_id)
    closed = min(others)
    call(cloud, root, "updateHost", id=closed, allocationstate="Disable")
    found = call(cloud, root, "findHostsForMigration", virtualmachineid=vm.uuid)
    assert found["count"] == 2
    fits = {row["id"]: (row["suitableformigration"], row.get("whynot")) for row in found["host"]}
    assert fits == {closed: (False, ["it is Disabled"]), max(others): (True, [])}
    with pytest.raises(ParamError, match="is Up; only one that is silent"):
        call(cloud, root, "declareHostAsDegraded", id=here.uuid)
    cloud.db.write(lambda tx: tx.update(tx.get(Host, here.id), state="Disconnected"))
    done(cloud, root, "declareHostAsDegraded", id=here.uuid)
    assert call(cloud, root, "listHosts", id=here.uuid)["host"][0]["resourcestate"] == "Degraded"
    assert call(cloud, root, "listVirtualMachines", id=vm.uuid)["virtualmachine"][0]["state"] == "Stopped"
    done(cloud, root, "startVirtualMachine", id=vm.uuid)
    assert host_of(cloud, cloud.db.read().get(Vm, vm.id)) != here.name
    done(cloud, root, "cancelHostAsDegraded", id=here.uuid)
    with pytest.raises(ParamError, match="not Degraded"):
        call(cloud, root, "cancelHostAsDegraded", id=here.uuid)
    with pytest.raises(ParamError, match="no reservation"):
        call(cloud, root, "releaseHostReservation", id=here.uuid)
    with pytest.raises(ParamError, match="Nobody signs in"):
        call(cloud, root, "updateHostPassword", hostid=here.uuid, username="root", password="x")
