"""Service offerings and disk offerings through the commands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import ServiceOffering
from cloudwright.compute.seed import seed
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError, ParamError
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import DOMAIN_ADMIN, Account, Domain, Role, User
from tests.conftest import call, done
from tests.infrastructure.zone import simulated_zone


def create(cloud: Cloud, what: str, **params: Any) -> dict[str, Any]:
    told: dict[str, Any] = call(cloud, root_caller(cloud.db.read()), f"create{what}", name="o", displaytext="o", **params)
    return dict(told[what.lower()])


def names(cloud: Cloud, what: str, **params: Any) -> list[str]:
    answer = call(cloud, root_caller(cloud.db.read()), f"list{what}s", **params)
    return [row["name"] for row in answer.get(what.lower(), [])]


def test_a_new_installation_has_its_offerings_once(cloud: Cloud) -> None:
    assert names(cloud, "ServiceOffering") == ["Small Instance", "Medium Instance"]
    assert len(names(cloud, "ServiceOffering", issystem="true")) == 8
    assert names(cloud, "ServiceOffering", issystem="true", systemvmtype="domainrouter") == [
        "System Offering For Software Router",
        "System Offering For Software Router - Local Storage",
    ]
    assert names(cloud, "DiskOffering") == ["Small", "Medium", "Large", "Custom"]
    root = root_caller(cloud.db.read())
    small = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]
    call(cloud, root, "deleteServiceOffering", id=small["id"])
    cloud.db.write(seed)
    assert names(cloud, "ServiceOffering") == ["Medium Instance"], "what an operator deleted stays away"


def test_fixed(cloud: Cloud) -> None:
    made = create(
        cloud, "ServiceOffering", cpunumber=2, cpuspeed=1000, memory=2048, offerha="true", hosttags="gpu", tags="ssd",
        bytesreadrate=1000, byteswriterate=1000, byteswriteratemax=2000, byteswriteratemaxlength=5, rootdisksize=20,
        **{"serviceofferingdetails[0].key": "k", "serviceofferingdetails[0].value": "v"},
    )  # fmt: skip
    expected = {
        "cpunumber": 2, "cpuspeed": 1000, "memory": 2048, "offerha": True, "iscustomized": False, "hosttags": "gpu",
        "storagetags": "ssd", "diskBytesReadRate": 1000, "diskBytesWriteRate": 1000, "diskBytesWriteRateMax": 2000,
        "diskBytesWriteRateMaxLength": 5, "rootdisksize": 20,
        "serviceofferingdetails": {"k": "v"}, "storagetype": "shared", "provisioningtype": "thin", "state": "Active",
        "issystem": False, "defaultuse": False,
    }  # fmt: skip
    assert expected.items() <= made.items()


def test_custom_within_bounds(cloud: Cloud) -> None:
    free = create(cloud, "ServiceOffering")
    assert free["iscustomized"]
    bounds = {"cpuspeed": 500, "mincpunumber": 1, "maxcpunumber": 4, "minmemory": 512, "maxmemory": 4096}
    made = create(cloud, "ServiceOffering", customized="true", **bounds)
    assert made["serviceofferingdetails"] == {
        "mincpunumber": "1", "maxcpunumber": "4", "minmemory": "512", "maxmemory": "4096",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"cpunumber": 1}, "says processors, MHz and memory"),
        ({"cpunumber": 1, "cpuspeed": 1, "memory": 64, "customized": "true"}, "cannot fix them"),
        ({"customized": "true", "cpuspeed": 5, "mincpunumber": 5, "maxcpunumber": 4}, "lower and an upper"),
        ({"customized": "true", "mincpunumber": 1, "maxcpunumber": 4}, "fixes cpuspeed"),
        ({"issystem": "true", "cpunumber": 1, "cpuspeed": 1, "memory": 64}, "systemvmtype"),
        ({"bytesreadrate": 5, "bytesreadratemax": 4}, "not more than the rate"),
        ({"iopswriteratemaxlength": 4}, "no burst"),
        ({"miniops": 5}, "miniops"),
        ({"gpucount": 1}, "GPUs"),
        ({"storagetype": "floppy"}, "shared, local"),
    ],
)
def test_what_contradicts_itself_is_refused(cloud: Cloud, params: dict[str, Any], why: str) -> None:
    with pytest.raises(CloudError, match=why):
        create(cloud, "ServiceOffering", **params)


def test_how_large_offerings_may_be_is_a_setting(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    for name, most in (("cpu.cores", "4"), ("ram.size", "2048")):
        call(cloud, root, "updateConfiguration", name=f"vm.serviceoffering.{name}.max", value=most)
    size = {"cpuspeed": "1000", "memory": "2048", "cpunumber": "4"}
    call(cloud, root, "createServiceOffering", name="most", **size)
    for more in ({"cpunumber": "5"}, {"memory": "2049"}):
        with pytest.raises(ParamError, match=rf"^Parameter {next(iter(more))}: .* of vm\.serviceoffering\."):
            call(cloud, root, "createServiceOffering", name="more", **(size | more))
    bounds = {"cpuspeed": "1000", "customized": "true", "mincpunumber": "1", "minmemory": "64", "maxmemory": "2048"}
    with pytest.raises(ParamError, match=r"^Parameter maxcpunumber: 8 is more than the 4"):
        call(cloud, root, "createServiceOffering", name="more", maxcpunumber="8", **bounds)


def test_lists_by_size_zone_and_state(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    zone = call(
        cloud, root, "createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54"
    )["zone"]["id"]  # fmt: skip
    made = create(cloud, "ServiceOffering", cpunumber=8, cpuspeed=1000, memory=8192, zoneid=zone)
    assert (made["zoneid"], made["zone"]) == (zone, "z")
    assert names(cloud, "ServiceOffering", cpunumber=4) == ["o"]
    assert names(cloud, "ServiceOffering", memory=1024) == ["Medium Instance", "o"]
    assert "o" in names(cloud, "ServiceOffering", zoneid=zone)
    changed = call(cloud, root, "updateServiceOffering", id=made["id"], name="p", zoneid="all", state="inactive")[
        "serviceoffering"
    ]
    assert (changed["name"], changed["state"], "zoneid" in changed) == ("p", "Inactive", False)
    assert "p" not in names(cloud, "ServiceOffering")
    assert names(cloud, "ServiceOffering", state="Inactive") == ["p"]


def test_an_offering_of_a_domain_is_told_there(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    domain = call(cloud, root, "createDomain", name="eng")["domain"]["id"]
    made = create(cloud, "DiskOffering", disksize=10, domainid=domain)
    assert (made["domain"], made["disksize"]) == ("eng", 10)
    changed = call(cloud, root, "updateDiskOffering", id=made["id"], domainid="public", tags="a,b")["diskoffering"]
    assert ("domain" in changed, changed["tags"]) == (False, "a,b")


def test_disk_offerings_have_a_size_or_leave_it_open(cloud: Cloud) -> None:
    for wrong in ({}, {"disksize": 5, "customized": "true"}):
        with pytest.raises(ParamError, match="one of the two"):
            create(cloud, "DiskOffering", **wrong)
    made = create(cloud, "DiskOffering", customized="true")
    assert (made["iscustomized"], made["encrypt"], made["disksizestrictness"]) == (True, False, False)
    call(cloud, root_caller(cloud.db.read()), "deleteDiskOffering", id=made["id"])
    assert "o" not in names(cloud, "DiskOffering")


def test_the_systems_own_stay(cloud: Cloud) -> None:
    row = cloud.db.read().find(ServiceOffering, ServiceOffering.c.unique_name == "Cloud.Com-SoftwareRouter")
    assert row is not None
    with pytest.raises(ParamError, match="cannot be deleted"):
        call(cloud, root_caller(cloud.db.read()), "deleteServiceOffering", id=row.uuid)


def test_a_clone_takes_what_is_not_said(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    source = create(
        cloud, "ServiceOffering", cpuspeed=500, customized="true", mincpunumber=1, maxcpunumber=4, minmemory=512, maxmemory=4096,
        hosttags="gpu", tags="ssd", bytesreadrate=1000, bytesreadratemax=2000, cachemode="writeback", provisioningtype="fat",
        limitcpuuse="true", networkrate=50,
    )  # fmt: skip
    clone = call(cloud, root, "cloneServiceOffering", sourceofferingid=source["id"], name="c", hosttags="fpga", iopsreadrate=7)
    made = clone["serviceoffering"]
    own = {"id", "name", "created", "hosttags", "diskIopsReadRate"}
    assert {k: v for k, v in made.items() if k not in own} == {k: v for k, v in source.items() if k not in own}
    assert (made["name"], made["hosttags"], made["diskIopsReadRate"]) == ("c", "fpga", 7)
    fixed = call(cloud, root, "cloneServiceOffering", sourceofferingid=source["id"], name="f", cpunumber=2, memory=64)
    assert (fixed["serviceoffering"]["iscustomized"], fixed["serviceoffering"]["cpunumber"]) == (False, 2)
    disk = create(cloud, "DiskOffering", disksize=5, tags="ssd", iopswriterate=9)
    made = call(cloud, root, "cloneDiskOffering", sourceofferingid=disk["id"], name="d2")["diskoffering"]
    assert (made["disksize"], made["tags"], made["diskIopsWriteRate"], made["name"]) == (5, "ssd", 9, "d2")
    open_ = call(cloud, root, "cloneDiskOffering", sourceofferingid=disk["id"], name="d3", customized="true")["diskoffering"]
    assert open_["iscustomized"]


def test_a_domains_administrator_makes_offerings_for_it_alone(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    chief = administrator(cloud)
    sizes = {"cpunumber": 1, "cpuspeed": 500, "memory": 128}
    mine = call(cloud, chief, "createServiceOffering", name="m", displaytext="m", **sizes)["serviceoffering"]
    assert mine["domainid"] == chief.domain_uuid
    with pytest.raises(CloudError, match="Offerings with tags"):
        call(cloud, chief, "createServiceOffering", name="m", displaytext="m", hosttags="gpu", **sizes)
    with pytest.raises(CloudError, match="make an offering public"):
        call(cloud, chief, "updateServiceOffering", id=mine["id"], domainid="public")
    small = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]
    with pytest.raises(ParamError, match="does not exist"):
        call(cloud, chief, "deleteServiceOffering", id=small["id"])
    told = call(cloud, root, "isAccountAllowedToCreateOfferingsWithTags", id=chief.account_uuid)
    assert told == {"isallowed": {"isallowed": False}}
    tagged = "allow.domain.admins.to.create.tagged.offerings"
    call(cloud, root, "updateConfiguration", name=tagged, value="true", accountid=chief.account_uuid)
    assert (
        call(cloud, chief, "createDiskOffering", name="t", displaytext="t", disksize=1, tags="ssd")["diskoffering"]["tags"]
        == "ssd"
    )
    call(cloud, chief, "deleteServiceOffering", id=mine["id"])


def test_what_only_root_may_ask_for_is_left_out_for_others(cloud: Cloud) -> None:
    """Neither the system's own offerings nor those that are no longer offered."""
    root, chief = root_caller(cloud.db.read()), administrator(cloud)
    for what in ("ServiceOffering", "DiskOffering"):
        one = call(cloud, root, f"list{what}s")[what.lower()][0]
        call(cloud, root, f"update{what}", id=one["id"], state="Inactive")
        offered = call(cloud, chief, f"list{what}s")
        assert one["name"] not in [row["name"] for row in offered[what.lower()]]
        assert names(cloud, what, state="Inactive") == [one["name"]]
        assert call(cloud, chief, f"list{what}s", state="Inactive") == offered, "it is not asked"
    assert call(cloud, chief, "listServiceOfferings", issystem="true") == call(cloud, chief, "listServiceOfferings")


