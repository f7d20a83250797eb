"""Guest operating systems, their families, and what hypervisors call them."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import InUse, ParamError
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import Domain
from cloudwright.storage.model import OsType
from tests.conftest import call, done
from tests.operations.conftest import person


def test_systems_and_families(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())

    def listed(command: str, key: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = call(cloud, root, command, **params).get(key, [])
        return rows

    family = call(cloud, root, "addOsCategory", name="Plan 9", isfeatured="true")["oscategory"]
    assert family["isfeatured"]
    with pytest.raises(ParamError, match="already a family 'Plan 9'"):
        call(cloud, root, "addOsCategory", name="Plan 9")
    done(cloud, root, "addGuestOs", oscategoryid=family["id"], osdisplayname="9front", name="9f", forDisplay="false")
    (row,) = listed("listOsTypes", "ostype", oscategoryid=family["id"])
    told = {key: row[key] for key in ("name", "description", "isuserdefined", "fordisplay", "oscategoryname")}
    assert told == {
        "name": "9f", "description": "9front", "isuserdefined": True, "fordisplay": False, "oscategoryname": "Plan 9",
    }  # fmt: skip
    assert listed("listOsTypes", "ostype", oscategoryid=family["id"], fordisplay="true") == []
    with pytest.raises(ParamError, match="already an operating system '9front'"):
        call(cloud, root, "addGuestOs", oscategoryid=family["id"], osdisplayname="9front")
    with pytest.raises(InUse, match="1 operating system"):
        call(cloud, root, "deleteOsCategory", id=family["id"])
    done(cloud, root, "updateGuestOs", id=row["id"], osdisplayname="9front 2", fordisplay="true")
    assert listed("listOsTypes", "ostype", id=row["id"])[0]["description"] == "9front 2"

    done(
        cloud,
        root,
        "addGuestOsMapping",
        ostypeid=row["id"],
        hypervisor="kvm",
        hypervisorversion="default",
        osnameforhypervisor="o",
    )
    again = {"osdisplayname": "9front 2", "hypervisor": "KVM", "hypervisorversion": "default", "osnameforhypervisor": "p"}
    with pytest.raises(ParamError, match="already calls 9front 2 'o'"):
        call(cloud, root, "addGuestOsMapping", **again)
    done(cloud, root, "addGuestOsMapping", **again, forced="true")
    (mapping,) = listed("listGuestOsMapping", "guestosmapping", osdisplayname="9front 2")
    assert (mapping["osnameforhypervisor"], mapping["hypervisor"], mapping["isuserdefined"]) == ("p", "KVM", "true")
    done(cloud, root, "updateGuestOsMapping", id=mapping["id"], osnameforhypervisor="q")
    assert listed("listGuestOsMapping", "guestosmapping", osnameforhypervisor="q")
    with pytest.raises(ParamError, match="keeps no list"):
        call(cloud, root, "updateGuestOsMapping", id=mapping["id"], osnameforhypervisor="q", osmappingcheckenabled="true")
    with pytest.raises(ParamError, match="keeps no list"):
        call(cloud, root, "getHypervisorGuestOsNames", hypervisor="KVM", hypervisorversion="default")

    done(cloud, root, "removeGuestOs", id=row["id"])
    assert listed("listGuestOsMapping", "guestosmapping") == [], "what it was called goes with it"
    renamed = call(cloud, root, "updateOsCategory", id=family["id"], name="Inferno", isfeatured="false", sortkey=3)["oscategory"]
    assert (renamed["name"], renamed["isfeatured"]) == ("Inferno", False)
    call(cloud, root, "deleteOsCategory", id=family["id"])
    assert listed("listOsCategories", "oscategory", name="Inferno") == []


def test_what_came_with_the_installation_stays(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    row = cloud.db.read().find(OsType)
    assert row is not None
    with pytest.raises(ParamError, match="came with the installation"):
        call(cloud, root, "removeGuestOs", id=row.uuid)
    with pytest.raises(ParamError, match="cannot be renamed"):
        call(cloud, root, "updateGuestOs", id=row.uuid, osdisplayname="mine")
    done(cloud, root, "updateGuestOs", id=row.uuid, fordisplay="false")
    seen = call(cloud, root, "listOsTypes", fordisplay="false")["ostype"]
    assert [one["id"] for one in seen] == [row.uuid]
    ann = person(cloud, "ann", "User", cloud.db.read().get(Domain, 1))
    shown = [call(cloud, who, "listOsTypes", pagesize="500", page="1")["count"] for who in (root, ann)]
    assert shown[0] == shown[1] + 1
    assert call(cloud, ann, "listOsTypes", id=row.uuid) == {}
