"""A complete zone of simulated hosts, built by the commands that the zone wizard calls, in its order."""

from __future__ import annotations

import time
from typing import Any

from msgspec import Struct

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.command import Verb
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Tx
from cloudwright.identity.caller import root_caller
from cloudwright.infrastructure.model import Cluster, Host, PhysicalNetwork, Pod, Zone
from cloudwright.storage.model import ImageStore, StoragePool
from tests.conftest import call, done

TIB = 1 << 40


class Built(Struct):
    """The rows of a zone, as they were when it was ready."""

    caller: Caller
    zone: Zone
    pod: Pod
    cluster: Cluster
    hosts: list[Host]
    pool: StoragePool
    store: ImageStore
    physical_network: PhysicalNetwork


def simulated_zone(
    cloud: Cloud,
    hosts: int = 2,
    *,
    name: str = "z1",
    number: int = 1,
    vlans: str = "100-1099",
    size: str = "cpus=64&mhz=2000&memory=262144",
    enable: bool = True,
) -> Built:
    """Build an enabled advanced zone. `number` (1-9) keeps the addresses of several zones apart; `size` is of each host."""
    root = root_caller(cloud.db.read())
    zone = call(
        cloud, root, "createZone", name=name, networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54",
        localstorageenabled="true",
    )["zone"]  # fmt: skip
    physical = _networks(cloud, root, zone["id"], vlans)
    pod = call(
        cloud, root, "createPod", zoneid=zone["id"], name="p1", gateway=f"172.16.{number}.1", netmask="255.255.255.0",
        startip=f"172.16.{number}.10", endip=f"172.16.{number}.100",
    )["pod"]  # fmt: skip
    call(
        cloud, root, "createVlanIpRange", zoneid=zone["id"], forvirtualnetwork="true", vlan="untagged",
        gateway=f"10.{number}.0.1", netmask="255.255.0.0", startip=f"10.{number}.1.1", endip=f"10.{number}.4.254",
    )  # fmt: skip
    cluster = call(
        cloud, root, "addCluster", zoneid=zone["id"], podid=pod["id"], clustername="c1", hypervisor="Simulator",
        clustertype="CloudManaged",
    )["cluster"][0]  # fmt: skip
    place = {"zoneid": zone["id"], "podid": pod["id"], "clusterid": cluster["id"]}
    for i in range(hosts):
        call(cloud, root, "addHost", url=f"http://sim/{name}-h{i + 1}?{size}", hypervisor="Simulator", **place)
    _storage(cloud, root, name, place)
    if enable:
        call(cloud, root, "updateZone", id=zone["id"], allocationstate="Enabled")
    _settled(cloud)
    return _built(cloud, root, zone["id"], physical)


def _networks(cloud: Cloud, root: Caller, zone: str, vlans: str) -> str:
    job = done(cloud, root, "createPhysicalNetwork", zoneid=zone, name="physical 1", isolationmethods="VLAN", vlan=vlans)
    physical = job.instance_uuid
    for traffic in ("Guest", "Management", "Public"):
        done(cloud, root, "addTrafficType", physicalnetworkid=physical, traffictype=traffic, kvmnetworklabel="cloudbr0")
    done(cloud, root, "updatePhysicalNetwork", id=physical, state="Enabled")
    found = call(cloud, root, "listNetworkServiceProviders", physicalnetworkid=physical)["networkserviceprovider"]
    for provider in found:
        element = call(cloud, root, "listVirtualRouterElements", nspid=provider["id"])["virtualrouterelement"][0]
        done(cloud, root, "configureVirtualRouterElement", id=element["id"], enabled="true")
        done(cloud, root, "updateNetworkServiceProvider", id=provider["id"], state="Enabled")
    return physical


def _storage(cloud: Cloud, root: Caller, name: str, place: dict[str, str]) -> None:
    """By the storage commands where there are some, by rows otherwise."""
    if "createStoragePool" in Verb.by_name:
        url = f"nfs://storage/{name}/primary"
        call(cloud, root, "createStoragePool", name="primary", url=url, scope="CLUSTER", hypervisor="Simulator", **place)
    else:
        cloud.db.write(lambda tx: _pool(tx, place))
    if "addImageStore" in Verb.by_name:
        call(
            cloud,
            root,
            "addImageStore",
            name=f"{name}-images",
            provider="NFS",
            url=f"nfs://storage/{name}/s",
            zoneid=place["zoneid"],
        )
    else:
        cloud.db.write(lambda tx: _store(tx, f"{name}-images", place))


def _settled(cloud: Cloud) -> None:
    """Wait until nothing moves: the built-in template is being brought to the new image store. Loops wait for the clock."""
    for _ in range(2000):
        if not cloud.db.read().count(TaskRow, TaskRow.c.live == 1, TaskRow.c.due < time.time() + 1):
            return
        time.sleep(0.005)
    raise AssertionError("the new zone's tasks do not end")


def _pool(tx: Tx, place: dict[str, str]) -> None:
    cluster = _row(tx, Cluster, place["clusterid"])
    tx.insert(StoragePool(
        name="primary", zone_id=cluster.zone_id, pod_id=cluster.pod_id, cluster_id=cluster.id, pool_type="Simulator",
        url="sim://primary", path="/primary", hypervisor="Simulator", capacity=10 * TIB,
    ))  # fmt: skip


def _store(tx: Tx, name: str, place: dict[str, str]) -> None:
    zone = _row(tx, Zone, place["zoneid"])
    tx.insert(ImageStore(name=name, zone_id=zone.id, url=f"sim://{name}", protocol="sim", capacity=10 * TIB))


def _built(cloud: Cloud, root: Caller, zone_uuid: str, physical: str) -> Built:
    reader = cloud.db.read()
    zone = _row(reader, Zone, zone_uuid)
    here: list[Any] = [reader.all(kind, kind.c.zone_id == zone.id) for kind in (Pod, Cluster, StoragePool, ImageStore)]
    pods, clusters, pools, stores = here
    pools = [pool for pool in pools if pool.scope != "HOST"]  # each host has local storage, too
    hosts = reader.all(Host, Host.c.zone_id == zone.id)
    return Built(root, zone, pods[0], clusters[0], hosts, pools[0], stores[0], _row(reader, PhysicalNetwork, physical))


def _row(reader: Any, kind: Any, uuid: str) -> Any:
    row = reader.find(kind, kind.c.uuid == uuid)
    assert row is not None, (kind.kind, uuid)
    return row
