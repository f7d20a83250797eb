"""What projects own beside rows: machines, disks, networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core import wire
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError, Unsupported, WrongState
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import root_caller
from cloudwright.identity.project.model import Project
from cloudwright.operations.webhook.model import Delivery, Webhook, WebhookFilter
from cloudwright.storage.model import DiskOffering, Template, Volume
from tests.conftest import finished
from tests.identity.conftest import Tenants, account
from tests.infrastructure.zone import simulated_zone
from tests.installed import KEY, installed


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A zone, and project apollo of ann, where bob is a member and cat one who may only look; in it a machine."""
    cloud = Cloud(installed(tmp_path_factory.mktemp("db")), key=KEY, world=MemoryWorld())
    cloud.start()
    try:
        root = root_caller(cloud.db.read())
        tenants = Tenants(cloud=cloud, root=root, domains={})
        tenants.domains["eng"] = tenants.call(root, "createDomain", name="eng")["domain"]["id"]
        for name in ("ann", "bob", "cat", "dot"):
            account(cloud, root, name, 0, tenants.domains["eng"])
        account(cloud, root, "eva", 2, tenants.domains["eng"])
        simulated_zone(cloud, hosts=2)
        tenants.project = job(tenants, "ann", "createProject", name="apollo").instance_uuid
        role = tenants.call("ann", "createProjectRole", projectid=tenants.project, name="guest")["projectrole"]["id"]
        for rule, permission in (("list*", "allow"), ("*", "deny")):
            about = {"projectroleid": role, "rule": rule, "permission": permission}
            tenants.call("ann", "createProjectRolePermission", projectid=tenants.project, **about)
        job(tenants, "ann", "addAccountToProject", projectid=tenants.project, account="bob")
        job(tenants, "ann", "addAccountToProject", projectid=tenants.project, account="cat", projectroleid=role)
        tenants.vm = deploy(tenants, "bob", projectid=tenants.project, name="rocket")
        yield tenants
    finally:
        cloud.stop()


def job(scene: Any, who: Any, command: str, **params: Any) -> Any:
    row = finished(scene.cloud, scene.call(who, command, **params)["jobid"])
    assert row.state == "done", (command, row.error)
    return row


