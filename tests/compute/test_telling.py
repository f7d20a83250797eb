"""What is told of instances, and what they are searched by."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from tests.conftest import call, done
from tests.infrastructure.zone import simulated_zone


def test_what_is_told_of_an_instance_and_searched_by(cloud: Cloud, root: Caller, ann: Caller) -> None:
    zone = simulated_zone(cloud, hosts=1).zone.uuid
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    size = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    what = {"zoneid": zone, "templateid": template, "serviceofferingid": size, "startvm": "false"}
    call(cloud, ann, "createSSHKeyPair", name="one")
    mine = done(cloud, ann, "deployVirtualMachine", **what, keypair="one", **{"details[0].note": "n"}).instance_uuid
    given = {"details[0].rootDiskController": "scsi", "details[0].secret": "s"}
    given |= {"account": ann.account, "domainid": ann.domain_uuid}
    other = done(cloud, root, "deployVirtualMachine", **what, **given).instance_uuid

    def found(**filters: str) -> list[str]:
        told = call(cloud, root, "listVirtualMachines", listall="true", **filters)
        return [row["id"] for row in told.get("virtualmachine", [])]

    assert found(userid=ann.user_uuid) == [mine] == found(keypair="one")
    assert found(userid=root.user_uuid) == [other]
    assert found(keypair="on") == found(keypair="o_e") == found(arch="aarch64") == found(forvirtualnetwork="false") == []
    assert found(arch="X86_64", forvirtualnetwork="true") == [mine, other]
    assert call(cloud, root, "listVirtualMachines", listall="true", retrieveonlyresourcecount="true") == {"count": 2}
    with pytest.raises(ParamError, match="backups are not there yet"):
        found(backupofferingid=mine)
    call(cloud, root, "updateConfiguration", name="user.vm.denied.details", value="secret")
    told = {row["id"]: row for row in call(cloud, ann, "listVirtualMachines")["virtualmachine"]}
    assert (told[mine]["username"], told[other]["username"]) == (ann.username, root.username)
    assert told[other]["details"] == {"rootDiskController": "scsi"}
    assert (told[mine]["alloweddetails"], told[mine]["readonlydetails"]) == ("note", "dataDiskController, rootDiskController")
    assert "alloweddetails" not in told[other]
    seen = call(cloud, root, "listVirtualMachines", id=other)["virtualmachine"][0]
    assert (seen["alloweddetails"], seen["boottype"], seen["bootmode"]) == ("rootDiskController,secret", "BIOS", "LEGACY")
    assert "readonlydetails" not in seen
    call(cloud, root, "updateConfiguration", name="user.vm.readonly.details", value="")
    assert "readonlydetails" not in call(cloud, ann, "listVirtualMachines", id=mine)["virtualmachine"][0]


def test_what_is_not_there_yet_is_refused_by_name(cloud: Cloud, ann: Caller) -> None:
    zone = simulated_zone(cloud, hosts=1).zone.uuid
    asked = {
        "securitygroupids": ann.user_uuid, "bootmode": "SECURE", "keyboard": "de", "leaseduration": "3", "extraconfig": "x",
        "dhcpoptionsnetworklist[0].networkid": zone,
    }  # fmt: skip
    for name, value in asked.items():
        with pytest.raises(ParamError, match=f"^Parameter {name.partition('[')[0]}: "):
            call(cloud, ann, "deployVirtualMachine", zoneid=zone, serviceofferingid=zone, **{name: value})
    with pytest.raises(ParamError, match=r"^Parameter securitygroupnames: .* security groups are not there yet"):
        call(cloud, ann, "updateVirtualMachine", id=zone, securitygroupnames="default")
    with pytest.raises(ParamError, match=r"^Parameter bootintosetup: .* starts into the setup are not there yet"):
        call(cloud, ann, "rebootVirtualMachine", id=zone, bootintosetup="true")
