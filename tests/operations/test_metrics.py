"""Lists with figures, servers, and the figures of the database."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cloudwright import __version__
from cloudwright.cloud import Cloud
from cloudwright.core.error import InUse
from cloudwright.core.server import Server
from cloudwright.core.view import date
from tests.conftest import call, done
from tests.infrastructure.zone import simulated_zone


def test_figures_of_places_and_machines(cloud: Cloud) -> None:
    built = simulated_zone(cloud, hosts=2, size="cpus=4&mhz=1000&memory=4096")
    root = built.caller

    def listed(command: str, key: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = call(cloud, root, command, **params).get(key, [])
        return rows

    template = listed("listTemplates", "template", templatefilter="featured")[0]["id"]
    offering = call(cloud, root, "createServiceOffering", name="o", displaytext="o", cpunumber=4, cpuspeed=800, memory=1024)
    made = {"zoneid": built.zone.uuid, "templateid": template, "serviceofferingid": offering["serviceoffering"]["id"]}
    done(cloud, root, "deployVirtualMachine", **made)
    (vm,) = listed("listVirtualMachinesMetrics", "virtualmachine")
    assert (vm["cputotal"], vm["memorytotal"]) == ("3.2 Ghz", "1.00 GB")
    (volume,) = listed("listVolumesMetrics", "volume")
    assert volume["sizegb"] == f"{volume['size'] / (1 << 30):.2f} GB"
    busy, idle = sorted(listed("listHostsMetrics", "host"), key=lambda host: host["instances"], reverse=True)
    assert (busy["instances"], idle["instances"]) == ("1 / 1", "0 / 0")
    assert (busy["cputotalghz"], busy["cpuallocatedghz"]) == ("4.00 Ghz", "3.20 Ghz")
    assert (busy["memorytotalgb"], busy["memoryallocatedgb"]) == ("4.00 GB", "1.00 GB")
    marks = ("cpuallocatedthreshold", "cpuallocateddisablethreshold", "memoryallocatedthreshold")
    assert [busy[mark] for mark in marks] == [True, False, False]
    assert "cpuused" not in busy, "nobody measured it"
    assert sorted([busy["systeminstances"], idle["systeminstances"]]) == ["0 / 0", "1 / 1"], "the router"
    (cluster,) = listed("listClustersMetrics", "cluster")
    assert (cluster["hosts"], cluster["cpuallocated"], cluster["memorytotal"]) == ("2 / 2", "40.00%", "8.00 GB")
    call(cloud, root, "updateConfiguration", name="cluster.cpu.allocated.capacity.notificationthreshold", value="0.3",
         clusterid=cluster["id"])  # fmt: skip
    assert listed("listClustersMetrics", "cluster")[0]["cpuallocatedthreshold"]
    assert not listed("listZonesMetrics", "zone")[0]["cpuallocatedthreshold"], "that was said of the cluster alone"
    assert listed("listZonesMetrics", "zone")[0]["clusters"] == "1 / 1"
    for command, key in (("listClustersMetrics", "cluster"), ("listZonesMetrics", "zone")):
        (place,) = listed(command, key, showcapacities="true")
        assert {"name": "CPU", "percentused": "40.00"}.items() <= next(c for c in place["capacity"] if c["type"] == 1).items()
    pool = listed("listStoragePoolsMetrics", "storagepool")[0]
    room = pool["disksizetotal"] / (1 << 30)
    assert pool["disksizetotalgb"] == f"{room:.2f} GB (x2.0)"
    left = 2 * room - pool["disksizeallocated"] / (1 << 30)
    assert pool["disksizeunallocatedgb"] == f"{left:.2f} GB", "of what may be given out"
    assert not pool["storageallocatedthreshold"]
    counted = call(cloud, root, "listInfrastructure")["infrastructure"]
    assert {"zones": 1, "pods": 1, "clusters": 1, "hosts": 2, "routers": 1, "managementservers": 1}.items() <= counted.items()
    assert {"backuprepositories": 0, "ilbvms": 0, "objectstores": 0}.items() <= counted.items()
    found = call(cloud, root, "listDbMetrics")["dbMetrics"]
    assert found["versioncomment"] == "SQLite"


def test_servers(cloud: Cloud) -> None:
    from cloudwright.identity.caller import root_caller

    root = root_caller(cloud.db.read())
    gone = cloud.db.write(lambda tx: tx.insert(Server(node="old", alive=False, stopped=tx.now, facts={"version": "0.0"})))
    rows = call(cloud, root, "listManagementServers", peers="true")["managementserver"]
    here = next(row for row in rows if row["name"] != "old")
    assert (here["state"], here["version"]) == ("Up", __version__)
    assert [peer["peername"] for peer in here["peers"]] == ["old"]
    (old,) = call(cloud, root, "listManagementServers", version="0.0")["managementserver"]
    assert (old["state"], old["name"]) == ("Down", "old")
    with pytest.raises(InUse, match="only one that is Down"):
        call(cloud, root, "removeManagementServer", id=here["id"])
    call(cloud, root, "removeManagementServer", id=gone.uuid)
    (row,) = call(cloud, root, "listManagementServersMetrics", system="true")["managementserver"]
    assert row["availableprocessors"] >= 1
    assert len(row["systemloadaverages"]) == 3
    user, system, idle = row["systemcycleusage"]
    assert min(user, system, idle) > 0
    assert float(row["systemmemoryvirtualsize"].removesuffix(" GB")) > 0
    assert row["lastboottime"] < row["lastserverstart"] < date(time.time() + 1)


def test_the_clouds_identifier_is_signed(cloud: Cloud) -> None:
    import base64
    import hashlib
    import hmac

    from cloudwright.core.error import ParamError
    from cloudwright.identity.caller import root_caller
    from cloudwright.identity.model import KeyPair

    root = root_caller(cloud.db.read())
    with pytest.raises(ParamError, match="has no identifier"):
        call(cloud, root, "getCloudIdentifier", userid=root.user_uuid)
    call(cloud, root, "updateConfiguration", name="custom.cs.identifier", value="ours")
    done(cloud, root, "registerUserKeys", id=root.user_uuid)
    told = call(cloud, root, "getCloudIdentifier", userid=root.user_uuid)["cloudidentifier"]
    pair = cloud.db.read().all(KeyPair, KeyPair.c.user_id == root.user_id)[-1]
    expected = hmac.new(pair.secret_key.reveal().encode(), b"ours", hashlib.sha1).digest()
    assert (told["cloudidentifier"], base64.b64decode(told["signature"])) == ("ours", expected)
