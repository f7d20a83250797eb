"""Building the demo's zone through the public API, in the order in which an operator would."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

from msgspec import Struct

from cloudwright.cli.client import Api
from cloudwright.cli.demo.progress import Tell

HOST_WAIT = 300.0  # seconds; under load a host probes its QEMU for long
DNS = "9.9.9.9"
VLANS = "100-199"


class Site(Struct):
    """Where the zone is built: addresses, and the URLs of hosts and storage. `join` has a host run a command."""

    hypervisor: str
    management: IPv4Network
    public: IPv4Network
    hosts: dict[str, str]  # name -> URL
    primary: str
    secondary: str
    join: Callable[[str, str], object] = lambda host, command: None


def build(api: Api, site: Site, tell: Tell) -> dict[str, Any]:
    """The zone, enabled, with all it needs but hosts: those are its own part. Answers its parts by name."""
    zone = api.one("createZone", name="demo", networktype="Advanced", dns1=DNS, internaldns1=DNS, guestcidraddress="10.1.1.0/24")
    tell("its physical network")
    physical = api.job("createPhysicalNetwork", name="demo-network", zoneid=zone["id"], vlan=VLANS, isolationmethods="VLAN")
    for traffic, label in (("Guest", "cloudbr0"), ("Public", "cloudbr1"), ("Management", "mgmt")):
        api.job("addTrafficType", physicalnetworkid=physical["id"], traffictype=traffic, kvmnetworklabel=label)
    _enable_router(api, physical["id"])
    api.job("updatePhysicalNetwork", id=physical["id"], state="Enabled")
    tell("its pod, cluster and public addresses")
    pod = api.one(
        "createPod", name="demo-pod", zoneid=zone["id"], gateway=site.management[1], netmask=site.management.netmask,
        startip=site.management[200], endip=site.management[220],
    )  # fmt: skip
    api.one(
        "createVlanIpRange", zoneid=zone["id"], physicalnetworkid=physical["id"], forvirtualnetwork=True, vlan="untagged",
        gateway=site.public[1], netmask=site.public.netmask, startip=site.public[100], endip=site.public[150],
    )  # fmt: skip
    cluster = api.one(
        "addCluster", zoneid=zone["id"], podid=pod["id"], clustername="demo-cluster", hypervisor=site.hypervisor,
        clustertype="CloudManaged",
    )  # fmt: skip
    tell("")
    return {"zone": zone, "physical": physical, "pod": pod, "cluster": cluster}


def _enable_router(api: Api, physical: str) -> None:
    for provider in api.all("listNetworkServiceProviders", physicalnetworkid=physical, name="VirtualRouter"):
        for element in api.all("listVirtualRouterElements", nspid=provider["id"]):
            api.job("configureVirtualRouterElement", id=element["id"], enabled=True)
        api.job("updateNetworkServiceProvider", id=provider["id"], state="Enabled")


def add_hosts(api: Api, site: Site, parts: dict[str, Any], tell: Tell) -> None:
    """Add all hosts and wait until they are up."""
    where = {"zoneid": parts["zone"]["id"], "podid": parts["pod"]["id"], "clusterid": parts["cluster"]["id"]}
    for name, url in site.hosts.items():
        tell(f"{name} is added")
        host = api.one("addHost", url=url, hypervisor=site.hypervisor, **where)
        if "enrolcommand" in host:
            site.join(name, host["enrolcommand"])
    until = time.monotonic() + HOST_WAIT
    while True:
        hosts = api.all("listHosts", zoneid=parts["zone"]["id"], type="Routing")
        missing = [host["name"] for host in hosts if host["state"] != "Up"]
        if not missing:
            break
        if time.monotonic() > until:
            raise TimeoutError(f"{', '.join(missing)} did not come up within {HOST_WAIT:g} s")
        tell(f"waits for {', '.join(missing)}")
        time.sleep(0.2)
    tell(f"{len(hosts)} hosts, {sum(int(host.get('cpunumber', 0)) for host in hosts)} processors")


def add_storage(api: Api, site: Site, parts: dict[str, Any], tell: Tell) -> None:
    """Primary and secondary storage; then the zone has all it needs and is enabled."""
    zone = parts["zone"]["id"]
    tell("primary storage")
    api.one(
        "createStoragePool", name="demo-primary", zoneid=zone, podid=parts["pod"]["id"], clusterid=parts["cluster"]["id"],
        scope="cluster", url=site.primary,
    )  # fmt: skip
    tell("secondary storage")
    api.one("addImageStore", name="demo-secondary", provider="NFS", zoneid=zone, url=site.secondary)
    tell("")
    parts["zone"] = api.one("updateZone", id=zone, allocationstate="Enabled")
