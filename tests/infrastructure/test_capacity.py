"""Reservations, overcommitment, candidates, and what listCapacity tells of them."""

from __future__ import annotations

import threading

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import NoCapacity
from cloudwright.core.tx import Tx
from cloudwright.infrastructure import capacity
from cloudwright.infrastructure.candidates import SAMPLE, candidates, choose
from cloudwright.infrastructure.host.tag import set_tags
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.placement import Disk, Request
from cloudwright.storage.model import StoragePool
from tests.conftest import call
from tests.infrastructure.zone import Built, simulated_zone

GIB = 1 << 30


def request_in(built: Built, **wanted: object) -> Request:
    """A small machine in a zone."""
    given = {"name": "m1", "hypervisor": "Simulator", "cpus": 1, "mhz": 1000, "memory": GIB, "zone": built.zone.id} | wanted
    return Request(**given)  # type: ignore[arg-type]


def reserved(cloud: Cloud, host: Host) -> tuple[int, int]:
    """MHz and bytes given out."""
    row = cloud.db.read().get(Host, host.id)
    return row.cpu_reserved, row.memory_reserved


def test_the_last_piece_is_given_out_once(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1, size="cpus=4&mhz=1000&memory=4096")
    host = built.hosts[0]
    answers: list[bool] = []

    def take() -> None:
        answers.append(cloud.db.write(lambda tx: capacity.reserve_host(tx, host.id, 1000, GIB)))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 4 + [True] * 4
    assert reserved(cloud, host) == (4000, 4 * GIB)
    for _ in range(5):  # giving back once too often leaves nothing, not less
        cloud.db.write(lambda tx: capacity.release_host(tx, host.id, 1000, GIB))
    assert reserved(cloud, host) == (0, 0)


def test_overcommitment_takes_effect_at_once_for_its_cluster(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1, size="cpus=4&mhz=1000&memory=4096")
    host, cluster = built.hosts[0], built.cluster

    def take(tx: Tx) -> bool:
        return capacity.reserve_host(tx, host.id, 8000, GIB)

    assert not cloud.db.write(take)
    cloud.db.write(lambda tx: capacity.CPU_FACTOR.set(tx, "2.0", "cluster", cluster.id))
    assert cloud.db.write(take)
    told = call(cloud, built.caller, "listHosts", id=host.uuid)["host"][0]
    assert (told["cpuwithoverprovisioning"], told["cpuallocatedpercentage"]) == ("8000.0", "100.00%")
    assert call(cloud, built.caller, "listClusters", id=cluster.uuid)["cluster"][0]["cpuovercommitratio"] == "2.0"
    kinds = call(cloud, built.caller, "listCapacity", clusterid=cluster.uuid, type=1)["capacity"]
    assert [(k["name"], k["capacityused"], k["capacitytotal"], k["percentused"]) for k in kinds] == [
        ("CPU", 8000, 8000, "100.00")
    ]


def test_pools_are_overcommitted_up_to_their_threshold(cloud: Cloud) -> None:
    built = simulated_zone(cloud)
    pool = built.pool
    cloud.db.write(lambda tx: tx.update(tx.get(StoragePool, pool.id), capacity=100 * GIB, used=0))
    limit = int(100 * GIB * 2.0 * 0.85)
    assert not cloud.db.write(lambda tx: capacity.reserve_pool(tx, pool.id, limit + 1))
    assert cloud.db.write(lambda tx: capacity.reserve_pool(tx, pool.id, limit))
    cloud.db.write(lambda tx: capacity.release_pool(tx, pool.id, limit))
    cloud.db.write(lambda tx: tx.update(tx.get(StoragePool, pool.id), used=86 * GIB))
    assert not cloud.db.write(lambda tx: capacity.reserve_pool(tx, pool.id, 1))


