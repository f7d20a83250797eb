"""Primary storage and image stores through the commands, on simulated hosts."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError, InUse, ParamError, WrongState
from cloudwright.drivers.error import Refused
from cloudwright.storage.model import StoragePool
from tests.conftest import call, done
from tests.infrastructure.zone import Built
from tests.storage.conftest import fresh, new_machine, new_volume, until


def create(cloud: Cloud, zone: Built, **more: object) -> dict[str, str]:
    given = {"name": "second", "url": "sim://second", "zoneid": zone.zone.uuid, "clusterid": zone.cluster.uuid, **more}
    told: dict[str, str] = call(cloud, zone.caller, "createStoragePool", **given)["storagepool"]
    return told


def state(cloud: Cloud, zone: Built, name: str = "second") -> str:
    return str(call(cloud, zone.caller, "listStoragePools", name=name)["storagepool"][0]["state"])


@pytest.mark.parametrize(
    ("url", "kind", "address", "path"),
    [
        ("nfs://10.0.0.5/export/one", "NetworkFilesystem", "10.0.0.5", "/export/one"),
        ("SharedMountPoint://127.0.0.1/mnt/gfs", "SharedMountPoint", "127.0.0.1", "/mnt/gfs"),
        ("file:///mnt/gfs", "SharedMountPoint", "localhost", "/mnt/gfs"),
        ("sim://fast", "Simulator", "fast", "/"),
    ],
)
def test_urls_say_the_kind(cloud: Cloud, zone: Built, url: str, kind: str, address: str, path: str) -> None:
    made = create(cloud, zone, url=url, tags="ssd, fast")
    assert (made["type"], made["ipaddress"], made["path"], made["tags"]) == (kind, address, path, "ssd,fast")
    until(lambda: state(cloud, zone) == "Up")
    with pytest.raises(ParamError, match="already"):
        create(cloud, zone, url=url, name="third")


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"url": "rbd://ceph/pool"}, "none of the kinds"),
        ({"url": "file:///"}, "not an absolute path"),
        ({"url": "file:///mnt/../etc"}, "not an absolute path"),
        ({"url": "nfs:///export"}, "names no server"),
        ({"scope": "zone"}, "scope zone needs none"),
        ({"capacitybytes": 5, "url": "nfs://a/b"}, "measured"),
        ({"managed": "true"}, "managed"),
    ],
)
def test_what_cannot_be_a_pool_says_why(cloud: Cloud, zone: Built, params: dict[str, object], why: str) -> None:
    with pytest.raises(CloudError, match=why):
        create(cloud, zone, **params)
    assert "storagepool" not in call(cloud, zone.caller, "listStoragePools", name="second")


def test_a_pool_that_no_host_can_open_takes_nothing(cloud: Cloud, zone: Built) -> None:
    cloud.world.faults.fail("*/open", Refused("no such export"), times=2)
    create(cloud, zone)
    until(lambda: state(cloud, zone) == "Initialized")


def test_capacity_of_a_simulated_pool_is_as_said_and_kept_to(cloud: Cloud, zone: Built) -> None:
    made = create(cloud, zone, capacitybytes=4 << 30)
    until(lambda: state(cloud, zone) == "Up")
    assert call(cloud, zone.caller, "listStoragePools", id=made["id"])["storagepool"][0]["disksizetotal"] == 4 << 30
    new_volume(cloud, zone, storageid=made["id"])  # 5 of 4 * 2 * 0.85 GiB
    with pytest.raises(CloudError, match="bytes left"):
        new_volume(cloud, zone, storageid=made["id"])


def test_disabled_in_maintenance_and_back(cloud: Cloud, zone: Built) -> None:
    pool = zone.pool.uuid
    assert call(cloud, zone.caller, "updateStoragePool", id=pool, enabled="false")["storagepool"]["state"] == "Disabled"
    assert call(cloud, zone.caller, "updateStoragePool", id=pool, enabled="true", tags="a,b")["storagepool"]["tags"] == "a,b"
    vm = new_machine(cloud, zone)
    with pytest.raises(InUse, match="1 machines run"):
        call(cloud, zone.caller, "enableStorageMaintenance", id=pool)
    done(cloud, zone.caller, "stopVirtualMachine", id=vm.uuid)
    done(cloud, zone.caller, "enableStorageMaintenance", id=pool)
    assert state(cloud, zone, "primary") == "Maintenance"
    with pytest.raises(WrongState):
        call(cloud, zone.caller, "updateStoragePool", id=pool, enabled="true")
    done(cloud, zone.caller, "cancelStorageMaintenance", id=pool)
    assert state(cloud, zone, "primary") == "Up"


def test_deleted_only_when_empty_and_closed_then(cloud: Cloud, zone: Built) -> None:
    made = create(cloud, zone)
    until(lambda: state(cloud, zone) == "Up")
    volume = new_volume(cloud, zone, storageid=made["id"])
    with pytest.raises(InUse, match="1 volumes lie there"):
        call(cloud, zone.caller, "deleteStoragePool", id=made["id"])
    call(cloud, zone.caller, "deleteVolume", id=volume.uuid)
    until(lambda: fresh(cloud, volume).gone != 0)
    call(cloud, zone.caller, "deleteStoragePool", id=made["id"])
    assert "storagepool" not in call(cloud, zone.caller, "listStoragePools", name="second")
    until(lambda: not cloud.world.of(zone.hosts[0].uuid, "pool").get(f"p-{made['id']}"))


def test_each_host_has_local_storage_where_the_zone_wants_it(cloud: Cloud, zone: Built) -> None:
    local = lambda: cloud.db.read().all(StoragePool, StoragePool.c.scope == "HOST")  # noqa: E731
    until(lambda: [pool.state for pool in local()] == ["Up", "Up"])
    assert {pool.host_id for pool in local()} == {host.id for host in zone.hosts}
    told = call(cloud, zone.caller, "listStoragePools", hostid=zone.hosts[0].uuid)["storagepool"]
    assert {row["scope"] for row in told} == {"HOST", "CLUSTER"}
    mine = next(row for row in told if row["scope"] == "HOST")
    cloud.db.write(lambda tx: tx.execute(StoragePool.t.update().where(StoragePool.c.uuid == mine["id"]).values(reserved=5)))
    host = call(cloud, zone.caller, "listHosts", id=zone.hosts[0].uuid)["host"][0]
    assert (host["disksizetotal"], host["disksizeallocated"]) == (mine["disksizetotal"], 5)
    cloud.db.write(lambda tx: tx.execute(StoragePool.t.update().values(host_id=None)))
    assert "disksizetotal" not in call(cloud, zone.caller, "listHosts", id=zone.hosts[0].uuid)["host"][0]


def test_a_host_that_comes_later_opens_what_is_there(cloud: Cloud, zone: Built) -> None:
    place = {"zoneid": zone.zone.uuid, "podid": zone.pod.uuid, "clusterid": zone.cluster.uuid}
    host = call(cloud, zone.caller, "addHost", url="http://sim/late", hypervisor="Simulator", **place)["host"][0]
    until(lambda: cloud.world.get(host["id"], "pool", zone.pool.pool_name) is not None)


def test_image_stores(cloud: Cloud, zone: Built) -> None:
    told = call(cloud, zone.caller, "listImageStores")["imagestore"][0]
    assert (told["protocol"], told["providername"], told["scope"]) == ("sim", "NFS", "ZONE")
    for url in ("http://x/y", "file:///", "file:///a/../b", "nfs://server/export"):
        with pytest.raises(ParamError):
            call(cloud, zone.caller, "addImageStore", provider="NFS", url=url)
    added = call(cloud, zone.caller, "addSecondaryStorage", url="sim://more", zoneid=zone.zone.uuid)["secondarystorage"]
    changed = call(cloud, zone.caller, "updateImageStore", id=added["id"], readonly="true", name="more")["imagestore"]
    assert (changed["readonly"], changed["name"]) == (True, "more")
    with pytest.raises(InUse, match="it has 1 image"):
        call(cloud, zone.caller, "deleteImageStore", id=told["id"])


def test_providers_of_storage(cloud: Cloud, zone: Built) -> None:
    told = call(cloud, zone.caller, "listStorageProviders", type="primary")
    assert told["dataStoreProvider"] == [{"name": "DefaultPrimary", "type": "PRIMARY"}]