def administrator(cloud: Cloud) -> Caller:
    """Of a domain of its own."""

    def make(tx: Tx) -> User:
        domain = tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1))
        role = tx.find(Role, Role.c.name == "Domain Admin")
        assert role is not None
        account = tx.insert(Account(name="chief", domain_id=domain.id, role_id=role.id, type_=DOMAIN_ADMIN))
        return tx.insert(User(username="chief", account_id=account.id, domain_id=domain.id, password=Secret("")))

    return caller_of(cloud.db.read(), cloud.db.write(make))


def test_quality_reaches_the_machine(cloud: Cloud) -> None:
    """Limits, caches, provisioning and rates of an offering are what the hypervisor and the pool are told."""
    built = simulated_zone(cloud, hosts=1)
    root = built.caller
    offering = create(
        cloud, "ServiceOffering", cpunumber=1, cpuspeed=500, memory=128, bytesreadrate=1000, bytesreadratemax=2000,
        iopswriterate=9, cachemode="writeback", provisioningtype="fat", limitcpuuse="true", networkrate=50,
    )  # fmt: skip
    template = call(cloud, root, "listTemplates", templatefilter="featured")["template"][0]["id"]
    made = {"zoneid": built.zone.uuid, "templateid": template, "serviceofferingid": offering["id"]}
    done(cloud, root, "deployVirtualMachine", name="vm", **made)
    ((_, _, machine),) = cloud.world.all("machine")
    shown = msgspec.json.decode(machine["machine"])
    root_disk = shown["disks"][0]
    assert (root_disk["limits"]["read_bytes"], root_disk["limits"]["write_operations"]["rate"], root_disk["cache"]) == (
        {"rate": 1000, "burst": 2000, "seconds": 0}, 9, "writeback",
    )  # fmt: skip
    assert shown["cpu_limit"] == 500
    assert shown["nics"][0]["megabits_per_second"] == 50
    volumes = {name: volume for _, name, volume in cloud.world.all("volume")}
    (disk,) = (volume for name, volume in volumes.items() if name.startswith("v-"))
    assert (disk["backing"], disk["used"]) == ("", disk["size"]), "a fat disk is a whole copy that takes all its room"


