"""Registered user data, linked to templates and given to instances; instance groups."""

from __future__ import annotations

import base64
from email import message_from_bytes
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.error import InUse, ParamError
from cloudwright.network.model import Network
from cloudwright.network.network.document import wish
from tests.compute.test_affinity import what
from tests.conftest import call, done

__all__ = ["what"]
CONFIG = b"#cloud-config\nhostname: {{ ds.meta_data.color }}\n"
SCRIPT = b"#!/bin/sh\necho hi\n"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def register(cloud: Cloud, who: Caller, name: str, data: bytes, **more: Any) -> str:
    return str(call(cloud, who, "registerUserData", name=name, userdata=b64(data), **more)["userdata"]["id"])


def data_of(cloud: Cloud, who: Caller, vm: str) -> bytes:
    told = call(cloud, who, "getVirtualMachineUserData", virtualmachineid=vm)["virtualmachineuserdata"]
    return base64.b64decode(told["userdata"])


def test_register_list_delete(cloud: Cloud, ann: Caller, bob: Caller) -> None:
    id = register(cloud, ann, "u", CONFIG, params="color, size")
    row = call(cloud, ann, "listUserData", name="u")["userdata"][0]
    assert (row["id"], row["userdata"], row["params"], row["account"]) == (id, b64(CONFIG), "color, size", "ann")
    assert row["hasannotations"] is False
    cni = call(cloud, ann, "registerCniConfiguration", name="u", cniconfig=b64(CONFIG))["cniconfig"]["id"]
    assert call(cloud, ann, "listCniConfiguration")["cniconfig"][0]["id"] == cni
    assert call(cloud, ann, "listUserData")["count"] == 1
    assert call(cloud, bob, "listUserData") == {}
    with pytest.raises(ParamError, match="there is already a"):
        register(cloud, ann, "u", SCRIPT)
    with pytest.raises(ParamError, match="is not base64"):
        call(cloud, ann, "registerUserData", name="v", userdata="%")
    with pytest.raises(ParamError, match="longer than 32768 bytes"):
        register(cloud, ann, "v", bytes(32769))
    for who, command, which in ((bob, "deleteUserData", id), (ann, "deleteUserData", cni), (ann, "deleteCniConfiguration", id)):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, who, command, id=which)
    call(cloud, ann, "deleteUserData", id=id)
    call(cloud, ann, "deleteCniConfiguration", id=cni)
    assert call(cloud, ann, "listUserData", listall="true") == {}


def test_an_instance_gets_it_with_values_of_its_variables(cloud: Cloud, what: dict[str, Any], ann: Caller, bob: Caller) -> None:
    id, theirs = register(cloud, ann, "u", CONFIG, params="color"), register(cloud, bob, "u", SCRIPT)
    with pytest.raises(ParamError, match="takes values for color"):
        call(cloud, ann, "deployVirtualMachine", **what, userdataid=id)
    with pytest.raises(ParamError, match="not both"):
        call(cloud, ann, "deployVirtualMachine", **what, userdataid=id, userdata=b64(SCRIPT))
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, ann, "deployVirtualMachine", **what, userdataid=theirs)
    values = {"userdatadetails[0].color": "red"}
    vm = done(cloud, ann, "deployVirtualMachine", **what, userdataid=id, **values).instance_uuid
    row = call(cloud, ann, "listVirtualMachines", userdataid=id, userdata="true")["virtualmachine"][0]
    assert (row["id"], row["userdataname"], row["userdatadetails"], row["userdata"]) == (vm, "u", "color=red", b64(CONFIG))
    assert "userdata" not in call(cloud, ann, "listVirtualMachines", id=vm)["virtualmachine"][0]
    reader = cloud.db.read()
    host = wish(reader, reader.all(Network)[0]).document.dhcp[0].hosts[0]
    assert (host.metadata["color"], base64.b64decode(host.user_data)) == ("red", CONFIG)
    assert host.metadata["vm-id"] == vm
    with pytest.raises(InUse, match="used by 1 instances"):
        call(cloud, ann, "deleteUserData", id=id)
    done(cloud, ann, "stopVirtualMachine", id=vm)
    call(cloud, ann, "resetUserDataForVirtualMachine", id=vm, userdata=b64(SCRIPT))
    assert data_of(cloud, ann, vm) == SCRIPT
    call(cloud, ann, "updateVirtualMachine", id=vm, userdataid=id, **values)
    assert data_of(cloud, ann, vm) == CONFIG
    call(cloud, ann, "resetUserDataForVirtualMachine", id=vm)
    call(cloud, ann, "deleteUserData", id=id)