def deploy(scene: Any, who: Any, **params: Any) -> str:
    zone = scene.call(who, "listZones")["zone"][0]["id"]
    template = scene.call(who, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    service = scene.call(who, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    about = {"zoneid": zone, "templateid": template, "serviceofferingid": service}
    id: str = job(scene, who, "deployVirtualMachine", **about, **params).instance_uuid
    return id


def seen(scene: Any, who: Any, command: str, key: str, **params: Any) -> int:
    return len(scene.call(who, command, **params).get(key, []))


def test_a_machine_of_a_project_has_all_it_needs_from_the_project(scene):
    vm = scene.call("bob", "listVirtualMachines", projectid=scene.project)["virtualmachine"][0]
    assert (vm["id"], vm["state"], vm["project"], vm.get("account")) == (scene.vm, "Running", "apollo", None)
    for command, key in (("listNetworks", "network"), ("listVolumes", "volume"), ("listRouters", "router")):
        told = scene.call(scene.root, command, projectid=scene.project)[key]
        assert [row["project"] for row in told] == ["apollo"], command
        assert seen(scene, "ann", command, key) == 0, command
        assert seen(scene, scene.root, command, key, listall="true") == 0, command
        assert seen(scene, scene.root, command, key, listall="true", projectid="-1") == 1, command
        assert seen(scene, "eva", command, key, projectid="-1") == 1, command
    assert scene.call("ann", "listProjects")["project"][0]["vmrunning"] == 1


@pytest.mark.parametrize(
    ("who", "refused"), [("ann", None), ("bob", None), ("eva", None), ("cat", Unsupported), ("dot", CloudError)]
)
def test_members_use_what_is_the_projects_as_their_role_there_says(scene, who, refused):
    if refused is None:
        assert scene.call(who, "updateVirtualMachine", id=scene.vm, displayname=who)["virtualmachine"]["displayname"] == who
        job(scene, who, "rebootVirtualMachine", id=scene.vm)
        return
    for command in ("updateVirtualMachine", "rebootVirtualMachine", "destroyVirtualMachine"):
        with pytest.raises(refused):
            scene.call(who, command, id=scene.vm)
    assert seen(scene, who, "listVirtualMachines", "virtualmachine", projectid="-1") == (who == "cat")


def test_a_job_of_a_project_is_its_members(scene):
    id = scene.call("ann", "rebootVirtualMachine", id=scene.vm)["jobid"]
    finished(scene.cloud, id)
    assert scene.call("bob", "queryAsyncJobResult", jobid=id)["jobstatus"] == 1
    with pytest.raises(CloudError):
        scene.call("dot", "queryAsyncJobResult", jobid=id)


def test_a_suspended_project_runs_nothing(scene):
    id = job(scene, "ann", "createProject", name="gemini").instance_uuid
    vm = deploy(scene, "ann", projectid=id)
    job(scene, "ann", "suspendProject", id=id)
    told = scene.call("ann", "listProjects", id=id)["project"][0]
    assert (told["state"], told["vmrunning"], told["vmstopped"]) == ("Suspended", 0, 1)
    with pytest.raises(WrongState, match="Project gemini is Suspended"):
        scene.call("ann", "startVirtualMachine", id=vm)
    job(scene, "ann", "activateProject", id=id)
    job(scene, "ann", "startVirtualMachine", id=vm)
    with pytest.raises(CloudError, match=r"owns .*1 vm"):
        scene.call("ann", "deleteProject", id=id)
    job(scene, "ann", "deleteProject", id=id, cleanup="true")
    assert seen(scene, scene.root, "listVirtualMachines", "virtualmachine", id=vm) == 0
    assert seen(scene, scene.root, "listNetworks", "network", listall="true", projectid="-1") == 1


def test_a_machine_and_a_disk_change_hands(scene):
    vm = deploy(scene, "ann", name="shuttle")
    about = {"virtualmachineid": vm, "projectid": scene.project}
    with pytest.raises(WrongState, match="it is Running"):
        scene.call("eva", "assignVirtualMachine", **about)
    job(scene, "ann", "stopVirtualMachine", id=vm)
    [old] = scene.call("ann", "listVirtualMachines", id=vm)["virtualmachine"][0]["nic"]
    with pytest.raises(CloudError, match="networkids"):
        scene.call("eva", "assignVirtualMachine", networkids=old["networkid"], **about)
    told = scene.call("eva", "assignVirtualMachine", **about)["virtualmachine"]
    assert (told["project"], told.get("account"), told["nic"][0]["networkname"][:14]) == ("apollo", None, "PrjAcct-apollo")
    assert seen(scene, "ann", "listVolumes", "volume", virtualmachineid=vm) == 0
    disks = scene.call("bob", "listVolumes", virtualmachineid=vm, projectid=scene.project)["volume"]
    assert [disk["project"] for disk in disks] == ["apollo"]
    job(scene, "bob", "startVirtualMachine", id=vm)
    size = scene.call("bob", "listDiskOfferings", name="Small")["diskoffering"][0]["id"]
    zone = scene.call("bob", "listZones")["zone"][0]["id"]
    disk = job(scene, "bob", "createVolume", name="d", diskofferingid=size, zoneid=zone).instance_uuid
    assert scene.call("eva", "assignVolume", volumeid=disk, projectid=scene.project)["volume"]["project"] == "apollo"
    with pytest.raises(WrongState, match="attached"):
        scene.call("eva", "assignVolume", volumeid=disks[0]["id"], accountid=scene.fresh("ann").account_uuid)
    told = scene.call("eva", "assignVolume", volumeid=disk, accountid=scene.fresh("ann").account_uuid)["volume"]
    assert (told["account"], told.get("project")) == ("ann", None)


def test_a_machine_is_on_networks_of_its_owner_alone(scene):
    """Not on a project's because its owner is a member, whoever asks for it."""
    network = scene.call("bob", "listNetworks", projectid=scene.project)["network"][0]["id"]
    own = deploy(scene, "bob", name="own")
    whose = {"account": "bob", "domainid": scene.domains["eng"]}
    for who, more in (("bob", {}), ("eva", whose), (scene.root, whose)):
        for named in ({"networkids": network}, {"iptonetworklist[0].networkid": network}):
            with pytest.raises(CloudError, match="account bob may not use network"):
                deploy(scene, who, **named, **more)
        with pytest.raises(CloudError, match="account bob may not use network"):
            scene.call(who, "addNicToVirtualMachine", virtualmachineid=own, networkid=network)
    mine = scene.call("bob", "listVirtualMachines", id=own)["virtualmachine"][0]["nic"][0]["networkid"]
    with pytest.raises(CloudError, match="the project may not use network"):
        scene.call("bob", "addNicToVirtualMachine", virtualmachineid=scene.vm, networkid=mine)


def test_the_role_in_a_project_is_asked_however_a_thing_is_named(scene):
    network = scene.call("bob", "listNetworks", projectid=scene.project)["network"][0]["id"]
    tag = {"resourcetype": "UserVm", "resourceids": scene.vm, "tags[0].key": "a", "tags[0].value": "b"}
    with pytest.raises(Unsupported, match="not allowed in project apollo"):
        deploy(scene, "cat", **{"iptonetworklist[0].networkid": network})
    with pytest.raises(Unsupported, match="not allowed in project apollo"):
        scene.call("cat", "createTags", **tag)
    job(scene, "bob", "createTags", **tag)
    address = scene.call("bob", "listPublicIpAddresses", projectid=scene.project)["publicipaddress"][0]["ipaddress"]
    with pytest.raises(Unsupported, match="not allowed in project apollo"):
        scene.call("cat", "disassociateIpAddress", ipaddress=address)
    with pytest.raises(CloudError, match="is for source NAT"):
        scene.call("bob", "disassociateIpAddress", ipaddress=address)
    nic = scene.call("bob", "listVirtualMachines", id=scene.vm)["virtualmachine"][0]["nic"][0]["id"]
    for command, given in (("updateVmNicIp", {}), ("addIpToNic", {}), ("updateVmNic", {"enabled": "true"})):
        with pytest.raises(Unsupported, match="not allowed in project apollo"):
            scene.call("cat", command, nicid=nic, **given)
    job(scene, "bob", "updateVmNic", nicid=nic, enabled="true")
    begun = scene.call("bob", "listAsyncJobs", projectid=scene.project)["asyncjobs"][0]["jobid"]
    with pytest.raises(Unsupported, match="not allowed in project apollo"):
        scene.call("cat", "cancelJob", jobid=begun)
    with pytest.raises(WrongState, match="cannot be cancelled"):
        scene.call("bob", "cancelJob", jobid=begun)


def test_a_part_of_what_is_a_projects_is_the_projects(scene):
    """A filter has no owner of its own: its webhook's is asked."""
    db = scene.cloud.db
    project = db.read().find(Project, Project.c.uuid == scene.project)
    its = {"account_id": project.account_id, "domain_id": project.domain_id}
    hook = Webhook(name="h", url="http://192.0.2.1", state="Disabled", **its)
    whose = db.write(lambda tx: tx.insert(hook)).id
    made = db.write(lambda tx: tx.insert(WebhookFilter(webhook_id=whose, mode="Include", matching="Exact", value="X"))).uuid
    with pytest.raises(Unsupported, match="not allowed in project apollo"):
        scene.call("cat", "deleteWebhookFilter", id=made)
    scene.call("bob", "deleteWebhookFilter", id=made)


def test_a_group_of_a_project_tells_its_members_what_is_in_it(scene):
    group = job(scene, "bob", "createAffinityGroup", name="g", type="host affinity", projectid=scene.project).instance_uuid
    vm = deploy(scene, "bob", projectid=scene.project, affinitygroupids=group, startvm="false")
    for who in ("ann", "bob", "cat", "eva"):
        assert scene.call(who, "listAffinityGroups", id=group)["affinitygroup"][0]["virtualmachineIds"] == [vm], who


def test_whose_role_only_looks_tidies_no_events_away(scene):
    begun = {"type": "PROJECT.ACCOUNT.ADD"}

    def left(**archived):
        return seen(scene, "bob", "listEvents", "event", projectid=scene.project, **begun, **archived)

    number = left()
    for command, archived in (("archiveEvents", {}), ("deleteEvents", {"archived": "true"})):
        for who, still in (("cat", number), ("bob", 0)):
            scene.call(who, command, **begun)
            assert left(**archived) == still
    assert number > 0
    db = scene.cloud.db
    project = db.read().find(Project, Project.c.uuid == scene.project)
    told = Delivery(account_id=project.account_id, domain_id=project.domain_id, due=0, payload="", state="Done")
    id = db.write(lambda tx: tx.insert(told)).id
    for who, still in (("cat", 1), ("bob", 0)):
        scene.call(who, "deleteWebhookDelivery", startdate="2020-01-01")
        assert db.read().count(Delivery, Delivery.c.id == id) == still


def test_a_machine_goes_to_nobody_who_may_not_see_what_it_is_made_of(scene):
    vm = deploy(scene, "bob", name="secret", startvm="false")
    about = {"virtualmachineid": vm, "account": "ann", "domainid": scene.domains["eng"], "dryrun": "true"}
    db, reader = scene.cloud.db, scene.cloud.db.read()
    row = reader.find(Vm, Vm.c.uuid == vm)
    assert "dryrun" in str(
        scene.cloud.runner.run(Verb.by_name["assignVirtualMachine"], scene.fresh("eva"), wire.Parameters(about))
    )
    for kind, at, hidden in (
        (Template, row.template_id, {"public": False, "featured": False}),
        (ServiceOffering, row.service_offering_id, {"system_vm": "domainrouter"}),
    ):
        before = {name: getattr(reader.get(kind, at), name) for name in hidden}
        for values, refused in ((hidden, True), (before, False)):
            db.write(lambda tx, kind=kind, at=at, values=values: tx.update(tx.get(kind, at), **values))
            if refused:
                with pytest.raises(CloudError, match=f"account ann may not use {kind.kind.replace('_', ' ')}"):
                    scene.call("eva", "assignVirtualMachine", **about)


def test_a_template_is_shared_with_a_project(scene):
    root, share = scene.root, "updateTemplatePermissions"
    made = scene.call(root, "listTemplates", templatefilter="featured")["template"][0]["id"]
    shared = {"templatefilter": "shared"}
    assert seen(scene, "bob", "listTemplates", "template", **shared) == 0
    with pytest.raises(CloudError, match="entity does not exist"):
        scene.call("ann", share, id=made, op="add", projectids=scene.project)
    scene.call(root, share, id=made, op="add", projectids=scene.project)
    assert [seen(scene, who, "listTemplates", "template", **shared) for who in ("ann", "bob", "dot")] == [1, 1, 0]
    assert scene.call(root, "listTemplatePermissions", id=made)["templatepermission"]["projectids"] == [scene.project]
    scene.call(root, share, id=made, op="remove", projectids=scene.project)
    assert seen(scene, "bob", "listTemplates", "template", **shared) == 0


def test_a_disk_goes_to_nobody_to_whom_its_offering_is_not_offered(scene):
    size = scene.call("bob", "listDiskOfferings", name="Small")["diskoffering"][0]["id"]
    zone = scene.call("bob", "listZones")["zone"][0]["id"]
    disk = job(scene, "bob", "createVolume", name="d", diskofferingid=size, zoneid=zone).instance_uuid
    vm = deploy(scene, "bob", name="disks", startvm="false")
    db, reader = scene.cloud.db, scene.cloud.db.read()
    offering, root_disk = reader.find(DiskOffering, DiskOffering.c.uuid == size), _root_disk(reader, vm)
    db.write(lambda tx: tx.update(tx.get(Volume, root_disk), disk_offering_id=offering.id))
    db.write(lambda tx: tx.update(tx.get(DiskOffering, offering.id), public=False))
    to = {"account": "ann", "domainid": scene.domains["eng"]}
    with pytest.raises(CloudError, match="account ann may not use disk offering Small"):
        scene.call("eva", "assignVolume", volumeid=disk, accountid=scene.fresh("ann").account_uuid)
    with pytest.raises(CloudError, match="account ann may not use disk offering Small"):
        scene.call("eva", "assignVirtualMachine", virtualmachineid=vm, **to)
    db.write(lambda tx: tx.update(tx.get(DiskOffering, offering.id), public=True))
    scene.call("eva", "assignVolume", volumeid=disk, accountid=scene.fresh("ann").account_uuid)
    assert "dryrun" in str(scene.call("eva", "assignVirtualMachine", virtualmachineid=vm, dryrun="true", **to))


def _root_disk(reader, vm):
    return reader.find(Volume, Volume.c.vm_id == reader.find(Vm, Vm.c.uuid == vm).id).id