def test_a_sample_is_bounded_and_has_room(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=SAMPLE + 8, size="cpus=4&mhz=1000&memory=4096")
    full = {host.id for host in built.hosts[:4]}
    assert len(built.hosts) - len(full) > SAMPLE
    for id in full:
        assert cloud.db.write(lambda tx, of=id: capacity.reserve_host(tx, of, 4000, 4 * GIB))
    for _ in range(5):
        found = candidates(cloud.db.read(), request_in(built))
        assert not full & {host.id for host in found}
        assert len(found) == SAMPLE
    assert len(candidates(cloud.db.read(), request_in(built), None)) == SAMPLE + 8


def test_tags_and_pools_are_asked_for(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=4)
    wanted = request_in(built, tags=("gpu",), disks=(Disk(size=GIB),))
    with pytest.raises(NoCapacity, match="none of 4 hosts is one with the tags"):
        choose(cloud.db.read(), wanted)
    cloud.db.write(lambda tx: set_tags(tx, tx.get(Host, built.hosts[2].id), ["gpu", "ssd"]))
    plan = choose(cloud.db.read(), wanted)
    assert (plan.host, plan.pools) == (built.hosts[2].id, (built.pool.id,))


def test_a_disabled_cluster_is_for_those_who_insist(cloud: Cloud) -> None:
    built = simulated_zone(cloud)
    call(cloud, built.caller, "updateCluster", id=built.cluster.uuid, allocationstate="Disabled")
    with pytest.raises(NoCapacity) as refused:
        choose(cloud.db.read(), request_in(built))
    assert "cluster c1 is Disabled" in str(refused.value.fix)
    assert choose(cloud.db.read(), request_in(built, host=built.hosts[1].id, disabled_too=True)).host == built.hosts[1].id


def test_a_cluster_is_filled_up_to_its_threshold(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1, size="cpus=10&mhz=1000&memory=10240")
    assert cloud.db.write(lambda tx: capacity.reserve_host(tx, built.hosts[0].id, 8000, GIB))
    with pytest.raises(NoCapacity, match="below its cluster's threshold"):
        choose(cloud.db.read(), request_in(built))
    cloud.db.write(lambda tx: capacity.CLUSTER_THRESHOLDS.set(tx, "false"))
    assert choose(cloud.db.read(), request_in(built)).host == built.hosts[0].id


def test_users_are_dispersed_when_that_is_set(cloud: Cloud) -> None:
    from cloudwright.infrastructure.candidates import ALGORITHM

    built = simulated_zone(cloud, hosts=3)
    cloud.db.write(lambda tx: ALGORITHM.set(tx, "userdispersing"))
    crowd = {built.hosts[0].id: 2, built.hosts[1].id: 1, built.hosts[2].id: 3}
    assert choose(cloud.db.read(), request_in(built, crowd=crowd)).host == built.hosts[1].id


def test_what_is_fullest_comes_first(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1, size="cpus=4&mhz=1000&memory=4096")
    cloud.db.write(lambda tx: capacity.reserve_host(tx, built.hosts[0].id, 1000, 3 * GIB))
    told = call(cloud, built.caller, "listCapacity", sortby="usage")["capacity"]
    assert [k["name"] for k in told[:2]] == ["MEMORY", "CPU"]
    assert all(k["zoneid"] == built.zone.uuid for k in told)


def test_the_capacity_of_what_has_a_tag(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=2)
    call(cloud, built.caller, "updateHost", id=built.hosts[0].uuid, hosttags="fast")

    def told(**more: str) -> dict[str, tuple[int, str | None]]:
        rows = call(cloud, built.caller, "listCapacity", zoneid=built.zone.uuid, **more).get("capacity", [])
        return {row["name"]: (row["capacitytotal"], row.get("tag")) for row in rows}

    everything, fast = told(), told(tag="fast")
    assert set(fast) == {"CPU", "MEMORY"}
    assert all(fast[kind] == (everything[kind][0] // 2, "fast") for kind in fast)
    assert {tag for _, tag in everything.values()} == {None}
    call(cloud, built.caller, "updateStoragePool", id=built.pool.uuid, tags="fast")
    assert {"STORAGE", "STORAGE_ALLOCATED"} <= set(told(tag="fast"))
    assert told(tag="nobody") == {}
