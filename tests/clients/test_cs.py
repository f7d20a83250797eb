"""The client `cs`, unmodified, builds a zone from nothing, deploys into it and takes the instance away again."""

from __future__ import annotations

import time

import pytest
from cs import CloudStack, CloudStackApiException

OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"


@pytest.fixture(scope="module")
def cs(server, keys):
    return CloudStack(endpoint=server.url, key=keys.key, secret=keys.secret, method="post", fetch_result=True, poll_interval=0.1)


def test_from_nothing_to_an_instance_and_back(cs):
    zone = cs.createZone(name="cs", networktype="Advanced", dns1="9.9.9.9", internaldns1="9.9.9.9")["zone"]
    build_networks(cs, zone)
    pod = cs.createPod(
        name="cs-pod", zoneid=zone["id"], gateway="198.51.100.1", netmask="255.255.255.0", startip="198.51.100.10",
        endip="198.51.100.20",
    )["pod"]  # fmt: skip
    where = {"zoneid": zone["id"], "podid": pod["id"]}
    cluster = cs.addCluster(clustername="cs-cluster", hypervisor="Simulator", clustertype="CloudManaged", **where)["cluster"][0]
    host = cs.addHost(
        url="http://sim/cs-host", hypervisor="Simulator", clusterid=cluster["id"], username="u", password="p", **where
    )
    assert host["host"][0]["state"] == "Up"
    cs.createStoragePool(name="cs-pool", clusterid=cluster["id"], scope="cluster", url="sim://cs/primary", **where)
    cs.addImageStore(name="cs-store", provider="NFS", zoneid=zone["id"], url="sim://cs-secondary")
    assert cs.updateZone(id=zone["id"], allocationstate="Enabled")["zone"]["allocationstate"] == "Enabled"

    template = ready_template(cs, zone)
    size = cs.createServiceOffering(name="cs-size", displaytext="small", cpunumber=1, cpuspeed=500, memory=256)["serviceoffering"]
    offering = cs.listNetworkOfferings(name=OFFERING)["networkoffering"][0]
    network = cs.createNetwork(name="cs-net", displaytext="cs-net", networkofferingid=offering["id"], zoneid=zone["id"])[
        "network"
    ]
    machine = cs.deployVirtualMachine(
        name="cs-vm", zoneid=zone["id"], templateid=template["id"], serviceofferingid=size["id"], networkids=[network["id"]],
    )["virtualmachine"]  # fmt: skip
    assert (machine["state"], machine["hostname"], len(machine["nic"])) == ("Running", "cs-host", 1)
    assert [vm["id"] for vm in cs.listVirtualMachines(zoneid=zone["id"], fetch_list=True)] == [machine["id"]]

    cs.destroyVirtualMachine(id=machine["id"], expunge=True)
    assert cs.listVirtualMachines(zoneid=zone["id"]) == {}
    assert cs.deleteNetwork(id=network["id"])["success"] is True
    assert cs.listNetworks(zoneid=zone["id"]) == {}


def build_networks(cs, zone):
    physical = cs.createPhysicalNetwork(name="cs-phys", zoneid=zone["id"], vlan="500-599", isolationmethods=["VLAN"])
    physical = physical["physicalnetwork"]
    for traffic in ("Guest", "Public", "Management"):
        cs.addTrafficType(physicalnetworkid=physical["id"], traffictype=traffic)
    provider = cs.listNetworkServiceProviders(physicalnetworkid=physical["id"], name="VirtualRouter")["networkserviceprovider"][0]
    element = cs.listVirtualRouterElements(nspid=provider["id"])["virtualrouterelement"][0]
    cs.configureVirtualRouterElement(id=element["id"], enabled=True)
    cs.updateNetworkServiceProvider(id=provider["id"], state="Enabled")
    cs.updatePhysicalNetwork(id=physical["id"], state="Enabled")
    cs.createVlanIpRange(
        zoneid=zone["id"], forvirtualnetwork=True, vlan="untagged", gateway="198.18.0.1", netmask="255.255.255.0",
        startip="198.18.0.10", endip="198.18.0.20",
    )  # fmt: skip


def ready_template(cs, zone):
    until = time.monotonic() + 60
    while True:
        found = cs.listTemplates(templatefilter="featured", zoneid=zone["id"]).get("template", [])
        if found and found[0]["isready"]:
            return found[0]
        assert time.monotonic() < until, found
        time.sleep(0.1)


def test_a_refusal_reaches_the_caller_with_its_number_and_reason(cs):
    with pytest.raises(CloudStackApiException) as caught:
        cs.createZone(name="no", networktype="Advanced", dns1="not an address", internaldns1="9.9.9.9")
    assert caught.value.error["errorcode"] == 431
    assert "dns1" in caught.value.error["errortext"]
