"""Physical networks, traffic types, providers and ranges of addresses."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.wire import WireError
from cloudwright.identity.project.model import Project
from cloudwright.infrastructure.model import IpRange, SegmentNumber
from cloudwright.infrastructure.physical import ranges
from cloudwright.network.model import PublicIp
from tests.conftest import call, done
from tests.infrastructure.zone import Built, simulated_zone


@pytest.fixture
def built(cloud: Cloud) -> Built:
    """A zone with 100-1099 for guests and 10.1.1.1 to 10.1.4.254 in public."""
    return simulated_zone(cloud, hosts=1)


def test_ranges_are_read_in_order_and_never_overlap() -> None:
    assert ranges(" 300, 100-199", 4094) == ["100-199", "300-300"]
    for wrong in ("0-5", "5000", "7-3", "a-b", "1-10,10-20", "-5"):
        with pytest.raises(ParamError):
            ranges(wrong, 4094)
    assert ranges("5000-16777214", 16777214) == ["5000-16777214"]


def test_a_number_that_a_network_has_stays_in_the_ranges(cloud: Cloud, built: Built) -> None:
    physical = built.physical_network
    cloud.db.write(lambda tx: tx.insert(SegmentNumber(physical_network_id=physical.id, number=150, network_id=1)))
    with pytest.raises(InUse, match="150"):
        call(cloud, built.caller, "updatePhysicalNetwork", id=physical.uuid, vlan="200-299")
    done(cloud, built.caller, "updatePhysicalNetwork", id=physical.uuid, vlan="200-299,140-160", tags="fast")
    told = call(cloud, built.caller, "listPhysicalNetworks", zoneid=built.zone.uuid)["physicalnetwork"][0]
    assert (told["vlan"], told["tags"], told["state"]) == ("140-160,200-299", "fast", "Enabled")
    with pytest.raises(InUse, match="1 address range"):
        call(cloud, built.caller, "deletePhysicalNetwork", id=physical.uuid)


def test_public_traffic_is_on_one_physical_network(cloud: Cloud, built: Built) -> None:
    other = done(cloud, built.caller, "createPhysicalNetwork", zoneid=built.zone.uuid, name="second").instance_uuid
    for traffic, why in (("Public", "carries this zone's Public traffic already"), ("Guest", "with the same tags")):
        with pytest.raises(ParamError, match=why):
            call(cloud, built.caller, "addTrafficType", physicalnetworkid=other, traffictype=traffic)
    done(cloud, built.caller, "updatePhysicalNetwork", id=other, tags="other")
    kind = done(cloud, built.caller, "addTrafficType", physicalnetworkid=other, traffictype="guest").instance_uuid
    done(cloud, built.caller, "updateTrafficType", id=kind, kvmnetworklabel="br1")
    told = call(cloud, built.caller, "listTrafficTypes", physicalnetworkid=other)["traffictype"]
    assert [(t["traffictype"], t["kvmnetworklabel"]) for t in told] == [("Guest", "br1")]
    done(cloud, built.caller, "deleteTrafficType", id=kind)
    done(cloud, built.caller, "deletePhysicalNetwork", id=other)
    assert "physicalnetwork" not in call(cloud, built.caller, "listPhysicalNetworks", id=other)


def test_a_provider_needs_its_element(cloud: Cloud, built: Built) -> None:
    root, physical = built.caller, built.physical_network.uuid
    told = call(cloud, root, "listNetworkServiceProviders", physicalnetworkid=physical, name="VirtualRouter")
    provider = told["networkserviceprovider"][0]
    assert provider["state"] == "Enabled"
    assert {"Dhcp", "Dns", "SourceNat", "Firewall"} <= set(provider["servicelist"])
    with pytest.raises(WrongState, match="its provider is enabled"):
        call(cloud, root, "configureVirtualRouterElement", id=provider["id"], enabled="false")
    done(cloud, root, "updateNetworkServiceProvider", id=provider["id"], state="Disabled", servicelist="dhcp,dns")
    done(cloud, root, "configureVirtualRouterElement", id=provider["id"], enabled="false")
    with pytest.raises(WrongState, match="virtual router element is not enabled"):
        call(cloud, root, "updateNetworkServiceProvider", id=provider["id"], state="Enabled")
    with pytest.raises(ParamError, match="does not provide Coffee"):
        call(cloud, root, "updateNetworkServiceProvider", id=provider["id"], servicelist="Dhcp,Coffee")
    done(cloud, root, "deleteNetworkServiceProvider", id=provider["id"])
    again = done(cloud, root, "addNetworkServiceProvider", physicalnetworkid=physical, name="virtualrouter").instance_uuid
    element = call(cloud, root, "listVirtualRouterElements", nspid=again)["virtualrouterelement"]
    assert element == [{"id": again, "nspid": again, "enabled": False}]


def test_public_ranges_keep_apart(cloud: Cloud, built: Built) -> None:
    def add(**changed: str) -> dict[str, object]:
        given = {
            "zoneid": built.zone.uuid, "gateway": "203.0.113.1", "netmask": "255.255.255.0", "startip": "203.0.113.10",
            "endip": "203.0.113.20", "vlan": "2000",
        }  # fmt: skip
        told: dict[str, object] = call(cloud, built.caller, "createVlanIpRange", **(given | changed))["vlan"]
        return told

    first = add()
    assert (first["vlan"], first["cidr"], first["forvirtualnetwork"]) == ("vlan://2000", "203.0.113.0/24", True)
    assert first["physicalnetworkid"] == built.physical_network.uuid
    for wrong, why in (
        ({"startip": "203.0.113.15", "endip": "203.0.113.30"}, "overlaps the range 203.0.113.10"),
        ({"startip": "203.0.113.30", "endip": "203.0.113.40", "vlan": "2001"}, "is already there"),
        ({"startip": "203.0.113.30", "endip": "203.0.113.40", "gateway": "203.0.113.2"}, "with gateway 203.0.113.1"),
        ({"startip": "203.0.114.30", "endip": "203.0.114.40"}, "no address of a machine in"),
        ({"startip": "203.0.113.40", "endip": "203.0.113.30"}, "comes before the start"),
        ({"gateway": "198.51.100.15", "startip": "198.51.100.10", "endip": "198.51.100.20"}, "lies within the range"),
        ({"vlan": "150"}, "among the numbers for guest networks"),
        ({"vlan": "5000"}, "neither untagged"),
        ({"gateway": "203.0.113.300"}, "is not an IPv4 address"),
        ({"account": "admin"}, "are not there yet"),
        ({"startipv6": "2001:db8::1"}, "are not there yet"),
    ):
        with pytest.raises(ParamError, match=why):
            add(**wrong)
    second = add(startip="203.0.113.30", endip="203.0.113.40")
    listed = call(cloud, built.caller, "listVlanIpRanges", vlan="2000")["vlaniprange"]
    assert [row["id"] for row in listed] == [first["id"], second["id"]]
    with pytest.raises(ParamError, match="VLAN 2000 carries the addresses"):
        call(cloud, built.caller, "updatePhysicalNetwork", id=built.physical_network.uuid, vlan="1500-2500")


def test_addresses_that_somebody_holds_stay(cloud: Cloud, built: Built) -> None:
    told = call(cloud, built.caller, "listVlanIpRanges", zoneid=built.zone.uuid)["vlaniprange"][0]

    def hold(tx: object) -> None:
        from cloudwright.core.tx import Tx
        from cloudwright.infrastructure.model import IpRange

        assert isinstance(tx, Tx)
        range_ = tx.find(IpRange, IpRange.c.uuid == told["id"])
        assert range_ is not None
        tx.insert(PublicIp(address="10.1.2.2", zone_id=built.zone.id, range_id=range_.id, account_id=2, domain_id=1))

    cloud.db.write(hold)
    with pytest.raises(InUse, match="1 of its addresses are held"):
        call(cloud, built.caller, "deleteVlanIpRange", id=told["id"])
    with pytest.raises(InUse, match=r"10\.1\.2\.2"):
        call(cloud, built.caller, "updateVlanIpRange", id=told["id"], endip="10.1.2.1")
    changed = call(cloud, built.caller, "updateVlanIpRange", id=told["id"], endip="10.1.2.2")["vlan"]
    assert (changed["startip"], changed["endip"]) == ("10.1.1.1", "10.1.2.2")
    kinds = call(cloud, built.caller, "listCapacity", type=4)["capacity"]
    assert [(k["capacityused"], k["capacitytotal"]) for k in kinds] == [(1, 258)]


def test_storage_ranges(cloud: Cloud, built: Built) -> None:
    given = {"podid": built.pod.uuid, "gateway": "172.20.0.1", "netmask": "255.255.255.0", "startip": "172.20.0.10"}
    done(cloud, built.caller, "createStorageNetworkIpRange", **given, endip="172.20.0.20", vlan=30)
    with pytest.raises(ParamError, match="overlaps"):
        call(cloud, built.caller, "createStorageNetworkIpRange", **given)
    row = call(cloud, built.caller, "listStorageNetworkIpRange", podid=built.pod.uuid)["storagenetworkiprange"][0]
    assert (row["startip"], row["endip"], row["vlan"]) == ("172.20.0.10", "172.20.0.20", 30)
    done(cloud, built.caller, "updateStorageNetworkIpRange", id=row["id"], endip="172.20.0.30")
    done(cloud, built.caller, "deleteStorageNetworkIpRange", id=row["id"])
    assert call(cloud, built.caller, "listStorageNetworkIpRange", podid=built.pod.uuid) == {}


def test_supported_services_and_hypervisors(cloud: Cloud, built: Built) -> None:
    told = call(cloud, built.caller, "listSupportedNetworkServices", service="SourceNat")["networkservice"]
    assert [provider["name"] for provider in told[0]["provider"]] == ["VirtualRouter", "VpcVirtualRouter"]
    assert told[0]["capability"] == [
        {"name": "SupportedSourceNatTypes", "value": "peraccount", "canchooseservicecapability": True}
    ]
    names = [h["name"] for h in call(cloud, built.caller, "listHypervisors", zoneid=built.zone.uuid)["hypervisor"]]
    assert names == ["Simulator"]
    able = call(cloud, built.caller, "listHypervisorCapabilities", hypervisor="kvm")["hypervisorCapabilities"]
    assert [row["maxdatavolumeslimit"] for row in able] == [24]
    assert {
        t["traffictype"] for t in call(cloud, built.caller, "listTrafficTypeImplementors")["traffictypeimplementorresponse"]
    } >= {
        "Guest",
        "Public",
    }


def test_pods_and_clusters_keep_apart(cloud: Cloud, built: Built) -> None:
    given = {"zoneid": built.zone.uuid, "name": "p2", "netmask": "255.255.255.0"}
    with pytest.raises(ParamError, match="overlaps"):
        call(cloud, built.caller, "createPod", **given, gateway="172.16.1.254", startip="172.16.1.200", endip="172.16.1.210")
    pod = call(cloud, built.caller, "createPod", **given, gateway="172.17.0.1", startip="172.17.0.10")["pod"]
    assert (pod["startip"], pod["endip"]) == (["172.17.0.10"], ["172.17.0.254"])
    assert (
        call(cloud, built.caller, "updatePod", id=pod["id"], endip="172.17.0.99")["pod"]["ipranges"][0]["endip"] == "172.17.0.99"
    )
    with pytest.raises(ParamError, match="is not one of KVM, Simulator"):
        call(
            cloud, built.caller, "addCluster", zoneid=built.zone.uuid, podid=pod["id"], clustername="x", hypervisor="VMware",
            clustertype="CloudManaged",
        )  # fmt: skip
    with pytest.raises(InUse, match=r"1 host, \d storage pools"):
        call(cloud, built.caller, "deleteCluster", id=built.cluster.uuid)
    with pytest.raises(InUse, match="1 cluster, 1 host"):
        call(cloud, built.caller, "deletePod", id=built.pod.uuid)
    with pytest.raises(InUse, match="1 host, 2 pods"):
        call(cloud, built.caller, "deleteZone", id=built.zone.uuid)
    with pytest.raises(InUse, match="only while it has none"):
        call(cloud, built.caller, "updateCluster", id=built.cluster.uuid, hypervisor="KVM")
    call(cloud, built.caller, "deletePod", id=pod["id"])


def test_a_cluster_tells_its_ratios_as_details_too(cloud: Cloud, built: Built) -> None:
    value = {"name": "cpu.overprovisioning.factor", "value": "2.5", "clusterid": built.cluster.uuid}
    call(cloud, built.caller, "updateConfiguration", **value)
    (told,) = call(cloud, built.caller, "listClusters")["cluster"]
    assert (told["cpuovercommitratio"], told["memoryovercommitratio"]) == ("2.5", "1.0")
    assert told["resourcedetails"] == {"cpuOvercommitRatio": "2.5", "memoryOvercommitRatio": "1.0"}


def test_regions(cloud: Cloud, built: Built) -> None:
    call(cloud, built.caller, "addRegion", id=2, name="East", endpoint="https://east.example/client/api")
    with pytest.raises(ParamError, match="Parameter id: region 2 is there already, as East"):
        call(cloud, built.caller, "addRegion", id=2, name="West", endpoint="https://west.example/client/api")
    call(cloud, built.caller, "updateRegion", id=2, name="Far East")
    assert [(r["id"], r["name"]) for r in call(cloud, built.caller, "listRegions")["region"]] == [(1, "Local"), (2, "Far East")]
    with pytest.raises(InUse):
        call(cloud, built.caller, "removeRegion", id=1)
    assert call(cloud, built.caller, "removeRegion", id=2) == {"success": True}


def test_zones_refuse_what_is_not_there_yet(cloud: Cloud, built: Built) -> None:
    given = {"name": "z9", "dns1": "192.0.2.1", "internaldns1": "192.0.2.1", "networktype": "Advanced"}
    for wrong, why in (
        ({"networktype": "Basic"}, "Basic zones"),
        ({"securitygroupenabled": "true"}, "security groups"),
        ({"allocationstate": "Enabled"}, "has nothing yet"),
        ({"guestcidraddress": "10.1.1.1/24"}, "is not a network"),
        ({"dns1": "dns.example"}, "is not an IPv4 address"),
    ):
        with pytest.raises(ParamError, match=why):
            call(cloud, built.caller, "createZone", **(given | wrong))
    with pytest.raises(WireError, match="dns1"):
        call(cloud, built.caller, "createZone", name="z9", internaldns1="192.0.2.1", networktype="Advanced")
    with pytest.raises(ParamError, match="already a zone with the same name"):
        call(cloud, built.caller, "createZone", **(given | {"name": "z1"}))
    told = call(cloud, built.caller, "updateZone", id=built.zone.uuid, dns2="192.0.2.9", **{"details[0].a": "1"})["zone"]
    assert (told["dns2"], told["resourcedetails"]) == ("192.0.2.9", {"a": "1"})
    mtus = ("allowuserspecifyvrmtu", "routerprivateinterfacemaxmtu", "routerpublicinterfacemaxmtu")
    assert [told[name] for name in mtus] == [False, 1500, 1500]
    changes = {"allow.end.users.to.specify.vr.mtu": "true", "vr.private.interface.max.mtu": "9000"}
    for name, value in changes.items():
        call(cloud, built.caller, "updateConfiguration", name=name, value=value, zoneid=built.zone.uuid)
    call(cloud, built.caller, "updateConfiguration", name="vr.public.interface.max.mtu", value="1400")
    (told,) = call(cloud, built.caller, "listZones")["zone"]
    assert [told[name] for name in mtus] == [True, 9000, 1400]


def test_labels_of_hypervisors_without_a_driver_are_refused(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=1)
    traffic = call(cloud, built.caller, "listTrafficTypes", physicalnetworkid=built.physical_network.uuid)["traffictype"][0]["id"]
    with pytest.raises(ParamError, match=r"^Parameter xennetworklabel: .* hosts of XenServer are not there yet"):
        call(cloud, built.caller, "updateTrafficType", id=traffic, xennetworklabel="xenbr0")


def test_short_lists_are_searched_and_paged_too(cloud: Cloud) -> None:
    root = simulated_zone(cloud, hosts=1).caller
    assert call(cloud, root, "listNetworkIsolationMethods", keyword="vx")["isolationmethod"] == [{"name": "VXLAN"}]
    second = call(cloud, root, "listNetworkIsolationMethods", page="2", pagesize="1")
    assert (second["count"], len(second["isolationmethod"])) == (2, 1)
    planners = call(cloud, root, "listDeploymentPlanners", page="1", pagesize="2")
    assert (planners["count"] > 2, len(planners["deploymentPlanner"])) == (True, 2)
    project = call(cloud, root, "createProject", name="p")["id"]
    assert call(cloud, root, "listVlanIpRanges", projectid=project) == {}
    owner = cloud.db.read().find(Project, Project.c.uuid == project)
    assert owner is not None
    theirs = IpRange.t.update().values(account_id=owner.account_id, domain_id=owner.domain_id)
    cloud.db.write(lambda tx: tx.execute(theirs))
    (told,) = call(cloud, root, "listVlanIpRanges", projectid=project)["vlaniprange"]
    assert (told["project"], told["projectid"], told["domainpath"], told.get("account")) == ("p", project, "ROOT", None)