def test_a_network_offering_is_cloned_with_other_services(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    name = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    source = call(cloud, root, "listNetworkOfferings", name=name)["networkoffering"][0]
    made = call(
        cloud, root, "cloneNetworkOffering", sourceofferingid=source["id"], name="mine", dropservices="PortForwarding,StaticNat",
        networkrate=10,
    )["networkoffering"]  # fmt: skip
    services = {service["name"] for service in made["service"]}
    assert services == {service["name"] for service in source["service"]} - {"PortForwarding", "StaticNat"}
    assert (made["guestiptype"], made["networkrate"], made["state"], made["isdefault"]) == ("Isolated", 10, "Enabled", False)
    with pytest.raises(ParamError, match="load balancing is not built"):
        call(cloud, root, "cloneNetworkOffering", sourceofferingid=source["id"], name="lb", addservices="Lb")
    with pytest.raises(ParamError, match="has no PortForwarding"):
        call(cloud, root, "cloneNetworkOffering", sourceofferingid=made["id"], name="x", dropservices="PortForwarding")


def test_offerings_are_held_to_whom_they_are_for(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1)
    root, chief = built.caller, administrator(cloud)
    other = call(cloud, root, "createZone", name="far", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.2")[
        "zone"
    ]
    template = call(cloud, root, "listTemplates", templatefilter="featured")["template"][0]["id"]
    sizes = {"cpunumber": 1, "cpuspeed": 500, "memory": 128}
    made = {"zoneid": built.zone.uuid, "templateid": template, "dryrun": "true"}
    far = create(cloud, "ServiceOffering", zoneid=other["id"], **sizes)
    with pytest.raises(ParamError, match="is not offered in zone z1"):
        call(cloud, root, "deployVirtualMachine", serviceofferingid=far["id"], **made)
    theirs = create(cloud, "ServiceOffering", domainid=chief.domain_uuid, **sizes)
    with pytest.raises(ParamError, match="is for domain /eng/"):
        call(cloud, root, "deployVirtualMachine", serviceofferingid=theirs["id"], **made)
    router = call(cloud, root, "listServiceOfferings", issystem="true")["serviceoffering"][0]
    with pytest.raises(ParamError, match="for the system's machines"):
        call(cloud, root, "deployVirtualMachine", serviceofferingid=router["id"], **made)
    fixed = create(cloud, "ServiceOffering", dynamicscalingenabled="false", **sizes)
    done(
        cloud, root, "deployVirtualMachine", zoneid=built.zone.uuid, templateid=template, serviceofferingid=fixed["id"],
        dynamicscalingenabled="true", startvm="false",
    )  # fmt: skip
    (vm,) = call(cloud, root, "listVirtualMachines")["virtualmachine"]
    assert not vm["isdynamicallyscalable"], "the offering says no"
    with pytest.raises(ParamError, match="is for domain /eng/"):
        call(cloud, root, "scaleVirtualMachine", id=vm["id"], serviceofferingid=theirs["id"])


def test_root_disks_by_a_disk_offering(cloud: Cloud) -> None:
    root, built = root_caller(cloud.db.read()), simulated_zone(cloud, hosts=1)
    zone = call(cloud, root, "listZones")["zone"][0]["id"]
    assert built
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    fixed = create(cloud, "DiskOffering", disksize=7, iopsreadrate=70, cachemode="writeback", provisioningtype="sparse")
    free = create(cloud, "DiskOffering", customized="true")
    sizes = {"cpunumber": 1, "cpuspeed": 500, "memory": 256}
    small = create(cloud, "ServiceOffering", **sizes, diskofferingid=fixed["id"], diskofferingstrictness="true")
    said = ("diskofferingid", "diskofferingname", "diskofferingstrictness", "rootdisksize", "diskIopsReadRate", "cacheMode")
    assert [small[name] for name in said] == [fixed["id"], "o", True, 7, 70, "writeback"]
    assert small["provisioningtype"] == "sparse"
    twin = call(cloud, root, "cloneServiceOffering", sourceofferingid=small["id"], name="twin")["serviceoffering"]
    assert [twin[name] for name in said] == [small[name] for name in said]
    params = {"zoneid": zone, "templateid": template, "startvm": "false"}

    def disk(name: str, **more: Any) -> dict[str, Any]:
        done(cloud, root, "deployVirtualMachine", name=name, **params, **more)
        vm = call(cloud, root, "listVirtualMachines", name=name)["virtualmachine"][0]["id"]
        return dict(call(cloud, root, "listVolumes", virtualmachineid=vm)["volume"][0])

    made = disk("a", serviceofferingid=small["id"])
    assert (made["size"], made["diskofferingid"], made["diskIopsReadRate"]) == (7 << 30, fixed["id"], 70)
    with pytest.raises(ParamError, match="keeps to its own"):
        disk("b", serviceofferingid=small["id"], overridediskofferingid=free["id"])
    with pytest.raises(ParamError, match="cannot have 9"):
        disk("b", serviceofferingid=small["id"], rootdisksize=9)
    loose = create(cloud, "ServiceOffering", **sizes, diskofferingid=fixed["id"])
    other = disk("b", serviceofferingid=loose["id"], overridediskofferingid=free["id"], rootdisksize=9)
    assert (other["size"], other["diskofferingid"]) == (9 << 30, free["id"])
    vm = call(cloud, root, "listVirtualMachines", name="a")["virtualmachine"][0]["id"]
    plain = create(cloud, "ServiceOffering", **sizes)
    with pytest.raises(ParamError, match="kept to strictly"):
        call(cloud, root, "changeServiceForVirtualMachine", id=vm, serviceofferingid=plain["id"])
    call(cloud, root, "changeServiceForVirtualMachine", id=vm, serviceofferingid=twin["id"])


@pytest.mark.parametrize("more", [{"tags": "ssd"}, {"rootdisksize": 5}, {"cachemode": "writeback"}, {"bytesreadrate": 5}])
def test_what_a_disk_offering_says_is_not_said_twice(cloud: Cloud, more: dict[str, Any]) -> None:
    disk = create(cloud, "DiskOffering", disksize=7)
    with pytest.raises(ParamError, match="says how root disks are"):
        create(cloud, "ServiceOffering", diskofferingid=disk["id"], **more)
    with pytest.raises(ParamError, match="no disk offering to keep to"):
        create(cloud, "ServiceOffering", diskofferingstrictness="true")
