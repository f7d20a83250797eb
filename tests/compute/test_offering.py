"""Service offerings and disk offerings through the commands."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import ServiceOffering
from cloudwright.compute.seed import seed
from cloudwright.core.error import CloudError, ParamError
from cloudwright.identity.caller import root_caller
from tests.conftest import call


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
    with pytest.raises(ParamError, match="one domain"):
        create(cloud, "DiskOffering", disksize=10, domainid=f"{domain},{root.domain_uuid}")


def test_disk_offerings_have_a_size_or_leave_it_open(cloud: Cloud) -> None:
    for wrong in ({}, {"disksize": 5, "customized": "true"}):
        with pytest.raises(ParamError, match="one of the two"):
            create(cloud, "DiskOffering", **wrong)
    made = create(cloud, "DiskOffering", customized="true")
    assert made["iscustomized"]
    call(cloud, root_caller(cloud.db.read()), "deleteDiskOffering", id=made["id"])
    assert "o" not in names(cloud, "DiskOffering")


def test_the_systems_own_stay(cloud: Cloud) -> None:
    row = cloud.db.read().find(ServiceOffering, ServiceOffering.c.unique_name == "Cloud.Com-SoftwareRouter")
    assert row is not None
    with pytest.raises(ParamError, match="cannot be deleted"):
        call(cloud, root_caller(cloud.db.read()), "deleteServiceOffering", id=row.uuid)
