"""ISOs in drives, root disks made anew, and the password for who holds the key; on simulated hosts."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.secret import Secret
from cloudwright.core.task import TaskRow
from cloudwright.drivers.error import Refused
from cloudwright.drivers.hypervisor.contract import Disk, Machine
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import Template, TemplateAt, Volume
from cloudwright.storage.template.delete import needed_in_pool
from tests.compute.test_vm import deploy, told
from tests.conftest import call, done, finished
from tests.infrastructure.zone import Built, simulated_zone
from tests.proofs.oracle import leaks


@pytest.fixture
def zone(cloud: Cloud) -> Built:
    return simulated_zone(cloud, hosts=2)


def iso(cloud: Cloud, zone: Built, name: str = "netinst", **more: Any) -> str:
    """A registered ISO, ready."""
    debian = call(cloud, zone.caller, "listOsTypes")["ostype"][0]["id"]
    url = f"http://images.example.com/{name}.iso"
    made = call(cloud, zone.caller, "registerIso", name=name, url=url, zoneid=zone.zone.uuid, ostypeid=debian, **more)["iso"][0]
    for task in cloud.db.read().all(TaskRow, TaskRow.c.live == 1, TaskRow.c.subject.like("template%")):
        assert finished(cloud, task.uuid).state == "done"
    return str(made["id"])


def disks(cloud: Cloud, vm: Vm) -> list[Disk]:
    """What a running machine's host knows of its disks, CD-ROM included."""
    host = cloud.db.read().get(Host, cloud.db.read().get(Vm, vm.id).host_id or 0)
    value = cloud.world.get(host.uuid, "machine", vm.instance_name)
    assert value is not None
    return msgspec.json.decode(str(value["machine"]), type=Machine).disks


def drive(cloud: Cloud, vm: Vm) -> str:
    """The path in a running machine's drive."""
    return next((disk.path for disk in disks(cloud, vm) if disk.cdrom), "")


def test_an_iso_goes_in_and_out_of_a_running_machine(cloud: Cloud, zone: Built) -> None:
    vm, image = deploy(cloud, zone, name="web"), iso(cloud, zone)
    other = iso(cloud, zone, "other")
    done(cloud, zone.caller, "attachIso", id=image, virtualmachineid=vm.uuid)
    assert told(cloud, vm)["isoid"] == image
    assert f"t-{image}" in drive(cloud, vm)
    with pytest.raises(ParamError, match="is not in the drive"):
        call(cloud, zone.caller, "detachIso", virtualmachineid=vm.uuid, id=other)
    done(cloud, zone.caller, "attachIso", id=other, virtualmachineid=vm.uuid)
    assert f"t-{other}" in drive(cloud, vm)
    done(cloud, zone.caller, "detachIso", virtualmachineid=vm.uuid)
    assert not {"isoid", "isos", "diskofferingid"} & told(cloud, vm).keys()
    assert drive(cloud, vm) == ""
    with pytest.raises(ParamError, match="is empty"):
        call(cloud, zone.caller, "detachIso", virtualmachineid=vm.uuid)
    with pytest.raises(ParamError, match="not an ISO"):
        call(cloud, zone.caller, "attachIso", id=told(cloud, vm)["templateid"], virtualmachineid=vm.uuid)
    assert leaks(cloud) == []


def test_a_drive_that_refuses_keeps_what_it_had(cloud: Cloud, zone: Built) -> None:
    vm, image = deploy(cloud, zone, name="web"), iso(cloud, zone)
    other = iso(cloud, zone, "other")
    done(cloud, zone.caller, "attachIso", id=image, virtualmachineid=vm.uuid)
    cloud.world.faults.fail("*/insert_media", Refused("the tray is stuck"))
    job = finished(cloud, call(cloud, zone.caller, "attachIso", id=other, virtualmachineid=vm.uuid)["jobid"])
    assert job.state == "failed"
    assert told(cloud, vm)["isoid"] == image
    assert f"t-{image}" in drive(cloud, vm)


def test_a_stopped_machine_finds_its_iso_at_its_start_and_keeps_it_in_the_pool(cloud: Cloud, zone: Built) -> None:
    vm, image = deploy(cloud, zone, name="web"), iso(cloud, zone)
    done(cloud, zone.caller, "stopVirtualMachine", id=vm.uuid)
    done(cloud, zone.caller, "attachIso", id=image, virtualmachineid=vm.uuid)
    done(cloud, zone.caller, "startVirtualMachine", id=vm.uuid)
    assert f"t-{image}" in drive(cloud, vm)
    reader = cloud.db.read()
    now = reader.get(Vm, vm.id)
    place = reader.find(TemplateAt, TemplateAt.c.template_id == now.iso_id, TemplateAt.c.pool_id != 0)
    assert place is not None
    assert place.state == "Ready"
    assert reader.count(Volume, needed_in_pool(place)) == 1
    with pytest.raises(InUse, match="machines use it"):
        call(cloud, zone.caller, "deleteIso", id=image)


