"""Volumes that get another disk offering."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import ParamError
from cloudwright.storage.model import StoragePool, Volume
from tests.conftest import call, done
from tests.infrastructure.zone import Built
from tests.storage.conftest import fresh, in_pools, new_machine, new_volume, offering

GIB = 1 << 30


def made(cloud: Cloud, zone: Built, **said: Any) -> str:
    return str(call(cloud, zone.caller, "createDiskOffering", name="o", displaytext="o", **said)["diskoffering"]["id"])


def changed(cloud: Cloud, zone: Built, volume: Volume, by: str, **more: Any) -> Volume:
    done(cloud, zone.caller, "changeOfferingForVolume", id=volume.uuid, diskofferingid=by, **more)
    now: Volume = fresh(cloud, volume)
    return now


def test_a_volume_gets_size_and_speed_of_another_offering(cloud: Cloud, zone: Built) -> None:
    volume = new_volume(cloud, zone, size=2, diskofferingid=offering(cloud, "Custom"), storageid=zone.pool.uuid)
    now = changed(cloud, zone, volume, made(cloud, zone, disksize=7, iopsreadrate=70, cachemode="writeback"))
    assert (now.size, now.state, now.limits.read_operations.rate, now.cache_mode) == (7 * GIB, "Ready", 70, "writeback")
    assert in_pools(cloud)[volume.disk_name]["size"] == 7 * GIB
    free = made(cloud, zone, customized="true")
    same = changed(cloud, zone, volume, free)
    assert (same.size, same.state, same.limits.read_operations.rate) == (7 * GIB, "Ready", 0)
    assert changed(cloud, zone, volume, free, size=9).size == 9 * GIB
    with pytest.raises(ParamError, match="loses what lies beyond"):
        changed(cloud, zone, volume, free, size=3)
    assert changed(cloud, zone, volume, free, size=3, shrinkok="true").size == 3 * GIB
    with pytest.raises(ParamError, match="has disk offering"):
        changed(cloud, zone, volume, free)


@pytest.mark.parametrize("said", [{"tags": "ssd"}, {"storagetype": "local"}])
def test_it_stays_where_it_is(cloud: Cloud, zone: Built, said: dict[str, str]) -> None:
    volume = new_volume(cloud, zone, storageid=zone.pool.uuid)
    with pytest.raises(ParamError, match="is not for storage pool"):
        changed(cloud, zone, volume, made(cloud, zone, disksize=7, **said))


def test_offerings_are_told_suitable_by_the_pools_a_machine_reaches(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)

    def suitable() -> tuple[bool, bool, bool]:
        found = call(cloud, zone.caller, "listDiskOfferings", virtualmachineid=vm.uuid)["diskoffering"]
        by = {row["id"]: row["suitableforvirtualmachine"] for row in found}
        return by[plain], by[fast], by[near]

    plain, fast = made(cloud, zone, disksize=1), made(cloud, zone, disksize=1, tags="ssd")
    near = made(cloud, zone, disksize=1, storagetype="local")
    assert suitable() == (True, False, True)
    call(cloud, zone.caller, "updateStoragePool", id=zone.pool.uuid, tags="ssd,big")
    assert suitable() == (True, True, True)
    elsewhere = StoragePool.t.update().where(StoragePool.c.host_id == vm.host_id).values(host_id=0)
    cloud.db.write(lambda tx: tx.execute(elsewhere))
    assert suitable() == (True, True, False)
    assert "suitableforvirtualmachine" not in call(cloud, zone.caller, "listDiskOfferings")["diskoffering"][0]


def test_a_root_disk_follows_unless_its_service_offering_is_strict(cloud: Cloud, zone: Built) -> None:
    vm = new_machine(cloud, zone)
    root = cloud.db.read().find(Volume, Volume.c.vm_id == vm.id, Volume.c.slot == 0)
    assert root is not None
    larger = made(cloud, zone, disksize=40)
    assert changed(cloud, zone, root, larger).size == 40 * GIB
    sizes = {"name": "s", "displaytext": "s", "cpunumber": 1, "cpuspeed": 500, "memory": 512}
    by = {"diskofferingid": larger, "diskofferingstrictness": "true"}
    strict = call(cloud, zone.caller, "createServiceOffering", **sizes, **by)["serviceoffering"]["id"]
    kept = new_machine(cloud, zone, serviceofferingid=strict, name="kept")
    disk = cloud.db.read().find(Volume, Volume.c.vm_id == kept.id, Volume.c.slot == 0)
    assert disk is not None
    assert disk.size == 40 * GIB
    with pytest.raises(ParamError, match="keeps to its disk offering"):
        changed(cloud, zone, disk, made(cloud, zone, disksize=50))
