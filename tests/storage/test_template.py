"""Templates and ISOs through the commands, on a simulated store."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core import loop
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError, Denied, InUse, ParamError
from cloudwright.core.setting import Setting
from cloudwright.core.task import TaskRow
from cloudwright.drivers.error import Refused
from cloudwright.identity.model import Domain
from cloudwright.storage.model import Template, TemplateAt
from cloudwright.storage.upkeep import ClearStorage
from tests.conftest import call, done, finished
from tests.infrastructure.zone import Built
from tests.operations.conftest import person
from tests.storage.conftest import in_pools, new_machine, until, user

URL = "http://images.example.com/debian.qcow2"


def register(cloud: Cloud, caller: Caller, zone: Built, **more: Any) -> dict[str, Any]:
    given = {"name": "debian", "format": "QCOW2", "hypervisor": "Simulator", "url": URL, "zoneid": zone.zone.uuid, **more}
    told: dict[str, Any] = call(cloud, caller, "registerTemplate", **given)["template"][0]
    return told


def listed(cloud: Cloud, caller: Caller, filter: str, **more: Any) -> set[str]:
    return {row["name"] for row in call(cloud, caller, "listTemplates", templatefilter=filter, **more).get("template", [])}


def told(cloud: Cloud, caller: Caller, id: str) -> dict[str, Any]:
    row: dict[str, Any] = call(cloud, caller, "listTemplates", templatefilter="self", id=id)["template"][0]
    return row


def test_registered_fetched_and_ready(cloud: Cloud, zone: Built) -> None:
    made = register(cloud, zone.caller, zone, checksum="{SHA-256}" + "a" * 64, passwordenabled="true")
    assert (made["isready"], made["zoneid"], made["crossZones"]) == (False, zone.zone.uuid, False)
    until(lambda: told(cloud, zone.caller, made["id"])["isready"])
    ready = told(cloud, zone.caller, made["id"])
    assert (ready["status"], ready["size"], ready["physicalsize"]) == ("Download Complete", 1 << 30, 50 << 20)
    assert ready["downloaddetails"] == [{"datastore": "z1-images", "downloadPercent": "100", "downloadState": "DOWNLOADED"}]
    assert ready["passwordenabled"]


def test_progress_is_told_and_a_failure_says_why_and_leaves_nothing(cloud: Cloud, zone: Built) -> None:
    store = f"store-{zone.store.uuid}"
    cloud.world.faults.delay(f"{store}/fetch", 2.0)
    made = register(cloud, zone.caller, zone)
    until(lambda: any(0 < at.progress < 1 for at in cloud.db.read().all(TemplateAt, TemplateAt.c.state == "Downloading")))
    assert "Downloaded" in told(cloud, zone.caller, made["id"])["status"]
    cloud.world.faults.delay(f"{store}/fetch", 0)
    cloud.world.faults.fail(f"{store}/fetch", Refused("the image is encrypted"))
    bad = register(cloud, zone.caller, zone, name="bad")
    until(lambda: told(cloud, zone.caller, bad["id"])["status"] == "the image is encrypted")
    assert not told(cloud, zone.caller, bad["id"])["isready"]
    assert cloud.world.get(store, "image", f"t-{bad['id']}") is None


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"url": "file:///etc/passwd"}, "http or https"),
        ({"url": "ftp://images.example.com/a.qcow2"}, "http or https"),
        ({"url": "http://127.0.0.1/a.qcow2"}, "internal address"),
        ({"url": "http://[::1]/a.qcow2"}, "internal address"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "internal address"),
        ({"url": "http://root:pass@images.example.com/a"}, "user name or password"),
        ({"checksum": "nonsense"}, "not a checksum"),
        ({"format": "EXE"}, "not one of"),
        ({"hypervisor": "XenServer"}, "not one of"),
        ({"directdownload": "true"}, "direct downloads"),
        ({"zoneids": "-1"}, "only one"),
    ],
)
def test_what_can_be_refused_without_looking_is(cloud: Cloud, zone: Built, params: dict[str, Any], why: str) -> None:
    before = cloud.db.read().count(Template)
    with pytest.raises(CloudError, match=why):
        register(cloud, zone.caller, zone, **params)
    assert cloud.db.read().count(Template) == before


def test_an_internal_site_is_reached_once_it_is_allowed(cloud: Cloud, zone: Built) -> None:
    cloud.db.write(lambda tx: Setting.by_name["secstorage.allowed.internal.sites"].set(tx, "10.0.0.0/8, 192.168.1.0/24"))
    made = register(cloud, zone.caller, zone, url="http://10.1.2.3/a.qcow2")
    until(lambda: told(cloud, zone.caller, made["id"])["isready"])
    with pytest.raises(ParamError, match="internal address"):
        register(cloud, zone.caller, zone, url="http://192.168.2.1/a.qcow2")


def test_filters(cloud: Cloud, zone: Built) -> None:
    ann, bob = user(cloud, zone, "ann"), user(cloud, zone, "bob")
    builtin = "Tiny Linux (Simulator)"
    secret = register(cloud, ann, zone, name="secret")
    register(cloud, ann, zone, name="open", ispublic="true")
    until(lambda: {"secret", "open"} <= listed(cloud, ann, "selfexecutable"))
    assert listed(cloud, bob, "featured") == {builtin}
    assert listed(cloud, bob, "community") == {"open"}
    assert listed(cloud, bob, "executable") == {builtin, "open"}
    assert listed(cloud, bob, "self") == set()
    assert listed(cloud, ann, "self") == {"secret", "open"}
    assert listed(cloud, zone.caller, "all") == {builtin, "secret", "open"}
    assert listed(cloud, zone.caller, "self") == set()
    assert listed(cloud, zone.caller, "self", listall="true") == {builtin, "secret", "open"}
    eng = cloud.db.write(lambda tx: tx.insert(Domain(name="eng", parent_id=1, path="/eng/", level=1)))
    chief = person(cloud, "chief", "Domain Admin", eng)  # of a domain beside theirs
    assert (listed(cloud, chief, "all"), listed(cloud, chief, "self", listall="true")) == ({builtin, "open"}, set())
    with pytest.raises(ParamError, match="only administrators"):
        listed(cloud, bob, "all")
    call(cloud, ann, "updateTemplatePermissions", id=secret["id"], op="add", accounts="bob")
    assert listed(cloud, bob, "shared") == listed(cloud, bob, "sharedexecutable") == {"secret"}
    assert call(cloud, ann, "listTemplatePermissions", id=secret["id"])["templatepermission"]["account"] == ["bob"]
    with pytest.raises(ParamError, match="does not exist"):
        call(cloud, bob, "updateTemplate", id=secret["id"], name="mine")
    call(cloud, ann, "updateTemplatePermissions", id=secret["id"], op="reset")
    assert listed(cloud, bob, "shared") == set()


def test_users_are_held_to_the_rules_of_publishing(cloud: Cloud, zone: Built) -> None:
    ann = user(cloud, zone, "ann")
    with pytest.raises(Denied):
        register(cloud, ann, zone, isfeatured="true")
    with pytest.raises(Denied):
        register(cloud, ann, zone, templatetype="SYSTEM")
    cloud.db.write(lambda tx: Setting.by_name["allow.public.user.templates"].set(tx, "false"))
    with pytest.raises(Denied):
        register(cloud, ann, zone, ispublic="true")
    made = register(cloud, ann, zone)["id"]
    for command, given in (
        ("updateTemplate", {"templatetype": "SYSTEM"}),
        ("updateTemplatePermissions", {"isfeatured": "true"}),
        ("updateTemplatePermissions", {"ispublic": "true"}),
    ):
        with pytest.raises(Denied):
            call(cloud, ann, command, id=made, **given)
    assert call(cloud, ann, "updateTemplate", id=made, templatetype="user")["template"]["name"] == "debian"


def test_several_zones_and_all_of_them(cloud: Cloud, zone: Built) -> None:
    everywhere = register(cloud, zone.caller, zone, zoneid="-1")
    assert everywhere["crossZones"]
    one = register(cloud, zone.caller, zone, zoneid="", zoneids=zone.zone.uuid, name="one")
    until(lambda: told(cloud, zone.caller, one["id"])["isready"])
    answer = call(cloud, zone.caller, "listTemplates", templatefilter="self", zoneid=zone.zone.uuid)
    assert (answer["count"], len(answer["template"])) == (2, 2)


def test_updated(cloud: Cloud, zone: Built) -> None:
    made = register(cloud, zone.caller, zone)
    new = {"name": "n", "displaytext": "d", "details[0].a": "b", "sshkeyenabled": "true"}
    changed = call(cloud, zone.caller, "updateTemplate", id=made["id"], **new)["template"]
    assert (changed["name"], changed["displaytext"], changed["details"], changed["sshkeyenabled"]) == ("n", "d", {"a": "b"}, True)
    with pytest.raises(ParamError, match="not an ISO"):
        call(cloud, zone.caller, "updateIso", id=made["id"], name="n")


def test_isos(cloud: Cloud, zone: Built) -> None:
    url = "http://images.example.com/netinst.iso"
    with pytest.raises(ParamError, match="operating system"):
        call(cloud, zone.caller, "registerIso", name="netinst", url=url, zoneid=zone.zone.uuid)
    debian = call(cloud, zone.caller, "listOsTypes", description="Debian GNU/Linux 12 (64-bit)")["ostype"][0]["id"]
    made = call(cloud, zone.caller, "registerIso", name="netinst", url=url, zoneid=zone.zone.uuid, ostypeid=debian)["iso"][0]
    assert made["ostypename"] == "Debian GNU/Linux 12 (64-bit)"
    ready = lambda: call(cloud, zone.caller, "listIsos", isofilter="executable").get("iso", [])  # noqa: E731
    until(lambda: [iso["id"] for iso in ready()] == [made["id"]])
    assert "debian" not in listed(cloud, zone.caller, "all")
    done(cloud, zone.caller, "deleteIso", id=made["id"])
    assert ready() == []


def test_deleted_from_stores_at_once_and_from_pools_when_unused(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)
    template = cloud.db.read().find(Template, Template.c.id == vm.template_id)
    assert template is not None
    with pytest.raises(InUse, match="1 machines use it"):
        call(cloud, zone.caller, "deleteTemplate", id=template.uuid)
    done(cloud, zone.caller, "deleteTemplate", id=template.uuid, forced="true")
    assert listed(cloud, zone.caller, "all") == set()
    assert cloud.world.get(f"store-{zone.store.uuid}", "image", template.image_name) is None
    assert template.image_name in in_pools(cloud), "a linked clone needs it"
    cloud.db.write(lambda tx: Setting.by_name["storage.cleanup.interval"].set(tx, "0"))
    cloud.db.write(loop.ensure)
    done(cloud, zone.caller, "destroyVirtualMachine", id=vm.uuid, expunge="true")
    cloud.db.write(lambda tx: loop.wake(tx, ClearStorage))
    until(lambda: template.image_name not in in_pools(cloud))


def test_deleting_ends_a_fetch_under_way(cloud: Cloud, zone: Built) -> None:
    cloud.world.faults.delay(f"store-{zone.store.uuid}/fetch", 30.0)
    made = register(cloud, zone.caller, zone)
    until(lambda: told(cloud, zone.caller, made["id"])["status"].endswith("Downloaded"))
    done(cloud, zone.caller, "deleteTemplate", id=made["id"])
    assert cloud.db.read().find(Template, Template.c.uuid == made["id"]) is None


def test_an_installation_that_fails_is_tried_again_by_the_next(cloud: Cloud, zone: Built) -> None:
    cloud.world.faults.fail("*/install", Refused("the image store at z1 answered 500"))
    template = call(cloud, zone.caller, "listTemplates", templatefilter="featured")["template"][0]["id"]
    small = call(cloud, zone.caller, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    what = {"zoneid": zone.zone.uuid, "templateid": template, "serviceofferingid": small}
    job = finished(cloud, call(cloud, zone.caller, "deployVirtualMachine", **what)["jobid"])
    assert job.state == "failed"
    assert "answered 500" in (job.error or "")
    assert in_pools(cloud) == {}
    new_machine(cloud, zone)
    assert cloud.db.read().count(TaskRow, TaskRow.c.state == "stuck") == 0


def test_os_types_and_categories_of_a_new_installation(cloud: Cloud, zone: Built) -> None:
    categories = call(cloud, zone.caller, "listOsCategories")
    assert (categories["count"], categories["oscategory"][0]["name"]) == (11, "Ubuntu")
    ubuntu = categories["oscategory"][0]["id"]
    types = call(cloud, zone.caller, "listOsTypes", oscategoryid=ubuntu)["ostype"]
    assert types
    assert {row["oscategoryname"] for row in types} == {"Ubuntu"}
    assert call(cloud, zone.caller, "listOsTypes")["count"] == 375
