"""Alerts of capacity: when they are raised, what they say, and when they pass."""

from __future__ import annotations

from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.loop import wake
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.operations.metrics.watch import WATCHED, Want, WatchCapacity, wanting
from cloudwright.operations.model import Alert
from cloudwright.storage.model import ImageStore, StoragePool
from tests.conftest import call
from tests.core.test_list_statements import traced
from tests.operations.conftest import until

GIB = 1 << 30


def looked(cloud: Cloud) -> None:
    """The loop turns twice: the second time it sees what was there before."""

    def turns() -> int:
        row = cloud.db.read().find(TaskRow, TaskRow.c.kind_name == "WatchCapacity", TaskRow.c.live == 1)
        return row.version if row else 0

    for _ in range(2):
        before = turns()
        cloud.db.write(lambda tx: wake(tx, WatchCapacity))
        until(lambda before=before: turns() > before)  # type: ignore[misc]


def raised(cloud: Cloud, root: Caller) -> list[tuple[str, str]]:
    rows: list[dict[str, Any]] = call(cloud, root, "listAlerts").get("alert", [])
    return sorted((row["name"], row["description"]) for row in rows if "settled" not in row)


def place(tx: Tx, clusters: int = 1) -> Host:
    """Clusters of a host each, in one zone. Answers the last host."""
    zone = tx.insert(Zone(name=f"z{tx.count(Zone) + 1}", network_type="Advanced", dns1="192.0.2.1", internal_dns1="192.0.2.1"))
    pod = tx.insert(Pod(name="p1", zone_id=zone.id, gateway="192.0.2.1", netmask="255.255.255.0", start_ip="192.0.2.9"))
    where: dict[str, Any] = {"zone_id": zone.id, "pod_id": pod.id, "hypervisor": "Simulator"}
    about: dict[str, Any] = {"address": "192.0.2.7", "url": "", "cpus": 10, "cpu_mhz": 1000, "memory": 100 * GIB}
    for i in range(clusters):
        where["cluster_id"] = tx.insert(Cluster(name=f"c{i + 1}", zone_id=zone.id, pod_id=pod.id, hypervisor="Simulator")).id
        host = tx.insert(Host(name=f"h{i + 1}", **about, **where))
    return host


def given(cloud: Cloud, host: Host, **values: Any) -> None:
    cloud.db.write(lambda tx: tx.update(tx.get(Host, host.id), **values))


def test_an_alert_of_a_cluster_is_raised_once_and_passes(cloud: Cloud, root: Caller) -> None:
    host = cloud.db.write(place)
    given(cloud, host, memory_reserved=75 * GIB)
    looked(cloud)
    assert raised(cloud, root) == [], "75 % are not more than 75 %"
    given(cloud, host, memory_reserved=80 * GIB, cpu_reserved=9_000)
    looked(cloud)
    looked(cloud)
    assert raised(cloud, root) == [
        (
            "ALERT.CPU",
            "90 % of the CPU of cluster c1 is given out: 9000 MHz of 10000 MHz, more than the 75 % of "
            "cluster.cpu.allocated.capacity.notificationthreshold",
        ),
        (
            "ALERT.MEMORY",
            "80 % of the memory of cluster c1 is given out: 80.0 GiB of 100.0 GiB, more than the 75 % of "
            "cluster.memory.allocated.capacity.notificationthreshold",
        ),
    ]
    found = cloud.db.read().all(Alert)
    assert [(row.times, row.cluster_id, row.zone_id) for row in found] == [(1, host.cluster_id, host.zone_id)] * 2
    given(cloud, host, memory_reserved=10 * GIB)
    looked(cloud)
    assert [name for name, _ in raised(cloud, root)] == ["ALERT.CPU"]
    given(cloud, host, memory_reserved=90 * GIB)
    looked(cloud)
    assert [name for name, _ in raised(cloud, root)] == ["ALERT.CPU", "ALERT.MEMORY"], "it came back"
    assert cloud.db.read().count(Alert) == 3


def test_one_that_was_archived_stays_so_until_its_trouble_passed(cloud: Cloud, root: Caller) -> None:
    host = cloud.db.write(place)
    given(cloud, host, cpu_reserved=9_000)
    looked(cloud)
    call(cloud, root, "archiveAlerts", type="1")
    looked(cloud)
    assert raised(cloud, root) == []
    for reserved, names in ((0, []), (9_000, ["ALERT.CPU"])):
        given(cloud, host, cpu_reserved=reserved)
        looked(cloud)
        assert [name for name, _ in raised(cloud, root)] == names


def test_a_cluster_has_a_threshold_of_its_own(cloud: Cloud, root: Caller) -> None:
    host = cloud.db.write(place)
    given(cloud, host, cpu_reserved=9_000)
    cluster = cloud.db.read().get(Cluster, host.cluster_id)
    name = "cluster.cpu.allocated.capacity.notificationthreshold"
    call(cloud, root, "updateConfiguration", name=name, value="0.95", clusterid=cluster.uuid)
    looked(cloud)
    assert raised(cloud, root) == []


def test_what_is_of_a_whole_zone(cloud: Cloud) -> None:
    def full(tx: Tx) -> list[Want]:
        host = place(tx)
        about: dict[str, Any] = {"zone_id": host.zone_id, "capacity": 10 * GIB}
        tx.insert(ImageStore(name="s", url="sim://s", protocol="sim", used=9 * GIB, **about))
        pool: dict[str, Any] = {"pool_type": "Simulator", "path": "/", "hypervisor": "Any", **about}
        tx.insert(StoragePool(name="wide", url="sim://w", scope="ZONE", used=8 * GIB, **pool))
        near = {"pod_id": host.pod_id, "cluster_id": host.cluster_id}
        tx.insert(StoragePool(name="near", url="sim://n", scope="CLUSTER", used=9 * GIB, **near, **pool))
        return list(wanting(tx))

    found = sorted((WATCHED[want.kind].type_.name, want.text.partition(",")[0]) for want in cloud.db.write(full))
    assert found == [
        ("ALERT.STORAGE", "85 % of the space of primary storage of zone z1 is given out: 17.0 GiB of 20.0 GiB"),
        ("ALERT.STORAGE", "90 % of the space of primary storage of cluster c1 is given out: 9.0 GiB of 10.0 GiB"),
        ("ALERT.STORAGE.SECONDARY", "90 % of the secondary storage of zone z1 is given out: 9.0 GiB of 10.0 GiB"),
    ]


def test_many_clusters_take_the_statements_of_one(cloud: Cloud) -> None:
    def reads() -> int:
        reader: Reader = cloud.db.read()
        with traced(reader.connection.connection.dbapi_connection) as sent:
            assert len(list(wanting(reader))) == cloud.db.read().count(Cluster)
        return len(sent)

    def fill(tx: Tx, clusters: int) -> None:
        place(tx, clusters)
        tx.execute(Host.t.update().values(cpu_reserved=9_000))

    cloud.db.write(lambda tx: fill(tx, 1))
    reads()  # the settings are read once
    few = reads()
    cloud.db.write(lambda tx: fill(tx, 40))
    assert reads() == few <= 15