def test_a_machine_boots_from_an_iso(cloud: Cloud, zone: Built) -> None:
    image = iso(cloud, zone, bootable="true")
    offering = call(cloud, zone.caller, "listDiskOfferings", name="Small")["diskoffering"][0]["id"]
    vm = deploy(cloud, zone, name="web", templateid=image, diskofferingid=offering, hypervisor="Simulator")
    row = told(cloud, vm)
    assert (row["isoid"], row["state"]) == (image, "Running")
    inside = {"id": image, "name": "netinst", "displaytext": row["isodisplaytext"], "deviceseq": 3, "bootable": True}
    assert (row["isos"], row["isomaxcount"]) == ([inside], 1)
    assert (row["diskofferingid"], row["rootdevicetype"]) == (offering, "ROOT")
    assert f"t-{image}" in drive(cloud, vm)
    done(cloud, zone.caller, "restoreVirtualMachine", virtualmachineid=vm.uuid)
    assert f"t-{image}" in drive(cloud, vm)
    assert leaks(cloud) == []


def root(cloud: Cloud, vm: Vm) -> Volume:
    row = cloud.db.read().find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    assert row is not None
    return row


@pytest.mark.parametrize("state", ["Running", "Stopped"])
@pytest.mark.parametrize("expunge", ["false", "true"])
def test_restoring_gives_a_new_root_disk(cloud: Cloud, zone: Built, state: str, expunge: str) -> None:
    vm = deploy(cloud, zone, name="web")
    if state == "Stopped":
        done(cloud, zone.caller, "stopVirtualMachine", id=vm.uuid)
    old, place = root(cloud, vm), cloud.db.read().get(Vm, vm.id).host_id
    done(cloud, zone.caller, "restoreVirtualMachine", virtualmachineid=vm.uuid, expunge=expunge, rootdisksize="8")
    new, now = root(cloud, vm), cloud.db.read().get(Vm, vm.id)
    assert (now.state, now.host_id) == (state, place)
    assert new.id != old.id
    assert (new.state, new.size, new.name) == ("Ready", 8 << 30, old.name)
    if expunge == "true":
        for task in cloud.db.read().all(TaskRow, TaskRow.c.kind_name == "RemoveVolume"):
            finished(cloud, task.uuid)
        assert cloud.db.read().get(Volume, old.id).gone
    else:
        assert cloud.db.read().get(Volume, old.id).state == "Destroy"
    if state == "Stopped":
        done(cloud, zone.caller, "startVirtualMachine", id=vm.uuid)
    volumes = [disk.volume for disk in disks(cloud, vm)]
    assert new.disk_name in volumes
    assert old.disk_name not in volumes
    assert leaks(cloud) == []


def test_a_restore_that_fails_leaves_the_old_disk(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    old = root(cloud, vm)
    cloud.world.faults.fail("*/start", Refused("no such processor"))
    job = finished(cloud, call(cloud, zone.caller, "restoreVirtualMachine", virtualmachineid=vm.uuid)["jobid"])
    assert job.state == "failed"
    assert cloud.db.read().get(Vm, vm.id).state == "Running"
    assert root(cloud, vm).id == old.id
    assert cloud.db.read().get(Volume, old.id).state == "Ready"
    assert leaks(cloud) == []


def test_what_cannot_be_restored_is_refused(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    grown = Template.t.update().where(Template.c.id == vm.template_id).values(size=3 << 30)
    cloud.db.write(lambda tx: tx.execute(grown))
    with pytest.raises(ParamError, match="less than the template"):
        call(cloud, zone.caller, "restoreVirtualMachine", virtualmachineid=vm.uuid, rootdisksize="1")
    done(cloud, zone.caller, "destroyVirtualMachine", id=vm.uuid)
    with pytest.raises(WrongState, match="it is Destroyed"):
        call(cloud, zone.caller, "restoreVirtualMachine", virtualmachineid=vm.uuid)


def test_only_the_holder_of_the_key_reads_the_password(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    with pytest.raises(ParamError, match="has no password"):
        call(cloud, zone.caller, "getVMPassword", id=vm.uuid)
    key = rsa.generate_private_key(65537, 2048)
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    made = call(cloud, zone.caller, "createSSHKeyPair", name="ed25519")["keypair"]
    assert "privatekey" in made
    call(cloud, zone.caller, "registerSSHKeyPair", name="rsa", publickey=line)
    cloud.db.write(lambda tx: tx.update(tx.get(Vm, vm.id), password=Secret("Sesam-9"), password_enabled=True))
    done(cloud, zone.caller, "stopVirtualMachine", id=vm.uuid)
    done(cloud, zone.caller, "resetSSHKeyForVirtualMachine", id=vm.uuid, keypair="ed25519")
    with pytest.raises(ParamError, match="no RSA key"):
        call(cloud, zone.caller, "getVMPassword", id=vm.uuid)
    done(cloud, zone.caller, "resetSSHKeyForVirtualMachine", id=vm.uuid, keypairs="ed25519,rsa")
    sealed = call(cloud, zone.caller, "getVMPassword", id=vm.uuid)["password"]["encryptedpassword"]
    assert key.decrypt(base64.b64decode(sealed), padding.PKCS1v15()) == b"Sesam-9"