def test_a_template_gives_what_is_linked_to_it(cloud: Cloud, what: dict[str, Any], root: Caller, ann: Caller) -> None:
    linked = register(cloud, root, "t", CONFIG)

    def link(policy: str) -> dict[str, Any]:
        link_ = {"templateid": what["templateid"], "userdataid": linked, "userdatapolicy": policy}
        told: dict[str, Any] = call(cloud, root, "linkUserDataToTemplate", **link_)["template"]
        return told

    def deploy(**more: Any) -> bytes:
        return data_of(cloud, ann, done(cloud, ann, "deployVirtualMachine", **what, startvm="false", **more).instance_uuid)

    assert (link("allowoverride")["userdatapolicy"], link("ALLOWOVERRIDE")["userdataname"]) == ("ALLOWOVERRIDE", "t")
    assert deploy() == CONFIG
    assert deploy(userdata=b64(SCRIPT)) == SCRIPT
    link("APPEND")
    parts = message_from_bytes(deploy(userdata=b64(SCRIPT))).get_payload()
    assert [(p.get_content_type(), p.get_payload(decode=True)) for p in parts] == [  # type: ignore[union-attr]
        ("text/cloud-config", CONFIG), ("text/x-shellscript", SCRIPT),
    ]  # fmt: skip
    link("DENYOVERRIDE")
    with pytest.raises(ParamError, match="nobody may replace"):
        call(cloud, ann, "deployVirtualMachine", **what, userdata=b64(SCRIPT))
    with pytest.raises(InUse, match="1 templates"):
        call(cloud, root, "deleteUserData", id=linked)
    with pytest.raises(ParamError, match="entity does not exist"):
        call(cloud, ann, "linkUserDataToTemplate", templateid=what["templateid"])
    assert "userdataid" not in call(cloud, root, "linkUserDataToTemplate", templateid=what["templateid"])["template"]
    call(cloud, root, "deleteUserData", id=linked)


def test_instance_groups(cloud: Cloud, what: dict[str, Any], ann: Caller, bob: Caller) -> None:
    web = call(cloud, ann, "createInstanceGroup", name="web")["instancegroup"]["id"]
    vm = done(cloud, ann, "deployVirtualMachine", **what, startvm="false", group="web").instance_uuid
    row = call(cloud, ann, "listVirtualMachines", groupid=web)["virtualmachine"][0]
    assert (row["id"], row["group"], row["groupid"]) == (vm, "web", web)
    call(cloud, ann, "updateVirtualMachine", id=vm, group="new")
    assert call(cloud, ann, "listVirtualMachines", groupid=web) == {}
    assert [g["name"] for g in call(cloud, ann, "listInstanceGroups")["instancegroup"]] == ["web", "new"]
    assert call(cloud, ann, "updateInstanceGroup", id=web, name="www")["instancegroup"]["name"] == "www"
    with pytest.raises(ParamError, match="there is already a"):
        call(cloud, ann, "updateInstanceGroup", id=web, name="new")
    assert call(cloud, bob, "listInstanceGroups") == {}
    for command in ("updateInstanceGroup", "deleteInstanceGroup"):
        with pytest.raises(ParamError, match="entity does not exist"):
            call(cloud, bob, command, id=web)
    new = call(cloud, ann, "listInstanceGroups", name="new")["instancegroup"][0]["id"]
    call(cloud, ann, "deleteInstanceGroup", id=new)
    reader = cloud.db.read()
    found = reader.find(Vm, Vm.c.uuid == vm)
    assert found is not None
    assert found.group_id is None
