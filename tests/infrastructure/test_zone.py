"""The zone wizard's calls, in its order, and what they refuse."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import CloudError
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import Domain
from tests.conftest import call
from tests.infrastructure.zone import simulated_zone
from tests.operations.conftest import person


def test_a_zone_is_built_and_enabled(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=3)
    told = call(cloud, built.caller, "listZones", id=built.zone.uuid, showcapacities="true")["zone"][0]
    assert told["allocationstate"] == "Enabled"
    assert told["networktype"] == "Advanced"
    kinds = {one["name"]: one for one in told["capacity"]}
    assert kinds["CPU"]["capacitytotal"] == 3 * 64 * 2000
    assert kinds["MEMORY"]["capacitytotal"] == 3 * 262144 << 20
    assert kinds["VLAN"]["capacitytotal"] == 1000
    assert kinds["VIRTUAL_NETWORK_PUBLIC_IP"]["capacitytotal"] == 3 * 256 + 254
    assert [host.state for host in built.hosts] == ["Up"] * 3
    ann = person(cloud, "ann", "User", cloud.db.read().get(Domain, 1))
    for who, asked in ((built.caller, "false"), (ann, "true")):  # others than root are not told what there is
        assert "capacity" not in call(cloud, who, "listZones", showcapacities=asked)["zone"][0]
    assert call(cloud, built.caller, "listZones", name="none", showcapacities="true") == {}


def test_enabling_says_all_that_is_missing(cloud: Cloud) -> None:
    root = root_caller(cloud.db.read())
    zone = call(cloud, root, "createZone", name="z", networktype="Advanced", dns1="192.0.2.1", internaldns1="192.0.2.1")["zone"]
    with pytest.raises(CloudError) as refused:
        call(cloud, root, "updateZone", id=zone["id"], allocationstate="Enabled")
    assert "it has no enabled physical network" in refused.value.why
    assert refused.value.fix[-5:-1] == ["add a pod (createPod)", "add a cluster (addCluster)", "add a host (addHost)",
        "add a storage pool (createStoragePool)"]  # fmt: skip
    assert refused.value.fix[-1] == "add an image store (addImageStore)"
