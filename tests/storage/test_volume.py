"""A data disk's life on simulated hosts, through the commands."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core import loop
from cloudwright.core.error import CloudError, ParamError, WrongState
from cloudwright.core.setting import Setting
from cloudwright.drivers.error import Refused
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool, TemplateAt, Volume
from cloudwright.storage.upkeep import ClearStorage, MeasureStorage
from tests.conftest import call, done, finished
from tests.infrastructure.zone import Built
from tests.storage.conftest import fresh, in_pools, new_machine, new_volume, offering, until, user

GIB = 1 << 30


def reserved(cloud: Cloud, zone: Built) -> int:
    return int(fresh(cloud, zone.pool).reserved)


def test_allocated_until_attached_then_made_plugged_unplugged(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)
    before = reserved(cloud, zone)
    volume = new_volume(cloud, zone)
    assert (volume.state, volume.pool_id, volume.size) == ("Allocated", None, 5 * GIB)
    assert volume.disk_name not in in_pools(cloud)
    done(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)
    told = call(cloud, zone.caller, "listVolumes", id=volume.uuid)["volume"][0]
    assert (told["state"], told["virtualmachineid"], told["deviceid"], told["storage"]) == ("Ready", vm.uuid, 1, "primary")
    assert in_pools(cloud)[volume.disk_name]["size"] == 5 * GIB
    assert reserved(cloud, zone) == before + 5 * GIB
    host = cloud.db.read().get(Host, vm.host_id or 0)
    assert volume.disk_name in str(cloud.world.get(host.uuid, "machine", vm.instance_name))
    done(cloud, zone.caller, "detachVolume", id=volume.uuid)
    assert volume.disk_name not in str(cloud.world.get(host.uuid, "machine", vm.instance_name))
    told = call(cloud, zone.caller, "listVolumes", id=volume.uuid)["volume"][0]
    assert "virtualmachineid" not in told
    call(cloud, zone.caller, "deleteVolume", id=volume.uuid)
    until(lambda: fresh(cloud, volume).gone != 0)
    assert volume.disk_name not in in_pools(cloud)
    assert reserved(cloud, zone) == before


def test_attach_to_a_machine_never_started_is_made_at_its_start(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone, startvm="false")
    root = cloud.db.read().find(Volume, Volume.c.vm_id == vm.id)
    assert root is not None
    volume = new_volume(cloud, zone)
    done(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid, deviceid=5)
    done(cloud, zone.caller, "startVirtualMachine", id=vm.uuid)
    now = fresh(cloud, volume)
    assert (now.state, now.slot) == ("Ready", 5)
    assert volume.disk_name in in_pools(cloud)


def test_a_failed_attach_leaves_the_volume_as_it_was(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)
    before = reserved(cloud, zone)
    volume = new_volume(cloud, zone)
    cloud.world.faults.fail("*/attach_disk", Refused("the bus is full"))
    job = finished(cloud, call(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)["jobid"])
    assert job.state == "failed"
    assert "the bus is full" in (job.error or "")
    now = fresh(cloud, volume)
    assert (now.state, now.vm_id, now.slot, now.pool_id) == ("Allocated", None, None, None)
    assert volume.disk_name not in in_pools(cloud)
    assert reserved(cloud, zone) == before


@pytest.mark.parametrize("verb", ["create", "locate"])
def test_attach_fails_clean_wherever_the_pool_refuses(cloud: Cloud, zone: Built, verb: str) -> None:
    vm = new_machine(cloud, zone)
    before = reserved(cloud, zone)
    volume = new_volume(cloud, zone)
    cloud.world.faults.fail(f"*/{verb}", Refused("no"))
    job = finished(cloud, call(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)["jobid"])
    assert job.state == "failed"
    assert fresh(cloud, volume).state == "Allocated"
    assert (reserved(cloud, zone), volume.disk_name in in_pools(cloud)) == (before, False)


def test_slots_and_states_are_held_to(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)
    volume = new_volume(cloud, zone)
    for device in (0, 3, 26):
        with pytest.raises(CloudError):
            call(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid, deviceid=device)
    done(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid, deviceid=1)
    with pytest.raises(WrongState, match="attached to"):
        call(cloud, zone.caller, "deleteVolume", id=volume.uuid)
    with pytest.raises(WrongState, match="attached to"):
        call(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)
    root = cloud.db.read().find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    assert root is not None
    with pytest.raises(WrongState, match="root disk"):
        call(cloud, zone.caller, "detachVolume", id=root.uuid)
    done(cloud, zone.caller, "detachVolume", virtualmachineid=vm.uuid, deviceid=1)


def test_made_at_once_in_a_named_pool(cloud: Cloud, zone: Built) -> None:
    volume = new_volume(cloud, zone, storageid=zone.pool.uuid)
    assert (volume.state, volume.pool_id) == ("Ready", zone.pool.id)
    assert volume.disk_name in in_pools(cloud)


def test_grows_offline_and_live_and_never_shrinks_unasked(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)
    custom = {"diskofferingid": offering(cloud, "Custom")}
    volume = new_volume(cloud, zone, size=2, storageid=zone.pool.uuid, **custom)
    start = reserved(cloud, zone)
    done(cloud, zone.caller, "resizeVolume", id=volume.uuid, size=4)
    assert (fresh(cloud, volume).size, in_pools(cloud)[volume.disk_name]["size"]) == (4 * GIB, 4 * GIB)
    done(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)
    done(cloud, zone.caller, "resizeVolume", id=volume.uuid, size=6)
    assert (fresh(cloud, volume).size, in_pools(cloud)[volume.disk_name]["size"]) == (6 * GIB, 6 * GIB)
    with pytest.raises(ParamError, match="loses what lies beyond"):
        call(cloud, zone.caller, "resizeVolume", id=volume.uuid, size=3)
    with pytest.raises(WrongState, match="only shrink while"):
        call(cloud, zone.caller, "resizeVolume", id=volume.uuid, size=3, shrinkok="true")
    done(cloud, zone.caller, "detachVolume", id=volume.uuid)
    done(cloud, zone.caller, "resizeVolume", id=volume.uuid, size=3, shrinkok="true")
    assert reserved(cloud, zone) == start + 1 * GIB


def test_a_failed_resize_gives_the_room_back(cloud: Cloud, zone: Built) -> None:
    volume = new_volume(cloud, zone, size=2, diskofferingid=offering(cloud, "Custom"), storageid=zone.pool.uuid)
    before = reserved(cloud, zone)
    cloud.world.faults.fail("*/resize", Refused("no"))
    job = finished(cloud, call(cloud, zone.caller, "resizeVolume", id=volume.uuid, size=9)["jobid"])
    assert job.state == "failed"
    now = fresh(cloud, volume)
    assert (now.state, now.size, reserved(cloud, zone)) == ("Ready", 2 * GIB, before)


def test_destroyed_recovered_protected_and_expunged_in_time(cloud: Cloud, zone: Built) -> None:
    volume = new_volume(cloud, zone, storageid=zone.pool.uuid)
    done(cloud, zone.caller, "updateVolume", id=volume.uuid, deleteprotection="true", name="kept")
    with pytest.raises(CloudError, match="protected"):
        call(cloud, zone.caller, "destroyVolume", id=volume.uuid)
    done(cloud, zone.caller, "updateVolume", id=volume.uuid, deleteprotection="false")
    done(cloud, zone.caller, "destroyVolume", id=volume.uuid)
    assert fresh(cloud, volume).state == "Destroy"
    assert call(cloud, zone.caller, "recoverVolume", id=volume.uuid)["volume"]["state"] == "Ready"
    done(cloud, zone.caller, "destroyVolume", id=volume.uuid)
    cloud.db.write(loop.ensure)
    cloud.db.write(lambda tx: Setting.by_name["storage.cleanup.delay"].set(tx, "0"))
    cloud.db.write(lambda tx: Setting.by_name["storage.cleanup.interval"].set(tx, "0"))
    cloud.db.write(lambda tx: loop.wake(tx, ClearStorage))
    until(lambda: fresh(cloud, volume).gone != 0)
    assert volume.disk_name not in in_pools(cloud)


def test_an_expunge_survives_a_pool_that_fails_for_a_while(cloud: Cloud, zone: Built) -> None:
    volume = new_volume(cloud, zone, storageid=zone.pool.uuid)
    cloud.world.faults.fail("*/remove", times=3)
    done(cloud, zone.caller, "destroyVolume", id=volume.uuid, expunge="true")
    assert volume.disk_name not in in_pools(cloud)


def test_whole_copies_where_the_pool_is_told_so(cloud: Cloud, zone: Built) -> None:
    cloud.db.write(lambda tx: Setting.by_name["create.full.clone"].set(tx, "true", "storagepool", zone.pool.id))
    vm = new_machine(cloud, zone)
    root = cloud.db.read().find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    assert root is not None
    assert root.full_clone
    assert in_pools(cloud)[root.disk_name]["backing"] == ""


def test_linked_clones_by_default_share_one_installation(cloud: Cloud, zone: Built) -> None:
    for _ in range(2):
        new_machine(cloud, zone)
    places = cloud.db.read().all(TemplateAt, TemplateAt.c.pool_id == zone.pool.id)
    assert [place.state for place in places] == ["Ready"]
    roots = [value for name, value in in_pools(cloud).items() if name.startswith("v-")]
    assert len(roots) == 2
    assert {value["backing"] for value in roots} == {name for name in in_pools(cloud) if name.startswith("t-")}


def test_users_see_their_own_and_not_where_it_lies(cloud: Cloud, zone: Built) -> None:
    ann, bob = user(cloud, zone, "ann"), user(cloud, zone, "bob")
    job = done(cloud, ann, "createVolume", diskofferingid=offering(cloud, "Small"), zoneid=zone.zone.uuid, name="hers")
    mine = call(cloud, ann, "listVolumes")["volume"]
    assert [row["name"] for row in mine] == ["hers"]
    assert "storageid" not in mine[0]
    assert call(cloud, bob, "listVolumes", listall="true") == {}
    with pytest.raises(ParamError, match="does not exist"):
        call(cloud, bob, "deleteVolume", id=job.instance_uuid)
    assert call(cloud, ann, "listVolumes", retrieveonlyresourcecount="true") == {"count": 1}
    done(cloud, zone.caller, "updateVolume", id=job.instance_uuid, displayvolume="false")
    assert call(cloud, ann, "listVolumes") == {}
    assert call(cloud, zone.caller, "listVolumes", id=job.instance_uuid)["count"] == 1


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"size": 7}, "has 5 GiB and cannot have 7"),
        ({"snapshotid": "6d3b3c1e-6f4e-4d6e-9a53-4c1f0ad0a0aa"}, "snapshots"),
        ({"miniops": 5}, "guaranteed"),
        ({"zoneid": ""}, "zoneid"),
    ],
)
def test_what_cannot_be_made_says_why(cloud: Cloud, zone: Built, params: dict[str, object], why: str) -> None:
    given = {"diskofferingid": offering(cloud, "Small"), "zoneid": zone.zone.uuid, **params}
    with pytest.raises(CloudError, match=why):
        call(cloud, zone.caller, "createVolume", **given)


def test_pools_are_measured(cloud: Cloud, zone: Built) -> None:
    cloud.db.write(loop.ensure)
    new_volume(cloud, zone, storageid=zone.pool.uuid)
    cloud.db.write(lambda tx: loop.wake(tx, MeasureStorage))
    until(lambda: fresh(cloud, zone.pool).used > 0)
    until(lambda: fresh(cloud, zone.store).capacity > 0)
    assert cloud.db.read().count(StoragePool) >= 1
