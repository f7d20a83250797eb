"""What the tests of networks stand on: a zone, a network in it, an implemented one, a machine."""

from __future__ import annotations

from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.task import TaskRow, start
from cloudwright.identity.caller import root_caller
from cloudwright.infrastructure.model import Zone
from cloudwright.network.model import Network, NetworkOffering
from cloudwright.network.network.apply import ApplyNetwork
from tests.conftest import call, done, finished
from tests.infrastructure.zone import simulated_zone

NAT = "DefaultIsolatedNetworkOfferingWithSourceNatService"


def root(cloud: Cloud) -> Caller:
    """The user admin."""
    return root_caller(cloud.db.read())


def row(cloud: Cloud, kind: Any, *where: Any) -> Any:
    """The first living row; there must be one."""
    found = cloud.db.read().find(kind, *where)
    assert found is not None, kind.kind
    return found


def job(cloud: Cloud, command: str, **params: Any) -> TaskRow:
    """Start a job and answer its task."""
    answer = call(cloud, root(cloud), command, **params)
    found: TaskRow = row(cloud, TaskRow, TaskRow.c.uuid == answer["jobid"])
    return found


def offering(cloud: Cloud, name: str = NAT) -> NetworkOffering:
    """A network offering of the installation."""
    found: NetworkOffering = row(cloud, NetworkOffering, NetworkOffering.c.name == name)
    return found


def network(cloud: Cloud, name: str = "first", offered: str = NAT, **more: Any) -> Network:
    """A network that nothing was made for yet; a zone with it where there is none."""
    if cloud.db.read().find(Zone) is None:
        simulated_zone(cloud, hosts=2)
    zone = row(cloud, Zone)
    about = {"name": name, "zoneid": zone.uuid, "networkofferingid": offering(cloud, offered).uuid}
    made = call(cloud, root(cloud), "createNetwork", **about, **more)["network"]
    found: Network = row(cloud, Network, Network.c.uuid == made["id"])
    return found


def apply(cloud: Cloud, network_id: int) -> TaskRow:
    """Implement a network, or bring it to its generation; answers the task, ended."""
    task = cloud.db.write(lambda tx: start(tx, ApplyNetwork(network=network_id), tx.get(Network, network_id)))
    return finished(cloud, task.uuid)


def on_network(cloud: Cloud, **more: Any) -> Network:
    """An implemented network without machines."""
    made = network(cloud, **more)
    task = apply(cloud, made.id)
    assert task.state == "done", task.error
    return cloud.db.read().get(Network, made.id)


def machine(cloud: Cloud, name: str = "web", on: Network | None = None, **more: Any) -> Vm:
    """A running machine on a network of its own, or on the one given."""
    made = on or network(cloud)
    caller = root(cloud)
    zone = call(cloud, caller, "listZones")["zone"][0]["id"]
    template = call(cloud, caller, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    service = call(cloud, caller, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    about = {"zoneid": zone, "templateid": template, "serviceofferingid": service, "networkids": made.uuid, "name": name}
    done(cloud, caller, "deployVirtualMachine", **about, **more)
    found: Vm = row(cloud, Vm, Vm.c.name == name)
    return found


def document(cloud: Cloud, network_id: int) -> dict[str, Any]:
    """The document that the network's appliance runs."""
    from cloudwright.network.model import Router

    router = row(cloud, Router, Router.c.network_id == network_id)
    value = next(value for _, name, value in cloud.world.all("appliance") if name == router.appliance_name)
    found: dict[str, Any] = value["document"]  # type: ignore[assignment]
    return found
